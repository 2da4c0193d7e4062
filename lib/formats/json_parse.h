/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One pass of the JSON parser over a header, and what it works with. */
#ifndef TN_FORMATS_JSON_PARSE_H
#define TN_FORMATS_JSON_PARSE_H

#include "formats/json_header.h"

/** Run over the text; with `fill`, write tables and strings, otherwise only count.
 *  Errors    as tn_json_header_scan */
TN_WARN_UNUSED tn_status tn_json_header_parse(tn_json_header *header, bool fill, size_t memory_limit);

#endif
