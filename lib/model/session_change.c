/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A session with other algorithms and chunks: plan, activations, scratch and what was prepared are exchanged. */
#include "model/session_change.h"

#include "base/memory.h"
#include "base/status.h"
#include "model/chunks.h"

#include <string.h>

static bool is_algorithm_of(const tn_plan_step *step, const char *algorithm)
{
    return strcmp(step->needs.passes, algorithm) == 0 || strcmp(step->needs.algorithm, algorithm) == 0;
}

static bool asks_for_others(const tn_plan *plan, const tn_step_choice *choices)
{
    for (size_t i = 0; i < plan->step_count; i++)
        if (!is_algorithm_of(&plan->steps[i], choices[i].algorithm) ||
            plan->steps[i].chunk != tn_chunk_of_session(plan, choices[i].chunk))
            return true;
    return false;
}

static tn_status make(const tn_session *session, const tn_step_choice *choices, tn_session_change *change)
{
    const tn_memory *was = &session->plan->memory, *is;
    TN_TRY(tn_plan_remake(session->plan, &session->model->network, choices, &change->plan));
    is = &change->plan->memory;
    if (is->activations != was->activations)
        TN_TRY(tn_alloc_raw(&session->allocator, (size_t)is->activations, "activations", &change->activations));
    if (is->scratch != was->scratch)
        TN_TRY(tn_alloc_raw(&session->allocator, (size_t)is->scratch, "scratch", &change->scratch));
    if (is->prepared != was->prepared)
        TN_TRY(tn_alloc_raw(&session->allocator, (size_t)is->prepared, "prepared filters", &change->prepared));
    return TN_OK;
}

tn_status tn_session_change_create(const tn_session *session, const tn_step_choice *choices, tn_session_change *out)
{
    tn_session_change change = {0};
    if (asks_for_others(session->plan, choices)) {
        tn_status status = make(session, choices, &change);
        if (status != TN_OK) {
            tn_session_change_destroy(session, &change);
            return status;
        }
    }
    *out = change;
    return TN_OK;
}

static void take(const tn_session *session, unsigned char **own, uint64_t size, unsigned char **next,
                 uint64_t next_size)
{
    if (size == next_size)
        return;
    tn_release(&session->allocator, *own, (size_t)size);
    *own = *next;
    *next = NULL;
}

static void forget_last_pass(tn_session *session)
{
    session->ran = session->awaits = session->has_dx = false;
    tn_session_forget_gradients(session);
    tn_updates_cancel(session);
}

void tn_session_change_apply(tn_session *session, tn_session_change *change)
{
    forget_last_pass(session);
    if (change->plan == NULL)
        return;
    const tn_memory *was = &session->plan->memory, *is = &change->plan->memory;
    take(session, &session->activations, was->activations, &change->activations, is->activations);
    take(session, &session->scratch, was->scratch, &change->scratch, is->scratch);
    take(session, &session->prepared, was->prepared, &change->prepared, is->prepared);
    tn_plan_adopt(session->plan, change->plan);
    tn_plan_destroy(&change->plan);
    session->is_prepared = false;
}

void tn_session_change_destroy(const tn_session *session, tn_session_change *change)
{
    tn_memory memory = tn_plan_memory(change->plan);
    tn_release(&session->allocator, change->activations, (size_t)memory.activations);
    tn_release(&session->allocator, change->scratch, (size_t)memory.scratch);
    tn_release(&session->allocator, change->prepared, (size_t)memory.prepared);
    tn_plan_destroy(&change->plan);
}
