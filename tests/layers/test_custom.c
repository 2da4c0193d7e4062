/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Layers of the caller's functions: gradients, parameters, scratch; failures and lies of each function; ownership. */
#include "custom_scale.h"
#include "finite.h"

static const tn_shape in = {3, {2, 3, 4}};

static void reference(const void *context, const double *x, double *const *params, double *y)
{
    (void)context;
    for (int i = 0; i < 2 * 3 * 4; i++) {
        double sum = x[i] * params[0][i % 4] + params[1][i % 4];
        y[i] = sum * sum;
    }
}

START_TEST(test_gradients)
{
    scale_layer self = {NO_FAULT, 0, 0, 0};
    finite_check(tn_custom_create(&scale_ops, &self, NULL), in, false, reference, NULL, 1e-5);
    ck_assert_int_eq(self.destroyed, 1);
    ck_assert_int_eq(self.forwards, 1);
    ck_assert_int_eq(self.backwards, 1);
}
END_TEST

static tn_model *scale_model(scale_layer *self)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 4), tn_custom_create(&scale_ops, self, NULL)),
                          TN_OPTIONS(tn_model_options, .input_shape = {3, 4}, .seed = 2), &model));
    return model;
}

START_TEST(test_names)
{
    scale_layer self = {NO_FAULT, 0, 0, 0};
    tn_model *model = scale_model(&self);
    const tn_tensor *scale, *shift;
    ck_ok(tn_model_parameter(model, "scale_1.scale", &scale));
    ck_ok(tn_model_parameter(model, "scale_1.shift", &shift));
    ck_assert_int_eq(tn_tensor_size(scale), 4);
    for (int i = 0; i < 4; i++) {
        ck_assert(fabsf(tn_tensor_const_f32(scale)[i]) <= 1.5f);
        ck_assert(fabsf(tn_tensor_const_f32(shift)[i]) <= 0.5f);
        ck_assert(tn_tensor_const_f32(shift)[i] != 0.0f);
    }
    tn_model_destroy(&model);
    ck_assert_int_eq(self.destroyed, 1);
}
END_TEST

/* Each fault is found when the model is built, with the layer's name and the function's own words; nothing leaks. */
START_TEST(test_faults_in_building)
{
    static const struct {
        scale_fault fault;
        tn_status status;
        const char *text;
    } cases[] = {
        {INFER_FAILS, TN_ERR_SHAPE, "scale_1: cannot take 3 dimensions"},
        {INFER_FAILS_SILENTLY, TN_ERR_UNSUPPORTED, "scale_1: its function infer gave TN_ERR_UNSUPPORTED"},
        {INFER_GIVES_BAD_RANK, TN_ERR_SHAPE, "scale_1: output has rank 9"},
        {INFER_GIVES_BAD_DIM, TN_ERR_SHAPE, "scale_1: output is [1,0,4]"},
        {INFER_CHANGES_BATCH, TN_ERR_SHAPE, "scale_1: output [2,3,4] has not the batch of input [1,3,4]"},
        {PARAMETER_FAILS, TN_ERR_UNSUPPORTED, "scale_1: parameter 0 is not offered"},
        {PARAMETER_BAD_NAME, TN_ERR_INVALID, "scale_1: name of a parameter has character 0x2e"},
        {PARAMETER_BAD_SHAPE, TN_ERR_SHAPE, "scale_1: scale is [-1]"},
        {PARAMETER_BAD_LIMIT, TN_ERR_INVALID, "scale_1: init_limit of scale is -1"},
        {PARAMETER_TWICE, TN_ERR_INVALID, "scale_1.scale"},
        {PARAMETER_ENDLESS, TN_ERR_INVALID, "scale_1: more than 16 parameters"},
    };
    scale_layer self = {cases[_i].fault, 0, 0, 0};
    tn_model *model = NULL;
    ck_fails(tn_model_create(tn_sequential(tn_custom_create(&scale_ops, &self, NULL), tn_flatten()),
                             TN_OPTIONS(tn_model_options, .input_shape = {3, 4}), &model),
             cases[_i].status, cases[_i].text);
    ck_assert_ptr_null(model);
    ck_assert_int_eq(self.destroyed, 1);
}
END_TEST

START_TEST(test_scratch_too_large)
{
    scale_layer self = {SCRATCH_TOO_MUCH, 0, 0, 0};
    tn_model *model = scale_model(&self);
    tn_session *session = NULL;
    ck_fails(tn_session_create(model, NULL, &session), TN_ERR_OVERFLOW, "scale_1: scratch_bytes is");
    ck_assert_ptr_null(session);
    tn_model_destroy(&model);
    ck_assert_int_eq(self.destroyed, 1);
}
END_TEST

/* A run that fails, then succeeds: the session goes on. */
START_TEST(test_faults_in_running)
{
    scale_layer self = {FORWARD_FAILS, 0, 0, 0};
    tn_model *model = scale_model(&self);
    tn_session *session = NULL;
    tn_tensor *x = NULL, *dy = NULL, *gradient;
    const tn_tensor *y = NULL;
    const int64_t dims[] = {1, 3, 4};
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, dims, &x));
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, dims, &dy));
    ck_ok(tn_tensor_fill(x, 1.0));
    ck_ok(tn_tensor_fill(dy, 1.0));
    ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .training = true), &session));
    ck_fails(tn_session_forward(session, x, TN_TRAIN, &y), TN_ERR_NON_FINITE, "scale_1: too hot");
    ck_fails(tn_session_forward(session, x, TN_TRAIN, &y), TN_ERR_NON_FINITE, "scale_1: too hot"); /* the same words */
    self.fault = FORWARD_FAILS_SILENTLY;
    ck_fails(tn_session_forward(session, x, TN_TRAIN, &y), TN_ERR_IO, "scale_1: its function forward gave TN_ERR_IO");
    ck_assert_ptr_null(y);
    ck_assert_uint_eq(tn_session_step(session), 0);
    ck_fails(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "");
    self.fault = BACKWARD_FAILS;
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_fails(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_NON_FINITE, "scale_1: too cold");
    ck_ok(tn_session_gradient(session, "scale_1.shift", &gradient));
    ck_assert_float_eq(tn_tensor_f32(gradient)[0], 0.0f);
    self.fault = NO_FAULT;
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_session_backward(session, dy, TN_GRADIENT_ADD));
    ck_assert_float_ne(tn_tensor_f32(gradient)[0], 0.0f);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
}
END_TEST

/* A frozen parameter's gradient still has a place where the function may write; the other's is right. */
START_TEST(test_frozen_parameter)
{
    scale_layer self = {NO_FAULT, 0, 0, 0};
    tn_model *model = scale_model(&self);
    float both[4], one[4];
    for (int frozen = 0; frozen < 2; frozen++) {
        tn_session *session = NULL;
        tn_tensor *x = NULL, *dy = NULL, *gradient;
        const tn_tensor *y;
        ck_ok(tn_model_freeze(model, "scale_1.scale", frozen));
        ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .training = true), &session));
        finite_shape((tn_shape){3, {1, 3, 4}}, 3, &x);
        finite_shape((tn_shape){3, {1, 3, 4}}, 4, &dy);
        ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
        ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE));
        ck_ok(tn_session_gradient(session, "scale_1.shift", &gradient));
        memcpy(frozen ? one : both, tn_tensor_f32(gradient), sizeof both);
        tn_session_destroy(&session);
        tn_tensor_destroy(&x);
        tn_tensor_destroy(&dy);
    }
    ck_assert_mem_eq(one, both, sizeof both);
    tn_model_destroy(&model);
}
END_TEST

/* self is taken over on failure too. */
START_TEST(test_refused_tables)
{
    scale_layer self = {NO_FAULT, 0, 0, 0};
    tn_layer_ops ops = scale_ops;
    ops.infer = NULL;
    ck_assert_ptr_null(tn_custom_create(&ops, &self, NULL));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "scale: infer is NULL"));
    ops = scale_ops;
    ops.forward = NULL;
    ck_assert_ptr_null(tn_custom_create(&ops, &self, NULL));
    ops = scale_ops;
    ops.kind = "two words";
    ck_assert_ptr_null(tn_custom_create(&ops, &self, NULL));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "kind has character 0x20"));
    ck_assert_ptr_null(tn_custom_create(&scale_ops, &self, TN_OPTIONS(tn_layer_options, .name = "a/b")));
    ck_assert_int_eq(self.destroyed, 4);
}
END_TEST

/* Without backward a layer predicts; training through it is refused, training above it is not. */
START_TEST(test_without_backward)
{
    scale_layer self = {NO_FAULT, 0, 0, 0};
    tn_layer_ops ops = scale_ops;
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_tensor *x = NULL, *dy = NULL;
    const tn_tensor *y;
    ops.backward = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_custom_create(&ops, &self, NULL), tn_dense(.units = 2)),
                          TN_OPTIONS(tn_model_options, .input_shape = {4}), &model));
    finite_shape((tn_shape){2, {1, 4}}, 3, &x);
    finite_shape((tn_shape){2, {1, 2}}, 4, &dy);
    for (int frozen = 0; frozen < 2; frozen++) {
        ck_ok(tn_model_freeze(model, "scale_1", frozen));
        ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .training = true), &session));
        ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
        if (frozen)
            ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE));
        else
            ck_fails(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_UNSUPPORTED,
                     "scale_1: has no backward");
        tn_session_destroy(&session);
    }
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
}
END_TEST

TN_SUITE("custom", {test_gradients}, {test_names}, TN_LOOPED(test_faults_in_building, 11), {test_scratch_too_large},
         {test_faults_in_running}, {test_frozen_parameter}, {test_refused_tables}, {test_without_backward})
