/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What JSON asks of its text and yajl lets pass: it accepts overlong UTF-8, and makes something of half a surrogate
 * pair, so that two programs could read two names. */
#ifndef TN_FORMATS_JSON_TEXT_H
#define TN_FORMATS_JSON_TEXT_H

#include <stddef.h>

/** Say what is wrong with the text of a JSON document; NULL for nothing that yajl would not see.
 *  Source    RFC 8259, sections 7 and 8 */
const char *tn_json_text_fault(const char *text, size_t length);

#endif
