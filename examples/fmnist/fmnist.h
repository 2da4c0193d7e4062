/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a program that trains on Fashion-MNIST consists of. Exit status, the same for all of them:
 *  0 done; 1 failed at work; 2 refused before any work; 128 + signal when a signal ended the run. */
#ifndef EXAMPLES_FMNIST_H
#define EXAMPLES_FMNIST_H

#include <tinynet/tinynet.h>

enum { FMNIST_DONE = 0, FMNIST_FAILED = 1, FMNIST_REFUSED = 2, FMNIST_SIGNAL = 128 };

enum { FMNIST_CLASSES = 10, FMNIST_IMAGE = 28 };

/** A network and its recipe. */
typedef struct fmnist_program {
    const char *name;       /* of the program, and of the checkpoint that Ctrl-C leaves */
    const char *title;      /* of the network */
    tn_layer *(*net)(void); /* from grey pictures to FMNIST_CLASSES logits */
    int64_t image_size;     /* height and width that the net takes */
    int convolutions;       /* tells its files from the other's */
    int64_t epochs, batch_size;
    double learning_rate;
} fmnist_program;

extern const fmnist_program alexnet_fmnist, lenet_fmnist;

/** Do everything from the command line to the exit status. */
int fmnist_main(const fmnist_program *program, int argc, char **argv);

/** Metadata of the checkpoints that these programs write. */
#define FMNIST_KEY_PROGRAM "fmnist.program"

#endif
