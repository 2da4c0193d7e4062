/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A hash table of names.
 *  Source    hash: Fowler, Noll and Vo, FNV-1a, 64 bits */
#include "model/name_index.h"

#include "base/memory.h"
#include "base/status.h"

#include <string.h>

tn_status tn_name_index_create(const tn_allocator *allocator, size_t count, tn_name_index *out)
{
    tn_name_index index = {.allocator = *allocator, .size = 2};
    while (index.size / 2 < count)
        if (!tn_mul_size(index.size, 2, &index.size))
            return TN_FAIL(TN_ERR_OVERFLOW, "%zu names are too many", count);
    if (index.size > PTRDIFF_MAX / sizeof *index.entries)
        return TN_FAIL(TN_ERR_OVERFLOW, "%zu names are too many", count);
    TN_TRY(tn_alloc(allocator, index.size * sizeof *index.entries, "names", &index.entries));
    *out = index;
    return TN_OK;
}

void tn_name_index_destroy(tn_name_index *index)
{
    if (index->entries != NULL)
        tn_release(&index->allocator, index->entries, index->size * sizeof *index->entries);
    *index = (tn_name_index){0};
}

static size_t hash(const char *name)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != '\0'; c++)
        value = (value ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (size_t)(value ^ value >> 32);
}

/* The name's entry, or the free one where it would be; there is always one, as the table is at most half full. */
static tn_name_entry *place_of(const tn_name_index *index, const char *name)
{
    size_t at = hash(name) & (index->size - 1);
    while (index->entries[at].name != NULL && strcmp(index->entries[at].name, name) != 0)
        at = (at + 1) & (index->size - 1);
    return &index->entries[at];
}

bool tn_name_index_add(tn_name_index *index, const char *name, size_t value)
{
    tn_name_entry *entry = place_of(index, name);
    if (entry->name != NULL)
        return false;
    *entry = (tn_name_entry){name, value};
    return true;
}

bool tn_name_index_find(const tn_name_index *index, const char *name, size_t *out)
{
    const tn_name_entry *entry = place_of(index, name);
    if (entry->name == NULL)
        return false;
    *out = entry->value;
    return true;
}
