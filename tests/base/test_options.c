/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Option structs of callers that are older or newer than the library, or were never given a size. */
#include "base/options.h"
#include "suite.h"

typedef struct options_now {
    size_t struct_size;
    int64_t a;
    float b;
    bool c;
} options_now;

START_TEST(test_older_layout)
{
    struct {
        size_t struct_size;
        int64_t a;
    } older = {sizeof older, 5};
    options_now known;
    memset(&known, 0xff, sizeof known);
    ck_ok(tn_options_read(&known, sizeof known, &older, "options_now"));
    ck_assert_int_eq(known.a, 5);
    ck_assert(known.b == 0.0f);
    ck_assert(!known.c);
    ck_assert_uint_eq(known.struct_size, sizeof known);
}
END_TEST

START_TEST(test_newer_layout)
{
    struct {
        options_now old;
        int64_t d;
    } newer = {{sizeof newer, 6, 1.5f, true}, 0};
    options_now known;
    ck_ok(tn_options_read(&known, sizeof known, &newer, "options_now"));
    ck_assert_int_eq(known.a, 6);
    newer.d = 1;
    known.a = 77;
    ck_fails(tn_options_read(&known, sizeof known, &newer, "options_now"), TN_ERR_UNSUPPORTED, "options_now");
    ck_assert_int_eq(known.a, 77);
}
END_TEST

START_TEST(test_options_without_size)
{
    options_now unset = {.a = 3}, known;
    ck_fails(tn_options_read(&known, sizeof known, &unset, "options_now"), TN_ERR_INVALID, "sizeof(options_now)");
    ck_ok(tn_options_read(&known, sizeof known, NULL, "options_now"));
    ck_assert_int_eq(known.a, 0);
}
END_TEST

/* A size that was never set holds anything: it is not believed. */
START_TEST(test_options_of_wild_size)
{
    options_now wild = {.struct_size = SIZE_MAX, .a = 3}, known = {.a = 77};
    ck_fails(tn_options_read(&known, sizeof known, &wild, "options_now"), TN_ERR_INVALID, "struct_size");
    wild.struct_size = 3;
    ck_fails(tn_options_read(&known, sizeof known, &wild, "options_now"), TN_ERR_INVALID, "struct_size is 3");
    ck_assert_int_eq(known.a, 77);
}
END_TEST

/* The same through a public function: tn_gemm_options as it was before `beta` and what follows it. */
START_TEST(test_older_program)
{
    struct {
        size_t struct_size;
        float alpha;
    } older = {sizeof older.struct_size + sizeof older.alpha, 3.0f};
    const void *options = &older;
    float data[2] = {2.0f, 5.0f}, result = -1.0f;
    tn_tensor *a = NULL, *b = NULL, *y = NULL;
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, (int64_t[]){1, 1}, &data[0], &a));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, (int64_t[]){1, 1}, &data[1], &b));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, (int64_t[]){1, 1}, &result, &y));
    ck_ok(tn_gemm(options, a, b, NULL, y));
    ck_assert(result == 30.0f);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&y);
}
END_TEST

TN_SUITE("options", {test_older_layout}, {test_newer_layout}, {test_options_without_size}, {test_options_of_wild_size},
         {test_older_program})
