/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The choice of an algorithm for one pass of one convolution, from its sizes alone. */
#include "base/status.h"
#include "kernels/conv.h"
#include "kernels/conv_gemm.h"

#include <stdio.h>

tn_status tn_conv_gemm_scratch(const tn_conv_shape *shape, tn_conv_pass pass, int threads, size_t *out)
{
    switch (pass) {
    case TN_CONV_FORWARD:
        return tn_conv_gemm_forward_scratch(shape, threads, out);
    case TN_CONV_DATA:
        return tn_conv_gemm_data_scratch(shape, threads, out);
    default:
        return tn_conv_gemm_filter_scratch(shape, threads, out);
    }
}

tn_status tn_conv_plan_pass(const tn_conv_shape *shape, tn_conv_pass pass, bool precise, int threads, tn_conv_plan *out)
{
    (void)precise;
    tn_conv_plan plan = {.shape = *shape, .pass = pass, .threads = threads, .name = "gemm"};
    TN_TRY(tn_conv_gemm_scratch(shape, pass, threads, &plan.scratch_bytes));
    *out = plan;
    return TN_OK;
}
