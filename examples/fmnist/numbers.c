/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The C library's conversions, without the blanks, signs and rests that they let pass. */
#include "numbers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool parse_integer(const char *text, int64_t *out)
{
    char *end;
    if (!is_digit(text[0]) && !((text[0] == '-' || text[0] == '+') && is_digit(text[1])))
        return false;
    *out = strtoll(text, &end, 10);
    return *end == '\0';
}

bool parse_unsigned(const char *text, uint64_t *out)
{
    char *end;
    if (!is_digit(text[0]))
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

bool parse_real(const char *text, double *out)
{
    char *end;
    const char *number = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (!is_digit(number[0]) && !(number[0] == '.' && is_digit(number[1])))
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}
