/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of our own, whose rows may be read where they lie; see isa/in_place_tile.c. The epilogue is part of the last of
 *  them, while the sums are in registers. */
#include "kernels/product_task.h"

#define LONG 64 /* numbers of a run from which it is worth while to ask for it; shorter ones are fetched ahead anyway */
#define LONG_SUM 64 /* numbers of a sum from which there is time to ask for C */
#define PAST_CACHES (4 << 20) /* numbers of C of which a cache that others use, too, keeps little until somebody reads them */
#define COPY_ROWS 96     /* from which it is worth while to copy columns that lie, */
#define COPY_STRIDE 512  /* if numbers of theirs are so far apart that they share sets of the caches, */
#define COPY_DEPTH 256   /* and panels leave room in the L2 cache */
#define BESIDE_ROWS 144  /* so many that lie side by side are asked for under all columns */
#define FAR_SUMS (1 << 18) /* numbers of C that the L2 cache does not keep, */
#define FAR_RUNS (1 << 20) /* and of rows in runs that are worth asking for: they share the core's time with columns */

bool tn_finishes_in_place(const tn_nest *nest, const tn_task *t)
{
    tn_activation activation = nest->p->activation;
    return nest->own && t->finish && (activation == TN_LINEAR || activation == TN_RELU);
}

/** Of rows that are read in place, if there is time; of rows side by side, whose sums are short, if C is far away. */
static bool asks_for_sums(const tn_nest *nest, const tn_slab *d)
{
    if (nest->run > 0)
        return d->kn >= LONG_SUM;
    return nest->along && (double)nest->p->m * (double)nest->p->n >= FAR_SUMS;
}

/** A large C that nobody waits for goes past the caches, which would read its lines first. */
static bool goes_past(const tn_nest *nest, const tn_task *t, const tn_slab *d)
{
    bool done = d->left == 0 && !nest->p->sink && tn_finishes_in_place(nest, t);
    return nest->run > 0 && done && (double)nest->p->m * (double)nest->p->n >= PAST_CACHES;
}

/** Rows side by side, those behind the first line of each k: under the next columns they may be far away again. Few rows have
 *  no time to ask for them and for columns, too. */
static tn_region rows_beside(const tn_nest *nest, const tn_slab *d, int64_t count, int64_t j)
{
    bool lie = nest->along && nest->p->find_a, far = nest->run_along == 0 || (double)nest->p->m * (double)nest->p->k >= FAR_RUNS;
    if (!lie || !far || count <= (j > 0 ? BESIDE_ROWS : TN_LINE))
        return (tn_region){0};
    return (tn_region){d->side + TN_LINE, d->kn, count - TN_LINE, d->step};
}

_Static_assert(COPY_DEPTH <= TN_DEPTH_ALONG, "halves of the buffer have room for panels");

/** Whether so many rows have their columns copied ahead of time: that costs next to nothing. */
static bool should_copy(const tn_nest *nest, const tn_region *columns, int64_t rows)
{
    bool far = columns->stride >= COPY_STRIDE && rows >= COPY_ROWS;
    return far && columns->rows > 0 && columns->rows <= COPY_DEPTH && columns->width % nest->v == 0;
}

/** Columns that lie are read as panels if they were copied; and those that follow will be, where it is worth while. */
static const float *follow_copies(const tn_nest *nest, const tn_slab *d, tn_task_buffers *buffers, const float *columns,
                                  tn_tile_rows *rows, tn_tile_end *end)
{
    float *half = buffers->v_group;
    if (columns == buffers->copied) {
        columns = buffers->panels;
        rows->v_step = nest->v;
        rows->v_apart = nest->v * d->kn;
        half += buffers->panels == half ? TN_WIDEST_TILE * TN_DEPTH_ALONG : 0;
    }
    buffers->copied = NULL;
    if (should_copy(nest, &end->ahead, rows->count)) {
        end->copies = (tn_tile_copies){end->ahead, half};
        buffers->copied = end->ahead.data;
        buffers->panels = half;
        end->ahead = (tn_region){0};
    }
    return columns;
}

void tn_multiply_own(const tn_nest *nest, const tn_task *t, const tn_slab *d, tn_task_buffers *buffers,
                     const tn_region *ahead, int64_t i, int64_t count, int64_t j, int64_t cols)
{
    tn_tile_rows rows = {.count = count,
                         .group = nest->along ? count : nest->s,
                         .side = d->side + i * d->kn, /* along: the one call is for all rows */
                         .runs = 1,
                         .run = d->kn,
                         .step = d->step,
                         .v_step = d->v_step,
                         .v_apart = d->v_apart};
    if (nest->run_along > 0) {
        rows.runs = d->kn / nest->run_along;
        rows.run = nest->run_along;
        rows.run_step = nest->p->run_step;
    }
    tn_tile_end end = {.add = d->beta != 0.0f,
                       .asks_c = asks_for_sums(nest, d),
                       .past = goes_past(nest, t, d),
                       .beside = rows_beside(nest, d, count, j),
                       .ahead = *ahead};
    if (nest->run > 0) {
        rows.runs = d->kn / nest->run;
        rows.run = nest->run;
        rows.places = buffers->places.rows + i * rows.runs;
        if (rows.run >= LONG && j == 0) /* nobody has read them yet */
            end.asks = tn_ceil_div(count, nest->s) - 1;
    }
    float *c = t->c + i * t->ldc + j;
    if (nest->p->locate_groups) {
        rows.groups = buffers->places.groups + i / nest->s;
        rows.at = buffers->places.at + i;
        rows.each = 1;
        c = t->c + j;
    }
    if (d->left == 0 && tn_finishes_in_place(nest, t)) {
        end.relu = nest->p->activation == TN_RELU;
        end.bias = nest->p->bias ? nest->p->bias + t->v0 + j : NULL;
    }
    const float *v = d->v_panels + j / nest->v * d->v_apart;
    if (nest->lies)
        v = follow_copies(nest, d, buffers, v, &rows, &end);
    nest->own->multiply(&rows, v, &end, cols, c, t->ldc);
}
