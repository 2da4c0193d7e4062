/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A plan made anew with what somebody else chose. Setups are copied, not worked out again: what was frozen
 *  when the session was made stays what the plan goes by. */
#include "base/memory.h"
#include "base/status.h"
#include "model/plan.h"

#include <string.h>

static tn_status fill(tn_plan *next, const tn_plan *plan, const tn_network *network, const tn_step_choice *choices)
{
    TN_TRY(tn_plan_allocate(next));
    for (size_t i = 0; i < plan->step_count; i++) {
        tn_plan_step *step = &next->steps[i];
        step->in = plan->steps[i].in;
        step->out = plan->steps[i].out;
        step->setup = plan->steps[i].setup;
        step->setup.kept_algorithm = plan->steps[i].needs.passes;
    }
    if (plan->parameter_count > 0)
        memcpy(next->gradients, plan->gradients, plan->parameter_count * sizeof *plan->gradients);
    TN_TRY(tn_plan_prepare(next, network, choices));
    return tn_plan_add_up(next, network);
}

tn_status tn_plan_remake(const tn_plan *plan, const tn_network *network, const tn_step_choice *choices, tn_plan **out)
{
    tn_plan *next;
    TN_TRY(tn_alloc(&plan->allocator, sizeof *next, "plan", &next));
    *next = *plan;
    next->rows = NULL;
    next->steps = NULL;
    next->gradients = NULL;
    tn_status status = fill(next, plan, network, choices);
    tn_plan_own_names(next);
    if (status == TN_OK)
        *out = next;
    else
        tn_plan_destroy(&next);
    return status;
}

void tn_plan_adopt(tn_plan *plan, const tn_plan *next)
{
    const tn_plan own = *plan;
    *plan = *next;
    plan->rows = own.rows;
    plan->steps = own.steps;
    plan->gradients = own.gradients;
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->steps[i] = next->steps[i];
        plan->rows[i].row.memory = next->rows[i].row.memory; /* nothing else of a row depends on algorithms */
    }
    tn_plan_own_names(plan);
}
