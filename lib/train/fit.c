/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The training loop.
 *
 *  A step is one or several batches (`accumulate`), then one update. Between steps the caller's progress is up to date
 *  and everything that a run needs to go on is in handles that can be saved; a step that fails counts as never begun:
 *  the session's number of forwards is put back. So a run that goes on from its progress gives the bits of one that was
 *  never interrupted. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "model/plan.h"
#include "optim/algorithm.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"
#include "train/parts.h"
#include "train/tally.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

typedef struct run {
    tn_session *session;
    const tn_loss *loss;
    tn_optimizer *optimizer;
    tn_loader *train;
    tn_fit_options options;
    tn_progress progress;
    int64_t batches; /* an epoch */
    float *gradient; /* by the output, of a full batch */
    size_t gradient_bytes;
} run;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- checks */

static tn_status check_options(tn_fit_options *o)
{
    if (o->epochs < 1)
        return TN_FAIL(TN_ERR_INVALID, "tn_fit: epochs is %" PRId64 ", must be at least 1", o->epochs);
    if (o->accumulate < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_fit: accumulate is %" PRId64 ", must be at least 1", o->accumulate);
    if (o->accumulate == 0)
        o->accumulate = 1;
    return TN_OK;
}

static tn_status read_progress(run *r)
{
    tn_progress *p = &r->progress;
    if (r->options.progress == NULL)
        return TN_OK;
    TN_TRY(tn_options_read(p, sizeof *p, r->options.progress, "tn_progress"));
    if (p->epoch < 0 || p->batch < 0 || p->batch > r->batches)
        return TN_FAIL(TN_ERR_INVALID,
                       "tn_fit: progress is at epoch %" PRId64 ", batch %" PRId64 ", an epoch has %" PRId64 " batches",
                       p->epoch, p->batch, r->batches);
    if (p->correct < 0 || p->samples < p->correct)
        return TN_FAIL(TN_ERR_INVALID, "tn_fit: progress says %" PRId64 " of %" PRId64 " samples are correct",
                       p->correct, p->samples);
    return TN_OK;
}

/* A session that was made for an optimizer takes its steps, batch by batch. */
static tn_status check_optimizer(const run *r)
{
    const tn_optimizer *own = tn_session_optimizer(r->session);
    if (own != NULL && own != r->optimizer)
        return TN_FAIL(TN_ERR_STATE, "tn_fit: the session was made for another optimizer");
    if (own != NULL && r->options.accumulate > 1)
        return TN_FAIL(TN_ERR_STATE,
                       "tn_fit: accumulate is %" PRId64
                       ", but the session was made for an optimizer, whose step begins in "
                       "each backward",
                       r->options.accumulate);
    return TN_OK;
}

static tn_status check_session(const run *r)
{
    if (!tn_session_plan(r->session)->options.training)
        return TN_FAIL(TN_ERR_STATE, "tn_fit: the session was made for prediction");
    return TN_OK;
}

static tn_status prepare(run *r)
{
    TN_TRY(check_options(&r->options));
    TN_TRY(check_session(r));
    TN_TRY(check_optimizer(r));
    TN_TRY(tn_check_parts("tn_fit", "train", r->session, r->loss, r->train));
    if (r->options.test != NULL)
        TN_TRY(tn_check_parts("tn_fit", "test", r->session, r->loss, r->options.test));
    if (r->options.test == r->train)
        return TN_FAIL(TN_ERR_INVALID, "tn_fit: test is the same loader as train");
    r->batches = tn_loader_batches(r->train);
    TN_TRY(read_progress(r));
    return tn_optimizer_bind(r->optimizer, tn_session_model(r->session));
}

/* The sizes were checked when the session was made for as many rows. */
static tn_status allocate_gradient(run *r)
{
    int64_t size, rows = tn_loader_batch_size(r->train), samples = tn_dataset_count(tn_loader_dataset(r->train));
    tn_shape shape = tn_output_of(r->session, rows < samples ? rows : samples);
    TN_TRY(tn_shape_size(&shape, &size));
    r->gradient_bytes = (size_t)size * sizeof *r->gradient;
    return tn_alloc_raw(&r->optimizer->allocator, r->gradient_bytes, "the gradient by the output", &r->gradient);
}

/* --- a step */

/* Batch `index` of a step of `count` batches. */
static tn_status train_batch(run *r, int64_t index, int64_t count, tn_tally *tally)
{
    const tn_tensor *samples, *targets, *output;
    tn_tensor gradient;
    tn_tally own;
    double scale = r->loss->reduction == TN_MEAN ? 1.0 / (double)count : 1.0;
    TN_TRY(tn_loader_next(r->train, &samples, &targets));
    TN_TRY(tn_session_forward(r->session, samples, TN_TRAIN, &output));
    tn_tensor_borrow(&gradient, &output->shape, r->gradient);
    TN_TRY(tn_tally_batch(r->loss, output, targets, &gradient, scale, &own));
    if (r->options.stop_on_non_finite && !isfinite(own.loss_sum))
        return TN_FAIL(TN_ERR_NON_FINITE, "tn_fit: loss is %g in epoch %" PRId64 ", batch %" PRId64, own.loss_sum,
                       r->progress.epoch, r->progress.batch + index);
    TN_TRY(tn_session_backward(r->session, &gradient, index == 0 ? TN_GRADIENT_WRITE : TN_GRADIENT_ADD));
    tn_tally_add(tally, &own);
    return TN_OK;
}

static tn_status train_batches(run *r, int64_t count, tn_tally *tally)
{
    for (int64_t i = 0; i < count; i++)
        TN_TRY(train_batch(r, i, count, tally));
    return tn_optimizer_step(r->optimizer, r->session);
}

/* The caller's struct may be older: what it does not know is left out. */
static void publish(const run *r)
{
    tn_progress *to = r->options.progress;
    const size_t first = offsetof(tn_progress, epoch);
    if (to == NULL)
        return;
    size_t size = to->struct_size < sizeof *to ? to->struct_size : sizeof *to;
    if (size > first)
        memcpy((char *)to + first, (const char *)&r->progress + first, size - first);
}

static tn_tally epoch_tally(const run *r)
{
    return (tn_tally){r->progress.loss_sum, r->progress.correct, r->progress.samples};
}

static void advance(run *r, int64_t batches, const tn_tally *tally)
{
    tn_tally sums = epoch_tally(r);
    tn_tally_add(&sums, tally);
    r->progress.batch += batches;
    r->progress.loss_sum = sums.loss_sum;
    r->progress.correct = sums.correct;
    r->progress.samples = sums.samples;
    publish(r);
}

static tn_status tell_step(const run *r, int64_t step, const tn_tally *tally, double rate, double start)
{
    const int64_t each = r->options.accumulate;
    tn_tally sums = epoch_tally(r);
    if (r->options.on_step == NULL)
        return TN_OK;
    const tn_step_event event = {.struct_size = sizeof event,
                                 .epoch = r->progress.epoch,
                                 .epochs = r->options.epochs,
                                 .step = step,
                                 .steps = r->batches / each + (r->batches % each > 0),
                                 .batch = tn_tally_metrics(tally, r->loss),
                                 .running = tn_tally_metrics(&sums, r->loss),
                                 .learning_rate = rate,
                                 .seconds = now() - start};
    return r->options.on_step(r->options.context, &event);
}

static tn_status train_step(run *r)
{
    const double start = now(), rate = tn_optimizer_next_rate(r->optimizer);
    const uint64_t forwards = tn_session_step(r->session);
    const int64_t left = r->batches - r->progress.batch, step = r->progress.batch / r->options.accumulate;
    const int64_t count = left < r->options.accumulate ? left : r->options.accumulate;
    tn_tally tally = {0};
    tn_status status = train_batches(r, count, &tally);
    if (status != TN_OK) {
        tn_session_set_step(r->session, forwards);
        return status;
    }
    advance(r, count, &tally);
    return tell_step(r, step, &tally, rate, start);
}

/* --- an epoch */

static tn_status train_epoch(run *r)
{
    TN_TRY(tn_loader_start(r->train, r->progress.epoch, r->progress.batch));
    while (r->progress.batch < r->batches) {
        if (tn_stop_requested(r->options.stop))
            return TN_FAIL(TN_STOPPED, "tn_fit: stopped in epoch %" PRId64 " after batch %" PRId64 " of %" PRId64,
                           r->progress.epoch, r->progress.batch, r->batches);
        TN_TRY(train_step(r));
    }
    return TN_OK;
}

static tn_status finish_epoch(run *r, tn_epoch_event *event)
{
    tn_tally sums = epoch_tally(r);
    event->train = tn_tally_metrics(&sums, r->loss);
    r->progress = (tn_progress){.struct_size = r->progress.struct_size, .epoch = r->progress.epoch + 1};
    publish(r);
    return r->options.on_epoch != NULL ? r->options.on_epoch(r->options.context, event) : TN_OK;
}

static tn_status run_epoch(run *r)
{
    const double start = now();
    tn_epoch_event event = {.struct_size = sizeof event,
                            .epoch = r->progress.epoch,
                            .epochs = r->options.epochs,
                            .test = {.loss = (double)NAN, .accuracy = (double)NAN}};
    TN_TRY(train_epoch(r));
    const double trained = now();
    if (r->options.test != NULL)
        TN_TRY(tn_evaluate(r->session, r->loss, r->options.test, r->options.stop, &event.test));
    event.seconds = trained - start;
    event.test_seconds = now() - trained;
    return finish_epoch(r, &event);
}

static tn_status run_epochs(run *r)
{
    while (r->progress.epoch < r->options.epochs)
        TN_TRY(run_epoch(r));
    return TN_OK;
}

tn_status tn_fit(tn_session *session, const tn_loss *loss, tn_optimizer *optimizer, tn_loader *train,
                 const tn_fit_options *options)
{
    run r = {.session = session, .loss = loss, .optimizer = optimizer, .train = train};
    if (session == NULL || loss == NULL || optimizer == NULL || train == NULL || options == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_fit: %s is NULL",
                       session == NULL     ? "session"
                       : loss == NULL      ? "loss"
                       : optimizer == NULL ? "optimizer"
                       : train == NULL     ? "train"
                                           : "options");
    TN_TRY(tn_options_read(&r.options, sizeof r.options, options, "tn_fit_options"));
    TN_TRY(prepare(&r));
    TN_TRY(allocate_gradient(&r));
    tn_status status = run_epochs(&r);
    tn_release(&optimizer->allocator, r.gradient, r.gradient_bytes);
    return status;
}
