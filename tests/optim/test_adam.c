/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Adam and AdamW against their formulas in double, over 50 steps; defaults. */
#include "small_net.h"

static const struct adam_case {
    bool decoupled;
    tn_adam_options options;
} cases[] = {
    {false, {.learning_rate = 0.01}},
    {false, {.learning_rate = 0.01, .weight_decay = 0.1}},
    {false, {.learning_rate = 0.01, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3}},
    {false, {.learning_rate = 0.01, .without_bias_correction = true}},
    {true, {.learning_rate = 0.01}},
    {true, {.learning_rate = 0.01, .weight_decay = 0.1}},
};

typedef struct moments {
    double m, v;
} moments;

static double or_default(double value, double fallback)
{
    return value != 0.0 ? value : fallback;
}

static double reference(const struct adam_case *c, double w, double g, moments *state, int t)
{
    const tn_adam_options *o = &c->options;
    double beta1 = or_default(o->beta1, 0.9), beta2 = or_default(o->beta2, 0.999);
    double rate = or_default(o->learning_rate, 0.001), epsilon = or_default(o->epsilon, 1e-8);
    double c1 = o->without_bias_correction ? 1.0 : 1.0 - pow(beta1, t);
    double c2 = o->without_bias_correction ? 1.0 : 1.0 - pow(beta2, t);
    double d = c->decoupled ? g : g + o->weight_decay * w;
    if (c->decoupled)
        w -= rate * o->weight_decay * w;
    state->m = beta1 * state->m + (1.0 - beta1) * d;
    state->v = beta2 * state->v + (1.0 - beta2) * d * d;
    return w - rate * (state->m / c1) / (sqrt(state->v / c2) + epsilon);
}

static void check_case(const struct adam_case *c, tn_optimizer *adam)
{
    small_net net = small_net_create(2);
    static float start[SMALL_ALL], end[SMALL_ALL];
    small_net_weights(&net, start);
    small_net_steps(&net, adam, 50, 1.0f);
    small_net_weights(&net, end);
    for (int i = 0; i < SMALL_ALL; i++) {
        double w = (double)start[i];
        moments state = {0.0, 0.0};
        for (int t = 1; t <= 50; t++)
            w = reference(c, w, (double)small_number(i, t - 1), &state, t);
        ck_assert_double_eq_tol((double)end[i], w, 2e-6);
    }
    small_net_destroy(&net);
}

START_TEST(test_formula)
{
    struct adam_case c = cases[_i];
    c.options.struct_size = sizeof c.options;
    tn_optimizer *adam = c.decoupled ? tn_adamw_create(&c.options) : tn_adam_create(&c.options);
    ck_assert_ptr_nonnull(adam);
    check_case(&c, adam);
    tn_optimizer_destroy(&adam);
}
END_TEST

START_TEST(test_defaults)
{
    const struct adam_case c = {false, {.learning_rate = 0.001}};
    tn_optimizer *adam = tn_adam_create(NULL), *adamw = tn_adamw();
    ck_assert_double_eq(tn_optimizer_learning_rate(adam), 0.001);
    ck_assert_str_eq(tn_optimizer_kind(adam), "adam");
    ck_assert_str_eq(tn_optimizer_kind(adamw), "adamw");
    check_case(&c, adam);
    tn_optimizer_destroy(&adam);
    tn_optimizer_destroy(&adamw);
}
END_TEST

TN_SUITE("adam", TN_LOOPED(test_formula, (int)(sizeof cases / sizeof cases[0])), {test_defaults})
