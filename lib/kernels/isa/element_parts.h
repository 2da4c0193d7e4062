/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What goes into tn_element_table, by the names that carry the instruction set: element_table.h says what each does. */
#ifndef TN_ISA_ELEMENT_PARTS_H
#define TN_ISA_ELEMENT_PARTS_H

#include "kernels/isa/element_table.h"
#include "kernels/isa/simd.h"

void TN_ISA(tn_exp)(const float *x, float *y, int64_t count);
void TN_ISA(tn_relu)(const float *x, float *y, int64_t count);
void TN_ISA(tn_sigmoid)(const float *x, float *y, int64_t count);
void TN_ISA(tn_tanh)(const float *x, float *y, int64_t count);
void TN_ISA(tn_relu_gradient)(const float *y, const float *dy, float *dx, int64_t count);
void TN_ISA(tn_sigmoid_gradient)(const float *y, const float *dy, float *dx, int64_t count);
void TN_ISA(tn_tanh_gradient)(const float *y, const float *dy, float *dx, int64_t count);

void TN_ISA(tn_softmax)(const float *x, float *y, int64_t count);
void TN_ISA(tn_log_softmax)(const float *x, float *y, int64_t count);
void TN_ISA(tn_softmax_gradient)(const float *y, const float *dy, float *dx, int64_t count);
void TN_ISA(tn_softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width);
void TN_ISA(tn_log_softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width);
void TN_ISA(tn_softmax_gradient_columns)(const float *y, const float *dy, float *dx, int64_t count, int64_t stride,
                                         int64_t width);

void TN_ISA(tn_max_pixel)(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                          size_t index_size);
void TN_ISA(tn_max_pixel_gradient)(const float *dy, const void *index, size_t index_size, const tn_window_walk *walk,
                                   int64_t channels, float *dx);
void TN_ISA(tn_avg_pixel)(const float *x, const tn_window_walk *walk, float divisor, int64_t channels, float *y);
void TN_ISA(tn_avg_pixel_gradient)(const float *dy, const tn_window_walk *walk, const tn_window_extent *rows,
                                   const tn_window_extent *cols, int64_t channels, float *dx);

void TN_ISA(tn_sum_rows)(const float *x, int64_t rows, int64_t stride, int64_t width, float *sum);
void TN_ISA(tn_add)(const float *x, float *y, int64_t count);
double TN_ISA(tn_sum_squares)(const float *x, int64_t count);

void TN_ISA(tn_dropout)(uint64_t key, uint64_t step, uint32_t threshold, float scale, int64_t first, int64_t count,
                        const float *x, float *y);
void TN_ISA(tn_dropout_mask)(const uint8_t *mask, float divisor, const float *x, float *y, int64_t count);

void TN_ISA(tn_scale_bytes)(const uint8_t *x, float scale, float *y, int64_t count);
void TN_ISA(tn_blend)(const float *a, const float *b, float part, float scale, float *y, int64_t count);

#endif
