/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Saving: the old file or the new one, never anything else. */
#include "files.h"
#include "formats/atomic_file.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>

/* The linker leads the library's calls here (--wrap), as what they do here no file system does when it is asked. */
static enum { AS_USUAL, SOMEBODY_ELSE_CREATES, WRITES_NOTHING } system_does;

int __real_openat64(int directory, const char *path, int flags, ...);
int __wrap_openat64(int directory, const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

int __wrap_openat64(int directory, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    unsigned mode = va_arg(more, unsigned);
    va_end(more);
    if (system_does == SOMEBODY_ELSE_CREATES) /* just before us */
        close(__real_openat64(directory, path, O_WRONLY | O_CREAT | O_EXCL, mode));
    return __real_openat64(directory, path, flags, mode);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return system_does == WRITES_NOTHING ? 0 : __real_write(fd, data, size);
}

static tn_status save_text(const char *path, const char *text)
{
    tn_atomic_file file;
    tn_status status = tn_atomic_open(&file, NULL, path);
    if (status != TN_OK)
        return status;
    status = tn_atomic_write(&file, text, strlen(text));
    if (status == TN_OK)
        return tn_atomic_commit(&file);
    tn_atomic_abort(&file);
    return status;
}

static void expect_text(const char *path, const char *text)
{
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(bytes, text, size);
    free(bytes);
}

START_TEST(test_replace)
{
    struct stat status;
    mode_t old = umask(027);
    ck_ok(save_text(scratch("a"), "first"));
    umask(old);
    ck_assert_int_eq(stat(scratch("a"), &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0640);
    ck_ok(save_text(scratch("a"), "second"));
    expect_text(scratch("a"), "second");
    ck_assert(!exists(scratch("a.tmp")));
    char here[512];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(scratch_path), 0);
    ck_ok(save_text("relative", "here"));
    expect_text("relative", "here");
    ck_assert_int_eq(chdir(here), 0);
}
END_TEST

START_TEST(test_abort)
{
    tn_atomic_file file;
    ck_ok(save_text(scratch("b"), "kept"));
    ck_ok(tn_atomic_open(&file, NULL, scratch("b")));
    ck_ok(tn_atomic_write(&file, "half", 4));
    ck_assert(exists(scratch("b.tmp")));
    int open_file = file.fd, open_directory = file.directory;
    tn_atomic_abort(&file);
    tn_atomic_abort(&file);
    ck_assert(fcntl(open_file, F_GETFD) < 0 && fcntl(open_directory, F_GETFD) < 0);
    ck_assert(!exists(scratch("b.tmp")));
    expect_text(scratch("b"), "kept");
}
END_TEST

START_TEST(test_symlinks)
{
    write_bytes("real", "real", 4);
    ck_assert_int_eq(symlink("real", scratch("link")), 0);
    ck_ok(save_text(scratch("link"), "new"));
    expect_text(scratch("real"), "real");
    struct stat status;
    ck_assert_int_eq(lstat(scratch("link"), &status), 0);
    ck_assert(S_ISREG(status.st_mode));
    expect_text(scratch("link"), "new");
    ck_assert_int_eq(symlink("real", scratch("link.tmp")), 0); /* must not be written through */
    ck_ok(save_text(scratch("link"), "newer"));
    expect_text(scratch("real"), "real");
    expect_text(scratch("link"), "newer");
    ck_assert(!exists(scratch("link.tmp")));
}
END_TEST

START_TEST(test_leftover)
{
    write_bytes("c.tmp", "left by a killed run, longer than what comes", 40);
    ck_ok(save_text(scratch("c"), "new"));
    expect_text(scratch("c"), "new");
    ck_assert(!exists(scratch("c.tmp")));
    ck_assert_int_eq(mkdir(scratch("d.tmp"), 0700), 0);
    ck_fails(save_text(scratch("d"), "new"), TN_ERR_IO, "(.tmp) is a directory");
    ck_assert(exists(scratch("d.tmp")));
    ck_assert(!exists(scratch("d")));
}
END_TEST

START_TEST(test_refused_targets)
{
    ck_assert_int_eq(mkdir(scratch("dir"), 0700), 0);
    ck_fails(save_text(scratch("dir"), "x"), TN_ERR_IO, "directory");
    ck_fails(save_text(scratch("dir/"), "x"), TN_ERR_IO, "names no file");
    ck_fails(save_text("", "x"), TN_ERR_IO, "names no file");
    ck_fails(save_text(scratch("dir/."), "x"), TN_ERR_IO, "directory");
    ck_fails(save_text("/dev/full", "x"), TN_ERR_IO, "/dev/full: it is a special file");
    ck_fails(save_text(scratch("missing/x"), "x"), TN_ERR_IO, "No such file or directory");
    write_bytes("plain", "p", 1);
    ck_fails(save_text(scratch("plain/x"), "x"), TN_ERR_IO, "Not a directory");
    ck_fails(save_text("/proc/tinynet", "x"), TN_ERR_IO, "/proc/tinynet: cannot create the temporary");
    char name[300];
    memset(name, 'n', sizeof name);
    memcpy(name, "/tmp/", 5);
    name[sizeof name - 1] = '\0';
    ck_fails(save_text(name, "x"), TN_ERR_IO, "name too long");
    ck_assert(!exists("/dev/full.tmp"));
    ck_assert(!exists(scratch("dir.tmp")));
}
END_TEST

/* A full disk, as far as a test can have one: the file size limit makes write come back short, then fail. */
START_TEST(test_write_fails)
{
    struct rlimit old, tight;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    write_bytes("full", "kept", 4);
    const char *path = scratch("full");
    char *block = calloc(1, 100000);
    tn_atomic_file file;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 65536;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    tn_status opened = tn_atomic_open(&file, NULL, path);
    tn_status written = opened == TN_OK ? tn_atomic_write(&file, block, 100000) : opened;
    char detail[256];
    snprintf(detail, sizeof detail, "%s", tn_last_error());
    tn_atomic_abort(&file);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    free(block);
    ck_assert_int_eq(opened, TN_OK);
    ck_assert_int_eq(written, TN_ERR_IO);
    ck_assert_msg(strstr(detail, "full: cannot write: File too large") != NULL, "%s", detail);
    expect_text(path, "kept");
    ck_assert(!exists(scratch("full.tmp")));
}
END_TEST

/* Two programs save at once: the second one's temporary is not ours to write to or to remove. */
START_TEST(test_somebody_else)
{
    write_bytes("both", "kept", 4);
    system_does = SOMEBODY_ELSE_CREATES;
    tn_status status = save_text(scratch("both"), "new");
    system_does = AS_USUAL;
    ck_assert_int_eq(status, TN_ERR_IO);
    ck_assert_msg(strstr(tn_last_error(), strerror(EEXIST)) != NULL, "%s", tn_last_error());
    ck_assert(exists(scratch("both.tmp")));
    expect_text(scratch("both"), "kept");
}
END_TEST

/* A write that takes nothing for ever is a full disk, not an endless loop. */
START_TEST(test_nothing_written)
{
    write_bytes("none", "kept", 4);
    system_does = WRITES_NOTHING;
    tn_status status = save_text(scratch("none"), "new");
    system_does = AS_USUAL;
    ck_assert_int_eq(status, TN_ERR_IO);
    ck_assert_msg(strstr(tn_last_error(), strerror(ENOSPC)) != NULL, "%s", tn_last_error());
    ck_assert(!exists(scratch("none.tmp")));
    expect_text(scratch("none"), "kept");
}
END_TEST

START_TEST(test_commit_fails)
{
    tn_atomic_file file;
    const char *path = scratch("late");
    ck_ok(tn_atomic_open(&file, NULL, path));
    ck_ok(tn_atomic_write(&file, "x", 1));
    ck_assert_int_eq(mkdir(path, 0700), 0); /* comes into being while we write */
    ck_fails(tn_atomic_commit(&file), TN_ERR_IO, "a directory");
    ck_assert(!exists(scratch("late.tmp")));
}
END_TEST

START_TEST(test_no_memory)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    for (size_t n = 1;; n++) {
        tn_atomic_file file;
        a = (accounts){.fail_at = n};
        tn_status status = tn_atomic_open(&file, &allocator, scratch("memory"));
        if (status == TN_OK) {
            tn_atomic_abort(&file);
            ck_assert_uint_eq(a.bytes, 0);
            ck_assert_uint_gt(n, 2);
            break;
        }
        ck_assert_int_eq(status, TN_ERR_NO_MEMORY);
        ck_assert_uint_eq(a.bytes, 0);
        ck_assert(!exists(scratch("memory.tmp")));
    }
}
END_TEST

TN_SUITE("atomic_file", {test_replace}, {test_abort}, {test_symlinks}, {test_leftover}, {test_refused_targets},
         {test_write_fails}, {test_somebody_else}, {test_nothing_written}, {test_commit_fails}, {test_no_memory})
