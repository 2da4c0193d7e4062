/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution with small integers, where every sum is exact in float: the plain-sum algorithms must be equal to the
 *  definition to the last bit, in all three passes, over many shapes. */
#include "conv_run.h"
#include "kernels/conv_gemm_strided.h"
#include "kernels/kernels.h"

enum { SHAPES = 288, MOST_PRODUCTS = 700000 };

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

/* Square images and filters, equally padded on all sides. */
static tn_conv_shape square(int64_t n, int64_t size, int64_t c, int64_t f, int64_t kernel, int64_t stride, int64_t pad,
                            int64_t groups)
{
    tn_conv_shape shape = {.n = n, .h = size, .w = size, .c = c, .r = kernel, .s = kernel, .f = f, .stride_h = stride,
                           .stride_w = stride, .dilation_h = 1, .dilation_w = 1, .pad_top = pad, .pad_left = pad,
                           .groups = groups};
    shape.oh = shape.ow = (size + 2 * pad - kernel) / stride + 1;
    return shape;
}

/* One pass on whole numbers. */
static void check_pass(const conv_case *c, tn_conv_pass pass, draw *d)
{
    operands o = allocate(c);
    draw_integers(d, o.x, conv_x_size(&c->shape, c->n));
    draw_integers(d, o.w, conv_w_size(&c->shape));
    draw_integers(d, o.dy, conv_y_size(&c->shape, c->n));
    draw_integers(d, o.bias, c->shape.f);
    check_exact(c, pass, false, &o);
    if (pass == TN_CONV_FILTER)
        check_exact(c, pass, true, &o);
    release(&o);
}

/* Gradients of filters at the limits of what is multiplied as it lies: more columns than pass under a call, both sides of
 * where they are copied meanwhile (512 filters, 96 rows, 256 pixels), at one depth and at several, blocks of rows and of pixels that are full; and batches that are near where the plan's
 * is not. */
static const struct {
    int64_t plan, n, size, c, f, kernel, stride, groups;
} near_shapes[] = {
    {1, 1, 14, 40, 200, 1, 1, 1},  {2, 2, 9, 24, 300, 1, 1, 2},  {1, 1, 7, 256, 260, 1, 1, 1}, {1, 1, 7, 255, 257, 1, 1, 1},
    {1, 1, 9, 13, 130, 3, 1, 1},   {1, 1, 13, 64, 131, 1, 2, 1}, {4, 4, 28, 29, 256, 3, 1, 1}, {9, 4, 28, 29, 256, 3, 1, 1},
    {3, 1, 180, 16, 32, 3, 4, 1},  {3, 3, 180, 16, 32, 3, 4, 1}, {3, 1, 140, 20, 32, 1, 1, 1}, {3, 3, 140, 20, 32, 1, 1, 1},
    {3, 1, 200, 20, 36, 1, 2, 1},  {1, 1, 8, 95, 128, 1, 1, 1}, {1, 1, 8, 96, 128, 1, 1, 1},  {1, 1, 8, 96, 127, 1, 1, 1},
    {1, 1, 20, 300, 36, 1, 1, 1},  {1, 1, 20, 410, 70, 1, 1, 1},  {1, 1, 48, 200, 24, 1, 2, 1},
    {1, 1, 14, 130, 140, 1, 2, 1}, {3, 3, 14, 37, 64, 1, 2, 1},  {3, 1, 15, 40, 33, 1, 2, 1},  {2, 2, 15, 40, 34, 1, 2, 2},
    {1, 1, 30, 24, 40, 1, 3, 1},
    {1, 1, 118, 16, 32, 1, 2, 1},  {3, 3, 21, 22, 40, 1, 2, 1},  {2, 0, 8, 40, 40, 1, 2, 1},  {2, 0, 8, 40, 40, 1, 1, 1},
    {1, 1, 4, 95, 512, 1, 1, 1},   {1, 1, 4, 96, 512, 1, 1, 1}, {1, 1, 4, 96, 511, 1, 1, 1}, {1, 1, 4, 97, 560, 1, 1, 1},
    {1, 1, 16, 96, 512, 1, 1, 1},  {1, 1, 17, 96, 512, 1, 1, 1}, {3, 3, 10, 400, 512, 1, 1, 1}, {1, 1, 9, 22, 544, 3, 1, 1},
    {3, 3, 10, 44, 520, 3, 1, 1},  {1, 1, 20, 150, 512, 1, 2, 1},
    {2, 0, 9, 16, 32, 3, 2, 1},    {2, 0, 12, 3, 32, 5, 1, 1},
};
enum { NEAR_SHAPES = sizeof near_shapes / sizeof near_shapes[0] };

START_TEST(test_near)
{
    const int64_t kernel = near_shapes[_i].kernel;
    conv_case c = {.n = near_shapes[_i].n, .threads = 1 + _i % 3};
    draw d = {777 + (uint64_t)_i};
    c.shape = square(near_shapes[_i].plan, near_shapes[_i].size, near_shapes[_i].c, near_shapes[_i].f, kernel,
                     near_shapes[_i].stride, kernel / 2, near_shapes[_i].groups);
    check_pass(&c, TN_CONV_FILTER, &d);
}
END_TEST

/* The same with the longest rows whose pixels are read where they lie, and longer ones. */
START_TEST(test_long_rows)
{
    conv_case c = {.n = 1, .threads = 1 + _i};
    draw d = {888 + (uint64_t)_i};
    c.shape = square(1, 4, 9, 10 + 30 * _i, 1, 2, 0, 1);
    c.shape.ow = 256 + 8 * _i;
    c.shape.w = 2 * c.shape.ow;
    check_pass(&c, TN_CONV_FILTER, &d);
}
END_TEST

/* Results that are so large that they go past the caches: rows of whole lines, the last of them under narrower tiles, too; rows
 * that are not whole lines; a second group that begins within a line; with and without bias and ReLU. */
static const struct {
    int64_t size, c, f, groups;
    tn_conv_pass pass;
    bool relu;
} large_shapes[] = {
    {171, 9, 144, 1, TN_CONV_FORWARD, true}, {171, 9, 144, 1, TN_CONV_FORWARD, false}, {171, 144, 9, 1, TN_CONV_DATA, false},
    {167, 9, 152, 1, TN_CONV_FORWARD, true}, {148, 24, 192, 2, TN_CONV_FORWARD, true}, {151, 18, 184, 2, TN_CONV_FORWARD, true},
};
enum { LARGE_SHAPES = sizeof large_shapes / sizeof large_shapes[0] };

START_TEST(test_large)
{
    conv_case c = {.n = 1, .threads = 1 + _i % 2, .relu = large_shapes[_i].relu};
    draw d = {999 + (uint64_t)_i};
    c.shape = square(1, large_shapes[_i].size, large_shapes[_i].c, large_shapes[_i].f, 1, 1, 0, large_shapes[_i].groups);
    ck_assert_int_ge(result_size(&c, large_shapes[_i].pass), 4 << 20);
    check_pass(&c, large_shapes[_i].pass, &d);
}
END_TEST

/* Windows in another order, for padding to be left out: sums in several blocks, in some of which a line of windows has no tap
 * at all; channels that are more than a run; groups; tasks that begin in the middle of an image; bias without ReLU. */
static const struct {
    int64_t n, size, c, f, kernel, stride, pad, groups;
} padded_shapes[] = {
    {2, 7, 512, 70, 3, 1, 1, 1}, {1, 14, 256, 64, 3, 2, 1, 1}, {3, 5, 1030, 40, 3, 1, 1, 1}, {1, 12, 24, 130, 5, 1, 2, 1},
    {3, 13, 32, 96, 3, 1, 1, 2}, {9, 1, 33, 64, 3, 1, 1, 1},   {7, 2, 400, 33, 3, 1, 1, 1},  {1, 9, 40, 48, 7, 1, 3, 1},
    {2, 3, 64, 64, 5, 1, 4, 1},
};
enum { PADDED_SHAPES = sizeof padded_shapes / sizeof padded_shapes[0] };

START_TEST(test_padded)
{
    conv_case c = {.n = padded_shapes[_i].n, .threads = 1 + _i % 3, .relu = _i % 2};
    draw d = {1111 + (uint64_t)_i};
    c.shape = square(padded_shapes[_i].n, padded_shapes[_i].size, padded_shapes[_i].c, padded_shapes[_i].f,
                     padded_shapes[_i].kernel, padded_shapes[_i].stride, padded_shapes[_i].pad, padded_shapes[_i].groups);
    check_pass(&c, TN_CONV_FORWARD, &d);
    check_pass(&c, TN_CONV_DATA, &d);
}
END_TEST

/* Single images that are cut into a few even tasks, whatever their sizes are: rows that are read in place, more than one
 * block of them and less; bands of first layers that differ by a row; lines of cells in several blocks. */
static const struct {
    int64_t size, c, f, kernel, stride, pad;
} even_shapes[] = {
    {40, 16, 70, 1, 1, 0}, {40, 70, 24, 1, 1, 0},  {30, 150, 40, 1, 1, 0}, {224, 3, 9, 11, 4, 2},
    {97, 2, 20, 5, 1, 1},  {113, 3, 33, 7, 2, 3},  {56, 64, 9, 1, 2, 0},   {61, 33, 40, 1, 2, 0},
    {58, 5, 33, 3, 3, 1},
};
enum { EVEN_SHAPES = sizeof even_shapes / sizeof even_shapes[0] };

static tn_conv_shape even_shape(int number)
{
    return square(1, even_shapes[number].size, even_shapes[number].c, even_shapes[number].f, even_shapes[number].kernel,
                  even_shapes[number].stride, even_shapes[number].pad, 1);
}

START_TEST(test_even)
{
    conv_case c = {.shape = even_shape(_i / 3), .n = 1, .threads = 1 + _i % 3};
    draw d = {555 + (uint64_t)_i};
    check_all(&c, &d);
}
END_TEST

/* The same with no image at all. */
START_TEST(test_empty)
{
    conv_case c = {.shape = even_shape(_i), .threads = 1 + _i % 2};
    draw d = {99};
    check_all(&c, &d);
}
END_TEST

/* Gradients of 1x1 filters, few and many, of more numbers than the caches hold, with more threads than parts: columns are
 * shared out, where there are several for each, otherwise rows, and more channels than a task has; into sums aside, and,
 * with one part of whole tiles, into dw. Pixels that are copied, since they share sets of the caches, or since a stride
 * leaves others between them: whole rows at a time, and rows that are longer than what is multiplied at once. The last one
 * has filters that are many because x comes from memory. */
static const struct {
    int64_t n, size, c, f, stride, groups;
    int threads;
} share_shapes[] = {
    {3, 80, 24, 260, 1, 1, 12}, {5, 15, 512, 516, 1, 1, 2}, {5, 16, 516, 512, 2, 1, 2}, {1, 80, 8, 420, 1, 1, 12},  {3, 80, 24, 100, 1, 1, 12}, {1, 38, 96, 1408, 1, 1, 3},
    {1, 80, 400, 8, 1, 1, 11},  {1, 44, 1024, 128, 1, 1, 3}, {1, 164, 72, 32, 2, 1, 2},  {2, 86, 144, 64, 2, 2, 3},
    {1, 371, 12, 32, 3, 1, 3},  {2, 50, 600, 24, 1, 1, 2},  {1, 521, 4, 32, 2, 1, 2},    {1, 180, 260, 512, 7, 1, 2},
};
enum { SHARE_SHAPES = sizeof share_shapes / sizeof share_shapes[0] };

START_TEST(test_shares)
{
    conv_case c = {.n = share_shapes[_i].n, .threads = share_shapes[_i].threads};
    draw d = {31 + (uint64_t)_i};
    c.shape = square(c.n, share_shapes[_i].size, share_shapes[_i].c, share_shapes[_i].f, 1, share_shapes[_i].stride, 0,
                     share_shapes[_i].groups);
    check_pass(&c, TN_CONV_FILTER, &d);
}
END_TEST

/* Gradients of the data of single images whose channels are cut into tasks that share pixels, some of which have no taps:
 * whole and part panels, groups whose channels lie between others', bands of one line and of several. */
static const struct {
    int64_t size, c, f, kernel, stride, groups;
} shared_shapes[] = {
    {14, 150, 20, 1, 2, 1}, {14, 280, 24, 1, 2, 2}, {9, 100, 13, 3, 4, 1}, {7, 70, 30, 1, 3, 1},
    {12, 300, 16, 1, 2, 2}, {28, 128, 16, 1, 2, 1}, {5, 256, 9, 2, 3, 1},  {13, 219, 12, 1, 2, 3},
};
enum { SHARED_SHAPES = sizeof shared_shapes / sizeof shared_shapes[0] };

START_TEST(test_shared)
{
    conv_case c = {.n = 1, .threads = 2 + _i % 2};
    draw d = {333 + (uint64_t)_i};
    c.shape = square(1, shared_shapes[_i / 2].size, shared_shapes[_i / 2].c, shared_shapes[_i / 2].f,
                     shared_shapes[_i / 2].kernel, shared_shapes[_i / 2].stride, 0, shared_shapes[_i / 2].groups);
    check_pass(&c, TN_CONV_DATA, &d);
}
END_TEST

/* Gradients of the data that are so large that zeros go past the caches, with the sums of the phase that hosts them: one tile
 * of channels and several; sums of several blocks; groups; pixels that edges cut off; one direction alone. And such that do
 * not: too many phases without taps, a first phase that is one of them, channels that are not whole tiles or not whole lines,
 * an image that is too small. */
static const struct {
    int64_t size, c, f, kernel, stride_h, stride_w, pad, groups;
    bool hosted;
} hosted_shapes[] = {
    {33, 1024, 20, 1, 2, 2, 0, 1, true}, {32, 1024, 500, 1, 2, 2, 0, 1, true}, {128, 64, 17, 1, 2, 2, 0, 1, true},
    {59, 384, 18, 1, 2, 2, 0, 2, true},  {57, 384, 12, 1, 1, 2, 0, 1, true},   {58, 320, 9, 1, 4, 1, 0, 1, true},
    {57, 384, 12, 1, 3, 3, 0, 1, false}, {57, 384, 9, 2, 3, 3, 0, 1, false},   {33, 1024, 9, 1, 2, 2, 1, 1, false},
    {60, 304, 17, 1, 2, 2, 0, 1, true}, {95, 120, 15, 1, 2, 2, 0, 1, false},  {31, 1024, 9, 1, 2, 2, 0, 1, false},
};
enum { HOSTED_SHAPES = sizeof hosted_shapes / sizeof hosted_shapes[0] };

START_TEST(test_hosted)
{
    const int64_t size = hosted_shapes[_i].size, kernel = hosted_shapes[_i].kernel, pad = hosted_shapes[_i].pad;
    conv_case c = {.n = 1, .threads = 1 + _i % 3};
    draw d = {444 + (uint64_t)_i};
    tn_strided job;
    c.shape = square(1, size, hosted_shapes[_i].c, hosted_shapes[_i].f, kernel, hosted_shapes[_i].stride_h, pad,
                     hosted_shapes[_i].groups);
    c.shape.stride_w = hosted_shapes[_i].stride_w;
    c.shape.ow = (size + 2 * pad - kernel) / c.shape.stride_w + 1;
    job = tn_strided_of(&c.shape);
    job.channels = c.shape.c / c.shape.groups;
    int64_t past = job.kernels->tile->past; /* 304 channels are whole tiles with AVX2 alone */
    ck_assert(tn_strided_hosts(&job) == (hosted_shapes[_i].hosted && past > 0 && job.channels % past == 0));
    check_pass(&c, TN_CONV_DATA, &d);
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

TN_SUITE("conv_exact", {test_coverage, 0}, TN_LOOPED(test_exact, SHAPES), TN_LOOPED(test_near, NEAR_SHAPES),
         TN_LOOPED(test_long_rows, 2), TN_LOOPED(test_large, LARGE_SHAPES), TN_LOOPED(test_padded, PADDED_SHAPES),
         TN_LOOPED(test_hosted, HOSTED_SHAPES), TN_LOOPED(test_shared, 2 * SHARED_SHAPES), TN_LOOPED(test_even, 3 * EVEN_SHAPES),
         TN_LOOPED(test_empty, EVEN_SHAPES), TN_LOOPED(test_shares, SHARE_SHAPES), TN_LOOPED(test_depthwise, 60),
         TN_LOOPED(test_depthwise_endings, TN_TANH + 1))
