/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Between the files of Strassen's product: how it is cut (strassen_cut.c), B's panels (strassen_columns.c), and the rest. */
#ifndef TN_KERNELS_STRASSEN_PARTS_H
#define TN_KERNELS_STRASSEN_PARTS_H

#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/strassen.h"

#include <stdatomic.h>

#define TN_STRASSEN_BLOCK (1 << 15) /* numbers of a block of rows of A, by half a slab: its sums stay in the L2 cache */
#define TN_STRASSEN_ROWS 160        /* room for rows of a block, in whole groups */
/* Room for a sum, and for a product: no two begin in the same set of a cache. */
#define TN_STRASSEN_SUM_ROOM (TN_STRASSEN_BLOCK + (1 << 14) + TN_LINE)
#define TN_STRASSEN_PRODUCT_ROOM (TN_STRASSEN_ROWS * TN_WIDEST_TILE + TN_LINE)

/* The sums of either side's quarters. */
enum { SUM_11_22, SUM_21_22, SUM_11_12, SUM_21_11, SUM_12_22, NO_SUM = -1 };
/* What products take of B: M1 B11 and M4 B22. */
static const int tn_strassen_of_b[TN_STRASSEN_PRODUCTS] = {SUM_11_22, NO_SUM, SUM_12_22, SUM_21_11, NO_SUM, SUM_11_12, SUM_21_22};

/** Sizes. */
typedef struct tn_strassen_cut {
    int64_t half_m, half_n;
    int64_t depth, slabs;  /* k of a slab: even; and how many there are, */
    int64_t slab, together; /* floats of a slab's panels, and how many slabs are packed together */
    int64_t block;         /* rows of each half whose sums are made at once */
    int64_t rows, ranges;  /* of each half: of a task, and how many tasks of an image there are one under the other, */
    int64_t cols, parts;   /* and side by side */
    int64_t pitch;         /* of sums of A, from row to row, or k to k */
} tn_strassen_cut;

tn_strassen_cut tn_strassen_cut_of(const tn_strassen *p, int threads);
/** Each task makes what it needs of B, of which B11 and B22 are read as they lie, as rows of A are. */
static inline bool tn_strassen_own_b(const tn_strassen *p)
{
    return p->along_a && !p->across_b;
}
/** Floats of a thread, whatever the sizes are: sums of A, seven products, and where rows lie or sums of B. */
int64_t tn_strassen_buffer_floats(const tn_strassen *p);

typedef struct tn_strassen_job {
    const tn_strassen *p;
    tn_strassen_cut cut;
    const tn_own_tile *tile;
    const float *panels;
    float *packing; /* where they are packed first; NULL: that was done */
    float *buffers;
    atomic_llong next;
} tn_strassen_job;

/** A panel of each of B's seven, from column `first` of both halves; `set` floats apart. */
void tn_strassen_pack_panels(const tn_strassen_job *job, int64_t slab, int64_t first, int64_t set, float *out);
/** Panels of slabs [slab, last), shared out. */
void tn_strassen_pack_slabs(const tn_strassen_job *job, const tn_team *team, int64_t slab, int64_t last, float *out);

#endif
