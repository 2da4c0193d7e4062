/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Strassen's product: what fits, its scratch, and how it is cut into slabs of k, tasks and blocks of rows. */
#include "kernels/strassen_parts.h"

#include "base/memory.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"
#include "kernels/product_cut.h"

#define WHOLE 32               /* columns: panels of any instruction set, whose lanes divide it, so that all can do the same */
#define DEPTH 1280             /* k of a slab, */
#define DEPTH_ALONG 512        /* and where rows of A lie side by side */
#define ROWS_LEAST 24          /* of each half in a block, */
#define ROWS_MOST 96           /* at most, */
#define ROWS_MOST_ALONG 48     /* and where they lie side by side */
#define PACKED_MOST (2 << 20)  /* floats of B's halves that are packed together */
#define OWN_COLUMNS 256        /* of each half of B that are added up by a task for itself */
#define WAIT 0.15              /* of a task that threads wait for in the end, where small ones cost nothing besides */
#define READ_COST 4.0          /* multiply-adds that it costs to read a number of B, */
#define SUM_COST 6.0           /* and to make a sum of A */

_Static_assert(ROWS_MOST + TN_PANEL_LANES <= TN_STRASSEN_ROWS, "a block and a group fit");
_Static_assert(DEPTH / 2 <= TN_RUN_MOST && DEPTH_ALONG / 2 <= TN_RUN_MOST, "half a slab of zeros can be read");

static int64_t deepest(const tn_strassen *p)
{
    return p->along_a ? DEPTH_ALONG : DEPTH;
}

/** Rows and columns of a task, and rows of its blocks. */
static void cut_into(const tn_strassen *p, tn_cut parts, tn_strassen_cut *c)
{
    int64_t unit = tn_conv_kernels()->tile->widest_rows, most = p->along_a ? ROWS_MOST_ALONG : ROWS_MOST;
    most = tn_max(ROWS_LEAST, tn_min(TN_STRASSEN_BLOCK / (c->depth / 2), most));
    c->rows = tn_round_up(tn_ceil_div(c->half_m, parts.high), unit);
    c->ranges = tn_ceil_div(c->half_m, c->rows);
    c->block = tn_round_up(tn_ceil_div(c->rows, tn_ceil_div(c->rows, most)), unit);
    c->cols = tn_ceil_div(tn_ceil_div(c->half_n, TN_WIDEST_TILE), parts.wide) * TN_WIDEST_TILE;
    c->cols = tn_strassen_own_b(p) ? tn_min(c->cols, OWN_COLUMNS) : c->cols;
    c->parts = tn_ceil_div(c->half_n, c->cols);
    c->pitch = tn_odd_lines(p->along_a ? c->block : c->depth / 2);
}

typedef struct cutting {
    const tn_strassen *p;
    tn_strassen_cut *cut;
} cutting;

/** Multiply-adds for each k of half a slab, of the thread that has most of the tasks: those of tiles, and what it takes to add
 *  up rows of A, and columns of B or to read those. */
static double cost_of_cut(void *context, tn_cut parts, int threads)
{
    const cutting *now = context;
    tn_strassen_cut *c = now->cut;
    cut_into(now->p, parts, c);
    double rows = (double)c->rows, cols = (double)tn_min(c->cols, c->half_n);
    double of_b = tn_strassen_own_b(now->p) ? TN_STRASSEN_SUMS * SUM_COST : TN_STRASSEN_PRODUCTS * READ_COST;
    double rounds = tn_rounds(now->p->images * c->ranges * c->parts, threads);
    rounds += threads > 1 && !tn_strassen_own_b(now->p) ? WAIT : 0.0;
    return (TN_STRASSEN_PRODUCTS * rows * cols + TN_STRASSEN_SUMS * SUM_COST * rows + of_b * cols) * rounds;
}

int64_t tn_strassen_depth(const tn_strassen *p)
{
    return tn_round_up(tn_ceil_div(p->k, tn_ceil_div(p->k, deepest(p))), 2);
}

tn_strassen_cut tn_strassen_cut_of(const tn_strassen *p, int threads)
{
    tn_strassen_cut c = {.half_m = tn_ceil_div(p->m, 2), .half_n = p->n / 2, .slabs = tn_ceil_div(p->k, deepest(p))};
    c.depth = tn_strassen_depth(p);
    c.slab = TN_STRASSEN_PRODUCTS * c.half_n * (c.depth / 2);
    c.together = p->prepared || tn_strassen_own_b(p) ? c.slabs : tn_min(c.slabs, tn_max(1, PACKED_MOST / c.slab));
    tn_cut most = {tn_ceil_div(c.half_m, tn_conv_kernels()->tile->widest_rows), tn_ceil_div(c.half_n, TN_WIDEST_TILE)};
    cutting now = {p, &c};
    int64_t least = tn_strassen_own_b(p) ? 1 : tn_ceil_div(c.half_m, ROWS_MOST);
    cut_into(p, tn_cheapest_cut(least, most, p->images, threads, cost_of_cut, &now), &c);
    return c;
}

int64_t tn_strassen_buffer_floats(const tn_strassen *p)
{
    int64_t places = TN_STRASSEN_PRODUCTS * TN_STRASSEN_ROWS * (int64_t)(sizeof(void *) / sizeof(float));
    int64_t own = TN_STRASSEN_PRODUCTS * OWN_COLUMNS * DEPTH_ALONG / 2;
    int64_t block = TN_STRASSEN_SUMS * TN_STRASSEN_SUM_ROOM + TN_STRASSEN_PRODUCTS * TN_STRASSEN_PRODUCT_ROOM;
    return block + (tn_strassen_own_b(p) ? own : places);
}

bool tn_strassen_fits(const tn_strassen *p)
{
    return p->m > 0 && p->k > 1 && p->n > 0 && p->n % (2 * WHOLE) == 0 && (p->along_a ? p->m : p->k) % 2 == 0;
}

/** Of B's halves, all of them or as many as are packed together; no less for a larger k. */
static bool panel_floats(const tn_strassen *p, bool all, int64_t *out)
{
    int64_t halves = p->k / 2 + tn_ceil_div(p->k, deepest(p)), slab = tn_min(p->k / 2 + 1, deepest(p) / 2);
    int64_t each = p->n / 2, whole;
    if (!tn_mul_i64(each, TN_STRASSEN_PRODUCTS, &each) || !tn_mul_i64(each, halves, &whole))
        return false;
    *out = all ? whole : tn_min(whole, tn_max(PACKED_MOST, each * slab));
    return true;
}

tn_status tn_strassen_prepared(const tn_strassen *p, size_t *bytes)
{
    int64_t floats;
    if (!panel_floats(p, true, &floats) || !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "halves of a matrix [%lld,%lld] do not fit", (long long)p->k, (long long)p->n);
    *bytes = tn_align_up((size_t)floats);
    return TN_OK;
}

tn_status tn_strassen_scratch(const tn_strassen *p, bool prepared, int threads, size_t *out)
{
    int64_t panels = 0, floats;
    bool fits = prepared || tn_strassen_own_b(p) || panel_floats(p, false, &panels);
    if (!fits || !tn_mul_i64(tn_strassen_buffer_floats(p), threads, &floats) || !tn_add_i64(floats, panels, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a product [%lld,%lld] does not fit", (long long)p->m, (long long)p->n);
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}
