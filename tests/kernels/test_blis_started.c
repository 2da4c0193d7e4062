/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  With a shared BLIS, another part of the process may have started it, with slow kernels even: that is noticed and
 *  said, its kernels serve, and the environment is left as it was. */
#include "suite.h"

#include "kernels/gemm_kernel.h"

#include "kernels/blis_config.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#include TN_BLIS_HEADER
#pragma GCC diagnostic pop

#include <stdio.h>

START_TEST(test_started_as_generic)
{
    char number[16];
    snprintf(number, sizeof number, "%d", BLIS_ARCH_GENERIC);
    setenv("BLIS_ARCH_TYPE", number, 1);
    bli_init();
    unsetenv("BLIS_ARCH_TYPE");
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    ck_assert_str_eq(kernel->kernels, "generic");
    ck_assert_str_eq(kernel->source, "blis");
    ck_assert_str_eq(kernel->blis_link, "shared");
    ck_assert_ptr_null(getenv("BLIS_ARCH_TYPE"));
}
END_TEST

TN_SUITE("blis_started", {test_started_as_generic})
