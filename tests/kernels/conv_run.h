/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A convolution and its operands, run as a plan says. Every operand is allocated at its exact size, results and scratch
 *  start out as NaN: reading past an end or reading what was not written shows. */
#ifndef TESTS_KERNELS_CONV_RUN_H
#define TESTS_KERNELS_CONV_RUN_H

#include "conv_reference.h"
#include "guarded.h"
#include "suite.h"

#include <stdio.h>

typedef enum padding_kind { PAD_NONE, PAD_SAME, PAD_EXPLICIT, PAD_ONE_SIDE, PAD_KINDS } padding_kind;

typedef struct conv_case {
    tn_conv_shape shape; /* n: of the plan */
    int64_t n;           /* of the run */
    int threads;
    padding_kind padding;
    bool relu;
} conv_case;

static inline const char *text_of(const conv_case *c)
{
    static char text[300];
    const tn_conv_shape *s = &c->shape;
    snprintf(text, sizeof text,
             "n %d of %d, x %dx%dx%d, w %dx%d, f %d, groups %d, strides %dx%d, dilation %dx%d, before %d,%d, y %dx%d, "
             "threads %d",
             (int)c->n, (int)s->n, (int)s->h, (int)s->w, (int)s->c, (int)s->r, (int)s->s, (int)s->f, (int)s->groups,
             (int)s->stride_h, (int)s->stride_w, (int)s->dilation_h, (int)s->dilation_w, (int)s->pad_top,
             (int)s->pad_left, (int)s->oh, (int)s->ow, c->threads);
    return text;
}

/* Memory of the exact size, from a line's beginning on as a model's is, all NaN. */
static inline float *nan_floats(int64_t count)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, (size_t)count * sizeof(float)), 0);
    memset(p, 0xff, (size_t)count * sizeof(float));
    return p;
}

static inline void *nan_scratch(size_t size)
{
    size_t rounded = (size + 63) / 64 * 64;
    void *p = aligned_alloc(64, rounded ? rounded : 64);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, rounded ? rounded : 64);
    return p;
}

typedef struct operands {
    float *x, *w, *dy, *bias, *out;
} operands;

static inline int64_t result_size(const conv_case *c, tn_conv_pass pass)
{
    if (pass == TN_CONV_FORWARD)
        return conv_y_size(&c->shape, c->n);
    return pass == TN_CONV_DATA ? conv_x_size(&c->shape, c->n) : conv_w_size(&c->shape);
}

static inline operands allocate(const conv_case *c)
{
    return (operands){nan_floats(conv_x_size(&c->shape, c->n)), nan_floats(conv_w_size(&c->shape)),
                      nan_floats(conv_y_size(&c->shape, c->n)), nan_floats(c->shape.f), NULL};
}

static inline void release(operands *o)
{
    free(o->x);
    free(o->w);
    free(o->dy);
    free(o->bias);
    free(o->out);
}

/* Filters as the plan wants them, where the caller is to keep them. */
static inline void *prepare(const tn_conv_plan *plan, tn_pool *pool, const operands *o)
{
    if (plan->prepared_bytes == 0)
        return NULL;
    void *prepared = nan_scratch(plan->prepared_bytes);
    tn_conv_prepare(plan, pool, o->w, prepared);
    return prepared;
}

/* Run a plan into a fresh o->out; with `add` it starts from 1, 2, 3, ... */
static inline void run_plan(const conv_case *c, const tn_conv_plan *plan, bool add, operands *o)
{
    tn_pool *pool = NULL;
    tn_conv_pass pass = plan->pass;
    ck_ok(tn_pool_create(NULL, c->threads, &pool));
    guarded scratch = guard(plan->scratch_bytes);
    void *prepared = prepare(plan, pool, o);
    int64_t size = result_size(c, pass);
    free(o->out);
    o->out = nan_floats(size);
    for (int64_t i = 0; add && i < size; i++)
        o->out[i] = (float)(i % 100 + 1);
    if (pass == TN_CONV_FORWARD)
        tn_conv_forward(plan, pool, c->n, o->x, o->w, prepared, o->bias, c->relu ? TN_RELU : TN_LINEAR, o->out,
                        scratch.memory);
    else if (pass == TN_CONV_DATA)
        tn_conv_data_gradient(plan, pool, c->n, o->dy, o->w, prepared, o->out, scratch.memory);
    else
        tn_conv_filter_gradient(plan, pool, c->n, o->x, o->dy, add, o->out, scratch.memory);
    check_guard(&scratch);
    free(prepared);
    tn_pool_destroy(&pool);
}

/* The same with the plan that a pass gets. */
static inline tn_conv_plan run_pass(const conv_case *c, tn_conv_pass pass, const tn_conv_wishes *wishes, bool add, operands *o)
{
    tn_conv_plan plan;
    ck_ok(tn_conv_plan_pass(&c->shape, pass, wishes, &plan));
    run_plan(c, &plan, add, o);
    return plan;
}

/* What the definition says, bias, activation and addition included. */
static inline double *expected_of(const conv_case *c, tn_conv_pass pass, bool add, const operands *o)
{
    double *sum = conv_reference(&c->shape, pass, c->n, o->x, o->w, o->dy);
    ck_assert_ptr_nonnull(sum);
    for (int64_t i = 0; i < result_size(c, pass); i++) {
        if (pass == TN_CONV_FORWARD)
            sum[i] += (double)o->bias[i % c->shape.f];
        if (pass == TN_CONV_FORWARD && c->relu && sum[i] < 0.0)
            sum[i] = 0.0;
        if (add)
            sum[i] += (double)(i % 100 + 1);
    }
    return sum;
}

#endif
