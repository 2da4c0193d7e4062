/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Gemm and MatMul: tn_gemm. */
#include "harness.h"

static tn_status multiply(const onnx_case *c, const tn_gemm_options *options, const tn_tensor *bias, tn_tensor **y)
{
    const tn_tensor *a = c->inputs[0].tensor, *b = c->inputs[1].tensor;
    int64_t dims[2] = {tn_tensor_dim(a, options->transpose_a ? 1 : 0), tn_tensor_dim(b, options->transpose_b ? 0 : 1)};
    tn_status status = tn_tensor_create(NULL, TN_F32, 2, dims, y);
    return status == TN_OK ? tn_gemm(options, a, b, bias, *y) : status;
}

static bool run_product(const onnx_case *c, const tn_gemm_options *options, verdict *v)
{
    if (!onnx_complete(c) || tn_tensor_dtype(c->inputs[0].tensor) != TN_F32)
        return not_applicable(v, "not float");
    if (tn_tensor_rank(c->inputs[0].tensor) != 2 || tn_tensor_rank(c->inputs[1].tensor) != 2)
        return not_applicable(v, "a stack of products, not one of two matrices");
    tn_tensor *y = NULL;
    if (multiply(c, options, c->inputs[2].tensor, &y) == TN_OK)
        agrees(y, c->outputs[0].tensor, "y", v);
    else
        library_failed(v, "tn_gemm");
    tn_tensor_destroy(&y);
    return true;
}

bool run_gemm(const onnx_case *c, verdict *v)
{
    tn_gemm_options options = {.struct_size = sizeof options,
                               .alpha = onnx_number(c, "alpha", 1.0f),
                               .beta = onnx_number(c, "beta", 1.0f),
                               .transpose_a = onnx_integer(c, "transA", 0, 0) != 0,
                               .transpose_b = onnx_integer(c, "transB", 0, 0) != 0,
                               .threads = 2};
    if (!c->inputs[2].tensor)
        options.beta = 0.0f;
    return run_product(c, &options, v);
}

bool run_matmul(const onnx_case *c, verdict *v)
{
    return run_product(c, TN_OPTIONS(tn_gemm_options, .alpha = 1.0f), v);
}
