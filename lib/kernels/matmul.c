/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products of strided matrices. */
#include "kernels/conv.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"

static void pack_rows(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    const tn_matrix *a = source;
    tn_pack_strided(a->data + first * a->row_stride + k0 * a->col_stride, a->row_stride, a->col_stride, count, kn,
                    tn_gemm_kernel_in_use()->s, out);
}

static void pack_cols(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    const tn_matrix *b = source;
    tn_pack_strided(b->data + first * b->col_stride + k0 * b->row_stride, b->col_stride, b->row_stride, count, kn,
                    tn_gemm_kernel_in_use()->v, out);
}

tn_status tn_matmul_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out)
{
    return tn_product_scratch(m, n, tn_product_splits(m, n, k), false, threads, out);
}

void tn_matmul(tn_pool *pool, const tn_matmul_args *args, void *scratch)
{
    tn_product product = {
        .m = args->m,
        .n = args->n,
        .k = args->k,
        .pack_s = pack_rows,
        .pack_v = pack_cols,
        .s_source = &args->a,
        .v_source = &args->b,
        .c = args->c,
        .ldc = args->ldc,
        .alpha = args->alpha,
        .beta = args->beta,
        .bias = args->bias,
        .activation = args->activation,
        .splits = tn_product_splits(args->m, args->n, args->k),
    };
    tn_product_run(pool, &product, scratch);
}
