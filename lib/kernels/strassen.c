/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One step of Strassen's product: with A, B and C in quarters,
 *
 *      M0 = (A11 + A22)(B11 + B22)     M4 = (A11 + A12) B22             C11 = M0 + M3 - M4 + M6
 *      M1 = (A21 + A22) B11            M5 = (A21 - A11)(B11 + B12)      C12 = M2 + M4
 *      M2 = A11 (B12 - B22)            M6 = (A12 - A22)(B21 + B22)      C21 = M1 + M3
 *      M3 = A22 (B21 - B11)                                             C22 = M0 - M1 + M2 + M5
 *
 *  are seven products instead of eight. What is added costs less than the eighth where all sides are long enough.
 *
 *      B's halves, packed first, all seven         a block: some rows of both halves of A, five sums of them in a
 *      [slab of k][M][panel][k][V]                 buffer; under 64 columns seven products of these rows, which are
 *                                                  then put together, with bias and ReLU, where they belong in C
 *
 *  Sums are cut into slabs of k, each halved by itself. Every number of C is one task's, slab after slab: any number of
 *  threads gives the same bits. Where rows of A lie side by side and B is read once, each task adds up its columns of B for
 *  itself: what another core has just written comes from there more slowly than it is made.
 *  Source    Strassen, "Gaussian elimination is not optimal", 1969; that sums can be made where operands are packed, and
 *            results put together where they are written: Huang et al., "Strassen's algorithm reloaded", 2016 */
#include "kernels/strassen.h"

#include "base/memory.h"
#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kernels.h"
#include "kernels/product.h"
#include "kernels/product_cut.h"

#include <stdatomic.h>

#define DEPTH 1280             /* k of a slab, */
#define DEPTH_ALONG 512        /* and where rows of A lie side by side */
#define BLOCK (1 << 15)        /* numbers of a block of rows of A, by half a slab: its sums stay in the L2 cache */
#define ROWS_LEAST 24          /* of a block, */
#define ROWS_MOST 96           /* of each half, */
#define ROWS_MOST_ALONG 48     /* and where they lie side by side */
#define PACKED_MOST (2 << 20)  /* floats of B's halves that are packed together */
#define COLUMNS TN_WIDEST_TILE /* of C's halves that are put together */
#define ROWS_ROOM (ROWS_MOST + TN_PANEL_LANES) /* in whole groups, */
#define SUM_ROOM (BLOCK + (1 << 14))           /* and floats of a sum of A, in lines that share no sets */
#define OWN_COLUMNS 256        /* of each half of B that are added up by a task for itself */
#define WAIT 0.15              /* of a task that threads wait for in the end, where small ones cost nothing besides */
#define READ_COST 4.0          /* multiply-adds that it costs to read a number of B, */
#define SUM_COST 6.0           /* and to make a sum of A */

enum { PRODUCTS = TN_STRASSEN_PRODUCTS, SUMS = TN_STRASSEN_SUMS };

/* The sums of either side's quarters. */
enum { SUM_11_22, SUM_21_22, SUM_11_12, SUM_21_11, SUM_12_22, NO_SUM = -1 };
/* What products take of A: M2 A11 and M3 A22 as they lie; and of B: M1 B11 and M4 B22. */
static const int a_sums[PRODUCTS] = {SUM_11_22, SUM_21_22, NO_SUM, NO_SUM, SUM_11_12, SUM_21_11, SUM_12_22};
static const int b_sums[PRODUCTS] = {SUM_11_22, NO_SUM, SUM_12_22, SUM_21_11, NO_SUM, SUM_11_12, SUM_21_22};

/** Sizes. */
typedef struct cut {
    int64_t half_m, half_n;
    int64_t depth, slabs;  /* k of a slab: even; and how many there are, */
    int64_t slab, together; /* floats of a slab's panels, and how many slabs are packed together */
    int64_t block;         /* rows of each half whose sums are made at once */
    int64_t rows, ranges;  /* of each half: of a task, and how many tasks there are one under the other, */
    int64_t cols, parts;   /* and side by side */
    int64_t pitch;         /* of sums of A, from row to row, or k to k */
} cut;

typedef struct strassen_job {
    const tn_strassen *p;
    cut cut;
    const tn_own_tile *tile;
    const float *panels;
    float *packing; /* where they are packed first; NULL: that was done */
    float *buffers;
    atomic_llong next;
} strassen_job;

/* ---- sizes ---- */

static int64_t deepest(const tn_strassen *p)
{
    return p->along_a ? DEPTH_ALONG : DEPTH;
}

/** Each task makes what it needs of B, of which B11 and B22 are read as they lie, as rows of A are. */
static bool has_own_b(const tn_strassen *p)
{
    return p->along_a && !p->across_b;
}

/** Rows and columns of a task, and rows of its blocks. */
static void cut_into(const tn_strassen *p, tn_cut parts, cut *c)
{
    int64_t unit = tn_conv_kernels()->tile->widest_rows, most = tn_max(ROWS_LEAST, tn_min(BLOCK / (c->depth / 2), p->along_a ? ROWS_MOST_ALONG : ROWS_MOST));
    c->rows = tn_round_up(tn_ceil_div(c->half_m, parts.high), unit);
    c->ranges = tn_ceil_div(c->half_m, c->rows);
    c->block = tn_round_up(tn_ceil_div(c->rows, tn_ceil_div(c->rows, most)), unit);
    c->cols = tn_ceil_div(tn_ceil_div(c->half_n, COLUMNS), parts.wide) * COLUMNS;
    c->cols = has_own_b(p) ? tn_min(c->cols, OWN_COLUMNS) : c->cols;
    c->parts = tn_ceil_div(c->half_n, c->cols);
    c->pitch = tn_odd_lines(p->along_a ? c->block : c->depth / 2);
}

typedef struct cutting {
    const tn_strassen *p;
    cut *cut;
} cutting;

/** Multiply-adds for each k of half a slab, of the thread that has most of the tasks: those of tiles, and what it takes to add
 *  up rows of A, and columns of B or to read those. */
static double cost_of_cut(void *context, tn_cut parts, int threads)
{
    const cutting *now = context;
    cut *c = now->cut;
    cut_into(now->p, parts, c);
    double rows = (double)c->rows, cols = (double)tn_min(c->cols, c->half_n);
    double of_b = has_own_b(now->p) ? SUMS * SUM_COST : PRODUCTS * READ_COST;
    double rounds = tn_rounds(c->ranges * c->parts, threads) + (threads > 1 && !has_own_b(now->p) ? WAIT : 0.0);
    return (PRODUCTS * rows * cols + SUMS * SUM_COST * rows + of_b * cols) * rounds;
}

int64_t tn_strassen_depth(const tn_strassen *p)
{
    return tn_round_up(tn_ceil_div(p->k, tn_ceil_div(p->k, deepest(p))), 2);
}

static cut cut_of(const tn_strassen *p, int threads)
{
    cut c = {.half_m = tn_ceil_div(p->m, 2), .half_n = p->n / 2, .slabs = tn_ceil_div(p->k, deepest(p))};
    c.depth = tn_strassen_depth(p);
    c.slab = PRODUCTS * c.half_n * (c.depth / 2);
    c.together = p->prepared || has_own_b(p) ? c.slabs : tn_min(c.slabs, tn_max(1, PACKED_MOST / c.slab));
    tn_cut most = {tn_ceil_div(c.half_m, tn_conv_kernels()->tile->widest_rows), tn_ceil_div(c.half_n, COLUMNS)};
    cutting now = {p, &c};
    int64_t least = has_own_b(p) ? 1 : tn_ceil_div(c.half_m, ROWS_MOST);
    cut_into(p, tn_cheapest_cut(least, most, 1, threads, cost_of_cut, &now), &c);
    return c;
}

/** Floats of a thread, whatever the sizes are: sums of A, seven products, and where rows lie or sums of B. */
static int64_t buffer_floats(const tn_strassen *p)
{
    int64_t places = PRODUCTS * ROWS_ROOM * (int64_t)(sizeof(void *) / sizeof(float));
    int64_t own = PRODUCTS * OWN_COLUMNS * DEPTH_ALONG / 2;
    return SUMS * SUM_ROOM + PRODUCTS * ROWS_ROOM * COLUMNS + (has_own_b(p) ? own : places);
}

bool tn_strassen_fits(const tn_strassen *p)
{
    const tn_own_tile *tile = tn_conv_kernels()->tile;
    bool own = tile->lanes == tn_gemm_kernel_in_use()->v;
    return own && p->m > 0 && p->k > 1 && p->n > 0 && p->n % (2 * tile->lanes) == 0 && (p->along_a ? p->m : p->k) % 2 == 0;
}

/** Of B's halves, all of them or as many as are packed together; no less for a larger k. */
static bool panel_floats(const tn_strassen *p, bool all, int64_t *out)
{
    int64_t halves = p->k / 2 + tn_ceil_div(p->k, deepest(p)), slab = tn_min(p->k / 2 + 1, deepest(p) / 2), whole;
    if (!tn_mul_i64(p->n / 2, PRODUCTS, &slab) || !tn_mul_i64(slab, halves, &whole))
        return false;
    slab *= tn_min(p->k / 2 + 1, deepest(p) / 2);
    *out = all ? whole : tn_min(whole, tn_max(PACKED_MOST, slab));
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
    bool fits = prepared || has_own_b(p) || panel_floats(p, false, &panels);
    if (!fits || !tn_mul_i64(buffer_floats(p), threads, &floats) || !tn_add_i64(floats, panels, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a product [%lld,%lld] does not fit", (long long)p->m, (long long)p->n);
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

/* ---- B ---- */

/** Columns [first, first + lanes) of B, k from k0, kn of them and then zeros, as a panel of `half` k. */
static void pack_quarter(const strassen_job *job, int64_t first, int64_t k0, int64_t kn, int64_t half, float *out)
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes;
    if (p->across_b)
        tn_pack_panel_across(p->b + first * p->b_stride + k0, p->b_stride, lanes, kn, lanes, out);
    else
        tn_pack_along(p->b + k0 * p->b_stride + first, p->b_stride, lanes, kn, lanes, out);
    for (int64_t i = kn * lanes; i < half * lanes; i++)
        out[i] = 0.0f;
}

/** Panels of B's sums from the quarters as they lie; the last k of the lower ones may not be there. */
static void add_lying(const strassen_job *job, int64_t first, int64_t k0, int64_t kn, float *const to[SUMS])
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes, half = tn_ceil_div(kn, 2), low = kn - half;
    const float *upper = p->b + k0 * p->b_stride + first, *lower = upper + half * p->b_stride, *last = upper + low * p->b_stride;
    int64_t right = job->cut.half_n;
    const float *const from[4] = {upper, upper + right, lower, lower + right}, *const rest[4] = {last, last + right, tn_zeros, tn_zeros};
    float *ends[SUMS];
    for (int i = 0; i < SUMS; i++)
        ends[i] = to[i] + low * lanes;
    tn_conv_kernels()->strassen_sums(from, p->b_stride, to, lanes, low, lanes);
    tn_conv_kernels()->strassen_sums(rest, 0, ends, 0, half - low, lanes);
}

/** A panel of each of B's seven, from column `first` of both halves; `set` floats apart. */
static void pack_panels(const strassen_job *job, int64_t slab, int64_t first, int64_t set, float *out)
{
    int64_t k0 = slab * job->cut.depth, kn = tn_min(job->cut.depth, job->p->k - k0), half = tn_ceil_div(kn, 2);
    float *to[SUMS];
    for (int j = 0; j < PRODUCTS; j++) {
        if (b_sums[j] >= 0)
            to[b_sums[j]] = out + j * set;
    }
    if (has_own_b(job->p)) {
        add_lying(job, first, k0, kn, to);
        return;
    }
    /* What is no panel itself lies where a sum will be, which begins with it. */
    float *b11 = out + set, *b22 = out + 4 * set, *b12 = to[SUM_12_22], *b21 = to[SUM_21_11];
    pack_quarter(job, first, k0, half, half, b11);
    pack_quarter(job, first + job->cut.half_n, k0, half, half, b12);
    pack_quarter(job, first, k0 + half, kn - half, half, b21);
    pack_quarter(job, first + job->cut.half_n, k0 + half, kn - half, half, b22);
    tn_conv_kernels()->strassen_sums((const float *const[4]){b11, b12, b21, b22}, 0, to, 0, 1, half * job->tile->lanes);
}

/** Panels of some slabs, shared out. */
static void pack_slabs(const strassen_job *job, const tn_team *team, int64_t slab, int64_t last, float *out)
{
    int64_t panels = job->cut.half_n / job->tile->lanes, size = job->cut.depth / 2 * job->tile->lanes, begin, end;
    tn_team_range(team, (last - slab) * panels, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t half = tn_ceil_div(tn_min(job->cut.depth, job->p->k - (slab + i / panels) * job->cut.depth), 2);
        float *to = out + i / panels * job->cut.slab + i % panels * half * job->tile->lanes;
        pack_panels(job, slab + i / panels, i % panels * job->tile->lanes, panels * size, to);
    }
}

/* ---- tasks ---- */

/** Rows [first, first + rows) of the upper half and, but for the last one of an odd number, of the lower; columns of both
 *  halves; a slab, and half of its k. */
typedef struct task {
    int64_t first, rows, lower;
    int64_t col, cols;
    int64_t k0, kn, half;
    const float *panels;  /* of the slab; column `panel` is their first */
    int64_t set, panel;   /* from a set of them to the next */
    bool adds, ends;      /* the slab is not the first, is the last */
    float *sums, *products;
    const float **places;
} task;

/** Number k of row i of A, counted in halves: zeros beyond the last. */
static const float *a_at(const strassen_job *job, const task *t, bool low, int64_t i, bool right, int64_t k)
{
    const tn_strassen *p = job->p;
    int64_t row = t->first + i + (low ? job->cut.half_m : 0), at = k + (right ? t->half : 0);
    if (row >= p->m || at >= t->kn)
        return tn_zeros;
    return p->along_a ? p->a + (t->k0 + at) * p->a_stride + row : p->a + row * p->a_stride + t->k0 + at;
}

/** The five sums of a block of A, row by row or k by k. Of an odd number, the last one has nothing below. */
static void add_up(const strassen_job *job, const task *t)
{
    bool along = job->p->along_a;
    int64_t count = along ? t->rows : t->half, both = along ? t->kn - t->half : t->lower, all = along ? t->half : t->rows;
    for (int64_t i = 0, rows = both; i < all; i += rows, rows = all - both) {
        int64_t row = along ? 0 : i, k = along ? i : 0;
        const float *const from[4] = {a_at(job, t, false, row, false, k), a_at(job, t, false, row, true, k),
                                      a_at(job, t, true, row, false, k), a_at(job, t, true, row, true, k)};
        float *to[SUMS];
        for (int j = 0; j < SUMS; j++)
            to[j] = t->sums + j * SUM_ROOM + i * job->cut.pitch;
        tn_conv_kernels()->strassen_sums(from, job->p->a_stride, to, job->cut.pitch, rows, count);
    }
}

/** Where the rows of each product lie. */
static void find_rows(const strassen_job *job, const task *t)
{
    for (int j = 0; j < PRODUCTS && !job->p->along_a; j++) {
        const float **places = t->places + j * ROWS_ROOM;
        for (int64_t i = 0; i < ROWS_ROOM; i++) {
            const float *own = i < t->rows ? a_at(job, t, j == 3, i, j == 3, 0) : tn_zeros;
            places[i] = a_sums[j] >= 0 && i < t->rows ? t->sums + a_sums[j] * SUM_ROOM + i * job->cut.pitch : own;
        }
    }
}

static void multiply(const strassen_job *job, const task *t, int j, int64_t col, int64_t cols)
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes, size = t->half * lanes;
    const float *v = t->panels + j * t->set + (col - t->panel) / lanes * size;
    tn_tile_rows rows = {.count = t->rows, .group = job->tile->widest_rows, .runs = 1, .run = t->half};
    if (p->along_a) {
        bool lies = a_sums[j] < 0;
        rows.group = t->rows;
        rows.side = lies ? a_at(job, t, j == 3, 0, j == 3, 0) : t->sums + a_sums[j] * SUM_ROOM;
        rows.step = lies ? p->a_stride : job->cut.pitch;
        rows.run = j == 3 ? t->kn - t->half : t->half;
        rows.v_step = lanes;
        rows.v_apart = size;
        if (b_sums[j] < 0) { /* B11, or B22 */
            v = p->b + (t->k0 + (j == 4 ? t->half : 0)) * p->b_stride + col + (j == 4 ? job->cut.half_n : 0);
            rows.run = j == 4 ? t->kn - t->half : t->half;
            rows.v_step = p->b_stride;
            rows.v_apart = lanes;
        }
    } else {
        rows.places = t->places + j * ROWS_ROOM;
    }
    job->tile->multiply(&rows, v, &(tn_tile_end){0}, cols, t->products + j * ROWS_ROOM * COLUMNS, cols);
}

static void put_together(const strassen_job *job, const task *t, int64_t col, int64_t cols)
{
    const tn_strassen *p = job->p;
    float *c = p->c + t->first * p->ldc + col;
    bool finishes = t->ends && !p->add, known = p->activation == TN_LINEAR || p->activation == TN_RELU;
    const tn_strassen_end end = {.products = t->products,
                                 .apart = ROWS_ROOM * COLUMNS,
                                 .right = job->cut.half_n,
                                 .below = job->cut.half_m * p->ldc,
                                 .ldc = p->ldc,
                                 .add = t->adds || p->add,
                                 .bias = finishes && p->bias ? p->bias + col : NULL,
                                 .relu = finishes && p->activation == TN_RELU};
    tn_conv_kernels()->strassen_end(&end, t->rows, t->lower, cols, c);
    for (int64_t i = 0; i < t->rows + t->lower && finishes && !known; i++) {
        float *row = c + (i < t->rows ? i * p->ldc : end.below + (i - t->rows) * p->ldc);
        tn_activate(NULL, p->activation, row, row, cols);
        tn_activate(NULL, p->activation, row + end.right, row + end.right, cols);
    }
}

/** A block of rows of a slab. */
static void run_block(const strassen_job *job, const task *t)
{
    add_up(job, t);
    find_rows(job, t);
    for (int64_t col = t->col, cols; col < t->col + t->cols; col += cols) {
        cols = tn_min(COLUMNS, t->col + t->cols - col);
        for (int j = 0; j < PRODUCTS; j++)
            multiply(job, t, j, col, cols);
        put_together(job, t, col, cols);
    }
}

/** Where a slab's panels are; or make those of a task's columns. */
static void find_panels(const strassen_job *job, int64_t slab, int64_t first, float *own, task *t)
{
    const cut *c = &job->cut;
    int64_t lanes = job->tile->lanes;
    t->k0 = slab * c->depth;
    t->kn = tn_min(c->depth, job->p->k - t->k0);
    t->half = tn_ceil_div(t->kn, 2);
    t->set = c->half_n * (c->depth / 2);
    t->panels = job->panels + (slab - first) * c->slab;
    if (!has_own_b(job->p))
        return;
    t->set = t->cols * t->half;
    t->panel = t->col;
    t->panels = own;
    for (int64_t j = 0; j < t->cols; j += lanes)
        pack_panels(job, slab, t->col + j, t->set, own + j * t->half);
}

/** A task's slabs [slab, last), whose panels are packed. */
static void run_task(const strassen_job *job, int64_t number, int64_t slab, int64_t last, float *buffer)
{
    const cut *c = &job->cut;
    int64_t begin = number / c->parts * c->rows, end = tn_min(begin + c->rows, c->half_m);
    task t = {.col = number % c->parts * c->cols, .sums = buffer, .products = buffer + SUMS * SUM_ROOM};
    float *rest = t.products + PRODUCTS * ROWS_ROOM * COLUMNS;
    t.places = (const float **)(void *)rest;
    t.cols = tn_min(c->cols, c->half_n - t.col);
    for (int64_t i = slab; i < last; i++) {
        find_panels(job, i, slab, rest, &t);
        t.adds = i > 0;
        t.ends = i == c->slabs - 1;
        for (t.first = begin; t.first < end; t.first += c->block) {
            t.rows = tn_min(c->block, end - t.first);
            t.lower = tn_min(t.rows, job->p->m - c->half_m - t.first);
            run_block(job, &t);
        }
    }
}

/** Some slabs after others: panels first, unless they are there, then tasks as threads take them. Each thread takes one
 *  number too many. */
static void run_slabs(const tn_team *team, void *arg)
{
    strassen_job *job = arg;
    const cut *c = &job->cut;
    int64_t tasks = c->ranges * c->parts, base = 0;
    for (int64_t slab = 0; slab < c->slabs; slab += c->together, base += tasks + team->count) {
        int64_t last = tn_min(slab + c->together, c->slabs);
        if (job->packing) {
            pack_slabs(job, team, slab, last, job->packing);
            tn_team_barrier(team);
        }
        for (;;) {
            int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed) - base;
            if (number >= tasks)
                break;
            run_task(job, number, slab, last, job->buffers + team->index * buffer_floats(job->p));
        }
        if (last < c->slabs)
            tn_team_barrier(team);
    }
}

void tn_strassen_run(tn_pool *pool, const tn_strassen *p, void *scratch)
{
    strassen_job job = {.p = p, .tile = tn_conv_kernels()->tile, .panels = p->prepared, .buffers = scratch};
    job.cut = cut_of(p, tn_pool_threads(pool));
    if (!p->prepared && !has_own_b(p)) {
        job.panels = job.packing = scratch;
        job.buffers += tn_round_up(job.cut.together * job.cut.slab, TN_LINE);
    }
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_slabs, &job);
}

/* ---- B, packed once ---- */

static void run_packing(const tn_team *team, void *arg)
{
    const strassen_job *job = arg;
    pack_slabs(job, team, 0, job->cut.slabs, job->packing);
}

void tn_strassen_prepare(tn_pool *pool, const tn_strassen *p, float *out)
{
    strassen_job job = {.p = p, .tile = tn_conv_kernels()->tile, .packing = out};
    job.cut = cut_of(p, 1);
    tn_pool_run(pool, run_packing, &job);
}
