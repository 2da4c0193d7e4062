/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Layers, models, plans, sessions, prediction, custom layers. */
#include "nets.h"
#include "scenarios.h"

/* --- building the known networks, and a first prediction with them */

static void alexnet_batch(world *w)
{
    make_batch(w, 2, ALEXNET_SIZE);
}

static tn_status build_alexnet(world *w)
{
    TRY(make_model(w, alexnet_like, ALEXNET_SIZE));
    TRY(make_session(w, (tn_session_options){.batch_size = 2, .training = true, .threads = 2}));
    return predict(w);
}

static void lenet_batch(world *w)
{
    make_batch(w, 3, LENET_SIZE);
}

static tn_status build_lenet(world *w)
{
    TRY(make_model(w, lenet_like, LENET_SIZE));
    TRY(make_session(w, (tn_session_options){.batch_size = 3, .training = true, .input_gradient = true, .threads = 1}));
    return predict(w);
}

/* --- a plan before anything exists */

static void lenet_layers(world *w)
{
    w->net = lenet_like(&w->allocator);
    ck_assert_ptr_nonnull(w->net);
}

static tn_status plan_lenet(world *w)
{
    char text[8192];
    size_t needed;
    TRY(tn_model_plan(
        w->net, TN_OPTIONS(tn_model_options, .input_shape = {LENET_SIZE, LENET_SIZE, 1}, .allocator = &w->allocator),
        TN_OPTIONS(tn_session_options, .batch_size = 4, .training = true, .threads = 1), &w->plan));
    TRY(tn_plan_summary(w->plan, text, sizeof text, &needed));
    w->outcome = bits_add(0, text, needed);
    return TN_OK;
}

/* --- prediction with a model that is there */

static void lenet_model(world *w)
{
    lenet_batch(w);
    ck_ok(make_model(w, lenet_like, LENET_SIZE));
}

static tn_status predict_lenet(world *w)
{
    TRY(make_session(w, (tn_session_options){.batch_size = 3, .keep_outputs = true, .threads = 2}));
    return predict(w);
}

static tn_status freeze_lenet(world *w)
{
    TRY(tn_model_freeze(w->model, "second", true));
    return tn_model_parameter_set(w->model, "logits.weight", w->y);
}

static void lenet_and_weights(world *w)
{
    const tn_tensor *old;
    lenet_model(w);
    ck_ok(tn_model_parameter(w->model, "logits.weight", &old));
    ck_ok(tn_tensor_clone(NULL, old, &w->y));
    ck_ok(tn_tensor_fill(w->y, 0.25));
}

/* --- a layer of the caller's: what it was given is destroyed, on failure too */

static tn_status check_gradient(world *w)
{
    double error = 1.0;
    TRY(tn_gradient_check(
        multiplier(&w->allocator),
        TN_OPTIONS(tn_gradient_check_options, .input_shape = {2, {3, 4}}, .seed = 2, .allocator = &w->allocator),
        &error));
    w->outcome = bits_add(0, &error, sizeof error);
    return error < 1e-3 ? TN_OK : tn_fail(TN_ERR_STATE, "the gradient is off by %g", error);
}

const scenario model_scenarios[] = {
    {"build an AlexNet", alexnet_batch, build_alexnet, false},
    {"build a LeNet", lenet_batch, build_lenet, false},
    {"plan a LeNet", lenet_layers, plan_lenet, true},
    {"predict with a LeNet", lenet_model, predict_lenet, false},
    {"set and freeze parameters", lenet_and_weights, freeze_lenet, true},
    {"check a custom layer's gradient", NULL, check_gradient, true},
    SCENARIO_END,
};
