/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Option structs of any age. */
#include "base/options.h"

#include "base/status.h"

#include <string.h>

#define SIZE_LIMIT 4096 /* beyond what any option struct will be: the field was never set */

/** True if bytes [from, to) are all zero. */
static bool all_zero(const unsigned char *bytes, size_t from, size_t to)
{
    while (from < to && bytes[from] == 0)
        from++;
    return from >= to;
}

tn_status tn_options_read(void *known, size_t known_size, const void *options, const char *what)
{
    size_t given = known_size;
    if (options)
        memcpy(&given, options, sizeof given);
    if (given < sizeof given || given > SIZE_LIMIT)
        return TN_FAIL(TN_ERR_INVALID, "%s: struct_size is %zu, set it to sizeof(%s)", what, given, what);
    if (options && given > known_size && !all_zero(options, known_size, given))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: a field beyond the first %zu bytes is set, which this version lacks",
                       what, known_size);
    memset(known, 0, known_size);
    if (options)
        memcpy(known, options, given < known_size ? given : known_size);
    memcpy(known, &known_size, sizeof known_size);
    return TN_OK;
}
