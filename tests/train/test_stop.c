/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Stopping a run: before it, from a callback, another thread, a signal handler, and in the middle of an evaluation. */
#include "train_run.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static tn_stop *stop; /* the handler's, too */

static void on_signal(int number)
{
    (void)number;
    tn_stop_request(stop);
}

START_TEST(test_flag)
{
    ck_ok(tn_stop_create(NULL, &stop));
    ck_assert(!tn_stop_requested(stop));
    tn_stop_request(stop);
    tn_stop_request(stop);
    ck_assert(tn_stop_requested(stop));
    tn_stop_clear(stop);
    ck_assert(!tn_stop_requested(stop));
    tn_stop_destroy(&stop);
    ck_assert_ptr_null(stop);
}
END_TEST

START_TEST(test_before)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    tn_metrics metrics = {.loss = 7.0};
    ck_ok(tn_stop_create(NULL, &stop));
    tn_stop_request(stop);
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = 1, .stop = stop, .progress = &progress}), TN_STOPPED,
             "batch 0 of 5");
    ck_fails(tn_evaluate(run.session, run.loss, run.test, stop, &metrics), TN_STOPPED, "stopped");
    ck_assert_double_eq(metrics.loss, 7.0);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 0);
    tn_stop_clear(stop);
    ck_ok(train_fit(&run, (tn_fit_options){.epochs = 1, .stop = stop, .progress = &progress}));
    ck_assert_int_eq(progress.epoch, 1);
    tn_stop_destroy(&stop);
    train_run_destroy(&run);
}
END_TEST

static tn_status raise_in_step(void *context, const tn_step_event *event)
{
    int *steps = context;
    (void)event;
    if (++*steps == 3)
        ck_assert_int_eq(raise(SIGUSR1), 0);
    return TN_OK;
}

/* The signal comes during step 3: that step is the last. */
START_TEST(test_signal)
{
    struct sigaction action = {.sa_handler = on_signal}, old;
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    int steps = 0;
    ck_ok(tn_stop_create(NULL, &stop));
    ck_assert_int_eq(sigaction(SIGUSR1, &action, &old), 0);
    ck_fails(
        train_fit(&run,
                  (tn_fit_options){
                      .epochs = 9, .stop = stop, .progress = &progress, .on_step = raise_in_step, .context = &steps}),
        TN_STOPPED, "batch 3 of 5");
    sigaction(SIGUSR1, &old, NULL);
    ck_assert_int_eq(steps, 3);
    ck_assert_int_eq(progress.batch, 3);
    tn_stop_destroy(&stop);
    train_run_destroy(&run);
}
END_TEST

/* A thread that asks as soon as the run has made a step. */
static void *ask(void *context)
{
    const atomic_int *steps = context;
    while (atomic_load(steps) == 0)
        (void)sched_yield();
    tn_stop_request(stop);
    return NULL;
}

static tn_status count_step(void *context, const tn_step_event *event)
{
    (void)event;
    atomic_fetch_add((atomic_int *)context, 1);
    return TN_OK;
}

START_TEST(test_thread)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    atomic_int steps = 0;
    pthread_t thread;
    ck_ok(tn_stop_create(NULL, &stop));
    ck_assert_int_eq(pthread_create(&thread, NULL, ask, &steps), 0);
    ck_fails(train_fit(&run, (tn_fit_options){.epochs = INT64_C(1) << 40, /* it would never end by itself */
                                              .stop = stop,
                                              .on_step = count_step,
                                              .context = &steps}),
             TN_STOPPED, "stopped");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_ge(atomic_load(&steps), 1);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), atomic_load(&steps));
    tn_stop_destroy(&stop);
    train_run_destroy(&run);
}
END_TEST

/* Asked in the last step of an epoch: the evaluation after it does not start, and is made up for later. */
static tn_status request_at_end(void *context, const tn_step_event *event)
{
    (void)context;
    if (event->step == event->steps - 1)
        tn_stop_request(stop);
    return TN_OK;
}

static tn_status count_epoch(void *context, const tn_epoch_event *event)
{
    ck_assert_int_eq(event->test.count, 31);
    ck_assert_int_eq(event->train.count, POINTS);
    ++*(int *)context;
    return TN_OK;
}

START_TEST(test_before_evaluation)
{
    train_run run = train_run_create((train_setup){.batch = 20});
    tn_progress progress = {.struct_size = sizeof progress};
    int epochs = 0;
    tn_fit_options options = {.epochs = 1, .test = run.test, .progress = &progress, .on_epoch = count_epoch};
    ck_ok(tn_stop_create(NULL, &stop));
    options.stop = stop;
    options.context = &epochs;
    options.on_step = request_at_end;
    ck_fails(train_fit(&run, options), TN_STOPPED, "");
    ck_assert_int_eq(epochs, 0);
    ck_assert_int_eq(progress.epoch, 0);
    ck_assert_int_eq(progress.batch, 5);
    tn_stop_clear(stop);
    ck_ok(train_fit(&run, options));
    ck_assert_int_eq(epochs, 1);
    ck_assert_int_eq(progress.epoch, 1);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 5);
    tn_stop_destroy(&stop);
    train_run_destroy(&run);
}
END_TEST

TN_SUITE("stop", {test_flag}, {test_before}, {test_signal}, {test_thread}, {test_before_evaluation})
