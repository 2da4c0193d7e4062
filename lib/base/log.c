/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The log hook. */
#include "base/log.h"

#include "base/line.h"

#define MESSAGE_SIZE 512

void tn_log_write(const tn_log *log, tn_log_level level, const char *format, ...)
{
    char line[MESSAGE_SIZE];
    if (!log || !log->write)
        return;
    va_list arguments;
    va_start(arguments, format);
    tn_format_line(line, sizeof line, format, arguments);
    va_end(arguments);
    log->write(log->context, level, line);
}
