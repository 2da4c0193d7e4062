/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Training steps, the training loop, evaluation. */
#include "scenarios.h"

/* --- parts */

static tn_status make_parts(world *w)
{
    static const float weights[] = {1.0f, 0.5f, 2.0f};
    if (w->loss == NULL)
        w->loss = tn_softmax_cross_entropy(.class_weights = weights, .class_count = 3, .allocator = &w->allocator);
    if (w->loss == NULL)
        return tn_last_status();
    if (w->optimizer == NULL)
        w->optimizer = tn_adamw(.weight_decay = 0.01, .allocator = &w->allocator);
    if (w->optimizer == NULL)
        return tn_last_status();
    return w->stop != NULL ? TN_OK : tn_stop_create(&w->allocator, &w->stop);
}

/* --- a step by hand: forward, loss, backward, update */

static void sgd_trainer(world *w)
{
    make_trainer(w,
                 tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .clipping = {.norm = 1.0f}, .allocator = &w->allocator),
                 false);
}

static void adam_trainer(world *w)
{
    make_trainer(w, tn_adam(.allocator = &w->allocator), false);
}

/* From the start, also after one that failed half-way: the number that keys dropout is put back. */
static tn_status step(world *w)
{
    const tn_tensor *y;
    double loss;
    tn_session_set_step(w->session, 0);
    TRY(tn_session_forward(w->session, w->x, TN_TRAIN, &y));
    if (w->gradient == NULL)
        TRY(tn_tensor_clone(&w->allocator, y, &w->gradient));
    TRY(tn_loss_compute(w->loss, y, w->targets, TN_OPTIONS(tn_loss_results, .loss = &loss, .gradient = w->gradient)));
    TRY(tn_session_backward(w->session, w->gradient, TN_GRADIENT_WRITE));
    TRY(tn_optimizer_step(w->optimizer, w->session));
    w->outcome = bits_add(0, &loss, sizeof loss);
    return TN_OK;
}

/* An update alone: it is done whole or not at all. */
static void adam_after_backward(world *w)
{
    const tn_tensor *y;
    adam_trainer(w);
    ck_ok(tn_session_forward(w->session, w->x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &w->gradient));
    ck_ok(tn_session_backward(w->session, w->gradient, TN_GRADIENT_WRITE));
}

static tn_status update(world *w)
{
    return tn_optimizer_step(w->optimizer, w->session);
}

/* --- the loop */

static void sgd_run(world *w)
{
    make_trainer(w, tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .allocator = &w->allocator), true);
}

static void adam_run(world *w)
{
    make_trainer(w, tn_adam(.allocator = &w->allocator), true);
}

static tn_status fit(world *w)
{
    return tn_fit(w->session, w->loss, w->optimizer, w->loader,
                  TN_OPTIONS(tn_fit_options, .epochs = 2, .accumulate = 2, .test = w->test, .progress = &w->progress));
}

static tn_status evaluate(world *w)
{
    return tn_evaluate(w->session, w->loss, w->test, NULL, &w->metrics);
}

const scenario run_scenarios[] = {
    {"a loss, an optimizer, a stop", NULL, make_parts, false},
    {"a step of SGD", sgd_trainer, step, false},
    {"a step of Adam", adam_trainer, step, false},
    {"an update of Adam", adam_after_backward, update, true},
    {"the loop with SGD", sgd_run, fit, true},
    {"the loop with Adam", adam_run, fit, true},
    {"an evaluation", adam_run, evaluate, true},
    SCENARIO_END,
};
