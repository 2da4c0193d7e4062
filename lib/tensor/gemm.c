/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The product of matrices on tensors.
 *
 *  Formula   y = alpha op(a) op(b) + (c given ? beta broadcast(c) : beta y): c is first spread over y, then the product
 *            is added with BLIS's own beta. Packing buffers and threads come from y's allocator. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "kernels/conv.h"
#include "tensor/storage.h"

#include <string.h>

typedef struct operands {
    const tn_tensor *a, *b, *c;
    tn_tensor *y;
    int64_t m, n, k;
    tn_gemm_options options;
} operands;

static tn_status shapes_disagree(const operands *o)
{
    char a[TN_SHAPE_TEXT], b[TN_SHAPE_TEXT], y[TN_SHAPE_TEXT];
    return TN_FAIL(TN_ERR_SHAPE, "tn_gemm: a %s%s and b %s%s do not give y %s",
                   tn_shape_text(&o->a->shape, a, sizeof a), o->options.transpose_a ? " (transposed)" : "",
                   tn_shape_text(&o->b->shape, b, sizeof b), o->options.transpose_b ? " (transposed)" : "",
                   tn_shape_text(&o->y->shape, y, sizeof y));
}

static tn_status measure(operands *o)
{
    TN_TRY(tn_tensor_check(o->a, TN_F32, "tn_gemm: a"));
    TN_TRY(tn_tensor_check(o->b, TN_F32, "tn_gemm: b"));
    TN_TRY(tn_tensor_check(o->y, TN_F32, "tn_gemm: y"));
    const tn_shape *a = &o->a->shape, *b = &o->b->shape, *y = &o->y->shape;
    if (a->rank != 2 || b->rank != 2 || y->rank != 2)
        return shapes_disagree(o);
    o->m = a->dims[o->options.transpose_a ? 1 : 0];
    o->k = a->dims[o->options.transpose_a ? 0 : 1];
    o->n = b->dims[o->options.transpose_b ? 0 : 1];
    if (b->dims[o->options.transpose_b ? 1 : 0] != o->k || y->dims[0] != o->m || y->dims[1] != o->n)
        return shapes_disagree(o);
    return TN_OK;
}

/** y must overlap neither factor, and c only by being c. */
static tn_status check_overlap(const operands *o)
{
    const char *with = NULL;
    if (tn_tensor_overlaps(o->y, o->a))
        with = "a";
    else if (tn_tensor_overlaps(o->y, o->b))
        with = "b";
    else if (o->c && tn_tensor_overlaps(o->y, o->c) && !(o->c->data == o->y->data && o->c->size == o->y->size))
        with = "c";
    return with ? TN_FAIL(TN_ERR_INVALID, "tn_gemm: y overlaps %s", with) : TN_OK;
}

/** Strides with which c is read over [M,N]; 0 along what is broadcast. */
static tn_status broadcast(const operands *o, int64_t *row_stride, int64_t *col_stride)
{
    TN_TRY(tn_tensor_check(o->c, TN_F32, "tn_gemm: c"));
    const tn_shape *c = &o->c->shape;
    int64_t cols = c->rank >= 1 ? c->dims[c->rank - 1] : 1, rows = c->rank == 2 ? c->dims[0] : 1;
    if (c->rank > 2 || (cols != 1 && cols != o->n) || (rows != 1 && rows != o->m)) {
        char text[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "tn_gemm: c %s does not broadcast to [%lld,%lld]",
                       tn_shape_text(c, text, sizeof text), (long long)o->m, (long long)o->n);
    }
    *row_stride = rows == 1 ? 0 : cols;
    *col_stride = cols == 1 ? 0 : 1;
    return TN_OK;
}

static void spread(const operands *o, int64_t row_stride, int64_t col_stride)
{
    const float *c = o->c->data;
    float *y = o->y->data;
    if (c == y)
        return;
    for (int64_t i = 0; i < o->m; i++)
        for (int64_t j = 0; j < o->n; j++)
            y[i * o->n + j] = c[i * row_stride + j * col_stride];
}

static void multiply(const operands *o, tn_pool *pool, void *scratch)
{
    int64_t a_rows = o->options.transpose_a ? 1 : o->k, a_cols = o->options.transpose_a ? o->m : 1;
    int64_t b_rows = o->options.transpose_b ? 1 : o->n, b_cols = o->options.transpose_b ? o->k : 1;
    tn_matmul(pool,
              &(tn_matmul_args){
                  .m = o->m,
                  .n = o->n,
                  .k = o->options.alpha == 0.0f ? 0 : o->k, /* NaN times 0 is not asked for */
                  .a = {o->a->data, a_rows, a_cols},
                  .b = {o->b->data, b_rows, b_cols},
                  .c = o->y->data,
                  .ldc = o->n,
                  .alpha = o->options.alpha,
                  .beta = o->options.beta,
              },
              scratch);
}

static tn_status run(const operands *o)
{
    int64_t row_stride = 0, col_stride = 0;
    tn_pool *pool = NULL;
    void *scratch = NULL;
    size_t bytes;
    if (o->c)
        TN_TRY(broadcast(o, &row_stride, &col_stride));
    TN_TRY(check_overlap(o));
    TN_TRY(tn_matmul_scratch(o->m, o->n, o->k, o->options.threads, &bytes));
    TN_TRY(tn_alloc_raw(&o->y->allocator, bytes, "tn_gemm: packing buffers", &scratch));
    tn_status status = o->options.threads > 1 ? tn_pool_create(&o->y->allocator, o->options.threads, &pool) : TN_OK;
    if (status == TN_OK) {
        if (o->c && o->options.beta != 0.0f)
            spread(o, row_stride, col_stride);
        multiply(o, pool, scratch);
    }
    tn_pool_destroy(&pool);
    tn_release(&o->y->allocator, scratch, bytes);
    return status;
}

tn_status tn_gemm(const tn_gemm_options *options, const tn_tensor *a, const tn_tensor *b, const tn_tensor *c,
                  tn_tensor *y)
{
    operands o = {.a = a, .b = b, .c = c, .y = y};
    TN_TRY(tn_options_read(&o.options, sizeof o.options, options, "tn_gemm_options"));
    if (o.options.threads < 0 || o.options.threads > 256)
        return TN_FAIL(TN_ERR_INVALID, "tn_gemm: threads is %d, must be 0 to 256", o.options.threads);
    if (o.options.threads == 0)
        o.options.threads = 1;
    if (!o.options.literal && o.options.alpha == 0.0f)
        o.options.alpha = 1.0f;
    if (!o.options.literal && c && o.options.beta == 0.0f)
        o.options.beta = 1.0f;
    TN_TRY(measure(&o));
    return run(&o);
}
