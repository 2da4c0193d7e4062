/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The training loop: it learns, tells what it does, and stops when a callback says so or a loss is not finite. */
#include "train_run.h"

/* What the callbacks saw. */
typedef struct record {
    int steps, epochs;
    int stop_at_step, stop_at_epoch; /* 0: never */
    tn_status status;
    tn_step_event step;
    tn_epoch_event epoch;
    const tn_progress *progress;
    tn_progress seen;
} record;

static tn_status on_step(void *context, const tn_step_event *event)
{
    record *r = context;
    r->step = *event;
    if (r->progress)
        r->seen = *r->progress;
    return ++r->steps == r->stop_at_step ? tn_fail(r->status, "asked by on_step") : TN_OK;
}

static tn_status on_epoch(void *context, const tn_epoch_event *event)
{
    record *r = context;
    r->epoch = *event;
    if (r->progress)
        r->seen = *r->progress;
    return ++r->epochs == r->stop_at_epoch ? tn_fail(r->status, "asked by on_epoch") : TN_OK;
}

START_TEST(test_learns)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    record r = {0};
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1, .on_epoch = on_epoch, .context = &r}));
    double first = r.epoch.train.loss;
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 20, .test = run.test, .on_epoch = on_epoch, .context = &r}));
    ck_assert_int_eq(r.epochs, 21);
    ck_assert_int_eq(r.epoch.epoch, 19);
    ck_assert_int_eq(r.epoch.epochs, 20);
    ck_assert_int_eq(r.epoch.train.count, POINTS);
    ck_assert_int_eq(r.epoch.test.count, 31);
    ck_assert_double_lt(r.epoch.train.loss, 0.1 * first);
    ck_assert_double_eq(r.epoch.train.accuracy, 1.0);
    ck_assert_double_eq(r.epoch.test.accuracy, 1.0);
    train_run_destroy(&run);
}
END_TEST

/* What a step and an epoch are told, for 90 points in batches of 20. */
START_TEST(test_events)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    record r = {.progress = &progress, .stop_at_step = 5, .status = TN_STOPPED};
    tn_fit_options options = {
        .epochs = 2, .on_step = on_step, .on_epoch = on_epoch, .context = &r, .progress = &progress};
    ck_fails(train_fit(&run, options), TN_STOPPED, "asked by on_step");
    ck_assert_int_eq(r.steps, 5);
    ck_assert_int_eq(r.epochs, 0);
    ck_assert_uint_eq(r.step.struct_size, sizeof r.step);
    ck_assert_int_eq(r.step.epoch, 0);
    ck_assert_int_eq(r.step.epochs, 2);
    ck_assert_int_eq(r.step.step, 4);
    ck_assert_int_eq(r.step.steps, 5);
    ck_assert_int_eq(r.step.batch.count, 10);
    ck_assert_int_eq(r.step.running.count, POINTS);
    ck_assert_double_eq(r.step.learning_rate, 0.2);
    ck_assert(r.step.seconds >= 0.0 && r.step.seconds < 60.0);
    ck_assert_int_eq(r.seen.batch, 5); /* the last step of the epoch is in, the epoch is not */
    ck_assert_int_eq(r.seen.epoch, 0);
    ck_assert_int_eq(r.seen.samples, POINTS);
    ck_assert_double_eq(r.step.running.loss, r.seen.loss_sum / POINTS);
    r.stop_at_step = 0;
    ck_ok(train_fit(&run, options));
    ck_assert_int_eq(r.steps, 10);
    ck_assert_int_eq(r.epochs, 2); /* the end of the first epoch was caught up on */
    ck_assert_int_eq(r.seen.epoch, 2);
    ck_assert_int_eq(r.seen.batch, 0);
    ck_assert_int_eq(r.seen.samples, 0);
    ck_assert_int_eq(r.epoch.test.count, 0);
    ck_assert(isnan(r.epoch.test.loss) && isnan(r.epoch.test.accuracy));
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 10);
    train_run_destroy(&run);
}
END_TEST

START_TEST(test_epoch_callback_stops)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    record r = {.stop_at_epoch = 2, .status = TN_ERR_IO};
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 5, .on_epoch = on_epoch, .context = &r, .progress = &progress}),
             TN_ERR_IO, "asked by on_epoch");
    ck_assert_int_eq(progress.epoch, 2);
    ck_assert_int_eq(progress.batch, 0);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 10);
    train_run_destroy(&run);
}
END_TEST

/* A run that is complete does nothing. */
START_TEST(test_complete)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress, .epoch = 3};
    record r = {0};
    for (int64_t epochs = 2; epochs <= 3; epochs++)
        ck_ok(train_fit(
            &run,
            (tn_fit_options){
                .epochs = epochs, .on_step = on_step, .on_epoch = on_epoch, .context = &r, .progress = &progress}));
    ck_assert_int_eq(r.steps + r.epochs, 0);
    ck_assert_int_eq(progress.epoch, 3);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 0);
    train_run_destroy(&run);
}
END_TEST

static void put_nan(train_run *run, const char *parameter)
{
    const tn_tensor *old;
    tn_tensor *value = NULL;
    ck_ok(tn_model_parameter(run->model, parameter, &old));
    ck_ok(tn_tensor_clone(NULL, old, &value));
    tn_tensor_f32(value)[0] = NAN;
    ck_ok(tn_model_parameter_set(run->model, parameter, value));
    tn_tensor_destroy(&value);
}

/* A NaN in one bias: with the option nothing changes, without it the NaN spreads to the weights. */
START_TEST(test_non_finite)
{
    static float before[WEIGHTS], after[WEIGHTS];
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    put_nan(&run, "dense_2.bias");
    train_weights(&run, before);
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 1, .stop_on_non_finite = true, .progress = &progress}),
             TN_ERR_NON_FINITE, "batch 0");
    train_weights(&run, after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 0);
    ck_assert_uint_eq(tn_session_step(run.session), 0);
    ck_assert_int_eq(progress.batch, 0);
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1, .progress = &progress}));
    train_weights(&run, after);
    ck_assert(isnan(after[0]));
    train_run_destroy(&run);
}
END_TEST

/* One, two and three threads: the same bits. */
START_TEST(test_threads)
{
    static float one[WEIGHTS], many[WEIGHTS];
    for (int threads = 1; threads <= 3; threads++) {
        train_run run = train_run_create((train_setup){.batch = 16, .threads = threads, .dropout = 0.25f});
        ck_ok(train_fit(&run, (tn_fit_options){.epochs = 3}));
        train_weights(&run, threads == 1 ? one : many);
        if (threads > 1)
            ck_assert_mem_eq(one, many, sizeof one);
        train_run_destroy(&run);
    }
}
END_TEST

/* Weights that are updated in backward: the same bits. */
START_TEST(test_update_in_backward)
{
    static float late[WEIGHTS], early[WEIGHTS];
    for (int i = 0; i < 2; i++) {
        train_run run = train_run_create((train_setup){.batch = 16, .dropout = 0.25f, .early = i == 1});
        ck_assert(tn_plan_layer(tn_session_plan(run.session), 0)->updates_in_backward == (i == 1));
        ck_ok(train_fit(&run, (tn_fit_options){.epochs = 3, .test = run.test}));
        train_weights(&run, i == 0 ? late : early);
        train_run_destroy(&run);
    }
    ck_assert_mem_eq(late, early, sizeof late);
}
END_TEST

/* What a session that was made for an optimizer cannot do is refused before any work. */
START_TEST(test_other_optimizer)
{
    train_run run = train_run_create((train_setup){.batch = 20, .early = true});
    tn_optimizer *own = run.optimizer, *other = tn_adam();
    run.optimizer = other;
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 1}), TN_ERR_STATE, "made for another optimizer");
    run.optimizer = own;
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 1, .accumulate = 2}), TN_ERR_STATE, "accumulate is 2");
    ck_assert_uint_eq(tn_session_step(run.session), 0);
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1, .accumulate = 1}));
    tn_optimizer_destroy(&other);
    train_run_destroy(&run);
}
END_TEST

/* A loss that is not finite ends the run before backward has touched anything. */
START_TEST(test_non_finite_in_backward)
{
    static float before[WEIGHTS], after[WEIGHTS];
    train_run run = train_run_create((train_setup){.batch = 20, .early = true});
    put_nan(&run, "dense_2.bias");
    train_weights(&run, before);
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 1, .stop_on_non_finite = true}), TN_ERR_NON_FINITE, "batch 0");
    train_weights(&run, after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1}));
    train_run_destroy(&run);
}
END_TEST

/* A loader that leaves the last batch out. */
START_TEST(test_drop_last)
{
    train_run run = train_run_create((train_setup){.batch = 20, .drop_last = true});
    record r = {0};
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1, .on_step = on_step, .on_epoch = on_epoch, .context = &r}));
    ck_assert_int_eq(r.steps, 4);
    ck_assert_int_eq(r.epoch.train.count, 80);
    train_run_destroy(&run);
}
END_TEST

TN_SUITE("fit", {test_learns}, {test_events}, {test_epoch_callback_stops}, {test_complete}, {test_non_finite},
         {test_threads}, {test_update_in_backward}, {test_other_optimizer}, {test_non_finite_in_backward},
         {test_drop_last})
