/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Training, and what is said and saved on the way. The order at the end of an epoch is log, checkpoint, result: a
 *  checkpoint never is ahead of its log (but for lines that wait for room on a full disk), and a log that is ahead is
 * cut when the run is resumed. */
#include "run.h"

#include "report.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A full disk may have room later and does not end the run; a reader that is gone does. */
static tn_status check_output(fmnist_run *run, output_result result, const char *what, const fmnist_output *output)
{
    if (result != OUTPUT_LOST)
        return TN_OK;
    run->output_failed = true;
    return tn_fail(TN_ERR_IO, "cannot write to %s: %s", what, strerror(output->error));
}

static tn_status on_step(void *context, const tn_step_event *event)
{
    fmnist_run *run = context;
    run->images_done += event->batch.count;
    line_step(&run->line, event);
    const log_line line = {.event = "step",
                           .epoch = event->epoch + 1,
                           .step = tn_optimizer_step_count(run->optimizer),
                           .train = event->batch,
                           .images = event->batch.count,
                           .seconds = event->seconds};
    return check_output(run, log_write(&run->log, &line), run->log.path, &run->log.output);
}

static output_result print_epoch(fmnist_run *run, const tn_epoch_event *event)
{
    char text[512];
    double rate = event->seconds > 0.0 ? (double)run->images_done / event->seconds : 0.0;
    snprintf(text, sizeof text,
             "epoch %" PRId64 "/%" PRId64 "  train loss %.4f accuracy %.4f  test loss %.4f accuracy %.4f  "
             "%.0f images/s  %.0f s\n",
             event->epoch + 1, event->epochs, event->train.loss, event->train.accuracy, event->test.loss,
             event->test.accuracy, rate, event->seconds);
    return output_write(&run->results, text);
}

/* A disk that is full now may have room after the next epoch: a checkpoint that fails does not end the run. */
static void save_epoch(fmnist_run *run)
{
    const char *path = run->options.checkpoint;
    run->unsaved = path && run_save(run, path) != TN_OK;
    if (run->unsaved)
        report("cannot save the checkpoint, training goes on: %s", tn_last_error());
    else if (path)
        run->saved = run->progress.epoch;
}

/* Said once an epoch, of log and standard output. */
static void tell_kept(const fmnist_output *output, const char *what)
{
    if (output->size > 0)
        report("cannot write to %s, training goes on: %s", what, strerror(output->error));
}

static tn_status on_epoch(void *context, const tn_epoch_event *event)
{
    fmnist_run *run = context;
    const log_line line = {.event = "epoch",
                           .epoch = event->epoch + 1,
                           .step = tn_optimizer_step_count(run->optimizer),
                           .train = event->train,
                           .test = event->test,
                           .images = run->images_done,
                           .seconds = event->seconds};
    line_clear(&run->line);
    output_result logged = log_write(&run->log, &line);
    save_epoch(run);
    output_result printed = print_epoch(run, event);
    tell_kept(&run->log.output, run->log.path);
    tell_kept(&run->results, "standard output");
    run->images_done = 0;
    tn_status status = check_output(run, logged, run->log.path, &run->log.output);
    return status == TN_OK ? check_output(run, printed, "standard output", &run->results) : status;
}

static tn_status fit(fmnist_run *run)
{
    return tn_fit(run->session, run->loss, run->optimizer, run->train,
                  TN_OPTIONS(tn_fit_options, .epochs = run->options.epochs, .test = run->test,
                             .stop_on_non_finite = true, .stop = run->stop, .progress = &run->progress,
                             .on_step = on_step, .on_epoch = on_epoch, .context = run));
}

const char *run_checkpoint_path(const fmnist_run *run, char name[RUN_NAME])
{
    snprintf(name, RUN_NAME, "%s.ckpt", run->program->name);
    return run->options.checkpoint ? run->options.checkpoint : name;
}

/* Leave a checkpoint and say how to go on from it. */
static bool leave_checkpoint(fmnist_run *run, const char *why)
{
    char name[RUN_NAME];
    const char *path = run_checkpoint_path(run, name);
    if (run_save(run, path) != TN_OK) {
        report("%s; cannot save the checkpoint: %s", why, tn_last_error());
        if (run->saved > 0) {
            report("%s is still that of epoch %" PRId64 "; to resume:", path, run->saved);
            options_print_resume(stderr, &run->options, path);
        }
        return false;
    }
    report("%s in epoch %" PRId64 " after %" PRId64 " of %" PRId64 " steps; saved to %s; to resume:", why,
           run->progress.epoch + 1, run->progress.batch, tn_loader_batches(run->train), path);
    options_print_resume(stderr, &run->options, path);
    return true;
}

/* A whole run that nobody asked to be kept is gone with the program. */
static void tell_unsaved(const fmnist_run *run)
{
    if (!run->options.checkpoint && !run->options.quiet)
        report("what was learned is not saved: that takes --checkpoint FILE");
}

static int finish(fmnist_run *run, tn_status status)
{
    int number = signals_caught();
    line_clear(&run->line);
    (void)output_write(&run->results, "");
    bool printed = output_free(&run->results);
    if (!printed)
        report("standard output: lines are lost: %s", strerror(run->results.error));
    if (status == TN_OK) {
        tell_unsaved(run);
        return run->unsaved || !printed ? FMNIST_FAILED : FMNIST_DONE;
    }
    if (status == TN_STOPPED && number != 0)
        return leave_checkpoint(run, "stopped") ? FMNIST_SIGNAL + number : FMNIST_FAILED;
    char why[1024];
    snprintf(why, sizeof why, "%s", tn_last_error());
    if (run->output_failed)
        (void)leave_checkpoint(run, why);
    else
        report("%s", why);
    return FMNIST_FAILED;
}

static void introduce(const fmnist_run *run)
{
    tn_version_info info = {.struct_size = sizeof info};
    tn_memory memory = tn_plan_memory(tn_session_plan(run->session));
    if (run->options.quiet || tn_version(&info) != TN_OK)
        return;
    report("%s, %" PRId64 " parameters, %.0f MB for batches of %" PRId64 "; %" PRId64 " training and %" PRId64
           " test images; %d thread%s, %s, BLIS %s",
           run->program->title, tn_model_parameter_total(run->model), (double)memory.total * 1e-6,
           run->options.batch_size, tn_dataset_count(run->images.train), tn_dataset_count(run->images.test),
           tn_session_threads(run->session), tn_session_threads(run->session) == 1 ? "" : "s", info.isa,
           info.blis_kernels);
}

int run_train(fmnist_run *run)
{
    bool resumed = run->options.resume != NULL;
    if (run->progress.epoch >= run->options.epochs) {
        bool said = report_result("%s: complete: %" PRId64 " of %" PRId64 " epochs are done\n", run->options.resume,
                                  run->progress.epoch, run->options.epochs);
        return said ? FMNIST_DONE : report_lost_output();
    }
    run->results = (fmnist_output){.fd = STDOUT_FILENO};
    signals_catch(run->stop);
    bool started = resumed ? log_start_again(&run->log, run->progress.epoch, tn_optimizer_step_count(run->optimizer))
                           : log_start(&run->log);
    if (!started)
        return report_refusal("--log %s: %s", run->log.path, strerror(errno));
    introduce(run);
    line_start(&run->line, run->options.quiet);
    return finish(run, fit(run));
}
