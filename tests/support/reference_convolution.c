/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the loops of conv_table.h mean. */
#include "reference_loops.h"

#include "kernels/isa/winograd_matrices.h"
#include "winograd_stride_2.h"

#include <string.h>

static void interleave(const float *const *rows, int64_t lanes, int64_t count, float *out)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < lanes; i++)
            out[k * lanes + i] = rows[i][k];
}

static void copy_rows(const float *from, int64_t stride, int64_t width, int64_t count, int64_t lanes, float *out)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < width; i++)
            out[k * lanes + i] = from[k * stride + i];
}

static void copy_panels(const float *from, int64_t stride, int64_t count, int64_t panels, int64_t lanes, float *out,
                        int64_t step, int64_t panel)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < panels * lanes; i++)
            out[i / lanes * panel + k * step + i % lanes] = from[k * stride + i];
}

static void add_rows(const float *from, int64_t stride, int64_t width, int64_t count, int64_t to_stride, float *to)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < width; i++)
            to[k * to_stride + i] += from[k * stride + i];
}

static void finish(const float *x, const float *bias, bool relu, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float sum = bias ? x[i] + bias[i] : x[i];
        y[i] = relu && sum < 0.0f ? 0.0f : sum;
    }
}

static void accumulate(const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

static void thin_product(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride,
                         int64_t depth, float *y, int64_t y_stride, int64_t count)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < count; j++)
            for (int64_t k = 0; k < depth; k++)
                y[i * y_stride + j] += x[i * x_stride + k] * w[k * w_stride + j];
}

static void strassen_sums(const float *const from[4], int64_t from_step, float *const to[TN_STRASSEN_SUMS], int64_t to_step,
                          int64_t rows, int64_t count)
{
    static const struct {
        int first, second;
        float sign;
    } sums[TN_STRASSEN_SUMS] = {{0, 3, 1.0f}, {2, 3, 1.0f}, {0, 1, 1.0f}, {2, 0, -1.0f}, {1, 3, -1.0f}};
    for (int k = 0; k < TN_STRASSEN_SUMS; k++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < count; j++)
                to[k][i * to_step + j] = from[sums[k].first][i * from_step + j] +
                                         sums[k].sign * from[sums[k].second][i * from_step + j];
}

/* Which products a quarter is made of. */
static const float quarters[4][TN_STRASSEN_PRODUCTS] = {
    {1, 0, 0, 1, -1, 0, 1}, {0, 0, 1, 0, 1, 0, 0}, {0, 1, 0, 1, 0, 0, 0}, {1, -1, 1, 0, 0, 1, 0}};

static void strassen_end(const tn_strassen_end *end, int64_t rows, int64_t lower, int64_t cols, float *c)
{
    for (int64_t q = 0; q < 4; q++) {
        for (int64_t i = 0; i < (q / 2 ? lower : rows); i++) {
            for (int64_t j = 0; j < cols; j++) {
                float *to = c + q / 2 * end->below + q % 2 * end->right + i * end->ldc + j, sum = 0.0f;
                for (int k = 0; k < TN_STRASSEN_PRODUCTS; k++)
                    sum += quarters[q][k] * end->products[k * end->apart + i * cols + j];
                sum += end->add ? *to : 0.0f;
                sum += end->bias ? end->bias[q % 2 * end->right + j] : 0.0f;
                *to = end->relu && sum < 0.0f ? 0.0f : sum;
            }
        }
    }
}

/* The reference has no tile of its own: it computes one as large as the largest, which smaller ones are compared with.
 */
enum { TILE_ROWS = 12, TILE_LANES = 32 };

static float number_of(const tn_tile_rows *rows, int64_t i, int64_t k)
{
    int64_t group = i / rows->group, row = i % rows->group, t = k / rows->run, in_run = k % rows->run;
    if (rows->places)
        return rows->places[(group * rows->runs + t) * rows->group + row][in_run];
    if (rows->step)
        return rows->side[t * rows->run_step + in_run * rows->step + i];
    return rows->side[(group * rows->run + k) * TILE_ROWS + row];
}

static float column_of(const tn_tile_rows *rows, const float *v, int64_t j, int64_t k)
{
    bool packed = rows->places || rows->step == 0;
    int64_t step = packed ? TILE_LANES : rows->v_step;
    int64_t apart = packed ? rows->runs * rows->run * TILE_LANES : rows->v_apart;
    return v[j / TILE_LANES * apart + k * step + j % TILE_LANES];
}

static void tile(const tn_tile_rows *rows, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc)
{
    int64_t depth = rows->runs * rows->run;
    for (int64_t i = 0; i < rows->count; i++) {
        float *to = c + (rows->at ? rows->at[i * rows->each] : i * ldc);
        for (int64_t place = 1; rows->at && place < rows->each && !end->add; place++)
            memset(c + rows->at[i * rows->each + place], 0, (size_t)cols * sizeof *c);
        for (int64_t j = 0; j < cols; j++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < depth; k++)
                sum += number_of(rows, i, k) * column_of(rows, v, j, k);
            sum += end->add ? to[j] : 0.0f;
            sum += end->bias ? end->bias[j] : 0.0f;
            to[j] = end->relu && sum < 0.0f ? 0.0f : sum;
        }
    }
}

static const tn_own_tile own_tile = {.rows = TILE_ROWS, .lanes = TILE_LANES, .whole = 1, .multiply = tile};

static void direct(const tn_tile_sides *sides, int64_t rows, int64_t row, int64_t step, bool add, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < TILE_LANES; j++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < sides->depth; k++)
                sum += sides->a[i * row + k * step] * sides->b[k * sides->b_stride + j];
            c[i * ldc + j] = sum + (add ? c[i * ldc + j] : 0.0f);
        }
}

static void across(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc)
{
    direct(sides, rows, sides->a_stride, 1, add, c, ldc);
}

static void along(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc)
{
    direct(sides, rows, 1, sides->a_stride, add, c, ldc);
}

static const tn_direct_tile direct_tile = {TILE_ROWS, TILE_LANES, across, along, across, along};

/* Of few channels, as large as the largest, too. */
enum { FEW_LANES = 16 };

static void few_forward(const tn_few_windows *x, const float *v, const tn_few_end *end, float *y)
{
    int64_t lanes = (end->filters + FEW_LANES - 1) / FEW_LANES * FEW_LANES;
    for (int64_t i = 0; i < x->windows; i++)
        for (int64_t j = 0; j < end->filters; j++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < x->runs * x->run; k++)
                sum += x->data[i * x->step + k / x->run * x->run_step + k % x->run] * v[k * lanes + j];
            sum += end->bias[j];
            y[i * end->pitch + j] = end->relu && sum < 0.0f ? 0.0f : sum;
        }
}

static void few_gradient(const tn_few_sums *g, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < g->filters; j++) {
            float sum = 0.0f;
            for (int64_t w = 0; w < g->lines * g->windows; w++)
                sum += g->x[i][w / g->windows * g->line_step + w % g->windows * g->step] * g->dy[w * g->dy_step + j];
            g->sums[i * g->sums_step + j] += sum;
        }
}

static void few_gradient_pairs(const tn_few_sums *g, int64_t rows)
{
    for (int64_t k = 0; k < rows * TN_FEW_SIX; k++)
        for (int64_t j = 0; j < g->filters; j++) {
            const float *x = g->x[k / TN_FEW_SIX] + k % TN_FEW_SIX;
            float sum = 0.0f;
            for (int64_t w = 0; w < g->lines * g->windows; w++)
                sum += x[w / g->windows * g->line_step + w % g->windows * g->step] * g->dy[w * g->dy_step + j];
            g->sums[k / 2 * g->sums_step + 2 * j + k % 2] += sum;
        }
}

static const tn_few_tiles few = {
    FEW_LANES, TN_FEW_VECTORS, TN_FEW_VECTORS, 3, {12, 12, 9, 6}, 8, few_forward, few_gradient, few_gradient_pairs};

/* --- every channel by itself */

static void depthwise_filter(const tn_depthwise_tap *taps, int64_t count, int64_t x_step, const float *bias, bool relu,
                             int64_t results, int64_t channels, float *y, int64_t y_step)
{
    for (int64_t i = 0; i < results; i++)
        for (int64_t c = 0; c < channels; c++) {
            float sum = bias ? bias[c] : 0.0f;
            for (int64_t t = 0; t < count; t++)
                sum += taps[t].pixel[i * x_step + c] * taps[t].w[c];
            y[i * y_step + c] = relu && sum < 0.0f ? 0.0f : sum;
        }
}

static void depthwise_gradient(const tn_depthwise_tap *taps, int64_t count, const tn_depthwise_rows *r, const float *dy,
                               int64_t channels)
{
    for (int64_t t = 0; t < count; t++)
        for (int64_t c = 0; c < channels; c++) {
            float sum = 0.0f;
            for (int64_t i = 0; i < r->rows * r->results; i++) {
                int64_t row = i / r->results, at = i % r->results;
                sum += taps[t].pixel[row * r->x_row + at * r->x_step + c] * dy[row * r->dy_row + at * channels + c];
            }
            taps[t].dw[c] += sum;
        }
}

static const tn_depthwise_loops depthwise = {depthwise_filter, depthwise_gradient};

/* --- Winograd's transforms: out = T in T^T for each of `count` columns, T [rows,cols] = matrix or its transpose */

static float coefficient(const float *matrix, bool transposed, int rows, int cols, int i, int k)
{
    return transposed ? matrix[k * rows + i] : matrix[i * cols + k];
}

static void map_column(const float *matrix, bool transposed, int rows, int cols, const float *in, int64_t in_row,
                       int64_t in_col, float *out, int64_t out_point)
{
    float half[9][9] = {{0.0f}};
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            half[i][j] = 0.0f;
            for (int k = 0; k < cols; k++)
                half[i][j] += coefficient(matrix, transposed, rows, cols, i, k) * in[k * in_row + j * in_col];
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            float sum = 0.0f;
            for (int k = 0; k < cols; k++)
                sum += coefficient(matrix, transposed, rows, cols, j, k) * half[i][k];
            out[(i * rows + j) * out_point] = sum;
        }
}

#define MAP(name, matrix, transposed, rows, cols)                                                                      \
    static void name(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point, int64_t count)    \
    {                                                                                                                  \
        for (int64_t x = 0; x < count; x++)                                                                            \
            map_column(&(matrix)[0][0], transposed, rows, cols, in + x, in_row, in_col, out + x, out_point);           \
    }

#define MAP_PIXELS(name, matrix, rows, cols)                                                                                    \
    static void name(const float *const *pixels, int64_t ahead, float *out, int64_t out_point, int64_t count)          \
    {                                                                                                                  \
        float square[81];                                                                                              \
        for (int64_t x = 0; x < count; x++) {                                                                          \
            for (int i = 0; i < (cols) * (cols); i++)                                                                  \
                square[i] = pixels[i][x];                                                                              \
            map_column(&(matrix)[0][0], false, rows, cols, square, cols, 1, out + x, out_point);                       \
        }                                                                                                              \
        (void)ahead;                                                                                                   \
    }

#define MAP_RESULTS(name, output, m)                                                                                   \
    static void name(const float *in, int64_t in_row, int64_t in_col, const float *bias, bool relu,                    \
                     float *const *places, int64_t count)                                                              \
    {                                                                                                                  \
        float results[64];                                                                                             \
        for (int64_t x = 0; x < count; x++) {                                                                          \
            output(in + x, in_row, in_col, results, 1, 1);                                                             \
            for (int i = 0; i < (m) * (m); i++)                                                                        \
                finish(results + i, bias != NULL ? bias + x : NULL, relu, places[i] + x, 1);                           \
        }                                                                                                              \
    }

#define MAP_ROW(name, matrix, transposed, rows, cols)                                                                  \
    static void name(const float *const *pixels, int row, float *out, int64_t out_point, int64_t count)                \
    {                                                                                                                  \
        float square[81], points[81];                                                                                  \
        for (int64_t x = 0; x < count; x++) {                                                                          \
            for (int i = 0; i < (cols) * (cols); i++)                                                                  \
                square[i] = pixels[i][x];                                                                              \
            map_column(&(matrix)[0][0], transposed, rows, cols, square, cols, 1, points, 1);                           \
            for (int j = 0; j < (rows); j++)                                                                           \
                out[j * out_point + x] = points[row * (rows) + j];                                                     \
        }                                                                                                              \
    }

/** The maps of F(m,r), a = m + r - 1. */
#define MAPS(m, r, a)                                                                                                  \
    MAP_PIXELS(map_data_##m##_##r, data_##m##_##r, a, a)                                                               \
    MAP(map_filter_##m##_##r, filter_##m##_##r, false, a, r)                                                           \
    MAP(map_output_##m##_##r, output_##m##_##r, false, m, a)                                                           \
    MAP(map_filter_gradient_##m##_##r, filter_##m##_##r, true, r, a)                                                   \
    MAP_RESULTS(map_results_##m##_##r, map_output_##m##_##r, m)                                                        \
    MAP_ROW(map_data_row_##m##_##r, data_##m##_##r, false, a, a)                                                       \
    MAP_ROW(map_gradient_row_##m##_##r, output_##m##_##r, true, a, m)

MAPS(2, 3, 4)
MAPS(4, 3, 6)
MAPS(6, 3, 8)
MAPS(4, 5, 8)
MAPS(2, 7, 8)

/** The maps of F(m,3) at stride 2, a = 2m + 1. */
#define MAPS_2(m, a)                                                                                                   \
    MAP_PIXELS(map_data_##m##_3_2, data_##m##_3_2, a, a)                                                               \
    MAP(map_filter_##m##_3_2, filter_##m##_3_2, false, (m) + 2, 3)                                                     \
    MAP(map_output_##m##_3_2, output_##m##_3_2, false, m, a)                                                           \
    MAP(map_filter_gradient_##m##_3_2, filter_##m##_3_2, true, 3, a)                                                   \
    MAP_RESULTS(map_results_##m##_3_2, map_output_##m##_3_2, m)                                                        \
    MAP_ROW(map_data_row_##m##_3_2, data_##m##_3_2, false, a, a)                                                       \
    MAP_ROW(map_gradient_row_##m##_3_2, output_##m##_3_2, true, a, m)                                                  \
    MAP_PIXELS(map_back_data_##m##_3_2, back_data_##m##_3_2, a, (m) + 1)                                               \
    MAP(map_back_output_##m##_3_2, back_output_##m##_3_2, false, 2 * (m), a)                                           \
    MAP_RESULTS(map_back_results_##m##_3_2, map_back_output_##m##_3_2, 2 * (m))

MAPS_2(2, 5)
MAPS_2(4, 9)

#define ENTRY(m, r)                                                                                                    \
    {                                                                                                                  \
        m, r, 1, map_data_##m##_##r, map_filter_##m##_##r, map_output_##m##_##r, map_filter_gradient_##m##_##r,        \
            map_filter_##m##_##r, map_results_##m##_##r, map_data_row_##m##_##r, map_gradient_row_##m##_##r,           \
            map_data_##m##_##r, map_output_##m##_##r, map_results_##m##_##r                                            \
    }
#define ENTRY_2(m)                                                                                                     \
    {                                                                                                                  \
        m, 3, 2, map_data_##m##_3_2, map_filter_##m##_3_2, map_output_##m##_3_2, map_filter_gradient_##m##_3_2,        \
            map_filter_##m##_3_2, map_results_##m##_3_2, map_data_row_##m##_3_2, map_gradient_row_##m##_3_2,           \
            map_back_data_##m##_3_2, map_back_output_##m##_3_2, map_back_results_##m##_3_2                             \
    }

static const tn_winograd_maps maps[] = {ENTRY(2, 3), ENTRY(4, 3), ENTRY(6, 3), ENTRY(4, 5), ENTRY(2, 7), ENTRY_2(2), ENTRY_2(4), {0}};

const tn_conv_table reference_conv_table = {
    .interleave = interleave,
    .copy_rows = copy_rows,
    .copy_panels = copy_panels,
    .add_rows = add_rows,
    .finish = finish,
    .accumulate = accumulate,
    .thin_product = thin_product,
    .strassen_sums = strassen_sums,
    .strassen_end = strassen_end,
    .tile = &own_tile,
    .direct = &direct_tile,
    .few = &few,
    .depthwise = &depthwise,
    .winograd = maps,
};
