/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The C library's allocator as a tn_allocator, and allocations that name themselves when they fail. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "base/memory.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM (4 * HUGE_PAGE) /* smaller buffers do not strain the translation buffers */

static void *default_alloc(void *context, size_t size, size_t alignment)
{
    void *pointer = NULL;
    (void)context;
    if (size >= HUGE_FROM && alignment < HUGE_PAGE)
        alignment = HUGE_PAGE;
    if (posix_memalign(&pointer, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    /* An advice for these pages alone; a system that does not take it does without. Whole pages only: those at the end
     * may be shared with other allocations. */
    if (size >= HUGE_FROM)
        (void)madvise(pointer, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return pointer;
}

static void default_release(void *context, void *pointer, size_t size)
{
    (void)context;
    (void)size;
    free(pointer);
}

tn_allocator tn_allocator_or_default(const tn_allocator *allocator)
{
    return allocator ? *allocator : (tn_allocator){default_alloc, default_release, NULL};
}

tn_status tn_allocator_check(const tn_allocator *allocator)
{
    if (allocator && (!allocator->alloc || !allocator->release))
        return TN_FAIL(TN_ERR_INVALID, "allocator: %s is NULL", allocator->alloc ? "release" : "alloc");
    return TN_OK;
}

tn_status tn_alloc_raw(const tn_allocator *allocator, size_t size, const char *what, void *out_pointer)
{
    tn_allocator from = tn_allocator_or_default(allocator);
    void *pointer = NULL;
    if (size > 0) {
        pointer = size <= PTRDIFF_MAX ? from.alloc(from.context, size, TN_ALIGNMENT) : NULL;
        if (!pointer)
            return TN_FAIL(TN_ERR_NO_MEMORY, "no memory for %s: %zu bytes", what, size);
        if ((uintptr_t)pointer % TN_ALIGNMENT != 0) {
            from.release(from.context, pointer, size);
            return TN_FAIL(TN_ERR_INVALID, "allocator: its memory for %s does not start at a multiple of %d", what,
                           TN_ALIGNMENT);
        }
    }
    memcpy(out_pointer, &pointer, sizeof pointer); /* a pointer to any type of pointer */
    return TN_OK;
}

tn_status tn_alloc(const tn_allocator *allocator, size_t size, const char *what, void *out_pointer)
{
    void *pointer = NULL;
    TN_TRY(tn_alloc_raw(allocator, size, what, &pointer));
    if (pointer)
        memset(pointer, 0, size);
    memcpy(out_pointer, &pointer, sizeof pointer);
    return TN_OK;
}

void tn_release(const tn_allocator *allocator, void *pointer, size_t size)
{
    tn_allocator to = tn_allocator_or_default(allocator);
    if (pointer)
        to.release(to.context, pointer, size);
}

tn_status tn_strdup(const tn_allocator *allocator, const char *text, char **out)
{
    size_t size = strlen(text) + 1;
    TN_TRY(tn_alloc_raw(allocator, size, "a text", out));
    memcpy(*out, text, size);
    return TN_OK;
}
