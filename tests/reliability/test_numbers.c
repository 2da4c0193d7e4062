/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What is not finite, in each layer: one element of one image becomes NaN or infinite, and
 *
 *      the other images keep their bits, forward and backward;
 *      in its own image, NaN is wherever the element reaches by definition; without Winograd, nowhere else.
 *
 *  Which results an element reaches is seen by giving it other finite values, with plain sums: those change. */
#include "nets.h"
#include "world.h"

#include <math.h>

enum { IMAGES = 3, HIT = 1 /* the image that is spoiled */ };

typedef struct layer_case {
    const char *name;
    tn_layer *(*make)(void);
    int64_t dims[3]; /* of an image; ends at the first 0 */
    bool precise;    /* plain sums: reaches by definition alone */
} layer_case;

static tn_layer *conv_3x3(void)
{
    return tn_conv2d(.filters = 16, .kernel_size = 3, .padding = TN_SAME);
}

static tn_layer *conv_5x5(void)
{
    return tn_conv2d(.filters = 16, .kernel_size = 5, .padding = TN_SAME);
}

static tn_layer *conv_strided(void)
{
    return tn_conv2d(.filters = 6, .kernel_size = 3, .strides = 2, .groups = 2, .activation = TN_RELU);
}

static tn_layer *conv_dilated(void)
{
    return tn_conv2d(.filters = 5, .kernel_height = 2, .kernel_width = 3, .dilation = 2);
}

static tn_layer *max_pool(void)
{
    return tn_max_pool2d(.pool_size = 3, .strides = 2);
}

static tn_layer *mean_pool(void)
{
    return tn_avg_pool2d(.pool_size = 3, .strides = 2, .padding = TN_SAME);
}

static tn_layer *dense(void)
{
    return tn_dense(.units = 21, .activation = TN_TANH);
}

static tn_layer *relu(void)
{
    return tn_activation_layer(.activation = TN_RELU);
}

static tn_layer *sigmoid(void)
{
    return tn_activation_layer(.activation = TN_SIGMOID);
}

static tn_layer *softmax(void)
{
    return tn_activation_layer(.activation = TN_SOFTMAX);
}

static tn_layer *flatten(void)
{
    return tn_flatten(.name = NULL);
}

static tn_layer *dropout(void)
{
    return tn_dropout(.rate = 0.25f);
}

static tn_layer *callers_own(void)
{
    return multiplier(NULL);
}

static const layer_case cases[] = {
    {"convolution 3x3, plain", conv_3x3, {26, 26, 16}, true},
    {"convolution 3x3, Winograd", conv_3x3, {26, 26, 16}, false},
    {"convolution 5x5, plain", conv_5x5, {14, 14, 16}, true},
    {"convolution 5x5, Winograd", conv_5x5, {14, 14, 16}, false},
    {"convolution in groups, strides, ReLU", conv_strided, {9, 9, 4}, true},
    {"dilated convolution", conv_dilated, {9, 9, 3}, true},
    {"max pooling", max_pool, {9, 9, 5}, true},
    {"average pooling", mean_pool, {9, 9, 5}, true},
    {"dense", dense, {37}, true},
    {"ReLU", relu, {7, 5, 3}, true},
    {"sigmoid", sigmoid, {35}, true},
    {"softmax", softmax, {5, 13}, true},
    {"flatten", flatten, {3, 4, 5}, true},
    {"dropout", dropout, {35}, true},
    {"a caller's layer", callers_own, {12}, true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* --- one run: forward with x, backward with dy */

typedef struct outcome {
    tn_tensor *y, *dx;
} outcome;

static void close_outcome(outcome *o)
{
    tn_tensor_destroy(&o->y);
    tn_tensor_destroy(&o->dx);
}

static tn_session *open_session(const layer_case *c, bool precise)
{
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_model_options options = {.struct_size = sizeof options, .seed = 5, .precise = precise};
    memcpy(options.input_shape, c->dims, sizeof c->dims);
    ck_ok(tn_model_create(c->make(), &options, &model));
    ck_ok(tn_session_create(
        model,
        TN_OPTIONS(tn_session_options, .batch_size = IMAGES, .training = true, .input_gradient = true, .threads = 2),
        &session));
    tn_model_destroy(&model);
    return session;
}

static outcome run(tn_session *session, const tn_tensor *x, const tn_tensor *dy)
{
    outcome o = {0};
    const tn_tensor *y, *dx;
    tn_session_set_step(session, 0); /* the same dropout each time */
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &o.y));
    ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE));
    ck_ok(tn_session_input_gradient(session, &dx));
    ck_ok(tn_tensor_clone(NULL, dx, &o.dx));
    return o;
}

static tn_tensor *random_like(tn_shape shape, uint64_t seed)
{
    tn_tensor *tensor = NULL;
    shape.dims[0] = IMAGES;
    ck_ok(tn_tensor_create(NULL, TN_F32, shape.rank, shape.dims, &tensor));
    ck_ok(tn_tensor_fill_uniform(tensor, -1.0f, 1.0f, seed));
    return tensor;
}

/* --- spoiling one element */

typedef struct bench {
    const layer_case *c;
    tn_session *session, *plain; /* the layer as it is, and with plain sums */
    tn_tensor *x, *dy;
    outcome clean;
} bench;

static bench open_bench(const layer_case *c)
{
    bench b = {.c = c, .session = open_session(c, c->precise), .plain = open_session(c, true)};
    b.x = random_like(tn_model_input_shape(tn_session_model(b.session)), 1);
    b.dy = random_like(tn_model_output_shape(tn_session_model(b.session)), 2);
    b.clean = run(b.session, b.x, b.dy);
    return b;
}

static void close_bench(bench *b)
{
    close_outcome(&b->clean);
    tn_session_destroy(&b->session);
    tn_session_destroy(&b->plain);
    tn_tensor_destroy(&b->x);
    tn_tensor_destroy(&b->dy);
}

static outcome run_with(const bench *b, tn_session *session, bool backward, int64_t element, float value)
{
    float *place = tn_tensor_f32(backward ? b->dy : b->x) + element, old = *place;
    *place = value;
    outcome o = run(session, b->x, b->dy);
    *place = old;
    return o;
}

static const float *result(const outcome *o, bool backward)
{
    return tn_tensor_const_f32(backward ? o->dx : o->y);
}

static int64_t result_size(const outcome *o, bool backward)
{
    return tn_tensor_size(backward ? o->dx : o->y) / IMAGES;
}

static void expect_images_apart(const bench *b, const outcome *spoiled, bool backward, float value)
{
    const int64_t each = result_size(spoiled, backward);
    for (int64_t image = 0; image < IMAGES; image++)
        if (image != HIT)
            ck_assert_msg(memcmp(result(spoiled, backward) + image * each, result(&b->clean, backward) + image * each,
                                 (size_t)each * sizeof(float)) == 0,
                          "%s: %g in image %d reaches image %d", b->c->name, (double)value, HIT, (int)image);
}

/* Results of the image that change with the element. */
static void find_reached(const bench *b, bool backward, int64_t element, bool *reached, int64_t count)
{
    outcome up = run_with(b, b->plain, backward, element, 1000.0f);
    outcome down = run_with(b, b->plain, backward, element, -1000.0f);
    for (int64_t i = HIT * count; i < (HIT + 1) * count; i++)
        reached[i - HIT * count] = result(&up, backward)[i] != result(&down, backward)[i];
    close_outcome(&up);
    close_outcome(&down);
}

/* True if the element reaches any result. */
static bool expect_nan_where_reached(const bench *b, const outcome *spoiled, bool backward, int64_t element)
{
    const int64_t count = result_size(spoiled, backward);
    const float *now = result(spoiled, backward) + HIT * count, *clean = result(&b->clean, backward) + HIT * count;
    bool *reached = calloc((size_t)count, sizeof *reached), any = false;
    find_reached(b, backward, element, reached, count);
    for (int64_t i = 0; i < count; i++) {
        any |= reached[i];
        ck_assert_msg(!reached[i] || isnan(now[i]), "%s: NaN at %d should reach result %d, which is %g", b->c->name,
                      (int)element, (int)i, (double)now[i]);
        ck_assert_msg(reached[i] || !b->c->precise || memcmp(&now[i], &clean[i], sizeof *now) == 0,
                      "%s: NaN at %d reaches result %d", b->c->name, (int)element, (int)i);
    }
    free(reached);
    return any;
}

static bool check_element(const bench *b, bool backward, int64_t element)
{
    bool any = false;
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (int v = 0; v < 3; v++) {
        outcome spoiled = run_with(b, b->session, backward, element, values[v]);
        expect_images_apart(b, &spoiled, backward, values[v]);
        if (v == 0)
            any = expect_nan_where_reached(b, &spoiled, backward, element);
        close_outcome(&spoiled);
    }
    return any;
}

/* The first, the last, and some between of the image's elements. */
START_TEST(test_spoiled_input)
{
    bench b = open_bench(&cases[_i]);
    const int64_t each = tn_tensor_size(b.x) / IMAGES;
    int reaching = 0;
    for (int k = 0; k <= 6; k++)
        reaching += check_element(&b, false, HIT * each + (each - 1) * k / 6);
    ck_assert_int_gt(reaching, 0); /* dropout and pooling may let some go nowhere */
    close_bench(&b);
}
END_TEST

START_TEST(test_spoiled_gradient)
{
    bench b = open_bench(&cases[_i]);
    const int64_t each = tn_tensor_size(b.dy) / IMAGES;
    int reaching = 0;
    for (int k = 0; k <= 6; k++)
        reaching += check_element(&b, true, HIT * each + (each - 1) * k / 6);
    ck_assert_int_gt(reaching, 0); /* dropout and pooling may let some go nowhere */
    close_bench(&b);
}
END_TEST

/* --- denormals */

/* Numbers so small that they are denormal, against the same ones times 2^100, which are not: linear layers give results
 * in the same ratio, up to the places that denormals lack. Nothing is flushed to zero. */
static void check_denormal(const layer_case *c)
{
    tn_session *session = open_session(c, c->precise);
    tn_tensor *x = random_like(tn_model_input_shape(tn_session_model(session)), 1);
    tn_tensor *dy = random_like(tn_model_output_shape(tn_session_model(session)), 2);
    outcome o[2];
    const double places = c->precise ? 1024.0 : 16384.0; /* Winograd's transforms are sums of larger numbers */
    int nonzero = 0;
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < tn_tensor_size(x); i++)
            tn_tensor_f32(x)[i] = ldexpf(tn_tensor_f32(x)[i], k == 0 ? -28 : -100);
        o[k] = run(session, x, dy);
    }
    for (int64_t i = 0; i < tn_tensor_size(o[0].y); i++) {
        double large = (double)tn_tensor_const_f32(o[0].y)[i], small = (double)tn_tensor_const_f32(o[1].y)[i];
        nonzero += small != 0.0;
        ck_assert_msg(fabs(ldexp(large, -100) - small) <= ldexp(places, -149), "%s: result %d is %g, should be %g",
                      c->name, (int)i, small, ldexp(large, -100));
    }
    ck_assert_int_gt(nonzero, tn_tensor_size(o[0].y) / 4);
    close_outcome(&o[0]);
    close_outcome(&o[1]);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
    tn_session_destroy(&session);
}

START_TEST(test_denormals)
{
    const layer_case *c = &cases[_i];
    if (strcmp(c->name, "sigmoid") != 0 && strcmp(c->name, "softmax") != 0)
        check_denormal(c);
}
END_TEST

TN_SUITE("numbers", TN_LOOPED(test_spoiled_input, CASES), TN_LOOPED(test_spoiled_gradient, CASES),
         TN_LOOPED(test_denormals, CASES))
