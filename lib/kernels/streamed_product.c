/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products whose B passes through the caches once; see streamed_product.h.
 *
 *  A is copied first, in blocks of k, rows an odd number of cache lines apart: rows that lie 16 KB apart would share
 * sets of the L1 cache. Columns are shared out among the threads. A thread takes some panels of them and one block of k
 * after another:
 *
 *      A, a block of k          B, the same k                     sums of the group
 *      row 0   a a a a ..>k     panel | panel | panel | panel     [rows, columns]
 *      row 1   a a a a ..       packed [k][V]                     in the L2 cache until k is through
 *
 *  Packing a block in one go would wait for memory, and asking for a whole block in time is no help where its rows lie
 * a power of two apart: they push each other out of the L2 cache. So B is packed in small units, 16 k of one panel, a
 * few of them after each tile, into the buffer that is multiplied next; and the tile asks for the units after those
 * while it multiplies, line by line: the core would wait for a burst. */
#include "kernels/streamed_product.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/kernels.h"
#include "kernels/product.h"
#include "kernels/product_task.h"

#include <string.h>

#define LEAST_ROWS 16
#define MOST_ROWS 256     /* with more, blocks of A would leave the L2 cache */
#define LEAST_B (1 << 20) /* floats */
#define DEPTH 384         /* k of a block */
#define COLUMNS 128       /* of a group of panels, whatever the panels' width */
#define UNIT 16           /* k that are packed at once */
#define AHEAD 6           /* units between asking for memory and packing it */

/** A product, and one thread's place in it. */
typedef struct stream {
    const tn_matmul_args *args;
    const tn_direct_tile *tile;
    int64_t rows, row, block; /* of the copy of A: in whole tiles, from row to row, from block to block */
    int64_t width;            /* floats between rows of the sums */
    int64_t packed, buffer;   /* of a group of B; of all that a thread has */
    float *a, *buffers;
} stream;

/** A block of k of a group of columns. */
typedef struct step {
    int64_t col, cols, k0, kn;
} step;

static stream stream_of(int64_t m)
{
    stream s = {.tile = tn_conv_kernels()->direct};
    s.rows = tn_ceil_div(m, s.tile->rows) * s.tile->rows;
    s.row = tn_odd_lines(DEPTH);
    s.block = s.rows * s.row;
    s.width = tn_odd_lines(COLUMNS);
    s.packed = DEPTH * COLUMNS;
    s.buffer = 2 * s.packed + s.rows * s.width;
    return s;
}

static bool sizes_are_streamed(int64_t m, int64_t n, int64_t k)
{
    return m >= LEAST_ROWS && m <= MOST_ROWS && n >= COLUMNS && k >= DEPTH && n > LEAST_B / k;
}

bool tn_is_streamed(const tn_matmul_args *args)
{
    bool apart = args->a.col_stride == 1 && args->a.row_stride >= args->k;
    bool runs = args->b.col_stride == 1 || args->b.row_stride == 1;
    return sizes_are_streamed(args->m, args->n, args->k) && apart && runs && args->alpha == 1.0f &&
           args->beta == 0.0f && args->sink == NULL;
}

tn_status tn_streamed_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out)
{
    *out = 0;
    if (m < LEAST_ROWS || !sizes_are_streamed(LEAST_ROWS, n, k))
        return TN_OK;
    const stream s = stream_of(tn_min(m, MOST_ROWS));
    int64_t blocks = tn_ceil_div(k, DEPTH), floats, copy;
    if (!tn_mul_i64(blocks, s.block, &copy) || !tn_mul_i64(threads, s.buffer, &floats) ||
        !tn_add_i64(floats, copy, &floats) || !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a product of %lld x %lld weights does not fit", (long long)k,
                       (long long)n);
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

/* ---- A ---- */

/** Some rows of A, and zeros for those that tiles have beyond its last. */
static void copy_rows(const stream *s, int64_t first, int64_t last)
{
    const tn_matmul_args *args = s->args;
    for (int64_t i = first; i < last; i++) {
        for (int64_t k0 = 0; k0 < args->k; k0 += DEPTH) {
            float *to = s->a + k0 / DEPTH * s->block + i * s->row;
            size_t bytes = (size_t)tn_min(DEPTH, args->k - k0) * sizeof *to;
            if (i < args->m)
                memcpy(to, args->a.data + i * args->a.row_stride + k0, bytes);
            else
                memset(to, 0, bytes);
        }
    }
}

/* ---- B ---- */

static int64_t units_of(const stream *s, const step *at)
{
    return tn_ceil_div(at->cols, s->tile->lanes) * tn_ceil_div(at->kn, UNIT);
}

/** True where a column's numbers lie side by side. */
static bool runs_along_k(const stream *s)
{
    return s->args->b.row_stride == 1;
}

static const float *place_of(const stream *s, int64_t k, int64_t col)
{
    return s->args->b.data + k * s->args->b.row_stride + col * s->args->b.col_stride;
}

/** Where a unit lies: in the order of memory. */
static step unit_at(const stream *s, const step *at, int64_t unit)
{
    int64_t panels = tn_ceil_div(at->cols, s->tile->lanes), depth = tn_ceil_div(at->kn, UNIT);
    int64_t col = (runs_along_k(s) ? unit / depth : unit % panels) * s->tile->lanes;
    int64_t k = (runs_along_k(s) ? unit % depth : unit / panels) * UNIT;
    return (step){at->col + col, tn_min(s->tile->lanes, at->cols - col), at->k0 + k, tn_min(UNIT, at->kn - k)};
}

static void pack_unit(const stream *s, const step *at, int64_t unit, float *packed)
{
    const tn_matrix *b = &s->args->b;
    const step u = unit_at(s, at, unit);
    tn_pack_strided(place_of(s, u.k0, u.col), b->col_stride, b->row_stride, u.cols, u.kn, s->tile->lanes,
                    packed + (u.col - at->col) * at->kn + (u.k0 - at->k0) * s->tile->lanes);
}

/** Ask for a unit's memory at once. */
static void fetch_unit(const stream *s, const step *at, int64_t unit)
{
    const tn_matrix *b = &s->args->b;
    const step u = unit_at(s, at, unit);
    const tn_region region = tn_find_strided(place_of(s, u.k0, u.col), b->col_stride, b->row_stride, u.cols, u.kn);
    for (int64_t i = 0; i < region.rows; i++) {
        for (int64_t j = 0; j < region.width; j += TN_LINE)
            __builtin_prefetch(region.data + i * region.stride + j, 0, 2);
    }
}

/** Have a tile ask for rows of memory in equal parts of its depth. */
static void ask_for_rows(const tn_region *region, tn_tile_sides *sides)
{
    sides->next_b = region->data;
    sides->next_b_run = tn_max(1, sides->depth / region->rows);
    sides->next_b_step = tn_max(1, region->width / sides->next_b_run);
    sides->next_b_jump = region->stride - sides->next_b_run * sides->next_b_step;
}

/** Have a tile ask for `count` units from `unit` on: columns of one panel that lie along k, or rows of all columns. */
static void ask_for(const stream *s, const step *at, int64_t unit, int64_t count, tn_tile_sides *sides)
{
    const tn_matrix *b = &s->args->b;
    const step first = unit_at(s, at, unit);
    int64_t panels = tn_ceil_div(at->cols, s->tile->lanes), k = at->k0 + unit * UNIT / panels;
    const tn_region along = {place_of(s, first.k0, first.col), s->tile->lanes, count * UNIT, b->col_stride};
    const tn_region rows = {place_of(s, k, at->col), tn_ceil_div(count * UNIT, panels), at->cols, b->row_stride};
    ask_for_rows(runs_along_k(s) ? &along : &rows, sides);
}

/** The whole of the first step. */
static void pack_first(const stream *s, const step *at, float *packed)
{
    int64_t units = units_of(s, at);
    for (int64_t i = 0; i < units; i++) {
        if (i + AHEAD < units)
            fetch_unit(s, at, i + AHEAD);
        pack_unit(s, at, i, packed);
    }
}

/* ---- steps ---- */

/** The one after, within columns up to `end`; cols 0 after the last. */
static step step_after(const stream *s, const step *at, int64_t end)
{
    step next = *at;
    next.k0 += at->kn;
    if (next.k0 >= s->args->k) {
        next.k0 = 0;
        next.col += at->cols;
        next.cols = tn_min(COLUMNS, end - next.col);
    }
    next.kn = tn_min(DEPTH, s->args->k - next.k0);
    return next;
}

/** Have a tile ask for what will be packed after some units of the next step, which may be in the step after that. */
static void ask_ahead(const stream *s, const step *next, const step *after, int64_t done, int64_t share,
                      tn_tile_sides *sides)
{
    int64_t units = units_of(s, next), unit = done + AHEAD;
    sides->next_b_run = sides->next_b_step = 0;
    if (unit < units)
        ask_for(s, next, unit, share, sides);
    else if (after->cols > 0 && unit - units < units_of(s, after))
        ask_for(s, after, unit - units, share, sides);
}

/** Multiply a step; after each tile, pack a share of the next one. */
static void multiply(const stream *s, const step *at, const float *packed, float *sums, const step *next,
                     const step *after, float *next_packed)
{
    int64_t lanes = s->tile->lanes, panels = tn_ceil_div(at->cols, lanes), tiles = s->rows / s->tile->rows * panels;
    int64_t units = next->cols > 0 ? units_of(s, next) : 0, share = tn_ceil_div(units, tiles), done = 0;
    tn_tile_sides sides = {.a_stride = s->row, .b_stride = lanes, .depth = at->kn};
    const float *a = s->a + at->k0 / DEPTH * s->block;
    sides.next_a_step = tn_ceil_div(s->block, tiles * at->kn);
    sides.next_a = a + s->block;
    sides.next_b = packed;
    for (int64_t i = 0; i < s->args->m; i += s->tile->rows) {
        for (int64_t j = 0; j < panels; j++) {
            sides.a = a + i * s->row;
            sides.b = packed + j * lanes * at->kn;
            if (done < units)
                ask_ahead(s, next, after, done, share, &sides);
            s->tile->stream(&sides, s->args->m - i, at->k0 > 0, sums + i * s->width + j * lanes, s->width);
            sides.next_a += sides.next_a_step * at->kn;
            for (int64_t end = tn_min(done + share, units); done < end; done++)
                pack_unit(s, next, done, next_packed);
        }
    }
}

/** Complete sums to their place in C. */
static void finish(const stream *s, const step *at, const float *sums)
{
    const tn_matmul_args *args = s->args;
    const float *bias = args->bias ? args->bias + at->col : NULL;
    bool relu = args->activation == TN_RELU, other = !relu && args->activation != TN_LINEAR;
    for (int64_t i = 0; i < args->m; i++) {
        float *c = args->c + i * args->ldc + at->col;
        tn_conv_kernels()->finish(sums + i * s->width, bias, relu, c, at->cols);
        if (other)
            tn_activate(NULL, args->activation, c, c, at->cols);
    }
}

/** Columns [col, end), one step after another. */
static void run_columns(const stream *s, int64_t col, int64_t end, float *buffer)
{
    float *packed = buffer, *next_packed = buffer + s->packed, *sums = next_packed + s->packed;
    step at = {col, tn_min(COLUMNS, end - col), 0, tn_min(DEPTH, s->args->k)};
    pack_first(s, &at, packed);
    while (at.cols > 0) {
        const step next = step_after(s, &at, end), after = next.cols > 0 ? step_after(s, &next, end) : next;
        multiply(s, &at, packed, sums, &next, &after, next_packed);
        if (next.k0 == 0)
            finish(s, &at, sums);
        at = next;
        float *filled = next_packed;
        next_packed = packed;
        packed = filled;
    }
}

static void run_team(const tn_team *team, void *arg)
{
    const stream *s = arg;
    int64_t lanes = s->tile->lanes, first, last;
    tn_team_range(team, s->rows, &first, &last);
    copy_rows(s, first, last);
    tn_team_barrier(team);
    tn_team_range(team, tn_ceil_div(s->args->n, lanes), &first, &last);
    if (first < last)
        run_columns(s, first * lanes, tn_min(last * lanes, s->args->n), s->buffers + team->index * s->buffer);
}

void tn_streamed_product(tn_pool *pool, const tn_matmul_args *args, void *scratch)
{
    stream s = stream_of(args->m);
    s.args = args;
    s.a = scratch;
    s.buffers = s.a + tn_ceil_div(args->k, DEPTH) * s.block;
    tn_pool_run(pool, run_team, &s);
}
