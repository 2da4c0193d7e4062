/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Loaders: an order, two buffers (the caller has one while the other is filled; one buffer without a thread), and
 *  where in the epoch they stand.
 *
 *  A batch that fails leaves the loader before it: the next call tries it again. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "data/batch.h"
#include "data/prefetch.h"
#include "data/shuffle.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <math.h>

#define SLOTS 2

/* The buffers of one batch, and the handles on them that the caller gets. */
typedef struct slot {
    float *samples;
    void *targets;
    tn_tensor sample_handle, target_handle;
} slot;

struct tn_loader {
    tn_allocator allocator;
    tn_dataset *dataset; /* retained */
    tn_batch_recipe recipe;
    uint64_t seed;
    int64_t batch_size, batches;
    int64_t epoch, batch;
    int64_t *order; /* NULL without shuffling */
    void *staging;
    slot slots[SLOTS];
    int slot_count, next_slot;
    size_t order_bytes, staging_bytes, sample_bytes, target_bytes;
    tn_prefetch prefetch;
};

/* --- creating */

static tn_status check_options(const tn_loader_options *o)
{
    if (o->batch_size < 1)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_create: batch_size is %" PRId64 ", must be at least 1",
                       o->batch_size);
    if (!isfinite(o->scale))
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_create: scale is %g", (double)o->scale);
    if (o->resize_height < 0 || o->resize_width < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_create: resize is %" PRId64 "x%" PRId64, o->resize_height,
                       o->resize_width);
    return tn_allocator_check(o->allocator);
}

/* A batch has no more rows than the dataset has samples. All products have been checked by tn_batch_plan, or are of
 * what the dataset itself could hold. */
static void measure(tn_loader *loader, bool shuffle)
{
    const tn_batch_recipe *recipe = &loader->recipe;
    int64_t count = loader->dataset->count;
    size_t rows = (size_t)(loader->batch_size < count ? loader->batch_size : count), target = sizeof(float);
    for (int i = 1; i < recipe->targets.rank; i++)
        target *= (size_t)recipe->targets.dims[i];
    loader->sample_bytes = rows * (size_t)recipe->sample_size * sizeof(float);
    loader->target_bytes = rows * target;
    loader->staging_bytes = rows * recipe->staging_bytes;
    loader->order_bytes = shuffle ? (size_t)count * sizeof *loader->order : 0;
}

static tn_status allocate(tn_loader *loader)
{
    const tn_allocator *allocator = &loader->allocator;
    TN_TRY(tn_alloc_raw(allocator, loader->order_bytes, "the order of an epoch", &loader->order));
    TN_TRY(tn_alloc_raw(allocator, loader->staging_bytes, "a batch as it is stored", &loader->staging));
    for (int i = 0; i < loader->slot_count; i++) {
        TN_TRY(tn_alloc_raw(allocator, loader->sample_bytes, "a batch's samples", &loader->slots[i].samples));
        TN_TRY(tn_alloc_raw(allocator, loader->target_bytes, "a batch's targets", &loader->slots[i].targets));
    }
    return TN_OK;
}

/* Samples of batch `number`. */
static int64_t batch_rows(const tn_loader *loader, int64_t number)
{
    int64_t left = loader->dataset->count - number * loader->batch_size;
    return left < loader->batch_size ? left : loader->batch_size;
}

static tn_status make_batch(void *context, int64_t number, int index, const atomic_bool *cancel)
{
    const tn_loader *loader = context;
    return tn_batch_make(&loader->recipe, loader->order, number * loader->batch_size, batch_rows(loader, number),
                         loader->staging, loader->slots[index].samples, loader->slots[index].targets, cancel);
}

static tn_status set_up(tn_loader *loader, const tn_loader_options *o)
{
    float scale = o->scale != 0.0f ? o->scale : 1.0f;
    TN_TRY(tn_batch_plan(loader->dataset, o->batch_size, scale, o->resize_height, o->resize_width, &loader->recipe));
    int64_t count = loader->dataset->count;
    loader->seed = o->seed;
    loader->batch_size = o->batch_size;
    loader->batches = count / o->batch_size + (!o->drop_last && count % o->batch_size > 0);
    loader->slot_count = o->without_thread ? 1 : SLOTS;
    measure(loader, o->shuffle);
    TN_TRY(allocate(loader));
    if (loader->order != NULL)
        tn_shuffle(loader->seed, 0, loader->order, count);
    return tn_prefetch_create(&loader->prefetch, !o->without_thread, make_batch, loader);
}

tn_status tn_loader_create(tn_dataset *dataset, const tn_loader_options *options, tn_loader **out)
{
    tn_loader_options o;
    tn_loader *loader;
    if (dataset == NULL || options == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_create: %s is NULL",
                       dataset == NULL   ? "dataset"
                       : options == NULL ? "options"
                                         : "out");
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_loader_options"));
    TN_TRY(check_options(&o));
    tn_allocator allocator = tn_allocator_or_default(o.allocator);
    TN_TRY(tn_alloc(&allocator, sizeof *loader, "a loader", &loader));
    loader->allocator = allocator;
    loader->dataset = dataset;
    tn_dataset_retain(dataset);
    tn_status status = set_up(loader, &o);
    if (status == TN_OK)
        *out = loader;
    else
        tn_loader_destroy(&loader);
    return status;
}

void tn_loader_destroy(tn_loader **loader)
{
    if (loader == NULL || *loader == NULL)
        return;
    tn_loader *l = *loader;
    tn_allocator allocator = l->allocator;
    tn_prefetch_destroy(&l->prefetch);
    for (int i = 0; i < l->slot_count; i++) {
        tn_release(&allocator, l->slots[i].targets, l->target_bytes);
        tn_release(&allocator, l->slots[i].samples, l->sample_bytes);
    }
    tn_release(&allocator, l->staging, l->staging_bytes);
    tn_release(&allocator, l->order, l->order_bytes);
    tn_dataset_destroy(&l->dataset);
    tn_release(&allocator, l, sizeof *l);
    *loader = NULL;
}

/* --- batches */

/* Have the next batch made, if there is one and it is not on its way. */
static void request_next(tn_loader *loader)
{
    if (loader->batch < loader->batches && !loader->prefetch.requested)
        tn_prefetch_request(&loader->prefetch, loader->batch, loader->next_slot);
}

tn_status tn_loader_start(tn_loader *loader, int64_t epoch, int64_t batch)
{
    if (loader == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_start: loader is NULL");
    if (epoch < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_start: epoch is %" PRId64, epoch);
    if (batch < 0 || batch > loader->batches)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_start: batch is %" PRId64 ", an epoch has %" PRId64, batch,
                       loader->batches);
    if (epoch != loader->epoch || batch != loader->batch)
        tn_prefetch_drop(&loader->prefetch);
    if (epoch != loader->epoch && loader->order != NULL)
        tn_shuffle(loader->seed, epoch, loader->order, loader->dataset->count);
    loader->epoch = epoch;
    loader->batch = batch;
    request_next(loader);
    return TN_OK;
}

/* Handles on a slot whose batch has `rows` rows: structs of the loader's own, so that nothing is allocated. */
static void set_handles(const tn_loader *loader, slot *s, int64_t rows)
{
    tn_shape samples = loader->recipe.samples, targets = loader->recipe.targets;
    samples.dims[0] = targets.dims[0] = rows;
    tn_tensor_borrow(&s->sample_handle, &samples, s->samples);
    tn_tensor_borrow(&s->target_handle, &targets, s->targets);
    s->target_handle.dtype = loader->recipe.target_dtype; /* as long an element as a float */
}

_Static_assert(sizeof(int32_t) == sizeof(float), "one buffer serves targets of both types");

tn_status tn_loader_next(tn_loader *loader, const tn_tensor **samples, const tn_tensor **targets)
{
    if (loader == NULL || samples == NULL || targets == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_loader_next: %s is NULL",
                       loader == NULL    ? "loader"
                       : samples == NULL ? "samples"
                                         : "targets");
    if (loader->batch == loader->batches) {
        *samples = *targets = NULL;
        return TN_OK;
    }
    request_next(loader);
    TN_TRY(tn_prefetch_wait(&loader->prefetch));
    slot *ready = &loader->slots[loader->next_slot];
    set_handles(loader, ready, batch_rows(loader, loader->batch));
    loader->next_slot = (loader->next_slot + 1) % loader->slot_count;
    loader->batch++;
    request_next(loader);
    *samples = &ready->sample_handle;
    *targets = &ready->target_handle;
    return TN_OK;
}

/* --- looking */

int64_t tn_loader_batches(const tn_loader *loader)
{
    return loader ? loader->batches : 0;
}

int64_t tn_loader_epoch(const tn_loader *loader)
{
    return loader ? loader->epoch : 0;
}

int64_t tn_loader_batch(const tn_loader *loader)
{
    return loader ? loader->batch : 0;
}

int64_t tn_loader_batch_size(const tn_loader *loader)
{
    return loader ? loader->batch_size : 0;
}

uint64_t tn_loader_seed(const tn_loader *loader)
{
    return loader ? loader->seed : 0;
}

uint64_t tn_loader_bytes(const tn_loader *loader)
{
    if (loader == NULL)
        return 0;
    return sizeof *loader + loader->order_bytes + loader->staging_bytes +
           (uint64_t)loader->slot_count * (loader->sample_bytes + loader->target_bytes);
}

const tn_dataset *tn_loader_dataset(const tn_loader *loader)
{
    return loader ? loader->dataset : NULL;
}

tn_shape tn_loader_sample_shape(const tn_loader *loader)
{
    return loader ? loader->recipe.samples : (tn_shape){.rank = 0};
}
