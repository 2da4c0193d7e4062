/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Is a string UTF-8? JSON has to be. */
#ifndef TN_FORMATS_UTF8_H
#define TN_FORMATS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** True for well-formed UTF-8: shortest forms, no surrogates, nothing beyond U+10FFFF.
 *  Source    RFC 3629, section 4 */
bool tn_utf8_valid(const char *text, size_t length);

#endif
