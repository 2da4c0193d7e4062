/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Learning-rate schedules, alone and in an optimizer. */
#include "small_net.h"

#define near(a, b) ck_assert_double_eq_tol((a), (b), 1e-15)

START_TEST(test_constant)
{
    const tn_schedule s = {.kind = TN_SCHEDULE_CONSTANT};
    near(tn_schedule_rate(&s, 0, 0.5), 0.5);
    near(tn_schedule_rate(&s, INT64_MAX, 0.5), 0.5);
    near(tn_schedule_rate(NULL, 7, 0.5), 0.5);
}
END_TEST

START_TEST(test_step)
{
    const tn_schedule s = {.kind = TN_SCHEDULE_STEP, .period = 3},
                      half = {TN_SCHEDULE_STEP, 0, 2, 0.5, 0.0, NULL, NULL};
    near(tn_schedule_rate(&s, 2, 1.0), 1.0);
    near(tn_schedule_rate(&s, 3, 1.0), 0.1);
    near(tn_schedule_rate(&s, 8, 1.0), 0.01);
    near(tn_schedule_rate(&half, 5, 0.8), 0.2);
}
END_TEST

START_TEST(test_cosine)
{
    const tn_schedule s = {.kind = TN_SCHEDULE_COSINE, .period = 4, .minimum = 0.1};
    near(tn_schedule_rate(&s, 0, 0.5), 0.5);
    near(tn_schedule_rate(&s, 1, 0.5), 0.1 + 0.4 * (1.0 + sqrt(0.5)) / 2.0);
    near(tn_schedule_rate(&s, 2, 0.5), 0.3);
    near(tn_schedule_rate(&s, 4, 0.5), 0.1);
    near(tn_schedule_rate(&s, 1000, 0.5), 0.1);
}
END_TEST

/* The schedule proper starts after the warm-up. */
START_TEST(test_warmup)
{
    const tn_schedule constant = {.warmup = 4}, step = {.kind = TN_SCHEDULE_STEP, .warmup = 2, .period = 3};
    for (int t = 0; t < 4; t++)
        near(tn_schedule_rate(&constant, t, 0.8), 0.2 * (t + 1));
    near(tn_schedule_rate(&constant, 4, 0.8), 0.8);
    near(tn_schedule_rate(&step, 4, 1.0), 1.0);
    near(tn_schedule_rate(&step, 5, 1.0), 0.1);
}
END_TEST

static double custom(void *context, int64_t t, double rate)
{
    return *(const double *)context * rate / (double)(1 + t);
}

START_TEST(test_custom)
{
    double factor = 3.0;
    const tn_schedule s = {.kind = TN_SCHEDULE_CUSTOM, .warmup = 1, .function = custom, .context = &factor};
    near(tn_schedule_rate(&s, 0, 0.5), 0.5);
    near(tn_schedule_rate(&s, 1, 0.5), 1.5);
    near(tn_schedule_rate(&s, 3, 0.5), 0.5);
}
END_TEST

/* A struct that no optimizer has checked does no harm. */
START_TEST(test_unchecked)
{
    const tn_schedule none[] = {{.kind = TN_SCHEDULE_STEP},
                                {.kind = TN_SCHEDULE_COSINE, .period = -2},
                                {.kind = TN_SCHEDULE_CUSTOM},
                                {.kind = (tn_schedule_kind)99},
                                {.warmup = -5}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        near(tn_schedule_rate(&none[i], -3, 0.5), 0.5);
}
END_TEST

START_TEST(test_in_optimizer)
{
    static float weights[3][SMALL_ALL];
    tn_optimizer *sgd = tn_sgd(.learning_rate = 1.0, .schedule = {.kind = TN_SCHEDULE_STEP, .period = 1, .gamma = 0.5});
    small_net net = small_net_create(1);
    small_net_weights(&net, weights[0]);
    for (int t = 0; t < 2; t++) {
        small_net_steps(&net, sgd, 1, 1.0f);
        small_net_weights(&net, weights[t + 1]);
    }
    for (int i = 0; i < SMALL_ALL; i++) {
        ck_assert_float_eq(weights[1][i], weights[0][i] - small_number(i, 0));
        ck_assert_float_eq(weights[2][i], weights[1][i] - 0.5f * small_number(i, 0));
    }
    ck_assert_double_eq(tn_optimizer_learning_rate(sgd), 1.0);
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

static double bad_rate(void *context, int64_t t, double rate)
{
    (void)t;
    (void)rate;
    return *(const double *)context;
}

START_TEST(test_bad_rates)
{
    static const double bad[] = {(double)NAN, (double)INFINITY, -0.1};
    static float before[SMALL_ALL], after[SMALL_ALL];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double rate = bad[i];
        tn_optimizer *sgd = tn_sgd(.learning_rate = 1.0,
                                   .schedule = {.kind = TN_SCHEDULE_CUSTOM, .function = bad_rate, .context = &rate});
        small_net net = small_net_create(1);
        small_net_weights(&net, before);
        small_net_pass(&net);
        small_net_set_gradients(&net, 0, 1.0f);
        ck_fails(tn_optimizer_step(sgd, net.session), TN_ERR_INVALID, "schedule");
        small_net_weights(&net, after);
        ck_assert_mem_eq(before, after, sizeof before);
        ck_assert_int_eq(tn_optimizer_step_count(sgd), 0);
        tn_optimizer_destroy(&sgd);
        small_net_destroy(&net);
    }
}
END_TEST

TN_SUITE("schedule", {test_constant}, {test_step}, {test_cosine}, {test_warmup}, {test_custom}, {test_unchecked},
         {test_in_optimizer}, {test_bad_rates})
