/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The public way to write a safetensors file: the caller's tensors and metadata, with our keys kept apart. */
#include "base/memory.h"
#include "base/status.h"
#include "formats/safetensors.h"
#include "tensor/storage.h"

#include <string.h>

tn_status tn_metadata_check(const char *function, const tn_metadata *metadata, size_t count)
{
    if (count > TN_HEADER_LIMIT || (count > 0 && metadata == NULL))
        return TN_FAIL(TN_ERR_INVALID, "%s: metadata is NULL or far too much", function);
    for (size_t i = 0; i < count; i++) {
        if (metadata[i].key == NULL || metadata[i].value == NULL)
            return TN_FAIL(TN_ERR_INVALID, "%s: metadata %zu has a NULL %s", function, i,
                           metadata[i].key ? "value" : "key");
        if (strncmp(metadata[i].key, "tinynet.", 8) == 0)
            return TN_FAIL(TN_ERR_INVALID, "%s: metadata key %s starts with \"tinynet.\", as only the library's do",
                           function, metadata[i].key);
    }
    return TN_OK;
}

tn_status tn_safetensors_save(const char *path, size_t count, const char *const *names, const tn_tensor *const *tensors,
                              const tn_metadata *metadata, size_t metadata_count)
{
    tn_metadata *all;
    if (path == NULL || (count > 0 && tensors == NULL))
        return TN_FAIL(TN_ERR_INVALID, "tn_safetensors_save: %s is NULL", path == NULL ? "path" : "tensors");
    TN_TRY(tn_metadata_check("tn_safetensors_save", metadata, metadata_count));
    bool given = count > 0 && tensors[0] != NULL;
    tn_allocator allocator = tn_allocator_or_default(given ? &tensors[0]->allocator : NULL);
    size_t bytes = (metadata_count + 1) * sizeof *all;
    TN_TRY(tn_alloc(&allocator, bytes, "a file's metadata", &all));
    all[0] = (tn_metadata){TN_FORMAT_KEY, TN_FORMAT_TENSORS};
    if (metadata_count > 0)
        memcpy(all + 1, metadata, metadata_count * sizeof *all);
    tn_status status = tn_safetensors_write(&allocator, path, count, names, tensors, all, metadata_count + 1);
    tn_release(&allocator, all, bytes);
    return status;
}
