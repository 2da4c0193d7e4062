/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Opening a safetensors file: eight bytes of header length, header, data; and asking what is in it.
 *
 *  A file that this library wrote says so twice, in two keys of its metadata: so no single damaged bit can turn it into
 *  a file of somebody else, which would have no checksum. */
#include "formats/safetensors.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/checksum.h"

#include <inttypes.h>
#include <string.h>

#define LENGTH_BYTES 8
#define MEMORY_SLACK 65536 /* beyond twice the file's size */

static tn_status read_header(tn_safetensors *file)
{
    unsigned char bytes[LENGTH_BYTES];
    tn_json_header *header = &file->header;
    TN_TRY(tn_bytes_read(&file->in, bytes, sizeof bytes, "the header's length"));
    uint64_t size = tn_load_le64(bytes);
    if (size > TN_HEADER_LIMIT || size > tn_bytes_remain(&file->in))
        return TN_FAIL(TN_ERR_FORMAT,
                       "%s: is no safetensors file, or is cut short: header length is %" PRIu64 ", but %" PRIu64
                       " bytes follow and %d are the limit",
                       file->in.path, size, tn_bytes_remain(&file->in), TN_HEADER_LIMIT);
    TN_TRY(tn_alloc_raw(&header->allocator, (size_t)size, "a file's header", &header->text));
    header->size = (size_t)size;
    TN_TRY(tn_bytes_read(&file->in, header->text, size, "the header"));
    header->data_size = tn_bytes_remain(&file->in);
    return TN_OK;
}

/* The CRC-32 of everything, the checksum's own digits taken as zeros. */
static tn_status compute_checksum(const tn_safetensors *file, uint32_t *out)
{
    const tn_json_header *header = &file->header;
    unsigned char bytes[LENGTH_BYTES];
    size_t after = header->checksum + TN_CHECKSUM_DIGITS;
    TN_TRY(tn_bytes_read_at(&file->in, 0, bytes, sizeof bytes, "the header's length"));
    uint32_t crc = tn_checksum_add(0, bytes, sizeof bytes);
    crc = tn_checksum_add(crc, header->text, header->checksum);
    crc = tn_checksum_add(crc, "00000000", TN_CHECKSUM_DIGITS);
    crc = tn_checksum_add(crc, header->text + after, header->size - after);
    TN_TRY(tn_checksum_file(&crc, &file->in));
    *out = crc;
    return TN_OK;
}

static tn_status verify_checksum(const tn_safetensors *file)
{
    const tn_json_header *header = &file->header;
    uint64_t stored = 0;
    uint32_t computed = 0;
    if (header->checksum == 0 && header->has_format)
        return TN_FAIL(TN_ERR_FORMAT, "%s: has " TN_FORMAT_KEY " but no " TN_CHECKSUM_KEY, file->in.path);
    if (header->checksum == 0)
        return TN_OK;
    if (!tn_hex_read(header->text + header->checksum, TN_CHECKSUM_DIGITS, &stored))
        return TN_FAIL(TN_ERR_FORMAT, "%s: " TN_CHECKSUM_KEY " is not eight lower-case hexadecimal digits",
                       file->in.path);
    TN_TRY(compute_checksum(file, &computed));
    if (computed == stored)
        return TN_OK;
    TN_TRY(tn_json_header_check_end(header));
    return TN_FAIL(TN_ERR_FORMAT, "%s: is damaged: its checksum is %08" PRIx32 ", it says %08" PRIx64, file->in.path,
                   computed, stored);
}

/* What the parser may take, so that all together stays below twice the file's size and a little. */
static size_t memory_left(const tn_safetensors *file, size_t taken)
{
    uint64_t limit = 2 * file->in.size + MEMORY_SLACK - sizeof *file - file->path_size;
    /* GCOVR_EXCL_START: no entry's tables are as large as its spelling; this is for tables to come */
    if (limit < taken)
        return 0;
    /* GCOVR_EXCL_STOP */
    return limit - taken > SIZE_MAX ? SIZE_MAX : (size_t)(limit - taken);
}

static tn_status open_file(tn_safetensors *file)
{
    tn_json_header *header = &file->header;
    TN_TRY(tn_bytes_open(&file->in, file->in.path));
    TN_TRY(read_header(file));
    TN_TRY(tn_json_header_scan(header, memory_left(file, header->size)));
    TN_TRY(verify_checksum(file));
    size_t tables = header->count * (sizeof *header->tensors + sizeof *header->by_name) +
                    header->metadata_count * sizeof *header->metadata;
    return tn_json_header_index(header, memory_left(file, header->size + tables));
}

tn_status tn_safetensors_open(const tn_allocator *allocator, const char *path, tn_safetensors **out)
{
    if (path == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_safetensors_open: %s is NULL", path == NULL ? "path" : "out");
    TN_TRY(tn_allocator_check(allocator));
    tn_allocator chosen = tn_allocator_or_default(allocator);
    tn_safetensors *file;
    char *copy;
    TN_TRY(tn_alloc(&chosen, sizeof *file, "a safetensors file", &file));
    file->header.allocator = chosen;
    file->in.fd = -1;
    tn_status status = tn_strdup(&chosen, path, &copy);
    if (status == TN_OK) {
        file->in.path = file->header.path = copy;
        file->path_size = strlen(copy) + 1;
        status = open_file(file);
    }
    if (status == TN_OK)
        *out = file;
    else
        tn_safetensors_close(&file);
    return status;
}

void tn_safetensors_close(tn_safetensors **file)
{
    if (file == NULL || *file == NULL)
        return;
    tn_safetensors *closing = *file;
    tn_allocator allocator = closing->header.allocator;
    tn_bytes_close(&closing->in);
    tn_json_header_free(&closing->header);
    if (closing->path_size > 0)
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes away a const, which -Wcast-qual allows no other way */
        tn_release(&allocator, (char *)(uintptr_t)closing->in.path, closing->path_size);
    tn_release(&allocator, closing, sizeof *closing);
    *file = NULL;
}

size_t tn_safetensors_count(const tn_safetensors *file)
{
    return file ? file->header.count : 0;
}

const char *tn_safetensors_name(const tn_safetensors *file, size_t index)
{
    if (file == NULL || index >= file->header.count)
        return NULL;
    return file->header.text + file->header.tensors[index].name;
}

const char *tn_safetensors_metadata(const tn_safetensors *file, const char *key)
{
    return file && key ? tn_json_header_metadata(&file->header, key) : NULL;
}
