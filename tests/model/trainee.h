/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A network, its session and its optimizer, where the session is made for the optimizer or not. The first dense
 * layer's weight, [288,300], is larger than a block of a product either way. */
#ifndef TESTS_MODEL_TRAINEE_H
#define TESTS_MODEL_TRAINEE_H

#include "counting.h"

enum { TRAINEE_CLASSES = 10 };

typedef struct trainee {
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_tensor *x[2]; /* of the last forward: of `session`, and of another one; backward reads it */
} trainee;

static inline tn_layer *trainee_net(void)
{
    return tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
                         tn_flatten(), tn_dense(.units = 300, .activation = TN_RELU), tn_dropout(.rate = 0.25f),
                         tn_dense(.units = TRAINEE_CLASSES));
}

static inline tn_session *trainee_session(tn_model *model, tn_optimizer *optimizer, int64_t batch, int threads)
{
    tn_session *session = NULL;
    ck_ok(tn_session_create(model,
                            TN_OPTIONS(tn_session_options, .batch_size = batch, .training = true,
                                       .input_gradient = true, .threads = threads, .optimizer = optimizer),
                            &session));
    return session;
}

/** @param early  make the session for the optimizer */
static inline trainee trainee_create(tn_layer *net, tn_optimizer *optimizer, bool early, int64_t batch, int threads)
{
    trainee t = {.optimizer = optimizer};
    ck_assert_ptr_nonnull(optimizer);
    ck_ok(tn_model_create(net, TN_OPTIONS(tn_model_options, .input_shape = {6, 6, 3}, .seed = 4), &t.model));
    t.session = trainee_session(t.model, early ? optimizer : NULL, batch, threads);
    return t;
}

static inline void trainee_destroy(trainee *t)
{
    tn_optimizer_destroy(&t->optimizer);
    tn_session_destroy(&t->session);
    tn_model_destroy(&t->model);
    tn_tensor_destroy(&t->x[0]);
    tn_tensor_destroy(&t->x[1]);
}

/** A forward of batch number `seed` in t's session or another one. */
static inline void trainee_forward(trainee *t, tn_session *session, int64_t batch, uint64_t seed)
{
    tn_tensor **x = &t->x[session != t->session];
    const tn_tensor *y;
    tn_tensor_destroy(x);
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){batch, 6, 6, 3}, x));
    ck_ok(tn_tensor_fill_uniform(*x, -1.0f, 1.0f, seed));
    ck_ok(tn_session_forward(session, *x, TN_TRAIN, &y));
}

static inline tn_status trainee_backward(tn_session *session, int64_t batch, uint64_t seed, tn_gradient_mode mode)
{
    tn_tensor *dy = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){batch, TRAINEE_CLASSES}, &dy));
    ck_ok(tn_tensor_fill_uniform(dy, -0.5f, 0.5f, seed + 1000));
    tn_status status = tn_session_backward(session, dy, mode);
    tn_tensor_destroy(&dy);
    return status;
}

/** Forward and a backward that must succeed. */
static inline void trainee_pass(trainee *t, tn_session *session, int64_t batch, uint64_t seed)
{
    trainee_forward(t, session, batch, seed);
    ck_ok(trainee_backward(session, batch, seed, TN_GRADIENT_WRITE));
}

static inline void trainee_steps(trainee *t, int64_t batch, int count)
{
    for (int i = 0; i < count; i++) {
        trainee_pass(t, t->session, batch, (uint64_t)i);
        ck_ok(tn_optimizer_step(t->optimizer, t->session));
    }
}

static inline bool trainee_same(const tn_tensor *a, const tn_tensor *b)
{
    return tn_tensor_bytes(a) == tn_tensor_bytes(b) &&
           memcmp(tn_tensor_const_data(a), tn_tensor_const_data(b), tn_tensor_bytes(a)) == 0;
}

/** Parameters and states of two optimizers' models are the same bits, and as many steps were made. */
static inline void ck_same_trainees(const trainee *a, const trainee *b)
{
    ck_assert_int_eq(tn_optimizer_step_count(a->optimizer), tn_optimizer_step_count(b->optimizer));
    for (size_t i = 0; i < tn_model_parameter_count(a->model); i++) {
        const char *name = tn_model_parameter_name(a->model, i);
        const tn_tensor *of_a, *of_b;
        ck_ok(tn_model_parameter(a->model, name, &of_a));
        ck_ok(tn_model_parameter(b->model, name, &of_b));
        ck_assert_msg(trainee_same(of_a, of_b), "%s differs", name);
        for (size_t s = 0; s < tn_optimizer_state_count(a->optimizer); s++) {
            const char *state = tn_optimizer_state_name(a->optimizer, s);
            ck_ok(tn_optimizer_state(a->optimizer, name, state, &of_a));
            ck_ok(tn_optimizer_state(b->optimizer, name, state, &of_b));
            ck_assert_msg(trainee_same(of_a, of_b), "%s of %s differs", state, name);
        }
    }
}

#endif
