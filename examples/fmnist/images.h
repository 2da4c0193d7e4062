/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Fashion-MNIST from its four files. */
#ifndef EXAMPLES_IMAGES_H
#define EXAMPLES_IMAGES_H

#include "options.h"

typedef struct fmnist_images {
    tn_dataset *train, *test;
    uint32_t checksum; /* of the training images and labels in use */
} fmnist_images;

/** Load the images and cut them to the limits. Returns FMNIST_DONE, or FMNIST_REFUSED after saying why. */
int images_load(const fmnist_options *options, fmnist_images *out);
void images_destroy(fmnist_images *images);

/** "T-shirt/top", ... [FMNIST_CLASSES] */
extern const char *const fmnist_classes[FMNIST_CLASSES];

#endif
