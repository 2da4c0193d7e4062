/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  From a batch's reduced loss to sums: the mean times the samples that count, or the sum itself. */
#include "train/tally.h"

#include "base/status.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"

#include <math.h>

tn_status tn_tally_batch(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target, tn_tensor *gradient,
                         double gradient_scale, tn_tally *out)
{
    double value, weight;
    int64_t correct = 0;
    const tn_loss_results results = {.struct_size = sizeof results,
                                     .loss = &value,
                                     .weight = &weight,
                                     .correct = loss->kind->classifies ? &correct : NULL,
                                     .gradient = gradient,
                                     .gradient_scale = gradient_scale};
    TN_TRY(tn_loss_compute(loss, output, target, &results));
    *out = (tn_tally){.loss_sum = 0.0};
    if (weight == 0.0)
        return TN_OK;
    out->samples = loss->kind->classifies ? tn_loss_counted(loss, target) : output->shape.dims[0];
    out->loss_sum = loss->reduction == TN_MEAN ? value * (double)out->samples : value;
    out->correct = correct;
    return TN_OK;
}

void tn_tally_add(tn_tally *tally, const tn_tally *more)
{
    tally->loss_sum += more->loss_sum;
    tally->correct += more->correct;
    tally->samples += more->samples;
}

tn_metrics tn_tally_metrics(const tn_tally *tally, const tn_loss *loss)
{
    double count = (double)tally->samples;
    bool any = tally->samples > 0;
    return (tn_metrics){.loss = any ? tally->loss_sum / count : (double)NAN,
                        .accuracy = any && loss->kind->classifies ? (double)tally->correct / count : (double)NAN,
                        .count = tally->samples};
}
