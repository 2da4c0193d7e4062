/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What sessions derive from the weights and keep, in prediction for forward, in training for backward through frozen
 *  layers: made anew when weights change, absent where it is not wanted. */
#include "small_net.h"

#include <math.h>

/* Filters enough for vectors: Winograd's and those of a plain product are both prepared. */
static tn_model *wide_model(void)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_conv2d(.filters = 64, .kernel_size = 3, .padding = TN_SAME, .groups = 2),
                                        tn_conv2d(.filters = 48, .kernel_size = 3, .strides = 2),
                                        tn_conv2d(.filters = 64, .kernel_size = 3, .padding = TN_SAME), tn_flatten(),
                                        tn_dense(.units = 10)),
                          TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}, .seed = 11), &model));
    return model;
}

static void change_weights(tn_model *model, const char *name, float value)
{
    const tn_tensor *old;
    tn_tensor *weights;
    ck_ok(tn_model_parameter(model, name, &old));
    ck_ok(tn_tensor_clone(NULL, old, &weights));
    for (int64_t i = 0; i < tn_tensor_size(weights); i++)
        tn_tensor_f32(weights)[i] = value * (float)(i % 7 - 3);
    ck_ok(tn_model_parameter_set(model, name, weights));
    tn_tensor_destroy(&weights);
}

/* A session that has run gives what a new one gives after any change of the weights. */
START_TEST(test_follows_weights)
{
    tn_model *model = wide_model();
    tn_session *old = net_session(model, (tn_session_options){.batch_size = 1});
    tn_tensor *x = net_input(1, 1);
    ck_assert_uint_gt(tn_plan_memory(tn_session_plan(old)).prepared, 0);
    for (int round = 0; round < 3; round++) {
        const tn_tensor *y, *expected;
        tn_session *fresh = net_session(model, (tn_session_options){.batch_size = 1});
        ck_ok(tn_session_forward(old, x, TN_PREDICT, &y));
        ck_ok(tn_session_forward(fresh, x, TN_PREDICT, &expected));
        ck_same_bits(expected, y, "output");
        tn_session_destroy(&fresh);
        change_weights(model, "conv2d_1.weight", 0.01f * (float)(round + 1));
    }
    tn_tensor_destroy(&x);
    tn_session_destroy(&old);
    tn_model_destroy(&model);
}
END_TEST

/* An optimizer's step is a change of the weights, too. */
START_TEST(test_follows_training)
{
    tn_model *model = wide_model();
    tn_session *trains = net_session(model, (tn_session_options){.training = true});
    tn_session *old = net_session(model, (tn_session_options){0}), *fresh;
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *before, *after, *expected;
    ck_ok(tn_session_forward(old, x, TN_PREDICT, &before));
    float first = tn_tensor_const_f32(before)[0];
    tn_tensor *y = net_train(trains, x, TN_GRADIENT_WRITE);
    ck_ok(tn_optimizer_step(sgd, trains));
    ck_ok(tn_session_forward(old, x, TN_PREDICT, &after));
    fresh = net_session(model, (tn_session_options){0});
    ck_ok(tn_session_forward(fresh, x, TN_PREDICT, &expected));
    ck_same_bits(expected, after, "output");
    ck_assert(tn_tensor_const_f32(after)[0] != first);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&x);
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&fresh);
    tn_session_destroy(&old);
    tn_session_destroy(&trains);
    tn_model_destroy(&model);
}
END_TEST

/* save_memory and training keep nothing; the results are those of another order of sums at most. */
START_TEST(test_save_memory)
{
    tn_model *model = wide_model();
    tn_session *keeps = net_session(model, (tn_session_options){0});
    tn_session *saves = net_session(model, (tn_session_options){.save_memory = true});
    tn_session *trains = net_session(model, (tn_session_options){.training = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *a, *b;
    ck_assert_uint_gt(tn_plan_memory(tn_session_plan(keeps)).prepared, 0);
    ck_assert_uint_eq(tn_plan_memory(tn_session_plan(saves)).prepared, 0);
    ck_assert_uint_eq(tn_plan_memory(tn_session_plan(trains)).prepared, 0);
    ck_ok(tn_session_forward(keeps, x, TN_PREDICT, &a));
    ck_ok(tn_session_forward(saves, x, TN_PREDICT, &b));
    for (int64_t i = 0; i < tn_tensor_size(a); i++)
        ck_assert_float_le(fabsf(tn_tensor_const_f32(a)[i] - tn_tensor_const_f32(b)[i]), 1e-5f);
    tn_tensor_destroy(&x);
    tn_session_destroy(&keeps);
    tn_session_destroy(&saves);
    tn_session_destroy(&trains);
    tn_model_destroy(&model);
}
END_TEST

/* --- backward through frozen layers */

static tn_model *frozen_model(const char *layer)
{
    tn_model *model = wide_model();
    ck_ok(tn_model_freeze(model, layer, true));
    return model;
}

static uint64_t prepared_of(const tn_session *session)
{
    const tn_plan *plan = tn_session_plan(session);
    uint64_t sum = 0;
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++)
        sum += tn_plan_layer(plan, i)->memory.prepared;
    ck_assert_uint_eq(sum, tn_plan_memory(plan).prepared);
    return sum;
}

/* Layer `layer` alone keeps filters, if any does, where it is frozen and its input needs a gradient. */
START_TEST(test_frozen_plan)
{
    static const struct {
        const char *frozen;
        tn_session_options options;
        bool prepares;
        size_t layer;
    } cases[] = {
        {"conv2d_2", {.training = true}, true, 1},
        {"conv2d_2", {.training = true, .batch_size = 40, .threads = 2}, true, 1},
        {"conv2d_2", {.training = true, .save_memory = true}, false, 1},
        {"conv2d_2.bias", {.training = true}, false, 1},
        {"conv2d_1", {.training = true}, false, 0},
        {"conv2d_3", {.training = true, .input_gradient = true, .measure = true}, true, 2},
        {"dense_1", {.training = true, .input_gradient = true}, false, 4},
    };
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = frozen_model(cases[_i].frozen);
    tn_session_options options = cases[_i].options;
    options.allocator = &allocator;
    tn_session *session = net_session(model, options);
    const tn_plan *plan = tn_session_plan(session);
    uint64_t prepared = prepared_of(session);
    ck_assert(!cases[_i].prepares || counting_saw(&c, prepared));
    if (cases[_i].frozen[7] != '3') /* few channels may be left to the scalar side */
        ck_assert((prepared > 0) == cases[_i].prepares);
    ck_assert_uint_eq(tn_plan_layer(plan, cases[_i].layer)->memory.prepared, prepared);
    tn_memory memory = tn_plan_memory(plan);
    long blocks = (long)(memory.gradients + memory.activations + memory.scratch + memory.prepared);
    ck_assert_int_ge(atomic_load(&c.live_bytes), blocks);
    ck_assert_int_lt(atomic_load(&c.live_bytes) - blocks, 64 * 1024);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* A training session on the model gives the gradients that a new one gives. */
static void expect_like_new(tn_session *old, tn_model *model, const tn_tensor *x)
{
    const tn_tensor *dx, *expected;
    tn_session *fresh = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    tn_tensor *a = net_train(old, x, TN_GRADIENT_WRITE), *b = net_train(fresh, x, TN_GRADIENT_WRITE);
    ck_same_bits(b, a, "output");
    ck_ok(tn_session_input_gradient(old, &dx));
    ck_ok(tn_session_input_gradient(fresh, &expected));
    ck_same_bits(expected, dx, "input gradient");
    ck_assert_float_ne(tn_tensor_const_f32(dx)[0], 0.0f);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_session_destroy(&fresh);
}

/* Frozen weights may be set, and trained by another session while they are thawed. */
START_TEST(test_frozen_follows_weights)
{
    tn_model *model = frozen_model("conv2d_2");
    tn_session *old = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    tn_tensor *x = net_input(NET_BATCH, 1), *few = net_input(2, 2);
    for (int round = 0; round < 3; round++) {
        expect_like_new(old, model, x);
        expect_like_new(old, model, few);
        ck_ok(tn_optimizer_step(sgd, old));
        expect_like_new(old, model, x);
        change_weights(model, "conv2d_2.weight", 0.01f * (float)(round + 1));
    }
    expect_like_new(old, model, x);
    ck_ok(tn_model_freeze(model, "conv2d_2", false));
    tn_session *thawed = net_session(model, (tn_session_options){.training = true});
    tn_tensor *y = net_train(thawed, x, TN_GRADIENT_WRITE);
    ck_ok(tn_optimizer_step(sgd, thawed));
    ck_ok(tn_model_freeze(model, "conv2d_2", true));
    expect_like_new(old, model, x);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&few);
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&thawed);
    tn_session_destroy(&old);
    tn_model_destroy(&model);
}
END_TEST

static float *values_of(const tn_model *model, const char *name, int64_t *count)
{
    const tn_tensor *weights;
    ck_ok(tn_model_parameter(model, name, &weights));
    *count = tn_tensor_size(weights);
    return tn_tensor_f32((tn_tensor *)(uintptr_t)weights);
}

/* A backward on x, in which the frozen weights are not there. */
static tn_tensor *gradient_without(tn_session *session, const tn_tensor *x, const char *name)
{
    int64_t count;
    const tn_tensor *y, *dx;
    tn_tensor *dy = net_upstream(tn_tensor_dim(x, 0)), *out;
    float *values = values_of(tn_session_model(session), name, &count);
    size_t bytes = (size_t)count * sizeof *values;
    void *kept = malloc(bytes);
    ck_assert_ptr_nonnull(kept);
    memcpy(kept, values, bytes);
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    memset(values, 0xff, bytes); /* behind the model's back */
    ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE));
    memcpy(values, kept, bytes);
    ck_ok(tn_session_input_gradient(session, &dx));
    ck_ok(tn_tensor_clone(NULL, dx, &out));
    tn_tensor_destroy(&dy);
    free(kept);
    return out;
}

/* Frozen filters are prepared once, whatever the optimizer makes of the other layers in between, and without an
 * allocation. */
START_TEST(test_frozen_once)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = frozen_model("conv2d_2");
    tn_session *session =
        net_session(model, (tn_session_options){.training = true, .input_gradient = true, .allocator = &allocator});
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    tn_tensor *x = net_input(NET_BATCH, 1);
    long calls = atomic_load(&c.calls);
    expect_like_new(session, model, x);
    for (int step = 0; step < 2; step++) {
        const tn_tensor *expected;
        tn_session *fresh = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
        tn_tensor *dx = gradient_without(session, x, "conv2d_2.weight"), *y = net_train(fresh, x, TN_GRADIENT_WRITE);
        ck_ok(tn_session_input_gradient(fresh, &expected));
        ck_same_bits(expected, dx, "input gradient");
        tn_session_destroy(&fresh);
        ck_ok(tn_optimizer_step(sgd, session));
        tn_tensor_destroy(&y);
        tn_tensor_destroy(&dx);
    }
    ck_assert_int_eq(atomic_load(&c.calls), calls);
    tn_tensor_destroy(&x);
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("prepared", {test_follows_weights}, {test_follows_training}, {test_save_memory},
         TN_LOOPED(test_frozen_plan, 7), {test_frozen_follows_weights}, {test_frozen_once})
