/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The one loop nest under every product: C[m,n] = alpha A[m,k] B[k,n] + beta C, where A and B are whatever two packing
 *  functions say they are - a matrix, its transpose, or the windows of an image that never exist as a matrix.
 *
 *  The structure is Goto's: a block of the scalar side is packed to stay in the L2 cache, groups of panels of the
 * vector side pass through the L1 cache under it.
 *
 *                     columns of B: vector side, panels of V             turned: rows of A take the vector side,
 *                     |  V  |  V  |  V  |                                columns of B the scalar side, and each tile
 *      rows of A:  S  |tile |tile |tile |                                is transposed on its way into C: for few
 *      scalar side S  |tile |tile |tile |                                columns, which would leave vectors empty
 *
 *  Blocks of (rows, columns, splits of k) are tasks that threads take as they come; no sum crosses a task but the
 * splits, which are added in order, so every number of threads gives the same bits. Source    Goto and van de Geijn,
 * "Anatomy of high-performance matrix multiplication", 2008; Van Zee and van de Geijn, "BLIS", 2015 */
#ifndef TN_KERNELS_PRODUCT_H
#define TN_KERNELS_PRODUCT_H

#include "base/pool.h"
#include "kernels/isa/conv_table.h"
#include "kernels/sink.h"

#include <tinynet/layer.h> /* tn_activation */

/** Pack `count` rows of A or columns of B from `first`, k from k0, kn of them, into panels of `lanes`:
 *  out[(panel * kn + k) * lanes + lane], lanes beyond `count` are zero. */
typedef void tn_pack(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                     float *out);
/** The memory that packing the same would read, if it lies in rows that are equally far apart; otherwise no rows. Of what is
 *  multiplied where it lies (along_a), one row for each k; of runs (run_along), only the first one's are so far apart. */
typedef tn_region tn_find(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn);

/** Say where rows of A lie. Run t of k, of `run` numbers from k0 to k0 + kn, of row first + tile * lanes + i begins at
 *  rows[(tile * kn / run + t) * lanes + i]. What does not lie in one piece is put together in `aside`, which has room
 * for all. Rows beyond `count`: whatever can be read. */
typedef void tn_locate(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t run,
                       int64_t lanes, float *aside, const float **rows);

/** Runs of k. */
typedef struct tn_run_range {
    int64_t first, run, runs; /* `run` numbers each */
    int64_t panel;            /* columns of a panel of the other side */
} tn_run_range;

/** Where rows lie that come in groups of a tile's: of group g run t of row i at rows[(g * runs + t) * lanes + i], its row of C
 *  at[g * lanes + i] floats from c; rows and runs that a group has no more of can be read, too. */
typedef struct tn_places {
    const float **rows;
    tn_tile_group *groups;
    int64_t *skips, *at; /* skips: of all groups */
} tn_places;

/** Say where rows [first, first + count) lie, whole groups. */
typedef void tn_locate_groups(const void *source, int64_t first, int64_t count, const tn_run_range *k, tn_places *out);

#define TN_RUN_LEAST 8 /* numbers of a run below which looking for it is not worth while */
#define TN_RUN_MOST 1024
#define TN_DEPTH_ALONG 800     /* k of a block whose rows lie side by side, at most, */
#define TN_RUN_ALONG 256       /* and of a run of such */
#define TN_DEPTH_IN_PLACE 1280 /* k of a block whose rows are read in place: long sums stay in registers */

/** What is read outside of images. */
extern const float tn_zeros[TN_RUN_MOST];

typedef struct tn_product {
    int64_t m, n, k;
    tn_pack *pack_a, *pack_b;
    tn_find *find_a, *find_b; /* what is packed next is asked for ahead, or what lies well is read; NULL: it is not */
    tn_locate *locate_a;      /* NULL: A is always packed; otherwise it need not be where it takes the scalar side */
    tn_locate_groups *locate_groups; /* instead of it, see tn_product_groups; NULL: rows are not in groups */
    int64_t run_a;            /* numbers of k, in equal runs from k = 0, that lie in one piece in every row of A */
    /** Numbers of all rows of A lie side by side for each k: they are read where find_a says,
     *  or packed just so where it is NULL, in one panel for all rows of a block; lanes beyond them need not be cleared.
     *  Those of B may be read where find_b says, too. Only if tn_product_runs_along. */
    bool along_a;
    int64_t run_along, run_step; /* of A as it lies: after every so many k from k = 0, up to TN_RUN_ALONG, the next one is
                                    run_step floats behind the first of them; 0: all k are equally far apart */
    const void *a, *b;
    const float *packed_b; /* what tn_product_pack made of b; NULL: b is packed on the way */
    float *c;
    int64_t ldc;
    float alpha, beta;        /* beta 0: C is not read */
    const float *bias;        /* [n], NULL: none */
    tn_activation activation; /* not TN_SOFTMAX */
    /** Blocks of C go there as soon as their sums are complete, instead of to c; k is at least 1, beta 0. NULL:
     *  none. */
    const tn_sink *sink;
    /** Where the sum is long, k may be cut into parts, by the sizes alone. Not with a sink. */
    bool split;
} tn_product;

/** Bytes of scratch for products of up to these sizes; p's functions tell if there are any, they are not called.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_product_scratch(const tn_product *p, int threads, size_t *out);
/** True if a product with along_a can be computed so: our own tile is in use, and A takes the scalar side. */
bool tn_product_runs_along(const tn_product *p);
/** Rows of a group, if A is read where it lies and may come in groups: locate_groups says where, m is then the groups' rows,
 *  those that they have no more of included, and c the first row of all. 0: it may not. */
int64_t tn_product_groups(const tn_product *p);
void tn_product_run(tn_pool *pool, const tn_product *p, void *scratch);

/** B as one block of panels that products with any number of rows can use, for those that come again and again: bytes,
 *  floats, and the packing itself. Where B takes the scalar side there is nothing to pack, 0; n, k and m as they will
 *  be at most.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_product_packed(const tn_product *p, size_t *bytes);
int64_t tn_product_packed_floats(const tn_product *p);
void tn_product_pack(tn_pool *pool, const tn_product *p, float *out);

/** So many rows that are read in place are cut into groups of a tile's rows, or down to three quarters of them: whichever
 *  leave the least at the end. */
int64_t tn_group_rows(int64_t rows);

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
/** tn_find of such a matrix. */
tn_region tn_find_strided(const float *data, int64_t stride, int64_t k_stride, int64_t count, int64_t kn);

#endif
