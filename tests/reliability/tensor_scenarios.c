/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tensors, views, copies, products. */
#include "scenarios.h"

static tn_status fill(world *w)
{
    if (w->x == NULL)
        TRY(tn_tensor_create(&w->allocator, TN_F32, 3, (const int64_t[]){4, 5, 6}, &w->x));
    return tn_tensor_fill_uniform(w->x, -1.0f, 1.0f, 8);
}

static void filled(world *w)
{
    ck_ok(fill(w));
}

static tn_status view(world *w)
{
    if (w->y == NULL)
        TRY(tn_tensor_slice(w->x, 1, 2, &w->y));
    if (w->gradient == NULL)
        TRY(tn_tensor_reshape(w->y, 2, (const int64_t[]){-1, 6}, &w->gradient));
    return TN_OK;
}

static tn_status copy(world *w)
{
    if (w->y == NULL)
        TRY(tn_tensor_transpose(&w->allocator, w->x, (const int[]){2, 0, 1}, &w->y));
    if (w->gradient == NULL)
        TRY(tn_tensor_from_data(&w->allocator, TN_F32, 1, (const int64_t[]){7}, tn_tensor_const_data(w->x),
                                &w->gradient));
    return tn_softmax_tensor(w->y, 0, w->y);
}

static void matrices(world *w)
{
    ck_ok(tn_tensor_create(&w->allocator, TN_F32, 2, (const int64_t[]){130, 70}, &w->x));
    ck_ok(tn_tensor_create(&w->allocator, TN_F32, 2, (const int64_t[]){130, 90}, &w->gradient));
    ck_ok(tn_tensor_create(&w->allocator, TN_F32, 2, (const int64_t[]){70, 90}, &w->y));
    ck_ok(tn_tensor_fill_uniform(w->x, -1.0f, 1.0f, 8));
    ck_ok(tn_tensor_fill_uniform(w->gradient, -1.0f, 1.0f, 9));
}

static tn_status product(world *w)
{
    return tn_gemm(TN_OPTIONS(tn_gemm_options, .transpose_a = true, .threads = 3), w->x, w->gradient, NULL, w->y);
}

const scenario tensor_scenarios[] = {
    {"create a tensor", NULL, fill, true},
    {"views of a tensor", filled, view, false},
    {"copies of a tensor", filled, copy, false},
    {"multiply matrices", matrices, product, true},
    SCENARIO_END,
};
