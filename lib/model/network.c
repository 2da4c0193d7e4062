/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Flattening a layer tree: names, shapes, parameters, in the order in which the layers run. */
#include "model/network.h"

#include "base/memory.h"
#include "base/status.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

tn_status tn_sample_shape(const char *function, const int64_t dims[TN_MAX_RANK - 1], tn_shape *out)
{
    tn_shape shape = {1, {1}};
    for (int i = 0; i < TN_MAX_RANK - 1 && dims[i] != 0; i++) {
        if (dims[i] < 0)
            return TN_FAIL(TN_ERR_INVALID, "%s: input_shape[%d] is %" PRId64 ", must be at least 1", function, i,
                           dims[i]);
        shape.dims[shape.rank++] = dims[i];
    }
    if (shape.rank == 1)
        return TN_FAIL(TN_ERR_INVALID, "%s: input_shape is empty", function);
    TN_TRY(tn_shape_fits(function, "input_shape", &shape));
    *out = shape;
    return TN_OK;
}

/* --- the tree */

static size_t count_steps(const tn_layer *layer)
{
    tn_layer *const *children;
    if (!layer->op->is_container)
        return 1;
    size_t count = 0, n = tn_layer_children(layer, &children);
    for (size_t i = 0; i < n; i++)
        count += count_steps(children[i]);
    return count;
}

static void list_steps(const tn_layer *layer, tn_network *network)
{
    tn_layer *const *children;
    if (!layer->op->is_container) {
        network->steps[network->step_count++].layer = layer;
        return;
    }
    size_t n = tn_layer_children(layer, &children);
    for (size_t i = 0; i < n; i++)
        list_steps(children[i], network);
}

/* The number within the kind goes on from the last layer of the same kind. */
static void name_step(tn_step *steps, size_t index)
{
    tn_step *step = &steps[index];
    const char *kind = tn_layer_kind(step->layer);
    size_t before = index;
    while (before > 0 && strcmp(tn_layer_kind(steps[before - 1].layer), kind) != 0)
        before--;
    step->number = before > 0 ? steps[before - 1].number + 1 : 1;
    if (step->layer->name != NULL)
        (void)snprintf(step->name, sizeof step->name, "%s", step->layer->name);
    else
        (void)snprintf(step->name, sizeof step->name, "%s_%zu", kind, step->number);
}

static tn_status name_steps(tn_network *network)
{
    TN_TRY(tn_name_index_create(&network->allocator, network->step_count, &network->step_names));
    for (size_t i = 0; i < network->step_count; i++) {
        name_step(network->steps, i);
        if (!tn_name_index_add(&network->step_names, network->steps[i].name, i))
            return TN_FAIL(TN_ERR_INVALID, "model: two layers are called %s", network->steps[i].name);
    }
    return TN_OK;
}

/* --- shapes and parameters */

static tn_status ask_parameter(const tn_step *step, int index, tn_op_parameter *out)
{
    const tn_op *op = step->layer->op;
    return op->parameter == NULL ? TN_NOT_FOUND : op->parameter(step->layer, step->name, &step->in, index, out);
}

static tn_status infer_step(tn_step *step, const tn_shape *in)
{
    tn_op_parameter parameter;
    step->in = *in;
    TN_TRY(step->layer->op->infer(step->layer, step->name, in, &step->out));
    for (;; step->parameter_count++) {
        tn_status status = ask_parameter(step, (int)step->parameter_count, &parameter);
        if (status == TN_NOT_FOUND)
            return TN_OK;
        TN_TRY(status);
    }
}

static tn_status infer_steps(tn_network *network, const tn_shape *sample)
{
    const tn_shape *in = sample;
    for (size_t i = 0; i < network->step_count; i++) {
        TN_TRY(infer_step(&network->steps[i], in));
        in = &network->steps[i].out;
    }
    return TN_OK;
}

static tn_status add_parameter(tn_network *network, const tn_step *step, int index)
{
    size_t number = network->parameter_count;
    tn_parameter *parameter = &network->parameters[number];
    tn_op_parameter asked;
    TN_TRY(ask_parameter(step, index, &asked));
    (void)snprintf(parameter->name, sizeof parameter->name, "%s.%s", step->name, asked.name);
    parameter->shape = asked.shape;
    parameter->init_limit = asked.init_limit;
    parameter->frozen = step->layer->frozen;
    TN_TRY(tn_shape_size(&asked.shape, &parameter->count));
    parameter->bytes = tn_align_up((size_t)parameter->count * sizeof(float));
    parameter->offset = network->parameter_bytes;
    if (!tn_add_size(network->parameter_bytes, parameter->bytes, &network->parameter_bytes) ||
        network->parameter_bytes > PTRDIFF_MAX)
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: the parameters up to here are too large", parameter->name);
    network->parameter_total += parameter->count;
    if (!tn_name_index_add(&network->parameter_names, parameter->name, number))
        return TN_FAIL(TN_ERR_INVALID, "%s: there are two parameters of this name", parameter->name);
    network->parameter_count++;
    return TN_OK;
}

static tn_status add_parameters(tn_network *network)
{
    size_t count = 0;
    for (size_t i = 0; i < network->step_count; i++)
        count += network->steps[i].parameter_count;
    TN_TRY(tn_alloc(&network->allocator, count * sizeof *network->parameters, "parameters", &network->parameters));
    TN_TRY(tn_name_index_create(&network->allocator, count, &network->parameter_names));
    for (size_t i = 0; i < network->step_count; i++) {
        tn_step *step = &network->steps[i];
        step->first_parameter = network->parameter_count;
        for (size_t k = 0; k < step->parameter_count; k++)
            TN_TRY(add_parameter(network, step, (int)k));
    }
    return TN_OK;
}

static tn_status build(const tn_layer *net, const tn_shape *sample, tn_network *network)
{
    TN_TRY(tn_alloc(&network->allocator, count_steps(net) * sizeof *network->steps, "layers", &network->steps));
    list_steps(net, network);
    TN_TRY(name_steps(network));
    TN_TRY(infer_steps(network, sample));
    return add_parameters(network);
}

tn_status tn_network_create(const tn_allocator *allocator, const tn_layer *net, const tn_shape *sample, tn_network *out)
{
    tn_network network = {.allocator = *allocator};
    tn_status status = build(net, sample, &network);
    if (status == TN_OK)
        *out = network;
    else
        tn_network_destroy(&network);
    return status;
}

void tn_network_destroy(tn_network *network)
{
    size_t parameters = 0;
    for (size_t i = 0; i < network->step_count; i++)
        parameters += network->steps[i].parameter_count;
    tn_name_index_destroy(&network->step_names);
    tn_name_index_destroy(&network->parameter_names);
    tn_release(&network->allocator, network->parameters, parameters * sizeof *network->parameters);
    tn_release(&network->allocator, network->steps, network->step_count * sizeof *network->steps);
    *network = (tn_network){0};
}
