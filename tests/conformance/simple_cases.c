/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Flatten, Relu, Sigmoid, Tanh, Softmax, LogSoftmax.
 *
 *  Flatten goes through our flatten layer, which keeps the first dimension. For another axis the dimensions before it
 *  are first made one with tn_tensor_reshape. */
#include "harness.h"

#include <string.h>

static int64_t product_of_dims(const tn_tensor *x, int first, int end)
{
    int64_t product = 1;
    for (int i = first; i < end; i++)
        product *= tn_tensor_dim(x, i);
    return product;
}

static bool is_float(const onnx_case *c)
{
    return onnx_complete(c) && tn_tensor_dtype(c->inputs[0].tensor) == TN_F32;
}

/* Compare and free what a family has computed from its case. */
static bool finish(const onnx_case *c, tn_status status, tn_tensor **y, const char *what, verdict *v)
{
    if (status == TN_OK)
        agrees(*y, c->outputs[0].tensor, "y", v);
    else
        library_failed(v, what);
    tn_tensor_destroy(y);
    return true;
}

/* Make the dimensions before `axis` one. */
static tn_status join_before(tn_tensor *x, int axis, tn_tensor **out)
{
    int rank = tn_tensor_rank(x);
    int64_t dims[TN_MAX_RANK] = {product_of_dims(x, 0, axis)};
    for (int i = axis; i < rank; i++)
        dims[1 + i - axis] = tn_tensor_dim(x, i);
    return tn_tensor_reshape(x, 1 + rank - axis, dims, out);
}

bool run_flatten(const onnx_case *c, verdict *v)
{
    if (!is_float(c))
        return not_applicable(v, "not float");
    tn_tensor *x = NULL, *y = NULL;
    int axis = (int)onnx_integer(c, "axis", 0, 1);
    if (axis < 0)
        axis += tn_tensor_rank(c->inputs[0].tensor);
    tn_status status = join_before(c->inputs[0].tensor, axis, &x);
    if (status == TN_OK)
        status = run_layer(tn_flatten(), x, TN_PREDICT, &y);
    tn_tensor_destroy(&x);
    return finish(c, status, &y, "flatten", v);
}

static tn_activation activation_of(const onnx_case *c)
{
    if (strcmp(c->op, "Relu") == 0)
        return TN_RELU;
    return strcmp(c->op, "Sigmoid") == 0 ? TN_SIGMOID : TN_TANH;
}

bool run_activation(const onnx_case *c, verdict *v)
{
    if (!is_float(c))
        return not_applicable(v, "not float");
    tn_tensor *y = NULL;
    tn_layer *layer = tn_activation_layer(.activation = activation_of(c));
    tn_status status = run_elementwise(layer, c->inputs[0].tensor, TN_PREDICT, &y);
    return finish(c, status, &y, "activation", v);
}

static tn_status normalise(const onnx_case *c, const tn_tensor *x, int axis, tn_tensor *y)
{
    return strcmp(c->op, "Softmax") == 0 ? tn_softmax_tensor(x, axis, y) : tn_log_softmax_tensor(x, axis, y);
}

/* Before version 13 all dimensions from the axis on were normalised together. */
static tn_status normalise_together(const onnx_case *c, tn_tensor *x, int axis, tn_tensor *y)
{
    tn_tensor *rows = NULL, *results = NULL;
    const int64_t dims[2] = {product_of_dims(x, 0, axis), -1};
    tn_status status = tn_tensor_reshape(x, 2, dims, &rows);
    if (status == TN_OK)
        status = tn_tensor_reshape(y, 2, dims, &results); /* a view: y gets the values */
    if (status == TN_OK)
        status = normalise(c, rows, 1, results);
    tn_tensor_destroy(&rows);
    tn_tensor_destroy(&results);
    return status;
}

bool run_softmax(const onnx_case *c, verdict *v)
{
    if (!is_float(c))
        return not_applicable(v, "not float");
    tn_tensor *x = c->inputs[0].tensor, *y = NULL;
    bool old = c->opset < 13;
    int axis = (int)onnx_integer(c, "axis", 0, old ? 1 : -1);
    tn_status status = tn_tensor_clone(NULL, x, &y);
    if (status == TN_OK && old)
        status = normalise_together(c, x, axis < 0 ? axis + tn_tensor_rank(x) : axis, y);
    else if (status == TN_OK)
        status = normalise(c, x, axis, y);
    return finish(c, status, &y, c->op, v);
}
