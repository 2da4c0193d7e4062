/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Running sums of loss and accuracy. */
#ifndef TN_TRAIN_TALLY_H
#define TN_TRAIN_TALLY_H

#include <tinynet/train.h>

/** Sums over samples. Samples whose target is ignored, and batches where all weights are zero, count nothing. */
typedef struct tn_tally {
    double loss_sum;
    int64_t correct, samples;
} tn_tally;

/** Compute the loss of one batch and its sums.
 *  @param gradient  as in tn_loss_results; NULL: not wanted
 *  @param out       [out] of this batch alone */
TN_WARN_UNUSED tn_status tn_tally_batch(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                                        tn_tensor *gradient, double gradient_scale, tn_tally *out);

void tn_tally_add(tn_tally *tally, const tn_tally *more);
tn_metrics tn_tally_metrics(const tn_tally *tally, const tn_loss *loss);

#endif
