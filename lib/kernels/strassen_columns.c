/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  B's side of Strassen's product: panels of B11, B22 and five sums, from B as it lies or across. */
#include "kernels/strassen_parts.h"

#include "kernels/arithmetic.h"
#include "kernels/product.h"

/** Columns [first, first + lanes) of B, k from k0, kn of them and then zeros, as a panel of `half` k. */
static void pack_quarter(const tn_strassen_job *job, int64_t first, int64_t k0, int64_t kn, int64_t half, float *out)
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes;
    if (p->across_b)
        tn_pack_panel_across(p->b + first * p->b_stride + k0, p->b_stride, lanes, kn, lanes, out);
    else
        tn_pack_along(p->b + k0 * p->b_stride + first, p->b_stride, lanes, kn, lanes, out);
    for (int64_t i = kn * lanes; i < half * lanes; i++)
        out[i] = 0.0f;
}

/** Panels of B's sums from the quarters as they lie; the last k of the lower ones may not be there. */
static void add_lying(const tn_strassen_job *job, int64_t first, int64_t k0, int64_t kn, float *const to[TN_STRASSEN_SUMS])
{
    const tn_strassen *p = job->p;
    int64_t lanes = job->tile->lanes, half = tn_ceil_div(kn, 2), low = kn - half;
    const float *upper = p->b + k0 * p->b_stride + first, *last = upper + low * p->b_stride;
    const float *lower = upper + (low > 0 ? half : 0) * p->b_stride;
    int64_t right = job->cut.half_n;
    const float *const from[4] = {upper, upper + right, lower, lower + right};
    const float *const rest[4] = {last, last + right, tn_zeros, tn_zeros};
    float *ends[TN_STRASSEN_SUMS];
    for (int i = 0; i < TN_STRASSEN_SUMS; i++)
        ends[i] = to[i] + low * lanes;
    tn_conv_kernels()->strassen_sums(from, p->b_stride, to, lanes, low, lanes);
    tn_conv_kernels()->strassen_sums(rest, 0, ends, 0, half - low, lanes);
}

void tn_strassen_pack_panels(const tn_strassen_job *job, int64_t slab, int64_t first, int64_t set, float *out)
{
    int64_t k0 = slab * job->cut.depth, kn = tn_min(job->cut.depth, job->p->k - k0), half = tn_ceil_div(kn, 2);
    float *to[TN_STRASSEN_SUMS];
    for (int j = 0; j < TN_STRASSEN_PRODUCTS; j++) {
        if (tn_strassen_of_b[j] >= 0)
            to[tn_strassen_of_b[j]] = out + j * set;
    }
    if (tn_strassen_own_b(job->p)) {
        add_lying(job, first, k0, kn, to);
        return;
    }
    /* What is no panel itself lies where a sum will be, which begins with it. */
    float *b11 = out + set, *b22 = out + 4 * set, *b12 = to[SUM_12_22], *b21 = to[SUM_21_11];
    pack_quarter(job, first, k0, half, half, b11);
    pack_quarter(job, first + job->cut.half_n, k0, half, half, b12);
    pack_quarter(job, first, k0 + half, kn - half, half, b21);
    pack_quarter(job, first + job->cut.half_n, k0 + half, kn - half, half, b22);
    tn_conv_kernels()->strassen_sums((const float *const[4]){b11, b12, b21, b22}, 0, to, 0, 1, half * job->tile->lanes);
}

void tn_strassen_pack_slabs(const tn_strassen_job *job, const tn_team *team, int64_t slab, int64_t last, float *out)
{
    int64_t panels = job->cut.half_n / job->tile->lanes, size = job->cut.depth / 2 * job->tile->lanes, begin, end;
    tn_team_range(team, (last - slab) * panels, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t half = tn_ceil_div(tn_min(job->cut.depth, job->p->k - (slab + i / panels) * job->cut.depth), 2);
        float *to = out + i / panels * job->cut.slab + i % panels * half * job->tile->lanes;
        tn_strassen_pack_panels(job, slab + i / panels, i % panels * job->tile->lanes, panels * size, to);
    }
}

/* ---- packed once ---- */

static void run_packing(const tn_team *team, void *arg)
{
    const tn_strassen_job *job = arg;
    tn_strassen_pack_slabs(job, team, 0, job->cut.slabs, job->packing);
}

void tn_strassen_prepare(tn_pool *pool, const tn_strassen *p, float *out)
{
    tn_strassen_job job = {.p = p, .tile = tn_conv_kernels()->tile, .packing = out};
    job.cut = tn_strassen_cut_of(p, 1);
    tn_pool_run(pool, run_packing, &job);
}
