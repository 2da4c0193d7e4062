/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An output whose disk may be full for a while: what finds no room is kept, and written first when there is some. */
#ifndef EXAMPLES_OUTPUT_H
#define EXAMPLES_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct fmnist_output {
    int fd;
    int error;  /* errno of the last write that failed */
    char *kept; /* malloc'ed */
    size_t size, capacity;
} fmnist_output;

typedef enum output_result {
    OUTPUT_WRITTEN,
    OUTPUT_KEPT, /* no room now */
    OUTPUT_LOST  /* it cannot be written, and room would not help: a reader is gone, say */
} output_result;

/** Write `text` after what is kept; an empty one to try again. The reason of what fails is in `error`. */
output_result output_write(fmnist_output *output, const char *text);

/** Free what is kept. False if there was something. */
bool output_free(fmnist_output *output);

#endif
