/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Scratch is sized for the largest batch; a smaller one must not need more. What a product packs, and into how many
 * tiles a sum over rows is cut, does not grow with the batch alone: the sizes here stand on both sides of such limits.
 *
 *  A guard behind the scratch shows what is written past its end. */
#include "guarded.h"
#include "kernels/conv.h"
#include "kernels/conv_gemm.h"
#include "kernels/kernels.h"

enum { GUARD = 20 << 20 };

static float *numbers(int64_t count)
{
    float *x = calloc((size_t)count, sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/** The weight gradient of a dense layer: k is the batch. */
START_TEST(test_product)
{
    const int64_t m = 384, n = 4096, most = 1100, k = 1000;
    size_t bytes;
    tn_pool *pool = NULL;
    float *a = numbers(m * k), *b = numbers(k * n), *c = numbers(m * n);
    ck_ok(tn_pool_create(NULL, 2, &pool));
    ck_ok(tn_matmul_scratch(m, n, most, 2, &bytes));
    guarded scratch = guard_with(bytes, GUARD);
    tn_matmul(
        pool,
        &(tn_matmul_args){.m = m, .n = n, .k = k, .a = {a, 1, m}, .b = {b, n, 1}, .c = c, .ldc = n, .alpha = 1.0f},
        scratch.memory);
    check_guard(&scratch);
    tn_pool_destroy(&pool);
    free(a);
    free(b);
    free(c);
}
END_TEST

/** With strides, phases of the data gradient have different numbers of taps. */
START_TEST(test_phases)
{
    const tn_conv_shape shape = {.n = 1,
                                 .h = 31,
                                 .w = 31,
                                 .c = 768,
                                 .r = 3,
                                 .s = 3,
                                 .f = 2048,
                                 .oh = 15,
                                 .ow = 15,
                                 .stride_h = 2,
                                 .stride_w = 2,
                                 .dilation_h = 1,
                                 .dilation_w = 1,
                                 .groups = 1};
    tn_conv_plan plan;
    float *dy = numbers(15 * 15 * 2048), *w = numbers((int64_t)9 * 768 * 2048), *dx = numbers(31 * 31 * 768);
    ck_ok(tn_conv_plan_pass(&shape, TN_CONV_DATA, &(tn_conv_wishes){.precise = true, .threads = 1}, &plan));
    guarded scratch = guard_with(plan.scratch_bytes, GUARD);
    tn_conv_data_gradient(&plan, NULL, 1, dy, w, NULL, dx, scratch.memory);
    check_guard(&scratch);
    free(dy);
    free(w);
    free(dx);
}
END_TEST

/* A phase with fewer taps may have larger blocks of the sum than the one with most: 6 in one go, 9 in 5 and 4. */
static const struct {
    int64_t size, channels, filters, kernel, pad, out;
} uneven[] = {{8, 512, 64, 5, 2, 4}, {32, 64, 16, 9, 4, 16}, {40, 24, 20, 7, 3, 20}, {40, 40, 27, 7, 3, 20},
              {8, 300, 30, 5, 2, 4}};
enum { UNEVEN = sizeof uneven / sizeof uneven[0] };

static float *integers(int64_t count)
{
    float *x = numbers(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(i % 11 - 5);
    return x;
}

static float *uneven_gradient(const tn_conv_shape *shape, int threads, const float *dy, const float *w)
{
    tn_conv_plan plan;
    tn_pool *pool = NULL;
    float *dx = integers(shape->h * shape->w * shape->c); /* to be written over */
    ck_ok(tn_pool_create(NULL, threads, &pool));
    ck_ok(tn_conv_plan_pass(shape, TN_CONV_DATA, &(tn_conv_wishes){.precise = true, .threads = threads}, &plan));
    guarded scratch = guard_with(plan.scratch_bytes, GUARD);
    tn_conv_data_gradient(&plan, pool, 1, dy, w, NULL, dx, scratch.memory);
    check_guard(&scratch);
    tn_pool_destroy(&pool);
    return dx;
}

START_TEST(test_uneven_phases)
{
    tn_conv_shape s = {.n = 1, .h = uneven[_i].size, .w = uneven[_i].size, .c = uneven[_i].channels,
                       .r = uneven[_i].kernel, .s = uneven[_i].kernel, .f = uneven[_i].filters, .oh = uneven[_i].out,
                       .ow = uneven[_i].out, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1,
                       .pad_top = uneven[_i].pad, .pad_left = uneven[_i].pad, .groups = 1};
    float *dy = integers(s.oh * s.ow * s.f), *w = integers(s.r * s.s * s.c * s.f);
    float *one = uneven_gradient(&s, 1, dy, w), *three = uneven_gradient(&s, 3, dy, w);
    ck_assert(memcmp(one, three, (size_t)(s.h * s.w * s.c) * sizeof *one) == 0);
    free(dy);
    free(w);
    free(one);
    free(three);
}
END_TEST

/** Strides may be larger than the image: one window, and zeros around it. */
START_TEST(test_strides_beyond_the_image)
{
    const tn_conv_shape s = {.n = 1, .h = 3, .w = 3, .c = 32, .r = 1, .s = 1, .f = 2, .oh = 1, .ow = 1,
                             .stride_h = INT64_C(1) << 32, .stride_w = INT64_C(1) << 32, .dilation_h = 1,
                             .dilation_w = 1, .groups = 1};
    float dy[2] = {1.0f, 2.0f}, w[32 * 2];
    for (int i = 0; i < 64; i++)
        w[i] = 1.0f;
    float *dx = uneven_gradient(&s, 2, dy, w);
    for (int i = 0; i < 9 * 32; i++)
        ck_assert(dx[i] == (i < 32 ? 3.0f : 0.0f));
    free(dx);
}
END_TEST

/** Sizes of filters that do not fit. */
START_TEST(test_filters_that_do_not_fit)
{
    tn_conv_shape s = {.n = 1, .h = 8, .w = 8, .c = 1, .r = 2, .s = 2, .f = INT64_C(1) << 57, .oh = 4, .ow = 4,
                       .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    size_t bytes = 7;
    for (int64_t f = INT64_C(1) << 52; f < INT64_C(1) << 62; f *= 2) {
        s.f = f;
        ck_assert(tn_conv_gemm_strided_scratch(&s, 2, &bytes) != TN_OK || bytes > 7);
        ck_assert(tn_conv_gemm_strided_prepared(&s, &bytes) != TN_OK || bytes > 7);
        ck_assert(tn_conv_gemm_scratch(&s, TN_CONV_FILTER, 2, &bytes) != TN_OK || bytes > 7);
    }
    ck_fails(tn_conv_gemm_strided_scratch(&s, 2, &bytes), TN_ERR_OVERFLOW, "does not fit");
    ck_fails(tn_conv_gemm_strided_prepared(&s, &bytes), TN_ERR_OVERFLOW, "do not fit");
    ck_fails(tn_conv_gemm_scratch(&s, TN_CONV_FILTER, 2, &bytes), TN_ERR_OVERFLOW, "does not fit");
    s.r = s.s = 1;
    s.c = INT64_C(1) << 58;
    s.f = 32;
    ck_fails(tn_conv_gemm_scratch(&s, TN_CONV_FILTER, 2, &bytes), TN_ERR_OVERFLOW, "does not fit");
}
END_TEST

/** The filter gradient: k is the number of windows in the batch. */
START_TEST(test_filter_gradient)
{
    const tn_conv_shape shape = {.n = 80,
                                 .h = 12,
                                 .w = 12,
                                 .c = 64,
                                 .r = 3,
                                 .s = 3,
                                 .f = 384,
                                 .oh = 12,
                                 .ow = 12,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .dilation_h = 1,
                                 .dilation_w = 1,
                                 .pad_top = 1,
                                 .pad_left = 1,
                                 .groups = 1};
    tn_conv_plan plan;
    float *x = numbers(shape.n * 144 * 64), *dy = numbers(shape.n * 144 * 384), *dw = numbers(9 * 64 * 384);
    ck_ok(tn_conv_plan_pass(&shape, TN_CONV_FILTER, &(tn_conv_wishes){.precise = true, .threads = 1}, &plan));
    guarded scratch = guard_with(plan.scratch_bytes, GUARD);
    tn_conv_filter_gradient(&plan, NULL, 75 - _i, x, dy, false, dw, scratch.memory);
    check_guard(&scratch);
    free(x);
    free(dy);
    free(dw);
}
END_TEST

/** The gradient of many 1x1 filters: of two images, which come from memory, in one way, and of one in another. */
START_TEST(test_near_and_far)
{
    const tn_conv_shape s = {.n = 2, .h = 128, .w = 128, .c = 260, .r = 1, .s = 1, .f = 512, .oh = 32, .ow = 32,
                             .stride_h = 4, .stride_w = 4, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    tn_conv_plan plan;
    tn_pool *pool = NULL;
    float *x = numbers(s.n * s.h * s.w * s.c), *dy = numbers(s.n * s.oh * s.ow * s.f), *dw = numbers(s.c * s.f);
    ck_ok(tn_pool_create(NULL, 2, &pool));
    ck_ok(tn_conv_plan_pass(&s, TN_CONV_FILTER, &(tn_conv_wishes){.precise = true, .threads = 2}, &plan));
    for (int64_t n = s.n; n > 0; n--) {
        guarded scratch = guard_with(plan.scratch_bytes, GUARD);
        tn_conv_filter_gradient(&plan, pool, n, x, dy, false, dw, scratch.memory);
        check_guard(&scratch);
    }
    tn_pool_destroy(&pool);
    free(x);
    free(dy);
    free(dw);
}
END_TEST

/** 16385 rows come in 33 tiles, 16384 in 64. */
START_TEST(test_bias_gradient)
{
    const int64_t most = 16385, f = 64;
    size_t bytes;
    float *dy = numbers(most * f), *db = numbers(f);
    ck_ok(tn_bias_gradient_scratch(most, f, &bytes));
    for (int64_t rows = most; rows > 0; rows = rows * 3 / 4) {
        guarded scratch = guard_with(bytes, GUARD);
        tn_bias_gradient(NULL, dy, rows - 1, f, false, db, scratch.memory);
        check_guard(&scratch);
    }
    free(dy);
    free(db);
}
END_TEST

/* No image: nothing is written, by whichever way the gradient would be made. */
START_TEST(test_no_images)
{
    const tn_conv_shape few = {.n = 1,
                               .h = 16,
                               .w = 16,
                               .c = 3,
                               .r = 5,
                               .s = 5,
                               .f = 64,
                               .oh = 6,
                               .ow = 6,
                               .stride_h = 2,
                               .stride_w = 2,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .groups = 1};
    tn_conv_shape endless = few;
    tn_conv_plan plan;
    float untouched = 5.0f, *w = numbers(5 * 5 * 3 * 64);
    ck_assert(tn_conv_gemm_spreads(&few));
    ck_ok(tn_conv_plan_pass(&few, TN_CONV_DATA, &(tn_conv_wishes){.precise = true, .threads = 1}, &plan));
    guarded scratch = guard(plan.scratch_bytes);
    tn_conv_data_gradient(&plan, NULL, 0, w, w, NULL, &untouched, scratch.memory);
    check_guard(&scratch);
    ck_assert(untouched == 5.0f);
    endless.r = endless.s = INT64_C(1) << 40;
    ck_assert(!tn_conv_gemm_spreads(&endless));
    endless.s = 1;
    endless.c = endless.r;
    ck_assert(!tn_conv_gemm_spreads(&endless));
    free(w);
}
END_TEST

/* A stride along rows alone takes the scratch of one along columns alone. */
START_TEST(test_one_stride)
{
    tn_conv_shape high = {.n = 2,
                          .h = 9,
                          .w = 9,
                          .c = 1024,
                          .r = 1,
                          .s = 1,
                          .f = 2048,
                          .oh = 5,
                          .ow = 9,
                          .stride_h = 2,
                          .stride_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
    tn_conv_shape wide = high;
    wide.oh = high.ow;
    wide.ow = high.oh;
    wide.stride_h = high.stride_w;
    wide.stride_w = high.stride_h;
    size_t of_high, of_wide;
    ck_ok(tn_conv_gemm_scratch(&high, TN_CONV_DATA, 2, &of_high));
    ck_ok(tn_conv_gemm_scratch(&wide, TN_CONV_DATA, 2, &of_wide));
    ck_assert_uint_eq(of_high, of_wide);
}
END_TEST

TN_SUITE("smaller_batches", {test_product}, {test_phases}, TN_LOOPED(test_uneven_phases, UNEVEN),
         {test_strides_beyond_the_image}, {test_filters_that_do_not_fit}, TN_LOOPED(test_filter_gradient, 3),
         {test_near_and_far}, {test_bias_gradient}, {test_no_images}, {test_one_stride})
