/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Forward and backward through the steps of a plan. */
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "layers/identity.h"
#include "model/chunks.h"
#include "model/session.h"

#include <inttypes.h>
#include <string.h>

static tn_shape of_batch(tn_shape shape, int64_t n)
{
    shape.dims[0] = n;
    return shape;
}

/* Images [first, first + count) of the batch. */
typedef struct part {
    int64_t first, count;
} part;

/* The part of a value or gradient [N,...] of `shape`; what is between the two of a pair has no more than the part. */
static float *part_of(const tn_session *session, size_t offset, const tn_shape *shape, part images, bool between)
{
    float *all = tn_session_at(session, offset);
    return all == NULL || between ? all : all + tn_shape_count(shape) / shape->dims[0] * images.first;
}

/* What forward and backward of step i have in common, for a part of the batch. */
static tn_op_run run_of(const tn_session *session, size_t i, part images)
{
    const tn_step *step = &session->model->network.steps[i];
    const tn_plan_step *planned = &session->plan->steps[i];
    bool is_first = planned->chunk > 0, is_second = tn_is_chunked(session->plan, i);
    unsigned char *saved = tn_session_at(session, planned->saved);
    const float *x = session->x + tn_shape_count(&planned->in) / planned->in.dims[0] * images.first;
    return (tn_op_run){
        .name = step->name,
        .in = of_batch(planned->in, images.count),
        .out = of_batch(planned->out, images.count),
        .x = planned->x == TN_NOWHERE ? x : part_of(session, planned->x, &planned->in, images, is_second),
        .y = part_of(session, planned->y, &planned->out, images, is_first),
        .dy = part_of(session, planned->dy, &planned->out, images, is_first),
        .dx = part_of(session, planned->dx, &planned->in, images, is_second),
        .params = step->parameter_count > 0 ? session->param_values + step->first_parameter : NULL,
        .saved = saved == NULL ? NULL : saved + planned->needs.saved_bytes / (size_t)planned->in.dims[0] * (size_t)images.first,
        .scratch = session->scratch,
        .state = planned->needs.state,
        .pool = session->pool,
        .key = tn_mix(session->model->seed, i),
        .step = session->ran_step,
        .prepared = planned->prepared == TN_NOWHERE ? NULL : session->prepared + planned->prepared,
    };
}

/* --- forward */

static tn_status check_input(const tn_session *session, const tn_tensor *x)
{
    const tn_shape *largest = &session->plan->steps[0].in;
    char text[TN_SHAPE_TEXT], limit[TN_SHAPE_TEXT];
    TN_TRY(tn_tensor_check(x, TN_F32, "tn_session_forward: x"));
    tn_shape expected = of_batch(*largest, x->shape.dims[0]);
    (void)tn_shape_text(&x->shape, text, sizeof text);
    (void)tn_shape_text(largest, limit, sizeof limit);
    if (x->shape.rank != expected.rank || !tn_shape_equal(&x->shape, &expected))
        return TN_FAIL(TN_ERR_SHAPE, "tn_session_forward: x is %s, the model takes %s but for the batch", text, limit);
    if (x->shape.dims[0] > largest->dims[0])
        return TN_FAIL(TN_ERR_SHAPE, "tn_session_forward: x is %s, the session was made for at most %s", text, limit);
    return TN_OK;
}

static tn_status check_forward(const tn_session *session, const tn_tensor *x, tn_mode mode, const tn_tensor **y)
{
    if (session == NULL || x == NULL || y == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_forward: %s is NULL",
                       session == NULL ? "session"
                       : x == NULL     ? "x"
                                       : "y");
    if (mode != TN_PREDICT && mode != TN_TRAIN)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_forward: mode is %d, which is no tn_mode", (int)mode);
    TN_TRY(check_input(session, x));
    if (mode == TN_TRAIN && !session->plan->options.training)
        return TN_FAIL(TN_ERR_STATE, "tn_session_forward: TN_TRAIN in a session that was made for prediction");
    return TN_OK;
}

/* Was a parameter of step i written since something was derived from it? */
static bool is_stale(const tn_session *session, size_t i)
{
    const tn_network *network = &session->model->network;
    const tn_parameter *parameters = network->parameters + network->steps[i].first_parameter;
    bool stale = !session->is_prepared;
    for (size_t k = 0; k < network->steps[i].parameter_count; k++)
        stale = stale || parameters[k].written > session->prepared_from;
    return stale;
}

/* Parameters may have changed since the last time; those that are frozen have not while others are trained. */
static void derive_prepared(tn_session *session)
{
    uint64_t version = session->model->version;
    if (session->plan->memory.prepared == 0 || (session->is_prepared && session->prepared_from == version))
        return;
    for (size_t i = 0; i < session->plan->step_count; i++) {
        const tn_layer *layer = session->model->network.steps[i].layer;
        tn_op_run run = run_of(session, i, (part){0, session->n});
        if (run.prepared != NULL && is_stale(session, i))
            layer->op->derive(layer, &run);
    }
    session->is_prepared = true;
    session->prepared_from = version;
}

static tn_status forward_step(tn_session *session, size_t i, part images, bool training)
{
    const tn_layer *layer = session->model->network.steps[i].layer;
    if (!session->plan->steps[i].calls_forward)
        return TN_OK;
    tn_op_run run = run_of(session, i, images);
    run.dy = run.dx = NULL;
    run.training = training;
    return layer->op->forward(layer, &run);
}

static part next_chunk(const tn_session *session, size_t i, int64_t first)
{
    int64_t left = session->n - first, chunk = session->plan->steps[i].chunk;
    return (part){first, left < chunk ? left : chunk};
}

static tn_status forward_pair(tn_session *session, size_t i, bool training)
{
    for (int64_t first = 0; first < session->n; first += session->plan->steps[i].chunk) {
        part images = next_chunk(session, i, first);
        TN_TRY(forward_step(session, i, images, training));
        TN_TRY(forward_step(session, i + 1, images, training));
    }
    return TN_OK;
}

static tn_status run_forward(tn_session *session, bool training)
{
    if (session->n == 0)
        return TN_OK;
    if (!session->plan->options.training) /* otherwise it is for backward */
        derive_prepared(session);
    for (size_t i = 0; i < session->plan->step_count; i++) {
        if (session->plan->steps[i].chunk > 0)
            TN_TRY(forward_pair(session, i++, training));
        else
            TN_TRY(forward_step(session, i, (part){0, session->n}, training));
    }
    return TN_OK;
}

static void show_outputs(tn_session *session)
{
    const tn_plan *plan = session->plan;
    for (size_t i = 0; session->outputs != NULL && i < plan->step_count; i++) {
        const tn_shape shape = of_batch(plan->steps[i].out, session->n);
        tn_tensor_borrow(&session->outputs[i], &shape, tn_session_at(session, plan->steps[i].y));
    }
    const tn_plan_step *last = &plan->steps[plan->step_count - 1];
    const tn_shape shape = of_batch(last->out, session->n);
    tn_tensor_borrow(&session->y, &shape, tn_session_at(session, last->y));
}

/* A forward takes the place of the one before from its first step on: if it fails, there is neither output nor a
 * backward to come. */
tn_status tn_session_forward(tn_session *session, const tn_tensor *x, tn_mode mode, const tn_tensor **y)
{
    TN_TRY(check_forward(session, x, mode, y));
    session->ran = session->awaits = session->has_dx = false;
    session->n = x->shape.dims[0];
    session->x = x->data;
    session->ran_step = session->step;
    TN_TRY(run_forward(session, mode == TN_TRAIN));
    session->ran = true;
    session->awaits = mode == TN_TRAIN;
    session->step += mode == TN_TRAIN;
    show_outputs(session);
    *y = &session->y;
    return TN_OK;
}

/* --- backward */

static tn_status check_trainable(const tn_session *session)
{
    for (size_t i = 0; i < session->plan->step_count; i++) {
        const tn_step *step = &session->model->network.steps[i];
        if (session->plan->steps[i].calls_backward && step->layer->op->backward == NULL)
            return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: has no backward, so nothing at or below it can be trained",
                           step->name);
    }
    return TN_OK;
}

static tn_status check_backward(const tn_session *session, const tn_tensor *dy, tn_gradient_mode mode)
{
    if (session == NULL || dy == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_backward: %s is NULL", session == NULL ? "session" : "dy");
    if (mode != TN_GRADIENT_WRITE && mode != TN_GRADIENT_ADD)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_backward: mode is %d, which is no tn_gradient_mode", (int)mode);
    if (!session->awaits)
        return TN_FAIL(TN_ERR_STATE, "tn_session_backward: the last forward was not TN_TRAIN, or had its backward");
    TN_TRY(tn_tensor_check(dy, TN_F32, "tn_session_backward: dy"));
    if (!tn_shape_equal(&dy->shape, &session->y.shape)) {
        char given[TN_SHAPE_TEXT], own[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "tn_session_backward: dy is %s, y is %s",
                       tn_shape_text(&dy->shape, given, sizeof given),
                       tn_shape_text(&session->y.shape, own, sizeof own));
    }
    TN_TRY(tn_updates_check_mode(session, mode));
    return check_trainable(session);
}

static tn_status backward_step(tn_session *session, size_t i, part images, bool add)
{
    const tn_step *step = &session->model->network.steps[i];
    const tn_plan_step *planned = &session->plan->steps[i];
    if (!planned->calls_backward)
        return TN_OK;
    tn_op_run run = run_of(session, i, images);
    run.training = true;
    run.add = add;
    if (planned->setup.param_gradients) {
        run.dparams = session->param_gradients + step->first_parameter;
        run.sinks = tn_updates_sinks(session, step->first_parameter);
    }
    return step->layer->op->backward(step->layer, &run);
}

/* Gradients of parameters add up over the chunks. */
static tn_status backward_pair(tn_session *session, size_t i, bool add)
{
    for (int64_t first = 0; first < session->n; first += session->plan->steps[i].chunk) {
        part images = next_chunk(session, i, first);
        TN_TRY(backward_step(session, i + 1, images, add || first > 0));
        TN_TRY(backward_step(session, i, images, add || first > 0));
    }
    return TN_OK;
}

static tn_status run_backward(tn_session *session, bool add)
{
    derive_prepared(session);
    for (size_t i = session->plan->step_count; i-- > 0;) {
        if (tn_is_chunked(session->plan, i))
            TN_TRY(backward_pair(session, --i, add));
        else
            TN_TRY(backward_step(session, i, (part){0, session->n}, add));
    }
    return TN_OK;
}

/* The operators may write over dy, so they get a copy. */
static tn_status propagate(tn_session *session, const tn_tensor *dy, bool add)
{
    void *copy = tn_session_at(session, session->plan->loss_gradient);
    if (session->n == 0 && !add && session->plan->memory.gradients > 0)
        memset(session->gradients, 0, (size_t)session->plan->memory.gradients);
    if (session->n == 0) {
        tn_updates_with_zeros(session);
        return TN_OK;
    }
    if (copy != NULL)
        memmove(copy, dy->data, (size_t)dy->size * sizeof(float));
    return run_backward(session, add);
}

/* What a failed backward leaves half written is no gradient: all are zero then. */
void tn_session_forget_gradients(tn_session *session)
{
    session->gradients_ready = false;
    if (session->plan->memory.gradients > 0)
        memset(session->gradients, 0, (size_t)session->plan->memory.gradients);
}

tn_status tn_session_backward(tn_session *session, const tn_tensor *dy, tn_gradient_mode mode)
{
    TN_TRY(check_backward(session, dy, mode));
    TN_TRY(tn_updates_begin(session));
    session->awaits = false;
    tn_status status = propagate(session, dy, mode == TN_GRADIENT_ADD);
    tn_updates_end(session, status == TN_OK);
    if (status != TN_OK) {
        tn_session_forget_gradients(session);
        return status;
    }
    session->gradients_ready = true;
    session->has_dx = session->plan->options.input_gradient;
    if (session->has_dx) {
        const tn_shape shape = of_batch(session->plan->steps[0].in, session->n);
        tn_tensor_borrow(&session->dx, &shape, tn_session_at(session, session->plan->input_gradient));
    }
    return TN_OK;
}
