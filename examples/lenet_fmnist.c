/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  LeNet on Fashion-MNIST: the network and the recipe. What a run does with them is in fmnist/.
 *
 *  Source    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, with
 *            all of C3's connections and a plain last layer */
#include "fmnist/fmnist.h"

static tn_layer *lenet(void)
{
    /* clang-format off: a line for each layer */
    return tn_sequential(tn_conv2d(.filters = 6, .kernel_size = 5, .padding = TN_SAME, .activation = TN_SIGMOID),
                         tn_avg_pool2d(.pool_size = 2, .strides = 2),
                         tn_conv2d(.filters = 16, .kernel_size = 5, .activation = TN_SIGMOID),
                         tn_avg_pool2d(.pool_size = 2, .strides = 2), tn_flatten(),
                         tn_dense(.units = 120, .activation = TN_SIGMOID),
                         tn_dense(.units = 84, .activation = TN_SIGMOID), tn_dense(.units = 10));
    /* clang-format on */
}

const fmnist_program lenet_fmnist = {
    .name = "lenet_fmnist",
    .title = "LeNet",
    .net = lenet,
    .image_size = 28,
    .convolutions = 2,
    .epochs = 10,
    .batch_size = 256,
    .learning_rate = 0.9,
};
