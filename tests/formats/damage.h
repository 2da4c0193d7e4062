/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Damage in every place: each truncation, each flipped bit, each failing allocation of a loader. */
#ifndef TESTS_FORMATS_DAMAGE_H
#define TESTS_FORMATS_DAMAGE_H

#include "files.h"

/** Load `path` with the allocator, compare nothing, free all. What a damaged file that is not refused says, is compared
 *  with what others read in it by flips_by_others.py. */
typedef tn_status damage_loader(const tn_allocator *allocator, const char *path);

static inline bool is_refusal(tn_status status)
{
    return status == TN_ERR_FORMAT || status == TN_ERR_VERSION || status == TN_ERR_UNSUPPORTED ||
           status == TN_ERR_OVERFLOW || status == TN_ERR_SHAPE || status == TN_ERR_NO_MEMORY;
}

/** The promise on memory: at most twice the file and 64 KiB, whatever the file says. */
static inline void damage_expect_memory(const accounts *a, const char *path)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_msg(a->peak <= 2 * (size_t)status.st_size + 65536, "%s: %zu bytes for a file of %lld", path, a->peak,
                  (long long)status.st_size);
}

/** One try: a refusal names the file and leaves nothing; success only if `may_pass`. */
static inline void damage_try(damage_loader *load, const char *path, bool may_pass, const char *what, size_t where)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_status status = load(&allocator, path);
    ck_assert_uint_eq(a.bytes, 0);
    damage_expect_memory(&a, path);
    ck_assert_msg(status == TN_OK ? may_pass : is_refusal(status), "%s %zu gave %s", what, where,
                  tn_status_name(status));
    if (status != TN_OK && status != TN_ERR_NO_MEMORY)
        ck_assert_msg(strncmp(tn_last_error(), path, strlen(path)) == 0, "%s %zu: \"%s\"", what, where,
                      tn_last_error());
}

/** Every shorter file must be refused. */
static inline void damage_truncate(damage_loader *load, const void *data, size_t size)
{
    const char *path = write_bytes("damaged", data, size);
    for (size_t length = size; length-- > 0;) {
        ck_assert_int_eq(truncate(path, (off_t)length), 0);
        damage_try(load, path, false, "length", length);
    }
}

/** Every flipped bit is refused, or, with `may_pass`, gives something. */
static inline void damage_flip(damage_loader *load, const void *data, size_t size, bool may_pass)
{
    const char *path = write_bytes("damaged", data, size);
    int fd = open(path, O_RDWR);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        unsigned char old = ((const unsigned char *)data)[bit / 8], flipped = (unsigned char)(old ^ 1u << bit % 8);
        ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
        damage_try(load, path, may_pass, "bit", bit);
        ck_assert_int_eq(pwrite(fd, &old, 1, (off_t)(bit / 8)), 1);
    }
    close(fd);
}

/** Whichever allocation fails, the status says so and nothing leaks; without failures the load succeeds. Returns the
 *  number of allocations. */
static inline size_t damage_memory(damage_loader *load, const char *path)
{
    for (size_t n = 1;; n++) {
        accounts a;
        tn_allocator allocator = accounts_allocator(&a);
        a.fail_at = n;
        tn_status status = load(&allocator, path);
        ck_assert_uint_eq(a.bytes, 0);
        if (status == TN_OK) {
            ck_assert_uint_lt(a.calls, n);
            return n - 1;
        }
        ck_assert_msg(status == TN_ERR_NO_MEMORY, "allocation %zu: %s %s", n, tn_status_name(status), tn_last_error());
    }
}

#endif
