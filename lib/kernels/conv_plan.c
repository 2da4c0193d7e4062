/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The choice of an algorithm for one pass of one convolution, from its sizes alone.
 *
 *  The cost of an algorithm is counted in multiply-adds at the micro-kernel's rate: those of its products, lanes that
 *  stay empty included, plus what passes over its operands (packing, transforms) cost in the same unit. Filters are
 *  packed or transformed once a batch, or, where they are prepared, only read. */
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/conv.h"
#include "kernels/conv_candidates.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_gemm.h"
#include "kernels/conv_strassen.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <math.h>

#define IMAGES 32 /* most images that are looked at: with more nothing changes */
/* Multiply-adds that a number costs, fitted to what tests/bench/bench_choice measures. */
#define PACK_COST 6.0       /* packed: read from the caches or memory, and written to a cache */
#define TRANSFORM_COST 16.0 /* of a transformed tile, which stays near until it is multiplied */
#define READ_COST 12.0      /* of a prepared filter, read from memory */
#define FILTER_COST 30.0    /* of a filter that is packed */
/* Of filters that are transformed, before and after that; where they stay in the caches, and where memory has them in
 * between. */
typedef struct filter_costs {
    double before, after;
} filter_costs;
static const filter_costs near_costs = {40.0, 10.0}, far_costs = {60.0, 24.0};
#define NEAR_BEFORE (1 << 20) /* fewer numbers than that stay there */
#define NEAR_AFTER (4 << 20)
/* Of their gradient's sums, transformed back: the more there are, up to 2^20, the fewer of them the caches keep. */
#define SUM_COST 40.0 /* where they keep none */
#define SUM_LEAST 8.0
#define DEPTHWISE_COST 2.0 /* of a multiplication of a filter that no other channel shares */
#define CALL_COST 48.0     /* of a transformed filter in each of several calls, which find the caches full of other numbers */
#define HALVES_COST 16.0   /* the same of a filter whose quarters are packed, and added up */
#define SHOWS 0.01         /* share of the time that work in every call may take */

tn_status tn_conv_gemm_scratch(const tn_conv_shape *shape, tn_conv_pass pass, int threads, size_t *out)
{
    switch (pass) {
    case TN_CONV_FORWARD:
        return tn_conv_gemm_forward_scratch(shape, threads, out);
    case TN_CONV_DATA:
        return tn_conv_gemm_data_scratch(shape, threads, out);
    default:
        return tn_conv_gemm_filter_scratch(shape, threads, out);
    }
}

tn_status tn_conv_gemm_prepared(const tn_conv_shape *shape, tn_conv_pass pass, size_t *out)
{
    return pass == TN_CONV_DATA ? tn_conv_gemm_data_prepared(shape, out) : tn_conv_gemm_forward_prepared(shape, out);
}

tn_status tn_winograd_scratch(const tn_conv_shape *shape, tn_conv_pass pass, int64_t m, bool prepared, int threads,
                              size_t *out)
{
    tn_winograd wg = tn_winograd_of(shape, pass, m);
    return pass == TN_CONV_FILTER ? tn_winograd_filter_scratch(&wg, threads, out)
                                  : tn_winograd_forward_scratch(&wg, prepared, threads, out);
}

static double whole(int64_t count, int64_t lanes)
{
    return (double)((count + lanes - 1) / lanes * lanes);
}

static double images(const tn_conv_shape *s)
{
    return (double)(s->n < 1 ? 1 : tn_min(s->n, IMAGES));
}

/** Lanes of a product [rows,cols] with the better of its two sides in vectors; tiles have as many rows as there are. */
static double lanes_of(double rows, double cols)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    double straight = rows * whole((int64_t)cols, kernel->v);
    double turned = whole((int64_t)rows, kernel->v) * whole((int64_t)cols, kernel->s);
    return straight < turned ? straight : turned;
}

/** Multiply-adds of plain sums for one group. */
static double cost_of_gemm(const tn_conv_shape *s, tn_conv_pass pass, bool prepared)
{
    double pixels = images(s) * (double)s->oh * (double)s->ow, taps = (double)s->r * (double)s->s;
    double c = (double)(s->c / s->groups), f = (double)(s->f / s->groups), packed = pixels * taps * c;
    double filters = (prepared ? READ_COST : FILTER_COST) * taps * c * f;
    if (tn_conv_depthwise_applies(s)) /* groups fill vectors together */
        return DEPTHWISE_COST * taps * pixels;
    if (pass == TN_CONV_FORWARD)
        return taps * c * lanes_of(pixels, f) + PACK_COST * packed + filters;
    if (pass == TN_CONV_DATA && tn_conv_gemm_spreads(s))
        return images(s) * tn_conv_gemm_spread_cost(s) / (double)s->groups + filters;
    if (pass == TN_CONV_DATA)
        return taps * f * lanes_of(pixels, c) + PACK_COST * pixels * taps * f + filters;
    return pixels * lanes_of(taps * c, f) + PACK_COST * packed;
}

/** Rows that Winograd's tiles compute: the last one by thirds. */
static double rows_of(const tn_winograd *wg, int64_t rows)
{
    int64_t rest = rows % wg->s;
    return (double)(rows - rest + (rest > 0 ? tn_direct_rows(tn_conv_kernels()->direct, rest) : 0));
}

/** What the filters cost, or the sums of their gradient. */
static double cost_of_filters(const tn_winograd *wg, tn_conv_pass pass, bool prepared)
{
    double filters = (double)wg->in.channels * whole(wg->out.channels, wg->v), points = (double)wg->filter_points;
    double before = (double)(wg->r * wg->r) * filters, after = points * filters, sums = (double)wg->points * filters;
    const filter_costs *costs = before < NEAR_BEFORE && after < NEAR_AFTER ? &near_costs : &far_costs;
    if (pass == TN_CONV_FILTER)
        return fmax(SUM_COST * fmin(sums / (1 << 20), 1.0), SUM_LEAST) * sums;
    return prepared ? READ_COST * after : costs->before * before + costs->after * after;
}

static double cost_of_winograd(const tn_conv_shape *s, tn_conv_pass pass, bool prepared, int64_t m)
{
    tn_winograd wg = tn_winograd_of(s, pass, m);
    double tiles = (double)(wg.tiles_h * wg.tiles_w) * images(s), points = (double)wg.points;
    double in = (double)wg.in.channels, out = whole(wg.out.channels, wg.v), rows = rows_of(&wg, (int64_t)tiles);
    if (pass == TN_CONV_FILTER) {
        rows = tiles;
        in = rows_of(&wg, wg.in.channels);
    }
    return points * (rows * in * out + TRANSFORM_COST * tiles * (in + out)) + cost_of_filters(&wg, pass, prepared);
}

/** The tile of the cheapest Winograd, or Strassen's product, if it is cheaper than plain sums, otherwise 0. */
static int best_tile(const tn_conv_shape *shape, tn_conv_pass pass, bool prepared)
{
    double least = cost_of_gemm(shape, pass, prepared);
    int tile = 0;
    if (tn_conv_strassen_fits(shape) && tn_conv_strassen_saves(shape, pass, prepared))
        return TN_CONV_HALVES; /* no Winograd does 1x1 */
    for (int m = 2; m <= 6; m++) {
        if (!tn_winograd_find(shape, m))
            continue;
        double cost = cost_of_winograd(shape, pass, prepared, m);
        if (cost < least) {
            least = cost;
            tile = m;
        }
    }
    return tile;
}

static tn_status size_prepared(tn_conv_plan *plan)
{
    if (plan->algorithm == TN_CONV_WINOGRAD)
        return tn_winograd_prepared(&plan->shape, plan->pass, plan->tile, &plan->prepared_bytes);
    if (plan->algorithm == TN_CONV_STRASSEN)
        return tn_conv_strassen_prepared(&plan->shape, plan->pass, &plan->prepared_bytes);
    return tn_conv_gemm_prepared(&plan->shape, plan->pass, &plan->prepared_bytes);
}

/** Each filter's number costs so much in every call, and one multiply-add for each tile or pixel of each image. */
static int64_t least_images(const tn_conv_plan *plan)
{
    tn_winograd wg = {0};
    if (plan->algorithm == TN_CONV_WINOGRAD)
        wg = tn_winograd_of(&plan->shape, plan->pass, plan->tile);
    double rows = plan->tile > 0 ? (double)(wg.tiles_h * wg.tiles_w) : (double)(plan->shape.oh * plan->shape.ow);
    double cost = plan->tile > 0 ? CALL_COST : plan->tile < 0 ? HALVES_COST : PACK_COST, images = cost / (SHOWS * rows);
    return images < 1.0 ? 1 : (int64_t)images;
}

static bool keeps_prepared(const tn_conv_wishes *wishes, tn_conv_pass pass)
{
    return wishes->prepared && pass != TN_CONV_FILTER;
}

tn_status tn_conv_plan_tile(const tn_conv_shape *shape, tn_conv_pass pass, int tile, const tn_conv_wishes *wishes,
                            tn_conv_plan *out)
{
    bool prepared = keeps_prepared(wishes, pass);
    tn_conv_plan plan = {.shape = *shape, .pass = pass, .threads = wishes->threads, .tile = tile};
    tn_conv_name(shape, tile, plan.name);
    if (tile > 0) {
        plan.algorithm = TN_CONV_WINOGRAD;
        TN_TRY(tn_winograd_scratch(shape, pass, tile, prepared, plan.threads, &plan.scratch_bytes));
    } else if (tile == TN_CONV_HALVES) {
        plan.algorithm = TN_CONV_STRASSEN;
        TN_TRY(tn_conv_strassen_scratch(shape, pass, prepared, plan.threads, &plan.scratch_bytes));
    } else {
        TN_TRY(tn_conv_gemm_scratch(shape, pass, plan.threads, &plan.scratch_bytes));
    }
    if (prepared)
        TN_TRY(size_prepared(&plan));
    plan.least_images = least_images(&plan);
    *out = plan;
    return TN_OK;
}

tn_status tn_conv_plan_pass(const tn_conv_shape *shape, tn_conv_pass pass, const tn_conv_wishes *wishes,
                            tn_conv_plan *out)
{
    int tile = wishes->precise ? 0 : best_tile(shape, pass, keeps_prepared(wishes, pass));
    return tn_conv_plan_tile(shape, pass, tile, wishes, out);
}
