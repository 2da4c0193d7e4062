/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  IDX, plain or gzip, up to a limit: refused, or (plain) the elements are the end of the file. */
#include "fuzz.h"

#define CAP 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meter m;
    tn_allocator allocator = meter_allocator(&m, SIZE_MAX);
    tn_tensor *tensor = NULL;
    bool gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    const char *path = fuzz_file(data, size);
    tn_status status = tn_idx_load(&allocator, path, CAP, &tensor);
    require((status == TN_OK) == (tensor != NULL));
    if (status != TN_OK) {
        require_refusal(status, path);
    } else {
        size_t bytes = tn_tensor_bytes(tensor);
        require(tn_tensor_dtype(tensor) == TN_U8 && bytes <= CAP);
        require(gzip || bytes == 0 || memcmp(tn_tensor_data(tensor), data + size - bytes, bytes) == 0);
    }
    tn_tensor_destroy(&tensor);
    require_memory(&m, gzip ? CAP : 2 * size);
    return 0;
}
