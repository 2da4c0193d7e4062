/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What every part shares: status codes, the error detail, the allocator and log hooks, option structs. */
#ifndef TINYNET_BASE_H
#define TINYNET_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TN_API __attribute__((visibility("default")))
#define TN_WARN_UNUSED __attribute__((warn_unused_result))
#define TN_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define TN_API
#define TN_WARN_UNUSED
#define TN_PRINTF(format_index, first)
#endif

/** The result of every fallible function. On any status but TN_OK, outputs and handles are as they were. */
typedef enum tn_status {
    TN_OK = 0,
    TN_ERR_INVALID,     /**< an argument is NULL, out of range or contradicts another */
    TN_ERR_SHAPE,       /**< shapes do not fit each other */
    TN_ERR_OVERFLOW,    /**< a size does not fit its type */
    TN_ERR_TYPE,        /**< a tensor has another element type than asked for */
    TN_ERR_STATE,       /**< the handle is not in a state that allows the call */
    TN_ERR_NO_MEMORY,   /**< the allocator returned NULL */
    TN_ERR_IO,          /**< the system refused to open, read or write; the detail has its reason */
    TN_ERR_FORMAT,      /**< a file is damaged or not of the format */
    TN_ERR_VERSION,     /**< a file is of a version that this library does not know */
    TN_ERR_UNSUPPORTED, /**< valid, but not offered by this library */
    TN_ERR_NON_FINITE,  /**< a loss or a gradient is NaN or infinite, and the caller asked to stop then */
    TN_STOPPED,         /**< the caller asked to stop: not an error, state is complete and can be saved */
    TN_NOT_FOUND        /**< no parameter, layer or key of that name */
} tn_status;

/** Name a status: "TN_ERR_SHAPE"; "unknown status" for other numbers. Never NULL.
 *  Thread    any */
TN_API const char *tn_status_name(tn_status status);

/** Return the detail of the calling thread's last failure: one line without a newline, "" before the first.
 *  It names the layer, the argument and both shapes: `conv2d_3: input has C=3, filters expect C=1`.
 *  The text is valid until the next failure in this thread. Success does not clear it.
 *  Thread    any; each thread has its own */
TN_API const char *tn_last_error(void);

/** Return the status of the calling thread's last failure; TN_OK before the first. Constructors that return NULL
 *  leave their reason here.
 *  Thread    any; each thread has its own */
TN_API tn_status tn_last_status(void);

/** Set the calling thread's error detail, for custom layers and callbacks; returns `status`. */
TN_API tn_status tn_fail(tn_status status, const char *format, ...) TN_PRINTF(2, 3);

/** Where memory comes from. A handle copies the struct when it is created and frees through it what it allocated.
 *  `alloc` returns `size` bytes (size > 0) at a multiple of `alignment` (a power of two), or NULL.
 *  `release` takes back what alloc returned, with the same size; pointer is never NULL.
 *  Thread    both may be called from any thread */
typedef struct tn_allocator {
    void *(*alloc)(void *context, size_t size, size_t alignment);
    void (*release)(void *context, void *pointer, size_t size);
    void *context;
} tn_allocator;

typedef enum tn_log_level { TN_LOG_WARNING = 1, TN_LOG_INFO, TN_LOG_DEBUG } tn_log_level;

/** Where messages go; the library itself prints nothing. NULL `write` drops them. */
typedef struct tn_log {
    void (*write)(void *context, tn_log_level level, const char *message);
    void *context;
} tn_log;

/** Options grow without breaking a program built before: each option struct starts with its size as the caller
 *  knew it; fields that the caller did not know are zero, which is always their default. A caller newer than the
 *  library is refused with TN_ERR_UNSUPPORTED if it sets a field that the library does not know.
 *
 *  TN_OPTIONS(tn_session_options, .batch_size = 32) is a pointer to such a struct, valid in its block.
 *  In C++: `tn_session_options o = {}; o.struct_size = sizeof o;`. */
#define TN_OPTIONS(type, ...) (&(type){.struct_size = sizeof(type), __VA_ARGS__})

/** Tensors have at most this many dimensions. */
#define TN_MAX_RANK 8

#ifdef __cplusplus
}
#endif
#endif
