/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The log: one JSON object a line for each step and each epoch. */
#ifndef EXAMPLES_LOG_H
#define EXAMPLES_LOG_H

#include "output.h"

#include <tinynet/tinynet.h>

typedef struct fmnist_log {
    fmnist_output output;
    const char *path; /* NULL: no log */
    bool created;     /* by us, and nothing written yet */
} fmnist_log;

/** One line. Numbers that are not finite are written as null. */
typedef struct log_line {
    const char *event;   /* "step" or "epoch" */
    int64_t epoch, step; /* both from 1; steps are counted over all epochs */
    tn_metrics train;    /* of the step's own batch, or of the epoch */
    tn_metrics test;     /* of an epoch */
    int64_t images;      /* trained on in `seconds` */
    double seconds;      /* wall time of the step, or of the epoch's training in this run */
} log_line;

/** Open without changing what is there; a path of NULL opens nothing. False with errno if it cannot be written. */
bool log_open(fmnist_log *log, const char *path);

/** Empty the log. */
bool log_start(fmnist_log *log);

/** Keep the lines of the first `steps` steps and `epochs` epochs: what a killed run wrote after its last checkpoint
 *  comes again. */
bool log_start_again(fmnist_log *log, int64_t epochs, int64_t steps);

/** Write one line through to the system, or keep it until there is room. */
output_result log_write(fmnist_log *log, const log_line *line);

/** Write what was kept, and close; a file that log_open created and nothing was written to is removed. False with errno
 *  if lines are lost. */
bool log_close(fmnist_log *log);

#endif
