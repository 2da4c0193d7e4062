/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Operations on each element alone: activations, dropout, scaling, adding. */
#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/** Everything that the operations here take. */
typedef struct element_job {
    tn_activation activation;
    const float *x, *dy;
    const uint8_t *source;
    float *out;
    int64_t count;
    float scale;
    uint64_t key, step;
    uint32_t threshold;
} element_job;

/* --- activations */

static void activate(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    const tn_element_table *kernels = tn_element_kernels();
    int64_t i, end;
    tn_share(team, job->count, &i, &end);
    if (i >= end)
        return;
    switch (job->activation) {
    case TN_RELU:
        kernels->relu(job->x + i, job->out + i, end - i);
        break;
    case TN_SIGMOID:
        kernels->sigmoid(job->x + i, job->out + i, end - i);
        break;
    case TN_TANH:
        kernels->tanh(job->x + i, job->out + i, end - i);
        break;
    case TN_LINEAR:
    case TN_SOFTMAX: /* excluded by contract */
        if (job->x != job->out)
            memcpy(job->out + i, job->x + i, (size_t)(end - i) * sizeof *job->out);
    }
}

void tn_activate(tn_pool *pool, tn_activation activation, const float *x, float *y, int64_t count)
{
    assert(activation != TN_SOFTMAX);
    tn_pool_run(tn_worth(pool, count), activate,
                &(element_job){.activation = activation, .x = x, .out = y, .count = count});
}

static void activate_gradient(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    const tn_element_table *kernels = tn_element_kernels();
    int64_t i, end;
    tn_share(team, job->count, &i, &end);
    if (i >= end)
        return;
    switch (job->activation) {
    case TN_RELU:
        kernels->relu_gradient(job->x + i, job->dy + i, job->out + i, end - i);
        break;
    case TN_SIGMOID:
        kernels->sigmoid_gradient(job->x + i, job->dy + i, job->out + i, end - i);
        break;
    case TN_TANH:
        kernels->tanh_gradient(job->x + i, job->dy + i, job->out + i, end - i);
        break;
    case TN_LINEAR:
    case TN_SOFTMAX: /* excluded by contract */
        if (job->dy != job->out)
            memcpy(job->out + i, job->dy + i, (size_t)(end - i) * sizeof *job->out);
    }
}

void tn_activate_gradient(tn_pool *pool, tn_activation activation, const float *y, const float *dy, float *dx,
                          int64_t count)
{
    assert(activation != TN_SOFTMAX);
    tn_pool_run(tn_worth(pool, count), activate_gradient,
                &(element_job){.activation = activation, .x = y, .dy = dy, .out = dx, .count = count});
}

/* --- dropout */

static void drop(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    int64_t i, end;
    static_assert(TN_SPLIT_BLOCK % TN_PHILOX_RUN == 0, "shares begin where whole vectors of counters do");
    tn_share(team, job->count, &i, &end);
    if (i < end)
        tn_element_kernels()->dropout(job->key, job->step, job->threshold, job->scale, i, end - i, job->x + i,
                                      job->out + i);
}

void tn_dropout_random(tn_pool *pool, uint64_t key, uint64_t step, float rate, const float *x, float *y, int64_t count)
{
    element_job job = {.key = key, .step = step, .x = x, .out = y, .count = count, .scale = 1.0f / (1.0f - rate)};
    job.threshold = (uint32_t)ceil((double)rate * 0x1p24); /* the least 24-bit number that is kept */
    tn_pool_run(tn_worth(pool, 4 * count), drop, &job);
}

static void drop_by_mask(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    int64_t i, end;
    tn_share(team, job->count, &i, &end);
    if (i < end)
        tn_element_kernels()->dropout_mask(job->source + i, job->scale, job->x + i, job->out + i, end - i);
}

void tn_dropout_mask(tn_pool *pool, const uint8_t *mask, float rate, const float *x, float *y, int64_t count)
{
    tn_pool_run(tn_worth(pool, count), drop_by_mask,
                &(element_job){.source = mask, .scale = 1.0f - rate, .x = x, .out = y, .count = count});
}

/* --- scaling, adding */

static void scale_bytes(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    int64_t i, end;
    tn_share(team, job->count, &i, &end);
    if (i < end)
        tn_element_kernels()->scale_bytes(job->source + i, job->scale, job->out + i, end - i);
}

void tn_scale_u8(tn_pool *pool, const uint8_t *x, float scale, float *y, int64_t count)
{
    tn_pool_run(tn_worth(pool, count), scale_bytes,
                &(element_job){.source = x, .scale = scale, .out = y, .count = count});
}

static void add(const tn_team *team, void *arg)
{
    const element_job *job = arg;
    int64_t i, end;
    tn_share(team, job->count, &i, &end);
    if (i < end)
        tn_element_kernels()->add(job->x + i, job->out + i, end - i);
}

void tn_add(tn_pool *pool, const float *x, float *y, int64_t count)
{
    tn_pool_run(tn_worth(pool, count), add, &(element_job){.x = x, .out = y, .count = count});
}
