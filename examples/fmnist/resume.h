/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a checkpoint says about its run, so that no other is taken for it. */
#ifndef EXAMPLES_RESUME_H
#define EXAMPLES_RESUME_H

#include "images.h"
#include "options.h"

enum { RESUME_KEYS = 6, RESUME_VALUE = 32 };

/** The metadata of a checkpoint. */
typedef struct resume_notes {
    tn_metadata entries[RESUME_KEYS];
    char values[RESUME_KEYS][RESUME_VALUE];
} resume_notes;

/** Read the notes of options->resume: what the command line does not give is taken from them, what it gives must be the
 *  same, or --force.
 *  @param checksum  [out] of the training images of that run
 *  Returns FMNIST_DONE, or FMNIST_REFUSED after saying why */
int resume_adopt(const fmnist_program *program, fmnist_options *options, uint32_t *checksum);

/** Compare the images with those of the checkpoint. */
int resume_check_images(const fmnist_options *options, uint32_t saved, uint32_t found);

/** Write down this run. `out` must stay where it is. */
void resume_take_notes(const fmnist_program *program, const fmnist_options *options, const fmnist_images *images,
                       resume_notes *out);

#endif
