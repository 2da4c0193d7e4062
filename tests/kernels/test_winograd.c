/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's matrices are right, the transforms of every instruction set are those matrices, and each F(m,r) keeps
 * each pass of a convolution within its documented error. With TN_TEST_SHOW set, the errors are printed. */
#include "conv_bounds.h"
#include "conv_reference.h"
#include "guarded.h"
#include "suite.h"
#include "winograd_stride_2.h"

#include "kernels/cpu.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/winograd_matrices.h"
#include "kernels/kernels.h"
#include "kernels/winograd.h"

#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <zlib.h>

/** The matrices of one F(m,r) at one stride, as the library has them or, at stride 2, written out. Filters are
 *  transformed to `filters` rows, the last of which stands for all that would follow. */
typedef struct tile_case {
    int m, r, stride, filters;
    const float *data, *filter, *output;
    const float *back_data, *back_output; /* of the gradient of the data at stride 2 */
    /* CRC-32 of what test_maps finds, with products rounded before they are added, and fused. It checks the numbers themselves
     * first: what it finds then is right, too, and belongs here when the order of a sum has changed on purpose. */
    uint32_t bits[2];
} tile_case;

static const tile_case tiles[] = {
    {2, 3, 1, 4, &data_2_3[0][0], &filter_2_3[0][0], &output_2_3[0][0], NULL, NULL, {0x34a0e2d0u, 0x34a0e2d0u}},
    {4, 3, 1, 6, &data_4_3[0][0], &filter_4_3[0][0], &output_4_3[0][0], NULL, NULL, {0x2229235bu, 0x198d783eu}},
    {6, 3, 1, 8, &data_6_3[0][0], &filter_6_3[0][0], &output_6_3[0][0], NULL, NULL, {0x70286eb0u, 0xe8786c51u}},
    {4, 5, 1, 8, &data_4_5[0][0], &filter_4_5[0][0], &output_4_5[0][0], NULL, NULL, {0xa3952c13u, 0x6ce1b0e9u}},
    {2, 7, 1, 8, &data_2_7[0][0], &filter_2_7[0][0], &output_2_7[0][0], NULL, NULL, {0xeb70fbddu, 0x3d3b1fbfu}},
    {2, 3, 2, 4, &data_2_3_2[0][0], &filter_2_3_2[0][0], &output_2_3_2[0][0], &back_data_2_3_2[0][0],
     &back_output_2_3_2[0][0], {0x779e2213u, 0x779e2213u}},
    {4, 3, 2, 6, &data_4_3_2[0][0], &filter_4_3_2[0][0], &output_4_3_2[0][0], &back_data_4_3_2[0][0],
     &back_output_4_3_2[0][0], {0x95c1a149u, 0xfddc2347u}},
};
enum { TILES = sizeof tiles / sizeof tiles[0] };

/** Points of one direction. */
static int points_of(const tile_case *t)
{
    return (t->m - 1) * t->stride + t->r;
}

/** How much of y[j] is g[k] d[i]. */
static double share(const float *output, const float *filter, const float *data, int points, int r, int inputs, int j,
                    int k, int i)
{
    double sum = 0.0;
    for (int p = 0; p < points; p++)
        sum += (double)output[j * points + p] * (double)filter[p * r + k] * (double)data[p * inputs + i];
    return sum;
}

/* y = A^T [(G g) * (B^T d)] is bilinear in g and d: it is the filtering y[j] = sum_k g[k] d[j stride + k] if and only if
 * it is for every pair of unit vectors. */
START_TEST(test_matrices)
{
    const tile_case *t = &tiles[_i];
    int a = points_of(t);
    for (int j = 0; j < t->m; j++)
        for (int k = 0; k < t->r; k++)
            for (int i = 0; i < a; i++) {
                double sum = share(t->output, t->filter, t->data, a, t->r, a, j, k, i);
                ck_assert_msg(fabs(sum - (i == j * t->stride + k)) < 2e-6, "F(%d,%d): y[%d] of g[%d] d[%d] is %g", t->m,
                              t->r, j, k, i, sum);
            }
}
END_TEST

/* At stride 2 the gradient of the data is dx[j] = sum_k g[2-k] dy[i] over 2i + k = j + 1, for filters g turned round:
 * the tile begins at a pixel that the middle tap met. */
START_TEST(test_matrices_back)
{
    const tile_case *t = &tiles[_i];
    int a = points_of(t);
    for (int j = 0; t->back_data && j < 2 * t->m; j++)
        for (int k = 0; k < t->r; k++)
            for (int i = 0; i <= t->m; i++) {
                double sum = share(t->back_output, t->filter, t->back_data, a, t->r, t->m + 1, j, 2 - k, i);
                ck_assert_msg(fabs(sum - (2 * i + k == j + 1)) < 2e-6, "F(%d,%d): dx[%d] of g[%d] dy[%d] is %g", t->m,
                              t->r, j, 2 - k, i, sum);
            }
}
END_TEST

/* out = T in T^T in double, T [rows,cols] = matrix or its transpose, for one column of numbers. */
static void map_square(const float *matrix, bool transposed, int rows, int cols, const double *in, double *out)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            double sum = 0.0;
            for (int k = 0; k < cols; k++)
                for (int l = 0; l < cols; l++) {
                    double left = (double)(transposed ? matrix[k * rows + i] : matrix[i * cols + k]);
                    double right = (double)(transposed ? matrix[l * rows + j] : matrix[j * cols + l]);
                    sum += left * in[k * cols + l] * right;
                }
            out[i * rows + j] = sum;
        }
}

enum { COUNT = 48, GAP = 16 }; /* vectors of results are aligned, as some loops want them */

/* One map as it is called: all of the square at once, or row by row of points. */
typedef struct map_case {
    const char *name;
    tn_winograd_map *map;       /* NULL: none */
    tn_winograd_pixels *pixels; /* where map is NULL */
    tn_winograd_row *row;       /* where both are */
    const float *matrix;
    bool transposed;
    int rows, cols;
} map_case;

static void run_map(const map_case *m, const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point)
{
    const float *pixels[81];
    for (int i = 0; i < m->cols * m->cols; i++)
        pixels[i] = in + i / m->cols * in_row + i % m->cols * in_col;
    if (m->map != NULL)
        m->map(in, in_row, in_col, out, out_point, COUNT);
    if (m->pixels != NULL)
        m->pixels(pixels, COUNT, out, out_point, COUNT);
    for (int row = 0; m->row != NULL && row < m->rows; row++)
        m->row(pixels, row, out + row * m->rows * out_point, out_point, COUNT);
}

static void check_map(map_case m, uint32_t *digest)
{
    static float in[81 * (COUNT + GAP) * 2];
    static _Alignas(64) float out[81 * (COUNT + GAP)];
    int64_t col = COUNT + GAP, row = m.cols * col + 3;
    draw d = {31};
    draw_reals(&d, 0.0, 1.0, in, (int64_t)(sizeof in / sizeof in[0]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        out[i] = -7.0f;
    run_map(&m, in, row, col, out, COUNT + GAP);
    for (int x = 0; x < COUNT; x++) {
        double square[81], expected[81];
        for (int i = 0; i < m.cols * m.cols; i++)
            square[i] = (double)in[i / m.cols * row + i % m.cols * col + x];
        map_square(m.matrix, m.transposed, m.rows, m.cols, square, expected);
        for (int i = 0; i < m.rows * m.rows; i++)
            ck_each(fabs((double)out[i * (COUNT + GAP) + x] - expected[i]) <= 1e-4 * (1.0 + fabs(expected[i])),
                    "%s: number %d of column %d is %g, expected %g", m.name, i, x, (double)out[i * (COUNT + GAP) + x],
                    expected[i]);
    }
    for (int i = 0; i < m.rows * m.rows; i++)
        for (int x = COUNT; x < COUNT + GAP; x++)
            ck_each(out[i * (COUNT + GAP) + x] == -7.0f, "%s wrote past its numbers", m.name);
    *digest = (uint32_t)crc32(*digest, (const Bytef *)out, (uInt)((size_t)(m.rows * m.rows * (COUNT + GAP)) * sizeof out[0]));
}

#if defined(__x86_64__)
extern const tn_winograd_maps tn_winograd_maps_fused_base[]; /* built as with -march=native */
#endif

#if defined(__FMA__) || (defined(__ARM_FEATURE_FMA) && defined(__ARM_NEON))
#define BASE_FUSES true /* add_product in simd.h, and this file, are built for such a CPU */
#else
#define BASE_FUSES false
#endif

/** What the maps are built for, and what a CPU must have to run them. */
typedef struct build {
    const char *name;
    const tn_winograd_maps *maps;
    bool fuses;
    tn_isa least;
} build;

enum { BUILDS = 4 };

static build build_number(int number)
{
    const build builds[BUILDS] = {
        {"plain C", tn_conv_table_generic.winograd, BASE_FUSES, TN_ISA_GENERIC},
#if defined(__x86_64__)
        {"plain C with FMA", tn_winograd_maps_fused_base, true, TN_ISA_AVX2},
#endif
#if TN_ISAS > 1
        {"AVX2", tn_conv_table_avx2.winograd, true, TN_ISA_AVX2},
#endif
#if TN_ISAS > 2
        {"AVX-512", tn_conv_table_avx512.winograd, true, TN_ISA_AVX512},
#endif
    };
    return builds[number];
}

/* Build _i / TILES, matrices _i % TILES. Every compiler makes the same sums of them, bit by bit. */
START_TEST(test_maps)
{
    const build built = build_number(_i / TILES);
    const tile_case *t = &tiles[_i % TILES];
    int a = points_of(t), back = 2 * t->m;
    uint32_t digest = 0, expected = t->bits[built.fuses];
    if (!built.maps || built.least > tn_isa_of_cpu())
        return;
    const tn_winograd_maps *maps = built.maps;
    while (maps->m != t->m || maps->r != t->r || maps->stride != t->stride)
        ck_assert_int_ne((maps++)->m, 0);
    check_map((map_case){"data", NULL, maps->data, NULL, t->data, false, a, a}, &digest);
    check_map((map_case){"filter", maps->filter, NULL, NULL, t->filter, false, t->filters, t->r}, &digest);
    check_map((map_case){"filter past", maps->filter_past, NULL, NULL, t->filter, false, t->filters, t->r}, &digest);
    check_map((map_case){"output", maps->output, NULL, NULL, t->output, false, t->m, a}, &digest);
    check_map((map_case){"data by rows", NULL, NULL, maps->data_row, t->data, false, a, a}, &digest);
    check_map((map_case){"output gradient by rows", NULL, NULL, maps->gradient_row, t->output, true, a, t->m}, &digest);
    check_map((map_case){"filter gradient", maps->filter_gradient, NULL, NULL, t->filter, true, t->r, a}, &digest);
    if (t->stride == 1) {
        ck_assert(maps->back_data == maps->data && maps->back_output == maps->output);
        ck_assert(maps->back_results == maps->results);
    } else {
        check_map((map_case){"data, back", NULL, maps->back_data, NULL, t->back_data, false, a, t->m + 1}, &digest);
        check_map((map_case){"output, back", maps->back_output, NULL, NULL, t->back_output, false, back, a}, &digest);
    }
    ck_assert_msg(digest == expected, "F(%d,%d,%d), %s: other bits, %#x, expected %#x", t->m, t->r, t->stride, built.name,
                  digest, expected);
}
END_TEST

/* ---- whole passes ---- */

typedef struct pass_case {
    int64_t n, h, w, c, f, pad, groups;
    int64_t shift; /* pixels that move from the right's padding to the left's */
} pass_case;

static const pass_case passes[] = {
    {2, 13, 13, 64, 48, 1, 1, 0}, {1, 12, 12, 384, 32, 1, 1, 0}, {3, 7, 19, 20, 34, 2, 2, 1},
    {2, 7, 7, 3, 5, 0, 1, 0},     {1, 9, 9, 700, 16, 1, 1, -1},  {4, 11, 10, 24, 12, 2, 4, 0},
    {1, 8, 16, 16, 16, 0, 1, 0},  {1, 16, 8, 16, 16, 2, 1, 0},    {1, 9, 37, 200, 96, 1, 1, 0},
};
enum { PASSES = sizeof passes / sizeof passes[0] };

static tn_conv_shape shape_of(const pass_case *c, const tile_case *t)
{
    int r = t->r, stride = t->stride;
    return (tn_conv_shape){.n = c->n,
                           .h = c->h,
                           .w = c->w,
                           .c = c->c,
                           .r = r,
                           .s = r,
                           .f = c->f,
                           .oh = (c->h + 2 * c->pad - r) / stride + 1,
                           .ow = (c->w + 2 * c->pad - r) / stride + 1,
                           .stride_h = stride,
                           .stride_w = stride,
                           .dilation_h = 1,
                           .dilation_w = 1,
                           .pad_top = c->pad,
                           .pad_left = c->pad + c->shift,
                           .groups = c->groups};
}

static float *draw_floats(draw *d, double mean, double spread, int64_t count)
{
    float *p = malloc((size_t)count * sizeof *p);
    ck_assert_ptr_nonnull(p);
    draw_reals(d, mean, spread, p, count);
    return p;
}

/* The error of one pass: largest over largest value. */
static double error_of(const tn_conv_shape *s, tn_conv_pass pass, int m, const float *x, const float *w,
                       const float *dy)
{
    const int64_t sizes[] = {conv_y_size(s, s->n), conv_x_size(s, s->n), conv_w_size(s)};
    float *out = malloc((size_t)sizes[pass] * sizeof *out);
    double *expected = conv_reference(s, pass, s->n, x, w, dy), worst = 0.0, largest = 0.0;
    size_t bytes;
    tn_pool *pool = NULL;
    ck_ok(tn_pool_create(NULL, 2, &pool));
    ck_ok(tn_winograd_scratch(s, pass, m, false, 2, &bytes));
    guarded scratch = guard(bytes);
    ck_assert(out && expected);
    if (pass == TN_CONV_FORWARD)
        tn_winograd_forward(s, m, pool, x, w, NULL, NULL, TN_LINEAR, out, scratch.memory);
    else if (pass == TN_CONV_DATA)
        tn_winograd_data(s, m, pool, dy, w, NULL, out, scratch.memory);
    else
        tn_winograd_filter(s, m, pool, x, dy, false, out, scratch.memory);
    for (int64_t i = 0; i < sizes[pass]; i++) {
        double error = fabs((double)out[i] - expected[i]);
        worst = error <= worst ? worst : error; /* a NaN sticks */
        largest = fmax(largest, fabs(expected[i]));
    }
    tn_pool_destroy(&pool);
    check_guard(&scratch);
    free(out);
    free(expected);
    return worst / largest;
}

static void check_passes(int number, double mean, double spread)
{
    const tile_case *t = &tiles[number % TILES];
    tn_conv_shape s = shape_of(&passes[number / TILES], t);
    draw d = {5 + (uint64_t)number};
    float *x = draw_floats(&d, mean, spread, conv_x_size(&s, s.n)), *w = draw_floats(&d, 0.0, 1.0, conv_w_size(&s));
    float *dy = draw_floats(&d, mean, spread, conv_y_size(&s, s.n));
    for (int pass = 0; pass < 3; pass++) {
        double error = error_of(&s, (tn_conv_pass)pass, t->m, x, w, dy);
        double bound = conv_bounds_of(t->m, t->r, t->stride)->bounds[pass];
        if (getenv("TN_TEST_SHOW"))
            fprintf(stderr, "F(%d,%d,%d) shape %d pass %d mean %g: %.2g\n", t->m, t->r, t->stride, number / TILES, pass,
                    mean, error);
        ck_assert_msg(error <= bound, "F(%d,%d,%d), shape %d, pass %d, mean %g: error %g, bound %g", t->m, t->r, t->stride,
                      number / TILES, pass, mean, error, bound);
    }
    free(x);
    free(w);
    free(dy);
}

START_TEST(test_random)
{
    check_passes(_i, 0.0, 1.0);
}
END_TEST

START_TEST(test_large_mean)
{
    check_passes(_i, 100.0, 0.01);
}
END_TEST

/* Positive as after a ReLU. */
START_TEST(test_positive)
{
    check_passes(_i, 1.0, 1.0);
}
END_TEST

/* Bias and activation are those of plain results, whichever they are. */
START_TEST(test_endings)
{
    static const tn_activation activations[] = {TN_LINEAR, TN_RELU, TN_TANH, TN_SIGMOID};
    const tile_case *t = &tiles[_i];
    tn_conv_shape s = shape_of(&passes[0], t);
    draw d = {77};
    int64_t size = conv_y_size(&s, s.n);
    float *x = draw_floats(&d, 0.0, 1.0, conv_x_size(&s, s.n)), *w = draw_floats(&d, 0.0, 0.1, conv_w_size(&s));
    float *bias = draw_floats(&d, 0.0, 1.0, s.f), *plain = malloc((size_t)size * sizeof *plain);
    float *y = malloc((size_t)size * sizeof *y);
    size_t bytes;
    ck_ok(tn_winograd_scratch(&s, TN_CONV_FORWARD, t->m, false, 1, &bytes));
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        guarded scratch = guard(bytes);
        tn_winograd_forward(&s, t->m, NULL, x, w, NULL, NULL, TN_LINEAR, plain, scratch.memory);
        tn_winograd_forward(&s, t->m, NULL, x, w, NULL, bias, activations[i], y, scratch.memory);
        check_guard(&scratch);
        for (int64_t j = 0; j < size; j++)
            plain[j] += bias[j % s.f];
        tn_activate(NULL, activations[i], plain, plain, size);
        for (int64_t j = 0; j < size; j++)
            ck_each(plain[j] == y[j], "activation %d at %lld: %g, expected %g", activations[i], (long long)j,
                    (double)y[j], (double)plain[j]);
    }
    free(x);
    free(w);
    free(bias);
    free(plain);
    free(y);
}
END_TEST

/* Whatever keeps a convolution from tiles. */
START_TEST(test_fits)
{
    const tn_conv_shape good = shape_of(&passes[0], &tiles[0]);
    tn_conv_shape bad[7];
    ck_assert_ptr_nonnull(tn_winograd_find(&good, 2));
    ck_assert_ptr_null(tn_winograd_find(&good, 3));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = good;
    bad[0].s = 5;
    bad[1].stride_h = 2;
    bad[2].stride_w = 2;
    bad[3].dilation_h = 2;
    bad[4].dilation_w = 2;
    bad[5].r = bad[5].s = 9;
    bad[6].stride_h = bad[6].stride_w = 3;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!tn_winograd_find(&bad[i], 2), "%zu", i);
    bad[1].stride_w = 2;
    ck_assert_int_eq(tn_winograd_find(&bad[1], 2)->stride, 2);
    bad[1].r = bad[1].s = 5;
    ck_assert_ptr_null(tn_winograd_find(&bad[1], 4));
}
END_TEST

/* Numbers that nobody wrote are in no sum: in scratch they are such as raise an exception. Eight filters leave half a
 * vector of transforms empty where tiles are eight wide, and few tiles rows of the tile of products. */
START_TEST(test_scratch_is_not_read)
{
    const tile_case *t = &tiles[_i];
    const pass_case c = {1, 8 * t->stride, 8 * t->stride, 5, 8, t->r / 2, 1, 0};
    const tn_conv_shape s = shape_of(&c, t);
    static float x[16 * 16 * 5], y[8 * 8 * 8], w[7 * 7 * 5 * 8];
    const uint32_t signals = 0x7f800001;
    for (int pass = 0; pass < 3; pass++) {
        size_t bytes;
        ck_ok(tn_winograd_scratch(&s, (tn_conv_pass)pass, t->m, false, 1, &bytes));
        guarded scratch = guard(bytes);
        for (size_t i = 0; i < bytes / sizeof signals; i++)
            memcpy((char *)scratch.memory + i * sizeof signals, &signals, sizeof signals);
        feclearexcept(FE_INVALID);
        if (pass == TN_CONV_FORWARD)
            tn_winograd_forward(&s, t->m, NULL, x, w, NULL, NULL, TN_LINEAR, y, scratch.memory);
        else if (pass == TN_CONV_DATA)
            tn_winograd_data(&s, t->m, NULL, y, w, NULL, x, scratch.memory);
        else
            tn_winograd_filter(&s, t->m, NULL, x, y, false, w, scratch.memory);
        ck_assert_msg(!fetestexcept(FE_INVALID), "F(%d,%d,%d), pass %d", t->m, t->r, t->stride, pass);
        check_guard(&scratch);
    }
}
END_TEST

/* No image: nothing is written but a gradient of zeros. */
START_TEST(test_no_images)
{
    const tile_case *t = &tiles[_i];
    tn_conv_shape s = shape_of(&passes[2], t);
    s.n = 0;
    const int64_t size = conv_w_size(&s);
    float *w = calloc((size_t)size, sizeof *w), *dw = malloc((size_t)size * sizeof *dw), untouched = 5.0f;
    for (int64_t i = 0; i < size; i++)
        dw[i] = 3.0f;
    guarded scratch = guard(1 << 20);
    tn_winograd_forward(&s, t->m, NULL, w, w, NULL, NULL, TN_LINEAR, &untouched, scratch.memory);
    tn_winograd_data(&s, t->m, NULL, w, w, NULL, &untouched, scratch.memory);
    ck_assert(untouched == 5.0f);
    for (int add = 1; add >= 0; add--) {
        tn_winograd_filter(&s, t->m, NULL, w, w, add != 0, dw, scratch.memory);
        for (int64_t i = 0; i < size; i++)
            ck_assert(dw[i] == (add ? 3.0f : 0.0f));
    }
    check_guard(&scratch);
    free(w);
    free(dw);
}
END_TEST

/* Sizes that do not fit, in every one of their steps; where they fit, there is room for a number of each filter. */
START_TEST(test_sizes_that_do_not_fit)
{
    const tile_case *t = &tiles[_i];
    int refused[4] = {0};
    for (int c = 0; c < 63; c += 3) {
        for (int f = 0; f < 63; f += 3) {
            tn_conv_shape s = shape_of(&passes[0], t);
            s.c = INT64_C(1) << c;
            s.f = INT64_C(1) << f;
            for (int call = 0; call < 4; call++) {
                size_t bytes = 7;
                tn_status status = call < 3 ? tn_winograd_scratch(&s, (tn_conv_pass)call, t->m, false, 2, &bytes)
                                            : tn_winograd_prepared(&s, TN_CONV_FORWARD, t->m, &bytes);
                if (status == TN_OK && c + f < 64)
                    ck_assert_msg(bytes / 4 >= (size_t)1 << (c + f), "%zu bytes for 2^%d filters", bytes, c + f);
                ck_assert(status == TN_OK ? c + f < 62 : status == TN_ERR_OVERFLOW && bytes == 7);
                refused[call] += status != TN_OK;
            }
        }
    }
    for (int call = 0; call < 4; call++)
        ck_assert_int_gt(refused[call], 0);
}
END_TEST

TN_SUITE("winograd", TN_LOOPED(test_scratch_is_not_read, TILES), TN_LOOPED(test_matrices, TILES),
         TN_LOOPED(test_matrices_back, TILES), TN_LOOPED(test_maps, BUILDS * TILES),
         TN_LOOPED(test_random, PASSES *TILES), TN_LOOPED(test_large_mean, PASSES *TILES),
         TN_LOOPED(test_positive, PASSES *TILES), TN_LOOPED(test_endings, TILES), {test_fits},
         TN_LOOPED(test_no_images, TILES), TN_LOOPED(test_sizes_that_do_not_fit, TILES))
