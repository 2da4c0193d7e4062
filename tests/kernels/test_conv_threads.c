/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Ways of convolutions with their own tasks: strided gradients of the data, few channels, and Winograd's gradients of the
 *  filters. Any number of threads gives the same bits, and so do filters that were packed before, where other pixels and
 *  channels make a tile. */
#include "kernels/conv_gemm.h"
#include "kernels/winograd.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 4, SHAPES = 6, FEW = 13, TILED = 4 };

/* Few pixels of many channels; many pixels; phases without taps; groups; sums of several blocks, slabs of channels. */
static const tn_conv_shape strided[SHAPES] = {
    {.n = 1, .h = 14, .w = 13, .c = 96, .r = 3, .s = 3, .f = 150, .oh = 7, .ow = 7, .stride_h = 2, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1},
    {.n = 3, .h = 20, .w = 33, .c = 70, .r = 3, .s = 3, .f = 20, .oh = 10, .ow = 17, .stride_h = 2, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1},
    {.n = 1, .h = 13, .w = 13, .c = 130, .r = 1, .s = 1, .f = 900, .oh = 7, .ow = 7, .stride_h = 2, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 2, .h = 30, .w = 30, .c = 48, .r = 2, .s = 2, .f = 36, .oh = 10, .ow = 10, .stride_h = 3, .stride_w = 3,
     .dilation_h = 1, .dilation_w = 1, .groups = 3},
    {.n = 1, .h = 9, .w = 420, .c = 33, .r = 3, .s = 3, .f = 17, .oh = 9, .ow = 209, .stride_h = 1, .stride_w = 2,
     .dilation_h = 2, .dilation_w = 1, .pad_top = 2, .groups = 1},
    {.n = 1, .h = 7, .w = 7, .c = 170, .r = 7, .s = 7, .f = 800, .oh = 1, .ow = 1, .stride_h = 2, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
};

/* And 1x1 convolutions whose numbers fill no tile, or so many rows that some are spared for who is done first. */
static const tn_conv_shape few[FEW] = {
    {.n = 2, .h = 28, .w = 28, .c = 1, .r = 5, .s = 5, .f = 6, .oh = 28, .ow = 28, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .pad_top = 2, .pad_left = 2, .groups = 1},
    {.n = 3, .h = 19, .w = 23, .c = 3, .r = 7, .s = 7, .f = 2, .oh = 7, .ow = 9, .stride_h = 2, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 5, .h = 14, .w = 14, .c = 6, .r = 5, .s = 5, .f = 16, .oh = 10, .ow = 10, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 1, .h = 61, .w = 61, .c = 3, .r = 11, .s = 11, .f = 53, .oh = 14, .ow = 14, .stride_h = 4, .stride_w = 4,
     .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1},
    {.n = 3, .h = 40, .w = 300, .c = 3, .r = 3, .s = 3, .f = 64, .oh = 38, .ow = 150, .stride_h = 1, .stride_w = 2,
     .dilation_h = 1, .dilation_w = 1, .pad_left = 1, .groups = 1},
    {.n = 1, .h = 3, .w = 3, .c = 7, .r = 3, .s = 2, .f = 33, .oh = 2, .ow = 5, .stride_h = 1, .stride_w = 1,
     .dilation_h = 2, .dilation_w = 1, .pad_top = 2, .pad_left = 2, .groups = 1},
    {.n = 9, .h = 5, .w = 4, .c = 4, .r = 1, .s = 1, .f = 3, .oh = 5, .ow = 4, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 2, .h = 35, .w = 37, .c = 3, .r = 11, .s = 11, .f = 96, .oh = 7, .ow = 7, .stride_h = 4, .stride_w = 4,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 3, .h = 9, .w = 20, .c = 2, .r = 3, .s = 3, .f = 130, .oh = 9, .ow = 20, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1},
    {.n = 4, .h = 31, .w = 31, .c = 37, .r = 1, .s = 1, .f = 53, .oh = 31, .ow = 31, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 1, .h = 9, .w = 7, .c = 22, .r = 1, .s = 1, .f = 58, .oh = 9, .ow = 7, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 2},
    {.n = 1, .h = 1, .w = 1, .c = 37, .r = 1, .s = 1, .f = 53, .oh = 1, .ow = 1, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
    {.n = 1, .h = 21, .w = 20, .c = 510, .r = 1, .s = 1, .f = 140, .oh = 21, .ow = 20, .stride_h = 1, .stride_w = 1,
     .dilation_h = 1, .dilation_w = 1, .groups = 1},
};

/* Rows of points that threads have alike, and one or two that are left over, in parts of the filters: one of them, several, and
 *  of two groups. */
static const struct {
    tn_conv_shape shape;
    int tile;
} tiled[TILED] = {
    {{.n = 2, .h = 17, .w = 12, .c = 40, .r = 3, .s = 3, .f = 130, .oh = 9, .ow = 6, .stride_h = 2, .stride_w = 2,
      .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1}, 4},
    {{.n = 1, .h = 15, .w = 15, .c = 33, .r = 3, .s = 3, .f = 70, .oh = 7, .ow = 7, .stride_h = 2, .stride_w = 2,
      .dilation_h = 1, .dilation_w = 1, .groups = 1}, 2},
    {{.n = 3, .h = 14, .w = 14, .c = 100, .r = 3, .s = 3, .f = 96, .oh = 14, .ow = 14, .stride_h = 1, .stride_w = 1,
      .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 2}, 6},
    {{.n = 1, .h = 12, .w = 13, .c = 20, .r = 5, .s = 5, .f = 12, .oh = 12, .ow = 13, .stride_h = 1, .stride_w = 1,
      .dilation_h = 1, .dilation_w = 1, .pad_top = 2, .pad_left = 2, .groups = 1}, 4},
};

static float *numbers(int64_t count)
{
    float *x = aligned_alloc(64, ((size_t)count * sizeof *x + 63) / 64 * 64);
    uint32_t state = 12345;
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        x[i] = (float)(state >> 8) / (float)(1 << 23) - 1.0f;
    }
    return x;
}

static void *space(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0xff, bytes); /* NaN */
    return memory;
}

typedef struct operands {
    const tn_conv_shape *shape;
    tn_conv_pass pass;
    int tile; /* of Winograd's, 0: plain sums */
    float *a, *b;
    const void *prepared;
    int64_t results;
} operands;

static operands operands_of(const tn_conv_shape *s, tn_conv_pass pass)
{
    int64_t x = s->n * s->h * s->w * s->c, y = s->n * s->oh * s->ow * s->f, w = s->r * s->s * (s->c / s->groups) * s->f;
    return (operands){s, pass, 0, numbers(pass == TN_CONV_DATA ? y : x), numbers(pass == TN_CONV_FILTER ? y : w), NULL,
                      pass == TN_CONV_FORWARD ? y : pass == TN_CONV_DATA ? x : w};
}

static float *run(const operands *o, int threads)
{
    size_t bytes;
    tn_pool *pool = NULL;
    float *out = space((size_t)o->results * sizeof(float));
    ck_ok(tn_pool_create(NULL, threads, &pool));
    if (o->tile > 0)
        ck_ok(tn_winograd_scratch(o->shape, o->pass, o->tile, false, threads, &bytes));
    else if (o->pass == TN_CONV_DATA)
        ck_ok(tn_conv_gemm_strided_scratch(o->shape, threads, &bytes));
    else
        ck_ok(tn_conv_gemm_scratch(o->shape, o->pass, threads, &bytes));
    void *scratch = space(bytes);
    if (o->tile > 0)
        tn_winograd_filter(o->shape, o->tile, pool, o->a, o->b, false, out, scratch);
    else if (o->pass == TN_CONV_DATA)
        tn_conv_gemm_strided(o->shape, pool, o->a, o->b, o->prepared, out, scratch);
    else if (o->pass == TN_CONV_FORWARD)
        tn_conv_gemm_forward(o->shape, pool, o->a, o->b, o->prepared, NULL, TN_RELU, out, scratch);
    else
        tn_conv_gemm_filter(o->shape, pool, o->a, o->b, false, out, scratch);
    free(scratch);
    tn_pool_destroy(&pool);
    return out;
}

static void check_threads(operands *o, void *prepared)
{
    float *first = run(o, 1);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        o->prepared = NULL;
        for (int ready = 0; ready <= (prepared != NULL); ready++, o->prepared = prepared) {
            float *other = run(o, threads);
            ck_assert_msg(memcmp(first, other, (size_t)o->results * sizeof *first) == 0, "%d threads, prepared %d",
                          threads, ready);
            free(other);
        }
    }
    free(first);
    free(prepared);
    free(o->a);
    free(o->b);
}

START_TEST(test_strided)
{
    size_t bytes;
    operands o = operands_of(&strided[_i], TN_CONV_DATA);
    ck_ok(tn_conv_gemm_strided_prepared(o.shape, &bytes));
    void *prepared = space(bytes);
    tn_conv_gemm_strided_prepare(o.shape, NULL, o.b, prepared);
    check_threads(&o, prepared);
}
END_TEST

START_TEST(test_few_forward)
{
    size_t bytes;
    operands o = operands_of(&few[_i], TN_CONV_FORWARD);
    ck_ok(tn_conv_gemm_prepared(o.shape, TN_CONV_FORWARD, &bytes));
    void *prepared = bytes > 0 ? space(bytes) : NULL; /* as tiles are, there may be nothing to prepare */
    if (prepared)
        tn_conv_gemm_forward_prepare(o.shape, NULL, o.b, prepared);
    check_threads(&o, prepared);
}
END_TEST

START_TEST(test_few_filter)
{
    operands o = operands_of(&few[_i], TN_CONV_FILTER);
    check_threads(&o, NULL);
}
END_TEST

START_TEST(test_winograd_filter)
{
    operands o = operands_of(&tiled[_i].shape, TN_CONV_FILTER);
    o.tile = tiled[_i].tile;
    check_threads(&o, NULL);
}
END_TEST

TN_SUITE("conv_threads", TN_LOOPED(test_strided, SHAPES), TN_LOOPED(test_few_forward, FEW),
         TN_LOOPED(test_few_filter, FEW), TN_LOOPED(test_winograd_filter, TILED))
