/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products: what the sizes choose, scratch, and running the tasks; see product.h. */
#include "kernels/product.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product_cut.h"

#include <stdatomic.h>

#define RUNS_MOST 4096          /* parts of a run that are looked for */
#define SPLITS 8                /* most parts of k */
#define PARTIALS_MOST (1 << 20) /* floats of all parts of the result */
#define PACKED_MOST (4 << 20)   /* floats of a vector side that is packed whole */
#define PAGES_FLOATS 102400     /* of rows that lie side by side: as many pages as a core finds at once, */
#define ALONG_LEAST TN_RUN_ALONG /* unless sums become so short */
#define REST_LEAST 4            /* rows of a tile that takes no less time with fewer, */
#define TILE_COST 0.25          /* and what a tile costs besides, in rows */
#define TURN_COST 24            /* multiply-adds that it costs to turn a number of a tile, or to store one of an edge */

_Static_assert(TN_RUN_ALONG <= TN_DEPTH_ALONG, "a block of rows that lie in runs has room for one");

/* ---- choices, from the sizes alone ---- */

/** Our own tile, if it is as large as BLIS's and can do what is asked for. */
static const tn_own_tile *own_tile(const tn_product *p)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    const tn_own_tile *own = tn_conv_kernels()->tile;
    bool plain = p->alpha == 1.0f && (p->beta == 0.0f || p->beta == 1.0f);
    return plain && own->rows == kernel->s && own->lanes == kernel->v ? own : NULL;
}

/** Parts of k: each a few blocks deep, and all of them together not too large. */
static int64_t splits_of(const tn_product *p)
{
    double results = (double)p->m * (double)p->n;
    int64_t parts = tn_min(p->k / (4 * tn_gemm_kernel_in_use()->kc), SPLITS);
    if (!p->split || p->sink || results < 1.0)
        return 1;
    if (results * (double)parts > PARTIALS_MOST)
        parts = (int64_t)(PARTIALS_MOST / results);
    return tn_max(parts, 1);
}

/** The depth of a block: k in equal parts of at most so many. */
static int64_t block_depth(int64_t k, int64_t most)
{
    int64_t parts = tn_ceil_div(k, most);
    return parts > 1 ? tn_ceil_div(tn_ceil_div(k, parts), 4) * 4 : k;
}

/** The vector side is packed whole where several blocks of rows use it, or several tasks of those that are read in
 *  place, and it is not too large. */
static bool should_pack(const tn_nest *nest, int64_t *floats)
{
    const tn_product *p = nest->p;
    int64_t wide = tn_ceil_div(p->n, tn_gemm_kernel_in_use()->v) * tn_gemm_kernel_in_use()->v;
    int64_t block = nest->run > 0 ? tn_block_rows_least() : tn_block_rows(nest);
    *floats = 0;
    if (p->m <= block || !tn_mul_i64(wide, p->k, floats) || *floats > PACKED_MOST) {
        *floats = 0;
        return false;
    }
    *floats = tn_with_slack(*floats);
    return true;
}

/** The most that is packed in a product of up to these sizes: a shorter k may come under PACKED_MOST. Rows that are read
 *  as they lie are one block, and no columns are packed whole for that. */
static int64_t packed_floats(const tn_product *p)
{
    int64_t wide = tn_ceil_div(p->n, tn_gemm_kernel_in_use()->v) * tn_gemm_kernel_in_use()->v, floats;
    if (p->m <= tn_block_rows_least() || (p->along_a && p->find_a))
        return 0;
    if (!tn_mul_i64(wide, p->k, &floats) || floats > PACKED_MOST)
        floats = PACKED_MOST;
    return tn_with_slack(floats);
}

/** The runs of k in which A can be read where it lies, 0 if it must be packed: those that it has, cut into equal parts
 *  where they are longer than a block of k. */
static int64_t run_of(const tn_product *p)
{
    int64_t parts = tn_ceil_div(p->run_a, TN_RUN_MOST);
    if (!p->locate_a || !own_tile(p) || parts > RUNS_MOST)
        return 0;
    while (parts < p->run_a / TN_RUN_LEAST && p->run_a % parts != 0)
        parts++;
    return p->run_a % parts == 0 && p->run_a / parts >= TN_RUN_LEAST ? p->run_a / parts : 0;
}

/** Rows of B can be read as they lie, and need not be packed. */
static bool lies(const tn_product *p, const tn_own_tile *own)
{
    return p->find_b && p->n % own->whole == 0;
}

/** Turned if that leaves fewer lanes empty, what turning costs included, and packing what could be read in place. Our
 * own tile has as many rows as there are, and one vector of columns where the second would be empty. */
static bool should_turn(const tn_product *p)
{
    if (p->locate_groups)
        return false;
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    double rows = (double)p->m, cols = (double)p->n, k = (double)p->k;
    const tn_own_tile *own = own_tile(p);
    bool along = own && p->along_a, read = run_of(p) > 0 || (along && p->find_a);
    double scalar = own ? rows : (double)(tn_ceil_div(p->m, kernel->s) * kernel->s);
    double straight = scalar * (double)tn_round_up(p->n, own ? kernel->v / 2 : kernel->v);
    double turned =
        (double)(tn_ceil_div(p->m, kernel->v) * kernel->v) * (double)(tn_ceil_div(p->n, kernel->s) * kernel->s);
    double edge = (double)(p->n % kernel->v);
    double packed = TN_PACK_COST * k * ((read ? rows : 0.0) + (along && lies(p, own) ? cols : 0.0));
    return turned * k + packed + TURN_COST * rows * cols < straight * k + TURN_COST * rows * edge;
}

bool tn_product_runs_along(const tn_product *p)
{
    return p->along_a && own_tile(p) && !should_turn(p);
}

int64_t tn_product_groups(const tn_product *p)
{
    bool finishes = !p->sink && (p->activation == TN_LINEAR || p->activation == TN_RELU);
    return finishes && run_of(p) > 0 && !should_turn(p) ? own_tile(p)->widest_rows : 0;
}

/** What so many rows cost in tiles of s: that of a row is 1. */
static double cost_of_rows(int64_t rows, int64_t s)
{
    int64_t rest = rows % s;
    return (double)(rows - rest + (rest > 0 ? tn_max(rest, REST_LEAST) : 0)) + TILE_COST * (double)tn_ceil_div(rows, s);
}

int64_t tn_group_rows(int64_t rows)
{
    int64_t most = tn_conv_kernels()->tile->rows, best = most;
    for (int64_t s = most; s >= most * 3 / 4; s--) {
        if (cost_of_rows(rows, s) < cost_of_rows(rows, best))
            best = s;
    }
    return best;
}

/** The depth of a block whose rows lie side by side, each k some way behind the one before. */
static int64_t depth_along(const tn_product *p)
{
    int64_t step = p->find_a ? p->find_a(p->a, 0, p->m, 0, 1).stride : tn_odd_lines(tn_min(p->m, tn_block_rows_least()));
    return tn_min(tn_max(PAGES_FLOATS / step, ALONG_LEAST), TN_DEPTH_ALONG);
}

/** The depth of a block: whole runs, of at most so many k if that is one run. */
static int64_t depth_in_runs(int64_t k, int64_t run, int64_t most)
{
    int64_t runs = tn_max(1, tn_ceil_div(k, run));
    most = tn_max(1, most / run);
    return tn_ceil_div(runs, tn_ceil_div(runs, most)) * run;
}

static int64_t depth_of(const tn_nest *nest)
{
    const tn_product *p = nest->p;
    if (nest->run > 0)
        return depth_in_runs(p->k, nest->run, TN_DEPTH_IN_PLACE);
    if (nest->run_along > 0)
        return depth_in_runs(tn_split_depth(nest), nest->run_along, depth_along(p));
    return block_depth(tn_split_depth(nest), nest->along ? depth_along(p) : tn_gemm_kernel_in_use()->kc);
}

static tn_nest nest_of(const tn_product *p)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    tn_nest nest = {.p = p, .turned = should_turn(p), .s = kernel->s, .v = kernel->v, .splits = splits_of(p)};
    nest.s_count = nest.turned ? p->n : p->m;
    nest.v_count = nest.turned ? p->m : p->n;
    nest.own = nest.turned ? NULL : own_tile(p);
    nest.run = nest.turned || p->k == 0 ? 0 : run_of(p);
    nest.along = nest.own && p->along_a;
    if (nest.along)
        nest.s = nest.own->widest_rows;
    nest.lies = nest.along && lies(p, nest.own);
    if (nest.run > 0)
        nest.s = p->locate_groups ? nest.own->widest_rows : tn_group_rows(p->m);
    nest.run_along = nest.along && p->find_a ? p->run_along : 0;
    nest.depth = tn_max(depth_of(&nest), 1);
    return nest;
}

/* ---- scratch ---- */

/** Floats of one thread's buffers; own: of the block that goes to a sink. */
static int64_t buffer_floats(const tn_product *p, int64_t *own)
{
    *own = p->sink ? tn_round_up(tn_sink_block_floats(), 16) : 0;
    return tn_s_block_floats(p) + tn_v_group_floats() + tn_places_floats(p) + *own;
}

/** Floats of the parts of k. A shorter k has no more of them. */
static int64_t partial_floats(const tn_product *p)
{
    int64_t parts = splits_of(p);
    return parts > 1 ? parts * p->m * p->n : 0;
}

tn_status tn_product_scratch(const tn_product *p, int threads, size_t *out)
{
    int64_t packed = packed_floats(p), own, each = buffer_floats(p, &own), floats;
    if (each < 0 || !tn_mul_i64(each, threads, &floats) || !tn_add_i64(floats, packed, &floats) ||
        !tn_add_i64(floats, partial_floats(p), &floats) || !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a product [%lld,%lld] does not fit", (long long)p->m,
                       (long long)p->n);
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

/* ---- tasks ---- */

typedef struct run_job {
    tn_nest nest;
    tn_partition cut;
    float *packing; /* where the vector side is packed first; NULL: that was done, or is done on the way */
    float *buffers, *partials;
    int64_t buffer, own; /* floats of a thread's buffers; of these, for a sink */
    atomic_llong next;
} run_job;

/** Where a task's results go: C, its part of k, or the thread's block on its way to elsewhere. */
static void place_task(const run_job *job, int64_t split, float *own, tn_task *t)
{
    const tn_nest *nest = &job->nest;
    const tn_product *p = nest->p;
    int64_t row = nest->turned ? t->v0 : t->s0, col = nest->turned ? t->s0 : t->v0;
    t->ldc = p->n;
    if (p->sink) {
        t->c = own;
    } else if (nest->splits > 1) {
        t->c = job->partials + split * p->m * p->n + row * t->ldc + col;
        t->beta = 0.0f;
        t->finish = false;
    } else {
        t->ldc = p->ldc;
        t->c = p->c + (p->locate_groups ? 0 : row * t->ldc) + col;
    }
}

/** A row of C = beta C. */
static void scale(float beta, float *row, int64_t count)
{
    for (int64_t j = 0; j < count && beta != 1.0f; j++)
        row[j] = beta == 0.0f ? 0.0f : beta * row[j];
}

/** C = beta C + parts in order, rows shared out; then the epilogue. */
static void add_partials(const run_job *job, const tn_team *team)
{
    const tn_product *p = job->nest.p;
    int64_t first, last;
    tn_team_range(team, p->m, &first, &last);
    for (int64_t i = first; i < last; i++) {
        float *row = p->c + i * p->ldc;
        scale(p->beta, row, p->n);
        for (int64_t split = 0; split < job->nest.splits; split++)
            tn_conv_kernels()->accumulate(job->partials + (split * p->m + i) * p->n, row, p->n);
    }
    tn_finish_rows(p, p->c + first * p->ldc, p->ldc, last - first, 0, p->n);
}

/** Each thread packs some panels of the vector side. */
static void pack_whole(const tn_nest *nest, const tn_team *team, float *out)
{
    int64_t first, last;
    tn_team_range(team, tn_ceil_div(nest->v_count, nest->v), &first, &last);
    for (int64_t k0 = 0; k0 < nest->p->k && last > first; k0 += nest->depth) {
        int64_t kn = tn_min(nest->depth, nest->p->k - k0), v0 = first * nest->v;
        tn_pack_v(nest, v0, tn_min(last * nest->v, nest->v_count) - v0, k0, kn,
                  out + tn_packed_offset(nest, k0, kn, v0));
    }
}

static void run_tasks(const tn_team *team, void *arg)
{
    run_job *job = arg;
    float *space = job->buffers + team->index * job->buffer;
    float *s_block = space + job->own, *v_group = s_block + tn_s_block_floats(job->nest.p), *rows = v_group + tn_v_group_floats();
    tn_task_buffers buffers = {s_block, v_group, tn_places_in(&job->nest, rows), NULL, NULL};
    if (job->packing) {
        pack_whole(&job->nest, team, job->packing);
        tn_team_barrier(team);
    }
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= job->cut.tasks)
            break;
        int64_t split;
        tn_task t = tn_task_at(&job->nest, &job->cut, number, &split);
        place_task(job, split, space, &t);
        tn_task_run(&job->nest, &t, &buffers);
    }
    if (job->nest.splits > 1) {
        tn_team_barrier(team);
        add_partials(job, team);
    }
}

void tn_product_run(tn_pool *pool, const tn_product *p, void *scratch)
{
    if (p->m == 0 || p->n == 0)
        return;
    run_job job = {.nest = nest_of(p), .buffers = scratch};
    int64_t packed;
    bool may_pack = !job.nest.turned && !job.nest.lies && job.nest.splits == 1 && p->k > 0;
    if (may_pack && p->packed_b) {
        job.nest.packed = p->packed_b;
    } else if (may_pack && should_pack(&job.nest, &packed)) {
        job.nest.packed = job.packing = scratch;
        job.buffers += packed;
    }
    int threads = tn_pool_threads(pool);
    job.buffer = buffer_floats(p, &job.own);
    job.partials = job.buffers + job.buffer * threads;
    job.cut = tn_cut_product(&job.nest, threads);
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_tasks, &job);
}

/* ---- the vector side, packed once ---- */

tn_status tn_product_packed(const tn_product *p, size_t *bytes)
{
    int64_t v = tn_gemm_kernel_in_use()->v, wide, floats;
    if (!tn_add_i64(p->n, v, &wide) || !tn_mul_i64(wide, p->k, &floats) || floats > INT64_MAX / 8)
        return TN_FAIL(TN_ERR_OVERFLOW, "packed matrix [%lld,%lld] does not fit", (long long)p->k, (long long)p->n);
    *bytes = (size_t)tn_product_packed_floats(p) * sizeof(float);
    return TN_OK;
}

int64_t tn_product_packed_floats(const tn_product *p)
{
    if (p->split || p->k == 0 || should_turn(p))
        return 0;
    return tn_with_slack(tn_ceil_div(p->n, tn_gemm_kernel_in_use()->v) * tn_gemm_kernel_in_use()->v * p->k);
}

typedef struct pack_job {
    tn_nest nest;
    float *out;
} pack_job;

static void run_packing(const tn_team *team, void *arg)
{
    const pack_job *job = arg;
    pack_whole(&job->nest, team, job->out);
}

void tn_product_pack(tn_pool *pool, const tn_product *p, float *out)
{
    tn_pool_run(pool, run_packing, &(pack_job){nest_of(p), out});
}
