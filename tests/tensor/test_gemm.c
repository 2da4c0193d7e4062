/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  tn_gemm against the definition in double, over shapes, transposes, alpha, beta and every broadcast of c. Operands
 * are small integers, and alpha and beta powers of two, so that every result is exact. */
#include "loans.h"
#include "suite.h"

#include <math.h>

enum { CASES = 120 };

typedef struct gemm_case {
    int64_t m, n, k, c_rows, c_cols;
    int c_rank; /* -1: no c */
    tn_gemm_options options;
} gemm_case;

static uint64_t random_state;

static int64_t pick(int64_t low, int64_t high)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return low + (int64_t)((random_state >> 33) % (uint64_t)(high - low + 1));
}

static gemm_case draw(int number)
{
    random_state = (uint64_t)number + 1;
    gemm_case g = {.m = pick(1, 70), .n = pick(1, 70), .k = pick(1, 600), .c_rank = (int)pick(-1, 2)};
    g.options = (tn_gemm_options){.struct_size = sizeof g.options,
                                  .alpha = (float)pick(-2, 2),
                                  .beta = (float)pick(-2, 2) * 0.5f,
                                  .transpose_a = pick(0, 1) != 0,
                                  .transpose_b = pick(0, 1) != 0,
                                  .threads = (int)pick(0, 3),
                                  .literal = pick(0, 1) != 0};
    g.c_rows = g.c_rank == 2 && pick(0, 1) ? g.m : 1;
    g.c_cols = g.c_rank >= 1 && pick(0, 1) ? g.n : 1;
    return g;
}

static tn_tensor *matrix(int rank, int64_t rows, int64_t cols)
{
    tn_tensor *t = NULL;
    int64_t dims[2] = {rank == 2 ? rows : cols, cols};
    ck_ok(tn_tensor_create(NULL, TN_F32, rank, dims, &t));
    for (int64_t i = 0; i < tn_tensor_size(t); i++)
        tn_tensor_f32(t)[i] = (float)pick(-3, 3);
    return t;
}

static double expected(const gemm_case *g, const float *a, const float *b, const float *c, const float *y, int64_t i,
                       int64_t j)
{
    double sum = 0.0, alpha = g->options.alpha == 0.0f && !g->options.literal ? 1.0 : (double)g->options.alpha;
    double beta = (double)g->options.beta;
    for (int64_t k = 0; k < g->k; k++)
        sum += (double)a[g->options.transpose_a ? k * g->m + i : i * g->k + k] *
               (double)b[g->options.transpose_b ? j * g->k + k : k * g->n + j];
    if (!c)
        return alpha * sum + (beta == 0.0 ? 0.0 : beta * (double)y[i * g->n + j]);
    if (beta == 0.0 && !g->options.literal)
        beta = 1.0;
    return alpha * sum + beta * (double)c[(g->c_rows > 1 ? i : 0) * g->c_cols + (g->c_cols > 1 ? j : 0)];
}

START_TEST(test_definition)
{
    gemm_case g = draw(_i);
    tn_tensor *a = matrix(2, g.options.transpose_a ? g.k : g.m, g.options.transpose_a ? g.m : g.k);
    tn_tensor *b = matrix(2, g.options.transpose_b ? g.n : g.k, g.options.transpose_b ? g.k : g.n);
    tn_tensor *c = g.c_rank < 0 ? NULL : matrix(g.c_rank, g.c_rows, g.c_cols), *y = matrix(2, g.m, g.n), *old = NULL;
    ck_ok(tn_tensor_clone(NULL, y, &old));
    ck_ok(tn_gemm(&g.options, a, b, c, y));
    for (int64_t i = 0; i < g.m; i++)
        for (int64_t j = 0; j < g.n; j++)
            ck_assert_double_eq((double)tn_tensor_f32(y)[i * g.n + j],
                                expected(&g, tn_tensor_f32(a), tn_tensor_f32(b), c ? tn_tensor_f32(c) : NULL,
                                         tn_tensor_f32(old), i, j));
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&c);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&old);
}
END_TEST

/* Real numbers: within the bound of a sum of k rounded products; the same bits for every number of threads. */
START_TEST(test_real_numbers)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {3, 200, 70}, {129, 33, 1000}, {64, 128, 4100}, {1, 10, 5000}};
    int64_t m = sizes[_i][0], n = sizes[_i][1], k = sizes[_i][2];
    random_state = 5;
    tn_tensor *a = matrix(2, m, k), *b = matrix(2, k, n), *y = matrix(2, m, n), *again = NULL;
    ck_ok(tn_tensor_fill_uniform(a, -1.0f, 1.0f, 1));
    ck_ok(tn_tensor_fill_uniform(b, -1.0f, 1.0f, 2));
    ck_ok(tn_gemm(NULL, a, b, NULL, y));
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0, size = 0.0;
            for (int64_t l = 0; l < k; l++) {
                double product = (double)tn_tensor_f32(a)[i * k + l] * (double)tn_tensor_f32(b)[l * n + j];
                sum += product;
                size += fabs(product);
            }
            ck_assert_double_eq_tol((double)tn_tensor_f32(y)[i * n + j], sum, 0x1p-24 * (double)k * size);
        }
    ck_ok(tn_tensor_clone(NULL, y, &again));
    for (int threads = 2; threads <= 5; threads++) {
        ck_ok(tn_tensor_fill(again, (double)NAN));
        ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .threads = threads), a, b, NULL, again));
        ck_assert_mem_eq(tn_tensor_data(again), tn_tensor_data(y), tn_tensor_bytes(y));
    }
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&again);
}
END_TEST

/* K = 0 leaves beta y, or beta c; M = 0 leaves nothing to do. */
START_TEST(test_empty)
{
    random_state = 11;
    tn_tensor *a = matrix(2, 0, 5), *b = matrix(2, 0, 3), *y = matrix(2, 5, 3), *c = matrix(1, 1, 3), *old = NULL;
    tn_tensor *square = matrix(2, 3, 3), *none = matrix(2, 0, 3);
    ck_ok(tn_tensor_clone(NULL, y, &old));
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = true, .beta = 0.5f), a, b, NULL, y));
    for (int i = 0; i < 15; i++)
        ck_assert_float_eq(tn_tensor_f32(y)[i], 0.5f * tn_tensor_f32(old)[i]);
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = true, .beta = 2.0f, .threads = 2), a, b, c, y));
    for (int i = 0; i < 15; i++)
        ck_assert_float_eq(tn_tensor_f32(y)[i], 2.0f * tn_tensor_f32(c)[i % 3]);
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = true), a, b, NULL, y));
    for (int i = 0; i < 15; i++)
        ck_assert_float_eq(tn_tensor_f32(y)[i], 0.0f);
    ck_ok(tn_gemm(NULL, b, square, c, none));
    ck_ok(tn_gemm(NULL, none, square, NULL, none)); /* nothing overlaps nothing */
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&c);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&old);
    tn_tensor_destroy(&none);
    tn_tensor_destroy(&square);
}
END_TEST

/* The output's allocator serves; when it refuses, whichever time, y is as it was and nothing is left out. */
START_TEST(test_allocator)
{
    loans l = {.fail_at = SIZE_MAX};
    const tn_allocator allocator = {lend, take_back, &l};
    random_state = 3;
    tn_tensor *a = matrix(2, 5, 7), *b = matrix(2, 7, 4), *c = matrix(2, 5, 4), *y = NULL;
    ck_ok(tn_tensor_create(&allocator, TN_F32, 2, (int64_t[]){5, 4}, &y));
    ck_ok(tn_tensor_fill(y, 7.0));
    size_t before = l.calls;
    int out = l.out;
    for (l.fail_at = before + 1; tn_gemm(TN_OPTIONS(tn_gemm_options, .threads = 2), a, b, c, y) != TN_OK;
         l.calls = before, l.fail_at++) {
        ck_assert_int_eq(tn_last_status(), TN_ERR_NO_MEMORY);
        ck_assert_int_eq(l.out, out);
        for (int i = 0; i < 20; i++)
            ck_assert_float_eq(tn_tensor_f32(y)[i], 7.0f);
    }
    ck_assert_uint_ge(l.fail_at, before + 3); /* buffers and pool */
    ck_assert_int_eq(l.out, out);
    tn_tensor_destroy(&y);
    ck_assert_int_eq(l.out, 0);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&c);
}
END_TEST

START_TEST(test_c_is_y)
{
    random_state = 99;
    tn_tensor *a = matrix(2, 5, 7), *b = matrix(2, 7, 4), *y = matrix(2, 5, 4), *two = NULL;
    ck_ok(tn_tensor_clone(NULL, y, &two));
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .beta = 2.0f), a, b, two, y));
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .beta = 2.0f), a, b, two, two));
    ck_assert_mem_eq(tn_tensor_data(y), tn_tensor_data(two), tn_tensor_bytes(y));
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&two);
}
END_TEST

START_TEST(test_refused)
{
    random_state = 7;
    tn_tensor *a = matrix(2, 5, 7), *b = matrix(2, 6, 4), *y = matrix(2, 5, 4), *c = matrix(1, 1, 3), *part = NULL;
    tn_tensor *square = matrix(2, 4, 4), *fit = matrix(2, 7, 4), *row = matrix(1, 1, 4), *bytes = NULL, *cube = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, (int64_t[]){5, 4}, &bytes));
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, (int64_t[]){1, 5, 4}, &cube));
    ck_fails(tn_gemm(NULL, a, b, NULL, y), TN_ERR_SHAPE, "a [5,7] and b [6,4] do not give y [5,4]");
    ck_fails(tn_gemm(NULL, a, b, NULL, bytes), TN_ERR_TYPE, "y is u8");
    ck_fails(tn_gemm(NULL, NULL, b, NULL, y), TN_ERR_INVALID, "a is NULL");
    ck_fails(tn_gemm(NULL, square, square, NULL, square), TN_ERR_INVALID, "overlaps");
    ck_fails(tn_gemm(NULL, y, square, c, y), TN_ERR_SHAPE, "c [3] does not broadcast to [5,4]");
    ck_ok(tn_tensor_slice(y, 0, 4, &part));
    ck_fails(tn_gemm(NULL, part, square, NULL, part), TN_ERR_INVALID, "overlaps a");
    ck_fails(tn_gemm(TN_OPTIONS(tn_gemm_options, .threads = -1), a, b, NULL, y), TN_ERR_INVALID, "threads is -1");
    ck_fails(tn_gemm(TN_OPTIONS(tn_gemm_options, .threads = 257), a, b, NULL, y), TN_ERR_INVALID, "threads is 257");
    ck_fails(tn_gemm(&(tn_gemm_options){.struct_size = 1}, a, b, NULL, y), TN_ERR_INVALID, "struct_size");
    ck_fails(tn_gemm(NULL, row, fit, NULL, y), TN_ERR_SHAPE, "a [4] and");
    ck_fails(tn_gemm(NULL, a, cube, NULL, y), TN_ERR_SHAPE, "b [1,5,4]");
    ck_fails(tn_gemm(NULL, a, fit, NULL, cube), TN_ERR_SHAPE, "y [1,5,4]");
    ck_fails(tn_gemm(NULL, a, fit, NULL, square), TN_ERR_SHAPE, "y [4,4]");
    ck_fails(tn_gemm(NULL, y, square, NULL, a), TN_ERR_SHAPE, "y [5,7]");
    ck_fails(tn_gemm(NULL, a, fit, bytes, y), TN_ERR_TYPE, "c is u8");
    ck_fails(tn_gemm(NULL, a, fit, cube, y), TN_ERR_SHAPE, "c [1,5,4] does not broadcast");
    ck_fails(tn_gemm(NULL, a, fit, square, y), TN_ERR_SHAPE, "c [4,4] does not broadcast to [5,4]");
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&c);
    tn_tensor_destroy(&part);
    tn_tensor_destroy(&square);
    tn_tensor_destroy(&bytes);
    tn_tensor_destroy(&fit);
    tn_tensor_destroy(&row);
    tn_tensor_destroy(&cube);
}
END_TEST

/* The output lies half over b, or over c. */
START_TEST(test_overlap)
{
    float data[60] = {0};
    tn_tensor *a = matrix(2, 4, 4), *low = NULL, *high = NULL, *row = NULL;
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, (int64_t[]){4, 4}, data, &low));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, (int64_t[]){4, 4}, data + 8, &high));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 1, (int64_t[]){4}, data, &row));
    ck_fails(tn_gemm(NULL, a, low, NULL, high), TN_ERR_INVALID, "y overlaps b");
    ck_fails(tn_gemm(NULL, a, a, low, high), TN_ERR_INVALID, "y overlaps c");
    ck_fails(tn_gemm(NULL, a, a, row, low), TN_ERR_INVALID, "y overlaps c"); /* begins there, but is smaller */
    for (int i = 0; i < 60; i++)
        ck_assert_float_eq(data[i], 0.0f);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&low);
    tn_tensor_destroy(&high);
    tn_tensor_destroy(&row);
}
END_TEST

/* A product with 0 is not made: what a and b hold does not matter. */
START_TEST(test_literal_zero)
{
    random_state = 13;
    tn_tensor *a = matrix(2, 3, 3), *y = matrix(2, 3, 3), *old = NULL;
    ck_ok(tn_tensor_fill(a, (double)NAN));
    ck_ok(tn_tensor_clone(NULL, y, &old));
    ck_ok(tn_gemm(TN_OPTIONS(tn_gemm_options, .literal = true, .beta = 2.0f), a, a, NULL, y));
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq(tn_tensor_f32(y)[i], 2.0f * tn_tensor_f32(old)[i]);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&old);
}
END_TEST

TN_SUITE("gemm", TN_LOOPED(test_definition, CASES), TN_LOOPED(test_real_numbers, 5), {test_empty}, {test_allocator},
         {test_c_is_y}, {test_refused}, {test_overlap}, {test_literal_zero})
