/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Every instruction set's inner loops give the generic ones' bits, for awkward lengths, NaN and infinities included.
 *  Sets that this CPU lacks are left out, and said so. */
#include "isa_suite.h"
#include "kernel_cases.h"

enum { COUNT = 1037, WIDTH = 37 };

typedef struct numbers {
    float x[COUNT], dy[COUNT], finite[COUNT];
    uint8_t bytes[COUNT];
} numbers;

static void draw_numbers(numbers *n)
{
    draw d = {701};
    draw_reals(&d, 0.0, 30.0, n->x, COUNT);
    draw_reals(&d, 0.0, 1.0, n->dy, COUNT);
    draw_reals(&d, 0.0, 3.0, n->finite, COUNT);
    for (int i = 0; i < COUNT; i++)
        n->bytes[i] = (uint8_t)draw_int(&d, 0, 8);
    n->x[5] = NAN;
    n->x[40] = INFINITY;
    n->x[41] = -INFINITY;
    n->x[42] = -0.0f;
}

/** Where a table's results are put, one after another. */
typedef struct results {
    float all[32][COUNT];
    int used;
} results;

static float *next(results *r)
{
    ck_assert_int_lt(r->used, 32);
    return r->all[r->used++];
}

static void run_elements(const tn_element_table *t, const numbers *n, results *r)
{
    t->relu(n->x, next(r), COUNT);
    t->sigmoid(n->x, next(r), COUNT);
    t->tanh(n->x, next(r), COUNT);
    t->exp(n->x, next(r), COUNT);
    t->relu_gradient(n->x, n->dy, next(r), COUNT);
    t->sigmoid_gradient(n->x, n->dy, next(r), COUNT);
    t->tanh_gradient(n->x, n->dy, next(r), COUNT);
    t->dropout(1, 2, 1 << 22, 1.25f, 64, COUNT, n->dy, next(r));
    t->dropout_mask(n->bytes, 0.7f, n->x, next(r), COUNT);
    t->scale_bytes(n->bytes, 0.3f, next(r), COUNT);
    t->blend(n->finite, n->dy, 0.3f, 0.7f, next(r), COUNT);
    float *sum = next(r);
    memcpy(sum, n->dy, sizeof n->dy);
    t->add(n->x, sum, COUNT);
}

static void run_vectors(const tn_element_table *t, const numbers *n, results *r)
{
    t->softmax(n->finite, next(r), COUNT);
    t->log_softmax(n->finite, next(r), COUNT);
    t->softmax_gradient(n->finite, n->dy, next(r), COUNT);
    t->softmax_columns(n->finite, next(r), COUNT / WIDTH, WIDTH, WIDTH);
    t->log_softmax_columns(n->finite, next(r), COUNT / WIDTH, WIDTH, WIDTH);
    t->softmax_gradient_columns(n->finite, n->dy, next(r), COUNT / WIDTH, WIDTH, WIDTH);
    t->sum_rows(n->finite, COUNT / WIDTH, WIDTH, WIDTH, next(r));
    double squares = t->sum_squares(n->finite, COUNT);
    memcpy(next(r), &squares, sizeof squares);
}

static void run_windows(const tn_element_table *t, const numbers *n, results *r)
{
    const tn_window_extent extent = {-1, 2, 3, 0, 9};
    for (int64_t size = 2; size <= 4; size++) {
        const tn_window_walk walk = {3, size, size, 6 * WIDTH, WIDTH, 1, 5, 1};
        float *y = next(r);
        t->max_pixel(n->x, &walk, WIDTH, y, y + 100, size == 4 ? 2 : 1);
        t->max_pixel_gradient(n->dy, n->bytes, 1, &walk, WIDTH, y + 200);
        t->avg_pixel(n->finite, &walk, 7.0f, WIDTH, y + 300);
        t->avg_pixel_gradient(n->dy, &walk, &extent, &extent, WIDTH, y + 400);
    }
}

static const float *run(const tn_element_table *table)
{
    static numbers n;
    results *r = calloc(1, sizeof *r);
    ck_assert_ptr_nonnull(r);
    draw_numbers(&n);
    run_elements(table, &n, r);
    run_vectors(table, &n, r);
    run_windows(table, &n, r);
    return &r->all[0][0];
}

static void compare(const tn_element_table *table, const char *name)
{
    const float *ours = run(table), *generic = run(&tn_element_table_generic);
    for (int i = 0; i < 32 * COUNT; i++) {
        bool both_nan = isnan(ours[i]) && isnan(generic[i]); /* which NaN is the CPU's choice */
        ck_assert_msg(both_nan || memcmp(&ours[i], &generic[i], sizeof *ours) == 0, "%s: result %d of %d is %a, not %a",
                      name, i % COUNT, i / COUNT, (double)ours[i], (double)generic[i]);
    }
    free((void *)(uintptr_t)ours);
    free((void *)(uintptr_t)generic);
}

/* References are number 0, generic 1. */
START_TEST(test_same)
{
    const kernel_tables *tables = kernel_tables_number(2 + _i);
    if (tables)
        compare(tables->element, tables->name);
    else
        printf("left out: instruction set %d, which this CPU lacks\n", _i + 2);
}
END_TEST

/* The comparison itself notices a bit: other numbers give other results. */
START_TEST(test_results_differ_by_input)
{
    const float *bits = run(&tn_element_table_generic);
    int distinct = 0;
    for (int i = 1; i < 24 * COUNT; i++)
        distinct += bits[i] != bits[i - 1];
    ck_assert_int_gt(distinct, 12 * COUNT);
    free((void *)(uintptr_t)bits);
}
END_TEST

TN_SUITE("isa_same", TN_LOOPED(test_same, 2), {test_results_differ_by_input})
