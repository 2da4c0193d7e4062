/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Negative log-likelihood: the outputs are log-probabilities.
 *
 *  Formula   l = -w output[t]; doutput[k] = -w [k = t]
 *  Source    as torch.nn.NLLLoss has it */
#include "optim/loss_kind.h"

static double row(const tn_class_row *r)
{
    double value = r->counts ? -r->weight * (double)r->output[r->target] : 0.0;
    for (int64_t k = 0; r->gradient != NULL && k < r->classes; k++)
        r->gradient[k] = k == r->target ? (float)(-r->factor * r->weight) : 0.0f;
    return value;
}

static const tn_loss_kind nll_kind = {
    .name = "nll",
    .classifies = true,
    .check = tn_class_loss_check,
    .compute = tn_class_loss_compute,
    .row = row,
};

tn_loss *tn_nll_create(const tn_loss_options *options)
{
    return tn_loss_create(&nll_kind, options);
}
