/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  NumPy's .npy: magic, version, length of the header, a Python dictionary as text, elements.
 *  Source    NumPy enhancement proposal 1 */
#include "base/memory.h"
#include "base/status.h"
#include "formats/atomic_file.h"
#include "formats/bytes_in.h"
#include "formats/npy_header.h"

#include <tinynet/io.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEADER_LIMIT 65535 /* what version 1.0 can say; rank and types that can be read need 200 */

static tn_status read_length(tn_bytes_in *in, uint32_t *out)
{
    unsigned char start[MAGIC_BYTES + 2], length[4] = {0};
    TN_TRY(tn_bytes_read(in, start, sizeof start, "the magic number"));
    if (memcmp(start, MAGIC, MAGIC_BYTES) != 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: is no .npy file", in->path);
    int major = start[MAGIC_BYTES], minor = start[MAGIC_BYTES + 1];
    if (major < 1 || major > 3 || minor != 0)
        return TN_FAIL(TN_ERR_VERSION, "%s: .npy version %d.%d; 1.0, 2.0 and 3.0 can be read", in->path, major, minor);
    TN_TRY(tn_bytes_read(in, length, major == 1 ? 2 : 4, "the header's length"));
    *out = tn_load_le32(length);
    if (*out > HEADER_LIMIT || *out > tn_bytes_remain(in))
        return TN_FAIL(TN_ERR_FORMAT, "%s: header length is %" PRIu32 ", but %" PRIu64 " bytes follow", in->path, *out,
                       tn_bytes_remain(in));
    return TN_OK;
}

static tn_status read_header(tn_bytes_in *in, const tn_allocator *allocator, tn_npy_header *out)
{
    uint32_t length = 0;
    char *text;
    TN_TRY(read_length(in, &length));
    TN_TRY(tn_alloc(allocator, (size_t)length + 1, "a .npy header", &text));
    tn_status status = tn_bytes_read(in, text, length, "the header");
    if (status == TN_OK)
        status = tn_npy_header_parse(in->path, text, length, out);
    tn_release(allocator, text, (size_t)length + 1);
    return status;
}

static tn_status load(tn_bytes_in *in, const tn_allocator *allocator, tn_tensor **out)
{
    tn_npy_header header;
    tn_tensor *tensor = NULL;
    TN_TRY(read_header(in, allocator, &header));
    if (header.bytes != tn_bytes_remain(in))
        return TN_FAIL(TN_ERR_FORMAT, "%s: elements take %" PRIu64 " bytes, but %" PRIu64 " follow the header",
                       in->path, header.bytes, tn_bytes_remain(in));
    TN_TRY(tn_tensor_create_raw(allocator, header.dtype, &header.shape, &tensor));
    tn_status status = tn_bytes_read(in, tn_tensor_data(tensor), header.bytes, "the elements");
    if (status == TN_OK)
        *out = tensor;
    else
        tn_tensor_destroy(&tensor);
    return status;
}

tn_status tn_npy_load(const tn_allocator *allocator, const char *path, tn_tensor **out)
{
    tn_bytes_in in;
    if (path == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_npy_load: %s is NULL", path == NULL ? "path" : "out");
    TN_TRY(tn_allocator_check(allocator));
    tn_allocator chosen = tn_allocator_or_default(allocator);
    TN_TRY(tn_bytes_open(&in, path));
    tn_status status = load(&in, &chosen, out);
    tn_bytes_close(&in);
    return status;
}

/* The whole start of the file, padded so that the elements begin at a multiple of 64. */
static size_t write_start(const tn_tensor *tensor, char *out, size_t size)
{
    const size_t fixed = MAGIC_BYTES + 4;
    size_t length = tn_npy_header_write(tensor, out + fixed, size - fixed);
    size_t total = (fixed + length + 1 + 63) / 64 * 64;
    memset(out + fixed + length, ' ', total - fixed - length);
    out[total - 1] = '\n';
    memcpy(out, MAGIC "\x01\x00", MAGIC_BYTES + 2);
    out[MAGIC_BYTES + 2] = (char)((total - fixed) & 255);
    out[MAGIC_BYTES + 3] = (char)((total - fixed) >> 8);
    return total;
}

tn_status tn_npy_save(const char *path, const tn_tensor *tensor)
{
    tn_atomic_file file;
    char start[TN_NPY_HEADER_TEXT + 128];
    if (path == NULL || tensor == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_npy_save: %s is NULL", path == NULL ? "path" : "tensor");
    size_t length = write_start(tensor, start, sizeof start);
    TN_TRY(tn_atomic_open(&file, &tensor->allocator, path));
    tn_status status = tn_atomic_write(&file, start, length);
    if (status == TN_OK)
        status = tn_atomic_write(&file, tn_tensor_const_data(tensor), tn_tensor_bytes(tensor));
    if (status == TN_OK)
        return tn_atomic_commit(&file);
    tn_atomic_abort(&file);
    return status;
}
