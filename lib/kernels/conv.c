/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The passes of a convolution, by the algorithm that the plan chose. */
#include "kernels/conv.h"

#include "kernels/conv_gemm.h"
#include "kernels/conv_strassen.h"
#include "kernels/winograd.h"

static tn_conv_shape shape_of_batch(const tn_conv_plan *plan, int64_t n)
{
    tn_conv_shape shape = plan->shape;
    shape.n = n;
    return shape;
}

void tn_conv_prepare(const tn_conv_plan *plan, tn_pool *pool, const float *w, void *prepared)
{
    if (plan->algorithm == TN_CONV_WINOGRAD)
        tn_winograd_prepare(&plan->shape, plan->pass, plan->tile, pool, w, prepared);
    else if (plan->algorithm == TN_CONV_STRASSEN)
        tn_conv_strassen_prepare(&plan->shape, plan->pass, pool, w, prepared);
    else if (plan->pass == TN_CONV_DATA)
        tn_conv_gemm_data_prepare(&plan->shape, pool, w, prepared);
    else
        tn_conv_gemm_forward_prepare(&plan->shape, pool, w, prepared);
}

void tn_conv_forward(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *x, const float *w,
                     const void *prepared, const float *bias, tn_activation activation, float *y, void *scratch)
{
    tn_conv_shape shape = shape_of_batch(plan, n);
    if (plan->algorithm == TN_CONV_WINOGRAD)
        tn_winograd_forward(&shape, plan->tile, pool, x, w, prepared, bias, activation, y, scratch);
    else if (plan->algorithm == TN_CONV_STRASSEN)
        tn_conv_strassen_forward(&shape, pool, x, w, prepared, bias, activation, y, scratch);
    else
        tn_conv_gemm_forward(&shape, pool, x, w, prepared, bias, activation, y, scratch);
}

void tn_conv_data_gradient(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *dy, const float *w,
                           const void *prepared, float *dx, void *scratch)
{
    tn_conv_shape shape = shape_of_batch(plan, n);
    if (plan->algorithm == TN_CONV_WINOGRAD)
        tn_winograd_data(&shape, plan->tile, pool, dy, w, prepared, dx, scratch);
    else if (plan->algorithm == TN_CONV_STRASSEN)
        tn_conv_strassen_data(&shape, pool, dy, w, prepared, dx, scratch);
    else
        tn_conv_gemm_data(&shape, plan->shape.n, pool, dy, w, prepared, dx, scratch);
}

void tn_conv_filter_gradient(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *x, const float *dy,
                             bool add, float *dw, void *scratch)
{
    tn_conv_shape shape = shape_of_batch(plan, n);
    if (plan->algorithm == TN_CONV_WINOGRAD)
        tn_winograd_filter(&shape, plan->tile, pool, x, dy, add, dw, scratch);
    else if (plan->algorithm == TN_CONV_STRASSEN)
        tn_conv_strassen_filter(&shape, pool, x, dy, add, dw, scratch);
    else
        tn_conv_gemm_filter(&shape, pool, x, dy, add, dw, scratch);
}
