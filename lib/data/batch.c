/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The whole batch is gathered as it is stored, which is small, then expanded in one go. */
#include "data/batch.h"

#include "base/memory.h"
#include "base/status.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <string.h>

static tn_status plan_resize(tn_batch_recipe *recipe, int64_t height, int64_t width)
{
    const tn_shape *in = &recipe->dataset->sample_shape;
    char text[TN_SHAPE_TEXT];
    if (height == 0 && width == 0)
        return TN_OK;
    if (in->rank != 4)
        return TN_FAIL(TN_ERR_SHAPE, "tn_loader_create: samples are %s, only images [N,H,W,C] can be resized",
                       tn_shape_text(in, text, sizeof text));
    recipe->size = (tn_resize_shape){.n = 1, .h = in->dims[1], .w = in->dims[2], .c = in->dims[3]};
    recipe->size.oh = height > 0 ? height : in->dims[1];
    recipe->size.ow = width > 0 ? width : in->dims[2];
    recipe->resize = recipe->size.oh != recipe->size.h || recipe->size.ow != recipe->size.w;
    recipe->samples.dims[1] = recipe->size.oh;
    recipe->samples.dims[2] = recipe->size.ow;
    return TN_OK;
}

tn_status tn_batch_plan(const tn_dataset *dataset, int64_t batch_size, float scale, int64_t height, int64_t width,
                        tn_batch_recipe *out)
{
    tn_batch_recipe recipe = {.dataset = dataset, .scale = scale};
    int64_t size;
    recipe.samples = dataset->sample_shape;
    recipe.targets = dataset->target_shape;
    recipe.samples.dims[0] = recipe.targets.dims[0] = batch_size;
    recipe.target_dtype = dataset->target_dtype == TN_F32 ? TN_F32 : TN_I32;
    TN_TRY(plan_resize(&recipe, height, width));
    TN_TRY(tn_shape_size(&recipe.samples, &size));
    TN_TRY(tn_shape_size(&recipe.targets, &size));
    recipe.sample_size = 1;
    for (int i = 1; i < recipe.samples.rank; i++)
        recipe.sample_size *= recipe.samples.dims[i];
    recipe.staging_bytes = recipe.resize || dataset->sample_dtype == TN_U8 ? dataset->sample_bytes : 0;
    *out = recipe;
    return TN_OK;
}

/* One class number, as the dataset has it, to i32. */
static tn_status convert_class(const tn_dataset *dataset, int64_t index, const void *stored, int32_t *out)
{
    int64_t number;
    if (dataset->target_dtype == TN_U8) {
        *out = *(const uint8_t *)stored;
        return TN_OK;
    }
    if (dataset->target_dtype == TN_I32) {
        memcpy(out, stored, sizeof *out);
        return TN_OK;
    }
    memcpy(&number, stored, sizeof number);
    if (number < INT32_MIN || number > INT32_MAX)
        return TN_FAIL(TN_ERR_OVERFLOW, "sample %" PRId64 ": its class number %" PRId64 " does not fit i32", index,
                       number);
    *out = (int32_t)number;
    return TN_OK;
}

static tn_status gather_one(const tn_dataset *dataset, int64_t index, void *sample, char *targets, int64_t row)
{
    int64_t stored = 0; /* room for one class number of any type */
    if (dataset->target_dtype == TN_F32)
        return tn_dataset_read(dataset, index, sample, targets + (size_t)row * dataset->target_bytes);
    TN_TRY(tn_dataset_read(dataset, index, sample, &stored));
    return convert_class(dataset, index, &stored, (int32_t *)(void *)targets + row);
}

static void expand(const tn_batch_recipe *recipe, int64_t count, const void *staging, float *samples)
{
    int64_t elements = count * recipe->sample_size;
    tn_resize_shape size = recipe->size;
    size.n = count;
    if (recipe->resize && recipe->dataset->sample_dtype == TN_U8)
        tn_resize_u8(NULL, &size, staging, recipe->scale, samples);
    else if (recipe->resize)
        tn_resize_f32(NULL, &size, staging, recipe->scale, samples);
    else if (recipe->dataset->sample_dtype == TN_U8)
        tn_scale_u8(NULL, staging, recipe->scale, samples, elements);
    else if (recipe->scale != 1.0f)
        for (int64_t i = 0; i < elements; i++)
            samples[i] *= recipe->scale;
}

tn_status tn_batch_make(const tn_batch_recipe *recipe, const int64_t *order, int64_t first, int64_t count,
                        void *staging, float *samples, void *targets, const atomic_bool *cancel)
{
    const tn_dataset *dataset = recipe->dataset;
    char *rows = recipe->staging_bytes > 0 ? staging : (void *)samples;
    for (int64_t i = 0; i < count; i++) {
        if (atomic_load_explicit(cancel, memory_order_relaxed))
            return TN_STOPPED; /* nobody asks why */
        int64_t index = order != NULL ? order[first + i] : first + i;
        TN_TRY(gather_one(dataset, index, rows + (size_t)i * dataset->sample_bytes, targets, i));
    }
    expand(recipe, count, staging, samples);
    return TN_OK;
}
