/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A session that was made for an optimizer updates weights in backward: it leaves the same bits as one that was not,
 * and takes less memory. */
#include "../layers/custom_scale.h"
#include "alexnet.h"
#include "trainee.h"

enum { OPTIMIZERS = 9, BATCHES = 5, STEPS = 3 };

static tn_optimizer *optimizer_of(int kind)
{
    switch (kind) {
    case 0:
        return tn_sgd(.learning_rate = 0.1);
    case 1:
        return tn_sgd(.learning_rate = 0.1, .weight_decay = 0.01);
    case 2:
        return tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.1);
    case 3:
        return tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    case 4:
        return tn_adam(.weight_decay = 0.01, .schedule = {.kind = TN_SCHEDULE_COSINE, .period = 4});
    case 5:
        return tn_adamw(.weight_decay = 0.01, .schedule = {.kind = TN_SCHEDULE_STEP, .period = 2, .warmup = 2});
    case 6:
        return tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .clipping = {.norm = 0.5f});
    case 7:
        return tn_adam(.clipping = {.value = 0.1f});
    default:
        return tn_sgd(.learning_rate = 0.1, .schedule = {.warmup = 3});
    }
}

static bool clips(int kind)
{
    return kind == 6 || kind == 7;
}

/* Whether the first dense layer is updated in backward. */
static bool updates(const tn_session *session)
{
    return tn_plan_layer(tn_session_plan(session), 2)->updates_in_backward;
}

static void ck_same_input_gradient(const trainee *a, const trainee *b)
{
    const tn_tensor *of_a, *of_b;
    ck_ok(tn_session_input_gradient(a->session, &of_a));
    ck_ok(tn_session_input_gradient(b->session, &of_b));
    ck_assert_msg(trainee_same(of_a, of_b), "the gradient by the input differs");
}

/* 400 images are more than one block of a sum. */
START_TEST(test_same_bits)
{
    static const int64_t batches[BATCHES] = {1, 5, 96, 128, 400};
    const int kind = _i / BATCHES, threads = 1 + _i % 4;
    const int64_t batch = batches[_i % BATCHES];
    trainee early = trainee_create(trainee_net(), optimizer_of(kind), true, batch, threads);
    trainee late = trainee_create(trainee_net(), optimizer_of(kind), false, batch, 1);
    ck_assert(updates(early.session) != clips(kind));
    ck_assert(!updates(late.session));
    trainee_steps(&early, batch, STEPS);
    trainee_steps(&late, batch, STEPS);
    ck_same_trainees(&early, &late);
    ck_same_input_gradient(&early, &late);
    trainee_destroy(&early);
    trainee_destroy(&late);
}
END_TEST

/* The last batch of an epoch is smaller, and none may be empty: its gradients are zero, but momentum goes on. */
START_TEST(test_smaller_batches)
{
    static const int64_t batches[] = {128, 96, 0, 7, 0, 128};
    trainee early = trainee_create(trainee_net(), optimizer_of(_i), true, 128, 3);
    trainee late = trainee_create(trainee_net(), optimizer_of(_i), false, 128, 2);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        trainee_steps(&early, batches[i], 1);
        trainee_steps(&late, batches[i], 1);
    }
    ck_same_trainees(&early, &late);
    trainee_destroy(&early);
    trainee_destroy(&late);
}
END_TEST

/* Layers of one feature, of one unit, and on every pixel. */
START_TEST(test_narrow)
{
    static const int64_t batches[] = {1, 2, 50};
    trainee of[2];
    for (int i = 0; i < 2; i++) {
        tn_layer *net = tn_sequential(tn_dense(.units = 5), tn_flatten(), tn_dense(.units = 1), tn_dense(.units = 257),
                                      tn_dense(.units = TRAINEE_CLASSES));
        of[i] = trainee_create(net, optimizer_of(3), i == 0, batches[_i], 2);
        trainee_steps(&of[i], batches[_i], STEPS);
    }
    ck_assert(tn_plan_layer(tn_session_plan(of[0].session), 3)->updates_in_backward);
    ck_same_trainees(&of[0], &of[1]);
    trainee_destroy(&of[0]);
    trainee_destroy(&of[1]);
}
END_TEST

/* A parameter that is frozen after the session was made is passed by as long as it is, as everywhere. */
START_TEST(test_frozen_later)
{
    trainee of[2];
    for (int i = 0; i < 2; i++) {
        of[i] = trainee_create(trainee_net(), optimizer_of(3), i == 0, 12, 2);
        trainee_steps(&of[i], 12, 1);
        ck_ok(tn_model_freeze(of[i].model, "dense_1", true));
        trainee_steps(&of[i], 12, 2);
        ck_ok(tn_model_freeze(of[i].model, "dense_1", false));
        trainee_steps(&of[i], 12, 1);
    }
    ck_same_trainees(&of[0], &of[1]);
    trainee_destroy(&of[0]);
    trainee_destroy(&of[1]);
}
END_TEST

START_TEST(test_frozen_before)
{
    tn_tensor *gradient;
    trainee of[2];
    for (int i = 0; i < 2; i++) {
        of[i] = trainee_create(trainee_net(), optimizer_of(4), false, 12, 2);
        ck_ok(tn_model_freeze(of[i].model, "dense_1.weight", true));
        tn_session_destroy(&of[i].session);
        of[i].session = trainee_session(of[i].model, i == 0 ? of[i].optimizer : NULL, 12, 2);
        trainee_steps(&of[i], 12, STEPS);
    }
    ck_assert(!updates(of[0].session));
    ck_assert(tn_plan_layer(tn_session_plan(of[0].session), 4)->updates_in_backward);
    ck_fails(tn_session_gradient(of[0].session, "dense_1.weight", &gradient), TN_ERR_STATE, "frozen");
    ck_same_trainees(&of[0], &of[1]);
    trainee_destroy(&of[0]);
    trainee_destroy(&of[1]);
}
END_TEST

/* --- custom layers */

static tn_layer *scale(scale_layer *self)
{
    return tn_custom_create(&scale_ops, self, NULL);
}

/* Backward comes to dense_2, the custom layer, dense_1: it may update the last, but not the first. */
static tn_layer *net_with(scale_layer *self)
{
    return tn_sequential(tn_flatten(), tn_dense(.units = 40), scale(self), tn_dense(.units = TRAINEE_CLASSES));
}

START_TEST(test_custom_layer)
{
    scale_layer self[2] = {{NO_FAULT, 0, 0, 0}, {NO_FAULT, 0, 0, 0}};
    trainee early = trainee_create(net_with(&self[0]), optimizer_of(1), true, 9, 2);
    trainee late = trainee_create(net_with(&self[1]), optimizer_of(1), false, 9, 1);
    const tn_plan *plan = tn_session_plan(early.session);
    ck_assert(tn_plan_layer(plan, 1)->updates_in_backward);
    ck_assert(!tn_plan_layer(plan, 3)->updates_in_backward);
    trainee_steps(&early, 9, STEPS);
    trainee_steps(&late, 9, STEPS);
    ck_same_trainees(&early, &late);
    trainee_destroy(&early);
    trainee_destroy(&late);
}
END_TEST

/* A step whose backward fails counts as never begun. */
START_TEST(test_custom_layer_fails)
{
    scale_layer self[2] = {{NO_FAULT, 0, 0, 0}, {NO_FAULT, 0, 0, 0}};
    trainee early = trainee_create(net_with(&self[0]), optimizer_of(3), true, 9, 2);
    trainee late = trainee_create(net_with(&self[1]), optimizer_of(3), false, 9, 1);
    trainee_steps(&early, 9, 1);
    trainee_steps(&late, 9, 1);
    trainee_forward(&early, early.session, 9, 50);
    self[0].fault = BACKWARD_FAILS;
    ck_fails(trainee_backward(early.session, 9, 50, TN_GRADIENT_WRITE), TN_ERR_NON_FINITE, "too cold");
    ck_fails(tn_optimizer_step(early.optimizer, early.session), TN_ERR_STATE, "no backward has begun");
    ck_same_trainees(&early, &late);
    self[0].fault = NO_FAULT;
    tn_session_set_step(early.session, 1);
    trainee_steps(&early, 9, 1);
    trainee_steps(&late, 9, 1);
    ck_same_trainees(&early, &late);
    trainee_destroy(&early);
    trainee_destroy(&late);
}
END_TEST

/* --- memory */

static tn_memory plan_of(tn_layer *net, int64_t size, int64_t batch, tn_optimizer *optimizer, bool *tells)
{
    tn_plan *plan = NULL;
    char text[4096];
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {size, size, size == 224 ? 1 : 3}),
                        TN_OPTIONS(tn_session_options, .batch_size = batch, .training = true, .input_gradient = true,
                                   .threads = 2, .optimizer = optimizer),
                        &plan));
    tn_memory memory = tn_plan_memory(plan);
    ck_ok(tn_plan_summary(plan, text, sizeof text, NULL));
    *tells = strstr(text, "updates in backward") != NULL;
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
    return memory;
}

START_TEST(test_alexnet)
{
    const uint64_t dense = (UINT64_C(6400) * 4096 + UINT64_C(4096) * 4096 + UINT64_C(4096) * 10) * sizeof(float);
    tn_optimizer *plain = optimizer_of(0), *clipping = optimizer_of(6);
    bool tells;
    tn_memory without = plan_of(alexnet(), 224, 128, NULL, &tells);
    ck_assert(!tells);
    tn_memory late = plan_of(alexnet(), 224, 128, clipping, &tells);
    ck_assert(!tells);
    tn_memory early = plan_of(alexnet(), 224, 128, plain, &tells);
    ck_assert(tells);
    ck_assert_uint_eq(late.total, without.total);
    ck_assert_uint_eq(early.gradients, without.gradients - dense);
    ck_assert_uint_eq(early.activations, without.activations);
    ck_assert_uint_le(early.total, without.total - dense + (1 << 20));
    tn_optimizer_destroy(&plain);
    tn_optimizer_destroy(&clipping);
}
END_TEST

/* The plan says what is allocated, and steps allocate nothing. */
START_TEST(test_allocations)
{
    counting of_session = {0}, of_optimizer = {0};
    const tn_allocator for_session = counting_allocator(&of_session), for_optimizer = counting_allocator(&of_optimizer);
    bool tells;
    trainee t = trainee_create(trainee_net(), tn_adam(.allocator = &for_optimizer), true, 20, 2);
    tn_session_destroy(&t.session);
    ck_ok(tn_session_create(t.model,
                            TN_OPTIONS(tn_session_options, .batch_size = 20, .training = true, .input_gradient = true,
                                       .threads = 2, .allocator = &for_session, .optimizer = t.optimizer),
                            &t.session));
    tn_memory planned = plan_of(trainee_net(), 6, 20, t.optimizer, &tells);
    ck_assert(counting_saw(&of_session, planned.gradients));
    ck_assert(counting_saw(&of_session, planned.activations));
    ck_assert(counting_saw(&of_session, planned.scratch));
    long blocks = (long)(planned.total - planned.parameters);
    ck_assert_int_lt(atomic_load(&of_session.live_bytes) - blocks, 64 * 1024);
    long calls = atomic_load(&of_session.calls) + atomic_load(&of_optimizer.calls);
    trainee_steps(&t, 20, STEPS);
    ck_assert_int_eq(atomic_load(&of_session.calls) + atomic_load(&of_optimizer.calls), calls);
    trainee_destroy(&t);
    ck_assert_int_eq(atomic_load(&of_session.live_bytes), 0);
    ck_assert_int_eq(atomic_load(&of_optimizer.live_bytes), 0);
}
END_TEST

/* Whatever allocation of a session fails, nothing leaks, and the optimizer can be used elsewhere. */
START_TEST(test_no_memory)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    trainee first = trainee_create(trainee_net(), optimizer_of(0), false, 2, 1);
    trainee second = trainee_create(trainee_net(), optimizer_of(0), false, 2, 1);
    tn_session *session = NULL;
    long fail_at = 0;
    tn_status status;
    do {
        atomic_store(&c.calls, 0);
        c.fail_at = ++fail_at;
        status = tn_session_create(first.model,
                                   TN_OPTIONS(tn_session_options, .training = true, .threads = 1,
                                              .allocator = &allocator, .optimizer = first.optimizer),
                                   &session);
        ck_assert(status == TN_OK || status == TN_ERR_NO_MEMORY);
        ck_assert(status == TN_OK || atomic_load(&c.live_blocks) == 0);
    } while (status != TN_OK && fail_at < 1000);
    ck_assert_int_gt(fail_at, 8);
    tn_session_destroy(&session);
    ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
    trainee_destroy(&first);
    trainee_destroy(&second);
}
END_TEST

TN_SUITE("update_in_backward", TN_LOOPED(test_same_bits, OPTIMIZERS *BATCHES),
         TN_LOOPED(test_smaller_batches, OPTIMIZERS), TN_LOOPED(test_narrow, 3), {test_frozen_later},
         {test_frozen_before}, {test_custom_layer}, {test_custom_layer_fails}, {test_alexnet}, {test_allocations},
         {test_no_memory})
