/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Writing safetensors. The same names, tensors and metadata in the same order give the same bytes.
 *
 *  The header lists tensors as given; the data has those of 8-byte elements first, then 4, then 1, so that each starts
 *  at a multiple of its element's size: the header is padded with spaces to a multiple of 8. */
#include "base/memory.h"
#include "base/status.h"
#include "formats/atomic_file.h"
#include "formats/checksum.h"
#include "formats/index_sort.h"
#include "formats/safetensors.h"
#include "formats/utf8.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHECKSUM_PREFIX "{\"__metadata__\":{\"" TN_CHECKSUM_KEY "\":\""

/* What is to be written. */
typedef struct job {
    size_t count, metadata_count;
    const char *const *names;
    const tn_tensor *const *tensors;
    const tn_metadata *metadata;
    uint64_t *begins; /* [count]: where each tensor's data starts */
} job;

/* Text that is measured (data NULL) and then written. */
typedef struct text {
    char *data;
    size_t size;
} text;

static void put(text *out, const char *bytes, size_t size)
{
    if (out->data != NULL)
        memcpy(out->data + out->size, bytes, size);
    out->size += size;
}

static void put_word(text *out, const char *word)
{
    put(out, word, strlen(word));
}

static void put_number(text *out, uint64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    put(out, digits, (size_t)length);
}

static void put_string(text *out, const char *string)
{
    put(out, "\"", 1);
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte < 0x20) {
            char escape[6] = {'\\', 'u', '0', '0'};
            tn_hex_write(byte, escape + 4, 2);
            put(out, escape, sizeof escape);
        } else {
            if (byte == '"' || byte == '\\')
                put(out, "\\", 1);
            put(out, string, 1);
        }
    }
    put(out, "\"", 1);
}

static void put_tensor(text *out, const char *name, const tn_tensor *tensor, uint64_t begin)
{
    static const char *const dtypes[] = {[TN_F32] = "F32", [TN_I32] = "I32", [TN_I64] = "I64", [TN_U8] = "U8"};
    put_word(out, ",");
    put_string(out, name);
    put_word(out, ":{\"dtype\":\"");
    put_word(out, dtypes[tensor->dtype]);
    put_word(out, "\",\"shape\":[");
    for (int i = 0; i < tensor->shape.rank; i++) {
        put_word(out, i > 0 ? "," : "");
        put_number(out, (uint64_t)tensor->shape.dims[i]);
    }
    put_word(out, "],\"data_offsets\":[");
    put_number(out, begin);
    put_word(out, ",");
    put_number(out, begin + tn_tensor_bytes(tensor));
    put_word(out, "]}");
}

static void put_header(text *out, const job *work)
{
    put_word(out, CHECKSUM_PREFIX "00000000\"");
    for (size_t i = 0; i < work->metadata_count; i++) {
        put_word(out, ",");
        put_string(out, work->metadata[i].key);
        put_word(out, ":");
        put_string(out, work->metadata[i].value);
    }
    put_word(out, "}");
    for (size_t i = 0; i < work->count; i++)
        put_tensor(out, work->names[i], work->tensors[i], work->begins[i]);
    put_word(out, "}");
    while (out->size % 8 != 0)
        put_word(out, " ");
}

/* Call `visit` for each tensor in the order of the data. */
static tn_status each_in_order(const job *work, tn_status (*visit)(void *context, const job *work, size_t index),
                               void *context)
{
    static const size_t sizes[] = {8, 4, 1};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t i = 0; i < work->count; i++)
            if (tn_dtype_size(work->tensors[i]->dtype) == sizes[s])
                TN_TRY(visit(context, work, i));
    return TN_OK;
}

static tn_status visit_layout(void *context, const job *work, size_t index)
{
    uint64_t *end = context;
    work->begins[index] = *end;
    *end += tn_tensor_bytes(work->tensors[index]);
    return TN_OK;
}

static tn_status visit_checksum(void *context, const job *work, size_t index)
{
    uint32_t *crc = context;
    *crc = tn_checksum_add(*crc, work->tensors[index]->data, tn_tensor_bytes(work->tensors[index]));
    return TN_OK;
}

static tn_status visit_write(void *context, const job *work, size_t index)
{
    return tn_atomic_write(context, work->tensors[index]->data, tn_tensor_bytes(work->tensors[index]));
}

static tn_status write_file(const tn_allocator *allocator, const char *path, const job *work, const text *header)
{
    tn_atomic_file file;
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header->size >> 8 * i);
    uint32_t crc = tn_checksum_add(tn_checksum_add(0, length, sizeof length), header->data, header->size);
    TN_TRY(each_in_order(work, visit_checksum, &crc)); /* GCOVR_EXCL_BR_LINE: this visit cannot fail */
    tn_hex_write(crc, header->data + sizeof CHECKSUM_PREFIX - 1, TN_CHECKSUM_DIGITS);

    TN_TRY(tn_atomic_open(&file, allocator, path));
    tn_status status = tn_atomic_write(&file, length, sizeof length);
    if (status == TN_OK)
        status = tn_atomic_write(&file, header->data, header->size);
    if (status == TN_OK)
        status = each_in_order(work, visit_write, &file);
    if (status == TN_OK)
        return tn_atomic_commit(&file);
    tn_atomic_abort(&file);
    return status;
}

static tn_status write_job(const tn_allocator *allocator, const char *path, const job *work)
{
    text measured = {NULL, 0}, header = {NULL, 0};
    uint64_t end = 0;
    TN_TRY(each_in_order(work, visit_layout, &end)); /* GCOVR_EXCL_BR_LINE: this visit cannot fail */
    put_header(&measured, work);
    if (measured.size > TN_HEADER_LIMIT)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: its header would take %zu bytes, %d are the limit", path, measured.size,
                       TN_HEADER_LIMIT);
    TN_TRY(tn_alloc(allocator, measured.size, "a file's header", &header.data));
    put_header(&header, work);
    tn_status status = write_file(allocator, path, work, &header);
    tn_release(allocator, header.data, measured.size);
    return status;
}

static int compare_names(const void *context, uint32_t a, uint32_t b)
{
    const job *work = context;
    return strcmp(work->names[a], work->names[b]);
}

static int compare_keys(const void *context, uint32_t a, uint32_t b)
{
    const job *work = context;
    return strcmp(work->metadata[a].key, work->metadata[b].key);
}

static tn_status check_unique(const tn_allocator *allocator, const char *path, const job *work)
{
    bool keys[2] = {false, true};
    for (int k = 0; k < 2; k++) {
        size_t count = keys[k] ? work->metadata_count : work->count, twice = 0;
        tn_index_compare *compare = keys[k] ? compare_keys : compare_names;
        uint32_t *order;
        TN_TRY(tn_alloc(allocator, count * sizeof *order, "sorting names", &order));
        for (size_t i = 0; i < count; i++)
            order[i] = (uint32_t)i;
        tn_index_sort(order, count, compare, work);
        for (size_t i = 1; i < count && twice == 0; i++)
            twice = compare(work, order[i - 1], order[i]) == 0 ? i : 0;
        uint32_t which = count > 0 ? order[twice] : 0;
        tn_release(allocator, order, count * sizeof *order);
        if (twice > 0)
            return TN_FAIL(TN_ERR_INVALID, "%s: two %s are named %s", path, keys[k] ? "metadata keys" : "tensors",
                           keys[k] ? work->metadata[which].key : work->names[which]);
    }
    return TN_OK;
}

static tn_status check_job(const char *path, const job *work)
{
    if ((work->count > 0 && (work->names == NULL || work->tensors == NULL)) || work->count > TN_HEADER_LIMIT ||
        work->metadata_count > TN_HEADER_LIMIT)
        return TN_FAIL(TN_ERR_INVALID, "%s: names or tensors are NULL, or far too many", path);
    for (size_t i = 0; i < work->count; i++) {
        if (work->names[i] == NULL || work->tensors[i] == NULL)
            return TN_FAIL(TN_ERR_INVALID, "%s: %s %zu is NULL", path, work->names[i] ? "tensor" : "name", i);
        if (strcmp(work->names[i], "__metadata__") == 0 || !tn_utf8_valid(work->names[i], strlen(work->names[i])))
            return TN_FAIL(TN_ERR_INVALID, "%s: name %zu is __metadata__ or no UTF-8", path, i);
    }
    for (size_t i = 0; i < work->metadata_count; i++)
        if (!tn_utf8_valid(work->metadata[i].key, strlen(work->metadata[i].key)) ||
            !tn_utf8_valid(work->metadata[i].value, strlen(work->metadata[i].value)))
            return TN_FAIL(TN_ERR_INVALID, "%s: metadata %zu is no UTF-8", path, i);
    return TN_OK;
}

tn_status tn_safetensors_write(const tn_allocator *allocator, const char *path, size_t count, const char *const *names,
                               const tn_tensor *const *tensors, const tn_metadata *metadata, size_t metadata_count)
{
    job work = {count, metadata_count, names, tensors, metadata, NULL};
    TN_TRY(check_job(path, &work));
    TN_TRY(check_unique(allocator, path, &work));
    TN_TRY(tn_alloc(allocator, count * sizeof *work.begins, "a file's layout", &work.begins));
    tn_status status = write_job(allocator, path, &work);
    tn_release(allocator, work.begins, count * sizeof *work.begins);
    return status;
}
