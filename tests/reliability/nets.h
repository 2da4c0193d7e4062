/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Small networks in the shape of the known ones. Every layer takes its memory from the allocator given. */
#ifndef TESTS_RELIABILITY_NETS_H
#define TESTS_RELIABILITY_NETS_H

#include <tinynet/tinynet.h>

enum { LENET_SIZE = 12, ALEXNET_SIZE = 67, EVERY_SIZE = 24, NET_CLASSES = 10 };

/* The children are consumed, on failure too. */
static inline tn_layer *net_of_layers(const tn_allocator *a, tn_layer *const *layers, size_t count)
{
    return tn_sequential_create(TN_OPTIONS(tn_layer_options, .name = "net", .allocator = a), layers, count);
}

/** LeNet's order of layers, on [12,12,1]. */
static inline tn_layer *lenet_like(const tn_allocator *a)
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

/** AlexNet's order of layers with few filters, on [67,67,1]: the last pooling leaves one pixel. */
static inline tn_layer *alexnet_like(const tn_allocator *a)
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

#endif
