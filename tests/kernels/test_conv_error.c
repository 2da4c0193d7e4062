/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The rounding error of each algorithm and pass of a convolution, on usual and on adversarial data, held to the
 *  documented bounds (conv_bounds.h). With TN_TEST_SHOW set, the errors are printed.
 *
 *  The error is the largest difference from float64 over the largest value: max |y - y64| / max |y64|. That is a fair
 *  measure while the largest sums do not cancel, and most data below are made so that they do not. Two are made to
 *  cancel: filters that sum to zero under a large mean, and signs that cancel within a window. There even a plain sum
 *  loses what cancels, and the difference is over the largest sum of magnitudes, max sum |x| |w|.
 *
 *  Sums are as deep as AlexNet's in what they run over (channels, filters, or pixels of all images), and thin in the
 *  rest, where every number is a sum of its own: so the reference is quick. */
#include "conv_bounds.h"
#include "guarded.h"
#include "isa_suite.h"

#include "kernels/conv_gemm.h"
#include "kernels/conv_strassen.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

static const char *const pass_names[] = {"forward", "data", "filter"};

/* AlexNet's conv2 (5x5) and conv3 to conv5 (3x3), a deep sum for each pass, one image of VGG's depth, and ResNet's
 * strided layers; a depthwise one; and 1x1, of more than one slab by the filters. */
static const struct {
    tn_conv_pass pass;
    int64_t n, size, c, f, r, stride; /* f 0: depthwise */
} sums[] = {
    {TN_CONV_FORWARD, 1, 27, 96, 32, 5, 1},  {TN_CONV_DATA, 1, 27, 16, 256, 5, 1},
    {TN_CONV_FILTER, 8, 27, 16, 32, 5, 1},   {TN_CONV_FORWARD, 2, 13, 384, 32, 3, 1},
    {TN_CONV_DATA, 2, 13, 16, 384, 3, 1},    {TN_CONV_FILTER, 32, 13, 16, 32, 3, 1},
    {TN_CONV_FORWARD, 1, 14, 512, 64, 3, 1}, {TN_CONV_DATA, 1, 14, 32, 512, 3, 1},
    {TN_CONV_FORWARD, 2, 28, 384, 32, 3, 2}, {TN_CONV_DATA, 2, 28, 16, 384, 3, 2},
    {TN_CONV_FORWARD, 1, 24, 96, 32, 7, 1},  {TN_CONV_DATA, 1, 24, 16, 256, 7, 1},
    {TN_CONV_FILTER, 8, 24, 16, 32, 7, 1},   {TN_CONV_FILTER, 16, 28, 16, 32, 3, 2},  {TN_CONV_FILTER, 16, 56, 24, 0, 3, 1},
    {TN_CONV_FORWARD, 1, 14, 1024, 64, 1, 1}, {TN_CONV_DATA, 1, 14, 64, 1024, 1, 1}, {TN_CONV_FILTER, 7, 14, 64, 64, 1, 1},
};
enum { SUMS = sizeof sums / sizeof sums[0] };

static tn_conv_shape shape_number(int number)
{
    int64_t n = sums[number].n, size = sums[number].size, c = sums[number].c, f = sums[number].f, r = sums[number].r;
    int64_t stride = sums[number].stride, out = (size + r / 2 * 2 - r) / stride + 1;
    return (tn_conv_shape){.n = n,
                           .h = size,
                           .w = size,
                           .c = c,
                           .r = r,
                           .s = r,
                           .f = f > 0 ? f : c,
                           .oh = out,
                           .ow = out,
                           .stride_h = stride,
                           .stride_w = stride,
                           .dilation_h = 1,
                           .dilation_w = 1,
                           .pad_top = r / 2,
                           .pad_left = r / 2,
                           .groups = f > 0 ? 1 : c};
}

/* ---- data ---- */

/** A pass's operands; out of three, two are read. */
typedef struct operands {
    tn_conv_shape shape;
    tn_conv_pass pass;
    float *x, *w, *dy;
} operands;

/** Nearly normal: a sum of twelve uniform numbers, which is the same on every machine. */
static double draw_normal(draw *d)
{
    double sum = 0.0;
    for (int i = 0; i < 12; i++)
        sum += (double)draw_int(d, 0, 1000000) * 1e-6;
    return sum - 6.0;
}

static void normal(draw *d, double mean, double deviation, float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)(mean + deviation * draw_normal(d));
}

static void fill_uniform(draw *d, operands *o)
{
    draw_reals(d, 0.0, 1.0, o->x, conv_x_size(&o->shape, o->shape.n));
    draw_reals(d, 0.0, 1.0, o->w, conv_w_size(&o->shape));
    draw_reals(d, 0.0, 1.0, o->dy, conv_y_size(&o->shape, o->shape.n));
}

static void fill_normal(draw *d, operands *o)
{
    normal(d, 0.0, 1.0, o->x, conv_x_size(&o->shape, o->shape.n));
    normal(d, 0.0, 1.0, o->w, conv_w_size(&o->shape));
    normal(d, 0.0, 1.0, o->dy, conv_y_size(&o->shape, o->shape.n));
}

/** As behind a ReLU, and its gradient: half of the numbers are zero, the images not negative. */
static void fill_relu(draw *d, operands *o)
{
    fill_normal(d, o);
    for (int64_t i = 0; i < conv_x_size(&o->shape, o->shape.n); i++)
        o->x[i] = o->x[i] > 0.0f ? o->x[i] : 0.0f;
    for (int64_t i = 0; i < conv_y_size(&o->shape, o->shape.n); i++)
        o->dy[i] = draw_int(d, 0, 1) ? o->dy[i] : 0.0f;
}

/** A large mean and a small variance: Winograd's differences cancel nearly all of the data. */
static void fill_large_mean(draw *d, operands *o)
{
    fill_normal(d, o);
    normal(d, 100.0, 1.0, o->x, conv_x_size(&o->shape, o->shape.n));
    normal(d, 100.0, 1.0, o->dy, conv_y_size(&o->shape, o->shape.n));
}

/** `count` numbers that are `step` apart sum to zero. */
static void clear_mean(float *data, int64_t count, int64_t step)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)data[i * step];
    for (int64_t i = 0; i < count; i++)
        data[i * step] -= (float)(sum / (double)count);
}

/** The same under filters whose taps sum to zero, or those numbers of their one tap that are summed: the mean cancels from the
 *  results. */
static void fill_zero_sum(draw *d, operands *o)
{
    fill_large_mean(d, o);
    int64_t taps = o->shape.r * o->shape.s, step = conv_w_size(&o->shape) / taps, c = o->shape.c, f = o->shape.f;
    for (int64_t i = 0; i < step && taps > 1; i++)
        clear_mean(o->w + i, taps, step);
    for (int64_t i = 0; i < f && taps == 1 && o->pass != TN_CONV_DATA; i++)
        clear_mean(o->w + i, c, f);
    for (int64_t i = 0; i < c && taps == 1 && o->pass == TN_CONV_DATA; i++)
        clear_mean(o->w + i * f, f, 1);
}

/** Signs that alternate from pixel to pixel and from tap to tap, so that products add up. */
static void alternate(float *data, int64_t width, int64_t channels, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t pixel = i / channels;
        float size = data[i] < 0.0f ? -data[i] : data[i];
        data[i] = (pixel % width + pixel / width % width) % 2 ? -size : size;
    }
}

static void fill_alternating(draw *d, operands *o)
{
    const tn_conv_shape *s = &o->shape;
    fill_uniform(d, o);
    alternate(o->x, s->w, s->c, conv_x_size(s, s->n));
    alternate(o->w, s->s, conv_w_size(s) / (s->r * s->s), conv_w_size(s));
    alternate(o->dy, s->ow, s->f, conv_y_size(s, s->n));
}

/** Few numbers that are larger than all others together, each in another place of its tile, in which its error
 *  spreads: in channel `channel`, or in any for -1. */
static void put_outliers(draw *d, int64_t channel, float *data, int64_t channels, int64_t count)
{
    for (int64_t pixel = 5; pixel < count / channels; pixel += 37) {
        int64_t any = draw_int(d, 0, channels - 1);
        data[pixel * channels + (channel < 0 ? any : channel)] = draw_int(d, 0, 1) ? 1e6f : -1e6f;
    }
}

static void fill_with_outliers(draw *d, int64_t channel, operands *o)
{
    fill_normal(d, o);
    if (o->pass == TN_CONV_DATA)
        put_outliers(d, channel, o->dy, o->shape.f, conv_y_size(&o->shape, o->shape.n));
    else
        put_outliers(d, channel, o->x, o->shape.c, conv_x_size(&o->shape, o->shape.n));
}

static void fill_outliers(draw *d, operands *o)
{
    fill_with_outliers(d, -1, o);
}

/** The first channel is first in each sum: all that is added to it is rounded to its size. */
static void fill_first_outliers(draw *d, operands *o)
{
    fill_with_outliers(d, 0, o);
}

/** The signs of B^T's row of point 2 in F(6,3) and F(4,5), again and again, under filters of one sign: the transformed
 *  numbers are as large as they can be, and cancel in A^T. */
static void fill_tile_signs(draw *d, operands *o)
{
    static const float signs[8] = {1.0f, 1.0f, 1.0f, -1.0f, -1.0f, 1.0f, 1.0f, -1.0f};
    const tn_conv_shape *s = &o->shape;
    draw_reals(d, 1.0, 0.1, o->x, conv_x_size(s, s->n));
    draw_reals(d, 1.0, 0.1, o->w, conv_w_size(s));
    draw_reals(d, 1.0, 0.1, o->dy, conv_y_size(s, s->n));
    for (int64_t i = 0; i < conv_x_size(s, s->n); i++)
        o->x[i] *= signs[i / s->c % s->w % 8] * signs[i / s->c / s->w % s->h % 8];
    for (int64_t i = 0; i < conv_y_size(s, s->n); i++)
        o->dy[i] *= signs[i / s->f % s->ow % 8] * signs[i / s->f / s->ow % s->oh % 8];
}

typedef struct data_kind {
    const char *name;
    void (*fill)(draw *d, operands *o);
    bool cancels; /* measure over sums of magnitudes */
    bool begun;   /* has bounds of its own */
} data_kind;

static const data_kind kinds[] = {
    {"uniform", fill_uniform, false, false},
    {"normal", fill_normal, false, false},
    {"behind ReLU", fill_relu, false, false},
    {"large mean", fill_large_mean, false, false},
    {"zero-sum filters", fill_zero_sum, true, false},
    {"alternating", fill_alternating, false, false},
    {"outliers", fill_outliers, false, false},
    {"tile signs", fill_tile_signs, true, false},
    {"first outliers", fill_first_outliers, false, true},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static operands make_operands(int number, const data_kind *kind)
{
    int of = (int)(kind - kinds);
    draw d = {1301 + (uint64_t)(number * 8 + of % 8 + of / 8 * 1000)}; /* more kinds do not change the first eight */
    tn_conv_shape s = shape_number(number);
    operands o = {s, sums[number].pass, floats(conv_x_size(&s, s.n)), floats(conv_w_size(&s)),
                  floats(conv_y_size(&s, s.n))};
    kind->fill(&d, &o);
    return o;
}

static void free_operands(operands *o)
{
    free(o->x);
    free(o->w);
    free(o->dy);
}

/* ---- errors ---- */

static double largest(const double *values, int64_t count)
{
    double most = 0.0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

static void magnitudes(float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = fabsf(values[i]);
}

/** What errors of this pass are measured by. Takes the signs off the operands if it must: they are read no more. */
static double measure_of(const data_kind *kind, operands *o, const double *exact, int64_t count)
{
    if (!kind->cancels)
        return largest(exact, count);
    magnitudes(o->x, conv_x_size(&o->shape, o->shape.n));
    magnitudes(o->w, conv_w_size(&o->shape));
    magnitudes(o->dy, conv_y_size(&o->shape, o->shape.n));
    double *sizes = conv_reference(&o->shape, o->pass, o->shape.n, o->x, o->w, o->dy), most;
    ck_assert_ptr_nonnull(sizes);
    most = largest(sizes, count);
    free(sizes);
    return most;
}

static bool applies(const conv_bounds *algorithm, const tn_conv_shape *s)
{
    if (algorithm->m == TN_CONV_HALVES)
        return tn_conv_strassen_fits(s);
    return algorithm->m == 0 || (s->groups == 1 && algorithm->r == s->r && algorithm->stride == s->stride_h);
}

/** One pass by one algorithm, on two threads. */
static void run_pass(const conv_bounds *algorithm, const operands *o, float *out)
{
    tn_conv_pass pass = o->pass;
    const tn_conv_shape *s = &o->shape;
    size_t bytes;
    if (algorithm->m == 0)
        ck_ok(tn_conv_gemm_scratch(s, pass, 2, &bytes));
    else if (algorithm->m == TN_CONV_HALVES)
        ck_ok(tn_conv_strassen_scratch(s, pass, false, 2, &bytes));
    else
        ck_ok(tn_winograd_scratch(s, pass, algorithm->m, false, 2, &bytes));
    const tn_conv_plan plan = {.shape = *s,
                               .pass = pass,
                               .tile = algorithm->m,
                               .threads = 2,
                               .algorithm = algorithm->m > 0   ? TN_CONV_WINOGRAD
                                            : algorithm->m < 0 ? TN_CONV_STRASSEN
                                                               : TN_CONV_GEMM,
                               .scratch_bytes = bytes};
    guarded scratch = guard(bytes);
    tn_pool *pool = pool_of(2);
    if (pass == TN_CONV_FORWARD)
        tn_conv_forward(&plan, pool, s->n, o->x, o->w, NULL, NULL, TN_LINEAR, out, scratch.memory);
    else if (pass == TN_CONV_DATA)
        tn_conv_data_gradient(&plan, pool, s->n, o->dy, o->w, NULL, out, scratch.memory);
    else
        tn_conv_filter_gradient(&plan, pool, s->n, o->x, o->dy, false, out, scratch.memory);
    tn_pool_destroy(&pool);
    check_guard(&scratch);
}

static double largest_difference(const float *got, const double *exact, int64_t count)
{
    double most = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - exact[i]);
        most = error <= most ? most : error; /* a NaN sticks */
    }
    return most;
}

static void check_error(const conv_bounds *algorithm, const data_kind *kind, int number, double error)
{
    double bound = (kind->begun ? algorithm->begun : algorithm->bounds)[sums[number].pass];
    char name[24] = "gemm";
    if (algorithm->m == TN_CONV_HALVES)
        snprintf(name, sizeof name, "strassen");
    else if (algorithm->m)
        snprintf(name, sizeof name, "F(%d,%d,%d)", algorithm->m, algorithm->r, algorithm->stride);
    if (getenv("TN_TEST_SHOW"))
        fprintf(stderr, "%-9s %-7s %-18s sum %d: %.2g\n", name, pass_names[sums[number].pass], kind->name, number,
                error);
    ck_assert_msg(error <= bound, "%s, %s, %s, sum %d: error %g, bound %g", name, pass_names[sums[number].pass],
                  kind->name, number, error, bound);
}

/* Sum _i / KINDS on data _i % KINDS, by every algorithm. */
START_TEST(test_errors)
{
    const data_kind *kind = &kinds[_i % KINDS];
    operands o = make_operands(_i / KINDS, kind);
    const tn_conv_shape *s = &o.shape;
    const int64_t sizes[] = {conv_y_size(s, s->n), conv_x_size(s, s->n), conv_w_size(s)}, size = sizes[o.pass];
    double *exact = conv_reference(s, o.pass, s->n, o.x, o.w, o.dy), differences[CONV_BOUNDS] = {0};
    float *out = floats(size);
    ck_assert_ptr_nonnull(exact);
    for (int a = 0; a < CONV_BOUNDS; a++) {
        if (applies(&all_conv_bounds[a], s)) {
            run_pass(&all_conv_bounds[a], &o, out);
            differences[a] = largest_difference(out, exact, size);
        }
    }
    double measure = measure_of(kind, &o, exact, size);
    for (int a = 0; a < CONV_BOUNDS; a++) {
        if (applies(&all_conv_bounds[a], s))
            check_error(&all_conv_bounds[a], kind, _i / KINDS, differences[a] / measure);
    }
    free(out);
    free(exact);
    free_operands(&o);
}
END_TEST

/* No algorithm is without its bounds, and none has bounds above what the library promises. */
START_TEST(test_all_have_bounds)
{
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; maps->m != 0; maps++)
        ck_assert_msg(conv_bounds_of(maps->m, maps->r, maps->stride) != NULL, "F(%d,%d) at stride %d has no bounds",
                      maps->m, maps->r, maps->stride);
    for (int a = 0; a < CONV_BOUNDS; a++) {
        for (int pass = 0; pass < 3; pass++)
            ck_assert(all_conv_bounds[a].bounds[pass] <= 3e-5 && all_conv_bounds[a].begun[pass] <= 3e-5);
    }
}
END_TEST

TN_ISA_SUITE("conv_error", {test_all_have_bounds}, TN_LOOPED(test_errors, SUMS *KINDS))
