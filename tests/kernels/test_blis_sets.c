/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Statically linked, the micro-kernels are called by name and their tiles and blocking stand in a table of ours: here
 *  BLIS's own contexts say the same. This program links all of BLIS for that, and chooses one set by BLIS_ARCH_TYPE. */
#include "isa_suite.h"

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

typedef void context_init(cntx_t *context);
context_init bli_cntx_init_skx, bli_cntx_init_zen, bli_cntx_init_zen2, bli_cntx_init_zen3, bli_cntx_init_haswell,
    bli_cntx_init_sandybridge, bli_cntx_init_generic;

static const struct {
    const char *name;
    context_init *init;
} sets[] = {
    {"skx", bli_cntx_init_skx},         {"zen", bli_cntx_init_zen},         {"zen2", bli_cntx_init_zen2},
    {"zen3", bli_cntx_init_zen3},       {"haswell", bli_cntx_init_haswell}, {"sandybridge", bli_cntx_init_sandybridge},
    {"generic", bli_cntx_init_generic},
};

START_TEST(test_table)
{
    static cntx_t context;
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    size_t i = 0;
    while (strcmp(sets[i].name, kernel->kernels) != 0)
        ck_assert_uint_lt(++i, sizeof sets / sizeof sets[0]);
    sets[i].init(&context);
    bool rows = bli_cntx_l3_nat_ukr_prefers_rows_dt(BLIS_FLOAT, BLIS_GEMM_UKR, &context);
    int64_t mr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, &context);
    int64_t nr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, &context);
    ck_assert_int_eq(kernel->s, rows ? mr : nr);
    ck_assert_int_eq(kernel->v, rows ? nr : mr);
    ck_assert_int_eq(kernel->kc, bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_KC, &context));
    ck_assert_int_eq(kernel->mc, bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MC, &context));
    ck_assert_str_eq(kernel->blis_version, bli_info_get_version_str());
}
END_TEST

TN_ISA_SUITE("blis_sets", {test_table})
