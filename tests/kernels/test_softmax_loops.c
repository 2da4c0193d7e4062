/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Softmax, its logarithm and its gradient along the middle of [outer, axis, inner], against double and its finite
 *  differences; large values, NaN and infinities; any number of threads. */
#include "isa_suite.h"

#include "kernels/kernels.h"

typedef struct softmax_shape {
    int64_t outer, axis, inner;
} softmax_shape;

static const softmax_shape shapes[] = {{3, 1, 1},  {5, 2, 1},  {4, 10, 1}, {3, 16, 1}, {2, 33, 1},   {2, 1000, 1},
                                       {2, 10, 3}, {1, 7, 16}, {2, 5, 21}, {3, 1, 5},  {600, 10, 11}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static int64_t size_of(const softmax_shape *s)
{
    return s->outer * s->axis * s->inner;
}

/* log softmax of element k of the vector at x in double. */
static double exact_log(const float *x, const softmax_shape *s, int64_t k)
{
    double max = -INFINITY, sum = 0.0;
    for (int64_t i = 0; i < s->axis; i++)
        max = fmax(max, (double)x[i * s->inner]);
    for (int64_t i = 0; i < s->axis; i++)
        sum += exp((double)x[i * s->inner] - max);
    return (double)x[k * s->inner] - max - log(sum);
}

static void check_forward(const softmax_shape *s, const float *x, const float *y, const float *log_y)
{
    for (int64_t o = 0; o < s->outer; o++) {
        for (int64_t j = 0; j < s->inner; j++) {
            int64_t at = o * s->axis * s->inner + j;
            for (int64_t k = 0; k < s->axis; k++) {
                double exact = exact_log(x + at, s, k), got = (double)log_y[at + k * s->inner];
                /* x - max, up to 40, is rounded to 2^-24 of itself; exp, sum and division add a few units */
                ck_assert(fabs((double)y[at + k * s->inner] - exp(exact)) <= 3e-6 * exp(exact) + 1e-44);
                ck_assert_msg(fabs(got - exact) <= 1e-6 + 1e-7 * fabs(exact), "%g, expected %g", got, exact);
            }
        }
    }
}

START_TEST(test_forward)
{
    const softmax_shape *s = &shapes[_i];
    int64_t size = size_of(s);
    draw d = {41 + (uint64_t)_i};
    float *x = floats(size), *y = floats(size), *log_y = floats(size);
    draw_reals(&d, _i % 2 ? 0.0 : 500.0, 20.0, x, size); /* around 500, exp alone would be infinite */
    tn_softmax(NULL, x, y, s->outer, s->axis, s->inner);
    tn_log_softmax(NULL, x, log_y, s->outer, s->axis, s->inner);
    check_forward(s, x, y, log_y);
    tn_pool *pool = pool_of(3);
    float *in_place = floats(size);
    memcpy(in_place, x, (size_t)size * sizeof *x);
    tn_softmax(pool, in_place, in_place, s->outer, s->axis, s->inner);
    same_bits(in_place, y, (size_t)size * sizeof *y, "softmax in place, three threads");
    memcpy(in_place, x, (size_t)size * sizeof *x);
    tn_log_softmax(pool, in_place, in_place, s->outer, s->axis, s->inner);
    same_bits(in_place, log_y, (size_t)size * sizeof *y, "log softmax in place, three threads");
    tn_pool_destroy(&pool);
    free(x);
    free(y);
    free(log_y);
    free(in_place);
}
END_TEST

/* d/dx_k of sum_i dy_i softmax_i, by a central difference. */
static double difference(float *x, const float *dy, const softmax_shape *s, int64_t k)
{
    const float h = 0x1p-10f;
    float kept = x[k * s->inner];
    double sums[2];
    for (int side = 0; side < 2; side++) {
        x[k * s->inner] = side ? kept - h : kept + h; /* exact: x is a multiple of h */
        sums[side] = 0.0;
        for (int64_t i = 0; i < s->axis; i++)
            sums[side] += (double)dy[i * s->inner] * exp(exact_log(x, s, i));
    }
    x[k * s->inner] = kept;
    return (sums[0] - sums[1]) / (2.0 * (double)h);
}

START_TEST(test_gradient)
{
    const softmax_shape *s = &shapes[_i];
    int64_t size = size_of(s);
    draw d = {43 + (uint64_t)_i};
    float *x = floats(size), *y = floats(size), *dy = floats(size), *dx = floats(size);
    for (int64_t i = 0; i < size; i++)
        x[i] = (float)draw_int(&d, -2048, 2048) * 0x1p-10f;
    draw_reals(&d, 0.0, 1.0, dy, size);
    tn_softmax(NULL, x, y, s->outer, s->axis, s->inner);
    tn_softmax_gradient(NULL, y, dy, dx, s->outer, s->axis, s->inner);
    for (int64_t j = 0; j < s->inner; j++) {
        for (int64_t k = 0; k<s->axis; k += s->axis> 100 ? 37 : 1) {
            double exact = difference(x + j, dy + j, s, k), got = (double)dx[k * s->inner + j];
            ck_assert_msg(fabs(got - exact) <= 1e-6, "dx is %g, expected %g", got,
                          exact); /* h^2/6 < 2e-7, and floats */
        }
    }
    tn_pool *pool = pool_of(2);
    tn_softmax_gradient(pool, y, dy, dy, s->outer, s->axis, s->inner);
    same_bits(dx, dy, (size_t)size * sizeof *dx, "gradient in place, two threads");
    tn_pool_destroy(&pool);
    free(x);
    free(y);
    free(dy);
    free(dx);
}
END_TEST

/* What is not finite spoils its own vector and no other. */
START_TEST(test_not_finite)
{
    float x[3 * 20], y[3 * 20];
    for (int i = 0; i < 60; i++)
        x[i] = (float)(i % 7);
    x[20 + _i] = NAN;
    x[40 + _i] = -INFINITY;
    tn_softmax(NULL, x, y, 3, 20, 1);
    for (int i = 0; i < 20; i++)
        ck_assert(isfinite(y[i]) && isnan(y[20 + i]) && isfinite(y[40 + i]));
    ck_assert(y[40 + _i] == 0.0f);
    tn_log_softmax(NULL, x, y, 3, 20, 1);
    for (int i = 0; i < 20; i++)
        ck_assert(isfinite(y[i]) && isnan(y[20 + i]) && (i == _i ? y[40 + i] == -INFINITY : isfinite(y[40 + i])));
    tn_softmax(NULL, x, y, 1, 3, 20);
    for (int i = 0; i < 20; i++)
        ck_assert((isnan(y[i]) != 0) == (i == _i));
}
END_TEST

/* Vectors of nothing, and none of them. */
START_TEST(test_empty)
{
    float y = 5.0f;
    tn_softmax(NULL, &y, &y, 3, 0, 1);
    tn_softmax(NULL, &y, &y, 3, 1, 0);
    tn_log_softmax(NULL, &y, &y, 0, 1, 1);
    ck_assert(y == 5.0f);
}
END_TEST

TN_ISA_SUITE("softmax_loops", TN_LOOPED(test_forward, SHAPES), TN_LOOPED(test_gradient, SHAPES),
             TN_LOOPED(test_not_finite, 20), {test_empty})
