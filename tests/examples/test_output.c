/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The examples' output on a device that takes nothing and names no error. */
#include "suite.h"

#include <sys/types.h>

static int calls;

/* In place of the system's: takes nothing twice, then everything. */
static ssize_t write_late(int fd, const void *bytes, size_t count)
{
    (void)fd;
    (void)bytes;
    ck_assert_int_lt(calls, 10); /* it is not tried for ever */
    return calls++ < 2 ? 0 : (ssize_t)count;
}

#include <unistd.h>
#define write write_late
#include "../../examples/fmnist/output.c"

START_TEST(test_nothing_taken)
{
    fmnist_output output = {.fd = -1};
    ck_assert_int_eq(output_write(&output, "one"), OUTPUT_KEPT);
    ck_assert_int_eq(output.error, ENOSPC);
    ck_assert_int_eq(output_write(&output, "two"), OUTPUT_KEPT);
    ck_assert_uint_eq(output.size, 6);
    ck_assert_int_eq(output_write(&output, ""), OUTPUT_WRITTEN);
    ck_assert_int_eq(calls, 3);
    ck_assert(output_free(&output));
}
END_TEST

TN_SUITE("output", {test_nothing_taken})
