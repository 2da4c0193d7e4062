/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Speed of single convolutions and products, pass by pass: GFLOP/s, counting the operations of the definition, and the
 *  share of what BLIS's micro-kernel reaches alone on as many threads. Winograd passes 100%.
 *
 *      bench_layers [--threads N] [--batch N] [--repeats N] [--precise] [--cpu-time] [--pass 0|1|2] [NAME-PREFIX]
 *
 *  Each figure is the least disturbed of its repeats; the peak is measured again before every layer. */
#include "base/pool.h"
#include "kernels/conv.h"
#include "kernels/gemm_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct layer {
    const char *name;
    int64_t size, channels, filters, kernel, stride, pad;
} layer;

static const layer layers[] = {
    {"alexnet.conv1", 224, 1, 96, 11, 4, 0},     {"alexnet.conv2", 26, 96, 256, 5, 1, 2},
    {"alexnet.conv3", 12, 256, 384, 3, 1, 1},    {"alexnet.conv4", 12, 384, 384, 3, 1, 1},
    {"alexnet.conv5", 12, 384, 256, 3, 1, 1},    {"alexnet12.conv1", 224, 3, 96, 11, 4, 2},
    {"lenet.conv1", 28, 1, 6, 5, 1, 2},          {"lenet.conv2", 14, 6, 16, 5, 1, 0},
    {"vgg.conv1_1", 224, 3, 64, 3, 1, 1},        {"vgg.conv1_2", 224, 64, 64, 3, 1, 1},
    {"vgg.conv2_1", 112, 64, 128, 3, 1, 1},      {"vgg.conv2_2", 112, 128, 128, 3, 1, 1},
    {"vgg.conv3_1", 56, 128, 256, 3, 1, 1},      {"vgg.conv3_2", 56, 256, 256, 3, 1, 1},
    {"vgg.conv4_1", 28, 256, 512, 3, 1, 1},      {"vgg.conv4_2", 28, 512, 512, 3, 1, 1},
    {"vgg.conv5", 14, 512, 512, 3, 1, 1},        {"resnet.conv1", 224, 3, 64, 7, 2, 3},
    {"resnet.layer1", 56, 64, 64, 3, 1, 1},      {"resnet.layer2.0", 56, 64, 128, 3, 2, 1},
    {"resnet.layer2", 28, 128, 128, 3, 1, 1},    {"resnet.layer3.0", 28, 128, 256, 3, 2, 1},
    {"resnet.layer3", 14, 256, 256, 3, 1, 1},    {"resnet.layer4.0", 14, 256, 512, 3, 2, 1},
    {"resnet.layer4", 7, 512, 512, 3, 1, 1},     {"resnet.down2", 56, 64, 128, 1, 2, 0},
    {"resnet50.1x1a", 56, 64, 256, 1, 1, 0},     {"resnet50.1x1b", 56, 256, 64, 1, 1, 0},
    {"resnet50.1x1c", 28, 512, 128, 1, 1, 0},    {"resnet50.1x1d", 14, 1024, 256, 1, 1, 0},
    {"resnet50.1x1e", 7, 2048, 512, 1, 1, 0},    {"odd.3x3", 31, 37, 53, 3, 1, 1},
    {"odd.5x5", 31, 37, 53, 5, 1, 2},            {"odd.7x7", 31, 37, 53, 7, 1, 3},
};

typedef struct product {
    const char *name;
    int64_t k, units;
} product;

static const product products[] = {
    {"alexnet.dense1", 6400, 4096}, {"alexnet.dense2", 4096, 4096}, {"alexnet.dense3", 4096, 10},
    {"lenet.dense1", 400, 120},
};

typedef struct settings {
    int threads, repeats, pass; /* pass -1: all */
    int64_t batch;
    bool precise;
    const char *prefix;
    tn_pool *pool;
} settings;

/** Seconds: on the wall, or of processor time where others keep the processor busy (then with one thread alone). */
static clockid_t bench_clock = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec t;
    clock_gettime(bench_clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *memory(size_t bytes)
{
    size_t rounded = (bytes + 63) / 64 * 64 + 64;
    char *p = aligned_alloc(64, rounded);
    if (!p) {
        fprintf(stderr, "bench_layers: no memory for %zu bytes\n", rounded);
        exit(1);
    }
    memset(p, 0, rounded);
    return p;
}

static float *numbers(int64_t count)
{
    float *p = memory((size_t)count * sizeof *p);
    for (int64_t i = 0; i < count; i++)
        p[i] = (float)((i * 1103515245 + 12345) >> 8 & 0xffff) * (1.0f / 32768.0f) - 1.0f;
    return p;
}

/* ---- the peak ---- */

typedef struct peak_job {
    float *s, *v, *c;
    int64_t tiles;
} peak_job;

static void run_peak(const tn_team *team, void *arg)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    const peak_job *job = arg;
    for (int64_t i = 0; i < job->tiles; i++)
        tn_gemm_tile(kernel->s, kernel->v, kernel->kc, 1.0f, job->s, job->v, 0.0f,
                     job->c + team->index * kernel->s * kernel->v, kernel->v);
}

/** GFLOP/s of the micro-kernel on all threads, its panels in the caches. */
static double peak(const settings *set)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    size_t depth = (size_t)kernel->kc * sizeof(float);
    peak_job job = {memory((size_t)kernel->s * depth + TN_PANEL_SLACK), memory((size_t)kernel->v * depth + TN_PANEL_SLACK),
                    memory((size_t)(kernel->s * kernel->v * set->threads) * sizeof(float)), 4000};
    double best = 0.0, flops = 2.0 * (double)(kernel->s * kernel->v * kernel->kc * job.tiles * set->threads);
    for (int i = 0; i < 3; i++) {
        double start = now();
        tn_pool_run(set->pool, run_peak, &job);
        double rate = flops / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    free(job.s);
    free(job.v);
    free(job.c);
    return best;
}

/** What the machine does for others only ever adds. */
static double least(const double *times, int count)
{
    double best = times[0];
    for (int i = 1; i < count; i++)
        best = times[i] < best ? times[i] : best;
    return best;
}

static void print_rate(const char *algorithm, double flops, double seconds, double top)
{
    double rate = flops / seconds * 1e-9;
    printf("  %-14s %8.2f ms %6.0f %4.0f%%", algorithm, seconds * 1e3, rate, 100.0 * rate / top);
    fflush(stdout);
}

/* ---- convolutions ---- */

typedef struct operands {
    float *x, *w, *y, *bias, *result;
    void *scratch;
} operands;

static tn_conv_shape shape_of(const layer *l, int64_t batch)
{
    int64_t out = (l->size + 2 * l->pad - l->kernel) / l->stride + 1;
    return (tn_conv_shape){.n = batch, .h = l->size, .w = l->size, .c = l->channels, .r = l->kernel, .s = l->kernel,
                           .f = l->filters, .oh = out, .ow = out, .stride_h = l->stride, .stride_w = l->stride,
                           .dilation_h = 1, .dilation_w = 1, .pad_top = l->pad, .pad_left = l->pad, .groups = 1};
}

static void run_pass(const settings *set, const tn_conv_plan *plan, tn_conv_pass pass, const operands *o)
{
    int64_t n = plan->shape.n;
    if (pass == TN_CONV_FORWARD)
        tn_conv_forward(plan, set->pool, n, o->x, o->w, NULL, o->bias, TN_RELU, o->result, o->scratch);
    else if (pass == TN_CONV_DATA)
        tn_conv_data_gradient(plan, set->pool, n, o->y, o->w, o->result, o->scratch);
    else
        tn_conv_filter_gradient(plan, set->pool, n, o->x, o->y, false, o->result, o->scratch);
}

static void bench_pass(const settings *set, const tn_conv_shape *s, tn_conv_pass pass, operands *o, double top)
{
    tn_conv_plan plan;
    double times[64] = {0}, flops = 2.0 * (double)(s->n * s->oh * s->ow) * (double)(s->f * s->r * s->s * s->c);
    if (tn_conv_plan_pass(s, pass, &(tn_conv_wishes){.precise = set->precise, .threads = set->threads}, &plan) != TN_OK) {
        printf("  %s", tn_last_error());
        return;
    }
    o->scratch = memory(plan.scratch_bytes);
    run_pass(set, &plan, pass, o);
    for (int i = 0; i < set->repeats; i++) {
        double start = now();
        run_pass(set, &plan, pass, o);
        times[i] = now() - start;
    }
    print_rate(plan.name, flops, least(times, set->repeats), top);
    free(o->scratch);
}

static void bench_layer(const settings *set, const layer *l)
{
    tn_conv_shape s = shape_of(l, set->batch);
    int64_t x = s.n * s.h * s.w * s.c, w = s.r * s.s * s.c * s.f, y = s.n * s.oh * s.ow * s.f;
    operands o = {numbers(x), numbers(w), numbers(y), numbers(s.f), NULL, NULL};
    o.result = memory((size_t)(x > y ? (x > w ? x : w) : (y > w ? y : w)) * sizeof(float));
    double top = peak(set);
    printf("%-16s %5.0f", l->name, top);
    for (int pass = TN_CONV_FORWARD; pass <= TN_CONV_FILTER; pass++)
        if (set->pass < 0 || set->pass == pass)
            bench_pass(set, &s, (tn_conv_pass)pass, &o, top);
    printf("\n");
    free(o.x);
    free(o.w);
    free(o.y);
    free(o.bias);
    free(o.result);
}

/* ---- dense layers ---- */

static void bench_matmul(const settings *set, const tn_matmul_args *args, double top)
{
    double times[64] = {0};
    size_t bytes;
    if (tn_matmul_scratch(args->m, args->n, args->k, set->threads, &bytes) != TN_OK)
        return;
    void *scratch = memory(bytes);
    tn_matmul(set->pool, args, scratch);
    for (int i = 0; i < set->repeats; i++) {
        double start = now();
        tn_matmul(set->pool, args, scratch);
        times[i] = now() - start;
    }
    print_rate("matmul", 2.0 * (double)args->m * (double)args->n * (double)args->k, least(times, set->repeats), top);
    free(scratch);
}

static void bench_product(const settings *set, const product *p)
{
    int64_t m = set->batch, k = p->k, u = p->units;
    float *x = numbers(m * k), *w = numbers(k * u), *y = numbers(m * u), *dx = numbers(m * k), *dw = numbers(k * u);
    double top = peak(set);
    printf("%-16s %5.0f", p->name, top);
    bench_matmul(set, &(tn_matmul_args){.m = m, .n = u, .k = k, .a = {x, k, 1}, .b = {w, u, 1}, .c = y, .ldc = u,
                                        .alpha = 1.0f}, top);
    bench_matmul(set, &(tn_matmul_args){.m = m, .n = k, .k = u, .a = {y, u, 1}, .b = {w, 1, u}, .c = dx, .ldc = k,
                                        .alpha = 1.0f}, top);
    bench_matmul(set, &(tn_matmul_args){.m = k, .n = u, .k = m, .a = {x, 1, k}, .b = {y, u, 1}, .c = dw, .ldc = u,
                                        .alpha = 1.0f}, top);
    printf("\n");
    free(x);
    free(w);
    free(y);
    free(dx);
    free(dw);
}

static bool read_options(int argc, char **argv, settings *set)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--precise") == 0)
            set->precise = true;
        else if (strcmp(argv[i], "--cpu-time") == 0)
            bench_clock = CLOCK_PROCESS_CPUTIME_ID;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            set->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc)
            set->batch = atoi(argv[++i]);
        else if (strcmp(argv[i], "--repeats") == 0 && i + 1 < argc)
            set->repeats = atoi(argv[++i]);
        else if (strcmp(argv[i], "--pass") == 0 && i + 1 < argc)
            set->pass = atoi(argv[++i]);
        else if (argv[i][0] != '-')
            set->prefix = argv[i];
        else
            return false;
    }
    return set->threads >= 1 && set->threads <= 256 && set->batch >= 1 && set->repeats >= 1 && set->repeats <= 64;
}

int main(int argc, char **argv)
{
    settings set = {.threads = 1, .repeats = 5, .pass = -1, .batch = 32, .prefix = ""};
    if (!read_options(argc, argv, &set)) {
        fprintf(stderr, "bench_layers [--threads N] [--batch N] [--repeats N] [--precise] [--cpu-time] [--pass 0|1|2] [NAME-PREFIX]\n");
        return 2;
    }
    if (tn_pool_create(NULL, set.threads, &set.pool) != TN_OK) {
        fprintf(stderr, "bench_layers: %s\n", tn_last_error());
        return 1;
    }
    printf("batch %d, %d threads, %s\n%-16s %5s  %-46s%-46s%s\n", (int)set.batch, set.threads,
           tn_gemm_kernel_in_use()->kernels, "layer", "peak", "forward", "data gradient", "filter gradient");
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        if (strncmp(layers[i].name, set.prefix, strlen(set.prefix)) == 0)
            bench_layer(&set, &layers[i]);
    }
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        if (strncmp(products[i].name, set.prefix, strlen(set.prefix)) == 0)
            bench_product(&set, &products[i]);
    }
    tn_pool_destroy(&set.pool);
    return 0;
}
