/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The system's words for an errno, thread-safe. */
#ifndef TN_FORMATS_SYSTEM_TEXT_H
#define TN_FORMATS_SYSTEM_TEXT_H

#include <stdio.h>
#include <string.h>

typedef struct tn_system_text {
    char text[128];
} tn_system_text;

static inline tn_system_text tn_describe_errno(int error)
{
    tn_system_text out;
    if (strerror_r(error, out.text, sizeof out.text) != 0)
        snprintf(out.text, sizeof out.text, "error %d", error);
    return out;
}

#endif
