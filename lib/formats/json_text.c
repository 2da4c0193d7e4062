/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Backslashes stand in strings alone, so the text needs no parser to find its escapes. */
#include "formats/json_text.h"

#include "formats/utf8.h"

#include <stdbool.h>
#include <stdint.h>

#define ESCAPE 6 /* characters of \uXXXX */

typedef enum surrogate { NONE, FIRST, SECOND } surrogate;

/* Which half of a surrogate pair stands at `at`, as \uD8.. to \uDF.. in any case. */
static surrogate surrogate_at(const char *text, size_t length, size_t at)
{
    if (length - at < ESCAPE || text[at] != '\\' || text[at + 1] != 'u' || (text[at + 2] | 0x20) != 'd')
        return NONE;
    char digit = text[at + 3];
    if (digit == '8' || digit == '9' || (digit | 0x20) == 'a' || (digit | 0x20) == 'b')
        return FIRST;
    return (digit | 0x20) >= 'c' && (digit | 0x20) <= 'f' ? SECOND : NONE;
}

static bool has_half_pair(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\\')
            continue;
        surrogate half = surrogate_at(text, length, i);
        if (half == SECOND || (half == FIRST && surrogate_at(text, length, i + ESCAPE) != SECOND))
            return true;
        i += half == FIRST ? 2 * ESCAPE - 1 : 1; /* the character behind a backslash is no start of an escape */
    }
    return false;
}

const char *tn_json_text_fault(const char *text, size_t length)
{
    if (!tn_utf8_valid(text, length))
        return "is not UTF-8";
    return has_half_pair(text, length) ? "has half a surrogate pair" : NULL;
}
