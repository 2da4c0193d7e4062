/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What this CPU is, and what was chosen for it: our instruction set and BLIS's kernel set. */
#ifndef TN_KERNELS_CPU_H
#define TN_KERNELS_CPU_H

#include <stdbool.h>

typedef enum tn_isa { TN_ISA_GENERIC, TN_ISA_AVX2, TN_ISA_AVX512 } tn_isa;

/** The instruction set in use: the best that the CPU has and this build has loops for, or what TINYNET_ISA (generic, avx2,
 *  avx512) lowers it to. Decided once, at the first call; any thread. */
tn_isa tn_isa_in_use(void);
const char *tn_isa_name(tn_isa isa);
/** The best one with loops of its own, whatever TINYNET_ISA says. */
tn_isa tn_isa_best(void);
/** The CPU's best, whatever is built: F, DQ, BW and VL make TN_ISA_AVX512. */
tn_isa tn_isa_of_cpu(void);
/** True if AVX-512 is in use on AMD's Zen 4 (family 19h), which takes its vectors in two halves: there is a cycle for each
 *  multiply-add, so loads are not what it waits for. */
bool tn_cpu_is_zen_4(void);
/** True if TINYNET_ISA decided. */
bool tn_isa_forced(void);
/** Cores that this process may run on, by affinity and CPU quota, at least 1. */
int tn_cpu_cores(void);

#endif
