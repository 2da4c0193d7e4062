/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets and loaders, with and without the loader's thread. */
#include "scenarios.h"

static void pictures(world *w)
{
    make_batch(w, 13, 8);
}

static void dataset(world *w)
{
    pictures(w);
    ck_ok(tn_dataset_from_tensors(&w->allocator, w->x, w->targets, &w->dataset));
}

static tn_status read_epoch(world *w)
{
    const tn_tensor *samples, *targets;
    uint64_t hash = 0;
    TRY(tn_loader_start(w->loader, 1, 0));
    for (;;) {
        TRY(tn_loader_next(w->loader, &samples, &targets));
        if (samples == NULL)
            break;
        hash = bits_of_tensor(bits_of_tensor(hash, samples), targets);
    }
    w->outcome = hash;
    return TN_OK;
}

static tn_status load(world *w, bool without_thread)
{
    if (w->loader == NULL)
        TRY(tn_loader_create(w->dataset,
                             TN_OPTIONS(tn_loader_options, .batch_size = 5, .shuffle = true, .seed = 4,
                                        .resize_height = 12, .resize_width = 10, .scale = 0.5f,
                                        .without_thread = without_thread, .allocator = &w->allocator),
                             &w->loader));
    return read_epoch(w);
}

static tn_status load_with_thread(world *w)
{
    return load(w, false);
}

static tn_status load_without_thread(world *w)
{
    return load(w, true);
}

/* --- samples from a callback, whose context is taken over, on failure too */

static tn_status read_sample(void *context, int64_t index, void *sample, void *target)
{
    for (int i = 0; i < 6; i++)
        ((float *)sample)[i] = *(const float *)context * (float)(index + i);
    *(int32_t *)target = (int32_t)(index % 3);
    return TN_OK;
}

static tn_status from_source(world *w)
{
    tn_dataset_source source = {.struct_size = sizeof source,
                                .count = 9,
                                .sample_dtype = TN_F32,
                                .sample_rank = 1,
                                .sample_dims = {6},
                                .target_dtype = TN_I32,
                                .read = read_sample,
                                .destroy = free};
    if (w->dataset == NULL) {
        source.context = world_own_memory(sizeof(float));
        *(float *)source.context = 0.75f;
        TRY(tn_dataset_from_source(&w->allocator, &source, &w->dataset));
    }
    if (w->loader == NULL)
        TRY(tn_loader_create(w->dataset, TN_OPTIONS(tn_loader_options, .batch_size = 4, .allocator = &w->allocator),
                             &w->loader));
    return read_epoch(w);
}

static tn_status take_and_check(world *w)
{
    uint32_t checksum;
    tn_dataset *part = NULL;
    TRY(tn_dataset_take(w->dataset, 7, &part));
    tn_status status = tn_dataset_checksum(part, &checksum);
    tn_dataset_destroy(&part);
    if (status == TN_OK)
        w->outcome = checksum;
    return status;
}

static tn_status over_tensors(world *w)
{
    return tn_dataset_from_tensors(&w->allocator, w->x, w->targets, &w->dataset);
}

const scenario data_scenarios[] = {
    {"a dataset over tensors", pictures, over_tensors, true},
    {"part of a dataset and its checksum", dataset, take_and_check, true},
    {"a loader with its thread", dataset, load_with_thread, false},
    {"a loader without a thread", dataset, load_without_thread, false},
    {"a loader over a callback", NULL, from_source, false},
    SCENARIO_END,
};
