/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One task of a product: packing, tiles, epilogue, all in one thread. */
#include "kernels/product_task.h"

#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kernels.h"

#include <string.h>

#define GROUP 4          /* vector-side panels under which the panels of the scalar side pass: for the L2 cache */
#define OWN_COLUMNS TN_WIDEST_TILE /* of the panels under which rows pass in tiles of our own, */
#define OWN_PANELS 4     /* so many panels of rows at a time where they are packed */
#define IN_PLACE (1 << 16) /* floats of a block of rows that are read where they lie, in the L2 cache, */
#define IN_PLACE_ROWS 1024 /* and how many they are at most */
#define GROUP_LEAST 4      /* rows that groups of them have room for, at least */
#define NARROW (3 << 14) /* floats of the vector side packed together where one block of rows uses them */
#define WIDE (1 << 18)   /* where several do */
#define SINK_WIDTH                                                                                                     \
    256 /* numbers of the vector side of a block that goes to a sink: it stays in the L2 cache, and its                \
           rows are long enough to be worth a call */

_Static_assert(2 * OWN_COLUMNS * TN_DEPTH_ALONG <= WIDE, "columns that lie are copied to where others are packed");

int64_t tn_block_rows_least(void)
{
    return tn_min(tn_gemm_kernel_in_use()->mc, 192);
}

int64_t tn_block_rows(const tn_nest *nest)
{
    if (nest->along && nest->p->find_a)
        return tn_round_up(nest->p->m, nest->s);
    int64_t rows = tn_block_rows_least();
    if (nest->run > 0 && !nest->p->sink)
        rows = tn_max(rows, tn_min(IN_PLACE / nest->depth, IN_PLACE_ROWS));
    return tn_round_up(rows, nest->s);
}

/** The most that it can be. */
static int64_t block_rows_most(void)
{
    int64_t most = tn_max(tn_gemm_kernel_in_use()->s, tn_conv_kernels()->tile->rows);
    return tn_block_rows_least() + most - 1;
}

/** The deepest block of k: rows that are read in place, or lie side by side, may be put together for one that is deeper
 *  than the kernel's. */
static int64_t depth_most(const tn_product *p)
{
    int64_t kc = tn_gemm_kernel_in_use()->kc, along = p->along_a ? TN_DEPTH_ALONG : 0;
    return tn_max(kc, p->locate_a ? TN_DEPTH_IN_PLACE : along);
}

int64_t tn_s_block_floats(const tn_product *p)
{
    return tn_with_slack(tn_odd_lines(block_rows_most()) * depth_most(p));
}

int64_t tn_v_group_floats(void)
{
    int64_t group = GROUP * tn_gemm_kernel_in_use()->v * tn_max(tn_gemm_kernel_in_use()->kc, TN_DEPTH_IN_PLACE);
    return tn_with_slack(group > WIDE ? group : WIDE);
}

static int64_t sink_width(int64_t v)
{
    return (SINK_WIDTH + v - 1) / v * v;
}

int64_t tn_sink_block_floats(void)
{
    return block_rows_most() * sink_width(tn_gemm_kernel_in_use()->v);
}

_Static_assert(sizeof(void *) <= sizeof(int64_t) && sizeof(tn_tile_group) <= 3 * sizeof(int64_t), "places are words");

/** Runs of all rows of a block, at most. */
static int64_t places_most(void)
{
    return block_rows_most() * (TN_DEPTH_IN_PLACE / TN_RUN_LEAST);
}

/** In words: places, and what is told of groups of GROUP_LEAST rows or more. */
int64_t tn_places_floats(const tn_product *p)
{
    int64_t most = places_most(), words = most;
    if (!p->locate_a)
        return 0;
    if (p->locate_groups)
        words += most / GROUP_LEAST + 4 * (IN_PLACE_ROWS + TN_PANEL_LANES);
    return tn_with_slack(words * (int64_t)(sizeof(int64_t) / sizeof(float)));
}

tn_places tn_places_in(const tn_nest *nest, float *memory)
{
    int64_t most = places_most(), *words = (int64_t *)(void *)memory, *skips = words + most, *at = skips + most / GROUP_LEAST;
    tn_places places = {.rows = nest->run > 0 ? (const float **)(void *)memory : NULL};
    if (!nest->p->locate_groups)
        return places;
    places.skips = skips;
    places.at = at;
    places.groups = (tn_tile_group *)(void *)(at + IN_PLACE_ROWS + TN_PANEL_LANES);
    return places;
}

/* ---- epilogue ---- */

/** The epilogue of a task, or of a part of it. */
static void finish(const tn_nest *nest, const tn_task *t)
{
    if (!t->finish)
        return;
    if (nest->turned)
        tn_finish_rows(nest->p, t->c, t->ldc, t->v_count, t->s0, t->s_count);
    else
        tn_finish_rows(nest->p, t->c, t->ldc, t->s_count, t->v0, t->v_count);
}

/** Give a complete block to the sink; t->c is its first element. */
static void hand_on(const tn_nest *nest, const tn_task *t)
{
    tn_block block = {t->s0, t->v0, t->s_count, t->v_count, t->c, t->ldc};
    if (nest->turned)
        block = (tn_block){t->v0, t->s0, t->v_count, t->s_count, t->c, t->ldc};
    nest->p->sink->take(nest->p->sink->context, &block);
}

/** Rows in groups have places of their own, counted from the first row of all. */
static float *element(const tn_nest *nest, const tn_task *t, int64_t s, int64_t v)
{
    if (nest->p->locate_groups)
        return t->c + v;
    return nest->turned ? t->c + v * t->ldc + s : t->c + s * t->ldc + v;
}

/* ---- tiles ---- */

/** c[v,s] = tile[s,v] + beta c[v,s]. */
static void put_turned(const tn_nest *nest, const float *tile, int64_t rows, int64_t cols, float beta, float *c,
                       int64_t ldc)
{
    const float *from[TN_PANEL_LANES];
    float turned[TN_PANEL_LANES * TN_PANEL_LANES];
    for (int64_t i = 0; i < nest->s; i++)
        from[i] = tile + i * nest->v;
    tn_conv_kernels()->interleave(from, nest->s, cols, turned);
    if (beta == 0.0f) {
        tn_conv_kernels()->copy_rows(turned, nest->s, rows, cols, ldc, c);
        return;
    }
    for (int64_t j = 0; j < cols; j++) {
        for (int64_t i = 0; i < rows; i++)
            c[j * ldc + i] = turned[j * nest->s + i] + beta * c[j * ldc + i];
    }
}

static void multiply_tile(const tn_nest *nest, int64_t rows, int64_t cols, int64_t kn, const float *s_panel,
                          const float *v_panel, float beta, float *c, int64_t ldc)
{
    _Alignas(64) float tile[TN_PANEL_LANES * TN_PANEL_LANES];
    if (!nest->turned) {
        tn_gemm_tile(rows, cols, kn, nest->p->alpha, s_panel, v_panel, beta, c, ldc);
        return;
    }
    tn_gemm_tile(nest->s, nest->v, kn, nest->p->alpha, s_panel, v_panel, 0.0f, tile, nest->v);
    put_turned(nest, tile, rows, cols, beta, c, ldc);
}

/** What is packed next: fetched into the L2 cache little by little while tiles are multiplied. */
typedef struct ahead {
    tn_region s, v; /* no rows: nothing */
    int64_t part, parts;
} ahead;

/** The part of it that is due in a tile: first parts of one side, then of the other. */
static tn_region next_part(ahead *next)
{
    int64_t s = next->s.rows * next->s.width, all = s + next->v.rows * next->v.width;
    int64_t s_parts = all > 0 ? next->parts * s / all : 0, part = next->part++, parts = s_parts;
    tn_region region = next->s;
    if (all <= 0 || part >= next->parts)
        return (tn_region){0};
    if (part >= s_parts) {
        part -= s_parts;
        parts = next->parts - s_parts;
        region = next->v;
    }
    int64_t first = region.rows * part / parts;
    region.data += first * region.stride;
    region.rows = region.rows * (part + 1) / parts - first;
    return region;
}

static void fetch(const tn_region *region)
{
    for (int64_t i = 0; i < region->rows; i++) {
        for (int64_t j = 0; j < region->width; j += 16)
            __builtin_prefetch(region->data + i * region->stride + j, 0, 2);
    }
}

/** Tiles of row i of a block, from column j to `last`, one after another. */
static void multiply_apart(const tn_nest *nest, const tn_task *t, const tn_slab *d, const tn_task_buffers *buffers,
                           ahead *next, int64_t i, int64_t j, int64_t last)
{
    int64_t rows = tn_min(nest->s, t->s_count - i);
    for (; j < last; j += nest->v) {
        tn_region part = next_part(next);
        multiply_tile(nest, rows, tn_min(nest->v, last - j), d->kn, buffers->s_block + i * d->kn,
                      d->v_panels + j * d->kn, d->beta, element(nest, t, i, j), t->ldc);
        fetch(&part);
    }
}

#define FEW_ROWS 72   /* of a block that asks for panels ahead */
#define FAR (3 << 16) /* floats of a vector side that the L2 cache does not keep */

/** What few tiles ask for: the packed panels behind column `last`, as many as they have themselves. With few rows
 * panels go through the core so fast that the hardware fetches them too late. */
static tn_region panels_behind(const tn_nest *nest, const tn_task *t, const tn_slab *d, int64_t first, int64_t last)
{
    bool adjoin = last < t->v_count || (d->left > 0 && t->v_count == nest->v_count); /* there, or at the next depth */
    if (t->s_count > FEW_ROWS || !nest->packed || nest->v_count * nest->p->k < FAR || !adjoin)
        return (tn_region){0};
    const float *from = d->v_panels + tn_round_up(last, nest->v) * d->kn;
    int64_t left = nest->packed + tn_round_up(nest->v_count, nest->v) * nest->p->k - from;
    return (tn_region){from, tn_min((last - first) * d->kn, left) / TN_LINE, TN_LINE, TN_LINE};
}

/** Of columns that are read where they lie, those behind column `last`, or the first ones of the next block of rows or at the
 *  next depth. */
static tn_region columns_behind(const tn_task *t, const tn_slab *d, int64_t last)
{
    if (last < t->v_count)
        return tn_find_strided(d->v_panels + last, 1, d->v_step, tn_min(OWN_COLUMNS, t->v_count - last), d->kn);
    int64_t cols = tn_min(OWN_COLUMNS, t->v_count);
    if (d->again)
        return tn_find_strided(d->v_panels, 1, d->v_step, cols, d->kn);
    const float *below = d->v_panels + (d->left > 0 ? d->kn * d->v_step : 0);
    return tn_find_strided(below, 1, d->v_step, cols, tn_min(d->kn, d->left));
}

/** What a call of our own tiles asks for. */
static tn_region region_ahead(const tn_nest *nest, const tn_task *t, const tn_slab *d, ahead *next, int64_t first,
                              int64_t last)
{
    if (nest->run > 0)
        return panels_behind(nest, t, d, first, last);
    return nest->lies ? columns_behind(t, d, last) : next_part(next);
}

/** Columns of panels under which all rows of a block pass. */
static int64_t group_of(const tn_nest *nest)
{
    return nest->own ? tn_max(OWN_COLUMNS, nest->v) : GROUP * nest->v;
}

/** Rows of a call: those of a tile of BLIS's; a few of packed panels, so that what is packed next is asked for in parts;
 *  all that are read in place. */
static int64_t rows_of_call(const tn_nest *nest, const tn_task *t)
{
    if (!nest->own)
        return nest->s;
    return nest->run > 0 || nest->along ? t->s_count : OWN_PANELS * nest->s;
}

/** All tiles of a block of the scalar side, wherever it is, under panels of the vector side or what lies in their place. */
static void multiply_panels(const tn_nest *nest, const tn_task *t, const tn_slab *d, tn_task_buffers *buffers,
                            ahead *next)
{
    int64_t group = group_of(nest);
    for (int64_t first = 0; first < t->v_count; first += group) {
        int64_t last = tn_min(first + group, t->v_count);
        for (int64_t i = 0, rows = rows_of_call(nest, t); i < t->s_count; i += rows) {
            if (nest->own) {
                tn_region part = region_ahead(nest, t, d, next, first, last);
                tn_multiply_own(nest, t, d, buffers, &part, i, tn_min(rows, t->s_count - i), first, last - first);
            } else {
                multiply_apart(nest, t, d, buffers, next, i, first, last);
            }
        }
    }
}

/* ---- blocks ---- */

static void prepare_block(const tn_nest *nest, const tn_task *t, int64_t k0, int64_t kn, tn_task_buffers *buffers)
{
    if (nest->p->locate_groups)
        nest->p->locate_groups(nest->p->a, t->s0, t->s_count, &(tn_run_range){k0, nest->run, kn / nest->run, nest->v},
                               &buffers->places);
    else if (nest->run > 0)
        nest->p->locate_a(nest->p->a, t->s0, t->s_count, k0, kn, nest->run, nest->s, buffers->s_block, buffers->places.rows);
    else if (!nest->along)
        tn_pack_s(nest, t->s0, t->s_count, k0, kn, buffers->s_block);
    else if (!nest->p->find_a)
        nest->p->pack_a(nest->p->a, t->s0, t->s_count, k0, kn, tn_odd_lines(t->s_count), buffers->s_block);
}

/** Where the rows of a block lie, panel after panel or all side by side. */
static void find_rows(const tn_nest *nest, const tn_task *t, int64_t k0, const tn_task_buffers *buffers, tn_slab *d)
{
    d->side = buffers->s_block;
    d->step = nest->along ? tn_odd_lines(t->s_count) : 0;
    if (nest->along && nest->p->find_a) {
        tn_region lies = nest->p->find_a(nest->p->a, t->s0, t->s_count, k0, d->kn);
        d->side = lies.data;
        d->step = lies.stride;
    }
}

/** Where a task's columns lie: packed now or before, or as they were. */
static void find_columns(const tn_nest *nest, const tn_task *t, int64_t k0, const tn_task_buffers *buffers, tn_slab *d)
{
    d->v_panels = buffers->v_group;
    d->v_step = nest->v;
    d->v_apart = nest->v * d->kn;
    if (nest->lies) {
        tn_region lies = nest->p->find_b(nest->p->b, t->v0, t->v_count, k0, d->kn);
        d->v_panels = lies.data;
        d->v_step = lies.stride;
        d->v_apart = nest->v;
    } else if (nest->packed) {
        d->v_panels = nest->packed + tn_packed_offset(nest, k0, d->kn, t->v0);
    } else {
        tn_pack_v(nest, t->v0, t->v_count, k0, d->kn, buffers->v_group);
    }
}

static int64_t width_in(const tn_nest *nest, int64_t floats)
{
    return tn_max(floats / nest->depth / nest->v, GROUP) * nest->v;
}

int64_t tn_wide(const tn_nest *nest)
{
    return width_in(nest, WIDE);
}

/** Numbers of the vector side that are packed together; all that were packed before, or are not. */
static int64_t width_of(const tn_nest *nest, const tn_task *t)
{
    int64_t width = width_in(nest, t->s_count <= tn_block_rows(nest) ? NARROW : WIDE);
    if (nest->packed || nest->lies)
        width = t->v_count;
    return nest->p->sink ? tn_min(width, sink_width(nest->v)) : width;
}

/** The columns [v, v + width) of a task. Those that go to a sink are put together at the start of the task's block, one
 *  width after another. */
static tn_task columns_of(const tn_nest *nest, const tn_task *task, int64_t v, int64_t width)
{
    tn_task part = *task;
    part.v0 = task->v0 + v;
    part.v_count = tn_min(width, task->v_count - v);
    if (nest->p->sink)
        part.ldc = nest->turned ? tn_block_rows(nest) : sink_width(nest->v);
    else
        part.c = element(nest, task, 0, v);
    return part;
}

/** A task's blocks of k and of columns, one after another. The scalar side is one block: it is packed once for all
 *  columns. Otherwise, columns are packed once for all blocks. */
typedef struct place {
    bool one_block;
    int64_t v, width, k0;
} place;

/** Go on to what is packed after block `s` of the scalar side at a place; false: nothing is.
 *  @param packs_s  the block is, not only columns; packs_v: columns are */
static bool go_on(const tn_nest *nest, const tn_task *t, place *at, int64_t *s, bool *packs_s, bool *packs_v)
{
    *s += tn_block_rows(nest);
    *packs_v = *s >= t->s_count;
    *packs_s = true;
    if (!*packs_v)
        return true;
    *s = 0;
    if (at->one_block) {
        at->v += at->width;
        *packs_s = at->v >= t->v_count;
        at->k0 += *packs_s ? nest->depth : 0;
        at->v = *packs_s ? 0 : at->v;
    } else {
        at->k0 += nest->depth;
        at->v += at->k0 < t->k1 ? 0 : at->width;
        at->k0 = at->k0 < t->k1 ? at->k0 : t->k0;
    }
    return at->k0 < t->k1 && at->v < t->v_count;
}

/** What will be packed after block `s` at a place; of many columns, which would fill the L2 cache, nothing, and of what
 *  is near. */
static ahead ahead_of(const tn_nest *nest, const tn_task *t, const place *now, int64_t s)
{
    int64_t width = tn_min(now->width, t->v_count - now->v), rows = tn_min(tn_block_rows(nest), t->s_count - s);
    int64_t high = tn_min(rows_of_call(nest, t), rows), wide = nest->own ? group_of(nest) : nest->v;
    ahead next = {.parts = tn_ceil_div(rows, high) * tn_ceil_div(width, wide)};
    place at = *now;
    bool packs_s, packs_v;
    if (nest->along || (!tn_find_v(nest) && !tn_find_s(nest)) || !go_on(nest, t, &at, &s, &packs_s, &packs_v))
        return next;
    int64_t kn = tn_min(nest->depth, t->k1 - at.k0), cols = tn_min(at.width, t->v_count - at.v);
    if (tn_find_v(nest) && packs_v && !nest->packed && t->s_count <= tn_block_rows(nest))
        next.v = tn_find_v(nest)(tn_source_v(nest), t->v0 + at.v, cols, at.k0, kn);
    if (tn_find_s(nest) && packs_s)
        next.s = tn_find_s(nest)(tn_source_s(nest), t->s0 + s, tn_min(tn_block_rows(nest), t->s_count - s), at.k0, kn);
    return next;
}

/** The columns of a place at its depth, block by block of the scalar side. */
static void multiply_depth(const tn_nest *nest, const tn_task *task, const place *at, tn_task_buffers *buffers)
{
    int64_t rows = tn_block_rows(nest), k0 = at->k0, kn = tn_min(nest->depth, task->k1 - k0);
    tn_task columns = columns_of(nest, task, at->v, at->width);
    tn_slab d = {.kn = kn, .left = task->k1 - k0 - kn, .beta = k0 == task->k0 ? task->beta : 1.0f};
    find_columns(nest, &columns, k0, buffers, &d);
    for (int64_t s = 0; s < task->s_count; s += rows) {
        tn_task block = columns;
        ahead next = ahead_of(nest, task, at, s);
        block.s0 = task->s0 + s;
        block.s_count = tn_min(rows, task->s_count - s);
        block.c = element(nest, &columns, s, 0);
        if (!at->one_block || at->v == 0)
            prepare_block(nest, &block, k0, kn, buffers);
        find_rows(nest, &block, k0, buffers, &d);
        d.again = s + rows < task->s_count;
        multiply_panels(nest, &block, &d, buffers, &next);
        if (d.left == 0 && !tn_finishes_in_place(nest, &block))
            finish(nest, &block);
    }
    if (nest->p->sink && d.left == 0)
        hand_on(nest, &columns);
}

/** An empty sum. */
static void clear(const tn_nest *nest, const tn_task *t)
{
    int64_t rows = nest->turned ? t->v_count : t->s_count, cols = nest->turned ? t->s_count : t->v_count;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++)
            t->c[i * t->ldc + j] = t->beta == 0.0f ? 0.0f : t->beta * t->c[i * t->ldc + j];
    }
    finish(nest, t);
}

void tn_task_run(const tn_nest *nest, const tn_task *task, tn_task_buffers *buffers)
{
    buffers->copied = NULL;
    if (task->k0 >= task->k1) {
        clear(nest, task);
        return;
    }
    /* A sink gets columns with their whole sum. */
    bool one_depth = task->k1 - task->k0 <= nest->depth;
    place at = {task->s_count <= tn_block_rows(nest) && (!nest->p->sink || one_depth), 0, width_of(nest, task),
                task->k0};
    if (at.one_block) {
        for (; at.k0 < task->k1; at.k0 += nest->depth) {
            for (at.v = 0; at.v < task->v_count; at.v += at.width)
                multiply_depth(nest, task, &at, buffers);
        }
        return;
    }
    for (; at.v < task->v_count; at.v += at.width) {
        for (at.k0 = task->k0; at.k0 < task->k1; at.k0 += nest->depth)
            multiply_depth(nest, task, &at, buffers);
    }
}
