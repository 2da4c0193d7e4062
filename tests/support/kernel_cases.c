/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The list of cases: kernel_cases.h says what a case is. */
#include "kernel_cases.h"

#include "kernels/cpu.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const kernel_tables *kernel_tables_number(int number)
{
    static const kernel_tables all[] = {
        {"reference", &reference_element_table, &reference_conv_table},
        {"generic", &tn_element_table_generic, &tn_conv_table_generic},
#if defined(__x86_64__)
        {"avx2", &tn_element_table_avx2, &tn_conv_table_avx2},
        {"avx512", &tn_element_table_avx512, &tn_conv_table_avx512},
#endif
    };
    return number <= 1 + (int)tn_isa_of_cpu() ? &all[number] : NULL; /* generic is TN_ISA_GENERIC, 0 */
}

/* --- inputs */

/** Marsaglia's xorshift64*, as a number in [0,1). */
static double draw_unit(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)(*state * UINT64_C(2685821657736338717) >> 11) * 0x1p-53;
}

void kernel_draw_inputs(kernel_buffers *b)
{
    static const float strange[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-40f};
    uint64_t state = 2024;
    for (int i = 0; i < KERNEL_FLOATS; i++) {
        b->finite[i] = (float)(6.0 * draw_unit(&state) - 3.0);
        b->wild[i] = i % 13 == 5 ? strange[i / 13 % 5] : 10.0f * b->finite[i];
        b->bytes[i] = (uint8_t)(9.0 * draw_unit(&state));
    }
}

void kernel_clear_outputs(kernel_buffers *b)
{
    for (int i = 0; i < KERNEL_FLOATS; i++)
        b->out[i] = -7.0f;
    memset(b->index, 0xee, sizeof b->index);
}

/* --- elements */

#define RUN(name)                                                                                                      \
    static int64_t run_##name(const kernel_case *c, const kernel_tables *t, kernel_buffers *b, int64_t count)
#define ELEMENT_MAP(name, from)                                                                                        \
    RUN(name)                                                                                                          \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        t->element->name(b->from, b->out, count);                                                                      \
        return count;                                                                                                  \
    }
#define ELEMENT_GRADIENT(name, from)                                                                                   \
    RUN(name)                                                                                                          \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        t->element->name(b->from, b->finite + KERNEL_MOST, b->out, count);                                             \
        return count;                                                                                                  \
    }

ELEMENT_MAP(relu, wild)
ELEMENT_MAP(sigmoid, finite)
ELEMENT_MAP(tanh, finite)
ELEMENT_MAP(exp, finite)
ELEMENT_MAP(softmax, finite)
ELEMENT_MAP(log_softmax, finite)
ELEMENT_GRADIENT(relu_gradient, wild)
ELEMENT_GRADIENT(sigmoid_gradient, wild)
ELEMENT_GRADIENT(tanh_gradient, wild)
ELEMENT_GRADIENT(softmax_gradient, finite)

enum { AXIS = 10, ROWS = 70 };

RUN(softmax_columns)
{
    (void)c;
    t->element->softmax_columns(b->finite, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

RUN(log_softmax_columns)
{
    (void)c;
    t->element->log_softmax_columns(b->finite, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

RUN(softmax_gradient_columns)
{
    (void)c;
    t->element->softmax_gradient_columns(b->finite, b->finite + 7, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

/* --- pooling: a window of c->a x c->b pixels in an image 7 wide; c->map: bytes of an index, 0 for none */

static tn_window_walk walk_of(const kernel_case *c, int64_t channels)
{
    return (tn_window_walk){channels, c->a, c->b, 7 * channels, channels, 1, 5, 1};
}

RUN(max_pixel)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->max_pixel(b->wild, &walk, count, b->out, c->map ? b->index : NULL, (size_t)c->map);
    return count;
}

RUN(max_pixel_gradient)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->max_pixel_gradient(b->finite, b->bytes, (size_t)c->map, &walk, count, b->out);
    return count;
}

RUN(avg_pixel)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->avg_pixel(b->finite, &walk, 7.0f, count, b->out);
    return count;
}

RUN(avg_pixel_gradient)
{
    const tn_window_extent extent = {-1, 2, 3, 0, 9};
    tn_window_walk walk = walk_of(c, count);
    t->element->avg_pixel_gradient(b->finite, &walk, &extent, &extent, count, b->out);
    return count;
}

/* --- sums, dropout, images */

RUN(sum_rows)
{
    (void)c;
    t->element->sum_rows(b->finite, ROWS, count + 3, count, b->out);
    return ROWS * count;
}

RUN(add)
{
    (void)c;
    t->element->add(b->wild, b->out, count);
    return count;
}

RUN(sum_squares)
{
    (void)c;
    b->out[0] = (float)t->element->sum_squares(b->finite, count);
    return count;
}

RUN(dropout)
{
    (void)c;
    t->element->dropout(1, 2, 1 << 23, 2.0f, 64, count, b->wild, b->out);
    return count;
}

RUN(dropout_mask)
{
    (void)c;
    t->element->dropout_mask(b->bytes, 0.7f, b->wild, b->out, count);
    return count;
}

RUN(scale_bytes)
{
    (void)c;
    t->element->scale_bytes(b->bytes, 0.3f, b->out, count);
    return count;
}

RUN(blend)
{
    (void)c;
    t->element->blend(b->wild, b->finite, 0.3f, 0.7f, b->out, count);
    return count;
}

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

enum { TILE_MOST = 14, LANES_MOST = 32, DEEPEST = 3 * 40 };

/* What is where the tile goes, and what is there afterwards: the corners of the first and of the last of its panels that
 * the tiles of all sets have. */
static float *run_tile(const tn_own_tile *own, const tn_tile_rows *rows, const float *panels, const tn_tile_end *end,
                       int64_t cols, const float *from, float *out)
{
    float tile[TILE_MOST * 2 * LANES_MOST];
    int64_t lanes = own->lanes, pitch = 2 * lanes, last = cols > lanes ? 1 : 0;
    for (int64_t i = 0; i < own->most * pitch; i++)
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
    float panels[2 * DEEPEST * LANES_MOST], packed[DEEPEST * TILE_MOST], bias[2 * LANES_MOST], *out = b->out;
    const float *places[3 * TILE_MOST];
    for (int64_t i = 0; i < 2 * depth * lanes; i++)
        panels[i] = b->finite[100 + i / lanes / depth * 5000 + i / lanes % depth * LANES_MOST + i % lanes];
    for (int64_t i = 0; i < 2 * lanes; i++)
        bias[i] = b->finite[50 + i / lanes * 40 + i % lanes];
    for (int64_t i = 0; i < runs * own->most; i++)
        places[i] = b->finite + i % own->most * 131 + i / own->most * 57;
    for (int64_t i = 0; i < depth * own->rows; i++)
        packed[i] = places[i / own->rows / c->a * own->most + i % own->rows][i / own->rows % c->a];
    const tn_region ahead = {.data = b->finite, .rows = count % 4, .width = 16, .stride = 16};
    tn_tile_end end = {.add = c->b & 1, .relu = c->b & 4, .bias = c->b & 2 ? bias : NULL, .ahead = ahead};
    tn_tile_rows rows = {.count = own->most, .step = own->most, .places = places, .runs = runs, .run = c->a};
    end.next = count % 2 ? places : NULL;
    out = run_tile(own, &rows, panels, &end, lanes + 5, b->finite, out);
    rows.count = 3;
    out = run_tile(own, &rows, panels, &end, 5, b->finite, out);
    rows = (tn_tile_rows){.count = 3, .panel = packed, .runs = 1, .run = depth};
    end.next = NULL;
    return run_tile(own, &rows, panels, &end, 5, b->finite, out) - b->out;
}

/* A of c->a rows, along k, across it with 1 in c->b, as a stream with 4: the corner that the tiles of all sets have, to be
 * added to with 2. */
RUN(direct)
{
    const tn_direct_tile *direct = t->conv->direct;
    const int64_t rows = c->a < direct->rows ? c->a : direct->rows, across = c->b % 2;
    float tile[12 * 35];
    memcpy(tile, b->finite, sizeof tile);
    const tn_tile_sides sides = {.a = b->finite + 7, .a_stride = across ? 61 : 19, .b = b->finite + 900, .b_stride = 37,
                                 .depth = count % 40 + 1, .next_a = b->finite, .next_b = b->finite, .next_b_step = 1,
                                 .next_b_run = count % 7, .next_b_jump = 50};
    void (*multiply)(const tn_tile_sides *, int64_t, bool, float *, int64_t) =
        c->b & 4 ? direct->stream : across ? direct->across : direct->along;
    multiply(&sides, rows, (c->b & 2) != 0, tile, 35);
    for (int64_t i = 0; i < (rows < 4 ? rows : 4); i++)
        memcpy(b->out + i * 8, tile + i * 35, 8 * sizeof *tile);
    return (rows < 4 ? rows : 4) * 8;
}

/* c->a filters, all that a set's tile has if it is 0; 1 in c->b: ReLU, 2: past the caches. Tiles have vectors of their
 * own: filters repeat, and the first and the last of them are the result. */
enum { FEW_CORNER = 8 };

RUN(few_forward)
{
    const tn_few_tiles *few = t->conv->few;
    const int64_t filters = c->a > 0 ? c->a : 2 * few->lanes, lanes = filters > few->lanes ? 2 * few->lanes : few->lanes;
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

/* c->a filters, all if it is 0, of all rows that a tile has, or c->b of them. */
RUN(few_gradient)
{
    const tn_few_tiles *few = t->conv->few;
    const int64_t filters = c->a > 0 ? c->a : 2 * few->lanes, rows = c->b > 0 && c->b < few->sums ? c->b : few->sums;
    const int64_t corner = filters < FEW_CORNER ? filters : FEW_CORNER, high = rows < 4 ? rows : 4;
    const float *x[12];
    float sums[12 * 32];
    for (int64_t i = 0; i < 12; i++)
        x[i] = b->finite + i * 7;
    for (int64_t i = 0; i < 12 * 32; i++)
        sums[i] = b->finite[i];
    few->gradient(&(tn_few_sums){x, 3, 40, count % 7 + 1, 3, b->finite + 9, 33, filters, c->b == 5 ? b->finite : NULL, sums, 32},
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
    t->conv->few->gradient_pairs(&(tn_few_sums){x, 3, 40, count % 7 + 1, 3, b->finite + 9, 33, c->a, NULL, sums, 16}, c->b);
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

const tn_winograd_maps *kernel_maps_of(const tn_conv_table *table, int m, int r)
{
    for (const tn_winograd_maps *maps = table->winograd; maps->m != 0; maps++) {
        if (maps->m == m && maps->r == r)
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

enum { FILTER, OUTPUT, FILTER_GRADIENT, FILTER_PAST };

RUN(winograd)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b);
    tn_winograd_map *const list[] = {maps->filter, maps->output, maps->filter_gradient, maps->filter_past};
    int a = c->a + c->b - 1, sides[] = {c->b, a, a, c->b}, results[] = {a, c->a, c->b, a};
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    list[c->map](b->finite, sides[c->map] * (count + 3), count + 3, b->out, count + 5, count);
    return results[c->map] * results[c->map] * count;
}

/* c->map: with bias and ReLU. Results lie last one first. */
RUN(winograd_results)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b);
    float *places[64];
    int points = c->a * c->a, a = c->a + c->b - 1;
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    for (int i = 0; i < points; i++)
        places[i] = b->out + (points - 1 - i) * count;
    maps->results(b->finite, a * (count + 3), count + 3, c->map ? b->finite + 7 : NULL, c->map, places, count);
    return points * count;
}

enum { DATA, DATA_ROWS, GRADIENT_ROWS };

/* Every third pixel is that of zeros outside of images; rows of points follow one another. */
RUN(winograd_pixels)
{
    const tn_winograd_maps *maps = kernel_maps_of(t->conv, c->a, c->b);
    static const float zeros[1024];
    const float *pixels[64];
    int a = c->a + c->b - 1, side = c->map == GRADIENT_ROWS ? c->a : a;
    count = (count + TN_MAP_CHUNK - 1) / TN_MAP_CHUNK * TN_MAP_CHUNK;
    for (int i = 0; i < side * side; i++)
        pixels[i] = i % 3 == 0 && count <= 1024 ? zeros : b->finite + (side * side - 1 - i) * (count + 1);
    if (c->map == DATA)
        maps->data(pixels, 1 << 20, b->out, count + 5, count);
    for (int row = 0; c->map != DATA && row < a; row++)
        (c->map == DATA_ROWS ? maps->data_row : maps->gradient_row)(pixels, row, b->out + row * a * (count + 5),
                                                                    count + 5, count);
    return a * a * count;
}

/* --- the list */

#define ELEMENT(name, tolerance, of_largest)                                                                           \
    {                                                                                                                  \
#name, run_##name, IN_ELEMENTS, offsetof(tn_element_table, name), tolerance, of_largest, 0, 0, 0               \
    }
#define POOLING(name, rows, cols, index_size)                                                                          \
    {                                                                                                                  \
#name " " #rows "x" #cols " index " #index_size, run_##name, IN_ELEMENTS, offsetof(tn_element_table, name),    \
            0.0, false, rows, cols, index_size                                                                         \
    }
#define CONV(name, text, a, b)                                                                                         \
    {                                                                                                                  \
#name text, run_##name, IN_CONV, offsetof(tn_conv_table, name), 0.0, false, a, b, 0                            \
    }
#define TILE(run, end, text)                                                                                           \
    {                                                                                                                  \
        "own_tile " #run text, run_own_tile, IN_CONV, offsetof(tn_conv_table, tile), 1e-6, true, run, end, 0           \
    }
#define DIRECT(rows, kind, text)                                                                                       \
    {                                                                                                                  \
        "direct " #rows text, run_direct, IN_CONV, offsetof(tn_conv_table, direct), 1e-6, true, rows, kind, 0          \
    }
#define FEW(pass, filters, other, text)                                                                                \
    {                                                                                                                  \
        "few " #pass text, run_few_##pass, IN_CONV, offsetof(tn_conv_table, few), 1e-6, true, filters, other, 0        \
    }
#define THIN(rows, depth)                                                                                              \
    {                                                                                                                  \
        "thin_product " #rows "x" #depth, run_thin_product, IN_CONV, offsetof(tn_conv_table, thin_product), 1e-6,      \
            true, rows, depth, 0                                                                                       \
    }
#define WINOGRAD_MAP(m, r, map, text)                                                                                  \
    {                                                                                                                  \
        "winograd F(" #m "," #r ") " text, run_winograd, IN_CONV, offsetof(tn_conv_table, winograd), 4e-6, true, m, r, \
            map                                                                                                        \
    }
#define WINOGRAD_RESULTS(m, r, map, text)                                                                              \
    {                                                                                                                  \
        "winograd F(" #m "," #r ") " text, run_winograd_results, IN_CONV, offsetof(tn_conv_table, winograd), 4e-6,     \
            true, m, r, map                                                                                            \
    }
#define WINOGRAD_PIXELS(m, r, map, text)                                                                               \
    {                                                                                                                  \
        "winograd F(" #m "," #r ") " text, run_winograd_pixels, IN_CONV, offsetof(tn_conv_table, winograd), 4e-6,      \
            true, m, r, map                                                                                            \
    }
#define WINOGRAD(m, r)                                                                                                 \
    WINOGRAD_PIXELS(m, r, DATA, "data"), WINOGRAD_MAP(m, r, FILTER, "filter"), WINOGRAD_MAP(m, r, OUTPUT, "output"),      \
        WINOGRAD_MAP(m, r, FILTER_GRADIENT, "filter gradient"), WINOGRAD_MAP(m, r, FILTER_PAST, "filter past"),        \
        WINOGRAD_RESULTS(m, r, false, "results"), WINOGRAD_RESULTS(m, r, true, "results, bias, ReLU"),                 \
        WINOGRAD_PIXELS(m, r, DATA_ROWS, "rows of data"),                     \
        WINOGRAD_PIXELS(m, r, GRADIENT_ROWS, "rows of the gradient")

#define ULP 0x1p-23

const kernel_case kernel_cases[] = {
    ELEMENT(relu, 0.0, false),
    ELEMENT(sigmoid, 2.5 * ULP, false),
    ELEMENT(tanh, 1.5 * ULP, false),
    ELEMENT(exp, 1.0 * ULP, false),
    ELEMENT(relu_gradient, 0.0, false),
    ELEMENT(sigmoid_gradient, 0.0, false),
    ELEMENT(tanh_gradient, 0.0, false),
    ELEMENT(softmax, 1e-6, true),
    ELEMENT(log_softmax, 1e-6, true),
    ELEMENT(softmax_gradient, 1e-6, true),
    ELEMENT(softmax_columns, 1e-6, true),
    ELEMENT(log_softmax_columns, 1e-6, true),
    ELEMENT(softmax_gradient_columns, 1e-6, true),
    POOLING(max_pixel, 3, 3, 1),
    POOLING(max_pixel, 2, 2, 1),
    POOLING(max_pixel, 3, 2, 2),
    POOLING(max_pixel, 4, 4, 4),
    POOLING(max_pixel, 3, 3, 0),
    POOLING(max_pixel_gradient, 1, 1, 1),
    POOLING(max_pixel_gradient, 1, 2, 1),
    POOLING(max_pixel_gradient, 2, 1, 1),
    POOLING(max_pixel_gradient, 2, 2, 1),
    POOLING(max_pixel_gradient, 3, 3, 1),
    POOLING(max_pixel_gradient, 2, 2, 2),
    POOLING(max_pixel_gradient, 2, 2, 4),
    POOLING(avg_pixel, 3, 3, 0),
    POOLING(avg_pixel_gradient, 2, 2, 0),
    ELEMENT(sum_rows, 1e-6, true),
    ELEMENT(add, 0.0, false),
    ELEMENT(sum_squares, 1.0 * ULP, false),
    ELEMENT(dropout, 0.0, false),
    ELEMENT(dropout_mask, 0.0, false),
    ELEMENT(scale_bytes, 0.0, false),
    ELEMENT(blend, 0.0, false),
    CONV(interleave, " 4", 4, 0),
    CONV(interleave, " 6", 6, 0),
    CONV(interleave, " 12", 12, 0),
    CONV(interleave, " 16", 16, 0),
    CONV(interleave, " 32", 32, 0),
    CONV(copy_rows, " 12", 12, 0),
    CONV(copy_rows, " 32", 32, 0),
    CONV(copy_panels, " 12", 12, 0),
    CONV(copy_panels, " 32", 32, 0),
    CONV(add_rows, " 3", 3, 0),
    CONV(add_rows, " 9", 9, 0),
    CONV(add_rows, " 11", 11, 0),
    CONV(add_rows, " 21", 21, 0),
    CONV(add_rows, " 30", 30, 0),
    CONV(add_rows, " 33", 33, 0),
    CONV(add_rows, " 35", 35, 0),
    TILE(9, 0, ""),
    TILE(40, 1, " add"),
    TILE(13, 2, " bias"),
    TILE(40, 7, " add bias relu"),
    DIRECT(12, 0, " along"),
    DIRECT(12, 1, " across"),
    DIRECT(3, 2, " along, added"),
    DIRECT(7, 3, " across, added"),
    DIRECT(12, 5, " stream"),
    DIRECT(7, 7, " stream, added"),
    FEW(forward, 3, 0, " 3"),
    FEW(forward, 4, 1, " 4 relu"),
    FEW(forward, 7, 1, " 7 relu"),
    FEW(forward, 0, 0, ""),
    FEW(forward, 0, 1, " relu"),
    FEW(forward, 0, 2, " past the caches"),
    FEW(forward, 0, 3, " relu past the caches"),
    FEW(gradient, 3, 0, " 3"),
    FEW(gradient, 4, 3, " 4, 3 rows"),
    FEW(gradient, 7, 2, " 7, 2 rows"),
    FEW(gradient, 0, 5, " 5 rows"),
    FEW(gradient, 0, 0, ""),
    FEW(gradient_pairs, 1, 1, " 1, 1 row"),
    FEW(gradient_pairs, 2, 2, " 2, 2 rows"),
    CONV(finish, "", 0, 0),
    CONV(finish, " bias", 1, 0),
    CONV(finish, " relu", 0, 1),
    CONV(finish, " bias relu", 1, 1),
    CONV(accumulate, "", 0, 0),
    THIN(1, 8),
    THIN(1, 35),
    THIN(3, 19),
    WINOGRAD(2, 3),
    WINOGRAD(4, 3),
    WINOGRAD(6, 3),
    WINOGRAD(4, 5),
};
const int kernel_case_count = sizeof kernel_cases / sizeof kernel_cases[0];
