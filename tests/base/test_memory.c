/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Memory through an allocator: alignment, zeros, sizes given back, refusals, and allocators that are wrong. */
#include "base/memory.h"
#include "suite.h"

static void *refuse(void *context, size_t size, size_t alignment)
{
    (void)context;
    (void)size;
    (void)alignment;
    return NULL;
}

static void ignore(void *context, void *pointer, size_t size)
{
    (void)context;
    (void)pointer;
    (void)size;
}

START_TEST(test_memory)
{
    unsigned char *bytes = NULL;
    ck_ok(tn_alloc(NULL, 1000, "a test", &bytes));
    ck_assert_uint_eq((uintptr_t)bytes % TN_ALIGNMENT, 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bytes[i], 0);
    tn_release(NULL, bytes, 1000);
    ck_ok(tn_alloc(NULL, 0, "nothing", &bytes));
    ck_assert_ptr_null(bytes);
    tn_release(NULL, NULL, 0);
}
END_TEST

START_TEST(test_memory_refused)
{
    const tn_allocator none = {refuse, ignore, NULL}, half = {refuse, NULL, NULL}, other_half = {NULL, ignore, NULL};
    char own = 'o', *pointer = &own;
    ck_fails(tn_alloc(&none, 10, "a test", &pointer), TN_ERR_NO_MEMORY, "a test: 10 bytes");
    ck_assert_ptr_eq(pointer, &own);
    ck_fails(tn_alloc(NULL, SIZE_MAX, "too much", &pointer), TN_ERR_NO_MEMORY, "too much");
    ck_fails(tn_allocator_check(&half), TN_ERR_INVALID, "release is NULL");
    ck_fails(tn_allocator_check(&other_half), TN_ERR_INVALID, "alloc is NULL");
    ck_ok(tn_allocator_check(&none));
    ck_ok(tn_allocator_check(NULL));
}
END_TEST

/** What is out, in calls and bytes. */
typedef struct balance {
    int out;
    size_t bytes, offset;
} balance;

static void *lend(void *context, size_t size, size_t alignment)
{
    balance *b = context;
    void *pointer = NULL;
    ck_assert_uint_gt(size, 0);
    if (posix_memalign(&pointer, alignment, size + b->offset) != 0)
        return NULL;
    b->out++;
    b->bytes += size;
    return (char *)pointer + b->offset;
}

static void take_back(void *context, void *pointer, size_t size)
{
    balance *b = context;
    b->out--;
    b->bytes -= size;
    free((char *)pointer - b->offset);
}

START_TEST(test_sizes_are_given_back)
{
    balance b = {0};
    const tn_allocator allocator = {lend, take_back, &b};
    char *text = NULL;
    float *numbers = NULL;
    ck_ok(tn_strdup(&allocator, "conv2d_1", &text));
    ck_ok(tn_alloc_raw(&allocator, 400, "numbers", &numbers));
    ck_assert_str_eq(text, "conv2d_1");
    ck_assert_int_eq(b.out, 2);
    ck_assert_uint_eq(b.bytes, 409);
    tn_release(&allocator, text, strlen(text) + 1);
    tn_release(&allocator, numbers, 400);
    ck_assert_int_eq(b.out, 0);
    ck_assert_uint_eq(b.bytes, 0);
}
END_TEST

START_TEST(test_unaligned_allocator)
{
    balance b = {.offset = 8};
    const tn_allocator allocator = {lend, take_back, &b};
    char own = 'o', *pointer = &own;
    ck_fails(tn_alloc(&allocator, 100, "a test", &pointer), TN_ERR_INVALID, "multiple of 64");
    ck_assert_ptr_eq(pointer, &own);
    ck_assert_int_eq(b.out, 0);
}
END_TEST

/* The C library's allocator keeps what it is asked for, however large or small. */
START_TEST(test_alignments)
{
    const tn_allocator plain = tn_allocator_or_default(NULL);
    for (int shift = 0; shift <= 23; shift++) {
        const size_t alignment = (size_t)1 << shift, size = (size_t)9 << 20;
        void *pointer = plain.alloc(plain.context, size, alignment);
        ck_assert_ptr_nonnull(pointer);
        ck_assert_uint_eq((uintptr_t)pointer % alignment, 0);
        plain.release(plain.context, pointer, size);
    }
}
END_TEST

/* Large enough for huge pages. */
START_TEST(test_large)
{
    const size_t size = ((size_t)24 << 20) + 100;
    unsigned char *bytes = NULL;
    ck_ok(tn_alloc(NULL, size, "a large test", &bytes));
    ck_assert_uint_eq((uintptr_t)bytes % TN_ALIGNMENT, 0);
    for (size_t i = 0; i < size; i += 4093)
        ck_assert_int_eq(bytes[i], 0);
    bytes[size - 1] = 1;
    tn_release(NULL, bytes, size);
}
END_TEST

START_TEST(test_checked_arithmetic)
{
    size_t size = 0;
    int64_t number = 0;
    ck_assert(tn_mul_size(SIZE_MAX / 3, 3, &size));
    ck_assert(!tn_mul_size(SIZE_MAX / 3 + 1, 3, &size) && !tn_add_size(SIZE_MAX, 1, &size));
    ck_assert(tn_add_i64(INT64_MAX, -1, &number) && number == INT64_MAX - 1);
    ck_assert(!tn_add_i64(INT64_MAX, 1, &number) && !tn_mul_i64(INT64_MIN, -1, &number));
    ck_assert_uint_eq(tn_align_up(0), 0);
    ck_assert_uint_eq(tn_align_up(1), 64);
    ck_assert_uint_eq(tn_align_up(64), 64);
}
END_TEST

TN_SUITE("memory", {test_memory}, {test_memory_refused}, {test_sizes_are_given_back}, {test_unaligned_allocator},
         {test_alignments}, {test_large}, {test_checked_arithmetic})
