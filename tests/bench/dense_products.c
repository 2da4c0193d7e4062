/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  x [M,K], w [K,units], y [M,units]: y = x w, dx = dy w^T, dw = x^T dy. */
#include "dense_products.h"

#include "base/memory.h"
#include "bench.h"
#include "kernel_peak.h"
#include "kernels/conv.h"

#include <string.h>

enum { MAX_REPEATS = 100 };

typedef struct dense {
    const char *name;
    int64_t k, units;
} dense;

static const dense layers[] = {
    {"alexnet.dense1", 6400, 4096},
    {"alexnet.dense2", 4096, 4096},
    {"alexnet.dense3", 4096, 10},
    {"lenet.dense1", 400, 120},
};
enum { LAYERS = sizeof layers / sizeof layers[0] };

static void bench_product(tn_pool *pool, const tn_matmul_args *args, int repeats, double peak)
{
    double times[MAX_REPEATS], flops = 2.0 * (double)args->m * (double)args->n * (double)args->k;
    size_t bytes;
    void *scratch;
    BENCH_TRY(tn_matmul_scratch(args->m, args->n, args->k, tn_pool_threads(pool), &bytes));
    BENCH_TRY(tn_alloc(NULL, bytes, "scratch", &scratch));
    tn_matmul(pool, args, scratch);
    for (int i = 0; i < repeats; i++) {
        double start = bench_now();
        tn_matmul(pool, args, scratch);
        times[i] = bench_now() - start;
    }
    double median = bench_median(times, repeats);
    printf("  %9.3f ms %7.1f %4.0f%%", 1e3 * median, 1e-9 * flops / median, 100.0 * flops / median / peak);
    tn_release(NULL, scratch, bytes);
}

static float *zeros(int64_t rows, int64_t cols)
{
    float *out;
    BENCH_TRY(tn_alloc(NULL, (size_t)(rows * cols) * sizeof *out, "matrix", &out));
    return out;
}

static void release(float *matrix, int64_t rows, int64_t cols)
{
    tn_release(NULL, matrix, (size_t)(rows * cols) * sizeof *matrix);
}

static void bench_layer(tn_pool *pool, const dense *d, int64_t m, int repeats)
{
    int64_t k = d->k, u = d->units;
    float *x = zeros(m, k), *w = zeros(k, u), *y = zeros(m, u), *dx = zeros(m, k), *dw = zeros(k, u);
    tn_matmul_args forward = {.m = m, .n = u, .k = k, .a = {x, k, 1}, .b = {w, u, 1}, .c = y, .ldc = u, .alpha = 1.0f};
    tn_matmul_args data = {.m = m, .n = k, .k = u, .a = {y, u, 1}, .b = {w, 1, u}, .c = dx, .ldc = k, .alpha = 1.0f};
    tn_matmul_args weights = {.m = k, .n = u, .k = m, .a = {x, 1, k}, .b = {y, u, 1}, .c = dw, .ldc = u, .alpha = 1.0f};
    double peak = kernel_peak(pool);
    printf("%-20s", d->name);
    bench_product(pool, &forward, repeats, peak);
    bench_product(pool, &data, repeats, peak);
    bench_product(pool, &weights, repeats, peak);
    printf("\n");
    release(x, m, k);
    release(w, k, u);
    release(y, m, u);
    release(dx, m, k);
    release(dw, k, u);
}

bool dense_products_have(const char *prefix)
{
    for (int i = 0; i < LAYERS; i++)
        if (strncmp(layers[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

void dense_products_bench(tn_pool *pool, int64_t batch, int repeats, const char *prefix)
{
    int printed = 0;
    for (int i = 0; i < LAYERS; i++) {
        if (strncmp(layers[i].name, prefix, strlen(prefix)) != 0)
            continue;
        if (printed++ == 0)
            printf("\n%-20s  %-25s  %-25s  %s\n", "dense layer", "forward", "data gradient", "weight gradient");
        bench_layer(pool, &layers[i], batch, repeats);
    }
}
