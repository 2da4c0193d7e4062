/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What stands between a product and this CPU's peak: the multiply-adds alone, BLIS's micro-kernel on panels that stay
 *  in the L1 cache, and tn_gemm at the sizes of AlexNet's dense layers and at 2048 cubed. GFLOP/s, medians. */
#include "bench.h"
#include "fma_peak.h"
#include "kernels/gemm_kernel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 256, MAX_REPEATS = 1000 };

static bench_options options = {.steps = 10, .batch = 128};
static int rows_printed;

static bool wanted(const char *what)
{
    return options.only == NULL || strcmp(options.only, what) == 0;
}

static void print_row(const char *what, const char *name, int threads, double seconds, double flops)
{
    double rate = 1e-9 * flops / seconds;
    if (options.json)
        printf("%s{\"what\":\"%s\",\"name\":\"%s\",\"threads\":%d,\"ms\":%.5f,\"gflops\":%.3f}",
               rows_printed ? "," : "", what, name, threads, 1e3 * seconds, rate);
    else
        printf("%-6s %-32s %7d %10.3f %10.1f\n", what, name, threads, 1e3 * seconds, rate);
    rows_printed++;
    fflush(stdout);
}

/* --- peaks: every thread runs the same work on data of its own */

typedef struct worker {
    const char *isa; /* NULL: the micro-kernel */
    long rounds;
    double flops;
    float sink;
} worker;

static float *aligned(size_t floats)
{
    float *out = aligned_alloc(64, (floats * sizeof *out + 63) / 64 * 64);
    if (out == NULL) {
        fprintf(stderr, "bench_gemm: no memory\n");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < floats; i++)
        out[i] = (float)(i % 7) * 0.125f;
    return out;
}

/* One tile of the result, again and again: both panels are as deep as BLIS would have them. */
static void run_micro_kernel(worker *w)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    size_t slack = TN_PANEL_SLACK / sizeof(float);
    float *s = aligned((size_t)(kernel->s * kernel->kc) + slack),
          *v = aligned((size_t)(kernel->v * kernel->kc) + slack);
    float *c = aligned((size_t)(kernel->s * kernel->v));
    for (long r = 0; r < w->rounds; r++)
        tn_gemm_tile(kernel->s, kernel->v, kernel->kc, 1.0f, s, v, 0.0f, c, kernel->v);
    w->sink = c[0];
    w->flops = 2.0 * (double)(kernel->s * kernel->v * kernel->kc) * (double)w->rounds;
    free(s);
    free(v);
    free(c);
}

static void *run_worker(void *arg)
{
    worker *w = arg;
    if (w->isa != NULL)
        w->flops = fma_peak_run(w->isa, w->rounds, &w->sink);
    else
        run_micro_kernel(w);
    return NULL;
}

/* Seconds and FLOPs of all threads together. */
static double run_workers(const char *isa, int threads, long rounds, double *flops)
{
    worker workers[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    double start = bench_now();
    *flops = 0.0;
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker){.isa = isa, .rounds = rounds};
        if (pthread_create(&ids[i], NULL, run_worker, &workers[i]) != 0) {
            fprintf(stderr, "bench_gemm: no thread\n");
            exit(EXIT_FAILURE);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        *flops += workers[i].flops;
    }
    return bench_now() - start;
}

static void peak(const char *what, const char *isa, const char *name, int threads)
{
    double seconds[MAX_REPEATS], flops;
    long rounds = 1;
    while (run_workers(isa, threads, rounds, &flops) < 0.05 && rounds < (1L << 40))
        rounds *= 2;
    for (int i = 0; i < options.steps; i++)
        seconds[i] = run_workers(isa, threads, rounds, &flops);
    print_row(what, name, threads, bench_median(seconds, options.steps), flops);
}

static void peaks(int threads)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    tn_version_info info = {.struct_size = sizeof info};
    char name[64];
    BENCH_TRY(tn_version(&info));
    snprintf(name, sizeof name, "multiply-adds, %s", info.isa);
    if (wanted("fma"))
        peak("fma", info.isa, name, threads);
    snprintf(name, sizeof name, "%s %lldx%lld, k=%lld", kernel->kernels, (long long)kernel->s, (long long)kernel->v,
             (long long)kernel->kc);
    if (wanted("kernel"))
        peak("kernel", NULL, name, threads);
}

/* --- tn_gemm */

typedef struct product {
    const char *name;
    int64_t m, n, k; /* m or k 0: the batch */
    bool transpose_a, transpose_b;
} product;

static const product products[] = {
    {"dense_1 forward", 0, 4096, 6400, false, false}, {"dense_1 dw", 6400, 4096, 0, true, false},
    {"dense_1 dx", 0, 6400, 4096, false, true},       {"dense_2 forward", 0, 4096, 4096, false, false},
    {"dense_2 dw", 4096, 4096, 0, true, false},       {"dense_2 dx", 0, 4096, 4096, false, true},
    {"dense_3 forward", 0, 10, 4096, false, false},   {"dense_3 dw", 4096, 10, 0, true, false},
    {"dense_3 dx", 0, 4096, 10, false, true},         {"square", 2048, 2048, 2048, false, false},
};

static tn_tensor *matrix(int64_t rows, int64_t cols, bool transposed)
{
    const int64_t dims[2] = {transposed ? cols : rows, transposed ? rows : cols};
    tn_tensor *out = NULL;
    BENCH_TRY(tn_tensor_create(NULL, TN_F32, 2, dims, &out));
    BENCH_TRY(tn_tensor_fill_uniform(out, -1.0f, 1.0f, 3));
    return out;
}

static void multiply(const product *p, int threads)
{
    int64_t m = p->m ? p->m : options.batch, k = p->k ? p->k : options.batch;
    tn_tensor *a = matrix(m, k, p->transpose_a), *b = matrix(k, p->n, p->transpose_b), *y = matrix(m, p->n, false);
    double seconds[MAX_REPEATS];
    char name[96];
    for (int i = -1; i < options.steps; i++) { /* one to warm up */
        double start = bench_now();
        BENCH_TRY(tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = p->transpose_a, .transpose_b = p->transpose_b,
                                     .threads = threads),
                          a, b, NULL, y));
        if (i >= 0)
            seconds[i] = bench_now() - start;
    }
    snprintf(name, sizeof name, "%s %lldx%lldx%lld", p->name, (long long)m, (long long)p->n, (long long)k);
    print_row("gemm", name, threads, bench_median(seconds, options.steps), 2.0 * (double)m * (double)p->n * (double)k);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&y);
}

int main(int argc, char **argv)
{
    int counts[2];
    bench_read_options(argc, argv, "fma|kernel|gemm", &options);
    options.steps = options.steps < MAX_REPEATS ? options.steps : MAX_REPEATS;
    options.threads = options.threads < MAX_THREADS ? options.threads : MAX_THREADS;
    int kinds = bench_thread_counts(&options, counts);
    if (options.json) {
        bench_print_json_head(stdout, "gemm");
        printf(",\"steps\":%d,\"figures\":[", options.steps);
    } else {
        bench_print_head(stdout, "products");
        printf("%-6s %-32s %7s %10s %10s\n", "what", "name (m n k)", "threads", "ms", "GFLOP/s");
    }
    for (int t = 0; t < kinds; t++) {
        peaks(counts[t]);
        for (size_t i = 0; wanted("gemm") && i < sizeof products / sizeof products[0]; i++)
            multiply(&products[i], counts[t]);
    }
    if (options.json)
        printf("]}\n");
    return rows_printed > 0 ? EXIT_SUCCESS : 2;
}
