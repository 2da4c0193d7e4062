/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The three steps of a block of tiles:
 *
 *      B^T d B   S tiles, one vector of channels: [tile][point][channel], then transposed for each point into
 *                panels U [point][panel of tiles][channel][S]
 *      products  for each point  M [point][tile][filter] = U x filters [panel][channel][V]
 *      A^T M A   one tile, a few vectors of filters, then bias, activation, and the pixels of y */
#include "kernels/winograd_block.h"

#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kernels.h"
#include "kernels/product.h"

#include <string.h>

#define DEEP 640                 /* products are cut along channels above this */
#define SUM_DEPTH 192            /* channels that are summed in one go: see multiply_tile */
#define GROUP_FLOATS (96 * 1024) /* of vector-side panels that stay in the L2 cache while tiles pass */

tn_winograd_space tn_winograd_space_of(const tn_winograd *wg, int64_t panels)
{
    tn_winograd_space space = {.panels = panels, .out_width = tn_winograd_round(wg->out.channels, wg->v)};
    space.u_point = tn_winograd_stride(panels * wg->s * wg->in.channels);
    space.m_point = tn_winograd_stride(panels * wg->s * space.out_width);
    space.u = tn_winograd_round(wg->points * space.u_point + TN_PANEL_SLACK / (int64_t)sizeof(float), 16);
    space.m = wg->points * space.m_point;
    space.turned = tn_winograd_round(wg->s * wg->points * TN_MAP_CHUNK, 16);
    return space;
}

/* ---- B^T d B ---- */

/** Tiles of one panel, channels [c, c + width) <= TN_MAP_CHUNK: into b->turned [tile][point][channel]. */
static void transform_tiles(const tn_winograd_block *b, int64_t tile, int64_t count, int64_t c, int64_t width)
{
    const tn_winograd *wg = b->pass->wg;
    float aside[TN_WINOGRAD_POINTS * TN_MAP_CHUNK];
    for (int64_t i = 0; i < count; i++) {
        int64_t n, row, col;
        tn_winograd_place(wg, tile + i, &n, &row, &col);
        tn_square square = tn_winograd_square(&wg->in, b->pass->in, n, wg->top + row * wg->m, wg->left + col * wg->m,
                                              wg->a, c, width, aside);
        wg->maps->data(square.data, square.row, square.col, b->turned + i * wg->points * TN_MAP_CHUNK, TN_MAP_CHUNK,
                       TN_MAP_CHUNK);
    }
    memset(b->turned + count * wg->points * TN_MAP_CHUNK, 0,
           (size_t)((wg->s - count) * wg->points * TN_MAP_CHUNK) * sizeof *b->turned);
}

/** Each point's [tile][channel] becomes [channel][tile], its place in the panel. */
static void turn_points(const tn_winograd_block *b, int64_t panel, int64_t c, int64_t width)
{
    const tn_winograd *wg = b->pass->wg;
    const float *rows[TN_PANEL_LANES];
    float *out = b->u + (panel * wg->in.channels + c) * wg->s;
    for (int64_t p = 0; p < wg->points; p++, out += b->space->u_point) {
        for (int64_t i = 0; i < wg->s; i++)
            rows[i] = b->turned + (i * wg->points + p) * TN_MAP_CHUNK;
        tn_conv_kernels()->interleave(rows, wg->s, width, out);
    }
}

void tn_winograd_block_in(const tn_winograd_block *b, int64_t panel, int64_t c)
{
    const tn_winograd *wg = b->pass->wg;
    int64_t tile = panel * wg->s, width = tn_min(wg->in.channels - c, TN_MAP_CHUNK);
    transform_tiles(b, b->tile + tile, tn_min(b->tiles - tile, wg->s), c, width);
    turn_points(b, panel, c, width);
}

/* ---- products ---- */

/** One tile, channels in parts that are summed on their own and then added: a sum of 384 numbers in one go rounds more
 *  than both transforms together. The parts follow one another while the tile is in the cache, which costs 2%. */
static void multiply_tile(const tn_winograd *wg, int64_t k, const float *u, const float *filters, float beta, float *m,
                          int64_t width)
{
    int64_t depth = tn_ceil_div(k, tn_ceil_div(k, SUM_DEPTH));
    for (int64_t k0 = 0; k0 < k; k0 += depth)
        tn_gemm_tile(wg->s, wg->v, tn_min(k - k0, depth), 1.0f, u + k0 * wg->s, filters + k0 * wg->v,
                     k0 == 0 ? beta : 1.0f, m, width);
}

/** Panels of tiles under a group of filter panels, channels [k0, k0 + kn). */
static void multiply_group(const tn_winograd_block *b, const float *u, const float *filters, float *m, int64_t first,
                           int64_t last, int64_t k0, int64_t kn)
{
    const tn_winograd *wg = b->pass->wg;
    int64_t k = wg->in.channels, width = b->space->out_width;
    for (int64_t i = 0; i < b->panels; i++) {
        for (int64_t j = first; j < last; j++)
            multiply_tile(wg, kn, u + (i * k + k0) * wg->s, filters + (j * k + k0) * wg->v, k0 == 0 ? 0.0f : 1.0f,
                          m + i * wg->s * width + j * wg->v, width);
    }
}

/** Vectors of the last tile may reach past its filters, into numbers that must not trap. */
static void clear_slack(const tn_winograd_block *b, float *m)
{
    int64_t used = b->panels * b->pass->wg->s * b->space->out_width;
    int64_t slack = tn_min(b->space->m_point - used, TN_MAP_CHUNK);
    if (b->space->out_width % TN_MAP_CHUNK != 0)
        memset(m + used, 0, (size_t)slack * sizeof *m);
}

void tn_winograd_block_multiply(const tn_winograd_block *b, int64_t point)
{
    const tn_winograd *wg = b->pass->wg;
    int64_t k = wg->in.channels, parts = tn_ceil_div(k, DEEP), depth = tn_ceil_div(k, parts);
    int64_t panels = b->space->out_width / wg->v, group = tn_max(GROUP_FLOATS / (depth * wg->v), 1);
    const float *u = b->u + point * b->space->u_point;
    const float *filters = b->pass->filters + point * tn_winograd_filter_stride(wg);
    float *m = b->m + point * b->space->m_point;
    for (int64_t k0 = 0; k0 < k; k0 += depth) {
        for (int64_t j = 0; j < panels; j += group)
            multiply_group(b, u, filters, m, j, tn_min(j + group, panels), k0, tn_min(k - k0, depth));
    }
    clear_slack(b, m);
}

/* ---- A^T M A ---- */

/** Results [row][col][TN_WINOGRAD_CHUNK] of one tile: those that are in the image, with bias and activation. */
static void put_tile(const tn_winograd_pass *pass, int64_t tile, int64_t f, int64_t width, const float *results)
{
    const tn_winograd *wg = pass->wg;
    int64_t n, row, col, step = tn_winograd_round(width, TN_MAP_CHUNK);
    tn_winograd_place(wg, tile, &n, &row, &col);
    bool relu = pass->activation == TN_RELU, other = !relu && pass->activation != TN_LINEAR;
    for (int64_t i = row * wg->m; i < row * wg->m + wg->m && i < wg->out.h; i++) {
        for (int64_t j = col * wg->m; j < col * wg->m + wg->m && j < wg->out.w; j++) {
            float *to = pass->out + ((n * wg->out.h + i) * wg->out.w + j) * wg->out.pitch + f;
            const float *from = results + ((i - row * wg->m) * wg->m + j - col * wg->m) * step;
            tn_conv_kernels()->finish(from, pass->bias ? pass->bias + f : NULL, relu, to, width);
            if (other)
                tn_activate(NULL, pass->activation, to, to, width);
        }
    }
}

void tn_winograd_block_out(const tn_winograd_block *b, int64_t tile, int64_t f)
{
    const tn_winograd *wg = b->pass->wg;
    float results[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    int64_t width = tn_min(wg->out.channels - f, TN_WINOGRAD_CHUNK), wide = tn_winograd_round(width, TN_MAP_CHUNK);
    wg->maps->output(b->m + tile * b->space->out_width + f, wg->a * b->space->m_point, b->space->m_point, results, wide,
                     wide);
    put_tile(b->pass, b->tile + tile, f, width, results);
}
