/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Steps that begin in backward; see step_in_backward.h. */
#include "optim/step_in_backward.h"

#include "base/status.h"
#include "optim/algorithm.h"

bool tn_optimizer_updates_early(const tn_optimizer *optimizer)
{
    return optimizer->clipping.value == 0.0f && optimizer->clipping.norm == 0.0f;
}

tn_status tn_optimizer_begin(tn_optimizer *optimizer, tn_session *session)
{
    const char *kind = optimizer->algorithm->kind;
    if (optimizer->abandoned)
        return TN_FAIL(TN_ERR_STATE,
                       "tn_session_backward: the session was made for an optimizer (%s) that has been destroyed", kind);
    if (optimizer->begun != NULL)
        return TN_FAIL(
            TN_ERR_STATE,
            "tn_session_backward: a backward has begun a step of %s already, tn_optimizer_step must come first", kind);
    const double rate = tn_optimizer_next_rate(optimizer);
    TN_TRY(tn_step_check("tn_session_backward", optimizer, session, rate));
    optimizer->begun = session;
    optimizer->begun_rate = rate;
    tn_model_step_begins(optimizer->model);
    return TN_OK;
}

void tn_optimizer_cancel(tn_optimizer *optimizer, const tn_session *session)
{
    if (optimizer->begun == session)
        tn_optimizer_end_begun(optimizer);
}

void tn_optimizer_end_begun(tn_optimizer *optimizer)
{
    if (optimizer->begun == NULL)
        return;
    optimizer->begun = NULL;
    tn_model_step_ends(optimizer->model, optimizer->abandoned);
}

void tn_optimizer_update_block(const tn_optimizer *optimizer, size_t parameter, const tn_block *gradient)
{
    const tn_slot slot = tn_model_slot(optimizer->model, parameter);
    const int64_t columns = slot.shape.dims[slot.shape.rank - 1], first = gradient->row * columns + gradient->col;
    tn_piece piece = {.w = slot.value + first,
                      .g = gradient->data,
                      .scale = 1.0f,
                      .rows = gradient->rows,
                      .count = gradient->cols,
                      .stride = columns,
                      .g_stride = gradient->stride};
    for (size_t s = 0; s < optimizer->state_count; s++)
        piece.state[s] = tn_optimizer_state_values(optimizer, parameter, s) + first;
    optimizer->algorithm->update(optimizer, optimizer->begun_rate, &piece);
}
