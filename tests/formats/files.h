/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A scratch directory that is removed at exit, whole files in one call, and an allocator that can fail and keeps
 *  accounts. */
#ifndef TESTS_FORMATS_FILES_H
#define TESTS_FORMATS_FILES_H

#include "suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_path[128];

static inline void scratch_remove(void)
{
    DIR *directory = opendir(scratch_path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(dirfd(directory), entry->d_name, 0) != 0)
            (void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
    }
    closedir(directory);
    rmdir(scratch_path);
}

/** The path of a file in the scratch directory; valid for the next seven calls. */
static inline const char *scratch(const char *name)
{
    static char paths[8][256];
    static int next;
    if (scratch_path[0] == '\0') {
        const char *base = getenv("TMPDIR");
        snprintf(scratch_path, sizeof scratch_path, "%s/tinynet_test_XXXXXX",
                 base && strlen(base) < 90 ? base : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(scratch_path));
        atexit(scratch_remove);
    }
    next = (next + 1) % 8;
    snprintf(paths[next], sizeof paths[next], "%s/%s", scratch_path, name);
    return paths[next];
}

/* A file of its own each time: some file systems write at once to the disk what takes the place of older contents. */
static inline const char *write_bytes(const char *name, const void *data, size_t size)
{
    const char *path = scratch(name);
    (void)remove(path);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(size > 0 ? fwrite(data, 1, size, file) : 0, size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/** The contents of a file; to be freed. */
static inline unsigned char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is not there", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size + 1);
    ck_assert_uint_eq(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

static inline bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

/** Fails the allocation number `fail_at` (from 1; 0: none) and knows what is still out. */
typedef struct accounts {
    size_t calls, fail_at, bytes, peak;
} accounts;

static inline void *accounts_alloc(void *context, size_t size, size_t alignment)
{
    accounts *a = context;
    void *pointer = NULL;
    if (++a->calls == a->fail_at || size > (size_t)1 << 34)
        return NULL;
    if (posix_memalign(&pointer, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    memset(pointer, 0xa5, size);
    a->bytes += size;
    a->peak = a->bytes > a->peak ? a->bytes : a->peak;
    return pointer;
}

static inline void accounts_release(void *context, void *pointer, size_t size)
{
    accounts *a = context;
    ck_assert_uint_ge(a->bytes, size);
    a->bytes -= size;
    free(pointer);
}

static inline tn_allocator accounts_allocator(accounts *a)
{
    *a = (accounts){0};
    return (tn_allocator){accounts_alloc, accounts_release, a};
}

#endif
