/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A run that was interrupted and goes on gives the same bits as one that never was: in the same handles, in new ones
 *  from a checkpoint, and after a failure in the middle of a step. */
#include "train_run.h"

#include <stdio.h>
#include <unistd.h>

enum { EPOCHS = 3 };

typedef struct history {
    int steps, stop_at; /* 0: never */
    double losses[EPOCHS], running;
} history;

static tn_status on_step(void *context, const tn_step_event *event)
{
    history *h = context;
    h->running = event->running.loss;
    return ++h->steps == h->stop_at ? tn_fail(TN_STOPPED, "enough") : TN_OK;
}

static tn_status on_epoch(void *context, const tn_epoch_event *event)
{
    history *h = context;
    h->losses[event->epoch] = event->train.loss;
    return TN_OK;
}

static const train_setup setup = {.batch = 16, .dropout = 0.4f}; /* 6 batches an epoch, the last of 10 */

static tn_status go(train_run *run, tn_progress *progress, history *h, int64_t accumulate)
{
    return train_fit(run, (tn_fit_options){.epochs = EPOCHS,
                                           .test = run->test,
                                           .accumulate = accumulate,
                                           .progress = progress,
                                           .on_step = on_step,
                                           .on_epoch = on_epoch,
                                           .context = h});
}

/* The uninterrupted run. */
static void whole(float weights[WEIGHTS], history *h, int64_t accumulate)
{
    train_run run = train_run_create(setup);
    *h = (history){0};
    ck_ok(go(&run, NULL, h, accumulate));
    train_weights(&run, weights);
    train_run_destroy(&run);
}

static void expect_equal(const train_run *run, const history *h, const float weights[WEIGHTS], const history *expected)
{
    static float own[WEIGHTS];
    train_weights(run, own);
    ck_assert_mem_eq(own, weights, sizeof own);
    ck_assert_mem_eq(h->losses, expected->losses, sizeof h->losses);
    ck_assert_int_eq(h->steps, expected->steps);
}

/* Stopped after step _i + 1 of 18, in the middle and at the ends of epochs. */
START_TEST(test_same_handles)
{
    static float weights[WEIGHTS];
    history expected, h = {.stop_at = _i + 1};
    tn_progress progress = {.struct_size = sizeof progress};
    train_run run = train_run_create(setup);
    whole(weights, &expected, 1);
    ck_fails(go(&run, &progress, &h, 1), TN_STOPPED, "enough");
    ck_ok(go(&run, &progress, &h, 1));
    expect_equal(&run, &h, weights, &expected);
    train_run_destroy(&run);
}
END_TEST

static void save_and_forget(const char *path, const train_setup *of, int stop_at, int64_t accumulate, history *h)
{
    train_run run = train_run_create(*of);
    tn_progress progress = {.struct_size = sizeof progress};
    h->stop_at = stop_at;
    ck_fails(go(&run, &progress, h, accumulate), TN_STOPPED, "enough");
    ck_ok(tn_checkpoint_save(path, TN_OPTIONS(tn_checkpoint, .model = run.model, .optimizer = run.optimizer,
                                              .session = run.session, .loader = run.train, .progress = &progress)));
    train_run_destroy(&run);
}

/* @param saved, resumed  whether the two runs' sessions are made for their optimizers */
static void check_checkpoint(int stop_at, int64_t accumulate, bool saved, bool resumed)
{
    static float weights[WEIGHTS];
    char path[] = "/tmp/tinynet_resume_XXXXXX";
    history expected, h = {0};
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    whole(weights, &expected, accumulate);
    train_setup first = setup, other_seed = setup; /* dropout goes on with the seed of the run that was saved */
    first.early = saved;
    save_and_forget(path, &first, stop_at, accumulate, &h);
    other_seed.seed = 40;
    other_seed.early = resumed;
    train_run run = train_run_create(other_seed);
    tn_progress progress = {.struct_size = sizeof progress};
    ck_ok(tn_checkpoint_load(path, TN_OPTIONS(tn_checkpoint, .model = run.model, .optimizer = run.optimizer,
                                              .session = run.session, .loader = run.train, .progress = &progress)));
    ck_ok(go(&run, &progress, &h, accumulate));
    expect_equal(&run, &h, weights, &expected);
    train_run_destroy(&run);
    remove(path);
}

START_TEST(test_checkpoint)
{
    static const int stops[] = {1, 5, 6, 7, 12, 17};
    check_checkpoint(stops[_i], 1, false, false);
}
END_TEST

/* Steps of four batches, so an epoch is one of four and one of two. */
START_TEST(test_accumulating)
{
    check_checkpoint(_i + 1, 4, false, false);
}
END_TEST

/* Where backward updates weights, a run goes on to the same bits, also where it did not before or does not any more. */
START_TEST(test_update_in_backward)
{
    check_checkpoint(5, 1, _i != 1, _i != 2);
}
END_TEST

/* Samples from a callback that fails once, at its read number `fail_at`. */
typedef struct faulty {
    int reads, fail_at;
} faulty;

static tn_status read_point(void *context, int64_t index, void *sample, void *target)
{
    faulty *f = context;
    if (++f->reads == f->fail_at)
        return tn_fail(TN_ERR_IO, "the disk is gone");
    train_point(index, sample, target);
    return TN_OK;
}

static tn_loader *faulty_loader(faulty *f)
{
    tn_dataset *dataset = NULL;
    ck_ok(
        tn_dataset_from_source(NULL,
                               TN_OPTIONS(tn_dataset_source, .count = POINTS, .sample_dtype = TN_F32, .sample_rank = 1,
                                          .sample_dims = {2}, .target_dtype = TN_I32, .read = read_point, .context = f),
                               &dataset));
    return train_loader(dataset, setup.batch, false);
}

/* The loader fails in the second of a step's four batches: its error comes through, the step is as never begun. */
START_TEST(test_loader_fails)
{
    static float weights[WEIGHTS];
    history expected, h = {0};
    faulty f = {.fail_at = POINTS + 25};
    tn_progress progress = {.struct_size = sizeof progress};
    train_run run = train_run_create(setup);
    tn_loader_destroy(&run.train);
    run.train = faulty_loader(&f);
    whole(weights, &expected, 4);
    ck_fails(go(&run, &progress, &h, 4), TN_ERR_IO, "the disk is gone");
    ck_assert_int_eq(progress.epoch, 1);
    ck_assert_int_eq(progress.batch, 0);
    ck_assert_int_eq(h.steps, 2);
    ck_assert_uint_eq(tn_session_step(run.session), 6);
    ck_ok(go(&run, &progress, &h, 4));
    expect_equal(&run, &h, weights, &expected);
    train_run_destroy(&run);
}
END_TEST

/* Where a run cannot stand. */
START_TEST(test_bad_progress)
{
    static const tn_progress bad[] = {
        {.struct_size = sizeof bad[0], .epoch = -1},
        {.struct_size = sizeof bad[0], .batch = -1},
        {.struct_size = sizeof bad[0], .batch = 7},
        {.struct_size = sizeof bad[0], .correct = 3, .samples = 2},
        {.struct_size = sizeof bad[0], .correct = -1, .samples = 2},
        {.struct_size = 0},
    };
    train_run run = train_run_create(setup);
    tn_progress progress = bad[_i];
    history h = {0};
    ck_fails(go(&run, &progress, &h, 1), TN_ERR_INVALID, "progress");
    ck_assert_mem_eq(&progress, &bad[_i], sizeof progress);
    ck_assert_int_eq(h.steps, 0);
    train_run_destroy(&run);
}
END_TEST

/* A caller that knew only epoch and batch: the rest of its memory is left alone. */
START_TEST(test_older_progress)
{
    train_run run = train_run_create(setup);
    tn_progress progress = {.struct_size = offsetof(tn_progress, loss_sum), .loss_sum = 7.0, .samples = 7};
    history h = {.stop_at = 2};
    ck_fails(go(&run, &progress, &h, 1), TN_STOPPED, "enough");
    ck_assert_int_eq(progress.batch, 2);
    ck_assert_double_eq(progress.loss_sum, 7.0);
    ck_assert_int_eq(progress.samples, 7);
    train_run_destroy(&run);
}
END_TEST

TN_SUITE("resume", TN_LOOPED(test_same_handles, 17), TN_LOOPED(test_checkpoint, 6), TN_LOOPED(test_accumulating, 5),
         TN_LOOPED(test_update_in_backward, 3), {test_loader_fails}, TN_LOOPED(test_bad_progress, 6), {test_older_progress})
