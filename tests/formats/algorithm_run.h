/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A run whose session takes algorithms that it would not choose: what the tests of checkpoints' algorithms have in
 * common. */
#ifndef TN_TESTS_ALGORITHM_RUN_H
#define TN_TESTS_ALGORITHM_RUN_H

#include "model/session_change.h"
#include "rewrite.h"

enum { SIZE = 16, BATCH = 6, LAYERS = 6, SECOND = 2 };

/* What small convolutions would not choose, of every kind: three passes that differ, a pass that is not planned. The
 * convolution before the pooling passes chunks of two images on. */
static const tn_step_choice others[LAYERS] = {{"winograd(4,3)/-/winograd(6,3)", 2},
                                              {"", 0},
                                              {"winograd(6,3)/gemm/winograd(4,3)", 0},
                                              {"", 0},
                                              {"winograd(4,5)", 0},
                                              {"", 0}};

typedef struct run {
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_tensor *x, *dy;
} run;

typedef struct setup {
    bool precise, measure, keep_outputs, tanh, frozen; /* the last two: of the first layer */
    int threads;                                       /* 0: 1 */
    const tn_allocator *allocator, *of_model;
} setup;

static inline run run_create(setup s)
{
    run r = {.optimizer = tn_sgd(.learning_rate = 0.05, .momentum = 0.5)};
    ck_ok(tn_model_create(
        tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .padding = TN_SAME,
                                .activation = s.tanh ? TN_TANH : TN_RELU, .frozen = s.frozen),
                      tn_max_pool2d(.pool_size = 2),
                      tn_conv2d(.filters = 5, .kernel_size = 3, .padding = TN_SAME, .activation = TN_TANH),
                      tn_dropout(.rate = 0.25f), tn_conv2d(.filters = 3, .kernel_size = 5), tn_flatten()),
        TN_OPTIONS(tn_model_options, .input_shape = {SIZE, SIZE, 2}, .seed = 4, .precise = s.precise,
                   .allocator = s.of_model),
        &r.model));
    ck_ok(tn_session_create(r.model,
                            TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .measure = s.measure,
                                       .keep_outputs = s.keep_outputs, .threads = s.threads ? s.threads : 1,
                                       .allocator = s.allocator),
                            &r.session));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){BATCH, SIZE, SIZE, 2}, &r.x));
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){BATCH, 4 * 4 * 3}, &r.dy));
    return r;
}

static inline void run_destroy(run *r)
{
    tn_session_destroy(&r->session);
    tn_model_destroy(&r->model);
    tn_optimizer_destroy(&r->optimizer);
    tn_tensor_destroy(&r->x);
    tn_tensor_destroy(&r->dy);
}

/* Each step has images of its own, which follow from its number. */
static inline void train(run *r, int steps)
{
    for (int i = 0; i < steps; i++) {
        const tn_tensor *y;
        uint64_t step = tn_session_step(r->session);
        ck_ok(tn_tensor_fill_uniform(r->x, -1.0f, 1.0f, step));
        ck_ok(tn_tensor_fill_uniform(r->dy, -1.0f, 1.0f, 1000 + step));
        ck_ok(tn_session_forward(r->session, r->x, TN_TRAIN, &y));
        ck_ok(tn_session_backward(r->session, r->dy, TN_GRADIENT_WRITE));
        ck_ok(tn_optimizer_step(r->optimizer, r->session));
    }
}

static inline void take_others(run *r)
{
    tn_session_change change = {0};
    ck_ok(tn_session_change_create(r->session, others, &change));
    ck_assert_ptr_nonnull(change.plan);
    tn_session_change_apply(r->session, &change);
    tn_session_change_destroy(r->session, &change);
}

static inline const char *algorithm(const run *r, size_t layer)
{
    return tn_plan_layer(tn_session_plan(r->session), layer)->algorithm;
}

static inline void expect_choices(const run *r, const tn_step_choice expected[LAYERS])
{
    for (size_t i = 0; i < LAYERS; i++) {
        ck_assert_str_eq(algorithm(r, i), expected[i].algorithm);
        ck_assert_int_eq(r->session->plan->steps[i].chunk, expected[i].chunk);
    }
}

/* Borrowed from the run. */
static inline void choices_of(const run *r, tn_step_choice out[LAYERS])
{
    for (size_t i = 0; i < LAYERS; i++)
        out[i] = (tn_step_choice){algorithm(r, i), r->session->plan->steps[i].chunk};
}

static inline tn_checkpoint checkpoint_of(const run *r)
{
    return (tn_checkpoint){
        .struct_size = sizeof(tn_checkpoint), .model = r->model, .optimizer = r->optimizer, .session = r->session};
}

static inline const char *save(const run *r, const char *name)
{
    const tn_checkpoint checkpoint = checkpoint_of(r);
    ck_ok(tn_checkpoint_save(scratch(name), &checkpoint));
    return scratch(name);
}

static inline tn_status load(const run *r, const char *path, bool force)
{
    tn_checkpoint checkpoint = checkpoint_of(r);
    checkpoint.force = force;
    return tn_checkpoint_load(path, &checkpoint);
}

static inline bool same_weights(const run *a, const run *b)
{
    for (size_t i = 0; i < tn_model_parameter_count(a->model); i++) {
        const char *name = tn_model_parameter_name(a->model, i);
        const tn_tensor *of_a, *of_b;
        ck_ok(tn_model_parameter(a->model, name, &of_a));
        ck_ok(tn_model_parameter(b->model, name, &of_b));
        if (memcmp(tn_tensor_const_data(of_a), tn_tensor_const_data(of_b), tn_tensor_bytes(of_a)) != 0)
            return false;
    }
    return true;
}

#endif
