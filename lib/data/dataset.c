/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets: a counted handle over two tensors, over a callback, or over the start of another dataset. */
#include "data/dataset.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <string.h>

/* --- creating */

static tn_status check_dtypes(const char *function, tn_dtype sample, tn_dtype target)
{
    if (sample != TN_F32 && sample != TN_U8)
        return TN_FAIL(TN_ERR_TYPE, "%s: samples have type %d, only f32 and u8 can be", function, (int)sample);
    if (tn_dtype_size(target) == 0)
        return TN_FAIL(TN_ERR_TYPE, "%s: targets have type %d, which is none", function, (int)target);
    return TN_OK;
}

/* Class numbers are one integer a sample. */
static tn_status check_target_rank(const char *function, tn_dtype dtype, const tn_shape *shape)
{
    char text[TN_SHAPE_TEXT];
    if (dtype != TN_F32 && shape->rank != 1)
        return TN_FAIL(TN_ERR_SHAPE, "%s: targets of integers are %s, class numbers are [N]", function,
                       tn_shape_text(shape, text, sizeof text));
    return TN_OK;
}

/* Bytes of one entry of a shape whose size has been checked. */
static size_t entry_bytes(const tn_shape *shape, tn_dtype dtype)
{
    size_t bytes = tn_dtype_size(dtype);
    for (int i = 1; i < shape->rank; i++)
        bytes *= (size_t)shape->dims[i];
    return bytes;
}

/* A dataset with one reference and no samples yet. */
static tn_status create(const tn_allocator *allocator, tn_dtype sample_dtype, const tn_shape *samples,
                        tn_dtype target_dtype, const tn_shape *targets, tn_dataset **out)
{
    tn_allocator chosen = tn_allocator_or_default(allocator);
    tn_dataset *dataset;
    int64_t size;
    TN_TRY(tn_shape_size(samples, &size));
    TN_TRY(tn_shape_size(targets, &size));
    TN_TRY(tn_alloc(&chosen, sizeof *dataset, "a dataset", &dataset));
    dataset->allocator = chosen;
    atomic_init(&dataset->references, 1);
    dataset->count = samples->dims[0];
    dataset->sample_dtype = sample_dtype;
    dataset->target_dtype = target_dtype;
    dataset->sample_shape = *samples;
    dataset->target_shape = *targets;
    dataset->sample_bytes = entry_bytes(samples, sample_dtype);
    dataset->target_bytes = entry_bytes(targets, target_dtype);
    *out = dataset;
    return TN_OK;
}

static tn_status check_tensors(const tn_tensor *samples, const tn_tensor *targets)
{
    static const char function[] = "tn_dataset_from_tensors";
    char sample_text[TN_SHAPE_TEXT], target_text[TN_SHAPE_TEXT];
    TN_TRY(check_dtypes(function, samples->dtype, targets->dtype));
    tn_shape_text(&samples->shape, sample_text, sizeof sample_text);
    tn_shape_text(&targets->shape, target_text, sizeof target_text);
    if (samples->shape.rank == 0 || targets->shape.rank == 0 || samples->shape.dims[0] != targets->shape.dims[0])
        return TN_FAIL(TN_ERR_SHAPE, "%s: samples are %s, targets %s: the first dimensions differ", function,
                       sample_text, target_text);
    return check_target_rank(function, targets->dtype, &targets->shape);
}

tn_status tn_dataset_from_tensors(const tn_allocator *allocator, tn_tensor *samples, tn_tensor *targets,
                                  tn_dataset **out)
{
    tn_dataset *dataset;
    if (samples == NULL || targets == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_from_tensors: %s is NULL",
                       samples == NULL   ? "samples"
                       : targets == NULL ? "targets"
                                         : "out");
    TN_TRY(tn_allocator_check(allocator));
    TN_TRY(check_tensors(samples, targets));
    TN_TRY(create(allocator, samples->dtype, &samples->shape, targets->dtype, &targets->shape, &dataset));
    tn_status status = tn_tensor_share(&dataset->allocator, samples, &dataset->samples);
    if (status == TN_OK)
        status = tn_tensor_share(&dataset->allocator, targets, &dataset->targets);
    if (status == TN_OK)
        *out = dataset;
    else
        tn_dataset_destroy(&dataset);
    return status;
}

/* --- from a callback */

/* The shape [count, dims...]. */
static tn_status source_shape(const char *what, int64_t count, int rank, const int64_t *dims, tn_shape *out)
{
    if (rank < 0 || rank > TN_MAX_RANK - 1)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_from_source: %s_rank is %d, possible are 0 to %d", what, rank,
                       TN_MAX_RANK - 1);
    *out = (tn_shape){.rank = rank + 1, .dims = {count}};
    for (int i = 0; i < rank; i++) {
        out->dims[i + 1] = dims[i];
        if (dims[i] < 1)
            return TN_FAIL(TN_ERR_INVALID, "tn_dataset_from_source: %s_dims[%d] is %" PRId64 ", must be at least 1",
                           what, i, dims[i]);
    }
    return TN_OK;
}

static tn_status from_source(const tn_allocator *allocator, const tn_dataset_source *source, tn_dataset **out)
{
    static const char function[] = "tn_dataset_from_source";
    tn_shape samples, targets;
    tn_dataset *dataset;
    if (out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: out is NULL", function);
    TN_TRY(tn_allocator_check(allocator));
    if (source->count < 0)
        return TN_FAIL(TN_ERR_INVALID, "%s: count is %" PRId64, function, source->count);
    if (source->read == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: read is NULL", function);
    TN_TRY(check_dtypes(function, source->sample_dtype, source->target_dtype));
    TN_TRY(source_shape("sample", source->count, source->sample_rank, source->sample_dims, &samples));
    TN_TRY(source_shape("target", source->count, source->target_rank, source->target_dims, &targets));
    TN_TRY(check_target_rank(function, source->target_dtype, &targets));
    TN_TRY(create(allocator, source->sample_dtype, &samples, source->target_dtype, &targets, &dataset));
    dataset->source = *source;
    *out = dataset;
    return TN_OK;
}

/* A source of a newer program, which is refused, has all the fields that are known here. */
static bool has_destroy(const tn_dataset_source *source)
{
    return source->struct_size >= sizeof *source && source->destroy != NULL;
}

tn_status tn_dataset_from_source(const tn_allocator *allocator, const tn_dataset_source *source, tn_dataset **out)
{
    tn_dataset_source known;
    if (source == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_from_source: source is NULL");
    tn_status status = tn_options_read(&known, sizeof known, source, "tn_dataset_source");
    if (status != TN_OK) {
        if (has_destroy(source))
            source->destroy(source->context);
        return status;
    }
    status = from_source(allocator, &known, out);
    if (status != TN_OK && known.destroy != NULL)
        known.destroy(known.context);
    return status;
}

/* --- the first samples of another */

tn_status tn_dataset_take(tn_dataset *dataset, int64_t count, tn_dataset **out)
{
    tn_dataset *part;
    if (dataset == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_take: %s is NULL", dataset == NULL ? "dataset" : "out");
    if (count < 0 || count > dataset->count)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_take: count is %" PRId64 ", the dataset has %" PRId64 " samples",
                       count, dataset->count);
    tn_shape samples = dataset->sample_shape, targets = dataset->target_shape;
    samples.dims[0] = targets.dims[0] = count;
    TN_TRY(create(&dataset->allocator, dataset->sample_dtype, &samples, dataset->target_dtype, &targets, &part));
    part->samples = dataset->samples;
    part->targets = dataset->targets;
    part->source = dataset->source;
    part->whole = dataset->whole ? dataset->whole : dataset;
    tn_dataset_retain(part->whole);
    *out = part;
    return TN_OK;
}

/* --- life */

void tn_dataset_retain(tn_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
}

static void free_dataset(tn_dataset *dataset)
{
    tn_allocator allocator = dataset->allocator;
    if (dataset->whole != NULL) {
        tn_dataset_destroy(&dataset->whole);
    } else {
        tn_tensor_destroy(&dataset->samples);
        tn_tensor_destroy(&dataset->targets);
        if (dataset->source.destroy != NULL)
            dataset->source.destroy(dataset->source.context);
    }
    tn_release(&allocator, dataset, sizeof *dataset);
}

void tn_dataset_destroy(tn_dataset **dataset)
{
    if (dataset == NULL || *dataset == NULL)
        return;
    if (atomic_fetch_sub_explicit(&(*dataset)->references, 1, memory_order_acq_rel) == 1)
        free_dataset(*dataset);
    *dataset = NULL;
}

/* --- looking */

int64_t tn_dataset_count(const tn_dataset *dataset)
{
    return dataset ? dataset->count : 0;
}

tn_shape tn_dataset_sample_shape(const tn_dataset *dataset)
{
    return dataset ? dataset->sample_shape : (tn_shape){.rank = 0};
}

const void *tn_dataset_sample_at(const tn_dataset *dataset, int64_t index)
{
    if (dataset->samples == NULL)
        return NULL;
    return (const char *)dataset->samples->data + (size_t)index * dataset->sample_bytes;
}

const void *tn_dataset_target_at(const tn_dataset *dataset, int64_t index)
{
    if (dataset->targets == NULL)
        return NULL;
    return (const char *)dataset->targets->data + (size_t)index * dataset->target_bytes;
}

tn_status tn_dataset_read(const tn_dataset *dataset, int64_t index, void *sample, void *target)
{
    if (dataset->samples != NULL) {
        memcpy(sample, tn_dataset_sample_at(dataset, index), dataset->sample_bytes);
        memcpy(target, tn_dataset_target_at(dataset, index), dataset->target_bytes);
        return TN_OK;
    }
    uint64_t before = tn_fail_count();
    tn_status status = dataset->source.read(dataset->source.context, index, sample, target);
    if (status != TN_OK && (tn_last_status() != status || tn_fail_count() == before))
        return TN_FAIL(status, "sample %" PRId64 ": its source gave %s", index, tn_status_name(status));
    return status;
}
