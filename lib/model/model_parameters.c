/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a model tells about itself, and its parameters: by name for callers, by number for optimizers. */
#include "base/memory.h"
#include "base/status.h"
#include "model/model_core.h"
#include "optim/slots.h"

#include <string.h>

/* --- shapes and counts */

const tn_layer *tn_model_layer(const tn_model *model)
{
    return model != NULL ? model->net : NULL;
}

static tn_shape of_any_batch(tn_shape shape)
{
    shape.dims[0] = 0;
    return shape;
}

tn_shape tn_model_input_shape(const tn_model *model)
{
    return model != NULL ? of_any_batch(model->network.steps[0].in) : (tn_shape){0};
}

tn_shape tn_model_output_shape(const tn_model *model)
{
    return model != NULL ? of_any_batch(model->network.steps[model->network.step_count - 1].out) : (tn_shape){0};
}

int64_t tn_model_parameter_total(const tn_model *model)
{
    return model != NULL ? model->network.parameter_total : 0;
}

size_t tn_model_parameter_count(const tn_model *model)
{
    return model != NULL ? model->network.parameter_count : 0;
}

const char *tn_model_parameter_name(const tn_model *model, size_t index)
{
    return index < tn_model_parameter_count(model) ? model->network.parameters[index].name : NULL;
}

/* --- by name */

static tn_status find(const char *function, const tn_model *model, const char *name, size_t *out)
{
    if (model == NULL || name == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is NULL", function, model == NULL ? "model" : "name");
    if (!tn_name_index_find(&model->network.parameter_names, name, out))
        return TN_FAIL(TN_NOT_FOUND, "%s: the model has no parameter \"%.127s\"", function, name);
    return TN_OK;
}

tn_status tn_model_parameter(const tn_model *model, const char *name, const tn_tensor **out)
{
    size_t index;
    TN_TRY(find("tn_model_parameter", model, name, &index));
    if (out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_parameter: out is NULL");
    *out = &model->tensors[index];
    return TN_OK;
}

tn_status tn_model_parameter_set(tn_model *model, const char *name, const tn_tensor *value)
{
    size_t index;
    TN_TRY(find("tn_model_parameter_set", model, name, &index));
    tn_parameter *parameter = &model->network.parameters[index];
    TN_TRY(tn_tensor_check(value, TN_F32, parameter->name));
    if (!tn_shape_equal(&value->shape, &parameter->shape)) {
        char own[TN_SHAPE_TEXT], given[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "%s: has shape %s, the value is %s", parameter->name,
                       tn_shape_text(&parameter->shape, own, sizeof own),
                       tn_shape_text(&value->shape, given, sizeof given));
    }
    memmove(model->tensors[index].data, value->data, (size_t)parameter->count * sizeof(float));
    parameter->written = ++model->version;
    return TN_OK;
}

tn_status tn_model_freeze(tn_model *model, const char *name, bool frozen)
{
    size_t index, count = 1;
    if (model == NULL || name == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_freeze: %s is NULL", model == NULL ? "model" : "name");
    if (tn_name_index_find(&model->network.step_names, name, &index)) {
        count = model->network.steps[index].parameter_count;
        index = model->network.steps[index].first_parameter;
    } else if (!tn_name_index_find(&model->network.parameter_names, name, &index)) {
        return TN_FAIL(TN_NOT_FOUND, "tn_model_freeze: the model has no layer or parameter \"%.127s\"", name);
    }
    for (size_t i = index; i < index + count; i++)
        model->network.parameters[i].frozen = frozen;
    return TN_OK;
}

/* --- by number */

tn_slot tn_model_slot(tn_model *model, size_t index)
{
    const tn_parameter *parameter = &model->network.parameters[index];
    return (tn_slot){
        .name = parameter->name,
        .shape = parameter->shape,
        .count = parameter->count,
        .value = model->values + parameter->offset / sizeof(float),
        .frozen = parameter->frozen,
    };
}

void tn_model_touch(tn_model *model)
{
    model->version++;
    for (size_t i = 0; i < model->network.parameter_count; i++)
        if (!model->network.parameters[i].frozen)
            model->network.parameters[i].written = model->version;
}

/* --- steps that have begun in a backward */

void tn_model_step_begins(tn_model *model)
{
    model->begun_steps++;
}

void tn_model_step_is_orphaned(tn_model *model)
{
    model->orphaned_steps++;
}

void tn_model_step_ends(tn_model *model, bool is_orphaned)
{
    model->begun_steps--;
    if (is_orphaned)
        model->orphaned_steps--;
}

tn_status tn_model_check_between_steps(const char *function, const tn_model *model)
{
    if (model->orphaned_steps > 0)
        return TN_FAIL(TN_ERR_STATE,
                       "%s: a backward has begun a step of an optimizer that has been destroyed since: destroying the "
                       "session ends it, with what it has updated",
                       function);
    if (model->begun_steps > 0)
        return TN_FAIL(TN_ERR_STATE,
                       "%s: a backward has begun a step of an optimizer, tn_optimizer_step must come first", function);
    return TN_OK;
}
