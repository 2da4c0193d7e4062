/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Negative, zero, overflowing and mismatching arguments of tensors, layers, models and losses: the documented status,
 * a message with the shapes or values in it, and nothing changed. */
#include "bad_input.h"

#include <math.h>
#include <stdio.h>

#define refused(call, status, text) ck_fails(call, status, text)

START_TEST(test_tensor_sizes)
{
    tn_tensor *out = UNTOUCHED(tn_tensor);
    const int64_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, huge = INT64_MAX / 2;
    refused(tn_tensor_create(NULL, TN_F32, 9, many, &out), TN_ERR_INVALID, "9");
    refused(tn_tensor_create(NULL, TN_F32, -1, many, &out), TN_ERR_INVALID, "-1");
    refused(tn_tensor_create(NULL, (tn_dtype)42, 1, many, &out), TN_ERR_INVALID, "42");
    refused(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){-3, 2}, &out), TN_ERR_INVALID, "-3");
    refused(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){3, 0}, &out), TN_ERR_INVALID, "0");
    refused(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){huge, 4}, &out), TN_ERR_OVERFLOW, "");
    refused(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){huge, 1}, &out), TN_ERR_OVERFLOW, "");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
}
END_TEST

/* More than the machine has, or than a request may be: refused by the allocator, not by a crash. */
START_TEST(test_tensor_memory)
{
    tn_tensor *out = UNTOUCHED(tn_tensor);
    const int64_t dims[2] = {INT64_C(1) << 30, INT64_C(1) << 27};
    refused(tn_tensor_create(NULL, TN_F32, 2, dims, &out), TN_ERR_NO_MEMORY, "");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
}
END_TEST

START_TEST(test_tensor_views)
{
    tn_tensor *t = floats(2, 6), *out = UNTOUCHED(tn_tensor);
    refused(tn_tensor_reshape(t, 2, (const int64_t[]){5, 2}, &out), TN_ERR_SHAPE, "[2,6]");
    refused(tn_tensor_reshape(t, 2, (const int64_t[]){5, -1}, &out), TN_ERR_SHAPE, "[2,6]");
    refused(tn_tensor_reshape(t, 2, (const int64_t[]){-1, -1}, &out), TN_ERR_INVALID, "-1");
    refused(tn_tensor_slice(t, 1, 2, &out), TN_ERR_INVALID, "2");
    refused(tn_tensor_slice(t, -1, 1, &out), TN_ERR_INVALID, "-1");
    refused(tn_tensor_slice(t, 0, -1, &out), TN_ERR_INVALID, "-1");
    refused(tn_tensor_slice(t, INT64_MAX, INT64_MAX, &out), TN_ERR_INVALID, "");
    refused(tn_tensor_transpose(NULL, t, (const int[]){0, 0}, &out), TN_ERR_INVALID, "0");
    refused(tn_tensor_transpose(NULL, t, (const int[]){0, 2}, &out), TN_ERR_INVALID, "2");
    refused(tn_tensor_transpose(NULL, t, (const int[]){-1, 0}, &out), TN_ERR_INVALID, "-1");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    tn_tensor_destroy(&t);
}
END_TEST

/* Every element is `value`: a refused call wrote nothing. */
static void ck_still(const tn_tensor *t, float value)
{
    for (int64_t i = 0; i < tn_tensor_size(t); i++)
        ck_assert_float_eq(tn_tensor_const_f32(t)[i], value);
}

START_TEST(test_gemm_shapes)
{
    tn_tensor *a = floats(2, 3), *b = floats(4, 5), *square = floats(3, 3), *y = floats(2, 5);
    ck_ok(tn_tensor_fill(y, 7.0));
    refused(tn_gemm(NULL, a, b, NULL, y), TN_ERR_SHAPE, "[2,3]");
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "[4,5]"));
    refused(tn_gemm(NULL, a, square, NULL, y), TN_ERR_SHAPE, "[2,5]");
    refused(tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = true), a, square, NULL, y), TN_ERR_SHAPE, "[2,3]");
    refused(tn_gemm(TN_OPTIONS(tn_gemm_options, .threads = -1), a, b, NULL, y), TN_ERR_INVALID, "-1");
    ck_still(y, 7.0f);
    tn_tensor *c = floats(2, 2), *good = floats(3, 5);
    refused(tn_gemm(NULL, a, good, c, y), TN_ERR_SHAPE, "[2,2]");
    ck_still(y, 7.0f);
    refused(tn_gemm(NULL, square, square, NULL, square), TN_ERR_INVALID, "overlap");
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&c);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&good);
    tn_tensor_destroy(&square);
}
END_TEST

START_TEST(test_element_types)
{
    tn_tensor *f = floats(2, 2), *i = NULL, *mask = NULL;
    ck_ok(tn_tensor_create(NULL, TN_I32, 2, (const int64_t[]){2, 2}, &i));
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, (const int64_t[]){2, 2}, &mask));
    ck_ok(tn_tensor_fill(f, 7.0));
    refused(tn_gemm(NULL, i, f, NULL, f), TN_ERR_TYPE, "");
    refused(tn_softmax_tensor(i, 0, f), TN_ERR_TYPE, "");
    refused(tn_log_softmax_tensor(f, 0, i), TN_ERR_TYPE, "");
    refused(tn_tensor_copy(f, i), TN_ERR_TYPE, "");
    refused(tn_tensor_fill_uniform(i, 0.0f, 1.0f, 1), TN_ERR_TYPE, "");
    refused(tn_dropout_apply(f, f, 0.5f, f), TN_ERR_TYPE, "mask");
    refused(tn_dropout_apply(f, mask, 1.0f, f), TN_ERR_INVALID, "rate");
    refused(tn_dropout_apply(f, mask, -0.1f, f), TN_ERR_INVALID, "rate");
    refused(tn_dropout_apply(f, mask, NAN, f), TN_ERR_INVALID, "rate");
    refused(tn_softmax_tensor(f, 2, f), TN_ERR_INVALID, "2");
    refused(tn_softmax_tensor(f, -3, f), TN_ERR_INVALID, "-3");
    refused(tn_tensor_fill(mask, 256.0), TN_ERR_INVALID, "256");
    refused(tn_tensor_fill(i, NAN), TN_ERR_INVALID, "");
    refused(tn_tensor_fill(i, 1e10), TN_ERR_INVALID, "");
    ck_still(f, 7.0f);
    tn_tensor_destroy(&f);
    tn_tensor_destroy(&i);
    tn_tensor_destroy(&mask);
}
END_TEST

/* A constructor's refusal: NULL, a status, and the option in the detail. */
static void ck_no_layer(tn_layer *layer, tn_status status, const char *text)
{
    ck_assert_ptr_null(layer);
    ck_assert_msg(tn_last_status() == status, "%s (%s)", tn_last_error(), tn_status_name(tn_last_status()));
    ck_assert_msg(strstr(tn_last_error(), text) != NULL, "\"%s\" lacks \"%s\"", tn_last_error(), text);
}

START_TEST(test_window_options)
{
    ck_no_layer(tn_conv2d(.kernel_size = 3), TN_ERR_INVALID, "filters");
    ck_no_layer(tn_conv2d(.filters = 4), TN_ERR_INVALID, "kernel");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_height = 3), TN_ERR_INVALID, "kernel");
    ck_no_layer(tn_conv2d(.filters = -4, .kernel_size = 3), TN_ERR_INVALID, "filters");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = -3), TN_ERR_INVALID, "-3");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .strides = -1), TN_ERR_INVALID, "strides");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .dilation = -2), TN_ERR_INVALID, "dilation");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .groups = -2), TN_ERR_INVALID, "groups");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .groups = 3), TN_ERR_INVALID, "groups");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .pad_top = 1), TN_ERR_INVALID, "pad");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .padding = TN_EXPLICIT, .pad_left = -1), TN_ERR_INVALID,
                "pad");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .padding = (tn_padding)9), TN_ERR_INVALID, "padding");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .activation = (tn_activation)9), TN_ERR_INVALID,
                "activation");
    ck_no_layer(tn_conv2d(.filters = 4, .kernel_size = 3, .name = "a b"), TN_ERR_INVALID, "name");
    ck_no_layer(tn_max_pool2d(.strides = 2), TN_ERR_INVALID, "pool");
    ck_no_layer(tn_max_pool2d(.pool_size = -2), TN_ERR_INVALID, "pool");
    ck_no_layer(tn_max_pool2d(.pool_size = 2, .padding = TN_EXPLICIT, .pad_top = 2), TN_ERR_INVALID, "pad");
    ck_no_layer(tn_avg_pool2d(.pool_size = 2, .dilation = 2), TN_ERR_INVALID, "dilation");
}
END_TEST

START_TEST(test_layer_options)
{
    const tn_dense_options unset = {.units = 3};
    ck_no_layer(tn_dense_create(&unset), TN_ERR_INVALID, "struct_size");
    ck_no_layer(tn_dense(.units = 0), TN_ERR_INVALID, "units");
    ck_no_layer(tn_dense(.units = -1), TN_ERR_INVALID, "units");
    ck_no_layer(tn_dropout(.rate = 1.0f), TN_ERR_INVALID, "rate");
    ck_no_layer(tn_dropout(.rate = -0.5f), TN_ERR_INVALID, "rate");
    ck_no_layer(tn_dropout(.rate = NAN), TN_ERR_INVALID, "rate");
    ck_no_layer(tn_activation_layer(.activation = (tn_activation)77), TN_ERR_INVALID, "activation");
    ck_no_layer(tn_flatten(.name = ""), TN_ERR_INVALID, "name");
    ck_no_layer(tn_sequential(tn_flatten(), tn_dense(.units = -1), tn_flatten()), TN_ERR_INVALID, "units");
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "2")); /* which of the three */
}
END_TEST

/* An option struct from the future: a field that this library does not know is set. */
START_TEST(test_newer_options)
{
    struct {
        tn_dense_options known;
        int64_t unknown;
    } newer = {{.struct_size = sizeof newer, .units = 3}, 0};
    tn_layer *layer = tn_dense_create(&newer.known);
    ck_assert_ptr_nonnull(layer);
    tn_layer_destroy(&layer);
    newer.unknown = 1;
    ck_no_layer(tn_dense_create(&newer.known), TN_ERR_UNSUPPORTED, "tn_dense_options");
}
END_TEST

/* Building `net` on input_shape fails so, both as a plan and as a model. */
static void ck_no_model(tn_layer *net, int64_t h, int64_t w, int64_t c, tn_status status, const char *text)
{
    tn_model_options options = {.struct_size = sizeof options, .input_shape = {h, w, c}};
    tn_model *model = UNTOUCHED(tn_model);
    tn_plan *plan = UNTOUCHED(tn_plan);
    ck_assert_ptr_nonnull(net);
    refused(tn_model_plan(net, &options, &training, &plan), status, text);
    refused(tn_model_create(net, &options, &model), status, text);
    ck_assert_ptr_eq(model, UNTOUCHED(tn_model));
    ck_assert_ptr_eq(plan, UNTOUCHED(tn_plan));
}

START_TEST(test_model_shapes)
{
    ck_no_model(tn_sequential(tn_conv2d(.filters = 4, .kernel_size = 5)), 4, 9, 1, TN_ERR_SHAPE, "conv2d_1");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 4, .kernel_size = 3, .groups = 2)), 8, 8, 3, TN_ERR_SHAPE,
                "conv2d_1");
    ck_no_model(tn_sequential(tn_flatten(), tn_max_pool2d(.pool_size = 2)), 8, 8, 3, TN_ERR_SHAPE, "max_pool2d_1");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 4, .kernel_size = 3), tn_conv2d(.filters = 4, .kernel_size = 7)), 8,
                8, 3, TN_ERR_SHAPE, "conv2d_2");
    ck_no_model(tn_sequential(tn_avg_pool2d(.pool_size = 9)), 8, 8, 3, TN_ERR_SHAPE, "avg_pool2d_1");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 1, .kernel_size = 1)), 8, 0, 0, TN_ERR_SHAPE, "conv2d_1");
    ck_no_model(tn_sequential(tn_flatten()), 0, 0, 0, TN_ERR_INVALID, "input_shape");
    ck_no_model(tn_sequential(tn_flatten()), 8, -1, 3, TN_ERR_INVALID, "-1");
    ck_no_model(tn_sequential(tn_dense(.units = 2, .name = "a"), tn_dense(.units = 2, .name = "a")), 3, 0, 0,
                TN_ERR_INVALID, "a");
}
END_TEST

START_TEST(test_model_overflow)
{
    const int64_t huge = INT64_C(1) << 40;
    ck_no_model(tn_sequential(tn_dense(.units = huge)), huge, 0, 0, TN_ERR_OVERFLOW, "dense_1");
    ck_no_model(tn_sequential(tn_flatten()), huge, huge, huge, TN_ERR_OVERFLOW, "");
    ck_no_model(tn_sequential(tn_conv2d(.filters = huge, .kernel_size = 1)), huge, 1, 1, TN_ERR_OVERFLOW, "conv2d_1");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 1, .kernel_size = INT64_MAX, .padding = TN_SAME)), 8, 8, 1,
                TN_ERR_OVERFLOW, "conv2d_1");
    ck_no_layer(tn_conv2d(.filters = 1, .kernel_size = INT64_MAX, .dilation = INT64_MAX), TN_ERR_OVERFLOW, "dilation");
}
END_TEST

/* One window, or a few, of an image that is small enough, but floats to the pixels outside of it cannot be counted. */
START_TEST(test_far_outside)
{
    const int64_t far = INT64_C(1) << 58;
    ck_no_model(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .strides = INT64_MAX)), 5, 5, 8,
                TN_ERR_OVERFLOW, "conv2d_1: strides");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 1, .strides_width = far)), 5, 5, 8,
                TN_ERR_OVERFLOW, "reach too far");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .strides = far, .padding = TN_EXPLICIT,
                                        .pad_top = far, .pad_left = far)),
                5, 5, 8, TN_ERR_OVERFLOW, "reach too far");
    ck_no_model(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 2, .dilation = far, .padding = TN_EXPLICIT,
                                        .pad_bottom = far, .pad_right = far)),
                5, 5, 8, TN_ERR_OVERFLOW, "reach too far");
}
END_TEST

static tn_loss *loss_with(tn_loss_options options)
{
    options.struct_size = sizeof options;
    return tn_softmax_cross_entropy_create(&options);
}

static void ck_no_loss(tn_loss *loss, const char *text)
{
    ck_assert_ptr_null(loss);
    ck_assert_int_eq(tn_last_status(), TN_ERR_INVALID);
    ck_assert_msg(strstr(tn_last_error(), text) != NULL, "\"%s\" lacks \"%s\"", tn_last_error(), text);
}

START_TEST(test_loss_options)
{
    const float weights[2] = {1.0f, 2.0f}, negative[2] = {1.0f, -1.0f};
    ck_no_loss(loss_with((tn_loss_options){.reduction = (tn_reduction)5}), "reduction");
    ck_no_loss(loss_with((tn_loss_options){.class_weights = weights}), "class_count");
    ck_no_loss(loss_with((tn_loss_options){.class_weights = weights, .class_count = -2}), "class_count");
    ck_no_loss(loss_with((tn_loss_options){.class_weights = negative, .class_count = 2}), "class_weights");
    ck_no_loss(tn_mse(.class_weights = weights, .class_count = 2), "class_weights");
    ck_no_loss(tn_mse(.use_ignore_index = true), "ignore_index");
}
END_TEST

START_TEST(test_loss_targets)
{
    tn_loss *loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    tn_tensor *logits = floats(2, 3), *gradient = floats(2, 3), *labels = NULL, *three = NULL, *wrong = floats(3, 2);
    double value = 7.0;
    const tn_loss_results results = {.struct_size = sizeof results, .loss = &value, .gradient = gradient};
    ck_ok(tn_tensor_from_data(NULL, TN_I32, 1, (const int64_t[]){2}, (const int32_t[]){2, 3}, &labels));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){3}, &three));
    ck_ok(tn_tensor_fill(gradient, 7.0));
    refused(tn_loss_compute(loss, logits, labels, &results), TN_ERR_INVALID, "3");
    ((int32_t *)tn_tensor_data(labels))[1] = -1;
    refused(tn_loss_compute(loss, logits, labels, &results), TN_ERR_INVALID, "-1");
    refused(tn_loss_compute(loss, logits, three, &results), TN_ERR_SHAPE, "[2,3]");
    refused(tn_loss_compute(loss, labels, labels, &results), TN_ERR_TYPE, "");
    refused(tn_loss_compute(loss, logits, logits, &results), TN_ERR_TYPE, "");
    ((int32_t *)tn_tensor_data(labels))[1] = 0;
    refused(tn_loss_compute(loss, logits, labels, TN_OPTIONS(tn_loss_results, .gradient = wrong)), TN_ERR_SHAPE,
            "[3,2]");
    refused(tn_loss_compute(loss, logits, labels, TN_OPTIONS(tn_loss_results, .values = wrong)), TN_ERR_SHAPE, "[3,2]");
    ck_assert_double_eq(value, 7.0);
    ck_still(gradient, 7.0f);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&logits);
    tn_tensor_destroy(&gradient);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&three);
    tn_tensor_destroy(&wrong);
}
END_TEST

TN_SUITE("bad_input", {test_tensor_sizes, 0}, {test_tensor_memory, 0}, {test_tensor_views, 0}, {test_gemm_shapes, 0},
         {test_element_types, 0}, {test_window_options, 0}, {test_layer_options, 0}, {test_newer_options, 0},
         {test_model_shapes, 0}, {test_model_overflow, 0}, {test_far_outside, 0}, {test_loss_options, 0},
         {test_loss_targets, 0})
