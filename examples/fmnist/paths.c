/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A path is tried in the way in which it will be used: permissions, read-only disks and names that are too long all
 *  show, also for root. */
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The library writes PATH.tmp and renames it. One that a killed run left is proof enough. */
static bool try_temporary(const char *path)
{
    size_t size = strlen(path) + sizeof ".tmp";
    char *temporary = malloc(size);
    if (!temporary)
        return false;
    snprintf(temporary, size, "%s.tmp", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool works = fd >= 0 || errno == EEXIST;
    if (fd >= 0) {
        close(fd);
        unlink(temporary);
    }
    free(temporary);
    return works;
}

bool path_takes_checkpoint(const char *path, const char **reason)
{
    struct stat found;
    size_t length = strlen(path);
    bool there = lstat(path, &found) == 0;
    *reason = "it is there and is no regular file";
    if (there && !S_ISREG(found.st_mode) && !S_ISLNK(found.st_mode))
        return false;
    *reason = "it names a directory";
    if (length == 0 || path[length - 1] == '/')
        return false;
    bool works = (there || errno == ENOENT) && try_temporary(path);
    *reason = works ? "" : strerror(errno);
    return works;
}

bool path_has_content(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode) && found.st_size > 0;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* The directory of a path, with its slash; false if that is too long to exist. */
static bool directory_of(const char *path, const char **name, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    int length = snprintf(out, PATH_MAX, "%.*s", slash ? (int)(*name - path) : 2, slash ? path : "./");
    return length < PATH_MAX;
}

bool paths_are_one(const char *a, const char *b)
{
    char there[PATH_MAX], here[PATH_MAX];
    const char *first, *second;
    if (!a || !b)
        return false;
    if (strcmp(a, b) == 0 || same_file(a, b))
        return true;
    return directory_of(a, &first, there) && directory_of(b, &second, here) && strcmp(first, second) == 0 &&
           same_file(there, here);
}
