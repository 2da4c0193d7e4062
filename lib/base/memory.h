/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Memory through the handle's allocator, and sizes that are checked before they are used. */
#ifndef TN_BASE_MEMORY_H
#define TN_BASE_MEMORY_H

#include <tinynet/base.h>

/** Alignment of every buffer that kernels touch. */
#define TN_ALIGNMENT 64

/** The given allocator, or the C library's for NULL. An allocator with alloc but no release (or the reverse) is the
 *  caller's mistake, found by tn_allocator_check. */
tn_allocator tn_allocator_or_default(const tn_allocator *allocator);
TN_WARN_UNUSED tn_status tn_allocator_check(const tn_allocator *allocator);

/** Allocate `size` zeroed bytes, TN_ALIGNMENT aligned. size 0 gives NULL and TN_OK.
 *  Errors    TN_ERR_NO_MEMORY, the detail says for what and how many bytes */
TN_WARN_UNUSED tn_status tn_alloc(const tn_allocator *allocator, size_t size, const char *what, void *out_pointer);
/** As tn_alloc, contents undefined: for large buffers that are written before they are read. */
TN_WARN_UNUSED tn_status tn_alloc_raw(const tn_allocator *allocator, size_t size, const char *what, void *out_pointer);
/** Give back what tn_alloc returned; NULL is fine. */
void tn_release(const tn_allocator *allocator, void *pointer, size_t size);

/** Copy a string; release with tn_release(a, s, strlen(s) + 1). */
TN_WARN_UNUSED tn_status tn_strdup(const tn_allocator *allocator, const char *text, char **out);

/** Checked arithmetic: false if the result does not fit. */
static inline bool tn_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool tn_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool tn_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool tn_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/** Round up to a multiple of TN_ALIGNMENT; the caller has checked that it fits. */
static inline size_t tn_align_up(size_t size)
{
    return (size + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT;
}

#endif
