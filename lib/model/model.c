/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Models: made, counted, destroyed, and planned before they exist. */
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "base/status.h"
#include "model/model_core.h"
#include "model/plan.h"
#include "optim/slots.h"

#include <inttypes.h>

#define PARAMETER_KEYS UINT64_C(0x706172616d657465) /* keeps their random numbers apart from those of layers */

void tn_net_consume(tn_layer *net)
{
    if (net != NULL && !net->owned)
        tn_layer_free(net);
}

tn_status tn_net_check(const char *function, const tn_layer *net)
{
    tn_failure failure;
    if (net == NULL && tn_failures_take(1, &failure) == 1)
        return TN_FAIL(failure.status, "%s", failure.text);
    if (net == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: net is NULL", function);
    if (net->owned)
        return TN_FAIL(TN_ERR_INVALID, "%s: net belongs to a container or to another model", function);
    return TN_OK;
}

tn_status tn_model_options_read(const char *function, const tn_model_options *options, tn_model_options *out)
{
    if (options == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: options is NULL, but input_shape is required", function);
    tn_model_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_model_options"));
    if (o.allocator != NULL)
        TN_TRY(tn_allocator_check(o.allocator));
    *out = o;
    return TN_OK;
}

/* --- making */

/* The values of parameter i are those of a key of its own: they do not depend on the other parameters' sizes. */
static void initialise(tn_model *model)
{
    uint64_t keys = tn_mix(model->seed, PARAMETER_KEYS);
    for (size_t i = 0; i < model->network.parameter_count; i++) {
        const tn_parameter *parameter = &model->network.parameters[i];
        float *value = model->values + parameter->offset / sizeof(float);
        tn_tensor_borrow(&model->tensors[i], &parameter->shape, value);
        model->tensors[i].allocator = model->allocator;
        if (parameter->init_limit > 0.0f)
            tn_random_uniform(tn_mix(keys, i), -parameter->init_limit, parameter->init_limit, value, parameter->count);
    }
}

static tn_status build(tn_model *model, const tn_shape *sample)
{
    TN_TRY(tn_network_create(&model->allocator, model->net, sample, &model->network));
    size_t count = model->network.parameter_count;
    TN_TRY(tn_alloc(&model->allocator, model->network.parameter_bytes, "parameters", &model->values));
    TN_TRY(tn_alloc(&model->allocator, count * sizeof *model->tensors, "parameters", &model->tensors));
    initialise(model);
    tn_log_write(&model->log, TN_LOG_INFO, "model: %zu layers, %" PRId64 " parameters", model->network.step_count,
                 model->network.parameter_total);
    return TN_OK;
}

/* Everything but the net, which a failed tn_model_create still has to give back. */
static void free_model(tn_model *model)
{
    tn_allocator allocator = model->allocator;
    tn_release(&allocator, model->tensors, model->network.parameter_count * sizeof *model->tensors);
    tn_release(&allocator, model->values, model->network.parameter_bytes);
    tn_network_destroy(&model->network);
    tn_release(&allocator, model, sizeof *model);
}

static tn_status create(tn_layer *net, const tn_model_options *options, tn_model **out)
{
    tn_model_options o;
    tn_shape sample;
    tn_model *model;
    TN_TRY(tn_net_check("tn_model_create", net));
    TN_TRY(tn_model_options_read("tn_model_create", options, &o));
    TN_TRY(tn_sample_shape("tn_model_create", o.input_shape, &sample));
    if (out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_create: out is NULL");
    tn_allocator allocator = tn_allocator_or_default(o.allocator);
    TN_TRY(tn_alloc(&allocator, sizeof *model, "model", &model));
    model->allocator = allocator;
    model->log = o.log;
    model->seed = o.seed;
    model->precise = o.precise;
    model->net = net;
    atomic_init(&model->references, 1);
    tn_status status = build(model, &sample);
    if (status == TN_OK)
        *out = model;
    else
        free_model(model);
    return status;
}

tn_status tn_model_create(tn_layer *net, const tn_model_options *options, tn_model **out)
{
    tn_status status = create(net, options, out);
    if (status == TN_OK)
        net->owned = true;
    else
        tn_net_consume(net);
    return status;
}

/* --- counting */

void tn_model_retain(tn_model *model)
{
    (void)atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
}

void tn_model_release(tn_model *model)
{
    if (model == NULL || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    tn_layer *net = model->net;
    free_model(model);
    tn_layer_free(net);
}

void tn_model_destroy(tn_model **model)
{
    if (model == NULL)
        return;
    tn_model_release(*model);
    *model = NULL;
}

/* --- planning */

static tn_status plan_network(const tn_layer *net, const tn_model_options *model, const tn_session_options *session,
                              tn_plan **out)
{
    tn_shape sample;
    tn_network network;
    TN_TRY(tn_sample_shape("tn_model_plan", model->input_shape, &sample));
    TN_TRY(tn_network_create(session->allocator, net, &sample, &network));
    tn_status status = tn_plan_create(&network, model->precise, session, out);
    tn_network_destroy(&network);
    return status;
}

tn_status tn_model_plan(const tn_layer *net, const tn_model_options *model_options,
                        const tn_session_options *session_options, tn_plan **out)
{
    tn_model_options model;
    tn_session_options session;
    if (net == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_plan: %s is NULL", net == NULL ? "net" : "out");
    TN_TRY(tn_model_options_read("tn_model_plan", model_options, &model));
    tn_allocator fallback = tn_allocator_or_default(model.allocator);
    TN_TRY(tn_session_options_read("tn_model_plan", session_options, &fallback, &session));
    session.measure = false;
    return plan_network(net, &model, &session, out);
}
