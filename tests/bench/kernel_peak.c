/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The micro-kernel alone: one tile of the result, again and again, panels as deep as BLIS would have them. */
#include "kernel_peak.h"

#include "base/memory.h"
#include "bench.h"
#include "kernels/gemm_kernel.h"

enum { TILES = 2000, TRIES = 3 };

typedef struct peak_job {
    float *s, *v, *c;
} peak_job;

static void run_tiles(const tn_team *team, void *arg)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    const peak_job *job = arg;
    for (int i = 0; i < TILES; i++)
        tn_gemm_tile(kernel->s, kernel->v, kernel->kc, 1.0f, job->s, job->v, 0.0f,
                     job->c + team->index * kernel->s * kernel->v, kernel->v);
}

double kernel_peak(tn_pool *pool)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    size_t threads = (size_t)tn_pool_threads(pool), depth = (size_t)kernel->kc * sizeof(float);
    size_t s = (size_t)kernel->s * depth + TN_PANEL_SLACK, v = (size_t)kernel->v * depth + TN_PANEL_SLACK;
    size_t c = (size_t)(kernel->s * kernel->v) * threads * sizeof(float);
    double flops = 2.0 * (double)(kernel->s * kernel->v * kernel->kc) * TILES * (double)threads, least = 1e9;
    peak_job job;
    BENCH_TRY(tn_alloc(NULL, s, "panel", &job.s));
    BENCH_TRY(tn_alloc(NULL, v, "panel", &job.v));
    BENCH_TRY(tn_alloc(NULL, c, "tiles", &job.c));
    for (int i = 0; i < TRIES; i++) {
        double start = bench_now();
        tn_pool_run(pool, run_tiles, &job);
        double seconds = bench_now() - start;
        least = seconds < least ? seconds : least;
    }
    tn_release(NULL, job.s, s);
    tn_release(NULL, job.v, v);
    tn_release(NULL, job.c, c);
    return flops / least;
}
