/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The parts of a run: making, saving, restoring and destroying them. */
#include "report.h"
#include "run.h"

#include <string.h>

#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        tn_status status_ = (expression);                                                                              \
        if (status_ != TN_OK)                                                                                          \
            return status_;                                                                                            \
    } while (0)

static tn_status make_loader(const fmnist_run *run, tn_dataset *set, bool shuffle, tn_loader **out)
{
    return tn_loader_create(set,
                            TN_OPTIONS(tn_loader_options, .batch_size = run->options.batch_size, .shuffle = shuffle,
                                       .seed = run->options.seed, .scale = 1.0f / 255.0f,
                                       .resize_height = run->program->image_size,
                                       .resize_width = run->program->image_size),
                            out);
}

static tn_status build(fmnist_run *run)
{
    const fmnist_options *options = &run->options;
    int64_t size = run->program->image_size;
    TRY(make_loader(run, run->images.train, true, &run->train));
    TRY(make_loader(run, run->images.test, false, &run->test));
    TRY(tn_model_create(run->program->net(),
                        TN_OPTIONS(tn_model_options, .input_shape = {size, size, 1}, .seed = options->seed),
                        &run->model));
    run->loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    run->optimizer = tn_sgd(.learning_rate = options->learning_rate);
    if (!run->loss || !run->optimizer)
        return tn_last_status();
    TRY(tn_session_create(run->model,
                          TN_OPTIONS(tn_session_options, .batch_size = options->batch_size, .training = true,
                                     .threads = (int)options->threads, .optimizer = run->optimizer,
                                     .measure = options->measure && !options->resume), /* resumed: the checkpoint's */
                          &run->session));
    run->progress = (tn_progress){.struct_size = sizeof run->progress};
    return tn_stop_create(NULL, &run->stop);
}

int run_build(fmnist_run *run)
{
    resume_take_notes(run->program, &run->options, &run->images, &run->notes);
    return build(run) == TN_OK ? FMNIST_DONE : report_failure("cannot set up the training");
}

void run_destroy(fmnist_run *run)
{
    tn_session_destroy(&run->session);
    tn_optimizer_destroy(&run->optimizer);
    tn_loss_destroy(&run->loss);
    tn_model_destroy(&run->model);
    tn_loader_destroy(&run->train);
    tn_loader_destroy(&run->test);
    images_destroy(&run->images);
    /* run->stop stays: a signal may still come. */
}

static tn_checkpoint checkpoint_of(fmnist_run *run)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = run->model,
                           .optimizer = run->optimizer,
                           .session = run->session,
                           .loader = run->train,
                           .progress = &run->progress,
                           .metadata = run->notes.entries,
                           .metadata_count = RESUME_KEYS,
                           .force = run->options.force};
}

tn_status run_save(fmnist_run *run, const char *path)
{
    tn_checkpoint checkpoint = checkpoint_of(run);
    return tn_checkpoint_save(path, &checkpoint);
}

int run_restore(fmnist_run *run)
{
    tn_checkpoint checkpoint = checkpoint_of(run);
    tn_status status = tn_checkpoint_load(run->options.resume, &checkpoint);
    if (status == TN_OK) /* the checkpoint's own, or the one that --force insists on */
        status = tn_optimizer_set_learning_rate(run->optimizer, run->options.learning_rate);
    return status == TN_OK ? FMNIST_DONE : report_refusal("--resume: %s", tn_last_error());
}
