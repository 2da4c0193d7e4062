/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Evaluation: loss and accuracy over a loader against a forward of everything at once. */
#include "train_run.h"

START_TEST(test_figures)
{
    train_run run = train_run_create((train_setup){.batch = 7, .session_batch = POINTS, .dropout = 0.5f});
    tn_loader *all = train_loader(train_points(0, POINTS), POINTS, false);
    tn_metrics metrics = {0};
    const tn_tensor *samples, *targets, *y;
    double loss = 0.0;
    int64_t correct = 0;
    ck_ok(tn_evaluate(run.session, run.loss, run.train, NULL, &metrics));
    ck_ok(tn_loader_next(all, &samples, &targets));
    ck_ok(tn_session_forward(run.session, samples, TN_PREDICT, &y));
    ck_ok(tn_loss_compute(run.loss, y, targets, TN_OPTIONS(tn_loss_results, .loss = &loss, .correct = &correct)));
    ck_assert_double_eq_tol(metrics.loss, loss, 1e-6);
    ck_assert_double_eq(metrics.accuracy, (double)correct / POINTS);
    ck_assert_int_eq(metrics.count, POINTS);
    ck_assert_uint_eq(tn_session_step(run.session), 0); /* no forward of training */
    tn_loader_destroy(&all);
    train_run_destroy(&run);
}
END_TEST

/* The same figures, to the bit, wherever the loader stood and whatever was trained on the side. */
START_TEST(test_repeatable)
{
    train_run run = train_run_create((train_setup){.batch = 7});
    tn_metrics first, second;
    ck_ok(tn_evaluate(run.session, run.loss, run.test, NULL, &first));
    ck_ok(tn_loader_start(run.test, 5, 2));
    ck_ok(tn_evaluate(run.session, run.loss, run.test, NULL, &second));
    ck_assert_mem_eq(&first, &second, sizeof first);
    train_run_destroy(&run);
}
END_TEST

/* A session for prediction does, and a sum as well as a mean. */
START_TEST(test_prediction_session)
{
    train_run run = train_run_create((train_setup){.batch = 7});
    tn_loss *sum = tn_softmax_cross_entropy(.reduction = TN_SUM);
    tn_metrics by_mean, by_sum;
    ck_ok(tn_evaluate(run.session, run.loss, run.test, NULL, &by_mean));
    tn_session_destroy(&run.session);
    ck_ok(tn_session_create(run.model, TN_OPTIONS(tn_session_options, .batch_size = 7, .threads = 1), &run.session));
    ck_ok(tn_evaluate(run.session, sum, run.test, NULL, &by_sum));
    ck_assert_double_eq_tol(by_mean.loss, by_sum.loss, 1e-6);
    ck_assert_double_eq(by_mean.accuracy, by_sum.accuracy);
    tn_loss_destroy(&sum);
    train_run_destroy(&run);
}
END_TEST

/* Targets that are ignored count neither in the loss nor in the accuracy. */
START_TEST(test_ignored)
{
    train_run run = train_run_create((train_setup){.batch = 7});
    tn_loss *two = tn_softmax_cross_entropy(.use_ignore_index = true, .ignore_index = 1);
    tn_metrics metrics;
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 20}));
    ck_ok(tn_evaluate(run.session, two, run.train, NULL, &metrics));
    ck_assert_int_eq(metrics.count, POINTS / CLASSES * 2);
    ck_assert_double_eq(metrics.accuracy, 1.0);
    tn_loss_destroy(&two);
    train_run_destroy(&run);
}
END_TEST

/* Batches in which nothing counts. */
START_TEST(test_ignored_batches)
{
    train_run run = train_run_create((train_setup){.batch = 1});
    tn_loss *two = tn_softmax_cross_entropy(.use_ignore_index = true, .ignore_index = 1);
    tn_metrics metrics;
    ck_ok(tn_evaluate(run.session, two, run.train, NULL, &metrics));
    ck_assert_int_eq(metrics.count, POINTS / CLASSES * 2);
    ck_assert(isfinite(metrics.loss));
    tn_loss_destroy(&two);
    train_run_destroy(&run);
}
END_TEST

/* No samples: NaN. No classification: a loss, but no accuracy. */
START_TEST(test_no_figures)
{
    train_run run = train_run_create((train_setup){.batch = 7});
    tn_loader *none = train_loader(train_points(0, 0), 7, false);
    tn_metrics metrics = {.loss = 7.0};
    ck_ok(tn_evaluate(run.session, run.loss, none, NULL, &metrics));
    ck_assert(isnan(metrics.loss) && isnan(metrics.accuracy) && metrics.count == 0);
    tn_loader_destroy(&none);
    train_run_destroy(&run);
}
END_TEST

/* Regression: x to (x, x, x) twice over. */
START_TEST(test_regression)
{
    train_run run = train_run_create((train_setup){.batch = 5});
    tn_tensor *samples = NULL, *targets = NULL;
    tn_dataset *dataset = NULL;
    tn_loss *mse = tn_mse();
    tn_metrics before, after;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){20, 2}, &samples));
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){20, CLASSES}, &targets));
    ck_ok(tn_tensor_fill_uniform(samples, -1.0f, 1.0f, 1));
    for (int i = 0; i < 20 * CLASSES; i++)
        tn_tensor_f32(targets)[i] = tn_tensor_f32(samples)[2 * (i / CLASSES)];
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    tn_loader_destroy(&run.train);
    run.train = train_loader(dataset, 5, false);
    ck_ok(tn_evaluate(run.session, mse, run.train, NULL, &before));
    ck_ok(tn_fit(run.session, mse, run.optimizer, run.train, TN_OPTIONS(tn_fit_options, .epochs = 60)));
    ck_ok(tn_evaluate(run.session, mse, run.train, NULL, &after));
    ck_assert_double_lt(after.loss, 0.1 * before.loss);
    ck_assert(isnan(after.accuracy));
    ck_fails(tn_fit(run.session, run.loss, run.optimizer, run.train, TN_OPTIONS(tn_fit_options, .epochs = 1)),
             TN_ERR_TYPE, "class numbers");
    ck_fails(tn_evaluate(run.session, mse, run.test, NULL, &after), TN_ERR_TYPE, "f32");
    tn_loss_destroy(&mse);
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
    train_run_destroy(&run);
}
END_TEST

TN_SUITE("evaluate", {test_figures}, {test_repeatable}, {test_prediction_session}, {test_ignored},
         {test_ignored_batches}, {test_no_figures}, {test_regression})
