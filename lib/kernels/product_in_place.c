/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of our own, whose rows may be read where they lie; see isa/in_place_tile.c. The epilogue is part of the last
 * of them, while the sums are in registers. */
#include "kernels/product_task.h"

#define LONG 64  /* numbers of a run from which it is worth while to ask for it; shorter ones are fetched ahead anyway \
                  */
#define DEEP 512 /* k from which there is time to ask for C */

bool tn_finishes_in_place(const tn_nest *nest, const tn_task *t)
{
    tn_activation activation = nest->p->activation;
    return nest->own && t->finish && (activation == TN_LINEAR || activation == TN_RELU);
}

void tn_multiply_own(const tn_nest *nest, const tn_task *t, const tn_slab *d, const tn_task_buffers *buffers,
                     const tn_region *ahead, int64_t j, int64_t cols)
{
    tn_tile_rows rows = {.count = t->s_count, .group = nest->s, .panel = buffers->s_block, .runs = 1, .run = d->kn};
    tn_tile_end end = {.add = d->beta != 0.0f, .asks_c = d->kn >= DEEP, .ahead = *ahead};
    if (nest->run > 0) {
        rows = (tn_tile_rows){t->s_count, nest->s, buffers->rows, NULL, d->kn / nest->run, nest->run};
        if (rows.run >= LONG && j == 0) /* nobody has read them yet */
            end.asks = tn_ceil_div(t->s_count, nest->s) - 1;
    }
    if (d->last && tn_finishes_in_place(nest, t)) {
        end.relu = nest->p->activation == TN_RELU;
        end.bias = nest->p->bias ? nest->p->bias + t->v0 + j : NULL;
    }
    nest->own->multiply(&rows, d->v_panels + j * d->kn, &end, cols, t->c + j, t->ldc);
}
