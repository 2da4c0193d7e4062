/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sums over many numbers. They are cut into tiles by their sizes alone; tiles are summed by whichever thread, and the
 *  tiles' sums are added in order. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

#define TILES 64
#define TILE_ROWS (4 * TN_ROW_BLOCK) /* at least, but for the last */
#define COLUMNS 256                  /* of one task */

/* --- sums over rows */

typedef struct rows_job {
    const float *dy;
    int64_t rows, f, tile_rows, tiles;
    float *sums, *db; /* sums [tiles,f] */
    bool add;
} rows_job;

static void tile_rows(int64_t rows, int64_t *tile_rows, int64_t *tiles)
{
    *tile_rows = tn_ceil_div(tn_ceil_div(rows, TILES), TILE_ROWS) * TILE_ROWS;
    *tiles = rows > 0 ? tn_ceil_div(rows, *tile_rows) : 0;
}

static void sum_tiles(const rows_job *job, const tn_team *team)
{
    int64_t blocks = tn_ceil_div(job->f, COLUMNS), task, end;
    tn_team_range(team, job->tiles * blocks, &task, &end);
    for (; task < end; task++) {
        int64_t row = task / blocks * job->tile_rows, col = task % blocks * COLUMNS;
        int64_t rows = job->rows - row < job->tile_rows ? job->rows - row : job->tile_rows;
        int64_t width = job->f - col < COLUMNS ? job->f - col : COLUMNS;
        tn_element_kernels()->sum_rows(job->dy + row * job->f + col, rows, job->f, width,
                                       job->sums + task / blocks * job->f + col);
    }
}

static void sum_rows(const tn_team *team, void *arg)
{
    const rows_job *job = arg;
    int64_t col, end;
    sum_tiles(job, team);
    tn_team_barrier(team);
    tn_team_range(team, job->f, &col, &end);
    for (; col < end; col++) {
        float sum = 0.0f;
        for (int64_t tile = 0; tile < job->tiles; tile++)
            sum += job->sums[tile * job->f + col];
        job->db[col] = job->add ? job->db[col] + sum : sum;
    }
}

void tn_bias_gradient(tn_pool *pool, const float *dy, int64_t rows, int64_t f, bool add, float *db, void *scratch)
{
    rows_job job = {.dy = dy, .rows = rows, .f = f, .sums = scratch, .db = db, .add = add};
    tile_rows(rows, &job.tile_rows, &job.tiles);
    tn_pool_run(tn_worth(pool, rows * f), sum_rows, &job);
}

tn_status tn_bias_gradient_scratch(int64_t rows, int64_t f, size_t *out)
{
    /* Fewer rows may come in more tiles, each of them shorter: this bounds them all. */
    int64_t least = tn_ceil_div(rows, TILE_ROWS), tiles = least < TILES ? least : TILES;
    size_t size;
    if (!tn_mul_size((size_t)tiles, (size_t)f, &size) || !tn_mul_size(size, sizeof(float), &size) ||
        size > SIZE_MAX - TN_ALIGNMENT)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch for the sum over %lld rows of %lld does not fit", (long long)rows,
                       (long long)f);
    *out = tn_align_up(size);
    return TN_OK;
}

/* --- sum of squares */

typedef struct squares_job {
    const float *x;
    int64_t count, tile;
    double sums[TILES];
} squares_job;

static void sum_squares(const tn_team *team, void *arg)
{
    squares_job *job = arg;
    int64_t tile, end;
    tn_team_range(team, TILES, &tile, &end);
    for (; tile < end; tile++) {
        int64_t first = tile * job->tile, rest = job->count - first;
        if (rest > 0)
            job->sums[tile] = tn_element_kernels()->sum_squares(job->x + first, rest < job->tile ? rest : job->tile);
    }
}

double tn_sum_squares(tn_pool *pool, const float *x, int64_t count)
{
    squares_job job = {.x = x, .count = count, .tile = tn_ceil_div(tn_ceil_div(count, TILES), 1024) * 1024};
    tn_pool_run(tn_worth(pool, count), sum_squares, &job);
    double sum = 0.0;
    for (int tile = 0; tile < TILES; tile++)
        sum += job.sums[tile];
    return sum;
}
