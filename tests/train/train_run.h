/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A small run for the training loop: points of a plane in three classes, a network with dropout that learns them. */
#ifndef TESTS_TRAIN_TRAIN_RUN_H
#define TESTS_TRAIN_TRAIN_RUN_H

#include "suite.h"

#include <math.h>

enum { POINTS = 90, CLASSES = 3 };

typedef struct train_run {
    tn_model *model;
    tn_session *session;
    tn_loss *loss;
    tn_optimizer *optimizer;
    tn_loader *train, *test;
} train_run;

typedef struct train_setup {
    int64_t batch, session_batch; /* session_batch 0: as batch */
    int threads;                  /* 0: 2 */
    float dropout;
    uint64_t seed; /* of weights and dropout; the usual one is 0 */
    bool drop_last;
    bool early; /* the session is made for the optimizer: backward updates weights */
} train_setup;

/* Around three centres far enough apart that a line separates them. */
static inline void train_point(int64_t index, float *sample, int32_t *target)
{
    static const float centres[CLASSES][2] = {{2.0f, 0.0f}, {-1.0f, 1.75f}, {-1.0f, -1.75f}};
    int32_t class = (int32_t)(index % CLASSES);
    sample[0] = centres[class][0] + 0.5f * sinf(12.9f * (float)index);
    sample[1] = centres[class][1] + 0.5f * cosf(78.2f * (float)index);
    *target = class;
}

static inline tn_dataset *train_points(int64_t first, int64_t count)
{
    tn_tensor *samples = NULL, *targets = NULL;
    tn_dataset *dataset = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){count, 2}, &samples));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){count}, &targets));
    for (int64_t i = 0; i < count; i++)
        train_point(first + i, tn_tensor_f32(samples) + 2 * i, (int32_t *)tn_tensor_data(targets) + i);
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
    return dataset;
}

static inline tn_loader *train_loader(tn_dataset *dataset, int64_t batch, bool drop_last)
{
    tn_loader *loader = NULL;
    ck_ok(tn_loader_create(
        dataset, TN_OPTIONS(tn_loader_options, .batch_size = batch, .shuffle = true, .seed = 5, .drop_last = drop_last),
        &loader));
    tn_dataset_destroy(&dataset);
    return loader;
}

static inline train_run train_run_create(train_setup setup)
{
    train_run run = {.loss = tn_softmax_cross_entropy(),
                     .optimizer = tn_sgd(.learning_rate = 0.2, .momentum = 0.5),
                     .train = train_loader(train_points(0, POINTS), setup.batch, setup.drop_last),
                     .test = train_loader(train_points(POINTS, 31), setup.batch, false)};
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 16, .activation = TN_TANH), tn_dropout(.rate = setup.dropout),
                                        tn_dense(.units = CLASSES)),
                          TN_OPTIONS(tn_model_options, .input_shape = {2}, .seed = 3 + setup.seed), &run.model));
    ck_ok(tn_session_create(run.model,
                            TN_OPTIONS(tn_session_options,
                                       .batch_size = setup.session_batch ? setup.session_batch : setup.batch,
                                       .training = true, .threads = setup.threads ? setup.threads : 2,
                                       .optimizer = setup.early ? run.optimizer : NULL),
                            &run.session));
    return run;
}

static inline void train_run_destroy(train_run *run)
{
    tn_loader_destroy(&run->train);
    tn_loader_destroy(&run->test);
    tn_session_destroy(&run->session);
    tn_optimizer_destroy(&run->optimizer);
    tn_model_destroy(&run->model);
    tn_loss_destroy(&run->loss);
}

static inline tn_status train_fit(train_run *run, tn_fit_options options)
{
    options.struct_size = sizeof options;
    return tn_fit(run->session, run->loss, run->optimizer, run->train, &options);
}

enum { WEIGHTS = 2 * 16 + 16 + 16 * CLASSES + CLASSES };

/** All parameters, one after another. */
static inline void train_weights(const train_run *run, float out[WEIGHTS])
{
    size_t used = 0;
    for (size_t i = 0; i < tn_model_parameter_count(run->model); i++) {
        const tn_tensor *value;
        ck_ok(tn_model_parameter(run->model, tn_model_parameter_name(run->model, i), &value));
        memcpy(out + used, tn_tensor_const_f32(value), tn_tensor_bytes(value));
        used += (size_t)tn_tensor_size(value);
    }
    ck_assert_uint_eq(used, WEIGHTS);
}

#endif
