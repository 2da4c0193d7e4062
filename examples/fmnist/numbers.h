/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Numbers in text: all of it, or false. */
#ifndef EXAMPLES_NUMBERS_H
#define EXAMPLES_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/** Read a decimal integer, with a sign or without. One that does not fit becomes the nearest that does: ranges are
 *  narrower and refuse it. */
bool parse_integer(const char *text, int64_t *out);
bool parse_unsigned(const char *text, uint64_t *out); /**< digits only, and it must fit */
bool parse_real(const char *text, double *out);       /**< finite */

#endif
