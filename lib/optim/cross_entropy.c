/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Softmax cross-entropy from logits against class numbers.
 *
 *  Formula   log p[k] = (z[k] - m) - log sum_j exp(z[j] - m), m = max z; l = -w log p[t]; dz[k] = w (p[k] - [k = t])
 *            in double. A NaN or +inf among a row's logits makes the row's loss and gradient NaN.
 *  Source    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990; the shift by
 *            the maximum: Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions",
 *            IMA J. Numer. Anal. 41 (2021) */
#include "optim/loss_kind.h"

#include <math.h>
#include <string.h>

static double maximum(const float *z, int64_t count)
{
    double m = (double)z[0];
    for (int64_t k = 1; k < count; k++)
        if ((double)z[k] > m)
            m = (double)z[k];
    return m;
}

static double log_sum_exp_shifted(const float *z, int64_t count, double m)
{
    double sum = 0.0;
    for (int64_t k = 0; k < count; k++)
        sum += exp((double)z[k] - m);
    return log(sum); /* cppcheck-suppress invalidFunctionArg ; of at least 1: m is one of the z, and there is a class */
}

static double row(const tn_class_row *r)
{
    const float *z = r->output;
    double m = maximum(z, r->classes), log_sum = log_sum_exp_shifted(z, r->classes, m);
    double value = r->counts ? -r->weight * (((double)z[r->target] - m) - log_sum) : 0.0;
    double factor = r->factor * r->weight;
    for (int64_t k = 0; k < r->classes && (r->log_probabilities != NULL || r->gradient != NULL); k++) {
        double log_probability = ((double)z[k] - m) - log_sum;
        if (r->log_probabilities != NULL)
            r->log_probabilities[k] = (float)log_probability;
        if (r->gradient != NULL) /* may overwrite z[k], which is not read again */
            r->gradient[k] = r->factor == 0.0 ? 0.0f : (float)(factor * (exp(log_probability) - (k == r->target)));
    }
    return value;
}

static const tn_loss_kind cross_entropy_kind = {
    .name = "softmax_cross_entropy",
    .classifies = true,
    .has_log_probabilities = true,
    .check = tn_class_loss_check,
    .compute = tn_class_loss_compute,
    .row = row,
};

tn_loss *tn_softmax_cross_entropy_create(const tn_loss_options *options)
{
    return tn_loss_create(&cross_entropy_kind, options);
}
