/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Disks that are full, too small or read-only: the old file stays and loads, no temporary does, and the detail has the
 *  system's words. Root may write everywhere, so permissions would prove nothing: file systems are mounted, in a
 *  namespace that ends with the program. */
#define _GNU_SOURCE
#include "saves.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static char disk[256];

static void mount_disk(const char *options)
{
    snprintf(disk, sizeof disk, "%s", scratch("a disk"));
    ck_assert(mkdir(disk, 0700) == 0 || errno == EEXIST);
    ck_assert_msg(mount("tinynet", disk, "tmpfs", 0, options) == 0, "%s: %s", disk, strerror(errno));
}

static void unmount_disk(void)
{
    ck_assert_int_eq(umount(disk), 0);
}

/* Point at a file on the disk. */
static void place(saves *s, int number)
{
    snprintf(s->path, sizeof s->path, "%.200s/%d.ckpt", disk, number);
    snprintf(s->temporary, sizeof s->temporary, "%s.tmp", s->path);
}

static void write_whole(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* A save that must fail leaves the old file, which loads, and nothing else. */
static void expect_refused(saves *s, const char *words)
{
    ck_fails(s->kind.save(s->path, &s->writer), TN_ERR_IO, words);
    ck_assert_msg(strncmp(tn_last_error(), s->path, strlen(s->path)) == 0, "%s", tn_last_error());
    ck_assert_int_eq(saves_look(s), FOUND_OLD);
    ck_assert(!exists(s->temporary));
    ck_ok(s->kind.load(s->path, &s->reader));
}

static void expect_accepted(saves *s)
{
    ck_ok(s->kind.save(s->path, &s->writer));
    ck_assert_int_eq(saves_look(s), FOUND_NEW);
    ck_assert(!exists(s->temporary));
}

/* Save under new names until the disk is full, then over the first. Returns how many there are. */
static int fill(saves *s)
{
    int count = 0;
    for (;; count++) {
        place(s, count);
        if (s->kind.save(s->path, &s->reader) != TN_OK)
            break;
        ck_assert_int_eq(saves_look(s), FOUND_OLD);
        ck_assert_int_lt(count, 64);
    }
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "No space left on device"));
    ck_assert(!exists(s->path) && !exists(s->temporary));
    return count;
}

/* A disk of 64 KiB, and one with room but without inodes. */
START_TEST(test_full)
{
    static const char *const options[] = {"size=64k", "size=1m,nr_inodes=4"};
    saves s = saves_create(save_kinds[0]);
    mount_disk(options[_i]);
    int count = fill(&s);
    ck_assert_int_gt(count, 1);
    for (int i = 0; i < count; i++) {
        place(&s, i);
        expect_refused(&s, "No space left on device");
    }
    ck_assert_int_eq(remove(s.path), 0);
    place(&s, 0);
    expect_accepted(&s); /* with room again */
    unmount_disk();
    saves_destroy(&s);
}
END_TEST

/* What a killed run left fills the disk: it is removed first, and makes the room. */
START_TEST(test_full_of_leftovers)
{
    static const char junk[16384];
    saves s = saves_create(save_kinds[0]);
    mount_disk("size=64k");
    place(&s, 0);
    write_whole(s.path, s.old_bytes, s.old_size);
    FILE *file = fopen(s.temporary, "wb");
    ck_assert_ptr_nonnull(file);
    setvbuf(file, NULL, _IONBF, 0);
    while (fwrite(junk, 1, sizeof junk, file) == sizeof junk)
        continue;
    fclose(file);
    expect_accepted(&s);
    unmount_disk();
    saves_destroy(&s);
}
END_TEST

START_TEST(test_read_only)
{
    saves s = saves_create(save_kinds[_i]);
    mount_disk("size=1m");
    place(&s, 0);
    write_whole(s.path, s.old_bytes, s.old_size);
    ck_assert_int_eq(mount(disk, disk, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount(NULL, disk, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    expect_refused(&s, "Read-only file system");
    unmount_disk();
    expect_accepted(&s);
    unmount_disk();
    saves_destroy(&s);
}
END_TEST

static void limit_file_size(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Every limit on the size of files, up to the size that is needed. */
START_TEST(test_file_size_limit)
{
    struct rlimit before;
    saves s = saves_create(save_kinds[_i]);
    saves_put_old(&s, false);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (size_t size = 0; size < s.new_size; size += size < 16 ? 1 : 97) {
        limit_file_size(size);
        tn_status status = s.kind.save(s.path, &s.writer);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0); /* Check writes, too */
        ck_assert_int_eq(status, TN_ERR_IO);
        ck_assert_ptr_nonnull(strstr(tn_last_error(), "File too large"));
        ck_assert_int_eq(saves_look(&s), FOUND_OLD);
        ck_assert(!exists(s.temporary));
        ck_ok(s.kind.load(s.path, &s.reader));
    }
    limit_file_size(s.new_size);
    tn_status status = s.kind.save(s.path, &s.writer);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(status, TN_OK);
    ck_assert_int_eq(saves_look(&s), FOUND_NEW);
    signal(SIGXFSZ, handler);
    saves_destroy(&s);
}
END_TEST

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

/* Who is not root becomes the root of a namespace of users. */
static bool become_root(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %ld 1", (long)getuid());
    snprintf(groups, sizeof groups, "0 %ld 1", (long)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
}

static bool may_mount(void)
{
    return (unshare(CLONE_NEWNS) == 0 || become_root()) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

int main(void)
{
    const suite_test tests[] = {TN_LOOPED(test_full, 2),
                                {test_full_of_leftovers},
                                TN_LOOPED(test_read_only, SAVE_KINDS),
                                TN_LOOPED(test_file_size_limit, SAVE_KINDS)};
    if (!may_mount()) {
        printf("skipped: no mount namespace: %s\n", strerror(errno));
        return 77;
    }
    return suite_main("disks", tests, sizeof tests / sizeof tests[0]);
}
