/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Between product.c, which runs the tasks of a product, and product_task.c, which does one. */
#ifndef TN_KERNELS_PRODUCT_TASK_H
#define TN_KERNELS_PRODUCT_TASK_H

#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"

/** A product with its sides chosen. */
typedef struct tn_nest {
    const tn_product *p;
    bool turned;  /* rows of A on the vector side */
    int64_t s, v; /* the micro-kernel's lanes; s: of our own tile where rows are read in place, or side by side */
    int64_t s_count, v_count;
    int64_t depth;          /* of a block of k */
    const tn_own_tile *own; /* NULL: tiles are BLIS's */
    int64_t run;            /* A is read where it lies, in runs of so many k; 0: it is not, or packed */
    bool along;             /* A is read as it lies, or packed as it lies: all rows of a block side by side */
    bool lies;              /* so is B */
    int64_t run_along;      /* depths are multiples of it; 0: rows of A as they lie are equally far apart */
    int64_t splits;
    const float *packed; /* the whole vector side; NULL: packed on the way */
} tn_nest;

/** A part of the result: [s0, s0 + s_count) of the scalar, [v0, v0 + v_count) of the vector side. */
typedef struct tn_task {
    int64_t s0, s_count, v0, v_count, k0, k1;
    float *c; /* element (s0,v0) */
    int64_t ldc;
    float beta;
    bool finish; /* bias and activation when the sum is complete */
} tn_task;

/** One thread's buffers. A product with a sink has its block in the task's c. */
typedef struct tn_task_buffers {
    float *s_block, *v_group;
    tn_places places;    /* of the runs of a block of the scalar side, if it is looked for */
    const float *copied; /* in the next call: columns that lie here are in `panels`, a half of v_group; NULL: none are */
    float *panels;
} tn_task_buffers;

/** Scalar-side rows of a block, a multiple of nest->s: in the L2 cache, or all that are read as they lie. No block has
 *  less, but at the end. */
int64_t tn_block_rows(const tn_nest *nest);
int64_t tn_block_rows_least(void);
/** Floats of the buffers; the places of rows counted as floats, 0 where they are not looked for. */
int64_t tn_s_block_floats(const tn_product *p);
int64_t tn_places_floats(const tn_product *p);
tn_places tn_places_in(const tn_nest *nest, float *memory);
int64_t tn_v_group_floats(void);
/** Numbers of the vector side that are packed together for several blocks of the scalar side. */
int64_t tn_wide(const tn_nest *nest);
/** Floats of a block of results on its way to a sink. */
int64_t tn_sink_block_floats(void);

/** Where panel v0 (a multiple of V) of depth k0 starts in the packed vector side: blocks of k one after another. */
static inline int64_t tn_packed_offset(const tn_nest *nest, int64_t k0, int64_t kn, int64_t v0)
{
    return k0 * ((nest->v_count + nest->v - 1) / nest->v * nest->v) + v0 * kn;
}

/** What a side is, and the functions that pack it and find it. */
static inline const void *tn_source_v(const tn_nest *nest)
{
    return nest->turned ? nest->p->a : nest->p->b;
}
static inline const void *tn_source_s(const tn_nest *nest)
{
    return nest->turned ? nest->p->b : nest->p->a;
}
static inline void tn_pack_v(const tn_nest *nest, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    (nest->turned ? nest->p->pack_a : nest->p->pack_b)(tn_source_v(nest), first, count, k0, kn, nest->v, out);
}
static inline void tn_pack_s(const tn_nest *nest, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    (nest->turned ? nest->p->pack_b : nest->p->pack_a)(tn_source_s(nest), first, count, k0, kn, nest->s, out);
}
static inline tn_find *tn_find_v(const tn_nest *nest)
{
    return nest->turned ? nest->p->find_a : nest->p->find_b;
}
static inline tn_find *tn_find_s(const tn_nest *nest)
{
    return nest->turned ? nest->p->find_b : nest->p->find_a;
}

/** One depth of a sum. */
typedef struct tn_slab {
    int64_t kn, left;      /* k of this depth, and of the task behind it */
    bool again;            /* another block of rows follows, under the same columns */
    const float *v_panels; /* or columns as they lie, as in tn_tile_rows; */
    const float *side;     /* and so the rows of a block */
    int64_t step, v_step, v_apart;
    float beta;
} tn_slab;

/** The tiles of rows i to i + count and columns j to j + cols, i a multiple of nest->s, j of nest->v, of a block of the
 *  scalar side that was packed or located, with nest->own; ahead is asked for. */
void tn_multiply_own(const tn_nest *nest, const tn_task *t, const tn_slab *d, tn_task_buffers *buffers,
                     const tn_region *ahead, int64_t i, int64_t count, int64_t j, int64_t cols);
/** True if the last of a task's tiles do its epilogue. */
bool tn_finishes_in_place(const tn_nest *nest, const tn_task *t);
void tn_task_run(const tn_nest *nest, const tn_task *task, tn_task_buffers *buffers);
/** Bias and activation of rows of C [rows,cols] from column `col`. */
void tn_finish_rows(const tn_product *p, float *c, int64_t ldc, int64_t rows, int64_t col, int64_t cols);

#endif
