/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Losses: value and gradient in one call.
 *
 *  Thread    a loss is read-only after creation: any threads */
#ifndef TINYNET_LOSS_H
#define TINYNET_LOSS_H

#include <tinynet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A loss with its options. */
typedef struct tn_loss tn_loss;

/** What becomes of the losses of a batch's samples. */
typedef enum tn_reduction { TN_MEAN = 0, TN_SUM, TN_NONE } tn_reduction;

/** Options of all losses. */
typedef struct tn_loss_options {
    size_t struct_size;
    tn_reduction reduction;        /**< default the mean: over the sum of the weights of the targets that count */
    const float *class_weights;    /**< [class_count]; copied; default all 1. Not for tn_mse */
    int64_t class_count;           /**< length of class_weights */
    bool use_ignore_index;         /**< targets equal to ignore_index count nothing. Not for tn_mse */
    int64_t ignore_index;
    const tn_allocator *allocator; /**< default the C library's; copied */
} tn_loss_options;

/** Create softmax cross-entropy from logits against class numbers.
 *  Formula   l_n = w[t_n] * (log sum_k exp(z[n,k]) - z[n,t_n]); mean: sum_n l_n / sum_n w[t_n]
 *            dz[n,k] = w[t_n] (softmax(z)[n,k] - [k = t_n]) / sum w (mean; without the divisor for sum and none)
 *  Shape     output f32 [N,K], target i32 or i64 [N]
 *  Errors    NULL: TN_ERR_INVALID, TN_ERR_NO_MEMORY */
TN_API tn_loss *tn_softmax_cross_entropy_create(const tn_loss_options *options);
#define tn_softmax_cross_entropy(...) tn_softmax_cross_entropy_create(TN_OPTIONS(tn_loss_options, __VA_ARGS__))

/** Create negative log-likelihood against class numbers; the outputs are log-probabilities.
 *  Formula   l_n = -w[t_n] * output[n,t_n] */
TN_API tn_loss *tn_nll_create(const tn_loss_options *options);
#define tn_nll(...) tn_nll_create(TN_OPTIONS(tn_loss_options, __VA_ARGS__))

/** Create the squared error against a tensor of the output's shape.
 *  Formula   l = (output - target)^2; mean over all elements; with TN_NONE, values are f32 of the output's shape */
TN_API tn_loss *tn_mse_create(const tn_loss_options *options);
#define tn_mse(...) tn_mse_create(TN_OPTIONS(tn_loss_options, __VA_ARGS__))

TN_API void tn_loss_destroy(tn_loss **loss); /**< and set the pointer to NULL */

/** What tn_loss_compute may give; fields left NULL are not computed. */
typedef struct tn_loss_results {
    size_t struct_size;
    double *loss;                 /**< the reduced loss (TN_NONE: the sum) */
    double *weight;               /**< what the mean divides by */
    int64_t *correct;             /**< targets that are the row's first maximum; classification losses only */
    tn_tensor *values;            /**< f32 [N] (tn_mse: output's shape): unreduced */
    tn_tensor *gradient;          /**< f32, output's shape; may be the output itself */
    tn_tensor *log_probabilities; /**< f32, output's shape; tn_softmax_cross_entropy only */
    double gradient_scale;        /**< multiplies the gradient, for micro-batches; 0 stands for 1 */
} tn_loss_results;

/** Compute a loss. The sums are taken in double, in a fixed order. An empty batch, or one where nothing counts, has
 *  loss 0 for sum, NaN for mean, as in PyTorch; its gradient is zero.
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE; TN_ERR_INVALID for a target that is no class (nothing is written then) */
TN_WARN_UNUSED TN_API tn_status tn_loss_compute(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                                                const tn_loss_results *results);

#ifdef __cplusplus
}
#endif
#endif
