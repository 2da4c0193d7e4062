/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A small network with everything that a checkpoint holds. */
#ifndef TESTS_FORMATS_SMALL_RUN_H
#define TESTS_FORMATS_SMALL_RUN_H

#include "damage.h"

typedef struct small_run {
    tn_model *model;
    tn_optimizer *optimizer;
    tn_session *session;
    tn_loader *loader;
    tn_progress progress;
} small_run;

/** What differs between runs; zeros are the usual ones. */
typedef struct small_options {
    int64_t kernel_size, batch_size, samples;
    const tn_allocator *allocator; /* of model, optimizer and session */
    uint64_t weights_seed, loader_seed;
    int64_t warmup;        /* more than the usual one */
    double minimum;        /* of the schedule, more than the usual one */
    const char *optimizer; /* "sgd" (with momentum), "adam", "plain" */
} small_options;

static inline tn_model *small_model_from(const tn_allocator *allocator, int64_t kernel_size, uint64_t seed)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_conv2d(.filters = 2, .kernel_size = kernel_size, .padding = TN_SAME),
                                        tn_flatten(), tn_dense(.units = 3)),
                          TN_OPTIONS(tn_model_options, .input_shape = {5, 5, 1}, .seed = seed, .allocator = allocator),
                          &model));
    return model;
}

static inline tn_model *small_model(int64_t kernel_size, uint64_t seed)
{
    return small_model_from(NULL, kernel_size, seed);
}

static inline tn_loader *small_loader(int64_t samples, int64_t batch_size, uint64_t seed)
{
    const int64_t shape[] = {samples, 5, 5, 1};
    tn_tensor *images = NULL, *labels = NULL;
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 4, shape, &images));
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, shape, &labels));
    ck_ok(tn_dataset_from_tensors(NULL, images, labels, &dataset));
    ck_ok(tn_loader_create(
        dataset,
        TN_OPTIONS(tn_loader_options, .batch_size = batch_size, .shuffle = true, .seed = seed, .without_thread = true),
        &loader));
    tn_dataset_destroy(&dataset);
    tn_tensor_destroy(&images);
    tn_tensor_destroy(&labels);
    return loader;
}

static inline small_run small_create(small_options options)
{
    const char *kind = options.optimizer ? options.optimizer : "sgd";
    small_run run = {.progress = {.struct_size = sizeof(tn_progress)}};
    run.model =
        small_model_from(options.allocator, options.kernel_size ? options.kernel_size : 3, options.weights_seed);
    ck_ok(tn_session_create(run.model, TN_OPTIONS(tn_session_options, .training = true, .threads = 1), &run.session));
    run.loader = small_loader(options.samples ? options.samples : 10, options.batch_size ? options.batch_size : 4,
                              options.loader_seed);
    const tn_schedule schedule = {
        .kind = TN_SCHEDULE_COSINE, .warmup = 3 + options.warmup, .period = 50, .minimum = 0.001 + options.minimum};
    if (strcmp(kind, "adam") == 0)
        run.optimizer = tn_adam(.learning_rate = 0.25, .schedule = schedule, .allocator = options.allocator);
    else
        run.optimizer = tn_sgd(.learning_rate = 0.25, .momentum = strcmp(kind, "sgd") == 0 ? 0.5 : 0,
                               .schedule = schedule, .allocator = options.allocator);
    ck_assert_ptr_nonnull(run.optimizer);
    return run;
}

static inline void small_destroy(small_run *run)
{
    tn_loader_destroy(&run->loader);
    tn_optimizer_destroy(&run->optimizer);
    tn_session_destroy(&run->session);
    tn_model_destroy(&run->model);
}

static inline tn_checkpoint small_checkpoint(small_run *run)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = run->model,
                           .optimizer = run->optimizer,
                           .session = run->session,
                           .loader = run->loader,
                           .progress = &run->progress};
}

/** Give every parameter and state numbers of its own, and every counter a value of its own. */
static inline void small_advance(small_run *run)
{
    ck_ok(tn_optimizer_bind(run->optimizer, run->model));
    for (size_t i = 0; i < tn_model_parameter_count(run->model); i++) {
        const char *name = tn_model_parameter_name(run->model, i);
        const tn_tensor *old;
        ck_ok(tn_model_parameter(run->model, name, &old));
        for (size_t k = 0; k <= tn_optimizer_state_count(run->optimizer); k++) {
            tn_tensor *value = NULL;
            ck_ok(tn_tensor_clone(NULL, old, &value));
            for (int64_t j = 0; j < tn_tensor_size(value); j++)
                tn_tensor_f32(value)[j] = (float)(1000 * (i + 10 * k)) + 0.5f * (float)j;
            if (k == 0)
                ck_ok(tn_model_parameter_set(run->model, name, value));
            else
                ck_ok(tn_optimizer_state_set(run->optimizer, name, tn_optimizer_state_name(run->optimizer, k - 1),
                                             value));
            tn_tensor_destroy(&value);
        }
    }
    ck_ok(tn_optimizer_set_step_count(run->optimizer, 7));
    ck_ok(tn_optimizer_set_learning_rate(run->optimizer, 0.1));
    tn_session_set_step(run->session, UINT64_MAX - 1);
    ck_ok(tn_loader_start(run->loader, 2, 1));
    run->progress = (tn_progress){sizeof(tn_progress), 2, 1, 0.1 + 0.2, 3, 4};
}

/** All bytes of parameters, state and counters, for comparisons; to be freed. */
static inline unsigned char *small_bytes(small_run *run, size_t *size)
{
    unsigned char *bytes = calloc(1, 100000);
    size_t used = 0;
    ck_ok(tn_optimizer_bind(run->optimizer, run->model));
    for (size_t i = 0; i < tn_model_parameter_count(run->model); i++) {
        const char *name = tn_model_parameter_name(run->model, i);
        for (size_t k = 0; k <= tn_optimizer_state_count(run->optimizer); k++) {
            const tn_tensor *value;
            if (k == 0)
                ck_ok(tn_model_parameter(run->model, name, &value));
            else
                ck_ok(tn_optimizer_state(run->optimizer, name, tn_optimizer_state_name(run->optimizer, k - 1), &value));
            memcpy(bytes + used, tn_tensor_const_data(value), tn_tensor_bytes(value));
            used += tn_tensor_bytes(value);
        }
    }
    double rate = tn_optimizer_learning_rate(run->optimizer);
    uint64_t numbers[] = {(uint64_t)tn_optimizer_step_count(run->optimizer), tn_session_step(run->session),
                          (uint64_t)tn_loader_epoch(run->loader), (uint64_t)tn_loader_batch(run->loader)};
    memcpy(bytes + used, &rate, sizeof rate);
    memcpy(bytes + used + sizeof rate, numbers, sizeof numbers);
    memcpy(bytes + used + sizeof rate + sizeof numbers, &run->progress, sizeof run->progress);
    *size = used + sizeof rate + sizeof numbers + sizeof run->progress;
    return bytes;
}

static inline void small_expect_equal(const unsigned char *bytes, size_t size, small_run *run)
{
    size_t other_size;
    unsigned char *other = small_bytes(run, &other_size);
    ck_assert_uint_eq(size, other_size);
    ck_assert_mem_eq(bytes, other, size);
    free(other);
}

#endif
