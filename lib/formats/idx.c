/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  IDX, the format of MNIST: 0, 0, a type, a rank, big-endian dimensions, elements.
 *  Source    LeCun, Cortes and Burges, the MNIST database: file format */
#include "base/memory.h"
#include "base/status.h"
#include "formats/file_shape.h"
#include "formats/gzip_in.h"

#include <tinynet/io.h>

#include <inttypes.h>
#include <string.h>

#define IDX_U8 0x08

/* Where the bytes come from: gzip NULL for a plain file. */
typedef struct source {
    tn_bytes_in file;
    tn_gzip_in *gzip;
} source;

static tn_status source_open(source *in, const tn_allocator *allocator, const char *path)
{
    unsigned char magic[2] = {0, 0};
    in->gzip = NULL;
    TN_TRY(tn_bytes_open(&in->file, path));
    tn_status status = tn_bytes_read_at(&in->file, 0, magic, sizeof magic, "the magic number");
    if (status == TN_OK && magic[0] == 0x1f && magic[1] == 0x8b)
        status = tn_gzip_open(allocator, &in->file, &in->gzip);
    if (status != TN_OK)
        tn_bytes_close(&in->file);
    return status;
}

static void source_close(source *in)
{
    tn_gzip_close(&in->gzip);
    tn_bytes_close(&in->file);
}

static tn_status source_read(source *in, void *out, uint64_t size, const char *what)
{
    return in->gzip ? tn_gzip_read(in->gzip, out, size, what) : tn_bytes_read(&in->file, out, size, what);
}

static tn_status source_finish(source *in)
{
    if (in->gzip)
        return tn_gzip_finish(in->gzip);
    if (tn_bytes_remain(&in->file) > 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: %" PRIu64 " bytes after the last element", in->file.path,
                       tn_bytes_remain(&in->file));
    return TN_OK;
}

static tn_status check_magic(const char *path, const unsigned char magic[4])
{
    if (magic[0] != 0 || magic[1] != 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: is no IDX file: starts with %02x %02x, not 00 00", path, magic[0], magic[1]);
    bool other = magic[2] == 0x09 || (magic[2] >= 0x0b && magic[2] <= 0x0e);
    if (magic[2] != IDX_U8)
        return TN_FAIL(other ? TN_ERR_UNSUPPORTED : TN_ERR_FORMAT,
                       "%s: IDX element type is 0x%02x, only 0x08 (unsigned byte) can be read", path, magic[2]);
    if (magic[3] == 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: IDX file has no dimensions", path);
    if (magic[3] > TN_MAX_RANK)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: IDX file has %d dimensions, at most %d are possible", path, magic[3],
                       TN_MAX_RANK);
    return TN_OK;
}

static tn_status read_shape(source *in, tn_shape *shape)
{
    unsigned char magic[4], dims[4 * TN_MAX_RANK];
    TN_TRY(source_read(in, magic, sizeof magic, "the magic number"));
    TN_TRY(check_magic(in->file.path, magic));
    *shape = (tn_shape){.rank = magic[3]};
    TN_TRY(source_read(in, dims, 4 * (size_t)shape->rank, "the dimensions"));
    for (int i = 0; i < shape->rank; i++) {
        shape->dims[i] = tn_load_be32(dims + 4 * i);
        if (i > 0 && shape->dims[i] == 0)
            return TN_FAIL(TN_ERR_FORMAT, "%s: IDX dimension %d is 0", in->file.path, i);
    }
    return TN_OK;
}

/* Elements that the file promises, compared with what it can hold, before memory is asked for. */
static tn_status check_size(const source *in, const tn_shape *shape, uint64_t max_bytes, uint64_t *out)
{
    int64_t elements = 1;
    for (int i = 0; i < shape->rank; i++)
        if (!tn_mul_i64(elements, shape->dims[i], &elements))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: IDX dimensions do not fit 64 bits", in->file.path);
    uint64_t size = (uint64_t)elements, left = tn_bytes_remain(&in->file);
    if (in->gzip ? size / TN_DEFLATE_RATIO > in->file.size : size > left)
        return TN_FAIL(TN_ERR_FORMAT, "%s: promises %" PRIu64 " bytes of elements, which its %" PRIu64 " cannot hold",
                       in->file.path, size, in->file.size);
    if (size > max_bytes)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: elements take %" PRIu64 " bytes, the limit is %" PRIu64, in->file.path,
                       size, max_bytes);
    *out = size;
    return tn_file_shape_check(in->file.path, shape);
}

static tn_status load(source *in, const tn_allocator *allocator, uint64_t max_bytes, tn_tensor **out)
{
    tn_shape shape;
    uint64_t size = 0;
    tn_tensor *tensor = NULL;
    TN_TRY(read_shape(in, &shape));
    TN_TRY(check_size(in, &shape, max_bytes, &size));
    TN_TRY(tn_tensor_create_raw(allocator, TN_U8, &shape, &tensor));
    tn_status status = source_read(in, tn_tensor_data(tensor), size, "the elements");
    if (status == TN_OK)
        status = source_finish(in);
    if (status == TN_OK)
        *out = tensor;
    else
        tn_tensor_destroy(&tensor);
    return status;
}

tn_status tn_idx_load(const tn_allocator *allocator, const char *path, uint64_t max_bytes, tn_tensor **out)
{
    source in;
    if (path == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_idx_load: %s is NULL", path == NULL ? "path" : "out");
    TN_TRY(tn_allocator_check(allocator));
    TN_TRY(source_open(&in, allocator, path));
    tn_status status = load(&in, allocator, max_bytes == 0 ? (uint64_t)1 << 32 : max_bytes, out);
    source_close(&in);
    return status;
}
