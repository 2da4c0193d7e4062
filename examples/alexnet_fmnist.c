/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  AlexNet on Fashion-MNIST: the network and the recipe. What a run does with them is in fmnist/.
 *
 *  Source    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
 *            in the single-column form for grey pictures of 224x224 */
#include "fmnist/fmnist.h"

static tn_layer *alexnet(void)
{
    /* clang-format off: a line for each layer */
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
    /* clang-format on */
}

const fmnist_program alexnet_fmnist = {
    .name = "alexnet_fmnist",
    .title = "AlexNet",
    .net = alexnet,
    .image_size = 224,
    .convolutions = 5,
    .epochs = 10,
    .batch_size = 128,
    .learning_rate = 0.01,
};
