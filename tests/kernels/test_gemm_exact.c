/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  tn_matmul with small integers, where every sum is exact in float: equal to a triple loop to the last bit, for odd
 *  sizes, all strides of the operands, alpha, beta, bias and activation, any number of threads. */
#include "conv_reference.h"
#include "guarded.h"
#include "suite.h"

#include <math.h>
#include <stdio.h>

enum { PRODUCTS = 400, GAP = 3 };

typedef struct product {
    int64_t m, n, k, ldc;
    int layout_a, layout_b; /* 0 rows, 1 columns, 2 rows with gaps, 3 every second element of columns */
    float alpha, beta;
    bool with_bias;
    tn_activation activation;
    int threads;
} product;

static int64_t draw_size(draw *d, int64_t most)
{
    static const int64_t sizes[] = {1, 2, 3, 5, 7, 8, 11, 15, 16, 17, 31, 32, 33, 47, 63, 65, 96, 97, 129, 130};
    int64_t size = draw_int(d, 0, 3) ? sizes[draw_int(d, 0, 19)] : draw_int(d, 1, most);
    return size <= most ? size : most;
}

/* What a dense layer asks for with few rows. */
static void make_thin(draw *d, product *p)
{
    p->m = draw_int(d, 1, 9);
    p->layout_a = 2 * (int)draw_int(d, 0, 1);
    p->layout_b = 2 * (int)draw_int(d, 0, 1);
    p->alpha = 1.0f;
    p->beta = 0.0f;
}

/* And with some rows and weights too large for a cache. */
static void make_streamed(draw *d, product *p)
{
    make_thin(d, p);
    p->m = draw_int(d, 14, 50);
    p->n = draw_int(d, 900, 1200);
    p->k = draw_int(d, 900, 1200);
    p->layout_b = (int)draw_int(d, 0, 2);
    p->ldc = p->n + GAP;
}

static product draw_product(draw *d, int index)
{
    static const float alphas[] = {1.0f, 1.0f, -2.0f, 0.5f}, betas[] = {0.0f, 0.0f, 1.0f, -1.0f, 0.5f};
    product p = {.m = draw_size(d, 150), .n = draw_size(d, 150), .k = draw_size(d, 150)};
    if (index % 8 == 0) { /* past any cache block along one side */
        int64_t *side = index % 24 == 0 ? &p.k : index % 24 == 8 ? &p.m : &p.n;
        *side = draw_int(d, 600, 1300);
    }
    p.layout_a = (int)draw_int(d, 0, 3);
    p.layout_b = (int)draw_int(d, 0, 3);
    p.ldc = p.n + (draw_int(d, 0, 1) ? GAP : 0);
    p.alpha = alphas[draw_int(d, 0, 3)];
    p.beta = betas[draw_int(d, 0, 4)];
    p.with_bias = draw_int(d, 0, 1) != 0;
    p.activation = (tn_activation)draw_int(d, TN_LINEAR, TN_TANH);
    p.threads = (int)draw_int(d, 1, 3);
    if (index % 4 == 1)
        make_thin(d, &p);
    if (index % 50 == 2)
        make_streamed(d, &p);
    return p;
}

/* An operand of integers in one of the four layouts; the rest of its memory is NaN. */
static tn_matrix draw_matrix(draw *d, int64_t rows, int64_t cols, int layout)
{
    const int64_t row_strides[] = {cols, 1, cols + GAP, 2}, col_strides[] = {1, rows, 1, 2 * rows};
    tn_matrix matrix = {NULL, row_strides[layout], col_strides[layout]};
    size_t count = (size_t)((rows - 1) * matrix.row_stride + (cols - 1) * matrix.col_stride + 1);
    float *data = malloc(count * sizeof *data);
    ck_assert_ptr_nonnull(data);
    memset(data, 0xff, count * sizeof *data);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            data[i * matrix.row_stride + j * matrix.col_stride] = (float)draw_int(d, -3, 3);
    matrix.data = data;
    return matrix;
}

static double activate(tn_activation activation, double x)
{
    switch (activation) {
    case TN_RELU:
        return x > 0.0 ? x : 0.0;
    case TN_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case TN_TANH:
        return tanh(x);
    default:
        return x;
    }
}

static double dot(const tn_matmul_args *args, int64_t i, int64_t j)
{
    double sum = 0.0;
    for (int64_t k = 0; k < args->k; k++)
        sum += (double)args->a.data[i * args->a.row_stride + k * args->a.col_stride] *
               (double)args->b.data[k * args->b.row_stride + j * args->b.col_stride];
    return sum;
}

static void check_element(const product *p, const tn_matmul_args *args, const float *before, int64_t i, int64_t j)
{
    double old = p->beta == 0.0f ? 0.0 : (double)p->beta * (double)before[i * p->ldc + j];
    double sum = (double)p->alpha * dot(args, i, j) + old + (p->with_bias ? (double)args->bias[j] : 0.0);
    double expected = activate(p->activation, sum), got = (double)args->c[i * p->ldc + j];
    /* sigmoid and tanh are approximations; the others are exact */
    double bound = p->activation == TN_SIGMOID || p->activation == TN_TANH ? 1e-6 : 0.0;
    ck_each(fabs(got - expected) <= bound,
            "[%lld,%lld] of %lldx%lldx%lld, layouts %d %d, alpha %g, beta %g, activation %d: %g, expected %g",
            (long long)i, (long long)j, (long long)p->m, (long long)p->n, (long long)p->k, p->layout_a, p->layout_b,
            (double)p->alpha, (double)p->beta, p->activation, got, expected);
}

static void run(const product *p, tn_matmul_args *args)
{
    size_t bytes;
    tn_pool *pool = NULL;
    ck_ok(tn_matmul_scratch(p->m, p->n, p->k, p->threads, &bytes));
    ck_ok(tn_pool_create(NULL, p->threads, &pool));
    guarded scratch = guard(bytes);
    tn_matmul(pool, args, scratch.memory);
    check_guard(&scratch);
    tn_pool_destroy(&pool);
}

static void check_all(const product *p, const tn_matmul_args *args, const float *before)
{
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++)
            check_element(p, args, before, i, j);
        for (int64_t j = p->n; j < p->ldc && i + 1 < p->m; j++)
            ck_each(args->c[i * p->ldc + j] == before[i * p->ldc + j], "number %lld behind row %lld was written",
                    (long long)j, (long long)i);
    }
}

START_TEST(test_product)
{
    draw d = {9001 + (uint64_t)_i * 7919};
    product p = draw_product(&d, _i);
    tn_matmul_args args = {.m = p.m,
                           .n = p.n,
                           .k = p.k,
                           .a = draw_matrix(&d, p.m, p.k, p.layout_a),
                           .b = draw_matrix(&d, p.k, p.n, p.layout_b),
                           .ldc = p.ldc,
                           .alpha = p.alpha,
                           .beta = p.beta,
                           .activation = p.activation};
    size_t count = (size_t)((p.m - 1) * p.ldc + p.n);
    float *before = malloc(count * sizeof *before), *bias = malloc((size_t)p.n * sizeof *bias);
    args.c = malloc(count * sizeof *args.c);
    ck_assert(before && bias && args.c);
    draw_integers(&d, before, (int64_t)count);
    draw_integers(&d, bias, p.n);
    args.bias = p.with_bias ? bias : NULL;
    memcpy(args.c, before, count * sizeof *args.c);
    for (int64_t i = 0; p.beta == 0.0f && i < p.m * p.n; i++)
        args.c[i / p.n * p.ldc + i % p.n] = NAN; /* must not be read */
    run(&p, &args);
    check_all(&p, &args, before);
    free(before);
    free(bias);
    free(args.c);
    free((void *)(uintptr_t)args.a.data);
    free((void *)(uintptr_t)args.b.data);
}
END_TEST

/* A sum of nothing: C is scaled, or cleared whatever it was. */
START_TEST(test_no_depth)
{
    static const int64_t sizes[][2] = {{5, 7}, {60, 40}, {40, 3}, {1, 1}};
    float c[60 * 40];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t m = sizes[i][0], n = sizes[i][1];
        for (int beta = 0; beta <= 2; beta += 2) {
            tn_matmul_args args = {.m = m, .n = n, .a = {c, 1, 1}, .b = {c, n, 1}, .c = c, .ldc = n, .alpha = 1.0f};
            args.beta = (float)beta;
            for (int64_t j = 0; j < m * n; j++)
                c[j] = beta == 0 ? NAN : (float)j;
            run(&(product){.m = m, .n = n, .threads = 1}, &args);
            for (int64_t j = 0; j < m * n; j++)
                ck_each(c[j] == (float)(beta * j), "%lldx%lld, beta %d: %g at %lld", (long long)m, (long long)n, beta,
                        (double)c[j], (long long)j);
        }
    }
}
END_TEST

TN_SUITE("gemm_exact", TN_LOOPED(test_product, PRODUCTS), {test_no_depth})
