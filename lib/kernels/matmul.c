/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products of strided matrices. */
#include "base/status.h"
#include "kernels/conv.h"
#include "kernels/product.h"
#include "kernels/streamed_product.h"
#include "kernels/thin_product.h"

static void pack_rows(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                      float *out)
{
    const tn_matrix *a = source;
    tn_pack_strided(a->data + first * a->row_stride + k0 * a->col_stride, a->row_stride, a->col_stride, count, kn,
                    lanes, out);
}

static void pack_cols(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                      float *out)
{
    const tn_matrix *b = source;
    tn_pack_strided(b->data + first * b->col_stride + k0 * b->row_stride, b->col_stride, b->row_stride, count, kn,
                    lanes, out);
}

/* Weights are read once and come from memory: they are worth asking for in time. */
static tn_region find_cols(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn)
{
    const tn_matrix *b = source;
    return tn_find_strided(b->data + first * b->col_stride + k0 * b->row_stride, b->col_stride, b->row_stride, count,
                           kn);
}

tn_status tn_matmul_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out)
{
    const tn_product largest = {.m = m, .n = n, .k = k};
    size_t product, streamed;
    TN_TRY(tn_product_scratch(&largest, threads, &product));
    TN_TRY(tn_streamed_scratch(m, n, k, threads, &streamed));
    *out = product > streamed ? product : streamed;
    return TN_OK;
}

tn_status tn_matmul_sink_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out)
{
    const tn_sink any = {NULL, NULL};
    const tn_product largest = {.m = m, .n = n, .k = k, .sink = &any};
    return tn_product_scratch(&largest, threads, out);
}

void tn_matmul(tn_pool *pool, const tn_matmul_args *args, void *scratch)
{
    if (tn_is_thin(args)) {
        tn_thin_product(pool, args);
        return;
    }
    if (tn_is_streamed(args)) {
        tn_streamed_product(pool, args, scratch);
        return;
    }
    const tn_product product = {
        .m = args->m,
        .n = args->n,
        .k = args->k,
        .pack_a = pack_rows,
        .pack_b = pack_cols,
        .find_b = find_cols,
        .a = &args->a,
        .b = &args->b,
        .c = args->c,
        .ldc = args->ldc,
        .alpha = args->alpha,
        .beta = args->beta,
        .bias = args->bias,
        .activation = args->activation,
        .sink = args->sink,
    };
    tn_product_run(pool, &product, scratch);
}
