/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Clipping by value and by norm, over all parameters that are not frozen. */
#include "small_net.h"

static float before[SMALL_ALL], after[SMALL_ALL];

/* One step at rate 1 with gradients of round 0: weights before and after it. */
static void one_step(small_net *net, tn_clipping clipping)
{
    tn_optimizer *sgd = tn_sgd(.learning_rate = 1.0, .clipping = clipping);
    small_net_weights(net, before);
    small_net_steps(net, sgd, 1, 1.0f);
    small_net_weights(net, after);
    tn_optimizer_destroy(&sgd);
}

static double clamp(double value, double limit)
{
    return fmin(fmax(value, -limit), limit);
}

/* The L2 norm of the clamped gradients [begin, end). */
static double norm_of(int begin, int end, double limit)
{
    double sum = 0.0;
    for (int i = begin; i < end; i++)
        sum += pow(clamp((double)small_number(i, 0), limit), 2);
    return sqrt(sum);
}

static void expect(int begin, int end, double limit, double factor)
{
    for (int i = begin; i < end; i++) {
        double expected = (double)before[i] - factor * clamp((double)small_number(i, 0), limit);
        ck_assert_double_eq_tol((double)after[i], expected, 3e-7);
    }
}

START_TEST(test_value)
{
    small_net net = small_net_create(2);
    one_step(&net, (tn_clipping){.value = 0.25f});
    expect(0, SMALL_ALL, 0.25, 1.0);
    small_net_destroy(&net);
}
END_TEST

START_TEST(test_norm)
{
    small_net net = small_net_create(2);
    one_step(&net, (tn_clipping){.norm = 2.0f});
    expect(0, SMALL_ALL, 1.0, 2.0 / norm_of(0, SMALL_ALL, 1.0));
    small_net_destroy(&net);
}
END_TEST

/* A norm below the limit is left as it is, to the bit. */
START_TEST(test_small_norm)
{
    small_net net = small_net_create(2);
    one_step(&net, (tn_clipping){.norm = 1000.0f});
    for (int i = 0; i < SMALL_ALL; i++)
        ck_assert_float_eq(after[i], before[i] - small_number(i, 0));
    small_net_destroy(&net);
}
END_TEST

START_TEST(test_both)
{
    small_net net = small_net_create(2);
    one_step(&net, (tn_clipping){.value = 0.25f, .norm = 2.0f});
    expect(0, SMALL_ALL, 0.25, 2.0 / norm_of(0, SMALL_ALL, 0.25));
    small_net_destroy(&net);
}
END_TEST

/* What is frozen takes no part in the norm and stays. */
START_TEST(test_frozen)
{
    small_net net = small_net_create(2);
    ck_ok(tn_model_freeze(net.model, "b", true));
    one_step(&net, (tn_clipping){.norm = 2.0f});
    expect(0, SMALL_A, 1.0, 2.0 / norm_of(0, SMALL_A, 1.0));
    ck_assert_mem_eq(before + SMALL_A, after + SMALL_A, SMALL_B * sizeof before[0]);
    small_net_destroy(&net);
}
END_TEST

/* Clipping by value keeps NaN; by norm, a NaN anywhere makes the norm NaN and is seen everywhere. */
START_TEST(test_nan)
{
    for (int by_norm = 0; by_norm < 2; by_norm++) {
        tn_optimizer *sgd = by_norm ? tn_sgd(.learning_rate = 1.0, .clipping = {.norm = 1.0f})
                                    : tn_sgd(.learning_rate = 1.0, .clipping = {.value = 1.0f});
        small_net net = small_net_create(2);
        small_net_pass(&net);
        small_net_set_gradients(&net, 0, 1.0f);
        small_gradient(&net, 1)[11] = NAN;
        small_gradient(&net, 1)[12] = by_norm ? 0.5f : INFINITY;
        small_net_weights(&net, before);
        ck_ok(tn_optimizer_step(sgd, net.session));
        small_net_weights(&net, after);
        ck_assert(isnan(after[SMALL_A + 11]));
        ck_assert(by_norm ? isnan(after[0]) : after[SMALL_A + 12] == before[SMALL_A + 12] - 1.0f);
        tn_optimizer_destroy(&sgd);
        small_net_destroy(&net);
    }
}
END_TEST

TN_SUITE("clipping", {test_value}, {test_norm}, {test_small_norm}, {test_both}, {test_frozen}, {test_nan})
