/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
 *  algorithms", 2017, table 2. */
#include "images.h"

const char *const fmnist_classes[FMNIST_CLASSES] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                                    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
