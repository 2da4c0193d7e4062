/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  NULL for every pointer of every public function of tensors, layers, models and optimizers: functions that can fail
 * say TN_ERR_INVALID and leave their outputs, getters give their neutral value, destroy and close do nothing. */
#include "bad_input.h"

START_TEST(test_tensor_creation)
{
    tn_tensor *out = UNTOUCHED(tn_tensor);
    const int64_t dims[1] = {2};
    float data[2] = {1.0f, 2.0f};
    null_refused(tn_tensor_create(NULL, TN_F32, 1, NULL, &out));
    null_refused(tn_tensor_create(NULL, TN_F32, 1, dims, NULL));
    null_refused(tn_tensor_from_data(NULL, TN_F32, 1, dims, NULL, &out));
    null_refused(tn_tensor_from_data(NULL, TN_F32, 1, NULL, data, &out));
    null_refused(tn_tensor_from_data(NULL, TN_F32, 1, dims, data, NULL));
    null_refused(tn_tensor_wrap(NULL, TN_F32, 1, dims, NULL, &out));
    null_refused(tn_tensor_wrap(NULL, TN_F32, 1, NULL, data, &out));
    null_refused(tn_tensor_wrap(NULL, TN_F32, 1, dims, data, NULL));
    null_refused(tn_tensor_reshape(NULL, 1, dims, &out));
    null_refused(tn_tensor_slice(NULL, 0, 1, &out));
    null_refused(tn_tensor_clone(NULL, NULL, &out));
    null_refused(tn_tensor_transpose(NULL, NULL, (const int[]){0}, &out));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
}
END_TEST

START_TEST(test_tensor_functions)
{
    tn_tensor *t = floats(2, 2), *out = UNTOUCHED(tn_tensor);
    null_refused(tn_tensor_reshape(t, 1, NULL, &out));
    null_refused(tn_tensor_reshape(t, 1, (const int64_t[]){4}, NULL));
    null_refused(tn_tensor_slice(t, 0, 1, NULL));
    null_refused(tn_tensor_clone(NULL, t, NULL));
    null_refused(tn_tensor_transpose(NULL, t, NULL, &out));
    null_refused(tn_tensor_transpose(NULL, t, (const int[]){1, 0}, NULL));
    null_refused(tn_tensor_copy(NULL, t));
    null_refused(tn_tensor_copy(t, NULL));
    null_refused(tn_tensor_fill(NULL, 0.0));
    null_refused(tn_tensor_fill_uniform(NULL, 0.0f, 1.0f, 1));
    null_refused(tn_gemm(NULL, NULL, t, NULL, t));
    null_refused(tn_gemm(NULL, t, NULL, NULL, t));
    null_refused(tn_gemm(NULL, t, t, NULL, NULL));
    null_refused(tn_resize_bilinear(NULL, t));
    null_refused(tn_resize_bilinear(t, NULL));
    null_refused(tn_softmax_tensor(NULL, 0, t));
    null_refused(tn_softmax_tensor(t, 0, NULL));
    null_refused(tn_log_softmax_tensor(NULL, 0, t));
    null_refused(tn_log_softmax_tensor(t, 0, NULL));
    null_refused(tn_dropout_apply(NULL, t, 0.5f, t));
    null_refused(tn_dropout_apply(t, NULL, 0.5f, t));
    null_refused(tn_dropout_apply(t, t, 0.5f, NULL));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_tensor_getters)
{
    tn_tensor *none = NULL;
    ck_assert_int_eq(tn_tensor_dtype(NULL), TN_F32);
    ck_assert_int_eq(tn_tensor_rank(NULL), 0);
    ck_assert_int_eq(tn_tensor_dim(NULL, 0), -1);
    ck_assert_int_eq(tn_tensor_size(NULL), 0);
    ck_assert_uint_eq(tn_tensor_bytes(NULL), 0);
    ck_assert_ptr_null(tn_tensor_data(NULL));
    ck_assert_ptr_null(tn_tensor_const_data(NULL));
    ck_assert_ptr_null(tn_tensor_f32(NULL));
    ck_assert_ptr_null(tn_tensor_const_f32(NULL));
    tn_tensor_destroy(NULL);
    tn_tensor_destroy(&none);
    ck_assert_uint_eq(tn_dtype_size((tn_dtype)99), 0);
    ck_assert_str_eq(tn_status_name((tn_status)999), "unknown status");
}
END_TEST

/* Options are NULL for all defaults; what has no default is refused. */
START_TEST(test_layers)
{
    double error = 7.0;
    tn_layer *none = NULL;
    no_handle(tn_conv2d_create(NULL));
    no_handle(tn_max_pool2d_create(NULL));
    no_handle(tn_avg_pool2d_create(NULL));
    no_handle(tn_dense_create(NULL));
    no_handle(tn_sequential_create(NULL, NULL, 1));
    no_handle(tn_sequential_create(NULL, NULL, 0));
    no_handle(tn_custom_create(NULL, NULL, NULL));
    tn_layer *flatten = tn_flatten_create(NULL);
    ck_assert_ptr_nonnull(flatten);
    tn_layer_destroy(&flatten);
    ck_assert_ptr_null(flatten);
    tn_layer_destroy(NULL);
    tn_layer_destroy(&none);
    null_refused(tn_gradient_check(tn_flatten(), NULL, &error));
    null_refused(
        tn_gradient_check(tn_flatten(), TN_OPTIONS(tn_gradient_check_options, .input_shape = {2, {1, 4}}), NULL));
    ck_assert_double_eq(error, 7.0);
}
END_TEST

START_TEST(test_losses)
{
    tn_loss *none = NULL, *loss = tn_mse_create(NULL);
    tn_tensor *t = floats(2, 2);
    double value = 7.0;
    ck_assert_ptr_nonnull(loss);
    const tn_loss_results results = {.struct_size = sizeof results, .loss = &value};
    null_refused(tn_loss_compute(NULL, t, t, &results));
    null_refused(tn_loss_compute(loss, NULL, t, &results));
    null_refused(tn_loss_compute(loss, t, NULL, &results));
    null_refused(tn_loss_compute(loss, t, t, NULL));
    ck_assert_double_eq(value, 7.0);
    tn_loss_destroy(&loss);
    tn_loss_destroy(NULL);
    tn_loss_destroy(&none);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_model_creation)
{
    tn_model *model = UNTOUCHED(tn_model);
    tn_plan *plan = UNTOUCHED(tn_plan);
    tn_session *session = UNTOUCHED(tn_session);
    tn_layer *net = tn_sequential(tn_dense(.units = 2));
    null_refused(tn_model_plan(NULL, &flat, &training, &plan));
    null_refused(tn_model_plan(net, NULL, &training, &plan));
    null_refused(tn_model_plan(net, &flat, &training, NULL));
    tn_layer_destroy(&net);
    null_refused(tn_model_create(tn_flatten(), NULL, &model));
    null_refused(tn_model_create(tn_flatten(), &flat, NULL));
    null_refused(tn_session_create(NULL, &training, &session));
    ck_assert_ptr_eq(model, UNTOUCHED(tn_model));
    ck_assert_ptr_eq(plan, UNTOUCHED(tn_plan));
    ck_assert_ptr_eq(session, UNTOUCHED(tn_session));
}
END_TEST

/* A net that its constructor refused: the model passes the constructor's status on. */
START_TEST(test_model_of_refused_net)
{
    tn_model *model = UNTOUCHED(tn_model);
    ck_fails(tn_model_create(tn_sequential(tn_dense(.units = 2), tn_dense(.units = -3)), &flat, &model), TN_ERR_INVALID,
             "units");
    ck_assert_ptr_eq(model, UNTOUCHED(tn_model));
}
END_TEST

START_TEST(test_model_getters)
{
    tn_model *none = NULL;
    tn_plan *no_plan = NULL;
    size_t needed = 7;
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    tn_plan_destroy(NULL);
    tn_plan_destroy(&no_plan);
    ck_assert_uint_eq(tn_plan_memory(NULL).total, 0);
    ck_assert_uint_eq(tn_plan_layer_count(NULL), 0);
    ck_assert_ptr_null(tn_plan_layer(NULL, 0));
    null_refused(tn_plan_summary(NULL, NULL, 0, &needed));
    tn_model_destroy(NULL);
    tn_model_destroy(&none);
    ck_assert_ptr_null(tn_model_layer(NULL));
    ck_assert_int_eq(tn_model_input_shape(NULL).rank, 0);
    ck_assert_int_eq(tn_model_output_shape(NULL).rank, 0);
    ck_assert_int_eq(tn_model_parameter_total(NULL), 0);
    ck_assert_uint_eq(tn_model_parameter_count(NULL), 0);
    ck_assert_ptr_null(tn_model_parameter_name(NULL, 0));
    null_refused(tn_model_parameter(NULL, "dense_1.weight", &out));
    null_refused(tn_model_freeze(NULL, "dense_1", true));
    ck_assert_uint_eq(needed, 7);
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
}
END_TEST

START_TEST(test_model_functions)
{
    tn_model *model = NULL;
    tn_tensor *t = floats(2, 2);
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 2)), &flat, &model));
    null_refused(tn_model_parameter(model, NULL, &out));
    null_refused(tn_model_parameter(model, "dense_1.weight", NULL));
    null_refused(tn_model_parameter_set(NULL, "dense_1.weight", t));
    null_refused(tn_model_parameter_set(model, NULL, t));
    null_refused(tn_model_parameter_set(model, "dense_1.weight", NULL));
    null_refused(tn_model_freeze(model, NULL, true));
    null_refused(tn_session_create(model, &training, NULL));
    ck_assert_ptr_null(tn_model_parameter_name(model, 2));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    tn_model_destroy(&model);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_sessions)
{
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_tensor *t = floats(1, 2), *written = UNTOUCHED(tn_tensor);
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 2)), &flat, &model));
    ck_ok(tn_session_create(model, &training, &session));
    null_refused(tn_session_forward(NULL, t, TN_PREDICT, &out));
    null_refused(tn_session_forward(session, NULL, TN_PREDICT, &out));
    null_refused(tn_session_forward(session, t, TN_PREDICT, NULL));
    null_refused(tn_session_backward(NULL, t, TN_GRADIENT_WRITE));
    null_refused(tn_session_gradient(NULL, "dense_1.weight", &written));
    null_refused(tn_session_gradient(session, NULL, &written));
    null_refused(tn_session_gradient(session, "dense_1.weight", NULL));
    null_refused(tn_session_input_gradient(NULL, &out));
    null_refused(tn_session_input_gradient(session, NULL));
    null_refused(tn_session_output(NULL, "dense_1", &out));
    null_refused(tn_session_output(session, NULL, &out));
    null_refused(tn_session_output(session, "dense_1", NULL));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    ck_assert_ptr_eq(written, UNTOUCHED(tn_tensor));
    ck_assert_ptr_null(tn_session_plan(NULL));
    ck_assert_ptr_null(tn_session_model(NULL));
    ck_assert_uint_eq(tn_session_step(NULL), 0);
    tn_session_set_step(NULL, 3);
    ck_assert_int_eq(tn_session_threads(NULL), 0);
    tn_session_destroy(&session);
    tn_session_destroy(NULL);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_optimizers)
{
    tn_optimizer *none = NULL, *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.9);
    tn_tensor *t = floats(2, 2);
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    no_handle(tn_sgd_create(NULL));
    null_refused(tn_optimizer_bind(NULL, NULL));
    null_refused(tn_optimizer_bind(sgd, NULL));
    null_refused(tn_optimizer_step(NULL, NULL));
    null_refused(tn_optimizer_step(sgd, NULL));
    null_refused(tn_optimizer_set_step_count(NULL, 1));
    null_refused(tn_optimizer_set_learning_rate(NULL, 0.1));
    null_refused(tn_optimizer_state(NULL, "dense_1.weight", "momentum", &out));
    null_refused(tn_optimizer_state(sgd, NULL, "momentum", &out));
    null_refused(tn_optimizer_state(sgd, "dense_1.weight", NULL, &out));
    null_refused(tn_optimizer_state(sgd, "dense_1.weight", "momentum", NULL));
    null_refused(tn_optimizer_state_set(NULL, "dense_1.weight", "momentum", t));
    null_refused(tn_optimizer_state_set(sgd, NULL, "momentum", t));
    null_refused(tn_optimizer_state_set(sgd, "dense_1.weight", NULL, t));
    null_refused(tn_optimizer_state_set(sgd, "dense_1.weight", "momentum", NULL));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    ck_assert_int_eq(tn_optimizer_step_count(NULL), 0);
    ck_assert_double_eq(tn_optimizer_learning_rate(NULL), 0.0);
    ck_assert_uint_eq(tn_optimizer_state_count(NULL), 0);
    ck_assert_ptr_null(tn_optimizer_state_name(NULL, 0));
    ck_assert_double_eq(tn_schedule_rate(NULL, 3, 0.25), 0.25);
    (void)tn_optimizer_kind(NULL);
    tn_optimizer_destroy(&sgd);
    tn_optimizer_destroy(NULL);
    tn_optimizer_destroy(&none);
    tn_tensor_destroy(&t);
}
END_TEST

TN_SUITE("bad_null", {test_tensor_creation, 0}, {test_tensor_functions, 0}, {test_tensor_getters, 0}, {test_layers, 0},
         {test_losses, 0}, {test_model_creation, 0}, {test_model_of_refused_net, 0}, {test_model_getters, 0},
         {test_model_functions, 0}, {test_sessions, 0}, {test_optimizers, 0})
