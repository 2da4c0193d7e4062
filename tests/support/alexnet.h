/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  AlexNet, for tests and benchmarks. (The example has its own: a user reads it there whole.)
 *  Source    Krizhevsky, Sutskever and Hinton, 2012, with one channel in and ten classes */
#ifndef TESTS_SUPPORT_ALEXNET_H
#define TESTS_SUPPORT_ALEXNET_H

#include <tinynet/layer.h>

static inline tn_layer *alexnet(void)
{
    return tn_sequential(tn_conv2d(.filters = 96, .kernel_size = 11, .strides = 4, .activation = TN_RELU),
                         tn_max_pool2d(.pool_size = 3, .strides = 2),
                         tn_conv2d(.filters = 256, .kernel_size = 5, .padding = TN_SAME, .activation = TN_RELU),
                         tn_max_pool2d(.pool_size = 3, .strides = 2),
                         tn_conv2d(.filters = 384, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
                         tn_conv2d(.filters = 384, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
                         tn_conv2d(.filters = 256, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
                         tn_max_pool2d(.pool_size = 3, .strides = 2), tn_flatten(),
                         tn_dense(.units = 4096, .activation = TN_RELU), tn_dropout(.rate = 0.5f),
                         tn_dense(.units = 4096, .activation = TN_RELU), tn_dropout(.rate = 0.5f),
                         tn_dense(.units = 10));
}

#endif
