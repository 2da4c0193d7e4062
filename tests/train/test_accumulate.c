/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Several batches in one step against one large batch. */
#include "train_run.h"

static tn_status count_step(void *context, const tn_step_event *event)
{
    int64_t *counts = context;
    counts[event->step] = event->batch.count;
    ck_assert_int_eq(event->steps, 3);
    return TN_OK;
}

static void compare(tn_loss *(*make)(const tn_loss_options *), tn_reduction reduction)
{
    static float large[WEIGHTS], small[WEIGHTS];
    for (int accumulate = 1; accumulate <= 3; accumulate += 2) {
        train_run run = train_run_create((train_setup){.batch = accumulate == 1 ? 30 : 10});
        int64_t counts[3] = {0};
        tn_loss_destroy(&run.loss);
        run.loss = make(TN_OPTIONS(tn_loss_options, .reduction = reduction));
        ck_ok(tn_optimizer_set_learning_rate(run.optimizer, reduction == TN_MEAN ? 0.2 : 0.2 / 30));
        ck_ok(train_fit(
            &run, (tn_fit_options){.epochs = 4, .accumulate = accumulate, .on_step = count_step, .context = counts}));
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(counts[i], 30);
        ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 12);
        train_weights(&run, accumulate == 1 ? large : small);
        train_run_destroy(&run);
    }
    for (int i = 0; i < WEIGHTS; i++) /* 12 steps, sums in another order */
        ck_assert_double_eq_tol((double)large[i], (double)small[i], 5e-6);
}

START_TEST(test_mean)
{
    compare(tn_softmax_cross_entropy_create, TN_MEAN);
}
END_TEST

START_TEST(test_sum)
{
    compare(tn_softmax_cross_entropy_create, TN_SUM);
}
END_TEST

/* The last step of an epoch has fewer batches; more than an epoch has is one step. */
START_TEST(test_uneven)
{
    static const int64_t accumulate[] = {1, 2, 4, 5, 100}, steps[] = {5, 3, 2, 1, 1};
    train_run run = train_run_create((train_setup){.batch = 20});
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 2, .accumulate = accumulate[_i]}));
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 2 * steps[_i]);
    train_run_destroy(&run);
}
END_TEST

TN_SUITE("accumulate", {test_mean}, {test_sum}, TN_LOOPED(test_uneven, 5))
