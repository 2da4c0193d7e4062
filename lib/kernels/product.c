/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The loop nest of products; see product.h. */
#include "kernels/product.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kernels.h"

#include <stdatomic.h>
#include <string.h>

#define GROUP 8           /* vector-side panels packed together where they are used once: they stay in the L2 cache */
#define WIDE (1 << 18)    /* floats of the vector side packed together where several blocks of rows use them */
#define SPLIT_BELOW 65536 /* products with fewer results than this are cut along k */
#define SPLITS 8

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** The depth of a block: k in equal parts of at most the kernel's kc. */
static int64_t block_depth(int64_t k)
{
    int64_t parts = ceil_div(k, tn_gemm_kernel_in_use()->kc);
    return parts > 1 ? ceil_div(ceil_div(k, parts), 4) * 4 : k;
}

/** Rows of a scalar-side block: what the L2 cache holds, a multiple of S. */
static int64_t block_rows(void)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    return ceil_div(min_i64(kernel->mc, 192), kernel->s) * kernel->s;
}

int64_t tn_product_splits(int64_t m, int64_t n, int64_t k)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    if (ceil_div(m, kernel->s) * ceil_div(n, kernel->v) * kernel->s * kernel->v >= SPLIT_BELOW)
        return 1;
    int64_t parts = k / (4 * kernel->kc);
    return parts < 1 ? 1 : min_i64(parts, SPLITS);
}

/** How a product is cut into tasks. */
typedef struct partition {
    int64_t rows, cols, depth; /* of a task; depth is that of a split */
    int64_t row_tasks, col_tasks, tasks;
} partition;

/** Rows of a task: one block where the vector side is packed already, otherwise the more the better. */
static int64_t task_rows(const tn_product *p, int64_t wanted)
{
    int64_t lanes = tn_gemm_kernel_in_use()->s, most = block_rows(), rows = ceil_div(p->m, lanes) * lanes;
    if (!p->v_packed && !p->scatter)
        most = ceil_div(ceil_div(rows, ceil_div(wanted, p->splits)), most) * most;
    return min_i64(most, rows);
}

static partition cut(const tn_product *p, int threads)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    int64_t wanted = threads > 1 ? 4 * (int64_t)threads : 1, group = GROUP * kernel->v;
    partition cut = {.rows = task_rows(p, wanted), .cols = p->n};
    cut.row_tasks = ceil_div(p->m, cut.rows);
    cut.col_tasks = 1;
    while (!p->scatter && cut.row_tasks * cut.col_tasks * p->splits < wanted && cut.cols > group) {
        cut.cols = ceil_div(ceil_div(cut.cols, 2), group) * group;
        cut.col_tasks = ceil_div(p->n, cut.cols);
    }
    while (cut.row_tasks * cut.col_tasks * p->splits < wanted && cut.rows > 4 * kernel->s) {
        cut.rows = ceil_div(cut.rows / 2, kernel->s) * kernel->s;
        cut.row_tasks = ceil_div(p->m, cut.rows);
    }
    cut.depth = ceil_div(p->k, p->splits);
    cut.tasks = cut.row_tasks * cut.col_tasks * p->splits;
    return cut;
}

/** One thread's buffers, in floats. */
typedef struct buffers {
    float *s_block, *v_group, *own;
} buffers;

static size_t buffer_floats(size_t *s_block, size_t *v_group)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    size_t slack = TN_PANEL_SLACK / sizeof(float);
    *s_block = (size_t)(block_rows() * kernel->kc) + slack;
    *v_group = (size_t)(WIDE > GROUP * kernel->v * kernel->kc ? WIDE : GROUP * kernel->v * kernel->kc) + slack;
    *s_block = tn_align_up(*s_block * sizeof(float)) / sizeof(float);
    *v_group = tn_align_up(*v_group * sizeof(float)) / sizeof(float);
    return *s_block + *v_group;
}

tn_status tn_product_scratch(int64_t m, int64_t n, int64_t splits, bool own_block, int threads, size_t *out)
{
    size_t s_block, v_group, own = 0, partials = 0, bytes;
    size_t each = buffer_floats(&s_block, &v_group);
    bool fits = !own_block || tn_mul_size((size_t)block_rows(), (size_t)n, &own);
    fits = fits && tn_add_size(each, own, &each) && tn_mul_size(each, (size_t)threads, &each);
    if (splits > 1)
        fits = fits && tn_mul_size((size_t)m, (size_t)n, &partials) && tn_mul_size(partials, (size_t)splits, &partials);
    fits = fits && tn_add_size(each, partials, &bytes) && tn_mul_size(bytes, sizeof(float), &bytes) &&
           tn_add_size(bytes, (size_t)(threads + 1) * TN_ALIGNMENT, &bytes);
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a product [%lld,%lld] does not fit", (long long)m, (long long)n);
    *out = tn_align_up(bytes);
    return TN_OK;
}

tn_status tn_product_packed_size(int64_t n, int64_t k, int64_t *out)
{
    int64_t lanes = tn_gemm_kernel_in_use()->v, wide, size;
    if (!tn_add_i64(n, lanes, &wide) || !tn_mul_i64(wide / lanes * lanes + lanes, k, &size) ||
        !tn_add_i64(size, TN_PANEL_SLACK, out))
        return TN_FAIL(TN_ERR_OVERFLOW, "packed matrix [%lld,%lld] does not fit", (long long)k, (long long)n);
    return TN_OK;
}

/* ---- packing the vector side beforehand ---- */

typedef struct pack_job {
    const tn_product *product;
    float *packed;
} pack_job;

/** Where the panel of column `col` at depth k0 starts: blocks of k one after another, each with all panels. */
static int64_t packed_offset(const tn_product *p, int64_t k0, int64_t kn, int64_t col)
{
    int64_t lanes = tn_gemm_kernel_in_use()->v;
    return k0 * ceil_div(p->n, lanes) * lanes + col * kn;
}

static void pack_panels(const tn_team *team, void *arg)
{
    const pack_job *job = arg;
    const tn_product *p = job->product;
    int64_t lanes = tn_gemm_kernel_in_use()->v, depth = block_depth(p->k), first, last;
    tn_team_range(team, ceil_div(p->n, lanes), &first, &last);
    for (int64_t k0 = 0; k0 < p->k; k0 += depth) {
        int64_t kn = min_i64(depth, p->k - k0), col = first * lanes;
        if (last > first)
            p->pack_v(p->v_source, col, min_i64(last * lanes, p->n) - col, k0, kn,
                      job->packed + packed_offset(p, k0, kn, col));
    }
}

void tn_product_pack(tn_pool *pool, const tn_product *product, float *packed)
{
    tn_pool_run(pool, pack_panels, &(pack_job){product, packed});
}

/* ---- the nest ---- */

/** A task's place in C. */
typedef struct task {
    int64_t row, rows, col, cols, k0, k1;
    float *c;
    int64_t ldc;
    float beta;
} task;

/** All tiles of a packed block of rows under packed panels of columns. */
static void multiply_panels(const tn_product *p, const task *t, int64_t kn, const float *s_block, const float *v_panels,
                            float beta)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    int64_t group = GROUP * kernel->v;
    for (int64_t first = 0; first < t->cols; first += group) {
        int64_t last = min_i64(first + group, t->cols);
        for (int64_t i = 0; i < t->rows; i += kernel->s) {
            for (int64_t j = first; j < last; j += kernel->v)
                tn_gemm_tile(min_i64(kernel->s, t->rows - i), min_i64(kernel->v, last - j), kn, p->alpha,
                             s_block + i * kn, v_panels + j * kn, beta, t->c + i * t->ldc + j, t->ldc);
        }
    }
}

/** Bias and activation of a finished task. */
static void finish_rows(const tn_product *p, const task *t)
{
    bool relu = p->activation == TN_RELU, other = p->activation != TN_LINEAR && !relu;
    if (!p->bias && p->activation == TN_LINEAR)
        return;
    for (int64_t i = 0; i < t->rows; i++) {
        float *row = t->c + i * t->ldc;
        tn_conv_kernels()->finish(row, p->bias ? p->bias + t->col : NULL, relu, row, t->cols);
        if (other)
            tn_activate(NULL, p->activation, row, row, t->cols);
    }
}

static void clear_rows(const task *t)
{
    for (int64_t i = 0; i < t->rows; i++)
        memset(t->c + i * t->ldc, 0, (size_t)t->cols * sizeof *t->c);
}

/** Columns [col, col + cols) and a depth of k for all rows of the task, block by block. `panels` are
 *  those of these columns and this depth. */
static void multiply_depth(const tn_product *p, const task *t, int64_t k0, int64_t kn, int64_t col, int64_t cols,
                           const float *panels, const buffers *b)
{
    int64_t rows = block_rows();
    bool first = k0 == t->k0, last = k0 + kn == t->k1;
    for (int64_t row = 0; row < t->rows; row += rows) {
        task part = {.row = t->row + row, .rows = min_i64(rows, t->rows - row), .col = col, .cols = cols,
                     .c = t->c + row * t->ldc + (col - t->col), .ldc = t->ldc};
        p->pack_s(p->s_source, part.row, part.rows, k0, kn, b->s_block);
        multiply_panels(p, &part, kn, b->s_block, panels, first ? t->beta : 1.0f);
        if (last && p->splits == 1)
            finish_rows(p, &part);
    }
}

/** Columns whose panels are packed together. */
static int64_t task_cols(const tn_product *p, const task *t, int64_t depth)
{
    int64_t lanes = tn_gemm_kernel_in_use()->v;
    if (p->v_packed)
        return t->cols;
    if (t->rows <= block_rows())
        return GROUP * lanes;
    return WIDE / depth / lanes > GROUP ? WIDE / depth / lanes * lanes : GROUP * lanes;
}

static void run_task(const tn_product *p, const task *t, const buffers *b)
{
    int64_t depth = block_depth(p->splits > 1 ? ceil_div(p->k, p->splits) : p->k);
    if (t->k0 >= t->k1) {
        if (t->beta == 0.0f)
            clear_rows(t);
        if (p->splits == 1)
            finish_rows(p, t);
    }
    int64_t most = task_cols(p, t, depth);
    for (int64_t col = t->col; col < t->col + t->cols && t->k0 < t->k1; col += most) {
        int64_t cols = min_i64(most, t->col + t->cols - col);
        for (int64_t k0 = t->k0; k0 < t->k1; k0 += depth) {
            int64_t kn = min_i64(depth, t->k1 - k0);
            const float *panels = b->v_group;
            if (p->v_packed)
                panels = p->v_packed + packed_offset(p, k0, kn, col);
            else
                p->pack_v(p->v_source, col, cols, k0, kn, b->v_group);
            multiply_depth(p, t, k0, kn, col, cols, panels, b);
        }
    }
    if (p->scatter)
        p->scatter(p->s_source, t->row, t->rows, t->c);
}

typedef struct run_job {
    const tn_product *product;
    partition cut;
    float *thread_scratch, *partials;
    size_t thread_floats, s_floats, v_floats;
    atomic_llong next;
} run_job;

static task task_at(const run_job *job, int64_t number, const buffers *b)
{
    const tn_product *p = job->product;
    const partition *cut = &job->cut;
    int64_t split = number / (cut->row_tasks * cut->col_tasks), rest = number % (cut->row_tasks * cut->col_tasks);
    task t = {.row = rest / cut->col_tasks * cut->rows, .col = rest % cut->col_tasks * cut->cols, .beta = p->beta};
    t.rows = min_i64(cut->rows, p->m - t.row);
    t.cols = min_i64(cut->cols, p->n - t.col);
    t.k0 = min_i64(p->k, split * cut->depth);
    t.k1 = min_i64(p->k, t.k0 + cut->depth);
    t.ldc = p->scatter || p->splits > 1 ? p->n : p->ldc;
    float *c = p->scatter ? b->own - t.row * t.ldc : p->splits > 1 ? job->partials + split * p->m * p->n : p->c;
    if (p->splits > 1)
        t.beta = 0.0f;
    t.c = c + t.row * t.ldc + t.col;
    return t;
}

/** C = beta C + partials in order, rows shared out; then the epilogue. */
static void add_partials(const run_job *job, const tn_team *team)
{
    const tn_product *p = job->product;
    int64_t first, last;
    tn_team_range(team, p->m, &first, &last);
    for (int64_t i = first; i < last; i++) {
        float *row = p->c + i * p->ldc;
        for (int64_t j = 0; j < p->n; j++) {
            float sum = p->beta == 0.0f ? 0.0f : p->beta * row[j];
            for (int64_t split = 0; split < p->splits; split++)
                sum += job->partials[(split * p->m + i) * p->n + j];
            row[j] = sum;
        }
    }
    finish_rows(p, &(task){.row = first, .rows = last - first, .cols = p->n, .c = p->c + first * p->ldc, .ldc = p->ldc});
}

static void run_tasks(const tn_team *team, void *arg)
{
    run_job *job = arg;
    float *own = job->thread_scratch + (size_t)team->index * job->thread_floats;
    buffers b = {own, own + job->s_floats, own + job->s_floats + job->v_floats};
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= job->cut.tasks)
            break;
        task t = task_at(job, number, &b);
        run_task(job->product, &t, &b);
    }
    if (job->product->splits > 1) {
        tn_team_barrier(team);
        add_partials(job, team);
    }
}

void tn_product_run(tn_pool *pool, const tn_product *product, void *scratch)
{
    int threads = tn_pool_threads(pool);
    if (product->m == 0 || product->n == 0)
        return;
    run_job job = {.product = product, .cut = cut(product, threads)};
    job.thread_floats = buffer_floats(&job.s_floats, &job.v_floats);
    if (product->scatter)
        job.thread_floats += (size_t)block_rows() * (size_t)product->n;
    job.thread_floats = tn_align_up(job.thread_floats * sizeof(float)) / sizeof(float);
    job.thread_scratch = scratch;
    job.partials = job.thread_scratch + job.thread_floats * (size_t)threads;
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_tasks, &job);
}
