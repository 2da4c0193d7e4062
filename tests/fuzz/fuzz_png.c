/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  PNG, up to a limit. The checksums of the chunks are made right first, as no fuzzer guesses them. */
#include "fuzz.h"

#include <zlib.h>

#define CAP 4096 /* pixels */
#define BYTES_PER_PIXEL                                                                                                \
    24 /* four channels for the caller, two rows of 8-byte pixels for libpng, and the same again                       \
        */
#define SIGNATURE 8
#define CHUNK_FRAME 12 /* length, type, checksum */

static size_t load_be32(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

static void mend_checksums(uint8_t *file, size_t size)
{
    for (size_t at = SIGNATURE; at <= size && size - at >= CHUNK_FRAME;) {
        size_t length = load_be32(file + at);
        if (length > size - at - CHUNK_FRAME)
            return;
        uint32_t crc = (uint32_t)crc32(0, file + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++)
            file[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += CHUNK_FRAME + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int channels[] = {1, 3, 4};
    meter m;
    tn_allocator allocator = meter_allocator(&m, SIZE_MAX);
    tn_tensor *tensor = NULL;
    uint8_t *file = malloc(size + 1);
    require(file != NULL);
    if (size > 0)
        memcpy(file, data, size);
    mend_checksums(file, size);
    const char *path = fuzz_file(file, size);
    free(file);
    int wanted = channels[size > 0 ? data[size - 1] % 3 : 0];
    tn_status status = tn_png_load(&allocator, path, wanted, CAP, &tensor);
    require((status == TN_OK) == (tensor != NULL));
    if (status != TN_OK)
        require_refusal(status, path);
    else
        require(tn_tensor_rank(tensor) == 3 && tn_tensor_dim(tensor, 2) == wanted && tn_tensor_size(tensor) <= CAP * 4);
    tn_tensor_destroy(&tensor);
    require_memory(&m, CAP * BYTES_PER_PIXEL);
    return 0;
}
