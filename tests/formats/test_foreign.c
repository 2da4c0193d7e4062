/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Memory for other libraries: blocks that know their size, a limit, all of them given back at once. */
#include "files.h"
#include "formats/foreign.h"
#include "formats/system_text.h"

#include <errno.h>

START_TEST(test_blocks)
{
    accounts a;
    const tn_allocator allocator = accounts_allocator(&a);
    tn_foreign memory;
    tn_foreign_init(&memory, &allocator, SIZE_MAX);
    char *first = tn_foreign_malloc(&memory, 10), *middle = tn_foreign_malloc(&memory, 0),
         *last = tn_foreign_realloc(&memory, NULL, 3);
    ck_assert(first && middle && last);
    memcpy(first, "123456789", 10);
    first = tn_foreign_realloc(&memory, first, 1000);
    ck_assert_str_eq(first, "123456789");
    first = tn_foreign_realloc(&memory, first, 4);
    ck_assert_mem_eq(first, "1234", 4);
    tn_foreign_free(&memory, NULL);
    tn_foreign_free(&memory, middle); /* between two others */
    size_t two = a.bytes;
    ck_assert_ptr_nonnull(tn_foreign_malloc(&memory, 5));
    tn_foreign_free(&memory, last);
    ck_assert_uint_lt(two, a.bytes + 5);
    tn_foreign_clear(&memory);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_uint_eq(memory.used, 0);
    tn_foreign_clear(&memory);
}
END_TEST

START_TEST(test_refusals)
{
    accounts a;
    const tn_allocator allocator = accounts_allocator(&a);
    tn_foreign memory;
    tn_foreign_init(&memory, &allocator, 1000);
    char *block = tn_foreign_malloc(&memory, 500);
    ck_assert_ptr_nonnull(block);
    memset(block, 7, 500);
    ck_assert_ptr_null(tn_foreign_malloc(&memory, 500));
    ck_assert(memory.over_limit);
    ck_assert_ptr_null(tn_foreign_malloc(&memory, SIZE_MAX)); /* wraps with its header */
    ck_assert(memory.over_limit);
    ck_assert_ptr_null(tn_foreign_realloc(&memory, block, 600)); /* both at once are too much; the old one stays */
    ck_assert_int_eq(block[499], 7);
    a.fail_at = a.calls + 1;
    ck_assert_ptr_null(tn_foreign_malloc(&memory, 8));
    ck_assert(!memory.over_limit); /* but the allocator's refusal */
    tn_foreign_clear(&memory);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_ptr_nonnull(tn_foreign_malloc(&memory, 900));
    tn_foreign_clear(&memory);
}
END_TEST

/* The system has no words for some numbers. */
START_TEST(test_words)
{
    ck_assert_str_eq(tn_describe_errno(ENOENT).text, "No such file or directory");
    ck_assert_str_eq(tn_describe_errno(99999).text, "error 99999");
}
END_TEST

TN_SUITE("foreign", {test_blocks}, {test_refusals}, {test_words})
