/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Check everything, then read everything, then apply everything. */
#include "formats/staging.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/safetensors.h"

tn_status tn_staging_create(tn_staging *staging, const tn_allocator *allocator, size_t capacity)
{
    *staging = (tn_staging){.allocator = *allocator, .capacity = capacity};
    return tn_alloc(allocator, capacity * sizeof *staging->items, "staged tensors", &staging->items);
}

void tn_staging_destroy(tn_staging *staging)
{
    for (size_t i = 0; i < staging->count; i++)
        tn_tensor_destroy(&staging->items[i].value);
    tn_release(&staging->allocator, staging->items, staging->capacity * sizeof *staging->items);
    staging->items = NULL;
    staging->count = 0;
}

tn_status tn_staging_add(tn_staging *staging, const tn_safetensors *file, const char *name, const char *owner,
                         const tn_tensor *expected, const char *parameter, const char *state)
{
    tn_staged *item = &staging->items[staging->count];
    TN_TRY(tn_safetensors_expect(file, name, owner, expected, &item->index));
    item->parameter = parameter;
    item->state = state;
    staging->count++;
    return TN_OK;
}

tn_status tn_staging_load(tn_staging *staging, tn_safetensors *file)
{
    for (size_t i = 0; i < staging->count; i++)
        TN_TRY(tn_safetensors_load_index(file, staging->items[i].index, &staging->items[i].value));
    return TN_OK;
}

static tn_status set_state(tn_optimizer *optimizer, const tn_staged *item)
{
    return tn_optimizer_state_set(optimizer, item->parameter, item->state, item->value);
}

tn_status tn_staging_apply(const tn_staging *staging, tn_model *model, tn_optimizer *optimizer)
{
    for (size_t i = 0; i < staging->count; i++) {
        const tn_staged *item = &staging->items[i];
        if (item->state == NULL)
            TN_TRY(tn_model_parameter_set(model, item->parameter, item->value)); /* GCOVR_EXCL_BR_LINE: was checked */
        else
            TN_TRY(set_state(optimizer, item)); /* GCOVR_EXCL_BR_LINE: was checked */
    }
    return TN_OK;
}

tn_status tn_staging_add_model(tn_staging *staging, const tn_safetensors *file, const tn_model *model, bool partial)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *name = tn_model_parameter_name(model, i);
        const tn_tensor *expected = NULL;
        size_t index;
        TN_TRY(tn_model_parameter(model, name, &expected)); /* GCOVR_EXCL_BR_LINE: its own name is found */
        if (!partial || tn_json_header_find(&file->header, name, &index))
            TN_TRY(tn_staging_add(staging, file, name, "model", expected, name, NULL));
    }
    return TN_OK;
}
