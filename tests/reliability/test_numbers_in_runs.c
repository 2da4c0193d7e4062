/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Numbers that runs meet: logits of +-1e4, all of them equal, no images, one image, a last batch that is smaller, NaN
 *  in the weights. */
#include "nets.h"
#include "scenarios.h"

#include <math.h>

static void set_parameter(tn_model *model, const char *name, double value)
{
    const tn_tensor *old;
    tn_tensor *all = NULL;
    ck_ok(tn_model_parameter(model, name, &old));
    ck_ok(tn_tensor_clone(NULL, old, &all));
    ck_ok(tn_tensor_fill(all, value));
    ck_ok(tn_model_parameter_set(model, name, all));
    tn_tensor_destroy(&all);
}

static bool parameters_finite(const tn_model *model)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const tn_tensor *value;
        ck_ok(tn_model_parameter(model, tn_model_parameter_name(model, i), &value));
        for (int64_t k = 0; k < tn_tensor_size(value); k++)
            if (!isfinite(tn_tensor_const_f32(value)[k]))
                return false;
    }
    return true;
}

static void open_trainer(world *w)
{
    world_open(w);
    make_trainer(w, tn_sgd(.learning_rate = 0.01, .momentum = 0.9, .allocator = &w->allocator), true);
}

static tn_status fit(world *w, tn_fit_options options)
{
    options.struct_size = sizeof options;
    options.epochs = 2;
    options.stop_on_non_finite = true;
    options.progress = &w->progress;
    return tn_fit(w->session, w->loss, w->optimizer, w->loader, &options);
}

/* Logits that a bias pushes to +-1e4: finite losses, finite gradients, finite weights. */
START_TEST(test_large_logits)
{
    float biases[NET_CLASSES];
    tn_tensor *bias = NULL;
    world w;
    open_trainer(&w);
    for (int i = 0; i < NET_CLASSES; i++)
        biases[i] = i % 2 == 0 ? 1e4f : -1e4f;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 1, (const int64_t[]){NET_CLASSES}, biases, &bias));
    ck_ok(tn_model_parameter_set(w.model, "logits.bias", bias));
    tn_tensor_destroy(&bias);
    ck_ok(tn_evaluate(w.session, w.loss, w.test, NULL, &w.metrics));
    ck_assert(w.metrics.loss > 5000.0 && w.metrics.loss < 20000.0);
    ck_ok(fit(&w, (tn_fit_options){0}));
    ck_assert(parameters_finite(w.model));
    world_close(&w, "large logits");
}
END_TEST

/* All logits are equal: the loss is log 10, and the first class is what is predicted. */
START_TEST(test_ties)
{
    world w;
    open_trainer(&w);
    set_parameter(w.model, "logits.weight", 0.0);
    set_parameter(w.model, "logits.bias", _i == 0 ? 0.0 : -1e4);
    ck_ok(tn_evaluate(w.session, w.loss, w.test, NULL, &w.metrics));
    int first = 0;
    for (int i = 0; i < 13; i++)
        first += ((const int32_t *)tn_tensor_const_data(w.targets))[i] == 0;
    ck_assert_double_eq_tol(w.metrics.loss, log(10.0), 1e-6);
    ck_assert_int_eq(w.metrics.count, 13);
    ck_assert_double_eq(w.metrics.accuracy, first / 13.0);
    world_close(&w, "ties");
}
END_TEST

/* A NaN among the weights: the run stops before any weight is touched. */
START_TEST(test_nan_weight)
{
    world w;
    open_trainer(&w);
    set_parameter(w.model, "logits.bias", (double)NAN);
    uint64_t before = world_bits(&w);
    ck_fails(fit(&w, (tn_fit_options){0}), TN_ERR_NON_FINITE, "loss is nan");
    ck_assert_int_eq(tn_optimizer_step_count(w.optimizer), 0);
    ck_ok(tn_loader_start(w.loader, 0, 0));
    ck_assert_uint_eq(world_bits(&w), before);
    world_close(&w, "NaN");
}
END_TEST

/* --- few images */

static tn_tensor *outputs(world *w, int64_t from, int64_t rows)
{
    tn_tensor *x = NULL, *copy = NULL;
    const tn_tensor *y;
    ck_ok(tn_tensor_slice(w->x, from, rows, &x));
    ck_ok(tn_session_forward(w->session, x, TN_PREDICT, &y));
    ck_ok(tn_tensor_clone(NULL, y, &copy));
    tn_tensor_destroy(&x);
    ck_assert_int_eq(tn_tensor_dim(copy, 0), rows);
    return copy;
}

/* Every kind of layer, every algorithm: an image's results do not depend on how many are in the batch, by more than a
 * rounding or two. */
START_TEST(test_smaller_batches)
{
    enum { ALL = 5 };
    world w;
    world_open(&w);
    make_batch(&w, ALL, EVERY_SIZE);
    ck_ok(make_model(&w, every_kind, EVERY_SIZE));
    ck_ok(make_session(&w, (tn_session_options){.batch_size = ALL, .threads = 2}));
    tn_tensor *all = outputs(&w, 0, ALL);
    for (int64_t rows = 0; rows < ALL; rows++) {
        tn_tensor *some = outputs(&w, 1, rows);
        for (int64_t i = 0; i < tn_tensor_size(some); i++)
            ck_assert_float_eq_tol(tn_tensor_f32(some)[i], tn_tensor_f32(all)[NET_CLASSES + i], 1e-5f);
        tn_tensor_destroy(&some);
    }
    tn_tensor_destroy(&all);
    world_close(&w, "smaller batches");
}
END_TEST

/* No images at all: epochs without a step. */
START_TEST(test_no_images)
{
    tn_dataset *none = NULL;
    world w;
    open_trainer(&w);
    tn_loader_destroy(&w.loader);
    ck_ok(tn_dataset_from_tensors(NULL, w.x, w.targets, &w.dataset));
    ck_ok(tn_dataset_take(w.dataset, 0, &none));
    ck_ok(tn_loader_create(none, TN_OPTIONS(tn_loader_options, .batch_size = 5, .shuffle = true), &w.loader));
    tn_dataset_destroy(&none);
    ck_ok(fit(&w, (tn_fit_options){0}));
    ck_assert_int_eq(w.progress.epoch, 2);
    ck_assert_int_eq(tn_optimizer_step_count(w.optimizer), 0);
    ck_ok(tn_evaluate(w.session, w.loss, w.loader, NULL, &w.metrics));
    ck_assert(isnan(w.metrics.loss) && w.metrics.count == 0);
    world_close(&w, "no images");
}
END_TEST

/* Batches of one, and 13 samples in batches of 5, 12 and 13. */
START_TEST(test_batch_sizes)
{
    static const int64_t sizes[] = {1, 5, 12, 13, 100};
    world w;
    open_trainer(&w);
    tn_loader_destroy(&w.loader);
    ck_ok(tn_dataset_from_tensors(NULL, w.x, w.targets, &w.dataset));
    if (_i == 4) { /* a session must hold a batch; the loader's never gets as large as it is asked for */
        tn_session_destroy(&w.session);
        ck_ok(make_session(&w, (tn_session_options){.batch_size = 100, .training = true, .threads = 2}));
    }
    ck_ok(tn_loader_create(w.dataset, TN_OPTIONS(tn_loader_options, .batch_size = sizes[_i]), &w.loader));
    ck_ok(fit(&w, (tn_fit_options){0}));
    ck_assert_int_eq(tn_optimizer_step_count(w.optimizer), 2 * ((13 + sizes[_i] - 1) / sizes[_i]));
    ck_assert(parameters_finite(w.model));
    world_close(&w, "batch sizes");
}
END_TEST

TN_SUITE("numbers_in_runs", {test_large_logits}, TN_LOOPED(test_ties, 2), {test_nan_weight}, {test_smaller_batches},
         {test_no_images}, TN_LOOPED(test_batch_sizes, 5))
