/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products with few rows, a dense layer's on a single image: nearly all of the work is to read B, once, from memory. The
 *  micro-kernel would want it packed, which reads it as often and writes it besides. */
#ifndef TN_KERNELS_THIN_PRODUCT_H
#define TN_KERNELS_THIN_PRODUCT_H

#include "kernels/conv.h"

/** True where tn_thin_product is the better way: few rows of A one after another, B with unit column stride, nothing added
 *  to C, which is no sink. */
bool tn_is_thin(const tn_matmul_args *args);
/** c = act(a b + bias), as tn_matmul; each sum in the order of k. */
void tn_thin_product(tn_pool *pool, const tn_matmul_args *args);

#endif
