/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The one file that includes blis.h: chooses BLIS's kernel set for this CPU and calls its micro-kernel.
 *
 *  BLIS 0.9 picks a kernel set by CPU family and falls back to slow generic kernels on families newer than it; so we
 *  choose, by instruction set.
 *
 *  TN_BLIS_DIRECT (static on x86-64): the micro-kernels are called by name. They are pure functions of their arguments
 *  and read no context; what a context would say of them is in kernel_sets, and a test compares that with BLIS's own
 *  contexts. BLIS is never started: no allocation, no abort, nothing shared with another BLIS in the process.
 *
 *  Otherwise BLIS is started, and only the context that it chose is in reach. BLIS_ARCH_TYPE, which it reads once at
 * its start, is set for the moment of that start. If somebody else in the process has started BLIS before, what runs is
 * what it chose then: seen.source is "blis", seen.kernels tells which.
 *
 *  Source    Van Zee and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", 2015 */
#include "kernels/gemm_kernel.h"

#include "kernels/blis_config.h"
#include "kernels/cpu.h"

#include <pthread.h>
#include <stdio.h>
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

typedef void tile_kernel(dim_t m, dim_t n, dim_t k, float *alpha, float *a, float *b, float *beta, float *c,
                         inc_t row_stride, inc_t col_stride, auxinfo_t *info, cntx_t *context);

static struct {
    tn_gemm_kernel seen;
    tile_kernel *kernel;
    cntx_t *context;
    bool rows_are_vectors; /* the kernel prefers C by rows: its B side is in vectors */
} chosen;

static pthread_once_t choose_once = PTHREAD_ONCE_INIT;

typedef enum cpu_needs { ANY_CPU, AVX, AVX2, AVX512 } cpu_needs;

/** A kernel set: BLIS's number and name for it, and what the CPU must have. */
typedef struct kernel_set {
    int id;
    const char *name;
    cpu_needs needs;
    bool for_amd; /* blocked for AMD's caches: others take the next one */
#if TN_BLIS_DIRECT
    tile_kernel *kernel;
    bool rows_are_vectors;
    int64_t s, v, kc, mc;
#endif
} kernel_set;

#if TN_BLIS_DIRECT
tile_kernel bli_sgemm_skx_asm_32x12_l2, bli_sgemm_haswell_asm_6x16, bli_sgemm_sandybridge_asm_8x8,
    bli_sgemm_generic_ref;
#define SET(id, name, needs, amd, kernel, rows, s, v, kc, mc)                                                          \
    {                                                                                                                  \
        id, name, needs, amd, kernel, rows, s, v, kc, mc                                                               \
    }
#else
#define SET(id, name, needs, amd, kernel, rows, s, v, kc, mc)                                                          \
    {                                                                                                                  \
        id, name, needs, amd                                                                                           \
    }
#endif

/* Best first: the first that fits the CPU is taken, the others can be asked for. MR, NR, KC and MC are those of BLIS's
 * config/NAME/bli_cntx_init_NAME.c. zen to zen3 share haswell's kernel. */
static const kernel_set kernel_sets[] = {
    SET(BLIS_ARCH_SKX, "skx", AVX512, false, bli_sgemm_skx_asm_32x12_l2, false, 12, 32, 384, 480),
    SET(BLIS_ARCH_ZEN3, "zen3", AVX2, true, bli_sgemm_haswell_asm_6x16, true, 6, 16, 256, 144),
    SET(BLIS_ARCH_HASWELL, "haswell", AVX2, false, bli_sgemm_haswell_asm_6x16, true, 6, 16, 256, 168),
    SET(BLIS_ARCH_SANDYBRIDGE, "sandybridge", AVX, false, bli_sgemm_sandybridge_asm_8x8, false, 8, 8, 384, 128),
    SET(BLIS_ARCH_GENERIC, "generic", ANY_CPU, false, bli_sgemm_generic_ref, true, 4, 16, 256, 256),
    SET(BLIS_ARCH_ZEN2, "zen2", AVX2, true, bli_sgemm_haswell_asm_6x16, true, 6, 16, 256, 144),
    SET(BLIS_ARCH_ZEN, "zen", AVX2, true, bli_sgemm_haswell_asm_6x16, true, 6, 16, 256, 144),
};
#define KERNEL_SETS (sizeof kernel_sets / sizeof kernel_sets[0])

/** What a CPU with instruction set `isa` offers; `lowered`: no more than that. */
static cpu_needs offers(tn_isa isa, bool lowered)
{
    if (isa != TN_ISA_GENERIC)
        return isa == TN_ISA_AVX512 ? AVX512 : AVX2;
#if defined(__x86_64__)
    return !lowered && __builtin_cpu_supports("avx") ? AVX : ANY_CPU;
#else
    (void)lowered;
    return ANY_CPU;
#endif
}

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
    cpu_needs offered = offers(tn_isa_in_use(), tn_isa_forced());
    size_t i = 0;
    while (kernel_sets[i].needs > offered || (kernel_sets[i].for_amd && !cpu_is_amd()))
        i++; /* ends at generic at the latest */
    return &kernel_sets[i];
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
        if (named && kernel_sets[i].needs <= offers(tn_isa_of_cpu(), false))
            return &kernel_sets[i];
    }
    return NULL;
}

#if TN_BLIS_DIRECT
static cntx_t no_context; /* the kernels' last argument, which they do not read */

static void start(const kernel_set *set, bool by_user)
{
    (void)by_user;
    chosen.kernel = set->kernel;
    chosen.context = &no_context;
    chosen.rows_are_vectors = set->rows_are_vectors;
    chosen.seen.kernels = set->name;
    chosen.seen.s = set->s;
    chosen.seen.v = set->v;
    chosen.seen.kc = set->kc;
    chosen.seen.mc = set->mc;
}
#else
#if TN_BLIS_NAMES_OF_0
#define query_context bli_gks_query_nat_cntx
#define kernel_of bli_cntx_get_l3_nat_ukr_dt
#define prefers_rows bli_cntx_l3_nat_ukr_prefers_rows_dt
#else
#define query_context bli_gks_query_cntx
#define kernel_of bli_cntx_get_ukr_dt
#define prefers_rows bli_cntx_ukr_prefers_rows_dt
#endif

/** Set BLIS_ARCH_TYPE, or unset it for NULL. BLIS 0.9 reads numbers only. */
static void set_arch_type(const char *value)
{
    if (value)
        setenv("BLIS_ARCH_TYPE", value, 1);
    else
        unsetenv("BLIS_ARCH_TYPE");
}

/** Start BLIS with the wanted set and take what it runs. What the user asks for and this CPU cannot run is replaced for
 *  that moment: BLIS would abort, or crash later. On other CPUs than x86-64 BLIS chooses, its table is better than
 * ours. */
static const cntx_t *start_context(const kernel_set *set, bool by_user)
{
#if defined(__x86_64__)
    bool ours = true;
#else
    bool ours = by_user;
#endif
    (void)by_user;
    char number[16], old[64] = {0};
    const char *before = getenv("BLIS_ARCH_TYPE");
    snprintf(number, sizeof number, "%d", set->id);
    snprintf(old, sizeof old, "%s", before ? before : "");
    if (ours)
        set_arch_type(number);
    bli_init();
    if (ours)
        set_arch_type(before ? old : NULL);
    return query_context();
}

static void start(const kernel_set *set, bool by_user)
{
    const cntx_t *context = start_context(set, by_user);
    memcpy(&chosen.context, &context, sizeof context);
    void *kernel = (void *)kernel_of(BLIS_FLOAT, BLIS_GEMM_UKR, chosen.context);
    memcpy(&chosen.kernel, &kernel, sizeof kernel); /* ISO C has no cast from object to function pointer */
    chosen.rows_are_vectors = prefers_rows(BLIS_FLOAT, BLIS_GEMM_UKR, chosen.context);
    int64_t mr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, chosen.context);
    int64_t nr = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, chosen.context);
    chosen.seen.s = chosen.rows_are_vectors ? mr : nr;
    chosen.seen.v = chosen.rows_are_vectors ? nr : mr;
    chosen.seen.kc = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_KC, chosen.context);
    chosen.seen.mc = bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MC, chosen.context);
    arch_t runs = bli_arch_query_id();
    chosen.seen.kernels = bli_arch_string(runs);
    if ((int)runs != set->id)
        chosen.seen.source = "blis";
}
#endif

static void choose(void)
{
    const kernel_set *by_user = set_of_user();
    chosen.seen.source = by_user ? "BLIS_ARCH_TYPE" : tn_isa_forced() ? "TINYNET_ISA" : "cpu";
    chosen.seen.blis_version = TN_BLIS_VERSION;
    chosen.seen.blis_link = TN_BLIS_LINK;
    start(by_user ? by_user : set_for_cpu(), by_user != NULL);
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
