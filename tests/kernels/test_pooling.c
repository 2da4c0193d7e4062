/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pooling of integers: equal to its definition to the last bit, for shapes drawn from strides, windows, dilation,
 * one-sided padding, ceil mode, odd channels, windows too large for one byte of index; ties, NaN; any number of
 * threads. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "end_of_memory.h"
#include "isa_suite.h"

#include "kernels/kernels.h"

enum { DRAWN = 300 };

static int64_t outputs(int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t pads, bool ceil_mode,
                       int64_t pad_begin)
{
    int64_t room = size + pads - (window - 1) * dilation - 1;
    int64_t count = room / stride + 1;
    if (ceil_mode && room % stride != 0 && count * stride < size + pad_begin)
        count++; /* a window more, if it starts inside */
    return count;
}

/* Whether every window of one dimension holds a pixel, which the layers above make sure of. */
static bool reaches(int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t pad, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        bool any = false;
        for (int64_t r = 0; r < window; r++) {
            int64_t at = i * stride - pad + r * dilation;
            any = any || (at >= 0 && at < size);
        }
        if (!any)
            return false;
    }
    return true;
}

static bool fits(const tn_pool_shape *s)
{
    return s->oh > 0 && s->ow > 0 && s->h + s->pad_top + s->pad_bottom >= (s->window_h - 1) * s->dilation_h + 1 &&
           s->w + s->pad_left + s->pad_right >= (s->window_w - 1) * s->dilation_w + 1 &&
           reaches(s->h, s->window_h, s->stride_h, s->dilation_h, s->pad_top, s->oh) &&
           reaches(s->w, s->window_w, s->stride_w, s->dilation_w, s->pad_left, s->ow);
}

static tn_pool_shape draw_shape(draw *d, bool mean)
{
    static const int64_t channels[] = {1, 2, 3, 6, 8, 13, 16, 17, 33, 40};
    tn_pool_shape s;
    do {
        bool large = draw_int(d, 0, 19) == 0, ceil_mode = draw_int(d, 0, 1);
        s = (tn_pool_shape){.n = draw_int(d, 1, 3), .h = draw_int(d, 1, 20), .w = draw_int(d, 1, 20)};
        s.c = channels[draw_int(d, 0, 9)];
        s.window_h = large ? 17 : draw_int(d, 1, 5);
        s.window_w = large ? 18 : draw_int(d, 1, 5);
        s.stride_h = draw_int(d, 1, 6);
        s.stride_w = draw_int(d, 1, 6);
        s.dilation_h = mean || large ? 1 : draw_int(d, 1, 3);
        s.dilation_w = mean || large ? 1 : draw_int(d, 1, 3);
        s.pad_top = draw_int(d, 0, s.window_h / 2);
        s.pad_bottom = draw_int(d, 0, s.window_h / 2);
        s.pad_left = draw_int(d, 0, s.window_w / 2);
        s.pad_right = draw_int(d, 0, s.window_w / 2);
        s.count_padding = mean && draw_int(d, 0, 1);
        s.oh = outputs(s.h, s.window_h, s.stride_h, s.dilation_h, s.pad_top + s.pad_bottom, ceil_mode, s.pad_top);
        s.ow = outputs(s.w, s.window_w, s.stride_w, s.dilation_w, s.pad_left + s.pad_right, ceil_mode, s.pad_left);
    } while (!fits(&s));
    return s;
}

static int64_t x_size(const tn_pool_shape *s)
{
    return s->n * s->h * s->w * s->c;
}

static int64_t y_size(const tn_pool_shape *s)
{
    return s->n * s->oh * s->ow * s->c;
}

/** Where position p of the window of result y_at lies in x; -1: outside. */
static int64_t pixel_of(const tn_pool_shape *s, int64_t y_at, int64_t p, bool *padding)
{
    int64_t c = y_at % s->c, j = y_at / s->c % s->ow, i = y_at / s->c / s->ow % s->oh, n = y_at / s->c / s->ow / s->oh;
    int64_t h = i * s->stride_h - s->pad_top + p / s->window_w * s->dilation_h;
    int64_t w = j * s->stride_w - s->pad_left + p % s->window_w * s->dilation_w;
    *padding = h < s->h + s->pad_bottom && w < s->w + s->pad_right;
    return h < 0 || w < 0 || h >= s->h || w >= s->w ? -1 : ((n * s->h + h) * s->w + w) * s->c + c;
}

static int64_t index_at(const void *index, size_t size, int64_t i)
{
    uint16_t half;
    if (size == 1)
        return ((const uint8_t *)index)[i];
    memcpy(&half, (const char *)index + 2 * i, sizeof half);
    return half;
}

/* Position of the maximum by definition: the first of equals, the first NaN. */
static int64_t chosen(const tn_pool_shape *s, const float *x, int64_t y_at)
{
    int64_t best = -1;
    float value = 0.0f;
    bool padding;
    for (int64_t p = 0; p < s->window_h * s->window_w; p++) {
        int64_t at = pixel_of(s, y_at, p, &padding);
        if (at >= 0 && (best < 0 || (!isnan(value) && (isnan(x[at]) || x[at] > value)))) {
            best = p;
            value = x[at];
        }
    }
    return best;
}

static void check_max(const tn_pool_shape *s, const float *x, const float *dy, const float *y, const void *index,
                      size_t size, const float *dx)
{
    bool padding;
    float *expected = calloc((size_t)x_size(s), sizeof *expected);
    ck_assert_ptr_nonnull(expected);
    for (int64_t i = 0; i < y_size(s); i++) {
        int64_t position = chosen(s, x, i), at = pixel_of(s, i, position, &padding);
        ck_each(index_at(index, size, i) == position, "index of y[%lld] is %lld, expected %lld", (long long)i,
                (long long)index_at(index, size, i), (long long)position);
        same_bits(&y[i], &x[at], sizeof *y, "maximum");
        expected[at] += dy[i];
    }
    for (int64_t i = 0; i < x_size(s); i++)
        ck_each(dx[i] == expected[i], "dx[%lld] is %g, expected %g", (long long)i, (double)dx[i], (double)expected[i]);
    free(expected);
}

/* Values of seven kinds: ties everywhere. Some of them NaN or infinite; all of them below zero. */
typedef enum pixels { USUAL, NANS, BELOW, PIXELS } pixels;

static void draw_pixels(draw *d, float *x, int64_t count, pixels kind)
{
    draw_integers(d, x, count);
    for (int64_t i = 0; kind == NANS && i < count; i++)
        x[i] = draw_int(d, 0, 9) == 0 ? NAN : draw_int(d, 0, 9) == 0 ? -INFINITY : x[i];
    for (int64_t i = 0; kind == BELOW && i < count; i++)
        x[i] -= 100.0f;
}

/* Memory for so many floats, behind which nothing can be read. */
static float *last_floats(int64_t count)
{
    return end_of_memory((size_t)count) - count;
}

static void check_shape(draw *random, tn_pool_shape s, pixels kind)
{
    size_t bytes;
    ck_ok(tn_max_pool_index_bytes(&s, &bytes));
    size_t size = s.window_h * s.window_w <= 256 ? 1 : 2;
    ck_assert_uint_eq(bytes, size * (size_t)y_size(&s));
    float *x = last_floats(x_size(&s)), *y = floats(y_size(&s)), *dy = last_floats(y_size(&s)), *dx = floats(x_size(&s));
    float *alone = floats(y_size(&s));
    void *index = malloc(bytes);
    ck_assert_ptr_nonnull(index);
    draw_pixels(random, x, x_size(&s), kind);
    draw_integers(random, dy, y_size(&s));
    tn_max_pool(NULL, &s, x, y, index);
    tn_max_pool_gradient(NULL, &s, dy, index, dx);
    check_max(&s, x, dy, y, index, size, dx);
    tn_max_pool(NULL, &s, x, alone, NULL);
    same_bits(y, alone, (size_t)y_size(&s) * sizeof *y, "maximum without index");
    free(y);
    free(dx);
    free(alone);
    free(index);
}

START_TEST(test_max)
{
    draw d = {101 + (uint64_t)_i * 7919};
    tn_pool_shape s = draw_shape(&d, false);
    check_shape(&d, s, (pixels)(_i % PIXELS));
}
END_TEST

/* Indices of two bytes, windows that meet in many pixels, channels that fill vectors and such that do not; one pixel in
 * ten is NaN, or none; all are below zero. */
START_TEST(test_large_windows)
{
    for (int64_t c = 1; c <= 40; c += 13) {
        const tn_pool_shape s = {.n = 1,
                                 .h = 20,
                                 .w = 21,
                                 .c = c,
                                 .window_h = 17,
                                 .window_w = 17,
                                 .stride_h = 1,
                                 .stride_w = 2,
                                 .dilation_h = 1,
                                 .dilation_w = 1,
                                 .oh = 4,
                                 .ow = 3};
        draw d = {503 + (uint64_t)c};
        check_shape(&d, s, (pixels)_i);
    }
}
END_TEST

/* As above with few NaN, in the last pixels of their windows. */
START_TEST(test_late_nan)
{
    const int64_t sizes[] = {2, 3, 4, 17}, size = sizes[_i];
    tn_pool_shape s = {.n = 1,
                       .h = size,
                       .w = size,
                       .c = 21,
                       .window_h = size,
                       .window_w = size,
                       .stride_h = 1,
                       .stride_w = 1,
                       .dilation_h = 1,
                       .dilation_w = 1,
                       .oh = 1,
                       .ow = 1};
    float *x = floats(x_size(&s)), *y = floats(s.c);
    draw d = {13};
    for (int64_t at = 0; at < size * size; at++) {
        draw_integers(&d, x, x_size(&s));
        for (int64_t c = 0; c < s.c; c++)
            x[at * s.c + c] = NAN;
        memset(y, 0, (size_t)s.c * sizeof *y);
        tn_max_pool(NULL, &s, x, y, NULL);
        for (int64_t c = 0; c < s.c; c++)
            ck_each(isnan(y[c]), "pixel %lld, channel %lld", (long long)at, (long long)c);
    }
    free(x);
    free(y);
}
END_TEST

static int64_t divisor(const tn_pool_shape *s, int64_t y_at)
{
    int64_t count = 0;
    bool padding;
    for (int64_t p = 0; p < s->window_h * s->window_w; p++) {
        bool inside = pixel_of(s, y_at, p, &padding) >= 0;
        count += inside || (s->count_padding && padding);
    }
    return count;
}

START_TEST(test_mean)
{
    draw d = {211 + (uint64_t)_i * 7919};
    tn_pool_shape s = draw_shape(&d, true);
    bool padding;
    float *x = last_floats(x_size(&s)), *y = floats(y_size(&s)), *dy = last_floats(y_size(&s)), *dx = floats(x_size(&s));
    float *expected = calloc((size_t)x_size(&s), sizeof *expected);
    ck_assert_ptr_nonnull(expected);
    draw_integers(&d, x, x_size(&s));
    draw_integers(&d, dy, y_size(&s));
    tn_avg_pool(NULL, &s, x, y);
    tn_avg_pool_gradient(NULL, &s, dy, dx);
    for (int64_t i = 0; i < y_size(&s); i++) {
        float sum = 0.0f, count = (float)divisor(&s, i);
        for (int64_t p = 0; p < s.window_h * s.window_w; p++) {
            int64_t at = pixel_of(&s, i, p, &padding);
            sum += at >= 0 ? x[at] : 0.0f;
            if (at >= 0)
                expected[at] += dy[i] / count;
        }
        ck_each(y[i] == sum / count, "y[%lld] is %g, expected %g", (long long)i, (double)y[i], (double)(sum / count));
    }
    for (int64_t i = 0; i < x_size(&s); i++) /* in the order of results, so the same roundings */
        ck_each(dx[i] == expected[i], "dx[%lld] is %g, expected %g", (long long)i, (double)dx[i], (double)expected[i]);
    free(y);
    free(dx);
    free(expected);
}
END_TEST

/* Large enough to be shared; rows of different images fall to different threads. */
START_TEST(test_threads)
{
    const tn_pool_shape s = {.n = 3,
                             .h = 23,
                             .w = 200,
                             .c = 7,
                             .window_h = 3,
                             .window_w = 3,
                             .stride_h = 2,
                             .stride_w = 1,
                             .dilation_h = 1,
                             .dilation_w = 1,
                             .oh = 11,
                             .ow = 198};
    draw d = {307};
    size_t bytes;
    ck_ok(tn_max_pool_index_bytes(&s, &bytes));
    float *x = floats(x_size(&s)), *dy = floats(y_size(&s)), *y[2], *dx[2];
    void *index[2] = {malloc(bytes), malloc(bytes)};
    for (int i = 0; i < 2; i++) {
        y[i] = floats(y_size(&s));
        dx[i] = floats(x_size(&s));
    }
    draw_reals(&d, 0.0, 1.0, x, x_size(&s));
    draw_reals(&d, 0.0, 1.0, dy, y_size(&s));
    for (int threads = 2; threads <= 3; threads++) {
        tn_pool *pools[2] = {NULL, pool_of(threads)};
        for (int i = 0; i < 2; i++) {
            tn_max_pool(pools[i], &s, x, y[i], index[i]);
            tn_max_pool_gradient(pools[i], &s, dy, index[i], dx[i]);
        }
        same_bits(y[0], y[1], (size_t)y_size(&s) * sizeof(float), "maximum");
        same_bits(index[0], index[1], bytes, "index");
        same_bits(dx[0], dx[1], (size_t)x_size(&s) * sizeof(float), "gradient of maximum");
        for (int i = 0; i < 2; i++) {
            tn_avg_pool(pools[i], &s, x, y[i]);
            tn_avg_pool_gradient(pools[i], &s, dy, dx[i]);
        }
        same_bits(y[0], y[1], (size_t)y_size(&s) * sizeof(float), "mean");
        same_bits(dx[0], dx[1], (size_t)x_size(&s) * sizeof(float), "gradient of mean");
        tn_pool_destroy(&pools[1]);
    }
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(dx[i]);
        free(index[i]);
    }
    free(x);
    free(dy);
}
END_TEST

/* One, two or four bytes for an index, and sizes that do not fit, one factor at a time. */
START_TEST(test_index_bytes)
{
    const int64_t most = INT64_MAX / 4;
    const struct {
        tn_pool_shape shape;
        size_t bytes; /* 0: do not fit */
    } cases[] = {
        {{.n = 2, .oh = 3, .ow = 5, .c = 7, .window_h = 16, .window_w = 16}, 210},
        {{.n = 2, .oh = 3, .ow = 5, .c = 7, .window_h = 1, .window_w = 257}, 420},
        {{.n = 2, .oh = 3, .ow = 5, .c = 7, .window_h = 256, .window_w = 256}, 420},
        {{.n = 2, .oh = 3, .ow = 5, .c = 7, .window_h = 65537, .window_w = 1}, 840},
        {{.n = 0, .oh = most, .ow = most, .c = most, .window_h = 1, .window_w = 1}, 0},
        {{.n = most + 1, .oh = 1, .ow = 1, .c = 1, .window_h = 1, .window_w = 1}, 0},
        {{.n = 2, .oh = most, .ow = 1, .c = 1, .window_h = 1, .window_w = 1}, 0},
        {{.n = 2, .oh = 1, .ow = most, .c = 1, .window_h = 1, .window_w = 1}, 0},
        {{.n = 2, .oh = 1, .ow = 1, .c = most, .window_h = 1, .window_w = 1}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes = 7;
        tn_status status = tn_max_pool_index_bytes(&cases[i].shape, &bytes);
        if (cases[i].shape.n == 0) {
            ck_assert(status == TN_OK && bytes == 0);
            continue;
        }
        ck_assert_int_eq(status, cases[i].bytes > 0 ? TN_OK : TN_ERR_OVERFLOW);
        ck_assert_uint_eq(bytes, cases[i].bytes > 0 ? cases[i].bytes : 7);
    }
}
END_TEST

TN_ISA_SUITE("pooling", TN_LOOPED(test_max, DRAWN), TN_LOOPED(test_large_windows, PIXELS), TN_LOOPED(test_late_nan, 4),
             TN_LOOPED(test_mean, DRAWN), {test_threads}, {test_index_bytes})
