/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Blocks that remember their size. */
#include "formats/foreign.h"

#include "base/memory.h"

#include <string.h>

#define BLOCK_ALIGNMENT 16

struct tn_foreign_block {
    tn_foreign_block *next, *previous;
    size_t size; /* of the whole block, this header included */
    size_t padding;
};

_Static_assert(sizeof(tn_foreign_block) % BLOCK_ALIGNMENT == 0, "what follows the header must be aligned");

void tn_foreign_init(tn_foreign *memory, const tn_allocator *allocator, size_t limit)
{
    *memory = (tn_foreign){.allocator = tn_allocator_or_default(allocator), .limit = limit};
}

/* The hooks are called directly: a failure here is reported by whoever runs the library, with the file's name. */
void *tn_foreign_malloc(tn_foreign *memory, size_t size)
{
    size_t total;
    memory->over_limit = !tn_add_size(size, sizeof(tn_foreign_block), &total) || total > memory->limit - memory->used;
    if (memory->over_limit)
        return NULL;
    tn_foreign_block *block = memory->allocator.alloc(memory->allocator.context, total, BLOCK_ALIGNMENT);
    if (block == NULL)
        return NULL;
    *block = (tn_foreign_block){.next = memory->blocks, .size = total};
    if (memory->blocks != NULL)
        memory->blocks->previous = block;
    memory->blocks = block;
    memory->used += total;
    return block + 1;
}

void tn_foreign_free(tn_foreign *memory, void *pointer)
{
    if (pointer == NULL)
        return;
    tn_foreign_block *block = (tn_foreign_block *)pointer - 1;
    if (block->previous != NULL)
        block->previous->next = block->next;
    else
        memory->blocks = block->next;
    if (block->next != NULL)
        block->next->previous = block->previous;
    memory->used -= block->size;
    memory->allocator.release(memory->allocator.context, block, block->size);
}

void *tn_foreign_realloc(tn_foreign *memory, void *pointer, size_t size)
{
    void *moved = tn_foreign_malloc(memory, size);
    if (moved == NULL || pointer == NULL)
        return moved;
    size_t old = ((const tn_foreign_block *)pointer - 1)->size - sizeof(tn_foreign_block);
    memcpy(moved, pointer, old < size ? old : size);
    tn_foreign_free(memory, pointer);
    return moved;
}

void tn_foreign_clear(tn_foreign *memory)
{
    while (memory->blocks != NULL)
        tn_foreign_free(memory, memory->blocks + 1);
}
