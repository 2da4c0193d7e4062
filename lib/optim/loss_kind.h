/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a loss is: a table of functions over common options. One file a loss; the table stands last in it. */
#ifndef TN_OPTIM_LOSS_KIND_H
#define TN_OPTIM_LOSS_KIND_H

#include <tinynet/layer.h> /* tn_shape */
#include <tinynet/loss.h>

typedef struct tn_loss_kind tn_loss_kind;

struct tn_loss {
    const tn_loss_kind *kind;
    tn_allocator allocator;
    tn_reduction reduction;
    float *class_weights; /* [class_count]; NULL: all 1 */
    int64_t class_count;
    bool use_ignore_index;
    int64_t ignore_index;
};

/** One row of a classification. */
typedef struct tn_class_row {
    const float *output; /* [classes] */
    int64_t classes, target;
    bool counts;              /* false: the target is ignored; only log-probabilities are wanted */
    double weight;            /* of the target's class */
    double factor;            /* the gradient by this row's loss; 0: the gradient is zeros, whatever the output is */
    float *gradient;          /* [classes], may be output; NULL: not wanted */
    float *log_probabilities; /* [classes]; NULL: not wanted */
} tn_class_row;

struct tn_loss_kind {
    const char *name;
    bool classifies, has_log_probabilities;
    /** Check output and target against each other, and every target's value. Writes nothing. */
    tn_status (*check)(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target);
    /** Compute what `results` asks for; everything has been checked. */
    void (*compute)(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                    const tn_loss_results *results);
    /** Classification: return the row's loss, write gradient and log-probabilities. */
    double (*row)(const tn_class_row *row);
};

/** The check and compute of losses that have a `row`. */
TN_WARN_UNUSED tn_status tn_class_loss_check(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target);
void tn_class_loss_compute(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                           const tn_loss_results *results);

/** Create a loss of a kind; NULL with the thread's detail set if that fails. */
tn_loss *tn_loss_create(const tn_loss_kind *kind, const tn_loss_options *options);

/** Number of rows whose target is not ignored. The target has been checked by a tn_loss_compute. */
int64_t tn_loss_counted(const tn_loss *loss, const tn_tensor *target);

/** Fail unless the loss can be computed from an output and a target of these shapes and this target type.
 *  Errors    TN_ERR_TYPE, TN_ERR_SHAPE */
TN_WARN_UNUSED tn_status tn_loss_fits(const tn_loss *loss, const tn_shape *output, const tn_shape *target,
                                      tn_dtype target_dtype);

#endif
