/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Memory for libraries that free and resize without telling the size (zlib, libpng, yajl), on our allocator.
 *
 *  Every block is on a list and starts with its size, so that a parse that ends in the middle (longjmp) leaks nothing:
 *  tn_foreign_clear takes back what the library still held. */
#ifndef TN_FORMATS_FOREIGN_H
#define TN_FORMATS_FOREIGN_H

#include <tinynet/base.h>

typedef struct tn_foreign_block tn_foreign_block;

typedef struct tn_foreign {
    tn_allocator allocator;
    tn_foreign_block *blocks;
    size_t used, limit; /* bytes; beyond the limit allocation fails */
    bool over_limit;    /* the last failure was the limit's, not the allocator's */
} tn_foreign;

void tn_foreign_init(tn_foreign *memory, const tn_allocator *allocator, size_t limit);
/** Allocate, 16-byte aligned, contents undefined; NULL on failure. Sets no error detail. */
void *tn_foreign_malloc(tn_foreign *memory, size_t size);
/** As realloc: the old block stays valid if NULL is returned. */
void *tn_foreign_realloc(tn_foreign *memory, void *pointer, size_t size);
void tn_foreign_free(tn_foreign *memory, void *pointer); /**< NULL is fine */
void tn_foreign_clear(tn_foreign *memory);               /**< free every block */

#endif
