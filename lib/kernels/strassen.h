/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Strassen's product of matrices, one step of it: seven products of halves where the definition has eight. For 1x1
 *  convolutions, which have nothing else to save. See strassen.c. */
#ifndef TN_KERNELS_STRASSEN_H
#define TN_KERNELS_STRASSEN_H

#include "base/pool.h"
#include "base/status.h"

#include <tinynet/layer.h> /* tn_activation */

#include <stdbool.h>
#include <stdint.h>

/** C[m,n] = act(A[m,k] B[k,n] + bias), or C += A B, for each of some images: rows of A and C follow those of the image before.
 *  What is no number in one of them stays there. */
typedef struct tn_strassen {
    int64_t images; /* 1 where rows of A lie side by side */
    int64_t m, n, k;
    bool along_a;      /* number k of row i of A is a[k * a_stride + i]; otherwise a[i * a_stride + k] */
    bool across_b;     /* number k of column j of B is b[j * b_stride + k]; otherwise b[k * b_stride + j] */
    const float *a, *b;
    int64_t a_stride, b_stride;
    const float *prepared; /* what tn_strassen_prepare made of B; NULL: nothing was prepared */
    float *c;
    int64_t ldc;
    bool add;          /* then without bias and activation */
    const float *bias; /* [n], NULL: none */
    tn_activation activation;
} tn_strassen;

/** True if halves of the columns are whole tiles, and those of the other side can be made: an odd number of rows that lie
 *  along k, or of k where rows lie side by side, does. */
bool tn_strassen_fits(const tn_strassen *p);
/** k of a slab: the result is put together once for each. */
int64_t tn_strassen_depth(const tn_strassen *p);
/** Scratch of products of up to these sizes; prepared: without room for B's halves.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_strassen_scratch(const tn_strassen *p, bool prepared, int threads, size_t *out);
/** B's halves and their sums as panels, for products with any number of images whose rows lie along k: floats, and the packing.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_strassen_prepared(const tn_strassen *p, size_t *bytes);
void tn_strassen_prepare(tn_pool *pool, const tn_strassen *p, float *out);
void tn_strassen_run(tn_pool *pool, const tn_strassen *p, void *scratch);

#endif
