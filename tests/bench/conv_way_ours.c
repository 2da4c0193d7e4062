/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The library's own kernels as a way to compute a convolution, on its public layouts. */
#include "conv_way.h"

#include "base/memory.h"
#include "bench.h"

#include <stdlib.h>

typedef struct ours {
    conv_problem problem;
    tn_conv_plan plan;
    void *scratch, *prepared;
} ours;

static void run(void *state)
{
    const ours *way = state;
    const conv_problem *p = &way->problem;
    const conv_operands *o = p->operands;
    int64_t n = p->shape.n;
    if (p->pass == TN_CONV_FORWARD)
        tn_conv_forward(&way->plan, p->pool, n, o->x, o->w, way->prepared, o->bias, TN_RELU, o->result, way->scratch);
    else if (p->pass == TN_CONV_DATA)
        tn_conv_data_gradient(&way->plan, p->pool, n, o->y, o->w, way->prepared, o->result, way->scratch);
    else
        tn_conv_filter_gradient(&way->plan, p->pool, n, o->x, o->y, false, o->result, way->scratch);
}

static void destroy(void *state)
{
    ours *way = state;
    tn_release(NULL, way->scratch, way->plan.scratch_bytes);
    tn_release(NULL, way->prepared, way->plan.prepared_bytes);
    free(way);
}

static void plan(ours *way, bool prepared)
{
    const conv_problem *p = &way->problem;
    const tn_conv_wishes wishes = {.precise = p->precise, .prepared = prepared, .threads = p->threads};
    BENCH_TRY(tn_conv_plan_pass(&p->shape, p->pass, &wishes, &way->plan));
    BENCH_TRY(tn_alloc(NULL, way->plan.scratch_bytes, "scratch", &way->scratch));
    BENCH_TRY(tn_alloc(NULL, way->plan.prepared_bytes, "prepared filters", &way->prepared));
    if (way->prepared != NULL)
        tn_conv_prepare(&way->plan, p->pool, p->operands->w, way->prepared);
}

conv_way conv_way_ours(const conv_problem *problem, bool prepared)
{
    if (prepared && problem->pass == TN_CONV_FILTER)
        return (conv_way){.run = NULL};
    ours *state = calloc(1, sizeof *state);
    conv_way way = {.run = run, .destroy = destroy, .state = state};
    if (state == NULL)
        bench_die("calloc");
    state->problem = *problem;
    plan(state, prepared);
    snprintf(way.name, sizeof way.name, "%s", state->plan.name);
    return way;
}

void conv_way_destroy(conv_way *way)
{
    if (way->destroy != NULL)
        way->destroy(way->state);
    *way = (conv_way){.run = NULL};
}
