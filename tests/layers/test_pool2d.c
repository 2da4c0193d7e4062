/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pooling by finite differences; ties, NaN and infinity by tests of their own. */
#include "finite.h"

typedef struct pool_case {
    int64_t n, h, w, c;
    bool mean;
    tn_pool2d_options options;
    int64_t oh, ow, top, left, bottom, right; /* worked out by hand */
} pool_case;

static const pool_case cases[] = {
    {2, 6, 4, 3, false, {.pool_size = 2}, 3, 2, 0, 0, 0, 0},
    {1, 7, 7, 2, false, {.pool_size = 3, .strides = 2}, 3, 3, 0, 0, 0, 0},
    {1, 7, 6, 2, false, {.pool_height = 2, .pool_width = 3, .strides_height = 3, .strides_width = 1}, 2, 4, 0, 0, 0, 0},
    {1, 6, 5, 2, false, {.pool_size = 3, .strides = 2, .padding = TN_SAME}, 3, 3, 0, 1, 1, 1},
    {1, 6, 6, 1, false, {.pool_size = 3, .strides = 2, .ceil_mode = true}, 3, 3, 0, 0, 0, 0},
    {1, 7, 7, 2, false, {.pool_size = 3, .strides = 1, .dilation = 2}, 3, 3, 0, 0, 0, 0},
    {1, 5, 5, 3, false, {.pool_size = 1, .strides = 3}, 2, 2, 0, 0, 0, 0},
    {2, 6, 4, 3, true, {.pool_size = 2}, 3, 2, 0, 0, 0, 0},
    {1, 6, 5, 2, true, {.pool_size = 3, .strides = 2, .padding = TN_SAME}, 3, 3, 0, 1, 1, 1},
    {1, 6, 5, 2, true, {.pool_size = 3, .strides = 2, .padding = TN_SAME, .count_padding = true}, 3, 3, 0, 1, 1, 1},
    {1, 6, 6, 1, true, {.pool_size = 3, .strides = 2, .ceil_mode = true, .count_padding = true}, 3, 3, 0, 0, 0, 0},
    {1,
     4,
     5,
     2,
     true,
     {.pool_size = 3,
      .strides = 2,
      .padding = TN_EXPLICIT,
      .pad_top = 2,
      .pad_right = 1,
      .ceil_mode = true,
      .count_padding = true},
     3,
     3,
     2,
     0,
     0,
     1},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int64_t either(int64_t own, int64_t both, int64_t otherwise)
{
    return own ? own : both ? both : otherwise;
}

static finite_window window_of(const pool_case *k)
{
    const tn_pool2d_options *o = &k->options;
    finite_window g = {
        .n = k->n, .h = k->h, .w = k->w, .c = k->c, .top = k->top, .left = k->left, .oh = k->oh, .ow = k->ow};
    g.r = either(o->pool_height, o->pool_size, 0);
    g.s = either(o->pool_width, o->pool_size, 0);
    g.stride_h = either(o->strides_height, o->strides, g.r);
    g.stride_w = either(o->strides_width, o->strides, g.s);
    g.dilation_h = g.dilation_w = either(0, o->dilation, 1);
    return g;
}

/* Pixels that the mean divides by: of the image, or of the padded image, not of what ceil mode adds beyond it. */
static bool counts(const pool_case *k, const finite_window *g, int64_t i, int64_t j, int64_t r, int64_t s)
{
    int64_t pixel, y = i * g->stride_h + r - g->top, x = j * g->stride_w + s - g->left;
    if (k->options.count_padding)
        return y < g->h + k->bottom && x < g->w + k->right;
    return finite_pixel(g, i, j, r, s, &pixel);
}

static double pool_one(const pool_case *k, const finite_window *g, const double *image, int64_t i, int64_t j, int64_t c)
{
    double most = -INFINITY, sum = 0.0, count = 0.0;
    int64_t pixel;
    for (int64_t p = 0; p < g->r * g->s; p++) {
        if (finite_pixel(g, i, j, p / g->s, p % g->s, &pixel)) {
            most = fmax(most, image[pixel * g->c + c]);
            sum += image[pixel * g->c + c];
        }
        count += counts(k, g, i, j, p / g->s, p % g->s);
    }
    return k->mean ? sum / count : most;
}

static void reference(const void *context, const double *x, double *const *params, double *y)
{
    const pool_case *k = context;
    const finite_window g = window_of(k);
    (void)params;
    for (int64_t o = 0; o < g.n * g.oh * g.ow * g.c; o++) {
        int64_t p = o / g.c;
        y[o] = pool_one(k, &g, x + p / (g.oh * g.ow) * g.h * g.w * g.c, p / g.ow % g.oh, p % g.ow, o % g.c);
    }
}

START_TEST(test_cases)
{
    const pool_case *k = &cases[_i];
    tn_pool2d_options options = k->options;
    options.struct_size = sizeof options;
    finite_check(k->mean ? tn_avg_pool2d_create(&options) : tn_max_pool2d_create(&options),
                 (tn_shape){4, {k->n, k->h, k->w, k->c}}, false, reference, k, 2e-6);
}
END_TEST

static const tn_shape row = {4, {1, 2, 4, 1}}; /* two windows of 2x2 */

/* The outputs go into y: those in the session end with backward. */
static finite pool_row(const float values[8], float y[2])
{
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, row.rank, row.dims, values, &x));
    finite f = finite_create(tn_max_pool2d(.pool_size = 2), row, false, x);
    tn_tensor_destroy(&x);
    memcpy(y, tn_tensor_const_f32(f.y), 2 * sizeof *y);
    finite_backward(&f);
    return f;
}

static void ck_goes_to(const finite *f, int64_t window, int64_t pixel)
{
    for (int64_t r = 0; r < 2; r++)
        for (int64_t s = 0; s < 2; s++) {
            int64_t at = r * 4 + 2 * window + s;
            float expected = at == pixel ? tn_tensor_f32(f->dy)[window] : 0.0f;
            ck_assert_msg(tn_tensor_const_f32(f->dx)[at] == expected, "window %lld, pixel %lld", (long long)window,
                          (long long)at);
        }
}

START_TEST(test_ties)
{
    float y[2];
    finite f = pool_row((const float[]){1, 2, 0.0f, -0.0f, 2, 2, -0.0f, 0.0f}, y);
    ck_goes_to(&f, 0, 1);
    ck_goes_to(&f, 1, 2);
    finite_destroy(&f);
    f = pool_row((const float[]){-3, -3, -INFINITY, -INFINITY, -3, -3, -INFINITY, -INFINITY}, y);
    ck_goes_to(&f, 0, 0);
    ck_goes_to(&f, 1, 2);
    ck_assert(y[1] == -INFINITY);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_nan)
{
    float y[2];
    finite f = pool_row((const float[]){1, NAN, INFINITY, 0, NAN, 9, 2, NAN}, y);
    ck_assert(isnan(y[0]) && isnan(y[1]));
    ck_goes_to(&f, 0, 1);
    ck_goes_to(&f, 1, 7);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_mean_of_nan)
{
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, row.rank, row.dims, (const float[]){1, NAN, 1, 2, 1, 1, 3, 2}, &x));
    finite f = finite_create(tn_avg_pool2d(.pool_size = 2), row, false, x);
    ck_assert(isnan(tn_tensor_const_f32(f.y)[0]));
    ck_assert_float_eq(tn_tensor_const_f32(f.y)[1], 2.0f);
    tn_tensor_destroy(&x);
    finite_destroy(&f);
}
END_TEST

/* A window that steps over the whole image has no maximum. */
START_TEST(test_window_beside_image)
{
    tn_model *model = NULL;
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {2, 2, 1}};
    ck_fails(tn_model_create(tn_max_pool2d(.pool_size = 2, .strides = 1, .dilation = 5, .padding = TN_EXPLICIT,
                                           .pad_top = 2, .pad_bottom = 2, .pad_left = 2, .pad_right = 2),
                             &options, &model),
             TN_ERR_SHAPE, "max_pool2d_1: ");
}
END_TEST

/* As many positions as 32 bits count, and one row more. */
START_TEST(test_positions)
{
    const int64_t wide = INT64_C(1) << 16;
    tn_layer *layer = _i ? tn_avg_pool2d(.pool_height = wide / 2 - 1, .pool_width = wide)
                         : tn_max_pool2d(.pool_height = wide / 2 - 1, .pool_width = wide);
    ck_assert_ptr_nonnull(layer);
    tn_layer_destroy(&layer);
    layer = _i ? tn_avg_pool2d(.pool_height = wide / 2, .pool_width = wide)
               : tn_max_pool2d(.pool_size = INT64_C(1) << 62);
    ck_assert_ptr_null(layer);
    ck_assert_int_eq(tn_last_status(), TN_ERR_OVERFLOW);
    ck_assert_str_eq(tn_last_error(), _i ? "avg_pool2d: a window of 32768x65536 has too many positions"
                                         : "max_pool2d: a window of 4611686018427387904x4611686018427387904 has too many "
                                           "positions");
}
END_TEST

TN_SUITE("pool2d", TN_LOOPED(test_cases, CASES), {test_ties}, {test_nan}, {test_mean_of_nan},
         {test_window_beside_image}, TN_LOOPED(test_positions, 2))
