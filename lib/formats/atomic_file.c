/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Write beside, sync, rename, sync the directory. Every name is looked up in the directory that was opened first, so
 *  that renaming that directory meanwhile does no harm. */
#include "formats/atomic_file.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/system_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_MOST ((size_t)1 << 30) /* one call's share: some systems refuse more than 2^31 - 1 */
#define SUFFIX ".tmp"

static tn_status fail_errno(const tn_atomic_file *file, const char *what)
{
    return TN_FAIL(TN_ERR_IO, "%s: %s: %s", file->path, what, tn_describe_errno(errno).text);
}

/* Open the directory of `path`, "." if it names none. */
static tn_status open_directory(tn_atomic_file *file)
{
    size_t length = (size_t)(file->name - file->path);
    char *directory;
    TN_TRY(tn_alloc(&file->allocator, length + 2, "a directory's name", &directory));
    memcpy(directory, length > 0 ? file->path : ".", length > 0 ? length : 1);
    do {
        file->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (file->directory < 0 && errno == EINTR);
    tn_status status = file->directory < 0 ? fail_errno(file, "cannot open its directory") : TN_OK;
    tn_release(&file->allocator, directory, length + 2);
    return status;
}

/* Only regular files and symbolic links may be removed or replaced; *exists tells whether there is one. */
static tn_status check_replaceable(const tn_atomic_file *file, const char *name, const char *which, bool *exists)
{
    struct stat status;
    *exists = false;
    if (fstatat(file->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? TN_OK : fail_errno(file, "cannot examine");
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
        return TN_FAIL(TN_ERR_IO, "%s: %s is %s, not a regular file: left alone", file->path, which,
                       S_ISDIR(status.st_mode) ? "a directory" : "a special file");
    *exists = true;
    return TN_OK;
}

/* A network file system may have made the file whose creation it reports as failed. One that was there already is
 * somebody else's. */
static tn_status fail_create(const tn_atomic_file *file)
{
    int error = errno;
    if (error != EEXIST)
        unlinkat(file->directory, file->temporary, 0);
    errno = error;
    return fail_errno(file, "cannot create the temporary beside it (.tmp)");
}

static tn_status create_temporary(tn_atomic_file *file)
{
    size_t length = strlen(file->name);
    bool exists = false;
    file->temporary_size = length + sizeof SUFFIX;
    TN_TRY(tn_alloc(&file->allocator, file->temporary_size, "a file's name", &file->temporary));
    memcpy(file->temporary, file->name, length);
    memcpy(file->temporary + length, SUFFIX, sizeof SUFFIX);
    TN_TRY(check_replaceable(file, file->temporary, "its temporary (.tmp)", &exists));
    if (exists && unlinkat(file->directory, file->temporary, 0) != 0)
        return fail_errno(file, "cannot remove the left-over temporary (.tmp)");
    do {
        file->fd = openat(file->directory, file->temporary,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0666);
    } while (file->fd < 0 && errno == EINTR);
    return file->fd < 0 ? fail_create(file) : TN_OK;
}

static void free_all(tn_atomic_file *file)
{
    if (file->directory >= 0)
        close(file->directory);
    tn_release(&file->allocator, file->temporary, file->temporary_size);
    file->directory = -1;
    file->temporary = NULL;
}

tn_status tn_atomic_open(tn_atomic_file *file, const tn_allocator *allocator, const char *path)
{
    const char *slash = strrchr(path, '/');
    bool exists = false;
    *file = (tn_atomic_file){.path = path, .name = slash ? slash + 1 : path, .directory = -1, .fd = -1};
    file->allocator = tn_allocator_or_default(allocator);
    if (*file->name == '\0')
        return TN_FAIL(TN_ERR_IO, "\"%s\": names no file", path);
    tn_status status = open_directory(file);
    if (status == TN_OK)
        status = check_replaceable(file, file->name, "it", &exists);
    if (status == TN_OK)
        status = create_temporary(file);
    if (status != TN_OK)
        free_all(file);
    return status;
}

tn_status tn_atomic_write(tn_atomic_file *file, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    while (size > 0) {
        ssize_t count = write(file->fd, bytes, size < WRITE_MOST ? size : WRITE_MOST);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            errno = count == 0 ? ENOSPC : errno;
            return fail_errno(file, "cannot write");
        }
        bytes += count;
        size -= (size_t)count;
    }
    return TN_OK;
}

static int sync_file(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* The steps up to the rename; the descriptor is closed in any case. Close reports what a network file system put off;
 * after EINTR the descriptor is gone and the data has been synced. */
static tn_status put_in_place(tn_atomic_file *file)
{
    bool exists = false;
    if (sync_file(file->fd) != 0)
        return fail_errno(file, "cannot sync");
    int result = close(file->fd);
    file->fd = -1;
    if (result != 0 && errno != EINTR)
        return fail_errno(file, "cannot close");
    TN_TRY(check_replaceable(file, file->name, "it", &exists));
    if (renameat(file->directory, file->temporary, file->directory, file->name) != 0)
        return fail_errno(file, "cannot rename the temporary (.tmp) to it");
    return TN_OK;
}

tn_status tn_atomic_commit(tn_atomic_file *file)
{
    tn_status status = put_in_place(file);
    if (status != TN_OK) {
        tn_atomic_abort(file);
        return status;
    }
    /* EINVAL: a file system whose directories cannot be synced. */
    if (sync_file(file->directory) != 0 && errno != EINVAL)
        status = fail_errno(file, "is in place, but its directory cannot be synced");
    free_all(file);
    return status;
}

void tn_atomic_abort(tn_atomic_file *file)
{
    if (file->temporary == NULL)
        return;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    unlinkat(file->directory, file->temporary, 0);
    free_all(file);
}
