/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A block of Winograd's tiles: its workspace, and the three steps from pixels to results. winograd_forward.c decides
 *  which thread does what of them. */
#ifndef TN_KERNELS_WINOGRAD_BLOCK_H
#define TN_KERNELS_WINOGRAD_BLOCK_H

#include "kernels/winograd.h"

/** Sizes of a block's workspace, in floats. */
typedef struct tn_winograd_space {
    int64_t panels, out_width; /* panels of S tiles; output channels in whole panels */
    int64_t u_row, u_point;    /* from tile to tile, from point to point */
    int64_t m_row, m_point;
    int64_t u, m;
} tn_winograd_space;

/** What all blocks of a pass have in common. */
typedef struct tn_winograd_pass {
    const tn_winograd *wg;
    const float *in, *filters, *bias;
    float *out;
    tn_activation activation;
} tn_winograd_pass;

/** Tiles [tile, tile + tiles) and where they are worked on. */
typedef struct tn_winograd_block {
    const tn_winograd_pass *pass;
    const tn_winograd_space *space;
    int64_t tile, tiles, panels;
    const float *next; /* what will be read after this block: with each tile of products, next_step floats of it are */
    int64_t next_step; /* asked for */
    float *u;          /* [point][tile][channel] */
    float *m;          /* [point][tile][filter] */
} tn_winograd_block;

/** The workspace for so many panels of tiles. */
tn_winograd_space tn_winograd_space_of(const tn_winograd *wg, int64_t panels);

/** Have the block that begins with `tile` asked for while this one is multiplied. */
void tn_winograd_block_ahead(tn_winograd_block *block, int64_t tile);

/** B^T d B of channels [c, c + TN_WINOGRAD_CHUNK) of one tile. */
void tn_winograd_block_in(const tn_winograd_block *block, int64_t tile, int64_t c);
/** All products of points [first, last) in the order of tn_winograd_point. */
void tn_winograd_block_multiply(const tn_winograd_block *block, int64_t first, int64_t last);
/** A^T M A of filters [f, f + TN_WINOGRAD_CHUNK) of one tile, with bias and activation. */
void tn_winograd_block_out(const tn_winograd_block *block, int64_t tile, int64_t f);

#endif
