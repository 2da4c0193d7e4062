/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Operations on datasets and loaders. */
#include "machine.h"

static void expect(tn_status status)
{
    if (status != TN_OK)
        require_failure(status);
}

static void keep_dataset(machine *m, tn_status status, tn_dataset *made)
{
    require((status == TN_OK) == (made != NULL));
    expect(status);
    if (made == NULL)
        return;
    tn_dataset_destroy(&m->dataset);
    m->dataset = made;
}

static void dataset(machine *m)
{
    tn_dataset *made = NULL;
    tn_tensor *samples = take_tensor(m), *targets = take_tensor(m);
    tn_status status = tn_dataset_from_tensors(&m->allocator, samples, targets, &made);
    keep_dataset(m, status, made);
}

static tn_status read_sample(void *context, int64_t index, void *sample, void *target)
{
    const machine *m = context;
    if (index == 3 && m->meter.left != 0)
        return tn_fail(TN_ERR_IO, "sample %d cannot be read", (int)index);
    memset(sample, (int)index, 16);
    memset(target, 0, 4);
    return TN_OK;
}

static void source(machine *m)
{
    tn_dataset *made = NULL;
    tn_dataset_source options = {.struct_size = sizeof options, .read = read_sample, .context = m};
    options.count = take_size(m);
    options.sample_dtype = take_bool(m) ? TN_F32 : TN_U8;
    options.sample_rank = 3;
    options.sample_dims[0] = options.sample_dims[1] = options.sample_dtype == TN_F32 ? 2 : 4;
    options.sample_dims[2] = 1;
    options.target_dtype = take_bool(m) ? TN_I32 : TN_F32;
    tn_status status = tn_dataset_from_source(&m->allocator, &options, &made);
    keep_dataset(m, status, made);
}

static void take(machine *m)
{
    tn_dataset *made = NULL;
    tn_status status = tn_dataset_take(m->dataset, take_size(m), &made);
    keep_dataset(m, status, made);
}

static void loader(machine *m)
{
    tn_loader *made = NULL;
    tn_loader_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    options.batch_size = take_size(m);
    options.shuffle = take_bool(m);
    options.drop_last = take_bool(m);
    options.scale = (float)take_real(m);
    options.without_thread = take_byte(m) % 8 != 0;
    if (take_bool(m)) {
        options.resize_height = take_size(m);
        options.resize_width = take_size(m);
    }
    tn_status status = tn_loader_create(m->dataset, &options, &made);
    require((status == TN_OK) == (made != NULL));
    expect(status);
    if (made == NULL)
        return;
    tn_loader_destroy(&m->loader);
    m->loader = made;
}

static void next(machine *m)
{
    const tn_tensor *samples = NULL, *targets = NULL;
    for (int i = take_byte(m) % 4; i >= 0; i--)
        expect(tn_loader_next(m->loader, &samples, &targets));
    if (take_bool(m))
        expect(tn_loader_start(m->loader, take_size(m), take_size(m)));
}

static void checksum(machine *m)
{
    uint32_t crc;
    if (tn_dataset_count(m->dataset) < 5000)
        expect(tn_dataset_checksum(m->dataset, &crc));
    if (take_byte(m) % 4 == 0)
        tn_dataset_destroy(&m->dataset);
    if (take_byte(m) % 8 == 0)
        tn_loader_destroy(&m->loader);
}

operation *const data_operations[] = {dataset, dataset, source, take, loader, loader, next, checksum, NULL};
