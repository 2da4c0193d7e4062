/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  .npy: refused, or the elements are the end of the file. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meter m;
    tn_allocator allocator = meter_allocator(&m, SIZE_MAX);
    tn_tensor *tensor = NULL;
    const char *path = fuzz_file(data, size);
    tn_status status = tn_npy_load(&allocator, path, &tensor);
    require((status == TN_OK) == (tensor != NULL));
    if (status != TN_OK) {
        require_refusal(status, path);
    } else if (tn_tensor_bytes(tensor) > 0) {
        require(tn_tensor_bytes(tensor) < size);
        require(memcmp(tn_tensor_data(tensor), data + size - tn_tensor_bytes(tensor), tn_tensor_bytes(tensor)) == 0);
    }
    tn_tensor_destroy(&tensor);
    require_memory(&m, 2 * size);
    return 0;
}
