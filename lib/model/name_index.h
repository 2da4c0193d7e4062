/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  From names to numbers: layers and parameters are looked up by name, and no two may share one. */
#ifndef TN_MODEL_NAME_INDEX_H
#define TN_MODEL_NAME_INDEX_H

#include <tinynet/base.h>

typedef struct tn_name_entry {
    const char *name; /* borrowed; NULL: free */
    size_t value;
} tn_name_entry;

/** A hash table with open addressing, made for a known number of names. */
typedef struct tn_name_index {
    tn_allocator allocator;
    size_t size; /* a power of two, at least twice the number of names */
    tn_name_entry *entries;
} tn_name_index;

/** Errors    TN_ERR_NO_MEMORY, TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_name_index_create(const tn_allocator *allocator, size_t count, tn_name_index *out);
/** A zeroed index is fine. */
void tn_name_index_destroy(tn_name_index *index);
/** Add a name, which stays where it is as long as the index; false if it is there already. */
bool tn_name_index_add(tn_name_index *index, const char *name, size_t value);
bool tn_name_index_find(const tn_name_index *index, const char *name, size_t *out);

#endif
