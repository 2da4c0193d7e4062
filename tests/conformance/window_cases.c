/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Conv, MaxPool and AveragePool: our layers in a model of one layer, NCHW turned into NHWC and back around it.
 *
 *  ONNX counts a maximum's Indices over the flattened NCHW tensor (storage_order 1: columns first). The library keeps
 *  its indices to itself, but they decide where a gradient goes: the gradient of one output element is 1 at the input
 *  element that was the maximum and 0 elsewhere. Backward is asked once for each output element. */
#include "harness.h"

#include <string.h>

static int64_t same_padding(int64_t in, int64_t kernel, int64_t stride, int64_t dilation)
{
    int64_t out = (in + stride - 1) / stride;
    int64_t needed = (out - 1) * stride + dilation * (kernel - 1) + 1 - in;
    return needed > 0 ? needed : 0;
}

/* SAME_LOWER puts the odd element first; we only offer the other way, so it becomes explicit padding. */
static void pad_lower(const tn_tensor *x, window *w)
{
    int64_t height = same_padding(tn_tensor_dim(x, 2), w->kernel[0], w->strides[0], w->dilations[0]);
    int64_t width = same_padding(tn_tensor_dim(x, 3), w->kernel[1], w->strides[1], w->dilations[1]);
    w->padding = TN_EXPLICIT;
    w->bottom = height / 2;
    w->top = height - w->bottom;
    w->right = width / 2;
    w->left = width - w->right;
}

bool read_window(const onnx_case *c, const tn_tensor *x, const tn_tensor *kernel, window *out)
{
    const onnx_attribute *shape = onnx_find(c, "kernel_shape"), *pads = onnx_find(c, "pads");
    if (tn_tensor_rank(x) != 4 || (shape ? shape->count != 2 : !kernel) || (pads && pads->count != 4))
        return false;
    *out = (window){0};
    for (int i = 0; i < 2; i++) {
        out->kernel[i] = shape ? shape->integers[i] : tn_tensor_dim(kernel, 2 + i);
        out->strides[i] = onnx_integer(c, "strides", i, 1);
        out->dilations[i] = onnx_integer(c, "dilations", i, 1);
    }
    const char *automatic = onnx_text(c, "auto_pad");
    if (strcmp(automatic, "SAME_UPPER") == 0) {
        out->padding = TN_SAME;
    } else if (strcmp(automatic, "SAME_LOWER") == 0) {
        pad_lower(x, out);
    } else if (pads) {
        out->padding = TN_EXPLICIT;
        out->top = pads->integers[0];
        out->left = pads->integers[1];
        out->bottom = pads->integers[2];
        out->right = pads->integers[3];
    }
    return true;
}

static bool applies(const onnx_case *c, const tn_tensor *kernel, window *w, verdict *v)
{
    const tn_tensor *x = c->inputs[0].tensor;
    if (!onnx_complete(c) || tn_tensor_dtype(x) != TN_F32)
        return not_applicable(v, "not float");
    if (!read_window(c, x, kernel, w))
        return not_applicable(v, tn_tensor_rank(x) < 4 ? "one-dimensional" : "three-dimensional");
    return true;
}

static tn_layer *conv_layer(const onnx_case *c, const window *w)
{
    return tn_conv2d(.filters = tn_tensor_dim(c->inputs[1].tensor, 0), .kernel_height = w->kernel[0],
                     .kernel_width = w->kernel[1], .strides_height = w->strides[0], .strides_width = w->strides[1],
                     .dilation_height = w->dilations[0], .dilation_width = w->dilations[1],
                     .groups = onnx_integer(c, "group", 0, 1), .padding = w->padding, .pad_top = w->top,
                     .pad_left = w->left, .pad_bottom = w->bottom, .pad_right = w->right,
                     .without_bias = c->input_count < 3, .name = "it");
}

static tn_status set_filters(const onnx_case *c, tn_model *model)
{
    tn_tensor *filters = NULL;
    tn_status status = to_filters(c->inputs[1].tensor, &filters);
    if (status == TN_OK)
        status = tn_model_parameter_set(model, "it.weight", filters);
    if (status == TN_OK && c->input_count > 2)
        status = tn_model_parameter_set(model, "it.bias", c->inputs[2].tensor);
    tn_tensor_destroy(&filters);
    return status;
}

static tn_status convolve(const onnx_case *c, const window *w, const tn_tensor *x, tn_tensor **out)
{
    single_layer it;
    const tn_tensor *y;
    tn_status status = single_layer_create(conv_layer(c, w), x, false, &it);
    if (status != TN_OK)
        return status;
    status = set_filters(c, it.model);
    if (status == TN_OK)
        status = tn_session_forward(it.session, x, TN_PREDICT, &y);
    if (status == TN_OK)
        status = to_nchw(y, out);
    single_layer_destroy(&it);
    return status;
}

bool run_conv(const onnx_case *c, verdict *v)
{
    window w;
    tn_tensor *x = NULL, *y = NULL;
    if (!applies(c, c->inputs[1].tensor, &w, v))
        return false;
    tn_status status = to_nhwc(c->inputs[0].tensor, &x);
    if (status == TN_OK)
        status = convolve(c, &w, x, &y);
    if (status == TN_OK)
        agrees(y, c->outputs[0].tensor, "y", v);
    else
        library_failed(v, "conv2d");
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    return true;
}

static tn_layer *pool_layer(const onnx_case *c, const window *w, bool maximum)
{
    tn_pool2d_options options = {.struct_size = sizeof options,
                                 .pool_height = w->kernel[0],
                                 .pool_width = w->kernel[1],
                                 .strides_height = w->strides[0],
                                 .strides_width = w->strides[1],
                                 .padding = w->padding,
                                 .pad_top = w->top,
                                 .pad_left = w->left,
                                 .pad_bottom = w->bottom,
                                 .pad_right = w->right,
                                 .ceil_mode = onnx_integer(c, "ceil_mode", 0, 0) != 0,
                                 .count_padding = onnx_integer(c, "count_include_pad", 0, 0) != 0};
    if (!maximum)
        return tn_avg_pool2d_create(&options);
    options.dilation_height = w->dilations[0];
    options.dilation_width = w->dilations[1];
    return tn_max_pool2d_create(&options);
}

/* Where the gradient of output element `at` (NHWC) arrives in the input (NHWC); -1 if it is not one place. */
static tn_status find_source(single_layer *it, const tn_tensor *x, tn_tensor *dy, int64_t at, int64_t *source)
{
    const tn_tensor *y, *dx;
    tn_status status = tn_session_forward(it->session, x, TN_TRAIN, &y);
    memset(tn_tensor_data(dy), 0, tn_tensor_bytes(dy));
    tn_tensor_f32(dy)[at] = 1.0f;
    if (status == TN_OK)
        status = tn_session_backward(it->session, dy, TN_GRADIENT_WRITE);
    if (status == TN_OK)
        status = tn_session_input_gradient(it->session, &dx);
    if (status != TN_OK)
        return status;
    *source = -1;
    const float *gradient = tn_tensor_const_f32(dx);
    for (int64_t i = 0; i < tn_tensor_size(dx); i++)
        if (gradient[i] != 0.0f)
            *source = *source == -1 && gradient[i] == 1.0f ? i : -2;
    return TN_OK;
}

/* An NHWC position as ONNX counts it. */
static int64_t onnx_index(const tn_tensor *x, int64_t position, bool columns_first)
{
    int64_t height = tn_tensor_dim(x, 1), width = tn_tensor_dim(x, 2), channels = tn_tensor_dim(x, 3);
    int64_t channel = position % channels, column = position / channels % width;
    int64_t row = position / channels / width % height, image = position / channels / width / height;
    int64_t inside = columns_first ? column * height + row : row * width + column;
    return (image * channels + channel) * height * width + inside;
}

static tn_status max_indices(const onnx_case *c, const window *w, const tn_tensor *x, tn_tensor *dy, tn_tensor *out)
{
    single_layer it;
    bool columns_first = onnx_integer(c, "storage_order", 0, 0) != 0;
    tn_status status = single_layer_create(pool_layer(c, w, true), x, true, &it);
    if (status != TN_OK)
        return status;
    for (int64_t i = 0; status == TN_OK && i < tn_tensor_size(dy); i++) {
        int64_t source = -1;
        status = find_source(&it, x, dy, i, &source);
        ((int64_t *)tn_tensor_data(out))[i] = source < 0 ? -1 : onnx_index(x, source, columns_first);
    }
    single_layer_destroy(&it);
    return status;
}

/* Compare the second output, Indices; y is NHWC and only gives the shape. */
static void check_indices(const onnx_case *c, const window *w, const tn_tensor *x, const tn_tensor *y, verdict *v)
{
    int64_t dims[4];
    for (int i = 0; i < 4; i++)
        dims[i] = tn_tensor_dim(y, i);
    tn_tensor *dy = NULL, *indices = NULL, *turned = NULL;
    tn_status status = tn_tensor_create(NULL, TN_F32, 4, dims, &dy);
    if (status == TN_OK)
        status = tn_tensor_create(NULL, TN_I64, 4, dims, &indices);
    if (status == TN_OK)
        status = max_indices(c, w, x, dy, indices);
    if (status == TN_OK)
        status = to_nchw(indices, &turned);
    if (status == TN_OK)
        agrees(turned, c->outputs[1].tensor, "Indices", v);
    else
        library_failed(v, "max_pool2d, backward");
    tn_tensor_destroy(&dy);
    tn_tensor_destroy(&indices);
    tn_tensor_destroy(&turned);
}

static bool run_pool(const onnx_case *c, bool maximum, verdict *v)
{
    window w;
    tn_tensor *x = NULL, *y = NULL, *turned = NULL;
    if (!applies(c, NULL, &w, v))
        return false;
    tn_status status = to_nhwc(c->inputs[0].tensor, &x);
    if (status == TN_OK)
        status = run_layer(pool_layer(c, &w, maximum), x, TN_PREDICT, &y);
    if (status == TN_OK)
        status = to_nchw(y, &turned);
    if (status != TN_OK)
        library_failed(v, maximum ? "max_pool2d" : "avg_pool2d");
    else if (agrees(turned, c->outputs[0].tensor, "y", v) && c->output_count > 1)
        check_indices(c, &w, x, y, v);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&turned);
    return true;
}

bool run_max_pool(const onnx_case *c, verdict *v)
{
    return run_pool(c, true, v);
}

bool run_average_pool(const onnx_case *c, verdict *v)
{
    return run_pool(c, false, v);
}
