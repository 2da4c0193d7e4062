/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Products with few rows; see thin_product.h. Columns are shared out among the threads. */
#include "kernels/thin_product.h"

#include "kernels/arithmetic.h"
#include "kernels/product_task.h"

#include <string.h>

#define THIN 8  /* rows; from about twice as many on, the micro-kernel pays */
#define UNIT 64 /* columns that go to one thread together: whole cache lines */

bool tn_is_thin(const tn_matmul_args *args)
{
    bool rows_apart = args->a.row_stride >= args->k; /* not one column turned: sums to a sink must be those to C */
    return args->m <= THIN && args->b.col_stride == 1 && args->a.col_stride == 1 && rows_apart && args->alpha == 1.0f &&
           args->beta == 0.0f && args->sink == NULL;
}

static void run_columns(const tn_team *team, void *arg)
{
    const tn_matmul_args *args = arg;
    const tn_product ending = {.bias = args->bias, .activation = args->activation};
    int64_t first, last;
    tn_team_range(team, tn_ceil_div(args->n, UNIT), &first, &last);
    first *= UNIT;
    last = tn_min(last * UNIT, args->n);
    if (first >= last)
        return;
    float *c = args->c + first;
    for (int64_t i = 0; i < args->m; i++)
        memset(c + i * args->ldc, 0, (size_t)(last - first) * sizeof *c);
    tn_conv_kernels()->thin_product(args->a.data, args->a.row_stride, args->m, args->b.data + first, args->b.row_stride,
                                    args->k, c, args->ldc, last - first);
    tn_finish_rows(&ending, c, args->ldc, args->m, first, last - first);
}

void tn_thin_product(tn_pool *pool, const tn_matmul_args *args)
{
    tn_matmul_args copy = *args;
    tn_pool_run(pool, run_columns, &copy);
}
