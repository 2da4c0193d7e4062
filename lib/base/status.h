/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The one macro that originates errors and the one that forwards them. No other code does either. */
#ifndef TN_BASE_STATUS_H
#define TN_BASE_STATUS_H

#include <tinynet/base.h>

/** Fail: set the thread's detail (printf style, one line) and give the status, as in `return TN_FAIL(...)`. The status,
 *  which has no side effects, is spelled twice so that analyzers see that this is never TN_OK. */
#define TN_FAIL(status, ...) ((void)tn_fail((status), __VA_ARGS__), (status))

/** How often this thread's detail has been set. A callback of the caller's that fails has said why if the number went
 * up meanwhile; the text alone does not tell, as it may say the same again. */
uint64_t tn_fail_count(void);

/** Forward a failure untouched. */
#define TN_TRY(expression)                                                                                             \
    do {                                                                                                               \
        tn_status status_ = (expression);                                                                              \
        if (status_ != TN_OK)                                                                                          \
            return status_;                                                                                            \
    } while (0)

#endif
