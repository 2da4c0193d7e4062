/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The networks. */
#include "nets.h"

#include "world.h"

/* The children are consumed, on failure too. */
static tn_layer *net_of_layers(const tn_allocator *a, tn_layer *const *layers, size_t count)
{
    return tn_sequential_create(TN_OPTIONS(tn_layer_options, .name = "net", .allocator = a), layers, count);
}

tn_layer *lenet_like(const tn_allocator *a)
{
    tn_layer *const layers[] = {
        tn_conv2d(.filters = 3, .kernel_size = 5, .padding = TN_SAME, .activation = TN_SIGMOID, .allocator = a),
        tn_avg_pool2d(.pool_size = 2, .allocator = a),
        tn_conv2d(.filters = 4, .kernel_size = 5, .activation = TN_SIGMOID, .name = "second", .allocator = a),
        tn_avg_pool2d(.pool_size = 2, .allocator = a),
        tn_flatten(.allocator = a),
        tn_dense(.units = 12, .activation = TN_SIGMOID, .allocator = a),
        tn_dense(.units = NET_CLASSES, .name = "logits", .allocator = a),
    };
    return net_of_layers(a, layers, sizeof layers / sizeof layers[0]);
}

tn_layer *alexnet_like(const tn_allocator *a)
{
    tn_layer *const layers[] = {
        tn_conv2d(.filters = 6, .kernel_size = 11, .strides = 4, .activation = TN_RELU, .allocator = a),
        tn_max_pool2d(.pool_size = 3, .strides = 2, .allocator = a),
        tn_conv2d(.filters = 8, .kernel_size = 5, .padding = TN_SAME, .groups = 2, .activation = TN_RELU,
                  .allocator = a),
        tn_max_pool2d(.pool_size = 3, .strides = 2, .allocator = a),
        tn_conv2d(.filters = 12, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU, .allocator = a),
        tn_conv2d(.filters = 12, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU, .allocator = a),
        tn_conv2d(.filters = 8, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU, .allocator = a),
        tn_max_pool2d(.pool_size = 3, .strides = 2, .allocator = a),
        tn_flatten(.allocator = a),
        tn_dense(.units = 24, .activation = TN_RELU, .allocator = a),
        tn_dropout(.rate = 0.5f, .allocator = a),
        tn_dense(.units = 24, .activation = TN_RELU, .allocator = a),
        tn_dropout(.rate = 0.5f, .allocator = a),
        tn_dense(.units = NET_CLASSES, .allocator = a),
    };
    return net_of_layers(a, layers, sizeof layers / sizeof layers[0]);
}

/* --- a layer of the caller's: y = 1.5 x scale */

static tn_status same_shape(const void *self, const tn_shape *in, tn_shape *out)
{
    (void)self;
    *out = *in;
    return TN_OK;
}

static tn_status one_parameter(const void *self, const tn_shape *in, int index, tn_parameter_spec *out)
{
    (void)self;
    *out = (tn_parameter_spec){"scale", {1, {in->dims[1]}}, 0.5f};
    return index == 0 ? TN_OK : TN_NOT_FOUND;
}

static tn_status multiply(const void *self, const tn_layer_call *call)
{
    int64_t width = tn_tensor_size(call->params[0]);
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++)
        tn_tensor_f32(call->y)[i] =
            *(const float *)self * tn_tensor_const_f32(call->x)[i] * tn_tensor_const_f32(call->params[0])[i % width];
    return TN_OK;
}

static tn_status multiply_back(const void *self, const tn_layer_call *call)
{
    const float factor = *(const float *)self, *x = tn_tensor_const_f32(call->x), *dy = tn_tensor_const_f32(call->dy);
    int64_t width = tn_tensor_size(call->params[0]);
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++) {
        tn_tensor_f32(call->dparams[0])[i % width] += factor * x[i] * dy[i];
        if (call->dx != NULL)
            tn_tensor_f32(call->dx)[i] = factor * dy[i] * tn_tensor_const_f32(call->params[0])[i % width];
    }
    return TN_OK;
}

/* The memory itself tells what becomes of it: a second free and a leak are found by the address sanitizer. */
tn_layer *multiplier(const tn_allocator *a)
{
    static const tn_layer_ops ops = {.struct_size = sizeof ops,
                                     .kind = "multiply",
                                     .infer = same_shape,
                                     .parameter = one_parameter,
                                     .forward = multiply,
                                     .backward = multiply_back,
                                     .destroy = free};
    float *self = world_own_memory(sizeof *self);
    *self = 1.5f;
    return tn_custom_create(&ops, self, TN_OPTIONS(tn_layer_options, .allocator = a));
}

/* Two blocks, so that containers are nested. The comments name what these sizes made a plan choose on AVX-512. */
static tn_layer *every_convolution(const tn_allocator *a)
{
    tn_layer *const layers[] = {
        tn_conv2d(.filters = 16, .kernel_size = 5, .strides = 2, .padding = TN_EXPLICIT, .pad_top = 2, .pad_bottom = 2,
                  .pad_left = 2, .pad_right = 2, .activation = TN_RELU, .allocator = a), /* gemm */
        tn_conv2d(.filters = 16, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU,
                  .allocator = a),                                                         /* winograd(4,3) */
        tn_conv2d(.filters = 16, .kernel_size = 3, .activation = TN_RELU, .allocator = a), /* winograd(6,3) */
        tn_max_pool2d(.pool_size = 2, .allocator = a),
        tn_conv2d(.filters = 16, .kernel_size = 5, .padding = TN_SAME, .activation = TN_TANH,
                  .allocator = a), /* winograd(4,5) */
        tn_avg_pool2d(.pool_size = 3, .strides = 2, .padding = TN_SAME, .allocator = a),
        tn_conv2d(.filters = 16, .kernel_size = 3, .padding = TN_SAME, .without_bias = true, .allocator = a), /* gemm */
        tn_activation_layer(.activation = TN_RELU, .allocator = a),
        tn_conv2d(.filters = 16, .kernel_size = 3, .dilation = 2, .padding = TN_SAME, .groups = 2,
                  .allocator = a), /* gemm */
        tn_conv2d(.filters = 16, .kernel_size = 7, .padding = TN_SAME, .allocator = a),               /* gemm */
        tn_conv2d(.filters = 16, .kernel_size = 3, .strides = 2, .padding = TN_SAME, .allocator = a), /* gemm */
        tn_conv2d(.filters = 12, .kernel_size = 3, .strides = 2, .padding = TN_SAME, .allocator = a), /* gemm */
    };
    return net_of_layers(a, layers, sizeof layers / sizeof layers[0]);
}

tn_layer *every_kind(const tn_allocator *a)
{
    tn_layer *const layers[] = {
        every_convolution(a),
        tn_flatten(.allocator = a),
        tn_dropout(.rate = 0.3f, .allocator = a),
        multiplier(a),
        tn_dense(.units = 24, .activation = TN_SIGMOID, .allocator = a),
        tn_activation_layer(.activation = TN_SOFTMAX, .allocator = a),
        tn_dropout(.rate = 0.5f, .allocator = a),
        tn_dense(.units = NET_CLASSES, .allocator = a),
    };
    return net_of_layers(a, layers, sizeof layers / sizeof layers[0]);
}
