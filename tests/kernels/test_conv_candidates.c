/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The candidates of a convolution, their names, and the choice among measured times. */
#include "kernels/conv_candidates.h"
#include "suite.h"

static tn_conv_shape shape_of(int64_t kernel, int64_t stride, int64_t dilation)
{
    int64_t out = (20 - (kernel - 1) * dilation - 1) / stride + 1;
    return (tn_conv_shape){.n = 2, .h = 20, .w = 20, .c = 6, .r = kernel, .s = kernel, .f = 4, .oh = out, .ow = out,
                           .stride_h = stride, .stride_w = stride, .dilation_h = dilation, .dilation_w = dilation,
                           .groups = 2};
}

/* What the cost model chooses is a candidate, and a candidate's name leads back to it. */
START_TEST(test_candidates)
{
    static const struct {
        int64_t kernel, stride, dilation;
        bool precise;
        int count;
    } cases[] = {{3, 1, 1, false, 4}, {5, 1, 1, false, 2}, {3, 1, 1, true, 1}, {3, 2, 1, false, 3},
                 {3, 1, 2, false, 1}, {7, 1, 1, false, 2}, {1, 1, 1, false, 1}};
    tn_conv_shape shape = shape_of(cases[_i].kernel, cases[_i].stride, cases[_i].dilation);
    bool precise = cases[_i].precise;
    const tn_conv_wishes wishes = {.precise = precise, .threads = 1};
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(&shape, precise, tiles);
    ck_assert_int_eq(count, cases[_i].count);
    ck_assert_int_eq(tiles[0], 0);
    for (int pass = TN_CONV_FORWARD; pass <= TN_CONV_FILTER; pass++) {
        tn_conv_plan chosen, plan;
        int found = -1, same = 0;
        ck_ok(tn_conv_plan_pass(&shape, (tn_conv_pass)pass, &wishes, &chosen));
        for (int i = 0; i < count; i++) {
            ck_ok(tn_conv_plan_tile(&shape, (tn_conv_pass)pass, tiles[i], &wishes, &plan));
            ck_assert(tn_conv_find(&shape, precise, plan.name, &found));
            ck_assert_int_eq(found, tiles[i]);
            same += strcmp(plan.name, chosen.name) == 0;
        }
        ck_assert_int_eq(same, 1);
    }
}
END_TEST

START_TEST(test_names)
{
    static const char *const strangers[] = {"",  "-", "gemm2", "winograd", "winograd(5,3)", "winograd(4,5)",
                                            "GEMM", "winograd(4,3", "winograd(4,3) ", "winograd(04,3)"};
    tn_conv_shape shape = shape_of(3, 1, 1);
    int tile = -1;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        ck_assert_msg(!tn_conv_find(&shape, false, strangers[i], &tile), "found \"%s\"", strangers[i]);
    ck_assert_int_eq(tile, -1);
    ck_assert(tn_conv_find(&shape, false, "winograd(6,3)", &tile));
    ck_assert_int_eq(tile, 6);
    ck_assert(!tn_conv_find(&shape, true, "winograd(6,3)", &tile));
    ck_assert(tn_conv_find(&shape, true, "gemm", &tile));
    ck_assert_int_eq(tile, 0);
    ck_assert(!tn_conv_find(&shape, false, "winograd(4,3,2)", &tile));
    shape = shape_of(3, 2, 1);
    ck_assert(!tn_conv_find(&shape, false, "winograd(4,3)", &tile));
    ck_assert(tn_conv_find(&shape, false, "winograd(4,3,2)", &tile));
    ck_assert_int_eq(tile, 4);
}
END_TEST

/* The fastest wins, but within 3% what the cost model chose. */
START_TEST(test_fastest)
{
    static const int tiles[] = {0, 4, 6};
    static const struct {
        double seconds[3];
        int preferred, expected;
    } cases[] = {
        {{1.0, 2.0, 3.0}, 6, 0},   {{3.0, 1.0, 2.0}, 0, 4},   {{3.0, 2.0, 1.0}, 4, 6},    {{1.02, 1.5, 1.0}, 0, 0},
        {{1.0, 1.02, 1.0}, 4, 4},  {{1.0, 1.5, 1.029}, 6, 6}, {{1.0, 1.5, 1.031}, 6, 0},  {{1.0, 1.01, 9.0}, 6, 0},
        {{1.01, 1.0, 9.0}, 99, 4}, {{1.0, 1.0, 1.0}, 6, 6},   {{1.0, 1.0, 1.0}, 99, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_int_eq(tn_conv_fastest(tiles, cases[i].seconds, 3, cases[i].preferred), cases[i].expected);
}
END_TEST

/* An allocator that keeps the largest request and what is still out. */
typedef struct ledger {
    size_t largest, out;
} ledger;

static void *take(void *context, size_t size, size_t alignment)
{
    ledger *l = context;
    l->largest = size > l->largest ? size : l->largest;
    l->out += size;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give_back(void *context, void *pointer, size_t size)
{
    ((ledger *)context)->out -= size;
    free(pointer);
}

/* The plan is the session's in all but algorithm and scratch, from whichever candidate it starts. */
static void expect_measured(const tn_allocator *allocator, const tn_conv_shape *shape, tn_conv_pass pass, bool prepared, int tile)
{
    const tn_conv_wishes wishes = {.prepared = prepared, .threads = 5};
    tn_conv_plan plan, same;
    ck_ok(tn_conv_plan_tile(shape, pass, tile, &wishes, &plan));
    ck_ok(tn_conv_measure(allocator, &wishes, &plan));
    ck_ok(tn_conv_plan_tile(shape, pass, plan.tile, &wishes, &same));
    ck_assert_int_eq(plan.shape.n, shape->n);
    ck_assert_int_eq(plan.threads, 5);
    ck_assert_int_eq(plan.algorithm, same.algorithm);
    ck_assert_uint_eq(plan.scratch_bytes, same.scratch_bytes);
    ck_assert_uint_eq(plan.prepared_bytes, same.prepared_bytes);
    ck_assert_str_eq(plan.name, same.name);
}

/* Memory is for 32 of a thousand images and for one thread. The last two are passes with prepared filters. */
START_TEST(test_measure)
{
    ledger l = {0};
    const tn_allocator allocator = {take, give_back, &l};
    tn_conv_shape shape = shape_of(3, 1, 1), all = shape;
    tn_conv_pass pass = (tn_conv_pass)(_i % 3);
    const tn_conv_wishes wishes = {.prepared = _i >= 3, .threads = 1};
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(&shape, false, tiles);
    size_t scratch = 0, prepared = 0, floats = (size_t)(32 * (20 * 20 * 6 + 18 * 18 * 4) + 3 * 3 * 3 * 4);
    shape.n = 32;
    all.n = 1000;
    for (int i = 0; i < count; i++) {
        tn_conv_plan plan;
        ck_ok(tn_conv_plan_tile(&shape, pass, tiles[i], &wishes, &plan));
        scratch = plan.scratch_bytes > scratch ? plan.scratch_bytes : scratch;
        prepared = plan.prepared_bytes > prepared ? plan.prepared_bytes : prepared;
        expect_measured(&allocator, &all, pass, wishes.prepared, tiles[i]);
    }
    ck_assert((prepared > 0) == (_i >= 3));
    ck_assert_uint_eq(l.out, 0);
    ck_assert_uint_ge(l.largest, floats * sizeof(float) + scratch + prepared);
    ck_assert_uint_lt(l.largest, floats * sizeof(float) + scratch + prepared + 5 * 64);
}
END_TEST

/* Images so large that one passes the bound: one is used. Nothing is measured where there is no choice. */
START_TEST(test_measure_bounds)
{
    ledger l = {0};
    const tn_allocator allocator = {take, give_back, &l};
    const tn_conv_wishes wishes = {.threads = 1};
    tn_conv_plan plan;
    tn_conv_shape shape = {.n = 4, .h = 520, .w = 520, .c = 60, .r = 3, .s = 3, .f = 1, .oh = 518, .ow = 518, .stride_h = 1,
                           .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    size_t image = 520 * 520 * 60 * sizeof(float), scratch;
    ck_ok(tn_conv_plan_tile(&shape, TN_CONV_FORWARD, 6, &wishes, &plan));
    scratch = plan.scratch_bytes;
    ck_ok(tn_conv_measure(&allocator, &wishes, &plan));
    ck_assert_uint_lt(l.largest, image + image / 4 + scratch);
    shape.dilation_h = shape.dilation_w = 2;
    shape.oh = shape.ow = 516;
    l = (ledger){0};
    ck_ok(tn_conv_plan_pass(&shape, TN_CONV_FORWARD, &wishes, &plan));
    ck_ok(tn_conv_measure(&allocator, &wishes, &plan));
    ck_assert_uint_eq(l.largest, 0);
}
END_TEST

/* AlexNet's second convolution transforms its filters in every call: half a batch of 128 is not enough for that not to show.
 * The first one packs few. */
START_TEST(test_least_images)
{
    const tn_conv_wishes wishes = {.threads = 2};
    tn_conv_shape second = {.n = 128, .h = 26, .w = 26, .c = 96, .r = 5, .s = 5, .f = 256, .oh = 26, .ow = 26,
                            .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 2, .pad_left = 2,
                            .groups = 1};
    tn_conv_shape first = {.n = 128, .h = 224, .w = 224, .c = 1, .r = 11, .s = 11, .f = 96, .oh = 54, .ow = 54,
                           .stride_h = 4, .stride_w = 4, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    tn_conv_plan plan;
    ck_ok(tn_conv_plan_pass(&second, TN_CONV_FORWARD, &wishes, &plan));
    ck_assert_str_eq(plan.name, "winograd(4,5)");
    ck_assert_int_gt(plan.least_images, 64);
    ck_ok(tn_conv_plan_pass(&first, TN_CONV_FORWARD, &wishes, &plan));
    ck_assert_int_eq(plan.least_images, 1);
}
END_TEST

TN_SUITE("conv_candidates", TN_LOOPED(test_candidates, 7), {test_names}, {test_fastest}, TN_LOOPED(test_measure, 5),
         {test_measure_bounds}, {test_least_images})
