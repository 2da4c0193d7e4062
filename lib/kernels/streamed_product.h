/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products whose B is too large for any cache and whose A is not: a dense layer's on a batch. B comes from memory once. */
#ifndef TN_KERNELS_STREAMED_PRODUCT_H
#define TN_KERNELS_STREAMED_PRODUCT_H

#include "kernels/conv.h"

/** True where tn_streamed_product is the better way: some rows of A one after another, a large B that is contiguous along
 *  one of its sides, nothing added to C, which is no sink. */
bool tn_is_streamed(const tn_matmul_args *args);
/** Scratch of streamed products of up to these sizes; 0 if none of them is one.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_streamed_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out);
/** c = act(a b + bias), as tn_matmul. */
void tn_streamed_product(tn_pool *pool, const tn_matmul_args *args, void *scratch);

#endif
