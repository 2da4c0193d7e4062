/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An optimizer's state: one block for all parameters, each parameter's part aligned, and a handle on every part. */
#include "base/memory.h"
#include "base/status.h"
#include "optim/algorithm.h"
#include "tensor/storage.h"

#include <string.h>

/* --- binding */

static tn_status measure(tn_model *model, size_t state_count, size_t *out)
{
    size_t total = 0, bytes;
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        tn_slot slot = tn_model_slot(model, i);
        bytes = tn_align_up((size_t)slot.count * sizeof(float)); /* fits: the parameter itself is as large */
        if (!tn_mul_size(bytes, state_count, &bytes) || !tn_add_size(total, bytes, &total))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: the optimizer's state is too large", slot.name);
    }
    *out = total;
    return TN_OK;
}

static void set_handles(tn_optimizer *optimizer)
{
    float *at = optimizer->memory;
    for (size_t i = 0; i < optimizer->parameter_count; i++) {
        tn_slot slot = tn_model_slot(optimizer->model, i);
        for (size_t s = 0; s < optimizer->state_count; s++) {
            tn_tensor_borrow(&optimizer->states[i * optimizer->state_count + s], &slot.shape, at);
            at += tn_align_up((size_t)slot.count * sizeof(float)) / sizeof(float);
        }
    }
}

static tn_status allocate(tn_optimizer *optimizer, tn_model *model)
{
    const tn_allocator *allocator = &optimizer->allocator;
    size_t memory_bytes = 0, parameters = tn_model_parameter_count(model);
    size_t states_bytes = parameters * optimizer->state_count * sizeof *optimizer->states;
    TN_TRY(measure(model, optimizer->state_count, &memory_bytes));
    tn_tensor *states = NULL;
    float *memory = NULL;
    TN_TRY(tn_alloc(allocator, states_bytes, "an optimizer's handles", &states));
    tn_status status = tn_alloc(allocator, memory_bytes, "an optimizer's state", &memory);
    if (status != TN_OK) {
        tn_release(allocator, states, states_bytes);
        return status;
    }
    optimizer->states = states;
    optimizer->memory = memory;
    optimizer->memory_bytes = memory_bytes;
    optimizer->parameter_count = parameters;
    return TN_OK;
}

tn_status tn_optimizer_bind(tn_optimizer *optimizer, tn_model *model)
{
    if (optimizer == NULL || model == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_bind: %s is NULL", optimizer == NULL ? "optimizer" : "model");
    if (optimizer->model == model)
        return TN_OK;
    if (optimizer->model != NULL)
        return TN_FAIL(TN_ERR_STATE, "tn_optimizer_bind: %s is bound to another model", optimizer->algorithm->kind);
    TN_TRY(allocate(optimizer, model));
    optimizer->model = model;
    tn_model_retain(model);
    set_handles(optimizer);
    return TN_OK;
}

/* --- looking and setting */

size_t tn_optimizer_state_count(const tn_optimizer *optimizer)
{
    return optimizer ? optimizer->state_count : 0;
}

const char *tn_optimizer_state_name(const tn_optimizer *optimizer, size_t index)
{
    return index < tn_optimizer_state_count(optimizer) ? optimizer->algorithm->state_names[index] : NULL;
}

static tn_status find_parameter(const tn_optimizer *optimizer, const char *name, size_t *out)
{
    for (size_t i = 0; i < optimizer->parameter_count; i++) {
        if (strcmp(name, tn_model_slot(optimizer->model, i).name) == 0) {
            *out = i;
            return TN_OK;
        }
    }
    return TN_FAIL(TN_NOT_FOUND, "%s: the model has no parameter %s", optimizer->algorithm->kind, name);
}

static tn_status find(const tn_optimizer *optimizer, const char *parameter, const char *state, tn_tensor **out)
{
    size_t index = 0;
    if (optimizer->model == NULL)
        return TN_FAIL(TN_ERR_STATE, "%s: is not bound to a model yet", optimizer->algorithm->kind);
    TN_TRY(find_parameter(optimizer, parameter, &index));
    for (size_t s = 0; s < optimizer->state_count; s++) {
        if (strcmp(state, optimizer->algorithm->state_names[s]) == 0) {
            *out = &optimizer->states[index * optimizer->state_count + s];
            return TN_OK;
        }
    }
    return TN_FAIL(TN_NOT_FOUND, "%s: has no state %s", optimizer->algorithm->kind, state);
}

static tn_status check_arguments(const char *function, const tn_optimizer *optimizer, const char *parameter,
                                 const char *state)
{
    const char *missing = optimizer == NULL ? "optimizer" : parameter == NULL ? "parameter" : "state";
    if (optimizer == NULL || parameter == NULL || state == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is NULL", function, missing);
    return TN_OK;
}

tn_status tn_optimizer_state(const tn_optimizer *optimizer, const char *parameter, const char *state,
                             const tn_tensor **out)
{
    tn_tensor *found;
    TN_TRY(check_arguments("tn_optimizer_state", optimizer, parameter, state));
    if (out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_state: out is NULL");
    TN_TRY(find(optimizer, parameter, state, &found));
    *out = found;
    return TN_OK;
}

tn_status tn_optimizer_state_set(tn_optimizer *optimizer, const char *parameter, const char *state,
                                 const tn_tensor *value)
{
    tn_tensor *found;
    char expected[TN_SHAPE_TEXT], given[TN_SHAPE_TEXT];
    TN_TRY(check_arguments("tn_optimizer_state_set", optimizer, parameter, state));
    TN_TRY(tn_tensor_check(value, TN_F32, "tn_optimizer_state_set: value"));
    TN_TRY(find(optimizer, parameter, state, &found));
    if (!tn_shape_equal(&value->shape, &found->shape))
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s of %s is %s, value is %s", optimizer->algorithm->kind, state, parameter,
                       tn_shape_text(&found->shape, expected, sizeof expected),
                       tn_shape_text(&value->shape, given, sizeof given));
    return tn_tensor_copy(found, value);
}
