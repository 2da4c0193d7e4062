/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Two passes: the first checks and counts, the second fills tables of exactly the right size. */
#include "formats/json_header.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/index_sort.h"
#include "formats/json_parse.h"
#include "formats/json_text.h"

#include <inttypes.h>
#include <string.h>

tn_status tn_json_header_scan(tn_json_header *header, size_t memory_limit)
{
    const char *fault = tn_json_text_fault(header->text, header->size);
    if (fault != NULL)
        return TN_FAIL(TN_ERR_FORMAT, "%s: header %s", header->path, fault);
    return tn_json_header_parse(header, false, memory_limit);
}

static const char *name_of(const tn_json_header *header, uint32_t index)
{
    return header->text + header->tensors[index].name;
}

static int by_data(const void *context, uint32_t a, uint32_t b)
{
    const tn_header_tensor *x = &((const tn_json_header *)context)->tensors[a];
    const tn_header_tensor *y = &((const tn_json_header *)context)->tensors[b];
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *context, uint32_t a, uint32_t b)
{
    return strcmp(name_of(context, a), name_of(context, b));
}

static int by_key(const void *context, uint32_t a, uint32_t b)
{
    const char *text = ((const tn_json_header *)context)->text;
    return strcmp(text + a, text + b);
}

tn_status tn_json_header_check_end(const tn_json_header *header)
{
    if (header->tensors_end > header->data_size)
        return TN_FAIL(TN_ERR_FORMAT, "%s: is cut short: its tensors end at byte %" PRIu64 " of the data, which has %" PRIu64,
                       header->path, header->tensors_end, header->data_size);
    return TN_OK;
}

/* Every byte of the data belongs to exactly one tensor. */
static tn_status check_tiling(const tn_json_header *header)
{
    uint64_t end = 0;
    for (size_t i = 0; i < header->count; i++) {
        const tn_header_tensor *tensor = &header->tensors[header->by_name[i]];
        if (tensor->begin != end)
            return TN_FAIL(TN_ERR_FORMAT,
                           "%s: tensor %s starts at byte %" PRIu64 " of the data, expected %" PRIu64 " (%s)",
                           header->path, header->text + tensor->name, tensor->begin, end,
                           tensor->begin > end ? "a hole" : "an overlap");
        end = tensor->end;
    }
    TN_TRY(tn_json_header_check_end(header));
    if (end != header->data_size)
        return TN_FAIL(TN_ERR_FORMAT, "%s: goes on behind its tensors: they end at byte %" PRIu64 " of the data, which has "
                       "%" PRIu64, header->path, end, header->data_size);
    return TN_OK;
}

static tn_status check_unique(const tn_json_header *header)
{
    for (size_t i = 1; i < header->count; i++)
        if (by_name(header, header->by_name[i - 1], header->by_name[i]) == 0)
            return TN_FAIL(TN_ERR_FORMAT, "%s: two tensors are named %s", header->path,
                           name_of(header, header->by_name[i]));
    for (size_t i = 1; i < header->metadata_count; i++)
        if (by_key(header, header->metadata[i - 1], header->metadata[i]) == 0)
            return TN_FAIL(TN_ERR_FORMAT, "%s: __metadata__ has the key %s twice", header->path,
                           header->text + header->metadata[i]);
    return TN_OK;
}

/* Counts are below TN_HEADER_LIMIT, so the sizes fit. */
static tn_status allocate_tables(tn_json_header *header)
{
    const tn_allocator *allocator = &header->allocator;
    TN_TRY(tn_alloc(allocator, header->count * sizeof *header->tensors, "a file's tensors", &header->tensors));
    TN_TRY(tn_alloc(allocator, header->count * sizeof *header->by_name, "a file's tensors", &header->by_name));
    return tn_alloc(allocator, header->metadata_count * sizeof *header->metadata, "a file's metadata",
                    &header->metadata);
}

tn_status tn_json_header_index(tn_json_header *header, size_t memory_limit)
{
    TN_TRY(allocate_tables(header));
    TN_TRY(tn_json_header_parse(header, true, memory_limit));
    for (size_t i = 0; i < header->count; i++)
        header->by_name[i] = (uint32_t)i;
    tn_index_sort(header->by_name, header->count, by_data, header);
    TN_TRY(check_tiling(header));
    tn_index_sort(header->by_name, header->count, by_name, header);
    tn_index_sort(header->metadata, header->metadata_count, by_key, header);
    return check_unique(header);
}

void tn_json_header_free(tn_json_header *header)
{
    const tn_allocator *allocator = &header->allocator;
    if (header->metadata != NULL)
        tn_release(allocator, header->metadata, header->metadata_count * sizeof *header->metadata);
    if (header->by_name != NULL)
        tn_release(allocator, header->by_name, header->count * sizeof *header->by_name);
    if (header->tensors != NULL)
        tn_release(allocator, header->tensors, header->count * sizeof *header->tensors);
    if (header->text != NULL)
        tn_release(allocator, header->text, header->size);
    header->metadata = header->by_name = NULL;
    header->tensors = NULL;
    header->text = NULL;
}

bool tn_json_header_find(const tn_json_header *header, const char *name, size_t *index)
{
    for (size_t low = 0, high = header->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, name_of(header, header->by_name[middle]));
        if (order == 0) {
            *index = header->by_name[middle];
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

const char *tn_json_header_metadata(const tn_json_header *header, const char *key)
{
    for (size_t low = 0, high = header->metadata_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const char *found = header->text + header->metadata[middle];
        int order = strcmp(key, found);
        if (order == 0)
            return found + strlen(found) + 1;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* The text has been checked: integers that fit, with white space and commas between them, which sort before digits. */
void tn_json_header_dims(const tn_json_header *header, const tn_header_tensor *tensor, uint32_t count, int64_t *dims)
{
    const char *text = header->text + tensor->shape;
    for (uint32_t i = 0; i < count && i < tensor->rank; i++) {
        while (*text < '0')
            text++;
        for (dims[i] = 0; *text >= '0' && *text <= '9'; text++)
            dims[i] = dims[i] * 10 + (*text - '0');
    }
}
