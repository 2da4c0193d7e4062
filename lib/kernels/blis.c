/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The one file that includes blis.h: chooses BLIS's kernel set for this CPU and calls its micro-kernel.
 *
 *  BLIS 0.9 picks a kernel set by CPU family and falls back to slow generic kernels on families newer than it. Linked
 *  statically, each kernel set has a function that fills a context of ours, so we choose by instruction set, never start
 *  BLIS itself (it would allocate, and abort where it cannot) and share nothing with another BLIS in the process. Linked
 *  as a shared library, only the context that BLIS chose is in reach; BLIS_ARCH_TYPE, which it reads once at its start,
 *  is set for the moment of that start unless the user has set it. */
#include "kernels/gemm_kernel.h"

#include "kernels/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include TN_BLIS_HEADER
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

typedef void (*tile_kernel)(dim_t m, dim_t n, dim_t k, float *alpha, float *a, float *b, float *beta, float *c,
                            inc_t row_stride, inc_t col_stride, auxinfo_t *info, cntx_t *context);

static struct {
    tn_gemm_kernel seen;
    tile_kernel kernel;
    cntx_t *context;
    bool rows_are_vectors; /* the kernel prefers C by rows: its B side is in vectors */
} chosen;

static pthread_once_t choose_once = PTHREAD_ONCE_INIT;

/** A kernel set: BLIS's number and name for it, and what the CPU must have. */
typedef struct kernel_set {
    int id;
    const char *name;
    tn_isa needs;
    bool amd; /* blocked for AMD's caches */
#if TN_BLIS_STATIC
    void (*init)(cntx_t *context);
#endif
} kernel_set;

#if TN_BLIS_STATIC
#define KERNEL_SET(number, name, needs, amd, init) {number, name, needs, amd, init}
#else
#define KERNEL_SET(number, name, needs, amd, init) {number, name, needs, amd}
#endif

#if TN_BLIS_STATIC
#define DECLARE_SET(init) void init(cntx_t *context)
#if TN_BLIS_X86
DECLARE_SET(bli_cntx_init_skx);
DECLARE_SET(bli_cntx_init_zen3);
DECLARE_SET(bli_cntx_init_haswell);
#endif
DECLARE_SET(bli_cntx_init_generic);
#endif

/* Best first: the first that the CPU can run is taken. */
static const kernel_set kernel_sets[] = {
#if TN_BLIS_X86
    KERNEL_SET(BLIS_ARCH_SKX, "skx", TN_ISA_AVX512, false, bli_cntx_init_skx),
    KERNEL_SET(BLIS_ARCH_ZEN3, "zen3", TN_ISA_AVX2, true, bli_cntx_init_zen3),
    KERNEL_SET(BLIS_ARCH_HASWELL, "haswell", TN_ISA_AVX2, false, bli_cntx_init_haswell),
#endif
    KERNEL_SET(BLIS_ARCH_GENERIC, "generic", TN_ISA_GENERIC, false, bli_cntx_init_generic),
};
#define KERNEL_SETS (sizeof kernel_sets / sizeof kernel_sets[0])

static bool cpu_is_amd(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("amd");
#else
    return false;
#endif
}

/** The best set for the instruction set in use. */
static const kernel_set *set_for_cpu(void)
{
    tn_isa isa = tn_isa_in_use();
    for (size_t i = 0; i < KERNEL_SETS; i++) {
        if (kernel_sets[i].needs == isa && (!kernel_sets[i].amd || cpu_is_amd()))
            return &kernel_sets[i];
    }
    return &kernel_sets[KERNEL_SETS - 1];
}

/** The set that BLIS_ARCH_TYPE names, by BLIS's number or name; NULL if it names none that this CPU can run. */
static const kernel_set *set_of_user(void)
{
    const char *text = getenv("BLIS_ARCH_TYPE");
    if (!text || !*text)
        return NULL;
    char *end;
    long number = strtol(text, &end, 10);
    for (size_t i = 0; i < KERNEL_SETS; i++) {
        bool named = *end == '\0' ? number == kernel_sets[i].id : strcmp(text, kernel_sets[i].name) == 0;
        if (named && kernel_sets[i].needs <= tn_isa_in_use())
            return &kernel_sets[i];
    }
    return NULL;
}

#if TN_BLIS_STATIC
static cntx_t own_context;

static cntx_t *start_blis(const kernel_set *set, bool by_user)
{
    (void)by_user;
    chosen.seen.kernels = set->name;
    set->init(&own_context);
    return &own_context;
}
#else
/** Start the shared BLIS with the wanted set. It may have been started before by somebody else: what it runs is then
 *  what it chose, and seen.kernels tells. */
static cntx_t *start_blis(const kernel_set *set, bool by_user)
{
    char number[16] = {0};
    if (!by_user && !getenv("BLIS_ARCH_TYPE")) {
        snprintf(number, sizeof number, "%d", set->id);
        setenv("BLIS_ARCH_TYPE", number, 1);
    }
    bli_init();
    arch_t runs = bli_arch_query_id();
    if (number[0])
        unsetenv("BLIS_ARCH_TYPE");
    chosen.seen.kernels = bli_arch_string(runs);
    if ((int)runs != set->id)
        chosen.seen.source = "blis";
    return bli_gks_query_nat_cntx();
}
#endif

static void choose(void)
{
    const kernel_set *by_user = set_of_user();
    const kernel_set *set = by_user ? by_user : set_for_cpu();
    chosen.seen.source = by_user ? "BLIS_ARCH_TYPE" : tn_isa_forced() ? "TINYNET_ISA" : "cpu";
    chosen.seen.blis_version = TN_BLIS_VERSION;
    chosen.seen.blis_link = TN_BLIS_STATIC ? "static" : "shared";
    cntx_t *context = start_blis(set, by_user != NULL);
    chosen.context = context;
    void *kernel = bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
    memcpy(&chosen.kernel, &kernel, sizeof kernel); /* ISO C has no cast from object to function pointer */
    chosen.rows_are_vectors = bli_cntx_l3_nat_ukr_prefers_rows_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
    int64_t mr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, context);
    int64_t nr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, context);
    chosen.seen.s = chosen.rows_are_vectors ? mr : nr;
    chosen.seen.v = chosen.rows_are_vectors ? nr : mr;
    chosen.seen.kc = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_KC, context);
    chosen.seen.mc = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MC, context);
}

const tn_gemm_kernel *tn_gemm_kernel_in_use(void)
{
    pthread_once(&choose_once, choose);
    return &chosen.seen;
}

/** BLIS's interface lacks const; its kernels write C alone. */
static float *writable(const float *pointer)
{
    union {
        const float *from;
        float *to;
    } alias = {.from = pointer};
    return alias.to;
}

void tn_gemm_tile(int64_t rows, int64_t cols, int64_t k, float alpha, const float *s_panel, const float *v_panel,
                  float beta, float *c, int64_t ldc)
{
    float *s = writable(s_panel), *v = writable(v_panel);
    auxinfo_t info = {0};
    bli_auxinfo_set_next_ab(s, v, &info);
    if (chosen.rows_are_vectors)
        chosen.kernel(rows, cols, k, &alpha, s, v, &beta, c, ldc, 1, &info, chosen.context);
    else
        chosen.kernel(cols, rows, k, &alpha, v, s, &beta, c, 1, ldc, &info, chosen.context);
}
