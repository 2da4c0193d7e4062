/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  SGD against its formula in double, over 50 steps; the start of the velocity. */
#include "small_net.h"

static const tn_sgd_options cases[] = {
    {.learning_rate = 0.1},
    {.learning_rate = 0.1, .weight_decay = 0.05},
    {.learning_rate = 0.1, .momentum = 0.9},
    {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.05},
    {.learning_rate = 0.1, .momentum = 0.5, .dampening = 0.25},
    {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true},
    {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.05, .nesterov = true},
};

/* One element's step, `v` its velocity. */
static double reference(const tn_sgd_options *o, double w, double g, double *v, bool first)
{
    double d = g + o->weight_decay * w;
    *v = first ? d : o->momentum * *v + (1.0 - o->dampening) * d;
    if (o->momentum == 0.0)
        return w - o->learning_rate * d;
    return w - o->learning_rate * (o->nesterov ? d + o->momentum * *v : *v);
}

START_TEST(test_formula)
{
    tn_sgd_options options = cases[_i];
    options.struct_size = sizeof options;
    tn_optimizer *sgd = tn_sgd_create(&options);
    small_net net = small_net_create(2);
    static float start[SMALL_ALL], end[SMALL_ALL];
    small_net_weights(&net, start);
    small_net_steps(&net, sgd, 50, 1.0f);
    small_net_weights(&net, end);
    for (int i = 0; i < SMALL_ALL; i++) {
        double w = (double)start[i], v = 0.0, largest = 1.0;
        for (int t = 0; t < 50; t++) {
            w = reference(&options, w, (double)small_number(i, t), &v, t == 0);
            largest = fmax(largest, fabs(w));
        }
        ck_assert_double_eq_tol((double)end[i], w, 50 * 0x1p-24 * largest); /* a rounding of w a step */
    }
    ck_assert_int_eq(tn_optimizer_step_count(sgd), 50);
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

/* The first step takes the gradient whole, whatever the dampening and the state are. */
START_TEST(test_velocity_start)
{
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.5, .dampening = 0.5);
    small_net net = small_net_create(1);
    const tn_tensor *velocity;
    ck_ok(tn_optimizer_bind(sgd, net.model));
    ck_ok(tn_optimizer_state(sgd, "a.weight", "momentum", &velocity));
    tn_tensor *garbage = NULL;
    ck_ok(tn_tensor_clone(NULL, velocity, &garbage));
    ck_ok(tn_tensor_fill(garbage, (double)NAN));
    ck_ok(tn_optimizer_state_set(sgd, "a.weight", "momentum", garbage));
    small_net_steps(&net, sgd, 1, 1.0f);
    for (int i = 0; i < SMALL_A; i++)
        ck_assert_float_eq(tn_tensor_const_f32(velocity)[i], small_number(i, 0));
    tn_tensor_destroy(&garbage);
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

/* With a step count of 1 the velocity that was set is taken. */
START_TEST(test_velocity_resumed)
{
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.5, .dampening = 0.5);
    small_net net = small_net_create(1);
    const tn_tensor *velocity;
    tn_tensor *ones = NULL;
    ck_ok(tn_optimizer_bind(sgd, net.model));
    ck_ok(tn_optimizer_state(sgd, "a.weight", "momentum", &velocity));
    ck_ok(tn_tensor_clone(NULL, velocity, &ones));
    ck_ok(tn_tensor_fill(ones, 1.0));
    ck_ok(tn_optimizer_state_set(sgd, "a.weight", "momentum", ones));
    ck_ok(tn_optimizer_set_step_count(sgd, 1));
    small_net_steps(&net, sgd, 1, 1.0f);
    for (int i = 0; i < SMALL_A; i++)
        ck_assert_float_eq(tn_tensor_const_f32(velocity)[i], 0.5f + 0.5f * small_number(i, 0));
    tn_tensor_destroy(&ones);
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

TN_SUITE("sgd", TN_LOOPED(test_formula, (int)(sizeof cases / sizeof cases[0])), {test_velocity_start},
         {test_velocity_resumed})
