/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  When each buffer of a session is needed.
 *
 *  Time runs 0..L-1 forward, L loss, then backward: step i at 2L - i; 2L + 1 is the caller, after the call.
 *  Value 0 is the caller's x, value i + 1 the output of step i; each value may have a gradient. A step that passes its
 *  input on shares the value's memory (and the gradient's); so does one that works in place, where nobody needs the
 *  input any more. In training a value lives until the last backward that needs it, otherwise until the next step.
 *  A pair that a batch passes in chunks runs at both of its times, and what is between them has a chunk's size. */
#include "model/plan.h"

#include "base/memory.h"
#include "base/status.h"
#include "layers/identity.h"
#include "model/placement.h"

/* The intervals of values, their gradients and what steps save, in one list. */
typedef struct lifetimes {
    tn_plan *plan;
    int64_t steps;          /* L */
    tn_interval *values;    /* [L + 1] */
    tn_interval *gradients; /* [L + 1] */
    tn_interval *saved;     /* [L] */
    size_t *value_root;     /* [L + 1]: whose memory a value uses */
    size_t *gradient_root;  /* [L + 1] */
} lifetimes;

static int64_t backward_time(const lifetimes *l, size_t step)
{
    return 2 * l->steps - (int64_t)step;
}

static int64_t after_all(const lifetimes *l)
{
    return 2 * l->steps + 1;
}

static void need(tn_interval *interval, size_t bytes, int64_t time)
{
    if (interval->bytes == 0)
        interval->first = interval->last = time;
    if (time < interval->first)
        interval->first = time;
    if (time > interval->last)
        interval->last = time;
    if (bytes > interval->bytes)
        interval->bytes = bytes;
}

static size_t value_bytes(const lifetimes *l, size_t value)
{
    tn_shape shape = value == 0 ? l->plan->steps[0].in : l->plan->steps[value - 1].out;
    if (value > 0 && l->plan->steps[value - 1].chunk > 0)
        shape.dims[0] = l->plan->steps[value - 1].chunk;
    return tn_align_up((size_t)tn_shape_count(&shape) * sizeof(float));
}

static void need_value(lifetimes *l, size_t value, int64_t time)
{
    size_t root = l->value_root[value];
    if (root != 0) /* the caller's */
        need(&l->values[root], value_bytes(l, value), time);
}

static void need_gradient(lifetimes *l, size_t value, int64_t time)
{
    need(&l->gradients[l->gradient_root[value]], value_bytes(l, value), time);
}

/* --- sharing */

/* The network's output outlives the caller's x, so it must not be that memory; neither must outputs that are kept. */
static bool must_leave_caller(const lifetimes *l, size_t step)
{
    if (l->value_root[step] != 0)
        return false;
    for (size_t i = step; i < l->plan->step_count; i++)
        if (!l->plan->steps[i].needs.output_is_input)
            return l->plan->options.keep_outputs;
    return true;
}

/* True if some backward reads what a step finds as its input: its own, or that of the step which wrote it. */
static bool input_is_held(const tn_plan *plan, size_t step)
{
    size_t writer = step;
    while (writer > 0 && !plan->steps[writer - 1].calls_forward)
        writer--;
    bool by_writer =
        writer > 0 && plan->steps[writer - 1].calls_backward && plan->steps[writer - 1].needs.backward_needs_y;
    return by_writer || (plan->steps[step].calls_backward && plan->steps[step].needs.backward_needs_x);
}

static bool overwrites_input(const lifetimes *l, size_t step)
{
    return l->plan->steps[step].needs.in_place && l->value_root[step] != 0 && !l->plan->options.keep_outputs &&
           !input_is_held(l->plan, step);
}

static void share(lifetimes *l)
{
    tn_plan *plan = l->plan;
    for (size_t i = 0; i < plan->step_count; i++) {
        tn_plan_step *step = &plan->steps[i];
        step->calls_forward = !step->needs.output_is_input || must_leave_caller(l, i);
        step->calls_backward =
            !step->needs.output_is_input && (step->setup.input_gradient || step->setup.param_gradients);
        bool same = !step->calls_forward || overwrites_input(l, i);
        l->value_root[i + 1] = same ? l->value_root[i] : i + 1;
    }
    l->gradient_root[plan->step_count] = plan->step_count;
    for (size_t i = plan->step_count; i-- > 0;) {
        const tn_op_needs *needs = &plan->steps[i].needs;
        l->gradient_root[i] = needs->output_is_input || needs->in_place ? l->gradient_root[i + 1] : i;
    }
}

/* --- times */

static void need_forward(lifetimes *l, size_t i)
{
    const tn_plan_step *step = &l->plan->steps[i];
    need_value(l, i, (int64_t)i);
    need_value(l, i + 1, (int64_t)i);
    if (l->plan->options.keep_outputs)
        need_value(l, i + 1, after_all(l));
    if (step->needs.saved_bytes > 0)
        need(&l->saved[i], tn_align_up(step->needs.saved_bytes), (int64_t)i);
}

static void need_backward(lifetimes *l, size_t i)
{
    const tn_plan_step *step = &l->plan->steps[i];
    int64_t now = backward_time(l, i);
    if (!step->calls_backward)
        return;
    if (step->needs.backward_needs_x)
        need_value(l, i, now);
    if (step->needs.backward_needs_y)
        need_value(l, i + 1, now);
    need_gradient(l, i + 1, now);
    if (step->setup.input_gradient)
        need_gradient(l, i, now);
    if (step->needs.saved_bytes > 0)
        need(&l->saved[i], tn_align_up(step->needs.saved_bytes), now);
}

/* Step i and the next one run by turns: what either needs is needed while both run. */
static void need_pair(lifetimes *l, size_t i)
{
    const tn_plan_step *first = &l->plan->steps[i], *second = first + 1;
    need_value(l, i, (int64_t)i + 1);
    need_value(l, i + 2, (int64_t)i);
    if (second->needs.saved_bytes > 0)
        need(&l->saved[i + 1], tn_align_up(second->needs.saved_bytes), (int64_t)i);
    if (!first->calls_backward)
        return;
    int64_t begin = backward_time(l, i + 1), end = backward_time(l, i);
    if (first->needs.backward_needs_x)
        need_value(l, i, begin);
    if (second->needs.backward_needs_y)
        need_value(l, i + 2, end);
    need_gradient(l, i + 2, end);
    if (first->setup.input_gradient)
        need_gradient(l, i, begin);
    if (second->needs.saved_bytes > 0)
        need(&l->saved[i + 1], tn_align_up(second->needs.saved_bytes), end);
}

static void time_all(lifetimes *l)
{
    const tn_plan *plan = l->plan;
    bool any = plan->options.training && plan->options.input_gradient;
    for (size_t i = 0; i < plan->step_count; i++) {
        need_forward(l, i);
        need_backward(l, i);
        if (plan->steps[i].chunk > 0)
            need_pair(l, i);
        any = any || plan->steps[i].calls_backward;
    }
    need_value(l, plan->step_count, l->steps);
    if (any)
        need_gradient(l, plan->step_count, l->steps);
    if (plan->options.training && plan->options.input_gradient)
        need_gradient(l, 0, after_all(l));
}

/* --- the plan */

static size_t place_of(const tn_interval *interval)
{
    return interval->bytes > 0 ? interval->offset : TN_NOWHERE;
}

static void note_places(lifetimes *l)
{
    tn_plan *plan = l->plan;
    for (size_t i = 0; i < plan->step_count; i++) {
        tn_plan_step *step = &plan->steps[i];
        step->x = place_of(&l->values[l->value_root[i]]);
        step->y = place_of(&l->values[l->value_root[i + 1]]);
        step->dy = place_of(&l->gradients[l->gradient_root[i + 1]]);
        step->dx = step->setup.input_gradient ? place_of(&l->gradients[l->gradient_root[i]]) : TN_NOWHERE;
        step->saved = place_of(&l->saved[i]);
    }
    plan->loss_gradient = place_of(&l->gradients[l->gradient_root[plan->step_count]]);
    bool input = plan->options.training && plan->options.input_gradient;
    plan->input_gradient = input ? place_of(&l->gradients[l->gradient_root[0]]) : TN_NOWHERE;
}

tn_status tn_plan_activations(tn_plan *plan, size_t *total)
{
    size_t values = plan->step_count + 1, intervals = 3 * values - 1, bytes;
    lifetimes l = {.plan = plan, .steps = (int64_t)plan->step_count};
    if (!tn_mul_size(intervals, sizeof *l.values + sizeof *l.value_root, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "session: %zu layers are too many", plan->step_count);
    TN_TRY(tn_alloc(&plan->allocator, bytes, "plan", &l.values));
    l.gradients = l.values + values;
    l.saved = l.gradients + values;
    l.value_root = (size_t *)(l.values + intervals);
    l.gradient_root = l.value_root + values;
    share(&l);
    time_all(&l);
    tn_status status = tn_place(&plan->allocator, l.values, intervals, total);
    if (status == TN_OK)
        note_places(&l);
    tn_release(&plan->allocator, l.values, bytes);
    return status;
}
