/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Wrong arguments and wrong states of sessions, optimizers, datasets, loaders and the training loop: the documented
 *  status, a message with the shapes or values in it, and nothing changed. */
#include "bad_input.h"

#include <math.h>

#define refused(call, status, text) ck_fails(call, status, text)

static tn_model *dense_model(void)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 3)), &flat, &model)); /* [n,2] to [n,3] */
    return model;
}

static tn_session *session_of(tn_model *model, bool trains)
{
    tn_session *session = NULL;
    ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 4, .training = trains, .threads = 1),
                            &session));
    return session;
}

START_TEST(test_session_options)
{
    tn_model *model = dense_model();
    tn_session *session = UNTOUCHED(tn_session);
    refused(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = -1), &session), TN_ERR_INVALID, "-1");
    refused(tn_session_create(model, TN_OPTIONS(tn_session_options, .threads = -1), &session), TN_ERR_INVALID, "-1");
    refused(tn_session_create(model, TN_OPTIONS(tn_session_options, .threads = 257), &session), TN_ERR_INVALID, "257");
    refused(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = INT64_MAX / 2), &session),
            TN_ERR_OVERFLOW, "");
    ck_assert_ptr_eq(session, UNTOUCHED(tn_session));
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_forward_input)
{
    tn_model *model = dense_model();
    tn_session *session = session_of(model, false);
    tn_tensor *wide = floats(1, 5), *many = floats(5, 2), *x = floats(1, 2), *bytes = NULL;
    const tn_tensor *y = UNTOUCHED(tn_tensor);
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, (const int64_t[]){1, 2}, &bytes));
    refused(tn_session_forward(session, wide, TN_PREDICT, &y), TN_ERR_SHAPE, "[1,5]");
    refused(tn_session_forward(session, many, TN_PREDICT, &y), TN_ERR_SHAPE, "5");
    refused(tn_session_forward(session, bytes, TN_PREDICT, &y), TN_ERR_TYPE, "");
    refused(tn_session_forward(session, x, TN_TRAIN, &y), TN_ERR_STATE, "");
    refused(tn_session_forward(session, x, (tn_mode)9, &y), TN_ERR_INVALID, "9");
    ck_assert_ptr_eq(y, UNTOUCHED(tn_tensor));
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_tensor_destroy(&wide);
    tn_tensor_destroy(&many);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&bytes);
}
END_TEST

START_TEST(test_backward_state)
{
    tn_model *model = dense_model();
    tn_session *session = session_of(model, true);
    tn_tensor *x = floats(2, 2), *dy = floats(2, 3), *wrong = floats(2, 2);
    const tn_tensor *y;
    refused(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "");
    ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
    refused(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "");
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    refused(tn_session_backward(session, wrong, TN_GRADIENT_WRITE), TN_ERR_SHAPE, "[2,3]");
    refused(tn_session_backward(session, dy, (tn_gradient_mode)5), TN_ERR_INVALID, "5");
    ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE)); /* the refusals left the forward in place */
    refused(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "");
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
    tn_tensor_destroy(&wrong);
}
END_TEST

START_TEST(test_session_queries)
{
    tn_model *model = dense_model();
    tn_session *trains = session_of(model, true), *predicts = session_of(model, false);
    tn_tensor *gradient = UNTOUCHED(tn_tensor);
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    refused(tn_session_gradient(trains, "dense_2.weight", &gradient), TN_NOT_FOUND, "dense_2.weight");
    refused(tn_session_gradient(predicts, "dense_1.weight", &gradient), TN_ERR_STATE, "");
    refused(tn_session_input_gradient(trains, &out), TN_ERR_STATE, "");
    refused(tn_session_output(trains, "dense_1", &out), TN_ERR_STATE, "");
    refused(tn_model_parameter(model, "dense_1.w", &out), TN_NOT_FOUND, "dense_1.w");
    refused(tn_model_freeze(model, "conv2d_1", true), TN_NOT_FOUND, "conv2d_1");
    ck_assert_ptr_eq(gradient, UNTOUCHED(tn_tensor));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    tn_session_destroy(&trains);
    tn_session_destroy(&predicts);
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_parameter_values)
{
    tn_model *model = dense_model();
    tn_tensor *wrong = floats(3, 2), *integers = NULL, *before = NULL;
    const tn_tensor *weight;
    ck_ok(tn_tensor_create(NULL, TN_I32, 2, (const int64_t[]){2, 3}, &integers));
    ck_ok(tn_model_parameter(model, "dense_1.weight", &weight));
    ck_ok(tn_tensor_clone(NULL, weight, &before));
    refused(tn_model_parameter_set(model, "dense_1.weight", wrong), TN_ERR_SHAPE, "[3,2]");
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "[2,3]"));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "dense_1.weight"));
    refused(tn_model_parameter_set(model, "dense_1.weight", integers), TN_ERR_TYPE, "");
    refused(tn_model_parameter_set(model, "dense_9.weight", before), TN_NOT_FOUND, "dense_9.weight");
    ck_assert_mem_eq(tn_tensor_const_data(weight), tn_tensor_const_data(before), tn_tensor_bytes(before));
    tn_model_destroy(&model);
    tn_tensor_destroy(&wrong);
    tn_tensor_destroy(&integers);
    tn_tensor_destroy(&before);
}
END_TEST

static void ck_no_optimizer(tn_optimizer *optimizer, const char *text)
{
    ck_assert_ptr_null(optimizer);
    ck_assert_int_eq(tn_last_status(), TN_ERR_INVALID);
    ck_assert_msg(strstr(tn_last_error(), text) != NULL, "\"%s\" lacks \"%s\"", tn_last_error(), text);
}

START_TEST(test_optimizer_options)
{
    ck_no_optimizer(tn_sgd(.learning_rate = 0.0), "learning_rate");
    ck_no_optimizer(tn_sgd(.learning_rate = -1.0), "learning_rate");
    ck_no_optimizer(tn_sgd(.learning_rate = (double)NAN), "learning_rate");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .momentum = 1.0), "momentum");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .momentum = -0.1), "momentum");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .nesterov = true), "nesterov");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5, .nesterov = true), "nesterov");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .weight_decay = (double)NAN), "weight_decay");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .clipping = {.value = -1.0f}), "clip");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .clipping = {.norm = NAN}), "clip");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .schedule = {.kind = TN_SCHEDULE_STEP}), "period");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .schedule = {.kind = TN_SCHEDULE_COSINE, .period = -1}), "period");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .schedule = {.kind = TN_SCHEDULE_CUSTOM}), "function");
    ck_no_optimizer(tn_sgd(.learning_rate = 0.1, .schedule = {.warmup = -1}), "warmup");
    ck_no_optimizer(tn_adam(.beta1 = 1.0), "beta1");
    ck_no_optimizer(tn_adam(.beta2 = -0.5), "beta2");
    ck_no_optimizer(tn_adamw(.epsilon = -1e-8), "epsilon");
    ck_no_optimizer(tn_adamw(.learning_rate = -0.001), "learning_rate");
}
END_TEST

START_TEST(test_optimizer_state)
{
    tn_model *model = dense_model(), *other = dense_model();
    tn_session *session = session_of(model, true), *elsewhere = session_of(other, true);
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.9);
    tn_tensor *wrong = floats(3, 2);
    const tn_tensor *out = UNTOUCHED(tn_tensor);
    refused(tn_optimizer_state(sgd, "dense_1.weight", "momentum", &out), TN_ERR_STATE, "");
    refused(tn_optimizer_step(sgd, session), TN_ERR_STATE, "");
    ck_ok(tn_optimizer_bind(sgd, model));
    refused(tn_optimizer_bind(sgd, other), TN_ERR_STATE, "");
    refused(tn_optimizer_step(sgd, elsewhere), TN_ERR_STATE, "");
    refused(tn_optimizer_state(sgd, "dense_1.weight", "m", &out), TN_NOT_FOUND, "");
    refused(tn_optimizer_state(sgd, "dense_7.weight", "momentum", &out), TN_NOT_FOUND, "dense_7.weight");
    refused(tn_optimizer_state_set(sgd, "dense_1.weight", "momentum", wrong), TN_ERR_SHAPE, "[3,2]");
    refused(tn_optimizer_set_step_count(sgd, -1), TN_ERR_INVALID, "-1");
    refused(tn_optimizer_set_learning_rate(sgd, (double)NAN), TN_ERR_INVALID, "");
    refused(tn_optimizer_set_learning_rate(sgd, -0.5), TN_ERR_INVALID, "-0.5");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    ck_assert_int_eq(tn_optimizer_step_count(sgd), 0);
    ck_assert_double_eq(tn_optimizer_learning_rate(sgd), 0.1);
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&session);
    tn_session_destroy(&elsewhere);
    tn_model_destroy(&model);
    tn_model_destroy(&other);
    tn_tensor_destroy(&wrong);
}
END_TEST

START_TEST(test_dataset_arguments)
{
    tn_tensor *two = floats(2, 2), *three = floats(3, 2), *scalar = NULL;
    tn_dataset *dataset = NULL, *out = UNTOUCHED(tn_dataset);
    ck_ok(tn_tensor_create(NULL, TN_I32, 0, NULL, &scalar));
    refused(tn_dataset_from_tensors(NULL, two, three, &out), TN_ERR_SHAPE, "3");
    refused(tn_dataset_from_tensors(NULL, scalar, two, &out), TN_ERR_TYPE, "");
    refused(tn_dataset_from_tensors(NULL, two, scalar, &out), TN_ERR_SHAPE, "");
    refused(tn_dataset_from_idx(NULL, "no such images", "no such labels", &out), TN_ERR_IO, "no such images");
    refused(tn_dataset_from_source(NULL, TN_OPTIONS(tn_dataset_source, .count = -1), &out), TN_ERR_INVALID, "");
    ck_ok(tn_dataset_from_tensors(NULL, two, two, &dataset));
    refused(tn_dataset_take(dataset, 3, &out), TN_ERR_INVALID, "3");
    refused(tn_dataset_take(dataset, -1, &out), TN_ERR_INVALID, "-1");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_dataset));
    tn_dataset_destroy(&dataset);
    tn_tensor_destroy(&two);
    tn_tensor_destroy(&three);
    tn_tensor_destroy(&scalar);
}
END_TEST

static tn_status loader_with(tn_dataset *dataset, tn_loader_options options, tn_loader **out)
{
    options.struct_size = sizeof options;
    return tn_loader_create(dataset, &options, out);
}

START_TEST(test_loader_arguments)
{
    tn_tensor *two = floats(2, 2);
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL, *out = UNTOUCHED(tn_loader);
    ck_ok(tn_dataset_from_tensors(NULL, two, two, &dataset));
    refused(loader_with(dataset, (tn_loader_options){.batch_size = 0}, &out), TN_ERR_INVALID, "batch_size");
    refused(loader_with(dataset, (tn_loader_options){.batch_size = -2}, &out), TN_ERR_INVALID, "-2");
    refused(loader_with(dataset, (tn_loader_options){.batch_size = INT64_MAX}, &out), TN_ERR_OVERFLOW, "");
    refused(loader_with(dataset, (tn_loader_options){.batch_size = 1, .resize_height = 8, .resize_width = 8}, &out),
            TN_ERR_SHAPE, "2");
    refused(loader_with(dataset, (tn_loader_options){.batch_size = 1, .scale = NAN}, &out), TN_ERR_INVALID, "scale");
    ck_assert_ptr_eq(out, UNTOUCHED(tn_loader));
    ck_ok(loader_with(dataset, (tn_loader_options){.batch_size = 1}, &loader));
    refused(tn_loader_start(loader, 0, 3), TN_ERR_INVALID, "3");
    refused(tn_loader_start(loader, 0, -1), TN_ERR_INVALID, "-1");
    refused(tn_loader_start(loader, -1, 0), TN_ERR_INVALID, "-1");
    ck_assert_int_eq(tn_loader_batch(loader), 0);
    tn_loader_destroy(&loader);
    tn_dataset_destroy(&dataset);
    tn_tensor_destroy(&two);
}
END_TEST

/* Everything that a run takes, for [n,2] to [n,3]. */
typedef struct run {
    tn_model *model;
    tn_session *trains, *predicts;
    tn_loader *loader, *large, *other;
    tn_loss *loss;
    tn_optimizer *optimizer;
} run;

static tn_loader *loader_of(int64_t columns, int64_t batch)
{
    tn_tensor *samples = floats(8, columns), *targets = floats(8, 3);
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL;
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    ck_ok(loader_with(dataset, (tn_loader_options){.batch_size = batch}, &loader));
    tn_dataset_destroy(&dataset);
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
    return loader;
}

static run run_create(void)
{
    run r = {.model = dense_model(), .loss = tn_mse(), .optimizer = tn_sgd(.learning_rate = 0.1)};
    r.trains = session_of(r.model, true);
    r.predicts = session_of(r.model, false);
    r.loader = loader_of(2, 4);
    r.large = loader_of(2, 5); /* more than the sessions' 4 */
    r.other = loader_of(6, 4); /* another sample */
    return r;
}

static void run_destroy(run *r)
{
    tn_loader_destroy(&r->loader);
    tn_loader_destroy(&r->large);
    tn_loader_destroy(&r->other);
    tn_session_destroy(&r->trains);
    tn_session_destroy(&r->predicts);
    tn_model_destroy(&r->model);
    tn_loss_destroy(&r->loss);
    tn_optimizer_destroy(&r->optimizer);
}

START_TEST(test_fit_arguments)
{
    run r = run_create();
    tn_metrics metrics = {.loss = 7.0};
    const tn_fit_options one = {.struct_size = sizeof one, .epochs = 1};
    refused(tn_fit(r.trains, r.loss, r.optimizer, r.loader, TN_OPTIONS(tn_fit_options, .epochs = 0)), TN_ERR_INVALID,
            "epochs");
    refused(tn_fit(r.trains, r.loss, r.optimizer, r.loader, TN_OPTIONS(tn_fit_options, .epochs = -1)), TN_ERR_INVALID,
            "epochs");
    refused(tn_fit(r.trains, r.loss, r.optimizer, r.loader, TN_OPTIONS(tn_fit_options, .epochs = 1, .accumulate = -1)),
            TN_ERR_INVALID, "accumulate");
    refused(tn_fit(r.predicts, r.loss, r.optimizer, r.loader, &one), TN_ERR_STATE, "");
    refused(tn_fit(r.trains, r.loss, r.optimizer, r.large, &one), TN_ERR_SHAPE, "5");
    refused(tn_fit(r.trains, r.loss, r.optimizer, r.other, &one), TN_ERR_SHAPE, "6");
    refused(tn_evaluate(r.predicts, r.loss, r.large, NULL, &metrics), TN_ERR_SHAPE, "5");
    refused(tn_evaluate(r.predicts, r.loss, r.other, NULL, &metrics), TN_ERR_SHAPE, "6");
    ck_assert_double_eq(metrics.loss, 7.0);
    ck_assert_int_eq(tn_optimizer_step_count(r.optimizer), 0);
    ck_assert_uint_eq(tn_session_step(r.trains), 0);
    run_destroy(&r);
}
END_TEST

START_TEST(test_version_size)
{
    tn_version_info info = {0};
    refused(tn_version(&info), TN_ERR_INVALID, "struct_size");
    ck_assert_ptr_null(info.version);
}
END_TEST

TN_SUITE("bad_runs", {test_session_options, 0}, {test_forward_input, 0}, {test_backward_state, 0},
         {test_session_queries, 0}, {test_parameter_values, 0}, {test_optimizer_options, 0}, {test_optimizer_state, 0},
         {test_dataset_arguments, 0}, {test_loader_arguments, 0}, {test_fit_arguments, 0}, {test_version_size, 0})
