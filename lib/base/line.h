/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One line of text for a person, whatever the arguments hold: error details and log messages. */
#ifndef TN_BASE_LINE_H
#define TN_BASE_LINE_H

#include <stdarg.h>
#include <stddef.h>

/** Format into line[size]. Control characters become '?', what does not fit ends in "..." at a whole character. */
void tn_format_line(char *line, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
