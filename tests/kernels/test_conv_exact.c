/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution with small integers, where every sum is exact in float: the plain-sum algorithms must be equal to the
 *  definition to the last bit, in all three passes, over many shapes. Winograd is not exact: its error is bounded.
 *
 *  Every operand is allocated at its exact size, results and scratch start out as NaN: reading past an end or reading
 *  what was not written shows. */
#include "conv_reference.h"
#include "guarded.h"
#include "suite.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>

enum { SHAPES = 288, MOST_PRODUCTS = 700000 };

/* Largest error over largest value of Winograd's F(4,3), F(6,3) and F(4,5) with the points of lib/kernels: about
 * 3e-5 (docs/performance.md); a plain sum stays below 2e-6. */
static const double winograd_bound = 3e-5;

typedef enum padding_kind { PAD_NONE, PAD_SAME, PAD_EXPLICIT, PAD_ONE_SIDE, PAD_KINDS } padding_kind;

typedef struct conv_case {
    tn_conv_shape shape; /* n: of the plan */
    int64_t n;           /* of the run */
    int threads;
    padding_kind padding;
    bool relu;
} conv_case;

static int64_t extent(int64_t kernel, int64_t dilation)
{
    return dilation * (kernel - 1) + 1;
}

/* Size, padding and output along one direction. */
static void draw_side(draw *d, padding_kind padding, bool padded_side, int64_t window, int64_t stride, int64_t *in,
                      int64_t *before, int64_t *out)
{
    int64_t after = 0;
    *before = 0;
    *in = draw_int(d, 1, 18);
    if (padding == PAD_EXPLICIT || (padding == PAD_ONE_SIDE && padded_side)) {
        *before = draw_int(d, 0, 4);
        after = padding == PAD_EXPLICIT ? draw_int(d, 0, 4) : 0;
        if (padding == PAD_ONE_SIDE && draw_int(d, 0, 1)) {
            after = *before + 1;
            *before = 0;
        }
    }
    if (padding == PAD_SAME) {
        *out = (*in + stride - 1) / stride;
        int64_t missing = (*out - 1) * stride + window - *in;
        *before = missing > 0 ? missing / 2 : 0;
        return;
    }
    if (*in + *before + after < window)
        *in = window - *before - after + draw_int(d, 0, 6);
    *in = *in > 0 ? *in : 1;
    *out = (*in + *before + after - window) / stride + 1;
}

static void draw_geometry(draw *d, conv_case *c)
{
    tn_conv_shape *s = &c->shape;
    s->r = draw_int(d, 1, 11);
    s->s = draw_int(d, 0, 2) ? draw_int(d, 1, 11) : s->r;
    s->stride_h = draw_int(d, 1, 4);
    s->stride_w = draw_int(d, 1, 4);
    s->dilation_h = draw_int(d, 1, 3);
    s->dilation_w = draw_int(d, 1, 3);
    c->padding = (padding_kind)draw_int(d, 0, PAD_KINDS - 1);
    bool high = draw_int(d, 0, 1) != 0;
    draw_side(d, c->padding, high, extent(s->r, s->dilation_h), s->stride_h, &s->h, &s->pad_top, &s->oh);
    draw_side(d, c->padding, !high, extent(s->s, s->dilation_w), s->stride_w, &s->w, &s->pad_left, &s->ow);
}

static int64_t products(const conv_case *c)
{
    const tn_conv_shape *s = &c->shape;
    return conv_y_size(s, c->n) * s->r * s->s * (s->c / s->groups);
}

/* 1x1 with channels and filters that fill tiles, or nearly, and enough pixels for several parts of the filters' gradient;
 * some with more numbers than are taken for those of the caches. */
static conv_case draw_1x1(draw *d, bool large)
{
    conv_case c = {.n = large ? 1 : draw_int(d, 1, 3), .threads = (int)draw_int(d, 1, 3), .padding = PAD_NONE};
    int64_t times = large ? 9 : 1;
    tn_conv_shape *s = &c.shape;
    s->n = c.n + draw_int(d, 0, 1);
    s->r = s->s = s->dilation_h = s->dilation_w = 1;
    s->stride_h = draw_int(d, 1, 2);
    s->stride_w = draw_int(d, 1, 2);
    s->h = draw_int(d, 20, 26) * s->stride_h * times;
    s->w = draw_int(d, 24, 30) * s->stride_w * times;
    s->oh = (s->h - 1) / s->stride_h + 1;
    s->ow = (s->w - 1) / s->stride_w + 1;
    s->groups = draw_int(d, 1, 2);
    s->c = s->groups * (4 * draw_int(d, 1, 5) - draw_int(d, 0, 1));
    s->f = s->groups * (32 - 3 * draw_int(d, 0, 2));
    return c;
}

static conv_case draw_case(draw *d, int index)
{
    if (index % 12 == 3)
        return draw_1x1(d, index % 48 == 3);
    conv_case c = {0};
    draw_geometry(d, &c);
    do {
        c.shape.groups = draw_int(d, 0, 1) ? 1 : draw_int(d, 2, 4);
        c.shape.c = c.shape.groups * draw_int(d, 1, c.shape.groups == 1 ? 21 : 9);
        c.shape.f = c.shape.groups * draw_int(d, 1, c.shape.groups == 1 ? 37 : 19);
        c.n = draw_int(d, 1, 5);
    } while (products(&c) > MOST_PRODUCTS);
    c.shape.n = c.n + (draw_int(d, 0, 2) ? 0 : draw_int(d, 1, 3));
    c.threads = (int)draw_int(d, 1, 3);
    c.relu = draw_int(d, 0, 3) == 0;
    return c;
}

static const char *text_of(const conv_case *c)
{
    static char text[300];
    const tn_conv_shape *s = &c->shape;
    snprintf(text, sizeof text,
             "n %d of %d, x %dx%dx%d, w %dx%d, f %d, groups %d, strides %dx%d, dilation %dx%d, before %d,%d, y %dx%d, "
             "threads %d",
             (int)c->n, (int)s->n, (int)s->h, (int)s->w, (int)s->c, (int)s->r, (int)s->s, (int)s->f, (int)s->groups,
             (int)s->stride_h, (int)s->stride_w, (int)s->dilation_h, (int)s->dilation_w, (int)s->pad_top,
             (int)s->pad_left, (int)s->oh, (int)s->ow, c->threads);
    return text;
}

/* Memory of the exact size, all NaN. */
static float *nan_floats(int64_t count)
{
    float *p = malloc((size_t)count * sizeof *p);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, (size_t)count * sizeof *p);
    return p;
}

static void *nan_scratch(size_t size)
{
    size_t rounded = (size + 63) / 64 * 64;
    void *p = aligned_alloc(64, rounded ? rounded : 64);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, rounded ? rounded : 64);
    return p;
}

typedef struct operands {
    float *x, *w, *dy, *bias, *out;
} operands;

static int64_t result_size(const conv_case *c, tn_conv_pass pass)
{
    if (pass == TN_CONV_FORWARD)
        return conv_y_size(&c->shape, c->n);
    return pass == TN_CONV_DATA ? conv_x_size(&c->shape, c->n) : conv_w_size(&c->shape);
}

static operands allocate(const conv_case *c)
{
    return (operands){nan_floats(conv_x_size(&c->shape, c->n)), nan_floats(conv_w_size(&c->shape)),
                      nan_floats(conv_y_size(&c->shape, c->n)), nan_floats(c->shape.f), NULL};
}

static void release(operands *o)
{
    free(o->x);
    free(o->w);
    free(o->dy);
    free(o->bias);
    free(o->out);
}

/* Filters as the plan wants them, where the caller is to keep them. */
static void *prepare(const tn_conv_plan *plan, tn_pool *pool, const operands *o)
{
    if (plan->prepared_bytes == 0)
        return NULL;
    void *prepared = nan_scratch(plan->prepared_bytes);
    tn_conv_prepare(plan, pool, o->w, prepared);
    return prepared;
}

/* Run one pass into a fresh o->out; with `add` it starts from 1, 2, 3, ... */
static tn_conv_plan run_pass(const conv_case *c, tn_conv_pass pass, const tn_conv_wishes *wishes, bool add, operands *o)
{
    tn_conv_plan plan;
    tn_pool *pool = NULL;
    ck_ok(tn_conv_plan_pass(&c->shape, pass, wishes, &plan));
    ck_ok(tn_pool_create(NULL, c->threads, &pool));
    guarded scratch = guard(plan.scratch_bytes);
    void *prepared = prepare(&plan, pool, o);
    int64_t size = result_size(c, pass);
    free(o->out);
    o->out = nan_floats(size);
    for (int64_t i = 0; add && i < size; i++)
        o->out[i] = (float)(i % 100 + 1);
    if (pass == TN_CONV_FORWARD)
        tn_conv_forward(&plan, pool, c->n, o->x, o->w, prepared, o->bias, c->relu ? TN_RELU : TN_LINEAR, o->out,
                        scratch.memory);
    else if (pass == TN_CONV_DATA)
        tn_conv_data_gradient(&plan, pool, c->n, o->dy, o->w, prepared, o->out, scratch.memory);
    else
        tn_conv_filter_gradient(&plan, pool, c->n, o->x, o->dy, add, o->out, scratch.memory);
    check_guard(&scratch);
    free(prepared);
    tn_pool_destroy(&pool);
    return plan;
}

/* What the definition says, bias, activation and addition included. */
static double *expected_of(const conv_case *c, tn_conv_pass pass, bool add, const operands *o)
{
    double *sum = conv_reference(&c->shape, pass, c->n, o->x, o->w, o->dy);
    ck_assert_ptr_nonnull(sum);
    for (int64_t i = 0; i < result_size(c, pass); i++) {
        if (pass == TN_CONV_FORWARD)
            sum[i] += (double)o->bias[i % c->shape.f];
        if (pass == TN_CONV_FORWARD && c->relu && sum[i] < 0.0)
            sum[i] = 0.0;
        if (add)
            sum[i] += (double)(i % 100 + 1);
    }
    return sum;
}

static void compare_exact(const conv_case *c, tn_conv_pass pass, const char *how, const double *expected,
                          const float *out)
{
    static const char *const names[] = {"forward", "data gradient", "filter gradient"};
    for (int64_t i = 0; i < result_size(c, pass); i++)
        ck_each((double)out[i] == expected[i], "%s%s of %s: element %lld is %g, expected %g", names[pass], how,
                text_of(c), (long long)i, (double)out[i], expected[i]);
}

static void check_exact(const conv_case *c, tn_conv_pass pass, bool add, operands *o)
{
    tn_conv_wishes wishes = {.precise = true, .threads = c->threads};
    double *expected = expected_of(c, pass, add, o);
    tn_conv_plan plan = run_pass(c, pass, &wishes, add, o);
    ck_assert_msg(plan.algorithm == TN_CONV_GEMM, "%s: precise gave %s", text_of(c), plan.name);
    compare_exact(c, pass, add ? " added" : "", expected, o->out);
    if (pass != TN_CONV_FILTER) {
        wishes.prepared = true;
        (void)run_pass(c, pass, &wishes, add, o);
        compare_exact(c, pass, " with prepared filters", expected, o->out);
    }
    free(expected);
}

/* The cases are one sequence: draw the first ones again to get at number `index`. */
static conv_case case_number(draw *d, int index)
{
    conv_case c = {0};
    for (int i = 0; i <= index; i++)
        c = draw_case(d, i);
    return c;
}

/* All passes on whole numbers. */
static void check_all(const conv_case *c, draw *d)
{
    operands o = allocate(c);
    draw_integers(d, o.x, conv_x_size(&c->shape, c->n));
    draw_integers(d, o.w, conv_w_size(&c->shape));
    draw_integers(d, o.dy, conv_y_size(&c->shape, c->n));
    draw_integers(d, o.bias, c->shape.f);
    check_exact(c, TN_CONV_FORWARD, false, &o);
    check_exact(c, TN_CONV_DATA, false, &o);
    check_exact(c, TN_CONV_FILTER, false, &o);
    check_exact(c, TN_CONV_FILTER, true, &o);
    release(&o);
}

START_TEST(test_exact)
{
    draw d = {12345};
    conv_case c = case_number(&d, _i);
    check_all(&c, &d);
}
END_TEST

/* Gradients of filters at the limits of what is multiplied as it lies: more columns than pass under a call, both sides of
 * where they are packed, blocks of rows and of pixels that are full; and batches that are near where the plan's is not. */
static const struct {
    int64_t plan, n, size, c, f, kernel, stride, groups;
} near_shapes[] = {
    {1, 1, 14, 40, 200, 1, 1, 1},  {2, 2, 9, 24, 300, 1, 1, 2},  {1, 1, 7, 256, 260, 1, 1, 1}, {1, 1, 7, 255, 257, 1, 1, 1},
    {1, 1, 9, 13, 130, 3, 1, 1},   {1, 1, 13, 64, 131, 1, 2, 1}, {4, 4, 28, 29, 256, 3, 1, 1}, {9, 4, 28, 29, 256, 3, 1, 1},
    {3, 1, 256, 16, 32, 3, 4, 1},  {3, 3, 256, 16, 32, 3, 4, 1}, {3, 1, 200, 20, 32, 1, 1, 1}, {2, 2, 200, 20, 32, 1, 1, 1},
    {3, 1, 300, 20, 36, 1, 2, 1},
};
enum { NEAR_SHAPES = sizeof near_shapes / sizeof near_shapes[0] };

START_TEST(test_near)
{
    const int64_t size = near_shapes[_i].size, kernel = near_shapes[_i].kernel, stride = near_shapes[_i].stride;
    conv_case c = {.n = near_shapes[_i].n, .threads = 1 + _i % 3};
    draw d = {777 + (uint64_t)_i};
    c.shape = (tn_conv_shape){.n = near_shapes[_i].plan, .h = size, .w = size, .c = near_shapes[_i].c, .r = kernel,
                              .s = kernel, .f = near_shapes[_i].f, .stride_h = stride, .stride_w = stride,
                              .dilation_h = 1, .dilation_w = 1, .pad_top = kernel / 2, .pad_left = kernel / 2,
                              .groups = near_shapes[_i].groups};
    c.shape.oh = c.shape.ow = (size - 1) / stride + 1;
    operands o = allocate(&c);
    draw_integers(&d, o.x, conv_x_size(&c.shape, c.n));
    draw_integers(&d, o.dy, conv_y_size(&c.shape, c.n));
    check_exact(&c, TN_CONV_FILTER, false, &o);
    check_exact(&c, TN_CONV_FILTER, true, &o);
    release(&o);
}
END_TEST

/* Every channel with a filter of its own: vectors of channels that are full or not, windows inside of the image, across its
 * edges and beside it, phases without taps. */
START_TEST(test_depthwise)
{
    draw d = {4711 + (uint64_t)_i};
    conv_case c = {.n = draw_int(&d, 1, 4), .threads = 1 + _i % 3, .relu = _i % 4 == 1};
    draw_geometry(&d, &c);
    c.shape.groups = c.shape.c = c.shape.f = draw_int(&d, 2, 75);
    c.shape.n = c.n + _i % 2;
    check_all(&c, &d);
}
END_TEST

/* The activation is that of plain results, whichever it is. */
START_TEST(test_depthwise_endings)
{
    const tn_activation activation = (tn_activation)_i;
    const tn_conv_shape s = {.n = 2, .h = 6, .w = 7, .c = 21, .r = 3, .s = 3, .f = 21, .oh = 6, .ow = 7, .stride_h = 1,
                             .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 21};
    enum { SIZE = 2 * 6 * 7 * 21 };
    float x[SIZE], w[9 * 21], plain[SIZE], y[SIZE];
    draw d = {19};
    tn_conv_plan plan;
    draw_reals(&d, 0.0, 1.0, x, SIZE);
    draw_reals(&d, 0.0, 0.3, w, 9 * 21);
    ck_ok(tn_conv_plan_pass(&s, TN_CONV_FORWARD, &(tn_conv_wishes){.threads = 1}, &plan));
    ck_assert_uint_eq(plan.scratch_bytes, 0);
    tn_conv_forward(&plan, NULL, s.n, x, w, NULL, NULL, TN_LINEAR, plain, NULL);
    tn_conv_forward(&plan, NULL, s.n, x, w, NULL, NULL, activation, y, NULL);
    if (activation != TN_LINEAR)
        tn_activate(NULL, activation, plain, plain, SIZE);
    ck_assert_int_eq(memcmp(plain, y, sizeof y), 0);
}
END_TEST

/* The drawn shapes do contain what they are meant to. */
START_TEST(test_coverage)
{
    draw d = {12345};
    int strides[2][5] = {{0}}, kernels[2][12] = {{0}}, dilations[2][4] = {{0}}, groups[5] = {0}, batches[6] = {0};
    int paddings[PAD_KINDS] = {0}, threads[4] = {0}, smaller_runs = 0, rectangular = 0;
    for (int i = 0; i < SHAPES; i++) {
        conv_case c = draw_case(&d, i);
        strides[0][c.shape.stride_h]++, strides[1][c.shape.stride_w]++;
        kernels[0][c.shape.r]++, kernels[1][c.shape.s]++;
        dilations[0][c.shape.dilation_h]++, dilations[1][c.shape.dilation_w]++;
        groups[c.shape.groups]++, batches[c.n]++, paddings[c.padding]++, threads[c.threads]++;
        smaller_runs += c.n < c.shape.n;
        rectangular += c.shape.r != c.shape.s;
    }
    for (int side = 0; side < 2; side++) {
        for (int i = 1; i <= 4; i++)
            ck_assert_int_ge(strides[side][i], 20);
        for (int i = 1; i <= 11; i++)
            ck_assert_int_ge(kernels[side][i], 10);
        for (int i = 1; i <= 3; i++)
            ck_assert_int_ge(dilations[side][i], 20);
    }
    for (int i = 1; i <= 4; i++)
        ck_assert_int_ge(groups[i], 20);
    for (int i = 1; i <= 5; i++)
        ck_assert_int_ge(batches[i], 20);
    for (int i = 0; i < PAD_KINDS; i++)
        ck_assert_int_ge(paddings[i], 20);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_ge(threads[i], 20);
    ck_assert_int_ge(smaller_runs, 20);
    ck_assert_int_ge(rectangular, 20);
}
END_TEST

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

TN_SUITE("conv_exact", {test_coverage, 0}, TN_LOOPED(test_exact, SHAPES), TN_LOOPED(test_near, NEAR_SHAPES),
         TN_LOOPED(test_depthwise, 60), TN_LOOPED(test_depthwise_endings, TN_TANH + 1), {test_winograd_is_used, 0},
         TN_LOOPED(test_winograd_random, FAST_SHAPES), TN_LOOPED(test_winograd_large_mean, FAST_SHAPES),
         TN_LOOPED(test_same_bits, FAST_SHAPES))
