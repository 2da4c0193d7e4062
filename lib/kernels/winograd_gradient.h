/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The operands of Winograd's gradient of the filters: some rows of points of tiles of pixels. */
#ifndef TN_KERNELS_WINOGRAD_GRADIENT_H
#define TN_KERNELS_WINOGRAD_GRADIENT_H

#include "kernels/winograd.h"

/** One operand of the products: what is transformed, and the matrices [point][tile][channel] that it becomes. */
typedef struct tn_winograd_operand {
    const tn_tiled_image *image;
    const float *data, *zeros; /* zeros: as long as a pixel, for those outside of the image */
    tn_winograd_row *map;
    int64_t channels;
    int64_t row, point; /* floats from tile to tile, from point to point */
    float *out;
} tn_winograd_operand;

/** Points [first, first + rows) x [0, a) of tile number `tile` of all, as the `place`th tile of the matrices. */
void tn_winograd_transform_rows(const tn_winograd *wg, const tn_winograd_operand *o, int64_t first, int64_t rows,
                                int64_t tile, int64_t place);

#endif
