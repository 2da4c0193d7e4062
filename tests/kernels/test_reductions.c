/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sums over rows and sums of squares: exact for integers, close to double for others, the same for any number of
 *  threads. */
#include "guarded.h"
#include "isa_suite.h"

#include "kernels/kernels.h"

typedef struct rows_case {
    int64_t rows, f;
} rows_case;

static const rows_case cases[] = {{1, 1},   {3, 5},    {63, 16},   {64, 17},   {65, 96},   {300, 10},   {128, 4099},
                                  {1, 600}, {1000, 6}, {20000, 3}, {5000, 33}, {70001, 1}, {17000, 130}};
enum { CASES = sizeof cases / sizeof cases[0] };

static void bias_gradient(int threads, const rows_case *c, const float *dy, bool add, float *db)
{
    size_t bytes;
    ck_ok(tn_bias_gradient_scratch(c->rows, c->f, &bytes));
    tn_pool *pool = pool_of(threads);
    guarded scratch = guard(bytes);
    tn_bias_gradient(pool, dy, c->rows, c->f, add, db, scratch.memory);
    check_guard(&scratch);
    tn_pool_destroy(&pool);
}

START_TEST(test_bias_gradient_exact)
{
    const rows_case *c = &cases[_i];
    draw d = {401 + (uint64_t)_i};
    float *dy = floats(c->rows * c->f), *db = floats(c->f), *twice = floats(c->f);
    draw_integers(&d, dy, c->rows * c->f);
    memset(db, 0xff, (size_t)c->f * sizeof *db); /* NaN: must not be read */
    bias_gradient(1, c, dy, false, db);
    memcpy(twice, db, (size_t)c->f * sizeof *db);
    bias_gradient(2, c, dy, true, twice);
    for (int64_t j = 0; j < c->f; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < c->rows; i++)
            sum += (double)dy[i * c->f + j];
        ck_assert_msg((double)db[j] == sum, "db[%lld] is %g, expected %g", (long long)j, (double)db[j], sum);
        ck_assert((double)twice[j] == 2.0 * sum);
    }
    free(dy);
    free(db);
    free(twice);
}
END_TEST

/* Blocks keep the error of a float sum of 70,001 numbers below what a straight one would have. */
START_TEST(test_bias_gradient_error_and_threads)
{
    const rows_case *c = &cases[_i];
    draw d = {409 + (uint64_t)_i};
    float *dy = floats(c->rows * c->f), *db = floats(c->f), *other = floats(c->f);
    draw_reals(&d, 0.5, 1.0, dy, c->rows * c->f);
    bias_gradient(1, c, dy, false, db);
    for (int64_t j = 0; j < c->f; j++) {
        double sum = 0.0, size = 0.0;
        for (int64_t i = 0; i < c->rows; i++) {
            sum += (double)dy[i * c->f + j];
            size += fabs((double)dy[i * c->f + j]);
        }
        ck_assert(fabs((double)db[j] - sum) <= 1e-6 * size);
    }
    for (int threads = 2; threads <= 3; threads++) {
        bias_gradient(threads, c, dy, false, other);
        same_bits(db, other, (size_t)c->f * sizeof *db, "bias gradient");
    }
    free(dy);
    free(db);
    free(other);
}
END_TEST

START_TEST(test_bias_gradient_without_rows)
{
    float db[3] = {NAN, NAN, NAN};
    const rows_case none = {0, 3};
    bias_gradient(2, &none, NULL, false, db);
    ck_assert(db[0] == 0.0f && db[1] == 0.0f && db[2] == 0.0f);
}
END_TEST

START_TEST(test_sum_squares)
{
    static const int64_t counts[] = {0, 1, 15, 16, 17, 1000, 1024, 65537, 300000};
    draw d = {419 + (uint64_t)_i};
    int64_t count = counts[_i];
    float *x = floats(count);
    double integers = 0.0, reals = 0.0;
    draw_integers(&d, x, count);
    for (int64_t i = 0; i < count; i++)
        integers += (double)x[i] * (double)x[i];
    ck_assert(tn_sum_squares(NULL, x, count) == integers);
    draw_reals(&d, 0.0, 1.0, x, count);
    for (int64_t i = 0; i < count; i++)
        reals += (double)x[i] * (double)x[i];
    double sum = tn_sum_squares(NULL, x, count);
    ck_assert(fabs(sum - reals) <= 1e-12 * reals);
    for (int threads = 2; threads <= 3; threads++) {
        tn_pool *pool = pool_of(threads);
        ck_assert(tn_sum_squares(pool, x, count) == sum);
        tn_pool_destroy(&pool);
    }
    free(x);
}
END_TEST

START_TEST(test_scratch_overflow)
{
    size_t bytes = 7;
    ck_fails(tn_bias_gradient_scratch(INT64_MAX / 2, INT64_MAX / 2, &bytes), TN_ERR_OVERFLOW, "does not fit");
    ck_assert_uint_eq(bytes, 7);
}
END_TEST

TN_ISA_SUITE("reductions", TN_LOOPED(test_bias_gradient_exact, CASES),
             TN_LOOPED(test_bias_gradient_error_and_threads, CASES), {test_bias_gradient_without_rows},
             TN_LOOPED(test_sum_squares, 9), {test_scratch_overflow})
