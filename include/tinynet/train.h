/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Training and evaluation loops, built from the public parts alone: a program may as well write its own. */
#ifndef TINYNET_TRAIN_H
#define TINYNET_TRAIN_H

#include <tinynet/data.h>
#include <tinynet/loss.h>
#include <tinynet/model.h>
#include <tinynet/optimizer.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A request to stop, made from anywhere. */
typedef struct tn_stop tn_stop;
/** Create a request that nobody has made yet.
 *  Errors    TN_ERR_INVALID, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_stop_create(const tn_allocator *allocator, tn_stop **out);
TN_API void tn_stop_destroy(tn_stop **stop);           /**< and set the pointer to NULL */
/** Ask to stop. Thread: any; async-signal-safe. */
TN_API void tn_stop_request(tn_stop *stop);
TN_API bool tn_stop_requested(const tn_stop *stop);    /**< any thread; async-signal-safe; false for NULL */
TN_API void tn_stop_clear(tn_stop *stop);              /**< any thread; async-signal-safe */

/** Loss and accuracy over a number of samples. Those whose target the loss ignores count nothing. */
typedef struct tn_metrics {
    double loss;     /**< mean over the samples; NaN if there were none */
    double accuracy; /**< share of correct classes; NaN if the loss is no classification */
    int64_t count;   /**< samples */
} tn_metrics;

/** Where a run stands; enough to go on from there. A zeroed struct is the start. */
typedef struct tn_progress {
    size_t struct_size;
    int64_t epoch;       /**< epochs done */
    int64_t batch;       /**< batches done in the current epoch */
    double loss_sum;     /**< over the current epoch's samples so far */
    int64_t correct;     /**< of the current epoch's samples so far */
    int64_t samples;     /**< of the current epoch so far */
} tn_progress;

/** What a step's callback is told. A step is one update, of `accumulate` batches or what is left of the epoch. */
typedef struct tn_step_event {
    size_t struct_size;
    int64_t epoch, epochs; /**< epoch counts from 0 */
    int64_t step, steps;   /**< step of the epoch, from 0 */
    tn_metrics batch;      /**< of this batch */
    tn_metrics running;    /**< of the epoch so far */
    double learning_rate;  /**< of this step */
    double seconds;        /**< wall time of this step, waiting for the batch included */
} tn_step_event;

/** What an epoch's callback is told. */
typedef struct tn_epoch_event {
    size_t struct_size;
    int64_t epoch, epochs;
    tn_metrics train;           /**< running figures of the epoch's own steps */
    tn_metrics test;            /**< count 0 without test data */
    double seconds;             /**< training part of the epoch in this run */
    double test_seconds;
} tn_epoch_event;

/** Options of tn_fit. */
typedef struct tn_fit_options {
    size_t struct_size;
    int64_t epochs;              /**< total, including those that `progress` says are done; required */
    tn_loader *test;             /**< evaluated after each epoch; may be NULL */
    int64_t accumulate;          /**< batches summed up into one optimizer step; default 1. With TN_MEAN each batch has
                                      the same share, whatever its size. A step that fails counts as never begun.
                                      More than 1 is TN_ERR_STATE in a session that was made for an optimizer */
    bool stop_on_non_finite;     /**< a NaN or infinite loss ends with TN_ERR_NON_FINITE, weights untouched by it */
    tn_stop *stop;               /**< asked before each step; may be NULL */
    tn_progress *progress;       /**< [in,out] where to go on, and where it stands; may be NULL: from the start */
    /** Called after each step, and after each epoch; a status other than TN_OK ends the run with it. `progress` is up to
     *  date in both, so that a checkpoint can be saved from there. May be NULL. */
    tn_status (*on_step)(void *context, const tn_step_event *event);
    tn_status (*on_epoch)(void *context, const tn_epoch_event *event);
    void *context;
} tn_fit_options;

/** Train: forward, loss, backward, step over every batch of every epoch.
 *  @param session  for training, at least the loader's batch size
 *  Errors    TN_STOPPED when asked to; TN_ERR_NON_FINITE; TN_ERR_STATE, TN_ERR_SHAPE before any work if the parts do not
 *            fit; those of the parts */
TN_WARN_UNUSED TN_API tn_status tn_fit(tn_session *session, const tn_loss *loss, tn_optimizer *optimizer,
                                       tn_loader *train, const tn_fit_options *options);

/** Compute loss and accuracy over one pass of a loader, in prediction mode.
 *  @param stop  may be NULL; TN_STOPPED when asked to
 *  Errors    those of the parts */
TN_WARN_UNUSED TN_API tn_status tn_evaluate(tn_session *session, const tn_loss *loss, tn_loader *loader,
                                            const tn_stop *stop, tn_metrics *out);

#ifdef __cplusplus
}
#endif
#endif
