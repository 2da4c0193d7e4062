/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The CRC-32 of a dataset: sample 0, target 0, sample 1, ... as they lie in memory. Cutting the same samples into
 *  tensors or making them by a callback gives the same number.
 *  Source    ISO 3309, as in RFC 1952 */
#include "base/memory.h"
#include "base/status.h"
#include "data/dataset.h"

#include <zlib.h>

static uint32_t add(uint32_t crc, const void *data, size_t size)
{
    return (uint32_t)crc32_z(crc, data, size);
}

static uint32_t of_tensors(const tn_dataset *dataset)
{
    uint32_t crc = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        crc = add(crc, tn_dataset_sample_at(dataset, i), dataset->sample_bytes);
        crc = add(crc, tn_dataset_target_at(dataset, i), dataset->target_bytes);
    }
    return crc;
}

static tn_status of_source(const tn_dataset *dataset, void *sample, void *target, uint32_t *out)
{
    uint32_t crc = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        TN_TRY(tn_dataset_read(dataset, i, sample, target));
        crc = add(crc, sample, dataset->sample_bytes);
        crc = add(crc, target, dataset->target_bytes);
    }
    *out = crc;
    return TN_OK;
}

tn_status tn_dataset_checksum(const tn_dataset *dataset, uint32_t *out)
{
    void *sample, *target = NULL;
    if (dataset == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_checksum: %s is NULL", dataset == NULL ? "dataset" : "out");
    if (dataset->samples != NULL) {
        *out = of_tensors(dataset);
        return TN_OK;
    }
    TN_TRY(tn_alloc(&dataset->allocator, dataset->sample_bytes, "a sample", &sample));
    tn_status status = tn_alloc(&dataset->allocator, dataset->target_bytes, "a target", &target);
    if (status == TN_OK)
        status = of_source(dataset, sample, target, out);
    tn_release(&dataset->allocator, target, dataset->target_bytes);
    tn_release(&dataset->allocator, sample, dataset->sample_bytes);
    return status;
}
