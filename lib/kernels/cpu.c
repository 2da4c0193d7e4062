/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The CPU's instruction sets, as far as CPU and system both support them, and the cores that are ours. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT_S */

#include "kernels/cpu.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const isa_names[] = {"generic", "avx2", "avx512"};

const char *tn_isa_name(tn_isa isa)
{
    return isa_names[isa];
}

tn_isa tn_isa_of_cpu(void)
{
#if defined(__x86_64__)
    /* The builtins ask the CPU, and through XGETBV whether the system saves the registers. */
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? TN_ISA_AVX512 : avx2 ? TN_ISA_AVX2 : TN_ISA_GENERIC;
#else
    return TN_ISA_GENERIC;
#endif
}

tn_isa tn_isa_best(void)
{
    tn_isa most = (tn_isa)(TN_ISAS - 1), cpu = tn_isa_of_cpu();
    return cpu < most ? cpu : most;
}

static struct {
    tn_isa isa;
    bool forced, zen_4;
} chosen;

/** Zen 3 or 4. */
static bool is_family_19h(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_is("amdfam19h");
#else
    return false;
#endif
}

static pthread_once_t choose_once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    tn_isa best = tn_isa_best();
    const char *wanted = getenv("TINYNET_ISA");
    chosen.isa = best;
    for (tn_isa isa = TN_ISA_GENERIC; wanted && isa <= best; isa++) {
        if (strcmp(wanted, isa_names[isa]) == 0) {
            chosen.isa = isa;
            chosen.forced = true;
        }
    }
    chosen.zen_4 = chosen.isa == TN_ISA_AVX512 && is_family_19h(); /* Zen 3 has no AVX-512 */
}

tn_isa tn_isa_in_use(void)
{
    pthread_once(&choose_once, choose);
    return chosen.isa;
}

bool tn_cpu_is_zen_4(void)
{
    pthread_once(&choose_once, choose);
    return chosen.zen_4;
}

bool tn_isa_forced(void)
{
    pthread_once(&choose_once, choose);
    return chosen.forced;
}

/* --- cores */

/** Read a small file of the system as text; false if there is none. */
static bool read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, text, size - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/** "quota period" in microseconds of a control group's directory as cores, rounded up; 0 without a quota. */
static int quota_of(const char *group)
{
    char path[512], text[64], *end;
    int length = snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (length < 0 || (size_t)length >= sizeof path || !read_text(path, text, sizeof text))
        return 0;
    long long quota = strtoll(text, &end, 10), period = strtoll(end, NULL, 10); /* "max ..." gives 0 */
    return quota > 0 && period > 0 && quota / period < 65536 ? (int)((quota + period - 1) / period) : 0;
}

/** The CPU quota of this process's control group (version 2), or of the root as a container sees it; 0: none.
 *  Source    Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.max */
static int cpu_quota(void)
{
    char text[512];
    int quota = 0;
    if (read_text("/proc/self/cgroup", text, sizeof text) && strncmp(text, "0::/", 4) == 0) {
        text[strcspn(text, "\n")] = '\0';
        quota = quota_of(text + 3);
    }
    return quota > 0 ? quota : quota_of("");
}

#if defined(__linux__)
/** Cores of the process's affinity mask; 0 if the system does not tell. */
static int cores_allowed(void)
{
    union {
        cpu_set_t sets[64]; /* 65536 CPUs */
        unsigned char bytes[64 * sizeof(cpu_set_t)];
    } mask;
    memset(&mask, 0, sizeof mask);
    return sched_getaffinity(0, sizeof mask, mask.sets) == 0 ? CPU_COUNT_S(sizeof mask, mask.sets) : 0;
}
#else
static int cores_allowed(void)
{
    return 0;
}
#endif

int tn_cpu_cores(void)
{
    int cores = cores_allowed(), quota = cpu_quota();
    if (cores < 1)
        cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (quota > 0 && quota < cores)
        cores = quota;
    return cores < 1 ? 1 : cores;
}
