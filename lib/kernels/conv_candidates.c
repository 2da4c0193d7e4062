/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The candidates of a convolution and their names. */
#include "kernels/conv_candidates.h"

#include "kernels/conv_strassen.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <stdio.h>
#include <string.h>

int tn_conv_candidates(const tn_conv_shape *shape, bool precise, int tiles[TN_CONV_CANDIDATES])
{
    int count = 0;
    tiles[count++] = 0;
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; !precise && maps->m != 0; maps++)
        if (tn_winograd_fits(maps, shape) && count < TN_CONV_CANDIDATES)
            tiles[count++] = (int)maps->m;
    if (!precise && tn_conv_strassen_fits(shape) && count < TN_CONV_CANDIDATES)
        tiles[count++] = TN_CONV_HALVES;
    return count;
}

void tn_conv_name(const tn_conv_shape *shape, int tile, char name[TN_CONV_NAME])
{
    if (tile > 0)
        snprintf(name, TN_CONV_NAME, "winograd(%d,%d%s)", tile, (int)shape->r, shape->stride_h == 2 ? ",2" : "");
    else
        snprintf(name, TN_CONV_NAME, tile == TN_CONV_HALVES ? "strassen" : "gemm");
}

bool tn_conv_find(const tn_conv_shape *shape, bool precise, const char *name, int *tile)
{
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(shape, precise, tiles);
    for (int i = 0; i < count; i++) {
        char own[TN_CONV_NAME];
        tn_conv_name(shape, tiles[i], own);
        if (strcmp(own, name) == 0) {
            *tile = tiles[i];
            return true;
        }
    }
    return false;
}
