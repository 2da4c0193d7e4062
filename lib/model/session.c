/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sessions: made and destroyed, and what they tell. Everything is allocated here; running allocates nothing. */
#include "model/session.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "kernels/gemm_kernel.h"
#include "optim/slots.h"

#include <inttypes.h>

/* --- making */

/* Blocks of activations and scratch are written before they are read, so pages that are never used cost nothing;
 * gradients start at zero, as callers may look at them at any time. */
static tn_status allocate_blocks(tn_session *session)
{
    const tn_memory *memory = &session->plan->memory;
    TN_TRY(tn_alloc(&session->allocator, (size_t)memory->gradients, "gradients", &session->gradients));
    TN_TRY(tn_alloc_raw(&session->allocator, (size_t)memory->activations, "activations", &session->activations));
    TN_TRY(tn_alloc_raw(&session->allocator, (size_t)memory->scratch, "scratch", &session->scratch));
    return tn_alloc_raw(&session->allocator, (size_t)memory->prepared, "prepared filters", &session->prepared);
}

static tn_status allocate_lists(tn_session *session)
{
    size_t parameters = session->plan->parameter_count, pointers = parameters * sizeof(float *);
    TN_TRY(tn_alloc(&session->allocator, pointers, "session", &session->param_values));
    TN_TRY(tn_alloc(&session->allocator, pointers, "session", &session->param_gradients));
    TN_TRY(tn_alloc(&session->allocator, parameters * sizeof *session->gradient_tensors, "session",
                    &session->gradient_tensors));
    if (!session->plan->options.keep_outputs)
        return TN_OK;
    return tn_alloc(&session->allocator, session->plan->step_count * sizeof *session->outputs, "session",
                    &session->outputs);
}

static void fill_lists(tn_session *session)
{
    for (size_t i = 0; i < session->plan->parameter_count; i++) {
        size_t offset = session->plan->gradients[i];
        session->param_values[i] = tn_model_slot(session->model, i).value;
        if (offset == TN_NOWHERE)
            continue;
        session->param_gradients[i] = (float *)(void *)(session->gradients + offset);
        tn_tensor_borrow(&session->gradient_tensors[i], &session->model->network.parameters[i].shape,
                         session->param_gradients[i]);
        session->gradient_tensors[i].allocator = session->allocator;
    }
}

static void log_session(const tn_session *session)
{
    const tn_memory *memory = &session->plan->memory;
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    tn_log_write(&session->model->log, TN_LOG_INFO,
                 "session: batch %" PRId64 ", %d threads, BLIS kernels %s, %" PRIu64 " bytes of gradients, %" PRIu64
                 " of activations, %" PRIu64 " of scratch, %" PRIu64 " prepared",
                 session->plan->options.batch_size, session->plan->options.threads, kernel->kernels, memory->gradients,
                 memory->activations, memory->scratch, memory->prepared);
}

static tn_status build(tn_session *session, const tn_session_options *options)
{
    TN_TRY(tn_plan_create(&session->model->network, session->model->precise, options, &session->plan));
    TN_TRY(allocate_blocks(session));
    TN_TRY(allocate_lists(session));
    fill_lists(session);
    if (options->threads > 1)
        TN_TRY(tn_pool_create(&session->allocator, options->threads, &session->pool));
    if (options->optimizer != NULL)
        TN_TRY(tn_updates_create(session, options->optimizer));
    log_session(session);
    return TN_OK;
}

tn_status tn_session_create(tn_model *model, const tn_session_options *options, tn_session **out)
{
    tn_session_options o;
    tn_session *session;
    if (model == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_create: %s is NULL", model == NULL ? "model" : "out");
    TN_TRY(tn_session_options_read("tn_session_create", options, &model->allocator, &o));
    TN_TRY(tn_alloc(o.allocator, sizeof *session, "session", &session));
    session->allocator = *o.allocator;
    session->model = model;
    tn_model_retain(model);
    tn_status status = build(session, &o);
    if (status == TN_OK)
        *out = session;
    else
        tn_session_destroy(&session);
    return status;
}

void tn_session_destroy(tn_session **session)
{
    if (session == NULL || *session == NULL)
        return;
    tn_session *own = *session;
    tn_allocator allocator = own->allocator;
    tn_memory memory = tn_plan_memory(own->plan);
    size_t parameters = own->plan != NULL ? own->plan->parameter_count : 0;
    tn_pool_destroy(&own->pool);
    tn_updates_destroy(own);
    tn_release(&allocator, own->outputs, tn_plan_layer_count(own->plan) * sizeof *own->outputs);
    tn_release(&allocator, own->gradient_tensors, parameters * sizeof *own->gradient_tensors);
    tn_release(&allocator, own->param_gradients, parameters * sizeof *own->param_gradients);
    tn_release(&allocator, own->param_values, parameters * sizeof *own->param_values);
    tn_release(&allocator, own->prepared, (size_t)memory.prepared);
    tn_release(&allocator, own->scratch, (size_t)memory.scratch);
    tn_release(&allocator, own->activations, (size_t)memory.activations);
    tn_release(&allocator, own->gradients, (size_t)memory.gradients);
    tn_plan_destroy(&own->plan);
    tn_model_release(own->model);
    tn_release(&allocator, own, sizeof *own);
    *session = NULL;
}

/* --- what it tells */

const tn_plan *tn_session_plan(const tn_session *session)
{
    return session != NULL ? session->plan : NULL;
}

tn_model *tn_session_model(const tn_session *session)
{
    return session != NULL ? session->model : NULL;
}

uint64_t tn_session_step(const tn_session *session)
{
    return session != NULL ? session->step : 0;
}

void tn_session_set_step(tn_session *session, uint64_t step)
{
    if (session != NULL)
        session->step = step;
}

int tn_session_threads(const tn_session *session)
{
    return session != NULL ? session->plan->options.threads : 0;
}

tn_status tn_session_gradient(tn_session *session, const char *name, tn_tensor **out)
{
    size_t index;
    if (session == NULL || name == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_gradient: %s is NULL",
                       session == NULL ? "session"
                       : name == NULL  ? "name"
                                       : "out");
    if (!tn_name_index_find(&session->model->network.parameter_names, name, &index))
        return TN_FAIL(TN_NOT_FOUND, "tn_session_gradient: the model has no parameter \"%.127s\"", name);
    if (!session->plan->options.training)
        return TN_FAIL(TN_ERR_STATE, "tn_session_gradient: %s: the session was made for prediction", name);
    if (tn_session_slot_update(session, index) != TN_SLOT_IN_STEP)
        return TN_FAIL(TN_ERR_STATE,
                       "tn_session_gradient: %s has no gradient to look at: the session was made for an optimizer, and "
                       "its backward updates this parameter",
                       name);
    if (session->param_gradients[index] == NULL)
        return TN_FAIL(TN_ERR_STATE, "tn_session_gradient: %s was frozen when the session was made", name);
    *out = &session->gradient_tensors[index];
    return TN_OK;
}

tn_status tn_session_input_gradient(tn_session *session, const tn_tensor **out)
{
    if (session == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_input_gradient: %s is NULL", session == NULL ? "session" : "out");
    if (!session->plan->options.input_gradient)
        return TN_FAIL(TN_ERR_STATE, "tn_session_input_gradient: the session was made without input_gradient");
    if (!session->has_dx)
        return TN_FAIL(TN_ERR_STATE, "tn_session_input_gradient: no backward has come after the last forward");
    *out = &session->dx;
    return TN_OK;
}

tn_status tn_session_output(tn_session *session, const char *layer, const tn_tensor **out)
{
    size_t index;
    if (session == NULL || layer == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_session_output: %s is NULL",
                       session == NULL ? "session"
                       : layer == NULL ? "layer"
                                       : "out");
    if (!tn_name_index_find(&session->model->network.step_names, layer, &index))
        return TN_FAIL(TN_NOT_FOUND, "tn_session_output: the model has no layer \"%.127s\"", layer);
    if (!session->plan->options.keep_outputs)
        return TN_FAIL(TN_ERR_STATE, "tn_session_output: %s: the session was made without keep_outputs", layer);
    if (!session->ran)
        return TN_FAIL(TN_ERR_STATE, "tn_session_output: %s: there was no forward yet", layer);
    *out = &session->outputs[index];
    return TN_OK;
}

/* --- what optimizers ask; also in update_in_backward.c */

float *tn_session_slot_gradient(tn_session *session, size_t index)
{
    return session->param_gradients[index];
}

tn_status tn_session_gradients_ready(const tn_session *session)
{
    if (!session->gradients_ready)
        return TN_FAIL(TN_ERR_STATE, "session: no backward has filled the gradients yet");
    return TN_OK;
}

tn_pool *tn_session_pool(tn_session *session)
{
    return session->pool;
}
