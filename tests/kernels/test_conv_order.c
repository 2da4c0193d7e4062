/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Windows in the order in which padding is left out: each of them once, its taps where they lie, and no run left out that is
 *  not all padding. */
#include "isa_suite.h"
#include "kernels/conv_gemm.h"
#include "kernels/conv_windows.h"
#include "kernels/gemm_kernel.h"

enum { IMAGES = 3, CASES = 60, CHANNELS = 16 };

typedef struct layout {
    tn_window_order order;
    tn_product product;
    float *images;
    int64_t plain; /* rows of the product before */
} layout;

/** Pixels hold their numbers, from 1 on; the filters are a matrix that fills whole vectors. */
static void lay_out(const tn_windows *w, layout *l)
{
    int64_t pixels = IMAGES * w->h * w->w;
    *l = (layout){.order.windows = *w, .images = floats(pixels * w->pitch), .plain = IMAGES * w->rows * w->cols};
    for (int64_t i = 0; i < pixels * w->pitch; i++)
        l->images[i] = (float)(i / w->pitch + 1);
    l->order.windows.images = l->images;
    l->product = (tn_product){.m = l->plain,
                              .n = 64,
                              .k = w->taps_h * w->taps_w * w->channels,
                              .locate_a = tn_windows_locate,
                              .run_a = tn_windows_run(w),
                              .ldc = 70,
                              .alpha = 1.0f};
    tn_windows_order(&l->product, &l->order);
}

/** Windows are only read where they lie by tiles that are as large as BLIS's. */
static bool reads_windows(void)
{
    const tn_own_tile *tile = tn_conv_kernels()->tile;
    return tile->lanes == tn_gemm_kernel_in_use()->v && tile->rows == tn_gemm_kernel_in_use()->s;
}

static bool has_order(const layout *l)
{
    return l->product.m != l->plain || l->product.locate_groups != NULL;
}

/** The pixel that a tap of a window is, 0: beside the image. */
static float pixel_at(const tn_windows *w, int64_t window, int64_t tap)
{
    int64_t image = window / (w->rows * w->cols), row = window / w->cols % w->rows, col = window % w->cols;
    int64_t y = w->top + row * w->stride_h + tap / w->taps_w * w->dilation_h;
    int64_t x = w->left + col * w->stride_w + tap % w->taps_w * w->dilation_w;
    bool in = y >= 0 && y < w->h && x >= 0 && x < w->w;
    return in ? (float)((image * w->h + y) * w->w + x + 1) : 0.0f;
}

static tn_places new_places(int64_t slots, int64_t runs)
{
    tn_places p = {calloc((size_t)(slots * runs), sizeof *p.rows), calloc((size_t)slots, sizeof *p.groups),
                   calloc((size_t)(slots * runs), sizeof *p.skips), calloc((size_t)slots, sizeof *p.at)};
    ck_assert(p.rows && p.groups && p.skips && p.at);
    return p;
}

static void free_places(tn_places *p)
{
    free(p->rows);
    free(p->groups);
    free(p->skips);
    free(p->at);
}

/** One group: what is left out is padding in all its rows, and what is not is where it lies. Returns the numbers that are
 *  multiplied. */
static int64_t check_group(const layout *l, const tn_places *places, int64_t g, const tn_run_range *k)
{
    const tn_tile_group *group = &places->groups[g];
    const float **rows = places->rows + g * k->runs * l->order.lanes;
    int64_t lanes = l->order.lanes, run = 0, skipped = 0;
    for (int64_t i = 0; i < k->runs; i++) {
        int64_t tap = (k->first + i * k->run) / l->order.windows.channels;
        bool there = run < group->runs && group->skips[run] == skipped;
        for (int64_t row = 0; row < group->rows; row++) {
            int64_t window = places->at[g * lanes + row] / l->product.ldc;
            float expected = pixel_at(&l->order.windows, window, tap);
            float found = there ? rows[run * lanes + row][k->run - 1] : 0.0f;
            ck_each(found == expected, "tap %d of window %d: %g, not %g", (int)tap, (int)window, found, expected);
        }
        skipped = there ? 0 : skipped + k->run * k->panel;
        run += there;
    }
    ck_each(run == group->runs && run > 0, "%d runs of %d", (int)run, (int)group->runs);
    for (int64_t i = 0; i < k->runs * lanes; i++) /* all can be read */
        ck_each(rows[i][0] >= 0.0f, "place %d", (int)i);
    return group->rows * run * k->run;
}

/** Some groups. Returns the numbers that are multiplied. */
static int64_t check_block(const layout *l, int64_t first, int64_t count, const tn_run_range *k, int64_t *seen)
{
    int64_t lanes = l->order.lanes, all = 0;
    tn_places places = new_places(count, k->runs);
    l->product.locate_groups(&l->order, first, count, k, &places);
    for (int64_t g = 0; g < count / lanes; g++) {
        all += check_group(l, &places, g, k);
        for (int64_t row = 0; row < places.groups[g].rows; row++)
            seen[places.at[g * lanes + row] / l->product.ldc]++;
    }
    free_places(&places);
    return all;
}

/** All groups, in two blocks of rows, and sums in blocks of so many runs. Returns the numbers that are multiplied. */
static int64_t check_layout(const layout *l, int64_t run, int64_t depth)
{
    int64_t runs = l->product.k / run, half = IMAGES * l->order.groups / 2 * l->order.lanes, all = 0;
    for (int64_t first = 0; first < runs; first += depth) {
        const tn_run_range k = {first * run, run, first + depth < runs ? depth : runs - first, 32};
        int64_t *seen = calloc((size_t)l->plain, sizeof *seen);
        ck_assert_ptr_nonnull(seen);
        all += check_block(l, 0, half, &k, seen);
        all += check_block(l, half, l->product.m - half, &k, seen);
        for (int64_t i = 0; i < l->plain; i++)
            ck_each(seen[i] == 1, "window %d comes %d times", (int)i, (int)seen[i]);
        free(seen);
    }
    return all;
}

static tn_windows windows_of(int64_t size, int64_t channels, int64_t taps, int64_t stride, int64_t pad, int64_t dilation)
{
    int64_t count = (size + 2 * pad - (taps - 1) * dilation - 1) / stride + 1;
    return (tn_windows){.h = size, .w = size, .pitch = channels + 3, .channels = channels, .rows = count, .cols = count,
                        .taps_h = taps, .taps_w = taps, .stride_h = stride, .stride_w = stride, .dilation_h = dilation,
                        .dilation_w = dilation, .top = -pad, .left = -pad};
}

/* What is left of the multiply-adds: the corners of lines that are taken whole are padding, too. With dilation, two lines lack
 * the same taps, and their corners are areas. */
static const struct {
    int64_t size, taps, stride, pad, left, of, dilation;
} known[] = {
    {7, 3, 1, 1, 14 * 6 + 10 * 6 + 25 * 9, 49 * 9, 1}, {14, 3, 2, 1, 7 * 6 + 6 * 6 + 36 * 9, 49 * 9, 1},
    {14, 3, 1, 1, 28 * 6 + 24 * 6 + 144 * 9, 196 * 9, 1}, {1, 3, 1, 1, 1, 9, 1},
    {12, 5, 1, 2, 24 * (15 + 20) + 16 * (15 + 20) + 64 * 25, 144 * 25, 1}, {9, 3, 1, 2, 16 * 4 + 40 * 6 + 25 * 9, 81 * 9, 2},
};
enum { KNOWN = sizeof known / sizeof known[0] };

START_TEST(test_known)
{
    layout l;
    tn_windows w = windows_of(known[_i].size, CHANNELS, known[_i].taps, known[_i].stride, known[_i].pad, known[_i].dilation);
    lay_out(&w, &l);
    ck_assert_int_eq(has_order(&l), reads_windows());
    if (has_order(&l))
        ck_assert_int_eq(check_layout(&l, CHANNELS, known[_i].of), IMAGES * known[_i].left * CHANNELS);
    free(l.images);
}
END_TEST

/* Whatever the geometry is: where windows have an order, it is right, also if sums are cut where all of a group is padding, and
 * runs are halves of a tap. */
START_TEST(test_random)
{
    draw d = {31 + (uint64_t)_i};
    int64_t ordered = 0;
    for (int i = 0; i < CASES; i++) {
        layout l;
        tn_windows w = windows_of(1, CHANNELS, 1, 1, 0, 1);
        w.h = draw_int(&d, 1, 12), w.w = draw_int(&d, 1, 12), w.rows = draw_int(&d, 1, 12), w.cols = draw_int(&d, 1, 12);
        w.taps_h = draw_int(&d, 1, 5), w.taps_w = draw_int(&d, 1, 5);
        w.stride_h = draw_int(&d, 1, 3), w.stride_w = draw_int(&d, 1, 3);
        w.dilation_h = draw_int(&d, 1, 3), w.dilation_w = draw_int(&d, 1, 3);
        w.top = -draw_int(&d, 0, 6), w.left = -draw_int(&d, 0, 6);
        lay_out(&w, &l);
        if (has_order(&l)) {
            ordered++;
            check_layout(&l, draw_int(&d, 1, 2) * CHANNELS / 2, draw_int(&d, 1, 12));
        }
        free(l.images);
    }
    ck_assert_int_ge(ordered, reads_windows() ? CASES / 3 : 0);
}
END_TEST

/* No padding, or hardly any; more kinds of lines than areas are for; windows whose rows are one run. */
static const struct {
    int64_t size, channels, taps, stride, pad;
} plain[] = {{9, 16, 3, 1, 0}, {112, 16, 3, 1, 1}, {30, 16, 11, 1, 5}, {9, 4, 3, 1, 1}};
enum { PLAIN = sizeof plain / sizeof plain[0] };

START_TEST(test_plain)
{
    layout l;
    tn_windows w = windows_of(plain[_i].size, plain[_i].channels, plain[_i].taps, plain[_i].stride, plain[_i].pad, 1);
    w.pitch = plain[_i].channels;
    lay_out(&w, &l);
    ck_assert(!has_order(&l));
    ck_assert_int_eq(l.product.m, l.plain);
    free(l.images);
}
END_TEST

/* Filters that are infinite where every window has padding: nothing of them is multiplied. */
START_TEST(test_not_multiplied)
{
    enum { C = 40, F = 64, N = 9 };
    const tn_conv_shape s = {.n = N, .h = 1, .w = 1, .c = C, .r = 3, .s = 3, .f = F, .oh = 1, .ow = 1, .stride_h = 1,
                             .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1, .groups = 1};
    float *x = floats(N * C), *w = floats(9 * C * F), *y = floats(N * F);
    for (int64_t i = 0; i < N * C; i++)
        x[i] = (float)(i % 7);
    for (int64_t i = 0; i < 9 * C * F; i++)
        w[i] = i / (C * F) == 4 ? (float)(i % 5 - 2) : INFINITY;
    size_t bytes;
    tn_pool *pool = pool_of(2);
    ck_ok(tn_conv_gemm_scratch(&s, TN_CONV_FORWARD, 2, &bytes));
    void *scratch = malloc(bytes);
    ck_assert_ptr_nonnull(scratch);
    tn_conv_gemm_forward(&s, pool, x, w, NULL, NULL, TN_RELU, y, scratch);
    for (int64_t i = 0; i < N * F && reads_windows(); i++) {
        float sum = 0.0f;
        for (int64_t c = 0; c < C; c++)
            sum += x[i / F * C + c] * w[(4 * C + c) * F + i % F];
        ck_each(y[i] == (sum > 0.0f ? sum : 0.0f), "%d: %g", (int)i, y[i]);
    }
    tn_pool_destroy(&pool);
    free(scratch);
    free(x);
    free(w);
    free(y);
}
END_TEST

TN_ISA_SUITE("conv_order", TN_LOOPED(test_known, KNOWN), TN_LOOPED(test_random, 4), TN_LOOPED(test_plain, PLAIN),
             {test_not_multiplied})
