/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Squared error.
 *
 *  Formula   l = (output - target)^2, in double; doutput = 2 (output - target), divided by their number for the mean
 *  Source    as torch.nn.MSELoss has it */
#include "base/status.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"

static tn_status check(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target)
{
    (void)loss;
    (void)output;
    (void)target;
    return TN_OK; /* every value is a target */
}

static void compute(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                    const tn_loss_results *results)
{
    const float *y = output->data, *t = target->data;
    float *gradient = results->gradient != NULL ? results->gradient->data : NULL;
    float *values = results->values != NULL ? results->values->data : NULL;
    double sum = 0.0, count = (double)output->size;
    double factor = 2.0 * results->gradient_scale / (loss->reduction == TN_MEAN ? count : 1.0);
    for (int64_t i = 0; i < output->size; i++) {
        double difference = (double)y[i] - (double)t[i];
        sum += difference * difference;
        if (values != NULL)
            values[i] = (float)(difference * difference);
        if (gradient != NULL) /* may overwrite y[i], which is not read again */
            gradient[i] = (float)(factor * difference);
    }
    if (results->loss != NULL)
        *results->loss = loss->reduction == TN_MEAN ? sum / count : sum;
    if (results->weight != NULL)
        *results->weight = count;
}

static const tn_loss_kind mse_kind = {
    .name = "mse",
    .check = check,
    .compute = compute,
};

tn_loss *tn_mse_create(const tn_loss_options *options)
{
    return tn_loss_create(&mse_kind, options);
}
