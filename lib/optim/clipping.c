/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Clipping of gradients.
 *
 *  Formula   value: g = min(max(g, -value), value), in place; norm: factor = min(1, norm / sqrt(sum g^2)), the sum over
 *            all parameters that are not frozen, in double, parameter after parameter. The factor is multiplied in by
 *            the update itself. NaN stays NaN; an infinite norm makes finite gradients 0 and infinite ones NaN.
 *  Source    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013 */
#include "base/status.h"
#include "kernels/kernels.h"
#include "optim/algorithm.h"

#include <math.h>

tn_status tn_clipping_check(const char *kind, const tn_clipping *clipping)
{
    TN_TRY(tn_option_in_range(kind, "clipping.value", (double)clipping->value, 0.0, INFINITY));
    return tn_option_in_range(kind, "clipping.norm", (double)clipping->norm, 0.0, INFINITY);
}

/* What the threads share: one parameter's gradient. */
typedef struct clip_work {
    float *g;
    int64_t count;
    float limit;
} clip_work;

static void clip_share(const tn_team *team, void *arg)
{
    const clip_work *work = arg;
    int64_t begin, end;
    float *g = work->g, limit = work->limit;
    tn_team_range(team, work->count, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
}

float tn_clip(const tn_clipping *clipping, tn_session *session, tn_model *model, size_t count)
{
    tn_pool *pool = tn_session_pool(session);
    double squares = 0.0;
    if (clipping->value == 0.0f && clipping->norm == 0.0f)
        return 1.0f;
    for (size_t i = 0; i < count; i++) {
        tn_slot slot = tn_model_slot(model, i);
        if (slot.frozen)
            continue;
        clip_work work = {tn_session_slot_gradient(session, i), slot.count, clipping->value};
        if (clipping->value > 0.0f)
            tn_pool_run(pool, clip_share, &work);
        if (clipping->norm > 0.0f)
            squares += tn_sum_squares(pool, work.g, work.count);
    }
    double norm = sqrt(squares);
    return clipping->norm == 0.0f || norm <= (double)clipping->norm ? 1.0f : (float)((double)clipping->norm / norm);
}
