/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A product whose results go to a sink gives it the bits that it otherwise stores, each element once, within the sizes
 * of the matrix; with sizes on both sides of the blocks' limits, sides turned or not, any number of threads. */
#include "conv_reference.h"
#include "guarded.h"
#include "kernels/product.h"
#include "suite.h"

#include <stdatomic.h>

enum { PRODUCTS = 60 };

/* What a sink does here: it writes down what it gets. */
typedef struct record {
    int64_t m, n;
    float *c;
    atomic_uchar *times; /* [m,n] */
    atomic_bool strays;
} record;

static void note(const void *context, const tn_block *block)
{
    record *own = *(record *const *)context;
    if (block->row < 0 || block->col < 0 || block->rows < 1 || block->cols < 1 || block->row + block->rows > own->m ||
        block->col + block->cols > own->n) {
        atomic_store(&own->strays, true);
        return;
    }
    for (int64_t i = 0; i < block->rows; i++) {
        for (int64_t j = 0; j < block->cols; j++) {
            int64_t at = (block->row + i) * own->n + block->col + j;
            own->c[at] = block->data[i * block->stride + j];
            atomic_fetch_add(&own->times[at], 1);
        }
    }
}

static void run(const tn_matmul_args *args, int threads, bool to_sink)
{
    size_t bytes;
    tn_pool *pool = NULL;
    ck_ok((to_sink ? tn_matmul_sink_scratch : tn_matmul_scratch)(args->m, args->n, args->k, threads, &bytes));
    ck_ok(tn_pool_create(NULL, threads, &pool));
    guarded scratch = guard(bytes);
    tn_matmul(pool, args, scratch.memory);
    check_guard(&scratch);
    tn_pool_destroy(&pool);
}

/* Around one block's 192 rows and 256 columns, a kernel's depth of 256 or 384, and results narrower than a vector. */
static int64_t draw_side(draw *d)
{
    static const int64_t sizes[] = {1, 3, 10, 31, 33, 128, 191, 193, 255, 256, 257, 400, 517};
    return sizes[draw_int(d, 0, 12)];
}

static float *draw_numbers(draw *d, int64_t count)
{
    float *numbers = malloc((size_t)count * sizeof *numbers);
    ck_assert_ptr_nonnull(numbers);
    draw_reals(d, 0.1, 1.0, numbers, count);
    return numbers;
}

START_TEST(test_same_bits)
{
    static const int64_t depths[] = {1, 5, 96, 128, 256, 385, 400, 800};
    draw d = {77 + (uint64_t)_i * 7919};
    const int64_t m = draw_side(&d), n = draw_side(&d), k = depths[draw_int(&d, 0, 7)];
    float *a = draw_numbers(&d, m * k), *b = draw_numbers(&d, k * n), *c = draw_numbers(&d, m * n);
    tn_matmul_args args = {.m = m, .n = n, .k = k, .a = {a, 1, m}, .b = {b, n, 1}, .c = c, .ldc = n, .alpha = 1.0f};
    run(&args, 1, false);
    record r = {.m = m, .n = n, .c = malloc((size_t)(m * n) * sizeof *r.c), .times = calloc((size_t)(m * n), 1)};
    ck_assert(r.c && r.times);
    record *context = &r; /* a sink's context is const, but may point on */
    const tn_sink sink = {note, &context};
    args.c = NULL;
    args.sink = &sink;
    run(&args, 1 + _i % 4, true);
    ck_assert(!atomic_load(&r.strays));
    int64_t once = 0;
    while (once < m * n && atomic_load(&r.times[once]) == 1)
        once++;
    ck_assert_msg(once == m * n, "element %lld of [%lld,%lld] did not come once", (long long)once, (long long)m,
                  (long long)n);
    ck_assert_mem_eq(r.c, c, (size_t)(m * n) * sizeof *c);
    free(r.c);
    free(r.times);
    free(a);
    free(b);
    free(c);
}
END_TEST

/* A packed matrix that does not fit, in each of the steps. */
START_TEST(test_sizes_that_do_not_fit)
{
    const tn_product many = {.m = 8, .n = INT64_MAX - 1, .k = 1}, deep = {.m = 8, .n = 1 << 20, .k = INT64_MAX / 1000},
                     large = {.m = 8, .n = 1 << 20, .k = INT64_MAX / 8 >> 20};
    size_t bytes = 7;
    ck_fails(tn_product_packed(&many, &bytes), TN_ERR_OVERFLOW, "does not fit");
    ck_fails(tn_product_packed(&deep, &bytes), TN_ERR_OVERFLOW, "does not fit");
    ck_fails(tn_product_packed(&large, &bytes), TN_ERR_OVERFLOW, "does not fit");
    ck_assert_uint_eq(bytes, 7);
}
END_TEST

TN_SUITE("product_sink", TN_LOOPED(test_same_bits, PRODUCTS), {test_sizes_that_do_not_fit})
