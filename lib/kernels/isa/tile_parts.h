/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the files of tiles share: rows of sums in registers, and a function for each number of rows. */
#ifndef TN_ISA_TILE_PARTS_H
#define TN_ISA_TILE_PARTS_H

#include "kernels/isa/simd.h"

/* X(1, vectors) up to X(n, vectors). */
#define UP_TO_4(X, vectors) X(1, vectors) X(2, vectors) X(3, vectors) X(4, vectors)
#define UP_TO_6(X, vectors) UP_TO_4(X, vectors) X(5, vectors) X(6, vectors)
#define UP_TO_8(X, vectors) UP_TO_6(X, vectors) X(7, vectors) X(8, vectors)
#define UP_TO_9(X, vectors) UP_TO_8(X, vectors) X(9, vectors)
#define UP_TO_12(X, vectors) UP_TO_9(X, vectors) X(10, vectors) X(11, vectors) X(12, vectors)
#define UP_TO_14(X, vectors) UP_TO_12(X, vectors) X(13, vectors) X(14, vectors)

ALWAYS_INLINE void clear_sums(int vectors, vec *sums)
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        sums[j] = splat(0.0f);
}

/** sums += a times a row of as many vectors. */
ALWAYS_INLINE void add_number(int vectors, float a, const vec *row, vec *sums)
{
    vec number = splat(a);
    UNROLL
    for (int j = 0; j < vectors; j++)
        sums[j] = add_product(sums[j], number, row[j]);
}

#endif
