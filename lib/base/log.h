/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Messages to a handle's log hook. */
#ifndef TN_BASE_LOG_H
#define TN_BASE_LOG_H

#include <tinynet/base.h>

/** Format one line and hand it to the hook; nothing happens without one. */
void tn_log_write(const tn_log *log, tn_log_level level, const char *format, ...) TN_PRINTF(3, 4);

#endif
