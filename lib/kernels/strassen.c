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
#include "kernels/strassen_parts.h"

#include "kernels/arithmetic.h"
#include "kernels/kernels.h"
#include "kernels/product.h"

enum { TAKES_A22 = 3, TAKES_B22 = 4 }; /* products that read a lower right quarter as it lies */
/* What products take of A: M2 A11 and M3 A22 as they lie. */
static const int of_a[TN_STRASSEN_PRODUCTS] = {SUM_11_22, SUM_21_22, NO_SUM, NO_SUM, SUM_11_12, SUM_21_11, SUM_12_22};

/** Rows [first, first + rows) of the upper half and, but for the last one of an odd number, of the lower; columns of both
 *  halves; a slab, and half of its k. */
typedef struct task {
    const float *a; /* of the image */
    float *c;
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
static const float *a_at(const tn_strassen_job *job, const task *t, bool low, int64_t i, bool right, int64_t k)
{
    const tn_strassen *p = job->p;
    int64_t row = t->first + i + (low ? job->cut.half_m : 0), at = k + (right ? t->half : 0);
    if (row >= p->m || at >= t->kn)
        return tn_zeros;
    return p->along_a ? t->a + (t->k0 + at) * p->a_stride + row : t->a + row * p->a_stride + t->k0 + at;
}

/** The five sums of a block of A, row by row or k by k. Of an odd number, the last one has nothing below. */
static void add_up(const tn_strassen_job *job, const task *t)
{
    bool along = job->p->along_a;
    int64_t count = along ? t->rows : t->half, both = along ? t->kn - t->half : t->lower, all = along ? t->half : t->rows;
    for (int64_t i = 0, rows = both; i < all; i += rows, rows = all - both) {
        int64_t row = along ? 0 : i, k = along ? i : 0;
        const float *const from[4] = {a_at(job, t, false, row, false, k), a_at(job, t, false, row, true, k),
                                      a_at(job, t, true, row, false, k), a_at(job, t, true, row, true, k)};
        float *to[TN_STRASSEN_SUMS];
        for (int j = 0; j < TN_STRASSEN_SUMS; j++)
            to[j] = t->sums + j * TN_STRASSEN_SUM_ROOM + i * job->cut.pitch;
        tn_conv_kernels()->strassen_sums(from, job->p->a_stride, to, job->cut.pitch, rows, count);
    }
}

/** Where the rows of each product lie. */
static void find_rows(const tn_strassen_job *job, const task *t)
{
    for (int j = 0; j < TN_STRASSEN_PRODUCTS && !job->p->along_a; j++) {
        const float **places = t->places + j * TN_STRASSEN_ROWS;
        for (int64_t i = 0; i < t->rows; i++)
            places[i] = of_a[j] == NO_SUM ? a_at(job, t, j == TAKES_A22, i, j == TAKES_A22, 0)
                                          : t->sums + of_a[j] * TN_STRASSEN_SUM_ROOM + i * job->cut.pitch;
    }
}

/** Number 0 of a column of B as it lies, in the upper or the lower half of the slab. */
static const float *b_at(const tn_strassen_job *job, const task *t, bool low, int64_t col)
{
    return job->p->b + (t->k0 + (low ? t->half : 0)) * job->p->b_stride + col;
}

static void multiply(const tn_strassen_job *job, const task *t, int j, int64_t col, int64_t cols)
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes, size = t->half * lanes;
    const float *v = t->panels + j * t->set + (col - t->panel) / lanes * size;
    tn_tile_rows rows = {.count = t->rows, .group = job->tile->widest_rows, .runs = 1, .run = t->half};
    if (p->along_a) {
        bool lies = of_a[j] == NO_SUM;
        rows.group = t->rows;
        rows.side = lies ? a_at(job, t, j == TAKES_A22, 0, j == TAKES_A22, 0) : t->sums + of_a[j] * TN_STRASSEN_SUM_ROOM;
        rows.step = lies ? p->a_stride : job->cut.pitch;
        rows.run = j == TAKES_A22 || j == TAKES_B22 ? t->kn - t->half : t->half; /* an odd k has nothing there */
        rows.v_step = lanes;
        rows.v_apart = size;
        if (tn_strassen_of_b[j] == NO_SUM) {
            v = b_at(job, t, j == TAKES_B22 && rows.run > 0, col + (j == TAKES_B22 ? job->cut.half_n : 0));
            rows.v_step = p->b_stride;
            rows.v_apart = lanes;
        }
    } else {
        rows.places = t->places + j * TN_STRASSEN_ROWS;
    }
    job->tile->multiply(&rows, v, &(tn_tile_end){0}, cols, t->products + j * TN_STRASSEN_PRODUCT_ROOM, cols);
}

static void put_together(const tn_strassen_job *job, const task *t, int64_t col, int64_t cols)
{
    const tn_strassen *p = job->p;
    float *c = t->c + t->first * p->ldc + col;
    bool finishes = t->ends && !p->add, known = p->activation == TN_LINEAR || p->activation == TN_RELU;
    const tn_strassen_end end = {.products = t->products,
                                 .apart = TN_STRASSEN_PRODUCT_ROOM,
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
static void run_block(const tn_strassen_job *job, const task *t)
{
    add_up(job, t);
    find_rows(job, t);
    for (int64_t col = t->col, cols; col < t->col + t->cols; col += cols) {
        cols = tn_min(TN_WIDEST_TILE, t->col + t->cols - col);
        for (int j = 0; j < TN_STRASSEN_PRODUCTS; j++)
            multiply(job, t, j, col, cols);
        put_together(job, t, col, cols);
    }
}

/** Where a slab's panels are; or make those of a task's columns. */
static void find_panels(const tn_strassen_job *job, int64_t slab, int64_t first, float *own, task *t)
{
    const tn_strassen_cut *c = &job->cut;
    int64_t lanes = job->tile->lanes;
    t->k0 = slab * c->depth;
    t->kn = tn_min(c->depth, job->p->k - t->k0);
    t->half = tn_ceil_div(t->kn, 2);
    if (!tn_strassen_own_b(job->p)) {
        t->set = c->half_n * (c->depth / 2);
        t->panels = job->panels + (slab - first) * c->slab;
        return;
    }
    t->set = t->cols * t->half;
    t->panel = t->col;
    t->panels = own;
    for (int64_t j = 0; j < t->cols; j += lanes)
        tn_strassen_pack_panels(job, slab, t->col + j, t->set, own + j * t->half);
}

/** A task's slabs [slab, last), whose panels are packed. */
static void run_task(const tn_strassen_job *job, int64_t number, int64_t slab, int64_t last, float *buffer)
{
    const tn_strassen *p = job->p;
    const tn_strassen_cut *c = &job->cut;
    int64_t row = number / c->parts, image = row / c->ranges * p->m;
    int64_t begin = row % c->ranges * c->rows, end = tn_min(begin + c->rows, c->half_m);
    task t = {.a = p->a + image * p->a_stride, .c = p->c + image * p->ldc, .col = number % c->parts * c->cols, .sums = buffer};
    t.products = buffer + TN_STRASSEN_SUMS * TN_STRASSEN_SUM_ROOM;
    float *rest = t.products + TN_STRASSEN_PRODUCTS * TN_STRASSEN_PRODUCT_ROOM;
    t.places = (const float **)(void *)rest;
    t.cols = tn_min(c->cols, c->half_n - t.col);
    for (int64_t i = slab; i < last; i++) {
        find_panels(job, i, slab, rest, &t);
        t.adds = i > 0;
        t.ends = i == c->slabs - 1;
        for (t.first = begin; t.first < end; t.first += c->block) {
            t.rows = tn_min(c->block, end - t.first);
            t.lower = tn_min(t.rows, p->m - c->half_m - t.first);
            run_block(job, &t);
        }
    }
}

/** Some slabs after others: panels first, unless they are there, then tasks as threads take them. Each thread takes one
 *  number too many. */
static void run_slabs(const tn_team *team, void *arg)
{
    tn_strassen_job *job = arg;
    const tn_strassen_cut *c = &job->cut;
    int64_t tasks = job->p->images * c->ranges * c->parts, base = 0;
    for (int64_t slab = 0; slab < c->slabs; slab += c->together, base += tasks + team->count) {
        int64_t last = tn_min(slab + c->together, c->slabs);
        if (job->packing) {
            tn_strassen_pack_slabs(job, team, slab, last, job->packing);
            tn_team_barrier(team);
        }
        for (;;) {
            int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed) - base;
            if (number >= tasks)
                break;
            run_task(job, number, slab, last, job->buffers + team->index * tn_strassen_buffer_floats(job->p));
        }
        if (last < c->slabs)
            tn_team_barrier(team);
    }
}

void tn_strassen_run(tn_pool *pool, const tn_strassen *p, void *scratch)
{
    if (p->images == 0)
        return;
    tn_strassen_job job = {.p = p, .tile = tn_conv_kernels()->tile, .panels = p->prepared, .buffers = scratch};
    job.cut = tn_strassen_cut_of(p, tn_pool_threads(pool));
    if (!p->prepared && !tn_strassen_own_b(p)) {
        job.panels = job.packing = scratch;
        job.buffers += tn_round_up(job.cut.together * job.cut.slab, TN_LINE);
    }
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_slabs, &job);
}
