/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Names of statuses, and each thread's detail of its last failure. */
#include "base/status.h"

#include "base/line.h"

#include <errno.h>
#include <string.h>

#define DETAIL_SIZE 1024

static _Thread_local char detail[DETAIL_SIZE];
static _Thread_local tn_status last_status;
static _Thread_local uint64_t fail_count;

const char *tn_status_name(tn_status status)
{
    static const char *const names[] = {
        [TN_OK] = "TN_OK",
        [TN_ERR_INVALID] = "TN_ERR_INVALID",
        [TN_ERR_SHAPE] = "TN_ERR_SHAPE",
        [TN_ERR_OVERFLOW] = "TN_ERR_OVERFLOW",
        [TN_ERR_TYPE] = "TN_ERR_TYPE",
        [TN_ERR_STATE] = "TN_ERR_STATE",
        [TN_ERR_NO_MEMORY] = "TN_ERR_NO_MEMORY",
        [TN_ERR_IO] = "TN_ERR_IO",
        [TN_ERR_FORMAT] = "TN_ERR_FORMAT",
        [TN_ERR_VERSION] = "TN_ERR_VERSION",
        [TN_ERR_UNSUPPORTED] = "TN_ERR_UNSUPPORTED",
        [TN_ERR_NON_FINITE] = "TN_ERR_NON_FINITE",
        [TN_STOPPED] = "TN_STOPPED",
        [TN_NOT_FOUND] = "TN_NOT_FOUND",
    };
    size_t index = (size_t)status;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown status";
}

const char *tn_last_error(void)
{
    return detail;
}

tn_status tn_last_status(void)
{
    return last_status;
}

uint64_t tn_fail_count(void)
{
    return fail_count;
}

tn_status tn_fail(tn_status status, const char *format, ...)
{
    char line[DETAIL_SIZE]; /* beside the old detail, which may be among the arguments */
    int saved_errno = errno;
    va_list arguments;
    va_start(arguments, format);
    tn_format_line(line, sizeof line, format, arguments);
    va_end(arguments);
    memcpy(detail, line, strlen(line) + 1);
    last_status = status;
    fail_count++;
    errno = saved_errno;
    return status;
}
