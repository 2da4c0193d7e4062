/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a program says: results on standard output, everything else on standard error, a line at a time. */
#ifndef EXAMPLES_REPORT_H
#define EXAMPLES_REPORT_H

#include <tinynet/tinynet.h>

/** Name the program for the lines that follow: the last part of argv[0] does not matter, its own name does. */
void report_name(const char *program);

/** Print "program: ..." on standard error. */
void report(const char *format, ...) TN_PRINTF(1, 2);

/** Print "program: ..." and return FMNIST_REFUSED. */
int report_refusal(const char *format, ...) TN_PRINTF(1, 2);

/** Print the library's last failure after `what` and return FMNIST_FAILED. */
int report_failure(const char *what);

/** Print on standard output and flush; false, with errno set, if it could not be written. */
bool report_result(const char *format, ...) TN_PRINTF(1, 2);

/** Say why a result could not be written (errno), and return FMNIST_FAILED. */
int report_lost_output(void);

#endif
