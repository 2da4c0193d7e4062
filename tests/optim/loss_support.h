/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Small tensors, and finite differences of a loss that a test writes down in double. */
#ifndef TESTS_OPTIM_LOSS_SUPPORT_H
#define TESTS_OPTIM_LOSS_SUPPORT_H

#include "suite.h"

#include <math.h>

static inline tn_tensor *matrix(int64_t rows, int64_t cols, const float *data)
{
    tn_tensor *tensor = NULL;
    if (data)
        ck_ok(tn_tensor_from_data(NULL, TN_F32, 2, (const int64_t[]){rows, cols}, data, &tensor));
    else
        ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){rows, cols}, &tensor));
    return tensor;
}

static inline tn_tensor *labels_of(int64_t rows, const int32_t *data)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_I32, 1, &rows, data, &tensor));
    return tensor;
}

/** A loss in double of `count` outputs. */
typedef double (*reference_loss)(const void *context, const double *outputs);

/** Central differences of `loss` at `outputs` against `gradient`. The step is chosen so that truncation (step^2) and
 *  rounding (1e-16 / step) both stay below 1e-9; what is left is the gradient's rounding to float. */
static inline void check_differences(reference_loss loss, const void *context, const float *outputs,
                                     const float *gradient, int64_t count)
{
    double *at = malloc((size_t)count * sizeof *at), largest = 0.0;
    const double step = 1e-5;
    for (int64_t i = 0; i < count; i++) {
        at[i] = (double)outputs[i];
        largest = fmax(largest, fabs((double)gradient[i]));
    }
    for (int64_t i = 0; i < count; i++) {
        double middle = at[i];
        at[i] = middle + step;
        double high = loss(context, at);
        at[i] = middle - step;
        double low = loss(context, at);
        at[i] = middle;
        ck_assert_double_eq_tol((double)gradient[i], (high - low) / (2.0 * step), 1e-7 * largest + 1e-8);
    }
    free(at);
}

#endif
