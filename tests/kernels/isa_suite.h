/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A suite that is run once for each instruction set, by TINYNET_ISA: skipped aloud (77) where the CPU lacks it. */
#ifndef TESTS_KERNELS_ISA_SUITE_H
#define TESTS_KERNELS_ISA_SUITE_H

#include "conv_reference.h"
#include "kernels/cpu.h"
#include "suite.h"

#include <math.h>
#include <stdio.h>

static inline int isa_missing(void)
{
    const char *wanted = getenv("TINYNET_ISA");
    if (!wanted || strcmp(wanted, tn_isa_name(tn_isa_in_use())) == 0)
        return 0;
    printf("SKIP: this CPU lacks %s\n", wanted);
    return 77;
}

#define TN_ISA_SUITE(name, ...)                                                                                        \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const suite_test tests[] = {__VA_ARGS__};                                                                      \
        int missing = isa_missing();                                                                                   \
        return missing ? missing : suite_main((name), tests, sizeof tests / sizeof tests[0]);                          \
    }

/** Memory for `count` floats and no more, so that a sanitizer sees a step past the end. */
static inline float *floats(int64_t count)
{
    float *data = malloc((size_t)count * sizeof *data + (count == 0));
    ck_assert_ptr_nonnull(data);
    return data;
}

static inline tn_pool *pool_of(int threads)
{
    tn_pool *pool = NULL;
    ck_ok(tn_pool_create(NULL, threads, &pool));
    return pool;
}

static inline void same_bits(const void *a, const void *b, size_t size, const char *what)
{
    ck_each(memcmp(a, b, size) == 0, "%s: other bits", what);
}

/** The error of a float in units of the last place of the exact value. */
static inline double error_ulp(float got, double exact)
{
    int exponent;
    if (isnan(exact) || isinf((float)exact) || isinf(got))
        return (isnan(exact) && isnan(got)) || got == (float)exact ? 0.0 : INFINITY;
    (void)frexp(exact, &exponent);
    exponent = exponent - 24 < -149 ? -149 : exponent - 24;
    return fabs((double)got - exact) / ldexp(1.0, exponent);
}

#endif
