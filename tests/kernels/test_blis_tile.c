/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  BLIS's micro-kernel as chosen: the choice follows the environment, and a tile of any part of S and V is exact for
 *  integers, writes nothing else and does not read C where beta is 0. */
#include "isa_suite.h"

#include "kernels/gemm_kernel.h"

enum { PANEL_ALIGNMENT = 64 };

START_TEST(test_choice)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    const char *asked = getenv("BLIS_ARCH_TYPE"), *expected = getenv("EXPECTED_KERNELS");
    ck_assert(kernel->s > 0 && kernel->v > 0 && kernel->kc > 0 && kernel->mc >= kernel->s);
    ck_assert_ptr_eq(kernel, tn_gemm_kernel_in_use());
    printf("%s by %s, BLIS %s (%s), %lldx%lld\n", kernel->kernels, kernel->source, kernel->blis_version,
           kernel->blis_link, (long long)kernel->s, (long long)kernel->v);
    if (expected)
        ck_assert_str_eq(kernel->kernels, expected);
#if defined(__x86_64__)
    const char *ours = tn_isa_forced() ? "TINYNET_ISA" : "cpu";
#else
    const char *ours = "blis"; /* we have no better choice than its own */
#endif
    if (asked && expected)
        ck_assert_str_eq(kernel->source, "BLIS_ARCH_TYPE");
    else if (!asked)
        ck_assert_str_eq(kernel->source, ours);
    if (!asked && tn_isa_in_use() == TN_ISA_AVX512)
        ck_assert_str_eq(kernel->kernels, "skx");
}
END_TEST

static float *panel(draw *d, int64_t lanes, int64_t k)
{
    size_t bytes = (size_t)(lanes * k) * sizeof(float) + TN_PANEL_SLACK;
    float *data = aligned_alloc(PANEL_ALIGNMENT, (bytes + PANEL_ALIGNMENT - 1) / PANEL_ALIGNMENT * PANEL_ALIGNMENT);
    ck_assert_ptr_nonnull(data);
    draw_integers(d, data, lanes * k);
    return data;
}

static void check_tile(int64_t rows, int64_t cols, int64_t k, float alpha, float beta, draw *d)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    int64_t ldc = kernel->v + 3, size = kernel->s * ldc;
    float *s = panel(d, kernel->s, k), *v = panel(d, kernel->v, k), *c = floats(size), *before = floats(size);
    draw_integers(d, before, size);
    memcpy(c, before, (size_t)size * sizeof *c);
    for (int64_t i = 0; beta == 0.0f && i < rows; i++) {
        for (int64_t j = 0; j < cols; j++)
            c[i * ldc + j] = NAN;
    }
    tn_gemm_tile(rows, cols, k, alpha, s, v, beta, c, ldc);
    for (int64_t i = 0; i < kernel->s; i++) {
        for (int64_t j = 0; j < ldc && i * ldc + j < size; j++) {
            double sum = 0.0;
            for (int64_t l = 0; l < k && j < kernel->v; l++)
                sum += (double)s[l * kernel->s + i] * (double)v[l * kernel->v + j];
            double old = (double)before[i * ldc + j];
            double expected = i < rows && j < cols ? (double)alpha * sum + (double)beta * old : old;
            ck_assert_msg((double)c[i * ldc + j] == expected, "[%lld,%lld] of %lldx%lld, k %lld: %g, expected %g",
                          (long long)i, (long long)j, (long long)rows, (long long)cols, (long long)k,
                          (double)c[i * ldc + j], expected);
        }
    }
    free(s);
    free(v);
    free(c);
    free(before);
}

START_TEST(test_tiles)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    static const int64_t depths[] = {1, 2, 7, 33, 384};
    static const float alphas[] = {1.0f, -2.0f}, betas[] = {0.0f, 1.0f, -0.5f};
    draw d = {801 + (uint64_t)_i};
    for (int64_t rows = 1; rows <= kernel->s; rows++) {
        for (int64_t cols = 1; cols <= kernel->v; cols++)
            check_tile(rows, cols, depths[(rows + cols) % 5], alphas[rows % 2], betas[_i], &d);
    }
    check_tile(kernel->s, kernel->v, kernel->kc, 1.0f, betas[_i], &d);
}
END_TEST

START_TEST(test_cpu)
{
    ck_assert_int_ge(tn_cpu_cores(), 1);
    ck_assert(tn_isa_in_use() <= tn_isa_best() && tn_isa_best() <= tn_isa_of_cpu());
    ck_assert_str_eq(tn_isa_name(TN_ISA_GENERIC), "generic");
    ck_assert_str_eq(tn_isa_name(TN_ISA_AVX512), "avx512");
}
END_TEST

TN_ISA_SUITE("blis_tile", {test_choice}, TN_LOOPED(test_tiles, 3), {test_cpu})
