/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Formatting one line. */
#include "base/line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MORE "..."

static bool continues_utf8(char byte)
{
    return ((unsigned char)byte & 0xc0u) == 0x80u;
}

/** Put "..." at the end of a text that was cut, in front of a character that would be cut through. */
static void mark_cut(char *line, size_t size)
{
    if (size <= sizeof MORE)
        return;
    size_t end = size - sizeof MORE;
    while (end > 0 && continues_utf8(line[end]))
        end--;
    memcpy(line + end, MORE, sizeof MORE);
}

void tn_format_line(char *line, size_t size, const char *format, va_list arguments)
{
    int length = vsnprintf(line, size, format, arguments);
    if (length < 0)
        line[0] = '\0';
    else if ((size_t)length >= size)
        mark_cut(line, size);
    for (char *at = line; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f)
            *at = '?';
    }
}
