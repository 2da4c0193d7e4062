/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  NULL for every pointer of every public function of data, files and training; see test_bad_null.c. */
#include "bad_input.h"

START_TEST(test_datasets)
{
    tn_dataset *out = UNTOUCHED(tn_dataset), *none = NULL;
    tn_tensor *t = floats(2, 2);
    uint32_t sum = 7;
    null_refused(tn_dataset_from_tensors(NULL, NULL, t, &out));
    null_refused(tn_dataset_from_tensors(NULL, t, NULL, &out));
    null_refused(tn_dataset_from_tensors(NULL, t, t, NULL));
    null_refused(tn_dataset_from_source(NULL, NULL, &out));
    null_refused(tn_dataset_from_idx(NULL, NULL, "labels", &out));
    null_refused(tn_dataset_from_idx(NULL, "images", NULL, &out));
    null_refused(tn_dataset_from_idx(NULL, "images", "labels", NULL));
    null_refused(tn_dataset_take(NULL, 1, &out));
    null_refused(tn_dataset_checksum(NULL, &sum));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_dataset));
    ck_assert_uint_eq(sum, 7);
    ck_assert_int_eq(tn_dataset_count(NULL), 0);
    ck_assert_int_eq(tn_dataset_sample_shape(NULL).rank, 0);
    tn_dataset_destroy(NULL);
    tn_dataset_destroy(&none);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_loaders)
{
    tn_loader *loader = NULL, *out = UNTOUCHED(tn_loader);
    tn_dataset *dataset = NULL;
    tn_tensor *t = floats(2, 2);
    const tn_tensor *samples = UNTOUCHED(tn_tensor), *targets = UNTOUCHED(tn_tensor);
    const tn_loader_options options = {.struct_size = sizeof options, .batch_size = 1};
    ck_ok(tn_dataset_from_tensors(NULL, t, t, &dataset));
    null_refused(tn_dataset_take(dataset, 1, NULL));
    null_refused(tn_dataset_checksum(dataset, NULL));
    null_refused(tn_loader_create(NULL, &options, &out));
    null_refused(tn_loader_create(dataset, NULL, &out));
    null_refused(tn_loader_create(dataset, &options, NULL));
    ck_ok(tn_loader_create(dataset, &options, &loader));
    null_refused(tn_loader_start(NULL, 0, 0));
    null_refused(tn_loader_next(NULL, &samples, &targets));
    null_refused(tn_loader_next(loader, NULL, &targets));
    null_refused(tn_loader_next(loader, &samples, NULL));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_loader));
    ck_assert_ptr_eq(samples, UNTOUCHED(tn_tensor));
    ck_assert_ptr_eq(targets, UNTOUCHED(tn_tensor));
    ck_assert_int_eq(tn_loader_batches(NULL), 0);
    ck_assert_int_eq(tn_loader_epoch(NULL), 0);
    ck_assert_int_eq(tn_loader_batch(NULL), 0);
    ck_assert_int_eq(tn_loader_batch_size(NULL), 0);
    ck_assert_uint_eq(tn_loader_seed(NULL), 0);
    ck_assert_uint_eq(tn_loader_bytes(NULL), 0);
    ck_assert_ptr_null(tn_loader_dataset(NULL));
    ck_assert_int_eq(tn_loader_sample_shape(NULL).rank, 0);
    tn_loader_destroy(&loader);
    tn_loader_destroy(NULL);
    tn_loader_destroy(&loader);
    tn_dataset_destroy(&dataset);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_files)
{
    tn_tensor *t = floats(2, 2), *out = UNTOUCHED(tn_tensor);
    tn_safetensors *file = UNTOUCHED(tn_safetensors), *none = NULL;
    const char *name = "a";
    const tn_tensor *const tensor = t, *const absent = NULL;
    const char *const no_name = NULL;
    null_refused(tn_npy_load(NULL, NULL, &out));
    null_refused(tn_npy_load(NULL, "a.npy", NULL));
    null_refused(tn_npy_save(NULL, t));
    null_refused(tn_npy_save("a.npy", NULL));
    null_refused(tn_png_load(NULL, NULL, 1, 0, &out));
    null_refused(tn_png_load(NULL, "a.png", 1, 0, NULL));
    null_refused(tn_idx_load(NULL, NULL, 0, &out));
    null_refused(tn_idx_load(NULL, "a.idx", 0, NULL));
    null_refused(tn_safetensors_open(NULL, NULL, &file));
    null_refused(tn_safetensors_open(NULL, "a", NULL));
    null_refused(tn_safetensors_load(NULL, "a", &out));
    null_refused(tn_safetensors_save(NULL, 1, &name, &tensor, NULL, 0));
    null_refused(tn_safetensors_save("a", 1, NULL, &tensor, NULL, 0));
    null_refused(tn_safetensors_save("a", 1, &name, NULL, NULL, 0));
    null_refused(tn_safetensors_save("a", 1, &no_name, &tensor, NULL, 0));
    null_refused(tn_safetensors_save("a", 1, &name, &absent, NULL, 0));
    null_refused(tn_safetensors_save("a", 1, &name, &tensor, NULL, 1));
    ck_assert_ptr_eq(out, UNTOUCHED(tn_tensor));
    ck_assert_ptr_eq(file, UNTOUCHED(tn_safetensors));
    ck_assert_uint_eq(tn_safetensors_count(NULL), 0);
    ck_assert_ptr_null(tn_safetensors_name(NULL, 0));
    ck_assert_ptr_null(tn_safetensors_metadata(NULL, "a"));
    tn_safetensors_close(NULL);
    tn_safetensors_close(&none);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_model_files)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 2)), &flat, &model));
    null_refused(tn_model_save(NULL, "a"));
    null_refused(tn_model_save(model, NULL));
    null_refused(tn_model_load(NULL, "a", false));
    null_refused(tn_model_load(model, NULL, false));
    null_refused(tn_checkpoint_save(NULL, TN_OPTIONS(tn_checkpoint, .model = model)));
    null_refused(tn_checkpoint_save("a", NULL));
    null_refused(tn_checkpoint_save("a", TN_OPTIONS(tn_checkpoint, .model = NULL)));
    null_refused(tn_checkpoint_load(NULL, TN_OPTIONS(tn_checkpoint, .model = model)));
    null_refused(tn_checkpoint_load("a", NULL));
    null_refused(tn_checkpoint_load("a", TN_OPTIONS(tn_checkpoint, .model = NULL)));
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_training)
{
    tn_stop *stop = NULL;
    tn_metrics metrics = {.loss = 7.0};
    null_refused(tn_stop_create(NULL, NULL));
    tn_stop_request(NULL);
    tn_stop_clear(NULL);
    ck_assert(!tn_stop_requested(NULL));
    tn_stop_destroy(NULL);
    tn_stop_destroy(&stop);
    null_refused(tn_fit(NULL, NULL, NULL, NULL, NULL));
    null_refused(tn_evaluate(NULL, NULL, NULL, NULL, &metrics));
    null_refused(tn_version(NULL));
    ck_assert_double_eq(metrics.loss, 7.0);
}
END_TEST

/* Each argument of fit and evaluate alone. */
START_TEST(test_training_arguments)
{
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL;
    tn_tensor *t = floats(2, 2);
    tn_loss *loss = tn_mse();
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    tn_metrics metrics = {.loss = 7.0};
    const tn_fit_options options = {.struct_size = sizeof options, .epochs = 1};
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 2)), &flat, &model));
    ck_ok(tn_session_create(model, &training, &session));
    ck_ok(tn_dataset_from_tensors(NULL, t, t, &dataset));
    ck_ok(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 1), &loader));
    null_refused(tn_fit(NULL, loss, sgd, loader, &options));
    null_refused(tn_fit(session, NULL, sgd, loader, &options));
    null_refused(tn_fit(session, loss, NULL, loader, &options));
    null_refused(tn_fit(session, loss, sgd, NULL, &options));
    null_refused(tn_fit(session, loss, sgd, loader, NULL));
    null_refused(tn_evaluate(NULL, loss, loader, NULL, &metrics));
    null_refused(tn_evaluate(session, NULL, loader, NULL, &metrics));
    null_refused(tn_evaluate(session, loss, NULL, NULL, &metrics));
    null_refused(tn_evaluate(session, loss, loader, NULL, NULL));
    ck_assert_double_eq(metrics.loss, 7.0);
    ck_assert_int_eq(tn_optimizer_step_count(sgd), 0);
    tn_loader_destroy(&loader);
    tn_dataset_destroy(&dataset);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_optimizer_destroy(&sgd);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&t);
}
END_TEST

TN_SUITE("bad_null_data", {test_datasets, 0}, {test_loaders, 0}, {test_files, 0}, {test_model_files, 0},
         {test_training, 0}, {test_training_arguments, 0})
