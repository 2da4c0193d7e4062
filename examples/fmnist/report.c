/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Lines for people. */
#include "report.h"

#include "fmnist.h"
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *name = "fmnist";

void report_name(const char *program)
{
    name = program;
}

static void TN_PRINTF(1, 0) report_list(const char *format, va_list list)
{
    char line[8192];
    vsnprintf(line, sizeof line, format, list);
    fprintf(stderr, "%s: %s\n", name, line);
}

void report(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    report_list(format, list);
    va_end(list);
}

int report_refusal(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    report_list(format, list);
    va_end(list);
    return FMNIST_REFUSED;
}

int report_failure(const char *what)
{
    report("%s: %s", what, tn_last_error());
    return FMNIST_FAILED;
}

bool report_result(const char *format, ...)
{
    char text[8192];
    fmnist_output output = {.fd = STDOUT_FILENO};
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    bool written = output_write(&output, text) == OUTPUT_WRITTEN;
    (void)output_free(&output);
    errno = output.error;
    return written;
}

int report_lost_output(void)
{
    report("cannot write to standard output: %s", strerror(errno));
    return FMNIST_FAILED;
}
