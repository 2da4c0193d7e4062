/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The examples' output on a device that takes nothing and names no error, and on one that asks to be asked again. */
#include "suite.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

static int calls;
static ssize_t at_first; /* what the first two calls give */

/* In place of the system's: takes nothing twice, then everything. */
static ssize_t write_late(int fd, const void *bytes, size_t count)
{
    (void)fd;
    (void)bytes;
    ck_assert_int_lt(calls, 10); /* it is not tried for ever */
    errno = EAGAIN;
    return calls++ < 2 ? at_first : (ssize_t)count;
}

#define write write_late
#include "../../examples/fmnist/output.c"

START_TEST(test_nothing_taken)
{
    fmnist_output output = {.fd = -1};
    calls = 0, at_first = 0;
    ck_assert_int_eq(output_write(&output, "one"), OUTPUT_KEPT);
    ck_assert_int_eq(output.error, ENOSPC);
    ck_assert_int_eq(output_write(&output, "two"), OUTPUT_KEPT);
    ck_assert_uint_eq(output.size, 6);
    ck_assert_int_eq(output_write(&output, ""), OUTPUT_WRITTEN);
    ck_assert_int_eq(calls, 3);
    ck_assert(output_free(&output));
}
END_TEST

/* Another process's bytes take the room that poll tells of. */
START_TEST(test_again)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fmnist_output output = {.fd = ends[1]};
    calls = 0, at_first = -1;
    ck_assert_int_eq(output_write(&output, "one"), OUTPUT_WRITTEN);
    ck_assert_int_eq(calls, 3);
    ck_assert(output_free(&output));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

TN_SUITE("output", {test_nothing_taken}, {test_again})
