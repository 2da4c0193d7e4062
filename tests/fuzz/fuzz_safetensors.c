/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  safetensors, with and without our checksum: refused, or everything that is listed can be asked for. */
#include "fuzz.h"

static void load_all(tn_safetensors *file, const char *path, size_t size)
{
    for (size_t i = 0; i < tn_safetensors_count(file); i++) {
        tn_tensor *tensor = NULL;
        const char *name = tn_safetensors_name(file, i);
        require(name != NULL);
        tn_status status = tn_safetensors_load(file, name, &tensor);
        require((status == TN_OK) == (tensor != NULL));
        if (status != TN_OK)
            require_refusal(status, path);
        require(tn_tensor_bytes(tensor) <= size);
        tn_tensor_destroy(&tensor);
    }
    require(tn_safetensors_name(file, tn_safetensors_count(file)) == NULL);
    static const char *const keys[] = {"", "format", "tinynet.checksum", "tinynet.format", "\xff"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = tn_safetensors_metadata(file, keys[i]);
        require(value == NULL || strlen(value) <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meter m;
    tn_allocator allocator = meter_allocator(&m, SIZE_MAX);
    tn_safetensors *file = NULL;
    const char *path = fuzz_file(data, size);
    tn_status status = tn_safetensors_open(&allocator, path, &file);
    require((status == TN_OK) == (file != NULL));
    if (status != TN_OK)
        require_refusal(status, path);
    else
        load_all(file, path, size);
    tn_safetensors_close(&file);
    require_memory(&m, 2 * size);
    return 0;
}
