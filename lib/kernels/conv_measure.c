/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Choosing an algorithm by the clock. Candidates run in turns, so that whatever else the machine does meets all of
 *  them, and the median of each counts. */
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "kernels/conv_candidates.h"

#include <assert.h>
#include <time.h>

enum { ROUNDS = 5, MOST_IMAGES = 32 };
#define MOST_WORK 4e9 /* multiply-adds of the definition in a run, if one image has not more: about 50 ms */

/* What a pass works on, in one block. */
typedef struct operands {
    float *x, *y, *w;
    void *prepared, *scratch;
    void *block;
    size_t bytes;
} operands;

/* Candidates, and the most that one of them needs. */
typedef struct candidates {
    tn_conv_plan plans[TN_CONV_CANDIDATES];
    int count;
    size_t prepared, scratch;
} candidates;

/* --- operands */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static tn_status plan_candidates(const tn_conv_shape *shape, tn_conv_pass pass, const tn_conv_wishes *wishes,
                                 const int *tiles, int count, candidates *out)
{
    *out = (candidates){.count = count};
    for (int i = 0; i < count; i++) {
        TN_TRY(tn_conv_plan_tile(shape, pass, tiles[i], wishes, &out->plans[i]));
        out->prepared = larger(out->prepared, out->plans[i].prepared_bytes);
        out->scratch = larger(out->scratch, out->plans[i].scratch_bytes);
    }
    return TN_OK;
}

/* Sizes fit one by one: shapes have been checked. */
static tn_status operands_create(const tn_allocator *allocator, const candidates *all, operands *out)
{
    const tn_conv_shape *s = &all->plans[0].shape;
    const size_t x = (size_t)(s->n * s->h * s->w * s->c), y = (size_t)(s->n * s->oh * s->ow * s->f);
    const size_t w = (size_t)(s->r * s->s * s->c / s->groups * s->f);
    const size_t sizes[5] = {x * sizeof(float), y * sizeof(float), w * sizeof(float), all->prepared, all->scratch};
    size_t starts[5], bytes = 0;
    for (int i = 0; i < 5; i++) {
        starts[i] = bytes;
        if (!tn_add_size(bytes, tn_align_up(sizes[i]), &bytes))
            return TN_FAIL(TN_ERR_OVERFLOW, "measuring a convolution takes more memory than there can be");
    }
    TN_TRY(tn_alloc_raw(allocator, bytes, "measuring a convolution", &out->block));
    out->bytes = bytes;
    char *block = out->block;
    out->x = out->block;
    out->y = (float *)(void *)(block + starts[1]);
    out->w = (float *)(void *)(block + starts[2]);
    out->prepared = block + starts[3];
    out->scratch = block + starts[4];
    tn_random_uniform(1, -1.0f, 1.0f, out->x, (int64_t)(starts[3] / sizeof(float)));
    return TN_OK;
}

/* --- the clock */

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(const tn_conv_plan *plan, tn_pool *pool, const operands *o)
{
    int64_t n = plan->shape.n;
    const void *prepared = plan->prepared_bytes > 0 ? o->prepared : NULL;
    if (plan->pass == TN_CONV_FORWARD)
        tn_conv_forward(plan, pool, n, o->x, o->w, prepared, NULL, TN_LINEAR, o->y, o->scratch);
    else if (plan->pass == TN_CONV_DATA)
        tn_conv_data_gradient(plan, pool, n, o->y, o->w, prepared, o->x, o->scratch);
    else
        tn_conv_filter_gradient(plan, pool, n, o->x, o->y, false, o->w, o->scratch);
}

static double median(double *values)
{
    for (int i = 1; i < ROUNDS; i++)
        for (int k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double larger = values[k - 1];
            values[k - 1] = values[k];
            values[k] = larger;
        }
    return values[ROUNDS / 2];
}

static double time_one(const tn_conv_plan *plan, tn_pool *pool, const operands *o)
{
    clockid_t clock = pool == NULL ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    if (plan->prepared_bytes > 0)
        tn_conv_prepare(plan, pool, o->w, o->prepared);
    double start = now(clock);
    run(plan, pool, o);
    return now(clock) - start;
}

/* A round before the first warms caches up and is not counted. */
static void time_all(const candidates *all, tn_pool *pool, const operands *o, double *seconds)
{
    double times[TN_CONV_CANDIDATES][ROUNDS];
    for (int round = -1; round < ROUNDS; round++)
        for (int i = 0; i < all->count; i++)
            times[i][round < 0 ? 0 : round] = time_one(&all->plans[i], pool, o);
    for (int i = 0; i < all->count; i++)
        seconds[i] = median(times[i]);
}

tn_status tn_conv_time(const tn_allocator *allocator, const tn_conv_shape *shape, tn_conv_pass pass,
                       const tn_conv_wishes *wishes, tn_pool *pool, const int *tiles, int count, double *seconds)
{
    tn_conv_wishes own = *wishes;
    candidates all;
    operands o;
    assert(count >= 1 && count <= TN_CONV_CANDIDATES);
    own.threads = tn_pool_threads(pool);
    TN_TRY(plan_candidates(shape, pass, &own, tiles, count, &all));
    TN_TRY(operands_create(allocator, &all, &o));
    time_all(&all, pool, &o, seconds);
    tn_release(allocator, o.block, o.bytes);
    return TN_OK;
}

/* --- the choice */

int tn_conv_fastest(const int *tiles, const double *seconds, int count, int preferred)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        if (seconds[i] < seconds[best])
            best = i;
    for (int i = 0; i < count; i++)
        if (tiles[i] == preferred && seconds[i] <= TN_CONV_TIE * seconds[best])
            return preferred;
    return tiles[best];
}

/* As many images as the bounds allow, of the session's batch. */
static int64_t images_of(const tn_conv_shape *s)
{
    double pixels = (double)s->oh * (double)s->ow * (double)s->f;
    double bytes = sizeof(float) * ((double)s->h * (double)s->w * (double)s->c + pixels);
    double work = pixels * (double)s->r * (double)s->s * (double)(s->c / s->groups);
    double most = s->n < MOST_IMAGES ? (double)s->n : MOST_IMAGES;
    if (most * bytes > TN_CONV_MEASURE_BYTES)
        most = TN_CONV_MEASURE_BYTES / bytes;
    if (most * work > MOST_WORK)
        most = MOST_WORK / work;
    return most < 1 ? 1 : (int64_t)most;
}

tn_status tn_conv_measure(const tn_allocator *allocator, const tn_conv_wishes *wishes, tn_conv_plan *plan)
{
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(&plan->shape, wishes->precise, tiles);
    double seconds[TN_CONV_CANDIDATES];
    tn_conv_shape some = plan->shape;
    if (count < 2)
        return TN_OK;
    some.n = images_of(&plan->shape);
    TN_TRY(tn_conv_time(allocator, &some, plan->pass, wishes, NULL, tiles, count, seconds));
    int tile = tn_conv_fastest(tiles, seconds, count, plan->tile);
    return tile == plan->tile ? TN_OK : tn_conv_plan_tile(&plan->shape, plan->pass, tile, wishes, plan);
}
