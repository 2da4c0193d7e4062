/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of our own, whose rows may be read where they lie; see isa/in_place_tile.c. The epilogue is part of the last of
 *  them, while the sums are in registers. */
#include "kernels/product_task.h"

#define LONG 64 /* numbers of a run from which it is worth while to ask for it; shorter ones are fetched ahead anyway */

bool tn_finishes_in_place(const tn_nest *nest, const tn_task *t)
{
    tn_activation activation = nest->p->activation;
    return nest->own && t->finish && (activation == TN_LINEAR || activation == TN_RELU);
}

/** Rows of the tile at row i of a block. */
static tn_tile_rows rows_at(const tn_nest *nest, const tn_task_buffers *buffers, int64_t i, int64_t kn)
{
    if (nest->run == 0)
        return (tn_tile_rows){nest->s, nest->s, NULL, buffers->s_block + i * kn, 1, kn};
    return (tn_tile_rows){nest->s, nest->s, buffers->rows + i * (kn / nest->run), NULL, kn / nest->run, nest->run};
}

void tn_multiply_own(const tn_nest *nest, const tn_task *t, const tn_slab *d, const tn_task_buffers *buffers,
                     const tn_region *ahead, int64_t i, int64_t j, int64_t cols)
{
    tn_tile_rows rows = rows_at(nest, buffers, i, d->kn);
    tn_tile_end end = {.add = d->beta != 0.0f, .ahead = *ahead};
    rows.count = tn_min(nest->s, t->s_count - i);
    if (d->last && tn_finishes_in_place(nest, t)) {
        end.relu = nest->p->activation == TN_RELU;
        end.bias = nest->p->bias ? nest->p->bias + t->v0 + j : NULL;
    }
    if (rows.places && rows.run >= LONG && j == 0 && i + nest->s < t->s_count) /* nobody has read them yet */
        end.next = rows.places + nest->s * rows.runs;
    nest->own->multiply(&rows, d->v_panels + j * d->kn, &end, cols, t->c + i * t->ldc + j, t->ldc);
}
