/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Progress on standard error: on a terminal one line that rewrites itself, elsewhere a plain line now and then. */
#ifndef EXAMPLES_LINE_H
#define EXAMPLES_LINE_H

#include <tinynet/tinynet.h>

typedef struct progress_line {
    bool quiet, terminal, colour;
    bool drawn;     /* there is something to be cleared */
    double shown;   /* when something was last shown */
    double busy;    /* seconds of the steps of this run */
    int64_t steps;  /* in them */
    int64_t images; /* in them */
} progress_line;

void line_start(progress_line *line, bool quiet);
/** Take a step into account and show it if it is time to. */
void line_step(progress_line *line, const tn_step_event *step);
/** Clear the line, for text that follows on either stream. */
void line_clear(progress_line *line);

#endif
