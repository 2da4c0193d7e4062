/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The three steps of a block of tiles:
 *
 *      B^T d B   one tile, a few vectors of channels: into U [point][tile][channel]
 *      products  for each point  M [point][tile][filter] = U x filters [panel][channel][V]
 *      A^T M A   one tile, a few vectors of filters, then bias, activation, and the pixels of y
 *
 *  U is multiplied as the transform leaves it. Rows of U and M are an odd number of cache lines apart, so that the rows
 * of a tile do not share sets of the cache. */
#include "kernels/winograd_block.h"

#include "kernels/arithmetic.h"
#include "kernels/kernels.h"
#include "kernels/product.h"

#include <string.h>

/* Channels that are summed in one go: see multiply_column. */
#define SUM_DEPTH 128
#define SUM_DEPTH_OF_8 64 /* under eight points in each direction (F(6,3), F(4,5), F(2,7)): there errors grow most */

#define LARGE_IMAGES (8 << 20) /* floats of images that come from memory */

tn_winograd_space tn_winograd_space_of(const tn_winograd *wg, int64_t panels)
{
    tn_winograd_space space = {.panels = panels, .out_width = tn_round_up(wg->out.channels, wg->v)};
    space.u_row = tn_odd_lines(wg->in.channels);
    space.m_row = tn_odd_lines(space.out_width);
    space.u_point = tn_odd_lines(panels * wg->s * space.u_row);
    space.m_point = tn_odd_lines(panels * wg->s * space.m_row);
    space.u = wg->points * space.u_point;
    space.m = wg->points * space.m_point;
    return space;
}

/* ---- B^T d B ---- */

/** Floats from channel c of a tile's first pixel to what is transformed after it: the channels that follow, or the
 *  first ones of the next tile. */
static int64_t to_next(const tn_winograd *wg, int64_t tile, int64_t c)
{
    const tn_tiled_image *in = &wg->in;
    int64_t n, row, col, next_n, next_row, next_col;
    if (c + TN_WINOGRAD_CHUNK < in->channels)
        return TN_WINOGRAD_CHUNK;
    tn_winograd_place(wg, tile, &n, &row, &col);
    tn_winograd_place(wg, tile + 1, &next_n, &next_row, &next_col);
    int64_t rows = (next_n - n) * in->h + (next_row - row) * in->step, cols = (next_col - col) * in->step;
    return (rows * in->w + cols) * in->pitch - c;
}

void tn_winograd_block_in(const tn_winograd_block *b, int64_t tile, int64_t c)
{
    const tn_winograd *wg = b->pass->wg;
    const float *pixels[TN_WINOGRAD_POINTS];
    float aside[TN_WINOGRAD_POINTS * TN_MAP_CHUNK], *u = b->u + tile * b->space->u_row + c;
    int64_t width = tn_min(wg->in.channels - c, TN_WINOGRAD_CHUNK), whole = width / TN_MAP_CHUNK * TN_MAP_CHUNK;
    int64_t n, row, col;
    tn_winograd_place(wg, b->tile + tile, &n, &row, &col);
    tn_winograd_find_pixels(&wg->in, b->pass->in + n * wg->in.h * wg->in.w * wg->in.pitch + c, row, col, tn_zeros,
                            pixels);
    wg->data(pixels, to_next(wg, b->tile + tile, c), u, b->space->u_point, whole);
    if (whole < width) {
        tn_winograd_copy_rest(wg->in.size * wg->in.size, whole, width - whole, aside, pixels);
        wg->data(pixels, 0, u + whole, b->space->u_point, TN_MAP_CHUNK);
    }
}

/* ---- products ---- */

/** Parts of the sum over channels, and tiles of products for each point. */
static int64_t parts_of(const tn_winograd *wg)
{
    return tn_max(1, tn_ceil_div(wg->in.channels, wg->a == 8 ? SUM_DEPTH_OF_8 : SUM_DEPTH));
}

static int64_t products_of(const tn_winograd_block *b)
{
    return b->space->out_width / b->pass->wg->v * parts_of(b->pass->wg) * b->panels;
}

/* Tiles read their images from top to bottom, and share their first rows with those above. */
void tn_winograd_block_ahead(tn_winograd_block *b, int64_t tile)
{
    const tn_winograd *wg = b->pass->wg;
    const tn_tiled_image *in = &wg->in;
    if (wg->batch * in->h * in->w * in->pitch < LARGE_IMAGES)
        return;
    double tiles = (double)(wg->tiles_h * wg->tiles_w), floats = (double)(in->h * in->w * in->pitch);
    int64_t first = (int64_t)((double)tile / tiles * floats) + (in->size - in->step + in->top) * in->w * in->pitch;
    b->next = b->pass->in + first;
    b->next_step =
        TN_LINE * tn_ceil_div((int64_t)((double)b->tiles / tiles * floats), TN_LINE * wg->points * products_of(b));
}

/** Rows of the last tile that are computed with the others hold no numbers that could trap. */
static void clear_rows(const tn_winograd_block *b, float *u)
{
    int64_t rows = b->tiles % b->pass->wg->s, row = b->space->u_row;
    if (rows > 0)
        memset(u + b->tiles * row, 0,
               (size_t)((tn_direct_rows(tn_conv_kernels()->direct, rows) - rows) * row) * sizeof *u);
}

/** Transforms read whole vectors of M, which may reach past its last panel: no numbers that could trap either. */
static void clear_lanes(const tn_winograd_block *b, float *m)
{
    const tn_winograd_space *space = b->space;
    int64_t read = tn_round_up(space->out_width, TN_MAP_CHUNK);
    for (int64_t i = 0; i < b->tiles && read > space->out_width; i++)
        memset(m + i * space->m_row + space->out_width, 0, (size_t)(read - space->out_width) * sizeof *m);
}

/** Channels [k0, k0 + kn) of all tiles under the panel of filters from f, which stays in the L1 cache. Each panel of
 * tiles fetches its share of the filters that come next, of tiles of a point that follows, and of the next block's
 *  images. */
static void multiply_part(const tn_winograd_block *b, const float *u, const float *next_u, const float *filters,
                          int64_t f, int64_t k0, int64_t kn, const float *next, float *m)
{
    const tn_winograd *wg = b->pass->wg;
    const tn_winograd_space *space = b->space;
    int64_t steps = b->panels * wg->in.channels; /* of a panel of filters */
    tn_tile_sides sides = {.a_stride = space->u_row, .b = filters + k0 * wg->v, .b_stride = wg->v, .depth = kn};
    sides.next_a_step = tn_ceil_div(space->u_point, steps * (space->out_width / wg->v));
    sides.next_a = next_u + (f / wg->v * steps + b->panels * k0) * sides.next_a_step;
    sides.next_b_step = tn_ceil_div(wg->v, b->panels);
    sides.next_b = filters + (k0 + kn) * wg->v;
    for (int64_t i = 0; i < b->tiles; i += wg->s) {
        for (int64_t j = 0; j < b->next_step; j += TN_LINE)
            __builtin_prefetch(next + j, 0, 2);
        sides.a = u + i * space->u_row + k0;
        tn_conv_kernels()->direct->across(&sides, b->tiles - i, k0 > 0, m + i * space->m_row, space->m_row);
        sides.next_a += sides.next_a_step * kn;
        sides.next_b += sides.next_b_step * kn;
        next += b->next_step;
    }
}

/** One panel of filters. Channels are summed in parts that are added afterwards: a sum of 512 numbers in one go rounds
 *  more than both transforms together, most of all where a large number comes early. */
static void multiply_column(const tn_winograd_block *b, const float *u, const float *next_u, const float *filters,
                            int64_t f, const float *next, float *m)
{
    int64_t k = b->pass->wg->in.channels, depth = tn_ceil_div(k, parts_of(b->pass->wg));
    for (int64_t k0 = 0; k0 < k; k0 += depth, next += b->panels * b->next_step)
        multiply_part(b, u, next_u, filters + f * k, f, k0, tn_min(k - k0, depth), next, m + f);
}

static float *tiles_of(const tn_winograd_block *b, int64_t number)
{
    return b->u + tn_winograd_point(b->pass->wg, number) * b->space->u_point;
}

static float *products_of_point(const tn_winograd_block *b, int64_t number)
{
    return b->m + tn_winograd_point(b->pass->wg, number) * b->space->m_point;
}

/** `count` points from the first'th on, which meet the same filters: a panel of them is read once for all. */
static void multiply_points(const tn_winograd_block *b, int64_t first, int64_t count)
{
    const tn_winograd *wg = b->pass->wg;
    int64_t point = tn_winograd_filter_point(wg, tn_winograd_point(wg, first)), last = wg->points - 1;
    const float *filters = b->pass->filters + point * tn_winograd_filter_stride(wg);
    const float *next = b->next + first * products_of(b) * b->next_step;
    for (int64_t i = first; i < first + count; i++) {
        clear_rows(b, tiles_of(b, i));
        clear_lanes(b, products_of_point(b, i));
    }
    for (int64_t f = 0; f < b->space->out_width; f += wg->v) {
        for (int64_t i = first; i < first + count; i++, next += parts_of(wg) * b->panels * b->next_step)
            multiply_column(b, tiles_of(b, i), tiles_of(b, tn_min(i + count, last)), filters, f, next,
                            products_of_point(b, i));
    }
}

/** How many points from the first'th on, before `last`, meet the same filters. */
static int64_t count_alike(const tn_winograd *wg, int64_t first, int64_t last)
{
    int64_t point = tn_winograd_filter_point(wg, tn_winograd_point(wg, first)), end = first + 1;
    while (end < last && tn_winograd_filter_point(wg, tn_winograd_point(wg, end)) == point)
        end++;
    return end - first;
}

void tn_winograd_block_multiply(const tn_winograd_block *b, int64_t first, int64_t last)
{
    for (int64_t i = first, count; i < last; i += count) {
        count = count_alike(b->pass->wg, i, last);
        multiply_points(b, i, count);
    }
}

/* ---- A^T M A ---- */

/** Where channel f of the results of a tile belongs; those outside of the image to `outside`. */
static void find_places(const tn_winograd_pass *pass, int64_t tile, int64_t f, float *outside, float **places)
{
    const tn_tiled_image *out = &pass->wg->out;
    int64_t n, row, col;
    tn_winograd_place(pass->wg, tile, &n, &row, &col);
    int64_t y = out->top + row * out->step, x = out->left + col * out->step;
    for (int64_t i = y; i < y + out->size; i++) {
        for (int64_t j = x; j < x + out->size; j++) {
            bool inside = i >= 0 && i < out->h && j >= 0 && j < out->w;
            *places++ = inside ? pass->out + ((n * out->h + i) * out->w + j) * out->pitch + f : outside;
        }
    }
}

/** Channels that are no whole chunk: aside, and then as many as there are. */
static void put_rest(const tn_winograd_block *b, const float *m, const float *bias, bool relu, float *const *places,
                     int64_t width)
{
    const tn_winograd *wg = b->pass->wg;
    float results[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    int64_t wide = tn_round_up(width, TN_MAP_CHUNK);
    wg->output(m, wg->a * b->space->m_point, b->space->m_point, results, wide, wide);
    for (int64_t i = 0; i < wg->out.size * wg->out.size; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): find_places has filled in so many of them */
        tn_conv_kernels()->finish(results + i * wide, bias, relu, places[i], width);
}

void tn_winograd_block_out(const tn_winograd_block *b, int64_t tile, int64_t f)
{
    const tn_winograd_pass *pass = b->pass;
    const tn_winograd *wg = pass->wg;
    float outside[TN_WINOGRAD_CHUNK], *places[TN_WINOGRAD_POINTS];
    const float *m = b->m + tile * b->space->m_row + f, *bias = pass->bias ? pass->bias + f : NULL;
    int64_t width = tn_min(wg->out.channels - f, TN_WINOGRAD_CHUNK);
    bool relu = pass->activation == TN_RELU;
    find_places(pass, b->tile + tile, f, outside, places);
    if (width % TN_MAP_CHUNK == 0)
        wg->results(m, wg->a * b->space->m_point, b->space->m_point, bias, relu, places, width);
    else
        put_rest(b, m, bias, relu, places, width);
    for (int64_t i = 0; i < wg->out.size * wg->out.size && !relu && pass->activation != TN_LINEAR; i++) {
        if (places[i] != outside)
            tn_activate(NULL, pass->activation, places[i], places[i], width);
    }
}
