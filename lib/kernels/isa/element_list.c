/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The table of inner loops. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

const tn_element_table TN_ISA(tn_element_table) = {
    .relu = TN_ISA(tn_relu),
    .sigmoid = TN_ISA(tn_sigmoid),
    .tanh = TN_ISA(tn_tanh),
    .relu_gradient = TN_ISA(tn_relu_gradient),
    .sigmoid_gradient = TN_ISA(tn_sigmoid_gradient),
    .tanh_gradient = TN_ISA(tn_tanh_gradient),
    .exp = TN_ISA(tn_exp),
    .softmax = TN_ISA(tn_softmax),
    .log_softmax = TN_ISA(tn_log_softmax),
    .softmax_gradient = TN_ISA(tn_softmax_gradient),
    .softmax_columns = TN_ISA(tn_softmax_columns),
    .log_softmax_columns = TN_ISA(tn_log_softmax_columns),
    .softmax_gradient_columns = TN_ISA(tn_softmax_gradient_columns),
    .max_pixel = TN_ISA(tn_max_pixel),
    .max_pixel_gradient = TN_ISA(tn_max_pixel_gradient),
    .avg_pixel = TN_ISA(tn_avg_pixel),
    .avg_pixel_gradient = TN_ISA(tn_avg_pixel_gradient),
    .sum_rows = TN_ISA(tn_sum_rows),
    .add = TN_ISA(tn_add),
    .sum_squares = TN_ISA(tn_sum_squares),
    .dropout = TN_ISA(tn_dropout),
    .dropout_mask = TN_ISA(tn_dropout_mask),
    .scale_bytes = TN_ISA(tn_scale_bytes),
    .blend = TN_ISA(tn_blend),
};
