/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution by finite differences: windows at the border, strides larger than the kernel, groups, dilation, each
 *  kind of padding, each activation, with and without bias, and the ReLU that max pooling takes over. */
#include "finite.h"

typedef struct conv_case {
    int64_t n, h, w, c;
    tn_conv2d_options options;
    int64_t oh, ow, top, left; /* worked out by hand */
} conv_case;

static const conv_case cases[] = {
    {2, 5, 4, 3, {.filters = 2, .kernel_size = 3}, 3, 2, 0, 0},
    {1, 5, 5, 2, {.filters = 3, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU}, 5, 5, 1, 1},
    {1, 6, 5, 2, {.filters = 2, .kernel_size = 2, .padding = TN_SAME, .strides = 2, .activation = TN_TANH}, 3, 3, 0, 0},
    {1, 9, 8, 1, {.filters = 2, .kernel_size = 2, .strides = 4}, 2, 2, 0, 0},
    {1, 7, 5, 4, {.filters = 6, .kernel_height = 3, .kernel_width = 1, .strides_width = 3, .groups = 2}, 5, 2, 0, 0},
    {1, 7, 7, 2, {.filters = 2, .kernel_size = 3, .dilation = 2, .padding = TN_SAME}, 7, 7, 2, 2},
    {2,
     4,
     3,
     1,
     {.filters = 1,
      .kernel_size = 3,
      .padding = TN_EXPLICIT,
      .pad_top = 3,
      .pad_left = 1,
      .pad_right = 2,
      .without_bias = true},
     5,
     4,
     3,
     1},
    {1, 3, 3, 3, {.filters = 3, .kernel_size = 1, .activation = TN_SOFTMAX}, 3, 3, 0, 0},
    {1, 8, 8, 3, {.filters = 4, .kernel_size = 5, .padding = TN_SAME, .activation = TN_SIGMOID}, 8, 8, 2, 2},
    {3, 4, 4, 4, {.filters = 4, .kernel_size = 3, .groups = 4, .padding = TN_SAME, .activation = TN_RELU}, 4, 4, 1, 1},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int64_t either(int64_t own, int64_t both)
{
    return own ? own : both ? both : 1;
}

static finite_window window_of(const conv_case *k)
{
    const tn_conv2d_options *o = &k->options;
    return (finite_window){
        .n = k->n,
        .h = k->h,
        .w = k->w,
        .c = k->c,
        .r = either(o->kernel_height, o->kernel_size),
        .s = either(o->kernel_width, o->kernel_size),
        .stride_h = either(o->strides_height, o->strides),
        .stride_w = either(o->strides_width, o->strides),
        .dilation_h = either(o->dilation_height, o->dilation),
        .dilation_w = either(o->dilation_width, o->dilation),
        .top = k->top,
        .left = k->left,
        .oh = k->oh,
        .ow = k->ow,
    };
}

/* One output, from the definition. */
static double convolve(const conv_case *k, const finite_window *g, const double *image, const double *weight, int64_t i,
                       int64_t j, int64_t f)
{
    int64_t groups = either(0, k->options.groups), channels = g->c / groups, filters = k->options.filters, pixel;
    int64_t first = f / (filters / groups) * channels;
    double sum = 0.0;
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s++)
            for (int64_t c = 0; c < channels && finite_pixel(g, i, j, r, s, &pixel); c++)
                sum += image[pixel * g->c + first + c] * weight[((r * g->s + s) * channels + c) * filters + f];
    return sum;
}

static void reference(const void *context, const double *x, double *const *params, double *y)
{
    const conv_case *k = context;
    const finite_window g = window_of(k);
    int64_t filters = k->options.filters;
    for (int64_t p = 0; p < g.n * g.oh * g.ow; p++) {
        const double *image = x + p / (g.oh * g.ow) * g.h * g.w * g.c;
        for (int64_t f = 0; f < filters; f++) {
            double sum = convolve(k, &g, image, params[0], p / g.ow % g.oh, p % g.ow, f);
            sum += k->options.without_bias ? 0.0 : params[1][f];
            y[p * filters + f] = finite_activation(k->options.activation, sum);
        }
        if (k->options.activation == TN_SOFTMAX)
            finite_softmax(y + p * filters, filters, 1);
    }
}

static tn_layer *conv_of(const conv_case *k)
{
    tn_conv2d_options options = k->options;
    options.struct_size = sizeof options;
    return tn_conv2d_create(&options);
}

/* Winograd's bound is larger than that of plain sums. */
START_TEST(test_cases)
{
    const conv_case *k = &cases[_i / 2];
    bool precise = _i % 2;
    finite_check(conv_of(k), (tn_shape){4, {k->n, k->h, k->w, k->c}}, precise, reference, k, precise ? 1e-5 : 1e-4);
}
END_TEST

/* --- convolution and ReLU, then max pooling over overlapping windows: pooling's backward does the ReLU's part */

typedef struct pair_case {
    conv_case conv;
    int64_t pool, strides, oh, ow;
} pair_case;

static void pair_reference(const void *context, const double *x, double *const *params, double *y)
{
    const pair_case *k = context;
    int64_t n = k->conv.n, h = k->conv.oh, w = k->conv.ow, c = k->conv.options.filters;
    double *map = malloc((size_t)(n * h * w * c) * sizeof *map);
    reference(&k->conv, x, params, map);
    for (int64_t o = 0; o < n * k->oh * k->ow * c; o++) {
        int64_t image = o / c / k->ow / k->oh, i = o / c / k->ow % k->oh, j = o / c % k->ow;
        y[o] = -INFINITY;
        for (int64_t p = 0; p < k->pool * k->pool; p++) {
            int64_t row = i * k->strides + p / k->pool, col = j * k->strides + p % k->pool;
            y[o] = fmax(y[o], map[((image * h + row) * w + col) * c + o % c]);
        }
    }
    free(map);
}

/* _i: convolution, dense on the channels, activation layer before the pooling. */
START_TEST(test_relu_before_max_pool)
{
    static const pair_case k = {
        .conv = {2, 7, 7, 2, {.filters = 3, .kernel_size = 1, .activation = TN_RELU}, 7, 7, 0, 0},
        .pool = 3,
        .strides = 2,
        .oh = 3,
        .ow = 3};
    tn_layer *pool = tn_max_pool2d(.pool_size = 3, .strides = 2), *net;
    if (_i == 0)
        net = tn_sequential(conv_of(&k.conv), pool);
    else if (_i == 1)
        net = tn_sequential(tn_dense(.units = 3, .activation = TN_RELU), pool);
    else
        net =
            tn_sequential(tn_conv2d(.filters = 3, .kernel_size = 1), tn_activation_layer(.activation = TN_RELU), pool);
    finite_check(net, (tn_shape){4, {2, 7, 7, 2}}, true, pair_reference, &k, 1e-5);
}
END_TEST

/* That the map before the pooling is not kept is what it is done for. */
START_TEST(test_relu_saves_memory)
{
    tn_plan *with = NULL, *without = NULL;
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {64, 64, 1}};
    const tn_session_options training = {
        .struct_size = sizeof training, .batch_size = 8, .training = true, .threads = 1};
    tn_layer *relu =
        tn_sequential(tn_conv2d(.filters = 16, .kernel_size = 1, .activation = TN_RELU), tn_max_pool2d(.pool_size = 4));
    tn_layer *tanh_net =
        tn_sequential(tn_conv2d(.filters = 16, .kernel_size = 1, .activation = TN_TANH), tn_max_pool2d(.pool_size = 4));
    ck_ok(tn_model_plan(relu, &options, &training, &with));
    ck_ok(tn_model_plan(tanh_net, &options, &training, &without));
    uint64_t map = 8 * 64 * 64 * 16 * sizeof(float);
    ck_assert_uint_lt(tn_plan_memory(with).activations, 3 * map / 2);
    ck_assert_uint_ge(tn_plan_memory(without).activations, 2 * map);
    tn_plan_destroy(&with);
    tn_plan_destroy(&without);
    tn_layer_destroy(&relu);
    tn_layer_destroy(&tanh_net);
}
END_TEST

TN_SUITE("conv2d", TN_LOOPED(test_cases, 2 * CASES), TN_LOOPED(test_relu_before_max_pool, 3), {test_relu_saves_memory})
