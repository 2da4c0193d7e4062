/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Which products and convolutions go a way of their own. All ways are right, so nothing else notices when the faster
 * one is no longer taken. */
#include "kernels/conv_gemm_strided.h"
#include "kernels/sink.h"
#include "kernels/streamed_product.h"
#include "kernels/thin_product.h"
#include "suite.h"

/* Contiguous operands. */
static tn_matmul_args product_of(int64_t m, int64_t n, int64_t k)
{
    return (tn_matmul_args){.m = m,
                            .n = n,
                            .k = k,
                            .a = {.row_stride = k, .col_stride = 1},
                            .b = {.row_stride = n, .col_stride = 1},
                            .ldc = n,
                            .alpha = 1.0f};
}

/* The same product with what neither way is for. */
enum { SPOILED = 6 };

static void spoil(tn_matmul_args p, tn_matmul_args spoiled[SPOILED])
{
    static const tn_sink sink;
    for (int i = 0; i < SPOILED; i++)
        spoiled[i] = p;
    spoiled[0].a.col_stride = 2;
    spoiled[1].a.row_stride = p.k - 1;
    spoiled[2].b.col_stride = 2;
    spoiled[3].alpha = 2.0f;
    spoiled[4].beta = 1.0f;
    spoiled[5].sink = &sink;
}

START_TEST(test_thin)
{
    tn_matmul_args thin = product_of(8, 100, 50), more = product_of(9, 100, 50), spoiled[SPOILED];
    ck_assert(tn_is_thin(&thin));
    ck_assert(!tn_is_thin(&more));
    spoil(thin, spoiled);
    for (int i = 0; i < SPOILED; i++)
        ck_assert_msg(!tn_is_thin(&spoiled[i]), "product %d is no thin one", i);
}
END_TEST

START_TEST(test_streamed)
{
    static const int64_t sizes[][3] = {
        {15, 4096, 400}, {257, 4096, 400}, {16, 127, 16384}, {16, 4096, 383}, {16, 2000, 400}};
    tn_matmul_args least = product_of(16, 4096, 400), most = product_of(256, 4096, 400), turned = least,
                   spoiled[SPOILED];
    turned.b = (tn_matrix){.row_stride = 1, .col_stride = 400};
    ck_assert(tn_is_streamed(&least) && tn_is_streamed(&most) && tn_is_streamed(&turned));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tn_matmul_args other = product_of(sizes[i][0], sizes[i][1], sizes[i][2]);
        ck_assert_msg(!tn_is_streamed(&other), "product of size %d is not streamed", (int)i);
    }
    spoil(least, spoiled);
    for (int i = 0; i < SPOILED; i++)
        ck_assert_msg(!tn_is_streamed(&spoiled[i]), "product %d is not streamed", i);
}
END_TEST

/* Scratch is for all products of up to these sizes, so there may be more rows than are streamed. */
START_TEST(test_streamed_scratch)
{
    static const struct {
        int64_t m, n, k;
        bool wanted;
    } cases[] = {{16, 4096, 400, true},  {1000, 4096, 400, true}, {15, 4096, 400, false}, {16, 127, 16384, false},
                 {16, 128, 16384, true}, {16, 4096, 383, false},  {16, 4096, 384, true},  {16, 2000, 400, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes;
        ck_ok(tn_streamed_scratch(cases[i].m, cases[i].n, cases[i].k, 2, &bytes));
        ck_assert_msg((bytes > 0) == cases[i].wanted, "scratch of product %d is %zu", (int)i, bytes);
    }
}
END_TEST

/* Pixels of a phase take the vector side where they are few and channels are many. */
START_TEST(test_strided_few)
{
    const tn_conv_shape few = {.n = 1,
                               .h = 16,
                               .w = 16,
                               .c = 500,
                               .r = 3,
                               .s = 3,
                               .f = 2048,
                               .oh = 8,
                               .ow = 8,
                               .stride_h = 2,
                               .stride_w = 2,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .pad_top = 1,
                               .pad_left = 1,
                               .groups = 1};
    tn_conv_shape many = few, shallow = few;
    many.n = 5;    /* 320 pixels */
    shallow.f = 4; /* sums so short that turning results costs more */
    ck_assert(tn_strided_are_few(&few, 64));
    ck_assert(!tn_strided_are_few(&few, 63));
    ck_assert(!tn_strided_are_few(&many, 1 << 20));
    ck_assert(!tn_strided_are_few(&shallow, 1 << 20));
}
END_TEST

TN_SUITE("ways", {test_thin}, {test_streamed}, {test_streamed_scratch}, {test_strided_few})
