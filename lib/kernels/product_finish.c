/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Bias and activation of rows of a product, where tiles do not do them. */
#include "kernels/kernels.h"
#include "kernels/product_task.h"

#define FEW 64 /* columns of a row that is too short to be worth a call */
#define ROWS 16

/** Rows that follow one another are finished several at a time, with as many copies of the bias. */
static void finish_short_rows(const float *bias, bool relu, float *c, int64_t rows, int64_t cols)
{
    float copies[FEW * ROWS];
    for (int64_t i = 0; bias && i < ROWS * cols; i++)
        copies[i] = bias[i % cols];
    for (int64_t i = 0; i < rows; i += ROWS, c += ROWS * cols)
        tn_conv_kernels()->finish(c, bias ? copies : NULL, relu, c, tn_min(ROWS, rows - i) * cols);
}

void tn_finish_rows(const tn_product *p, float *c, int64_t ldc, int64_t rows, int64_t col, int64_t cols)
{
    bool relu = p->activation == TN_RELU, other = p->activation != TN_LINEAR && !relu;
    if (!p->bias && p->activation == TN_LINEAR)
        return;
    if (cols == ldc && cols <= FEW) {
        finish_short_rows(p->bias ? p->bias + col : NULL, relu, c, rows, cols);
        if (other)
            tn_activate(NULL, p->activation, c, c, rows * cols);
        return;
    }
    for (int64_t i = 0; i < rows; i++, c += ldc) {
        tn_conv_kernels()->finish(c, p->bias ? p->bias + col : NULL, relu, c, cols);
        if (other)
            tn_activate(NULL, p->activation, c, c, cols);
    }
}
