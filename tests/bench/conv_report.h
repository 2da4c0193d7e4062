/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What was measured, for people, for documents and for programs. */
#ifndef TESTS_BENCH_CONV_REPORT_H
#define TESTS_BENCH_CONV_REPORT_H

#include "conv_layers.h"
#include "conv_way.h"

typedef enum report_form { REPORT_TABLE, REPORT_MARKDOWN, REPORT_JSON } report_form;

typedef struct report {
    report_form form;
    bool peer; /* with oneDNN's figures beside ours */
} report;

/** One pass of one layer. */
typedef struct conv_row {
    const conv_layer *layer;
    tn_conv_pass pass;
    int threads;
    int64_t batch;
    double flops, peak; /* peak: of the micro-kernel, FLOP/s on as many threads, just before */
    char names[WAY_KINDS][48];
    double seconds[WAY_KINDS]; /* NaN: no such way */
} conv_row;

/** Seconds of oneDNN's best; NaN without oneDNN. */
double conv_row_best(const conv_row *row);

/** The table of one batch size and one number of threads: rows as they come, a layer's passes after one another. */
void conv_report_begin(report how, int64_t batch, int threads);
void conv_report_row(report how, const conv_row *row);
/** All rows of that table again: on how many we are as fast, and where not. */
void conv_report_summary(report how, const conv_row *rows, int count);

const char *conv_pass_name(tn_conv_pass pass);

#endif
