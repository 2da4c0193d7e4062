/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A model's parameters to and from safetensors, through the model's public functions alone; but for the question
 *  whether they are whole. */
#include "formats/staging.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/safetensors.h"
#include "optim/slots.h"
#include "tensor/storage.h"

tn_allocator tn_model_file_allocator(const tn_model *model)
{
    const tn_tensor *first = NULL;
    const char *name = tn_model_parameter_name(model, 0);
    tn_status status = name ? tn_model_parameter(model, name, &first) : TN_NOT_FOUND;
    return tn_allocator_or_default(status == TN_OK ? &first->allocator : NULL);
}

static tn_status load(tn_model *model, tn_safetensors *file, bool partial, tn_staging *staging)
{
    TN_TRY(tn_staging_add_model(staging, file, model, partial));
    if (partial && staging->count == 0)
        return TN_FAIL(TN_NOT_FOUND, "%s: has no tensor of the model's", file->in.path);
    TN_TRY(tn_staging_load(staging, file));
    return tn_staging_apply(staging, model, NULL);
}

tn_status tn_model_load(tn_model *model, const char *path, bool partial)
{
    tn_safetensors *file = NULL;
    tn_staging staging;
    if (model == NULL || path == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_load: %s is NULL", model == NULL ? "model" : "path");
    tn_allocator allocator = tn_model_file_allocator(model);
    TN_TRY(tn_safetensors_open(&allocator, path, &file));
    tn_status status = tn_staging_create(&staging, &allocator, tn_model_parameter_count(model));
    if (status == TN_OK)
        status = load(model, file, partial, &staging);
    tn_staging_destroy(&staging);
    tn_safetensors_close(&file);
    return status;
}

static tn_status save(const tn_model *model, const tn_allocator *allocator, const char *path, const char **names,
                      const tn_tensor **tensors)
{
    const tn_metadata format = {TN_FORMAT_KEY, TN_FORMAT_TENSORS};
    size_t count = tn_model_parameter_count(model);
    for (size_t i = 0; i < count; i++) {
        names[i] = tn_model_parameter_name(model, i);
        TN_TRY(tn_model_parameter(model, names[i], &tensors[i])); /* GCOVR_EXCL_BR_LINE: its own name is found */
    }
    return tn_safetensors_write(allocator, path, count, names, tensors, &format, 1);
}

tn_status tn_model_save(const tn_model *model, const char *path)
{
    if (model == NULL || path == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_model_save: %s is NULL", model == NULL ? "model" : "path");
    TN_TRY(tn_model_check_between_steps("tn_model_save", model));
    tn_allocator allocator = tn_model_file_allocator(model);
    size_t count = tn_model_parameter_count(model);
    const char **names;
    const tn_tensor **tensors = NULL;
    TN_TRY(tn_alloc(&allocator, count * sizeof *names, "parameter names", &names));
    tn_status status = tn_alloc(&allocator, count * sizeof *tensors, "parameters", &tensors);
    if (status == TN_OK)
        status = save(model, &allocator, path, names, tensors);
    tn_release(&allocator, tensors, count * sizeof *tensors);
    tn_release(&allocator, names, count * sizeof *names);
    return status;
}
