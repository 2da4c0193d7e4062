/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Steps of an optimizer that begin in backward; see update_in_backward.h.
 *
 *  The contract is the same whether the plan found parameters to update in backward or not: what a caller may do does
 * not depend on the layers of a network. */
#include "model/update_in_backward.h"

#include "base/memory.h"
#include "base/status.h"
#include "model/session.h"
#include "optim/step_in_backward.h"

/* --- making */

static void find_parameters(tn_session *session)
{
    const tn_network *network = &session->model->network;
    for (size_t i = 0; i < network->step_count; i++) {
        const tn_step *step = &network->steps[i];
        for (size_t k = 0; k < step->parameter_count; k++) {
            if (session->plan->steps[i].setup.sunk_gradients >> k & 1U)
                session->updates.parameters[step->first_parameter + k] =
                    (tn_sunk_parameter){session->optimizer, step->first_parameter + k};
        }
    }
}

tn_status tn_updates_create(tn_session *session, tn_optimizer *optimizer)
{
    tn_backward_updates *updates = &session->updates;
    size_t count = session->plan->parameter_count;
    TN_TRY(tn_alloc(&session->allocator, count * sizeof *updates->parameters, "session", &updates->parameters));
    TN_TRY(tn_alloc(&session->allocator, count * sizeof *updates->sinks, "session", &updates->sinks));
    TN_TRY(tn_optimizer_bind(optimizer, session->model));
    tn_optimizer_retain(optimizer);
    session->optimizer = optimizer;
    find_parameters(session);
    return TN_OK;
}

void tn_updates_destroy(tn_session *session)
{
    tn_backward_updates *updates = &session->updates;
    size_t count = session->plan != NULL ? session->plan->parameter_count : 0;
    tn_updates_cancel(session);
    tn_optimizer_release(session->optimizer);
    tn_release(&session->allocator, updates->sinks, count * sizeof *updates->sinks);
    tn_release(&session->allocator, updates->parameters, count * sizeof *updates->parameters);
}

/* --- a backward */

static void take(const void *context, const tn_block *gradient)
{
    const tn_sunk_parameter *parameter = context;
    tn_optimizer_update_block(parameter->optimizer, parameter->index, gradient);
}

tn_status tn_updates_check_mode(const tn_session *session, tn_gradient_mode mode)
{
    if (session->optimizer != NULL && mode == TN_GRADIENT_ADD)
        return TN_FAIL(TN_ERR_STATE,
                       "tn_session_backward: TN_GRADIENT_ADD in a session that was made for an optimizer: "
                       "each backward begins a step, and its gradients are not kept");
    return TN_OK;
}

tn_status tn_updates_begin(tn_session *session)
{
    if (session->optimizer == NULL)
        return TN_OK;
    TN_TRY(tn_optimizer_begin(session->optimizer, session));
    for (size_t i = 0; i < session->plan->parameter_count; i++) {
        const tn_sunk_parameter *parameter = &session->updates.parameters[i];
        bool updates = parameter->optimizer != NULL && !tn_model_slot(session->model, i).frozen;
        session->updates.sinks[i] = (tn_sink){updates ? take : NULL, parameter};
    }
    return TN_OK;
}

void tn_updates_end(tn_session *session, bool done)
{
    if (session->optimizer == NULL)
        return;
    if (done)
        tn_model_touch(session->model);
    else
        tn_updates_cancel(session);
}

void tn_updates_cancel(tn_session *session)
{
    if (session->optimizer != NULL)
        tn_optimizer_cancel(session->optimizer, session);
}

const tn_sink *tn_updates_sinks(const tn_session *session, size_t first)
{
    return session->optimizer != NULL ? session->updates.sinks + first : NULL;
}

/* Zeros are as wide as they are, so a row is updated a part at a time; all rows have the same zeros. */
static void update_with_zeros(const tn_sink *sink, const tn_shape *shape, int64_t count)
{
    static const float zeros[256];
    const int64_t columns = shape->dims[shape->rank - 1], most = sizeof zeros / sizeof zeros[0];
    for (int64_t col = 0; col < columns; col += most) {
        int64_t cols = columns - col < most ? columns - col : most;
        sink->take(sink->context, &(tn_block){0, col, count / columns, cols, zeros, 0});
    }
}

void tn_updates_with_zeros(const tn_session *session)
{
    for (size_t i = 0; session->optimizer != NULL && i < session->plan->parameter_count; i++) {
        const tn_slot slot = tn_model_slot(session->model, i);
        if (session->updates.sinks[i].take != NULL)
            update_with_zeros(&session->updates.sinks[i], &slot.shape, slot.count);
    }
}

/* --- what optimizers ask */

tn_optimizer *tn_session_optimizer(const tn_session *session)
{
    return session->optimizer;
}

tn_slot_update tn_session_slot_update(const tn_session *session, size_t index)
{
    if (session->optimizer == NULL || session->updates.parameters[index].optimizer == NULL)
        return TN_SLOT_IN_STEP;
    return session->updates.sinks[index].take != NULL ? TN_SLOT_UPDATED : TN_SLOT_PASSED_BY;
}
