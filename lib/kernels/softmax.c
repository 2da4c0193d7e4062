/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Softmax along the middle of [outer, axis, inner], its logarithm and its gradient. */
#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

typedef struct softmax_job {
    const float *x, *dy;
    float *out;
    int64_t outer, axis, inner;
    void (*run)(const float *x, const float *dy, float *out, int64_t axis, int64_t inner);
} softmax_job;

static void share_outer(const tn_team *team, void *arg)
{
    const softmax_job *job = arg;
    int64_t i, end, size = job->axis * job->inner;
    tn_team_range(team, job->outer, &i, &end);
    for (; i < end; i++)
        job->run(job->x + i * size, job->dy ? job->dy + i * size : NULL, job->out + i * size, job->axis, job->inner);
}

static void run(tn_pool *pool, softmax_job *job)
{
    if (job->axis > 0 && job->inner > 0)
        tn_pool_run(tn_worth(pool, job->outer * job->axis * job->inner), share_outer, job);
}

static void softmax(const float *x, const float *dy, float *y, int64_t axis, int64_t inner)
{
    (void)dy;
    if (inner == 1)
        tn_element_kernels()->softmax(x, y, axis);
    else
        tn_element_kernels()->softmax_columns(x, y, axis, inner, inner);
}

static void log_softmax(const float *x, const float *dy, float *y, int64_t axis, int64_t inner)
{
    (void)dy;
    if (inner == 1)
        tn_element_kernels()->log_softmax(x, y, axis);
    else
        tn_element_kernels()->log_softmax_columns(x, y, axis, inner, inner);
}

static void softmax_gradient(const float *y, const float *dy, float *dx, int64_t axis, int64_t inner)
{
    if (inner == 1)
        tn_element_kernels()->softmax_gradient(y, dy, dx, axis);
    else
        tn_element_kernels()->softmax_gradient_columns(y, dy, dx, axis, inner, inner);
}

void tn_softmax(tn_pool *pool, const float *x, float *y, int64_t outer, int64_t axis, int64_t inner)
{
    run(pool, &(softmax_job){.x = x, .out = y, .outer = outer, .axis = axis, .inner = inner, .run = softmax});
}

void tn_log_softmax(tn_pool *pool, const float *x, float *y, int64_t outer, int64_t axis, int64_t inner)
{
    run(pool, &(softmax_job){.x = x, .out = y, .outer = outer, .axis = axis, .inner = inner, .run = log_softmax});
}

void tn_softmax_gradient(tn_pool *pool, const float *y, const float *dy, float *dx, int64_t outer, int64_t axis,
                         int64_t inner)
{
    run(pool, &(softmax_job){y, dy, dx, outer, axis, inner, softmax_gradient});
}
