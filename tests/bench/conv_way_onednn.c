/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  oneDNN 2's convolutions. All layouts are left to it (dnnl_format_tag_any), and nothing is reordered while the clock
 *  runs: it finds its operands as it likes them best, filters transformed for Winograd included. */
#include "conv_way.h"

#include "base/memory.h"
#include "bench.h"
#include "pin_threads.h"

#include <dnnl.h>
#include <omp.h>
#include <stdlib.h>

enum { MAX_ARGS = 4 };

typedef struct onednn {
    int threads;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t forward, desc; /* forward: the hint that gradients want */
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[MAX_ARGS];
    int count;
    void *filters; /* w or dw as oneDNN lays it out */
    size_t filter_bytes;
} onednn;

static void check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    exit(EXIT_FAILURE);
}

#define CHECK(call) check((call), #call)

/* --- the description of a convolution */

typedef struct geometry {
    dnnl_memory_desc_t x, w, bias, y;
    dnnl_dims_t strides, before, after;
} geometry;

static dnnl_memory_desc_t any_layout(int rank, const dnnl_dims_t dims)
{
    dnnl_memory_desc_t desc;
    CHECK(dnnl_memory_desc_init_by_tag(&desc, rank, dims, dnnl_f32, dnnl_format_tag_any));
    return desc;
}

static geometry geometry_of(const tn_conv_shape *s)
{
    int64_t g = s->groups;
    geometry out = {.strides = {s->stride_h, s->stride_w},
                    .before = {s->pad_top, s->pad_left},
                    .after = {(s->oh - 1) * s->stride_h + s->r - s->h - s->pad_top,
                              (s->ow - 1) * s->stride_w + s->s - s->w - s->pad_left}};
    out.x = any_layout(4, (dnnl_dims_t){s->n, s->c, s->h, s->w});
    out.y = any_layout(4, (dnnl_dims_t){s->n, s->f, s->oh, s->ow});
    out.bias = any_layout(1, (dnnl_dims_t){s->f});
    out.w = g == 1 ? any_layout(4, (dnnl_dims_t){s->f, s->c, s->r, s->s})
                   : any_layout(5, (dnnl_dims_t){g, s->f / g, s->c / g, s->r, s->s});
    return out;
}

static dnnl_convolution_desc_t describe(const geometry *g, tn_conv_pass pass, bool hint, dnnl_alg_kind_t algorithm)
{
    dnnl_convolution_desc_t desc;
    if (pass == TN_CONV_FORWARD)
        CHECK(dnnl_convolution_forward_desc_init(&desc, hint ? dnnl_forward_training : dnnl_forward_inference,
                                                 algorithm, &g->x, &g->w, &g->bias, &g->y, g->strides, g->before,
                                                 g->after));
    else if (pass == TN_CONV_DATA)
        CHECK(dnnl_convolution_backward_data_desc_init(&desc, algorithm, &g->x, &g->w, &g->y, g->strides, g->before,
                                                       g->after));
    else
        CHECK(dnnl_convolution_backward_weights_desc_init(&desc, algorithm, &g->x, &g->w, NULL, &g->y, g->strides,
                                                          g->before, g->after));
    return desc;
}

static dnnl_primitive_attr_t with_relu(void)
{
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t after;
    CHECK(dnnl_primitive_attr_create(&attributes));
    CHECK(dnnl_post_ops_create(&after));
    CHECK(dnnl_post_ops_append_eltwise(after, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f));
    CHECK(dnnl_primitive_attr_set_post_ops(attributes, after));
    CHECK(dnnl_post_ops_destroy(after));
    return attributes;
}

/* False if oneDNN has no such convolution. */
static bool choose(onednn *way, const conv_problem *p, dnnl_alg_kind_t algorithm)
{
    const geometry g = geometry_of(&p->shape);
    dnnl_convolution_desc_t desc = describe(&g, p->pass, false, algorithm);
    dnnl_primitive_attr_t relu = NULL;
    if (p->pass == TN_CONV_FORWARD) {
        relu = with_relu();
    } else {
        dnnl_convolution_desc_t hint = describe(&g, TN_CONV_FORWARD, true, dnnl_convolution_direct);
        CHECK(dnnl_primitive_desc_create(&way->forward, &hint, NULL, way->engine, NULL));
    }
    bool found = dnnl_primitive_desc_create(&way->desc, &desc, relu, way->engine, way->forward) == dnnl_success;
    if (relu != NULL)
        dnnl_primitive_attr_destroy(relu);
    return found && dnnl_primitive_create(&way->primitive, way->desc) == dnnl_success;
}

/* --- its operands */

static const dnnl_memory_desc_t *wanted(const onednn *way, dnnl_query_t which, int index)
{
    return dnnl_primitive_desc_query_md(way->desc, which, index);
}

static void add_operand(onednn *way, int argument, const dnnl_memory_desc_t *desc, void *data, size_t capacity)
{
    dnnl_exec_arg_t *arg = &way->args[way->count++];
    if (dnnl_memory_desc_get_size(desc) > capacity) {
        fprintf(stderr, "oneDNN wants %zu bytes, there are %zu\n", dnnl_memory_desc_get_size(desc), capacity);
        exit(EXIT_FAILURE);
    }
    arg->arg = argument;
    CHECK(dnnl_memory_create(&arg->memory, desc, way->engine, data));
}

/* Filters are padded, blocked or transformed: they get memory of their own, with the numbers of w over and over. */
static void add_filters(onednn *way, int argument, const dnnl_memory_desc_t *desc, const conv_operands *o)
{
    way->filter_bytes = dnnl_memory_desc_get_size(desc);
    BENCH_TRY(tn_alloc(NULL, way->filter_bytes, "oneDNN's filters", &way->filters));
    for (size_t i = 0; i < way->filter_bytes / sizeof(float); i++)
        ((float *)way->filters)[i] = o->w[i % (o->filters / sizeof(float))];
    add_operand(way, argument, desc, way->filters, way->filter_bytes);
}

static void add_operands(onednn *way, tn_conv_pass pass, const conv_operands *o)
{
    if (pass == TN_CONV_FORWARD) {
        add_operand(way, DNNL_ARG_SRC, wanted(way, dnnl_query_src_md, 0), o->x, o->images);
        add_filters(way, DNNL_ARG_WEIGHTS, wanted(way, dnnl_query_weights_md, 0), o);
        add_operand(way, DNNL_ARG_BIAS, wanted(way, dnnl_query_weights_md, 1), o->bias, o->biases);
        add_operand(way, DNNL_ARG_DST, wanted(way, dnnl_query_dst_md, 0), o->result, o->images);
    } else if (pass == TN_CONV_DATA) {
        add_operand(way, DNNL_ARG_DIFF_DST, wanted(way, dnnl_query_diff_dst_md, 0), o->y, o->images);
        add_filters(way, DNNL_ARG_WEIGHTS, wanted(way, dnnl_query_weights_md, 0), o);
        add_operand(way, DNNL_ARG_DIFF_SRC, wanted(way, dnnl_query_diff_src_md, 0), o->result, o->images);
    } else {
        add_operand(way, DNNL_ARG_SRC, wanted(way, dnnl_query_src_md, 0), o->x, o->images);
        add_operand(way, DNNL_ARG_DIFF_DST, wanted(way, dnnl_query_diff_dst_md, 0), o->y, o->images);
        add_filters(way, DNNL_ARG_DIFF_WEIGHTS, wanted(way, dnnl_query_diff_weights_md, 0), o);
    }
}

/* --- the way */

static void run(void *state)
{
    onednn *way = state;
    omp_set_num_threads(way->threads);
    CHECK(dnnl_primitive_execute(way->primitive, way->stream, way->count, way->args));
    CHECK(dnnl_stream_wait(way->stream));
}

static void destroy(void *state)
{
    onednn *way = state;
    for (int i = 0; i < way->count; i++)
        dnnl_memory_destroy(way->args[i].memory);
    tn_release(NULL, way->filters, way->filter_bytes);
    if (way->primitive != NULL)
        dnnl_primitive_destroy(way->primitive);
    if (way->desc != NULL)
        dnnl_primitive_desc_destroy(way->desc);
    if (way->forward != NULL)
        dnnl_primitive_desc_destroy(way->forward);
    dnnl_stream_destroy(way->stream);
    dnnl_engine_destroy(way->engine);
    free(way);
}

static dnnl_alg_kind_t algorithm_of(conv_way_kind kind)
{
    return kind == WAY_DIRECT ? dnnl_convolution_direct
           : kind == WAY_AUTO ? dnnl_convolution_auto
                              : dnnl_convolution_winograd;
}

/* The team that primitives of this many threads will run on, a core for each. */
static void make_team(int threads)
{
    omp_set_num_threads(threads); /* oneDNN plans for as many */
#pragma omp parallel
    pin_thread(omp_get_thread_num());
}

conv_way conv_way_onednn(const conv_problem *problem, conv_way_kind kind)
{
    onednn *state = calloc(1, sizeof *state);
    conv_way way = {.destroy = destroy, .state = state};
    const char *name = "";
    if (state == NULL)
        bench_die("calloc");
    state->threads = problem->threads;
    make_team(problem->threads);
    CHECK(dnnl_engine_create(&state->engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&state->stream, state->engine, dnnl_stream_default_flags));
    if (!choose(state, problem, algorithm_of(kind))) {
        conv_way_destroy(&way);
        return way;
    }
    add_operands(state, problem->pass, problem->operands);
    CHECK(dnnl_primitive_desc_query(state->desc, dnnl_query_impl_info_str, 0, &name));
    snprintf(way.name, sizeof way.name, "%s", name);
    way.run = run;
    return way;
}

const char *onednn_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
