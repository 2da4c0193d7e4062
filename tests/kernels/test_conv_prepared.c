/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Filters that are transformed or packed beforehand: every algorithm of both passes that can read them gives the same
 *  bits as without, for any batch up to the plan's, reads them instead of the filters, and keeps to their size. */
#include "conv_reference.h"
#include "kernels/conv_candidates.h"
#include "suite.h"

enum { GUARD = 4096, PATTERN = 0x5a };

/* all: of the gradient of the data by plain sums, every phase that has taps has panels. */
typedef struct layer {
    int64_t n, size, c, f, kernel, pad, stride, dilation, groups;
    bool all;
} layer;

static const layer layers[] = {
    {3, 13, 64, 64, 3, 1, 1, 1, 1, true},  {9, 9, 24, 32, 5, 2, 1, 1, 1, false},  {2, 12, 33, 21, 3, 0, 1, 1, 1, false},
    {3, 10, 96, 64, 3, 1, 1, 1, 2, false}, {2, 13, 36, 40, 5, 2, 1, 1, 2, false}, {2, 14, 64, 96, 3, 1, 2, 1, 1, true},
    {1, 15, 64, 64, 1, 0, 2, 1, 1, true},  {2, 17, 64, 40, 5, 2, 3, 1, 1, true},  {2, 16, 128, 64, 3, 1, 2, 1, 2, true},
    {2, 15, 64, 24, 3, 2, 1, 2, 1, true},  {2, 19, 64, 24, 3, 2, 2, 2, 1, true},  {2, 18, 64, 24, 3, 0, 3, 2, 1, true},
    {2, 43, 3, 24, 11, 0, 4, 1, 1, true},  {3, 24, 1, 6, 5, 2, 1, 1, 1, true},    {2, 33, 6, 16, 7, 3, 2, 1, 2, false},
    {5, 11, 7, 9, 3, 1, 1, 1, 1, false},   {4, 20, 9, 64, 3, 1, 2, 1, 1, false},  {33, 7, 17, 19, 3, 1, 1, 1, 1, false},
    {4, 12, 5, 30, 3, 1, 2, 1, 5, false},  {40, 2, 40, 48, 3, 1, 1, 1, 1, false}, {3, 1, 64, 32, 1, 0, 3, 1, 1, true},
    {2, 9, 40, 700, 3, 1, 2, 1, 1, false}, {8, 5, 60, 300, 3, 1, 3, 1, 1, false}, {3, 13, 60, 64, 5, 2, 2, 1, 1, false},
};
enum { LAYERS = sizeof layers / sizeof layers[0] };

static tn_conv_shape shape_of(const layer *l)
{
    int64_t out = (l->size + 2 * l->pad - (l->kernel - 1) * l->dilation - 1) / l->stride + 1;
    return (tn_conv_shape){.n = l->n, .h = l->size, .w = l->size, .c = l->c, .r = l->kernel, .s = l->kernel, .f = l->f,
                           .oh = out, .ow = out, .stride_h = l->stride, .stride_w = l->stride,
                           .dilation_h = l->dilation, .dilation_w = l->dilation, .pad_top = l->pad, .pad_left = l->pad,
                           .groups = l->groups};
}

static void *memory(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, bytes);
    return p;
}

static float *numbers(draw *d, int64_t count)
{
    float *x = memory((size_t)count * sizeof *x);
    draw_reals(d, 0.0, 1.0, x, count);
    return x;
}

typedef struct operands {
    float *in, *w, *bias; /* in: x or dy */
    int64_t out;          /* numbers of an image of the result */
} operands;

static operands operands_of(const tn_conv_shape *s, tn_conv_pass pass)
{
    draw d = {99};
    bool forward = pass == TN_CONV_FORWARD;
    return (operands){numbers(&d, forward ? conv_x_size(s, s->n) : conv_y_size(s, s->n)), numbers(&d, conv_w_size(s)),
                      numbers(&d, s->f), forward ? conv_y_size(s, 1) : conv_x_size(s, 1)};
}

static void release(operands *o)
{
    free(o->in);
    free(o->w);
    free(o->bias);
}

static float *run(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const operands *o, const float *w,
                  const void *prepared)
{
    float *out = memory((size_t)(n * o->out) * sizeof *out);
    void *scratch = memory(plan->scratch_bytes);
    if (plan->pass == TN_CONV_FORWARD)
        tn_conv_forward(plan, pool, n, o->in, w, prepared, o->bias, TN_RELU, out, scratch);
    else
        tn_conv_data_gradient(plan, pool, n, o->in, w, prepared, out, scratch);
    free(scratch);
    return out;
}

/* Filters in memory of their size, with a guard behind. */
static unsigned char *prepare(const tn_conv_plan *plan, tn_pool *pool, const float *w)
{
    unsigned char *prepared = memory(plan->prepared_bytes + GUARD);
    memset(prepared + plan->prepared_bytes, PATTERN, GUARD);
    tn_conv_prepare(plan, pool, w, prepared);
    for (size_t i = 0; i < GUARD; i++)
        ck_each(prepared[plan->prepared_bytes + i] == PATTERN, "byte %zu behind prepared filters was written", i);
    return prepared;
}

static void expect_same(const tn_conv_plan *plan, int number, int64_t n, const operands *o, const float *expected,
                        const float *got)
{
    ck_assert_msg(memcmp(expected, got, (size_t)(n * o->out) * sizeof *got) == 0,
                  "layer %d, pass %d, %s: %d images with prepared filters differ", number, plan->pass, plan->name,
                  (int)n);
}

/* With the largest batch the filters themselves might not be there. */
static bool reads_nothing_else(int number, const tn_conv_plan *plan)
{
    return plan->tile > 0 || plan->pass == TN_CONV_FORWARD || layers[number].all;
}

/* A smaller batch may turn a product that the largest does not; then the filters themselves are read. */
static void check_batches(int number, const tn_conv_plan *without, const tn_conv_plan *with, tn_pool *pool,
                          const operands *o)
{
    void *prepared = prepare(with, pool, o->w);
    float *nan = memory((size_t)conv_w_size(&with->shape) * sizeof *nan);
    for (int64_t n = with->shape.n; n > 0; n /= 2) {
        float *expected = run(without, pool, n, o, o->w, NULL), *got = run(with, pool, n, o, o->w, prepared);
        expect_same(with, number, n, o, expected, got);
        free(got);
        if (n == with->shape.n && reads_nothing_else(number, with)) {
            got = run(with, pool, n, o, nan, prepared);
            expect_same(with, number, n, o, expected, got);
            free(got);
        }
        free(expected);
    }
    free(nan);
    free(prepared);
}

static void check_tile(int number, const tn_conv_shape *shape, tn_conv_pass pass, int tile, tn_pool *pool)
{
    tn_conv_wishes wishes = {.threads = tn_pool_threads(pool)};
    tn_conv_plan without, with;
    ck_ok(tn_conv_plan_tile(shape, pass, tile, &wishes, &without));
    ck_assert_uint_eq(without.prepared_bytes, 0);
    wishes.prepared = true;
    ck_ok(tn_conv_plan_tile(shape, pass, tile, &wishes, &with));
    ck_assert_uint_le(with.scratch_bytes, without.scratch_bytes);
    if (with.prepared_bytes == 0) { /* few filters or channels stay on the scalar side */
        ck_assert_int_eq(tile, 0);
        ck_assert(!layers[number].all || pass == TN_CONV_FORWARD);
        return;
    }
    operands o = operands_of(shape, pass);
    check_batches(number, &without, &with, pool, &o);
    release(&o);
}

START_TEST(test_bits)
{
    tn_conv_shape shape = shape_of(&layers[_i]);
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(&shape, false, tiles);
    for (int threads = 1; threads <= 3; threads++) {
        tn_pool *pool = NULL;
        ck_ok(tn_pool_create(NULL, threads, &pool));
        for (int i = 0; i < count; i++) {
            check_tile(_i, &shape, TN_CONV_FORWARD, tiles[i], pool);
            check_tile(_i, &shape, TN_CONV_DATA, tiles[i], pool);
        }
        tn_pool_destroy(&pool);
    }
}
END_TEST

/* The gradient of the filters reads none. */
START_TEST(test_filter_gradient)
{
    tn_conv_shape shape = shape_of(&layers[0]);
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(&shape, false, tiles);
    for (int i = 0; i < count; i++) {
        tn_conv_plan without, with;
        ck_ok(tn_conv_plan_tile(&shape, TN_CONV_FILTER, tiles[i], &(tn_conv_wishes){.threads = 1}, &without));
        ck_ok(tn_conv_plan_tile(&shape, TN_CONV_FILTER, tiles[i],
                                &(tn_conv_wishes){.prepared = true, .threads = 1}, &with));
        ck_assert_uint_eq(with.prepared_bytes, 0);
        ck_assert_uint_eq(with.scratch_bytes, without.scratch_bytes);
    }
}
END_TEST

TN_SUITE("conv_prepared", TN_LOOPED(test_bits, LAYERS), {test_filter_gradient})
