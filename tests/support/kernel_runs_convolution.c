/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Calls of the loops of convolutions and products. */
#include "kernel_runs.h"

#include <string.h>

/* --- packing, in panels of c->a lanes, and epilogues */

RUN(interleave)
{
    const float *rows[64];
    for (int i = 0; i < c->a; i++)
        rows[i] = b->wild + i * (KERNEL_MOST + 3) + i % 4;
    t->conv->interleave(rows, c->a, count, b->out);
    return c->a * count;
}

RUN(copy_rows)
{
    t->conv->copy_rows(b->wild, 53, c->a, count, c->a + 5, b->out);
    return c->a * count;
}

RUN(copy_panels)
{
    t->conv->copy_panels(b->wild, 2 * c->a + 3, count, 2, c->a, b->out, c->a + 2, count * (c->a + 2) + 1);
    return 2 * c->a * count;
}

RUN(add_rows)
{
    t->conv->add_rows(b->wild, 53, c->a, count, c->a + 3, b->out);
    return (c->a + 3) * count;
}

enum { ROWS_MOST = 12, LANES_MOST = 32, DEEPEST = 3 * 40 };

/* What is where the tile goes, and what is there afterwards: the corners of the first and of the last of its panels
 * that the tiles of all sets have. */
static float *run_tile(const tn_own_tile *own, const tn_tile_rows *rows, const float *panels, const tn_tile_end *end,
                       int64_t cols, const float *from, float *out)
{
    float tile[ROWS_MOST * 2 * LANES_MOST];
    int64_t lanes = own->lanes, pitch = 2 * lanes, last = cols > lanes ? 1 : 0;
    for (int64_t i = 0; i < own->rows * pitch; i++)
        tile[i] = from[i % pitch / lanes * 600 + i / pitch * LANES_MOST + i % lanes];
    own->multiply(rows, panels, end, cols, tile, pitch);
    for (int64_t panel = 0; panel <= last; panel++)
        for (int64_t i = 0; i < 4; i++, out += 8)
            memcpy(out, tile + i * pitch + panel * lanes, 8 * sizeof *tile);
    return out;
}

/* Runs of c->a numbers; of c->b 1: add to what is there; 2: bias; 4: ReLU. Sets have tiles of their own size: rows and
 * panels are laid out for each. First a whole tile and five columns more, then one of three rows and five columns, then
 * the latter from a packed panel. */
RUN(own_tile)
{
    const tn_own_tile *own = t->conv->tile;
    const int64_t runs = count % 3 + 1, depth = runs * c->a, lanes = own->lanes;
    float panels[2 * DEEPEST * LANES_MOST], packed[DEEPEST * ROWS_MOST], bias[2 * LANES_MOST], *out = b->out;
    const float *places[2 * 3 * ROWS_MOST];
    for (int64_t i = 0; i < 2 * depth * lanes; i++)
        panels[i] = b->finite[100 + i / lanes / depth * 5000 + i / lanes % depth * LANES_MOST + i % lanes];
    for (int64_t i = 0; i < 2 * lanes; i++)
        bias[i] = b->finite[50 + i / lanes * 40 + i % lanes];
    for (int64_t i = 0; i < 2 * runs * own->rows; i++)
        places[i] = b->finite + i % own->rows * 131 + i / own->rows * 57;
    for (int64_t i = 0; i < depth * own->rows; i++)
        packed[i] = places[i / own->rows / c->a * own->rows + i % own->rows][i / own->rows % c->a];
    const tn_region ahead = {.data = b->finite, .rows = count % 4, .width = 16, .stride = 16};
    tn_tile_end end = {.add = c->b & 1, .relu = c->b & 4, .bias = c->b & 2 ? bias : NULL, .ahead = ahead};
    tn_tile_rows rows = {.count = own->rows, .group = own->rows, .places = places, .runs = runs, .run = c->a};
    end.asks = count % 2;
    end.asks_c = count % 5 == 0;
    out = run_tile(own, &rows, panels, &end, lanes + 5, b->finite, out);
    rows.count = 3;
    out = run_tile(own, &rows, panels, &end, 5, b->finite, out);
    rows = (tn_tile_rows){.count = 3, .group = own->rows, .side = packed, .runs = 1, .run = depth};
    return run_tile(own, &rows, panels, &end, 5, b->finite, out) - b->out;
}

/* A of c->a rows, along k, across it with 1 in c->b, a stream with 4: the corner that the tiles of all sets have, to
 * be added to with 2. */
RUN(direct)
{
    const tn_direct_tile *direct = t->conv->direct;
    const int64_t rows = c->a < direct->rows ? c->a : direct->rows, across = c->b % 2;
    float tile[12 * 35];
    memcpy(tile, b->finite, sizeof tile);
    const tn_tile_sides sides = {.a = b->finite + 7,
                                 .a_stride = across ? 61 : 19,
                                 .b = b->finite + 900,
                                 .b_stride = 37,
                                 .depth = count % 40 + 1,
                                 .next_a = b->finite,
                                 .next_b = b->finite,
                                 .next_b_step = 1,
                                 .next_b_run = count % 7,
                                 .next_b_jump = 50};
    void (*const ways[2][2])(const tn_tile_sides *, int64_t, bool, float *, int64_t) = {
        {direct->along, direct->across}, {direct->stream_along, direct->stream}};
    ways[c->b >> 2][across](&sides, rows, (c->b & 2) != 0, tile, 35);
    for (int64_t i = 0; i < (rows < 4 ? rows : 4); i++)
        memcpy(b->out + i * 8, tile + i * 35, 8 * sizeof *tile);
    return (rows < 4 ? rows : 4) * 8;
}

/* c->a filters, two vectors of a set's if it is 0; 1 in c->b: ReLU, 2: past the caches. Tiles have vectors of their
 * own: filters repeat, and the first and the last of them are the result. */
enum { FEW_CORNER = 8 };

RUN(few_forward)
{
    const tn_few_tiles *few = t->conv->few;
    const int64_t filters = c->a > 0 ? c->a : 2 * few->lanes,
                  lanes = filters > few->lanes ? 2 * few->lanes : few->lanes;
    float bias[32];
    const tn_few_windows x = {b->finite, count % 31 + 1, 3, 2, 3, 150};
    const tn_few_end end = {2 * few->lanes, filters, bias, c->b & 1, c->b & 2};
    const int64_t corner = filters < FEW_CORNER ? filters : FEW_CORNER;
    _Alignas(64) float panel[6 * 32], y[31 * 32];
    for (int64_t j = 0; j < 32; j++)
        bias[j] = b->finite[50 + j % FEW_CORNER];
    for (int64_t k = 0; k < 6; k++)
        for (int64_t j = 0; j < lanes; j++)
            panel[k * lanes + j] = j < filters ? b->finite[100 + k * 32 + j % FEW_CORNER] : 0.0f;
    few->forward(&x, panel, &end, y);
    for (int64_t i = 0; i < x.windows; i++) {
        memcpy(b->out + 2 * i * corner, y + i * end.pitch, (size_t)corner * sizeof *y);
        memcpy(b->out + (2 * i + 1) * corner, y + i * end.pitch + filters - corner, (size_t)corner * sizeof *y);
    }
    return 2 * x.windows * corner;
}

/* c->a filters, two vectors if it is 0, of all rows that a tile has, or c->b of them. */
RUN(few_gradient)
{
    const tn_few_tiles *few = t->conv->few;
    const int64_t filters = c->a > 0 ? c->a : 2 * few->lanes, most = few->sums[filters > few->lanes];
    const int64_t rows = c->b > 0 && c->b < most ? c->b : most;
    const int64_t corner = filters < FEW_CORNER ? filters : FEW_CORNER, high = rows < 4 ? rows : 4;
    const float *x[12];
    float sums[12 * 32];
    for (int64_t i = 0; i < 12; i++)
        x[i] = b->finite + i * 7;
    for (int64_t i = 0; i < 12 * 32; i++)
        sums[i] = b->finite[i];
    few->gradient(
        &(tn_few_sums){x, 3, 40, count % 7 + 1, 3, b->finite + 9, 33, filters, c->b == 5 ? b->finite : NULL, sums, 32},
        rows);
    for (int64_t i = 0; i < high; i++)
        memcpy(b->out + i * corner, sums + i * 32, (size_t)corner * sizeof *sums);
    return high * corner;
}

/* c->a filters, no more than half a vector of any set, of c->b rows: three vectors of pairs each. */
RUN(few_gradient_pairs)
{
    const float *x[2] = {b->finite, b->finite + 7};
    const int64_t width = 2 * c->a, high = 3 * c->b;
    float sums[6 * 16];
    memcpy(sums, b->finite, sizeof sums);
    t->conv->few->gradient_pairs(&(tn_few_sums){x, 3, 40, count % 7 + 1, 3, b->finite + 9, 33, c->a, NULL, sums, 16},
                                 c->b);
    for (int64_t i = 0; i < high; i++)
        memcpy(b->out + i * width, sums + i * 16, (size_t)width * sizeof *sums);
    return high * width;
}

RUN(finish)
{
    t->conv->finish(b->wild, c->a ? b->finite : NULL, c->b, b->out, count);
    return count;
}

RUN(accumulate)
{
    (void)c;
    t->conv->accumulate(b->wild, b->out, count);
    return count;
}

/* --- Winograd's transforms, of whole chunks */

const tn_winograd_maps *kernel_maps_of(const tn_conv_table *table, int m, int r, int stride)
{
    for (const tn_winograd_maps *maps = table->winograd; maps->m != 0; maps++) {
        if (maps->m == m && maps->r == r && maps->stride == stride)
            return maps;
    }
    return NULL;
}

/* c->a rows, c->b numbers of a sum. */
RUN(thin_product)
{
    t->conv->thin_product(b->finite, c->b + 1, c->a, b->finite + 100, count + 3, c->b, b->out, count + 2, count);
    return c->a * (count + 2) - 2;
}

/* Two rows, c->a numbers more from one to the next. */
RUN(strassen_sums)
{
    const float *const from[4] = {b->wild, b->wild + 801, b->wild + 1602, b->wild + 2400};
    float *to[TN_STRASSEN_SUMS];
    int64_t each = 2 * count + c->a;
    for (int k = 0; k < TN_STRASSEN_SUMS; k++)
        to[k] = b->out + k * each;
    t->conv->strassen_sums(from, count + c->a, to, count + c->a, 2, count);
    return TN_STRASSEN_SUMS * each - c->a;
}

/* Of c->a 1: add to what is there; 2: bias; 4: ReLU. Three rows, two of them below, of 32 columns, which are whole in all
 * sets; `count` floats between the upper quarters and between the left ones. */
RUN(strassen_end)
{
    enum { COLS = 32, ROWS = 3 };
    const tn_strassen_end end = {.products = b->finite,
                                 .apart = ROWS * COLS + 1,
                                 .right = COLS + count,
                                 .below = ROWS * (2 * COLS + count),
                                 .ldc = 2 * COLS + count,
                                 .add = c->a & 1,
                                 .bias = c->a & 2 ? b->finite + 900 : NULL,
                                 .relu = c->a & 4};
    memcpy(b->out, b->finite + 1500, (size_t)(2 * end.below) * sizeof *b->out);
    t->conv->strassen_end(&end, ROWS, ROWS - 1, COLS, b->out);
    return 2 * end.below;
}

enum { DEPTHWISE_STEP = 100 }; /* channels of a pixel */

/* c->a taps, c->b: 1 with bias, 2 with ReLU; five results, every other pixel. */
RUN(depthwise_filter)
{
    tn_depthwise_tap taps[16];
    count = count < DEPTHWISE_STEP ? count : DEPTHWISE_STEP;
    for (int i = 0; i < c->a; i++)
        taps[i] = (tn_depthwise_tap){b->finite + i * DEPTHWISE_STEP, b->finite + 5000 + i * DEPTHWISE_STEP, NULL};
    t->conv->depthwise->filter(taps, c->a, 2 * DEPTHWISE_STEP, c->b & 1 ? b->finite + 7 : NULL, c->b & 2, 5, count, b->out,
                               DEPTHWISE_STEP + 3);
    return 5 * count;
}

/* c->a taps. */
RUN(depthwise_gradient)
{
    tn_depthwise_tap taps[16];
    count = count < DEPTHWISE_STEP ? count : DEPTHWISE_STEP;
    for (int i = 0; i < c->a; i++)
        taps[i] = (tn_depthwise_tap){b->finite + i * DEPTHWISE_STEP, NULL, b->out + i * (DEPTHWISE_STEP + 1)};
    const tn_depthwise_rows rows = {2, 11 * DEPTHWISE_STEP, 6 * count, 5, 2 * DEPTHWISE_STEP};
    t->conv->depthwise->gradient(taps, c->a, &rows, b->finite + 5000, count);
    return c->a * count;
}

/** Points in each direction, and those of transformed filters. */
static int points_of(const kernel_case *c)
{
    return (c->a - 1) * c->stride + c->b;
}

static int filter_points_of(const kernel_case *c)
{
    return c->stride == 1 ? points_of(c) : c->a + 2;
}

RUN(winograd)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b, c->stride);
    tn_winograd_map *const list[] = {maps->filter, maps->filter_past, maps->filter_gradient, maps->output,
                                     maps->back_output};
    int a = points_of(c), e = filter_points_of(c);
    int sides[] = {c->b, c->b, a, a, a}, results[] = {e, e, c->b, c->a, c->a * c->stride};
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    list[c->map](b->finite, sides[c->map] * (count + 3), count + 3, b->out, count + 5, count);
    return results[c->map] * results[c->map] * count;
}

/* Results lie last one first. */
RUN(winograd_results)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b, c->stride);
    float *places[64];
    bool back = c->map == BACK_RESULTS, activated = c->map == ACTIVATED;
    int side = back ? c->a * c->stride : c->a;
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    for (int i = 0; i < side * side; i++)
        places[i] = b->out + (side * side - 1 - i) * count;
    (back ? maps->back_results : maps->results)(b->finite, points_of(c) * (count + 3), count + 3,
                                                activated ? b->finite + 7 : NULL, activated, places, count);
    return side * side * count;
}

/* Every third pixel is that of zeros outside of images; rows of points follow one another. */
RUN(winograd_pixels)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b, c->stride);
    static const float zeros[1024];
    const float *pixels[81];
    int a = points_of(c), back = c->stride == 1 ? a : c->a + 1, sides[] = {a, back, a, c->a}, side = sides[c->map];
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    for (int i = 0; i < side * side; i++)
        pixels[i] = i % 3 == 0 && count <= 1024 ? zeros : b->finite + (side * side - 1 - i) * (count + 1);
    if (c->map == DATA || c->map == BACK_DATA)
        (c->map == DATA ? maps->data : maps->back_data)(pixels, 1 << 20, b->out, count + 5, count);
    for (int row = 0; c->map > BACK_DATA && row < a; row++)
        (c->map == DATA_ROWS ? maps->data_row : maps->gradient_row)(pixels, row, b->out + row * a * (count + 5),
                                                                    count + 5, count);
    return a * a * count;
}
