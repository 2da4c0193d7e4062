/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The loops of strassen_loops.c, of one instruction set. */
#ifndef TN_ISA_STRASSEN_LOOPS_H
#define TN_ISA_STRASSEN_LOOPS_H

#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

void TN_ISA(tn_strassen_sums)(const float *const from[4], int64_t from_step, float *const to[TN_STRASSEN_SUMS],
                              int64_t to_step, int64_t rows, int64_t count);
void TN_ISA(tn_strassen_end)(const tn_strassen_end *end, int64_t rows, int64_t lower, int64_t cols, float *c);

#endif
