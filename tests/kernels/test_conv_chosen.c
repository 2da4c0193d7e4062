/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolutions by the algorithms that plans choose: their error is bounded, and the number of threads changes no bit. */
#include "conv_run.h"

#include <math.h>

/* Largest error over largest value, of every F(m,r) (docs/performance.md); a plain sum stays below 2e-6. */
static const double winograd_bound = 3e-5;

/* For the algorithms that are chosen when nobody asks for plain sums. */
static const struct {
    int64_t n, h, w, c, f, kernel, pad, stride; /* f 0: depthwise */
} fast_shapes[] = {
    {32, 13, 13, 40, 48, 3, 1, 1}, {3, 13, 13, 33, 21, 3, 1, 1}, {1, 13, 13, 64, 64, 3, 1, 1},
    {33, 7, 9, 17, 19, 3, 1, 1},   {2, 1, 1, 16, 16, 3, 1, 1},   {4, 2, 3, 8, 40, 3, 1, 1},
    {5, 17, 3, 12, 7, 3, 0, 1},    {2, 24, 24, 3, 5, 3, 1, 1},   {7, 6, 5, 35, 64, 3, 2, 1},
    {32, 9, 9, 24, 32, 5, 2, 1},   {1, 26, 26, 16, 32, 5, 2, 1}, {3, 5, 5, 19, 33, 5, 0, 1},
    {35, 11, 6, 13, 18, 5, 2, 1},  {2, 2, 2, 32, 32, 5, 2, 1},   {4, 15, 8, 9, 11, 5, 1, 1},
    {6, 8, 8, 31, 32, 5, 4, 1},    {1, 43, 39, 1, 24, 11, 0, 4}, {2, 43, 39, 3, 8, 7, 3, 2},
    {9, 19, 21, 1, 6, 5, 2, 1},    {3, 20, 430, 2, 9, 3, 1, 2},
    {2, 21, 18, 5, 4, 3, 1, 1},    {3, 30, 33, 3, 2, 7, 2, 3},
    {2, 9, 7, 37, 53, 1, 0, 1},    {7, 31, 31, 22, 29, 1, 0, 1},
    {2, 28, 28, 3, 20, 3, 1, 1},   {2, 28, 28, 3, 20, 3, 1, 1},
    {2, 28, 28, 40, 48, 3, 1, 2},  {9, 13, 14, 64, 35, 3, 0, 2},  {3, 15, 12, 33, 64, 3, 2, 2},
    {33, 7, 9, 70, 80, 3, 1, 2},   {2, 1, 1, 16, 16, 3, 1, 2},    {1, 24, 40, 96, 64, 3, 1, 2},
    {5, 28, 28, 40, 0, 3, 1, 1},   {2, 19, 31, 72, 0, 5, 2, 2},
};
enum { FAST_SHAPES = sizeof fast_shapes / sizeof fast_shapes[0] };

static conv_case fast_case(int index)
{
    conv_case c = {.n = fast_shapes[index].n, .threads = 1 + index % 3, .relu = index % 2 != 0};
    int64_t kernel = fast_shapes[index].kernel, pad = fast_shapes[index].pad, stride = fast_shapes[index].stride;
    int64_t channels = fast_shapes[index].c, filters = fast_shapes[index].f;
    c.shape = (tn_conv_shape){.n = c.n,
                              .h = fast_shapes[index].h,
                              .w = fast_shapes[index].w,
                              .c = channels,
                              .r = kernel,
                              .s = kernel,
                              .f = filters > 0 ? filters : channels,
                              .oh = (fast_shapes[index].h + 2 * pad - kernel) / stride + 1,
                              .ow = (fast_shapes[index].w + 2 * pad - kernel) / stride + 1,
                              .stride_h = stride,
                              .stride_w = stride,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .pad_top = pad,
                              .pad_left = pad,
                              .groups = filters > 0 ? 1 : channels};
    return c;
}

static void check_bound(const conv_case *c, tn_conv_pass pass, operands *o)
{
    tn_conv_plan plan = run_pass(c, pass, &(tn_conv_wishes){.threads = c->threads}, false, o);
    double *expected = expected_of(c, pass, false, o), worst = 0.0, largest = 0.0;
    for (int64_t i = 0; i < result_size(c, pass); i++) {
        double error = fabs((double)o->out[i] - expected[i]);
        worst = error <= worst ? worst : error; /* a NaN sticks */
        largest = fabs(expected[i]) > largest ? fabs(expected[i]) : largest;
    }
    ck_assert_msg(worst <= winograd_bound * largest, "pass %d of %s by %s: error %g of %g", pass, text_of(c), plan.name,
                  worst, largest);
    free(expected);
}

static void check_fast_case(int index, double mean, double spread)
{
    conv_case c = fast_case(index);
    draw d = {777 + (uint64_t)index};
    operands o = allocate(&c);
    draw_reals(&d, mean, spread, o.x, conv_x_size(&c.shape, c.n));
    draw_reals(&d, 0.0, 1.0, o.w, conv_w_size(&c.shape));
    draw_reals(&d, mean, spread, o.dy, conv_y_size(&c.shape, c.n));
    draw_reals(&d, 0.0, 1.0, o.bias, c.shape.f);
    check_bound(&c, TN_CONV_FORWARD, &o);
    check_bound(&c, TN_CONV_DATA, &o);
    check_bound(&c, TN_CONV_FILTER, &o);
    release(&o);
}

START_TEST(test_winograd_random)
{
    check_fast_case(_i, 0.0, 1.0);
}
END_TEST

/* Large mean, small variance: the transforms' differences cancel nearly all of the data. */
START_TEST(test_winograd_large_mean)
{
    check_fast_case(_i, 100.0, 0.01);
}
END_TEST

/* The bound was put to the test: the shapes above are not all done by plain sums. */
START_TEST(test_winograd_is_used)
{
    int used[3] = {0};
    for (int i = 0; i < FAST_SHAPES; i++)
        for (int pass = 0; pass < 3; pass++) {
            tn_conv_plan plan;
            conv_case c = fast_case(i);
            ck_ok(tn_conv_plan_pass(&c.shape, (tn_conv_pass)pass, &(tn_conv_wishes){.threads = 2}, &plan));
            used[pass] += plan.algorithm == TN_CONV_WINOGRAD;
        }
    for (int pass = 0; pass < 3; pass++)
        ck_assert_int_ge(used[pass], 2);
}
END_TEST

/* Passes of both kinds of plan, filters prepared where the pass reads them and the number is even. */
static void run_bits(const conv_case *c, int number, operands *o)
{
    const tn_conv_wishes wishes = {.precise = number >= 3, .prepared = number % 2 == 0, .threads = c->threads};
    run_pass(c, (tn_conv_pass)(number % 3), &wishes, false, o);
}

/* Results do not depend on the number of threads, to the last bit. */
START_TEST(test_same_bits)
{
    conv_case c = fast_case(_i);
    draw d = {4242};
    operands o = allocate(&c);
    draw_reals(&d, 0.5, 1.0, o.x, conv_x_size(&c.shape, c.n));
    draw_reals(&d, 0.0, 1.0, o.w, conv_w_size(&c.shape));
    draw_reals(&d, 0.0, 1.0, o.dy, conv_y_size(&c.shape, c.n));
    draw_reals(&d, 0.0, 1.0, o.bias, c.shape.f);
    for (int pass = 0; pass < 6; pass++) {
        size_t bytes = (size_t)result_size(&c, (tn_conv_pass)(pass % 3)) * sizeof(float);
        c.threads = 1;
        run_bits(&c, pass, &o);
        float *alone = nan_floats((int64_t)(bytes / sizeof(float)));
        memcpy(alone, o.out, bytes);
        for (c.threads = 2; c.threads <= 3; c.threads++) {
            run_bits(&c, pass, &o);
            ck_assert_msg(memcmp(alone, o.out, bytes) == 0, "pass %d of %s differs from 1 thread", pass, text_of(&c));
        }
        free(alone);
    }
    release(&o);
}
END_TEST

TN_SUITE("conv_chosen", {test_winograd_is_used, 0}, TN_LOOPED(test_winograd_random, FAST_SHAPES),
         TN_LOOPED(test_winograd_large_mean, FAST_SHAPES), TN_LOOPED(test_same_bits, FAST_SHAPES))
