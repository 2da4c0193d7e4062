/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The one loop nest under every product: C[m,n] = alpha S[m,k] V[k,n] + beta C, where S and V are whatever two packing
 *  functions say they are - a matrix, its transpose, or the windows of an image that never exist as a matrix.
 *
 *  The structure is Goto's: a block of the scalar side [mb,kc] is packed to stay in the L2 cache, groups of panels of the
 *  vector side pass through the L1 cache under it. Blocks of (rows, columns, splits of k) are tasks that threads take
 *  as they come; no sum crosses a task but the splits, which are added in order, so every number of threads gives the
 *  same bits.
 *  Source    Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008; Van Zee and van de Geijn,
 *            "BLIS", 2015 */
#ifndef TN_KERNELS_PRODUCT_H
#define TN_KERNELS_PRODUCT_H

#include "base/pool.h"
#include "kernels/isa/conv_table.h"

#include <tinynet/layer.h> /* tn_activation */

/** Pack `count` rows (scalar side) or columns (vector side) from `first`, k from k0, kn of them, into panels of S or V
 *  lanes: out[(panel * kn + k) * lanes + lane], lanes beyond `count` are zero. */
typedef void tn_pack(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out);

typedef struct tn_product {
    int64_t m, n, k;
    tn_pack *pack_s, *pack_v;
    const void *s_source, *v_source;
    const float *v_packed; /* from tn_product_pack; NULL: packed on the way */
    float *c;
    int64_t ldc;
    float alpha, beta;        /* beta 0: C is not read */
    const float *bias;        /* [n], NULL: none */
    tn_activation activation; /* not TN_SOFTMAX */
    /** Rows that do not lie ldc apart: the product of rows [row, row + rows) arrives in `block` [rows,n] and is put in
     *  place by this function. NULL: c and ldc. */
    void (*scatter)(const void *source, int64_t row, int64_t rows, const float *block);
    int64_t splits; /* tn_product_splits, or 1 */
} tn_product;

/** Parts into which k is cut when there are too few rows and columns for all threads; from the sizes alone. */
int64_t tn_product_splits(int64_t m, int64_t n, int64_t k);

/** Bytes of scratch for products of up to these sizes. `own_block`: with scatter.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_product_scratch(int64_t m, int64_t n, int64_t splits, bool own_block, int threads,
                                            size_t *out);
/** Floats of the whole packed vector side. */
TN_WARN_UNUSED tn_status tn_product_packed_size(int64_t n, int64_t k, int64_t *out);
/** Pack the vector side once, by all threads, into `packed`; set product->v_packed to it. */
void tn_product_pack(tn_pool *pool, const tn_product *product, float *packed);

void tn_product_run(tn_pool *pool, const tn_product *product, void *scratch);

/** The inner loops of the instruction set in use. */
const tn_conv_table *tn_conv_kernels(void);

/** Most lanes of a panel on either side, of any of BLIS's kernels. */
#define TN_PANEL_LANES 64

/** Pack one panel of `count` rows that are contiguous along k (stride apart): a transposition. */
void tn_pack_panel_across(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out);
/** Pack rows that are contiguous along k (stride apart): a transposition. */
void tn_pack_across(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out);
/** Pack rows that lie side by side for each k (stride apart): a copy. */
void tn_pack_along(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out);
/** Pack a matrix with any strides: element (i,k) at data + i * stride + k * k_stride. */
void tn_pack_strided(const float *data, int64_t stride, int64_t k_stride, int64_t count, int64_t kn, int64_t lanes,
                     float *out);

#endif
