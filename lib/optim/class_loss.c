/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What losses against class numbers share: reading targets, class weights, the ignored index, reductions, counting
 *  correct rows. Sums are taken in double, row after row. */
#include "base/status.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static int64_t target_at(const tn_tensor *target, int64_t row)
{
    if (target->dtype == TN_I32)
        return ((const int32_t *)target->data)[row];
    return ((const int64_t *)target->data)[row];
}

static bool ignored(const tn_loss *loss, int64_t target)
{
    return loss->use_ignore_index && target == loss->ignore_index;
}

static double weight_of(const tn_loss *loss, int64_t target)
{
    if (ignored(loss, target))
        return 0.0;
    return loss->class_weights != NULL ? (double)loss->class_weights[target] : 1.0;
}

tn_status tn_class_loss_check(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target)
{
    int64_t rows = output->shape.dims[0], classes = output->shape.dims[1];
    for (int64_t n = 0; n < rows; n++) {
        int64_t t = target_at(target, n);
        if (!ignored(loss, t) && (t < 0 || t >= classes))
            return TN_FAIL(TN_ERR_INVALID, "%s: target[%" PRId64 "] is %" PRId64 ", classes are 0 to %" PRId64,
                           loss->kind->name, n, t, classes - 1);
    }
    return TN_OK;
}

int64_t tn_loss_counted(const tn_loss *loss, const tn_tensor *target)
{
    int64_t rows = target->shape.dims[0], count = 0;
    for (int64_t n = 0; n < rows; n++)
        count += !loss->use_ignore_index || !ignored(loss, target_at(target, n));
    return count;
}

/* The first maximum; a NaN is larger than any number, as in PyTorch. */
static int64_t first_maximum(const float *row, int64_t count)
{
    int64_t best = 0;
    for (int64_t k = 0; k < count && !isnan(row[best]); k++)
        if (row[k] > row[best] || isnan(row[k]))
            best = k;
    return best;
}

static double total_weight(const tn_loss *loss, const tn_tensor *target)
{
    double total = 0.0;
    for (int64_t n = 0; n < target->shape.dims[0]; n++)
        total += weight_of(loss, target_at(target, n));
    return total;
}

/* What a row's loss is multiplied by in the gradient; nothing counts: 0. */
static double factor_of(const tn_loss *loss, double weight, const tn_loss_results *results)
{
    if (loss->reduction != TN_MEAN)
        return results->gradient_scale;
    return weight > 0.0 ? results->gradient_scale / weight : 0.0;
}

static float *row_of(const tn_tensor *tensor, int64_t row, int64_t length)
{
    return tensor != NULL ? (float *)tensor->data + row * length : NULL;
}

static tn_class_row row_at(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target, int64_t n,
                           double factor, const tn_loss_results *results)
{
    int64_t classes = output->shape.dims[1], t = target_at(target, n);
    bool counts = !ignored(loss, t);
    return (tn_class_row){.output = row_of(output, n, classes),
                          .classes = classes,
                          .target = counts ? t : -1,
                          .counts = counts,
                          .weight = weight_of(loss, t),
                          .factor = counts ? factor : 0.0,
                          .gradient = row_of(results->gradient, n, classes),
                          .log_probabilities = row_of(results->log_probabilities, n, classes)};
}

void tn_class_loss_compute(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                           const tn_loss_results *results)
{
    double sum = 0.0, weight = total_weight(loss, target), factor = factor_of(loss, weight, results);
    int64_t correct = 0;
    for (int64_t n = 0; n < output->shape.dims[0]; n++) {
        tn_class_row row = row_at(loss, output, target, n, factor, results);
        correct += row.counts && results->correct != NULL && first_maximum(row.output, row.classes) == row.target;
        double value = loss->kind->row(&row);
        sum += value;
        if (results->values != NULL)
            ((float *)results->values->data)[n] = (float)value;
    }
    if (results->loss != NULL)
        *results->loss = loss->reduction == TN_MEAN ? sum / weight : sum;
    if (results->weight != NULL)
        *results->weight = weight;
    if (results->correct != NULL)
        *results->correct = correct;
}
