/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles whose rows are read where they lie; see isa/in_place_tile.c. The epilogue is part of the last of them, while the
 *  sums are in registers. */
#include "kernels/gemm_kernel.h"
#include "kernels/product_task.h"

#include <string.h>

bool tn_finishes_in_place(const tn_nest *nest, const tn_task *t)
{
    tn_activation activation = nest->p->activation;
    return nest->run > 0 && t->finish && (activation == TN_LINEAR || activation == TN_RELU);
}

/** A tile that reaches over the edge of the result is computed aside. */
static void multiply_edge(const tn_nest *nest, const float *const *places, int64_t kn, const float *v_panel,
                          const tn_tile_end *end, int64_t rows, int64_t cols, float *c, int64_t ldc)
{
    _Alignas(64) float tile[TN_PANEL_LANES * TN_PANEL_LANES], bias[TN_PANEL_LANES] = {0};
    tn_tile_end whole = *end;
    if (end->add) /* no number that the caller's floating-point traps could mind */
        memset(tile, 0, (size_t)(nest->s * nest->v) * sizeof *tile);
    for (int64_t i = 0; i < rows && end->add; i++)
        memcpy(tile + i * nest->v, c + i * ldc, (size_t)cols * sizeof *c);
    if (end->bias) {
        memcpy(bias, end->bias, (size_t)cols * sizeof *bias);
        whole.bias = bias;
    }
    nest->in_place->tile(places, kn / nest->run, nest->run, v_panel, &whole, tile, nest->v);
    for (int64_t i = 0; i < rows; i++)
        memcpy(c + i * ldc, tile + i * nest->v, (size_t)cols * sizeof *c);
}

void tn_multiply_in_place(const tn_nest *nest, const float *const *places, int64_t kn, const float *v_panel,
                          const tn_tile_end *end, int64_t rows, int64_t cols, float *c, int64_t ldc)
{
    if (rows == nest->s && cols == nest->v)
        nest->in_place->tile(places, kn / nest->run, nest->run, v_panel, end, c, ldc);
    else
        multiply_edge(nest, places, kn, v_panel, end, rows, cols, c, ldc);
}
