/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How each inner loop is called: what the list in kernel_cases.c is made of. */
#ifndef TESTS_SUPPORT_KERNEL_RUNS_H
#define TESTS_SUPPORT_KERNEL_RUNS_H

#include "kernel_cases.h"

#define RUN(name) int64_t run_##name(const kernel_case *c, const kernel_tables *t, kernel_buffers *b, int64_t count)

/* kernel_runs_elements.c */
RUN(relu);
RUN(sigmoid);
RUN(tanh);
RUN(exp);
RUN(softmax);
RUN(log_softmax);
RUN(relu_gradient);
RUN(sigmoid_gradient);
RUN(tanh_gradient);
RUN(softmax_gradient);
RUN(softmax_columns);
RUN(log_softmax_columns);
RUN(softmax_gradient_columns);
RUN(max_pixel);
RUN(max_pixel_gradient);
RUN(avg_pixel);
RUN(avg_pixel_gradient);
RUN(sum_rows);
RUN(add);
RUN(sum_squares);
RUN(dropout);
RUN(dropout_mask);
RUN(scale_bytes);
RUN(blend);

/* kernel_runs_convolution.c */
RUN(interleave);
RUN(copy_rows);
RUN(copy_panels);
RUN(add_rows);
RUN(own_tile);
RUN(direct);
RUN(few_forward);
RUN(few_gradient);
RUN(few_gradient_pairs);
RUN(finish);
RUN(accumulate);
RUN(thin_product);
RUN(strassen_sums);
RUN(strassen_end);
RUN(depthwise_filter);
RUN(depthwise_gradient);
RUN(winograd);
RUN(winograd_results);
RUN(winograd_pixels);

/** Which of Winograd's maps run_winograd takes. */
enum { FILTER, FILTER_PAST, FILTER_GRADIENT, OUTPUT, BACK_OUTPUT };

/** And run_winograd_results. */
enum { RESULTS, ACTIVATED, BACK_RESULTS };

/** And run_winograd_pixels. */
enum { DATA, BACK_DATA, DATA_ROWS, GRADIENT_ROWS };

#endif
