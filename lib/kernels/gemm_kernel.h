/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  BLIS's single-precision micro-kernel, seen from one side only.
 *
 *  The micro-kernel computes a tile C[s,v] = alpha sum_k S[k,s] V[k,v] + beta C[s,v]. BLIS's kernels write C by rows or
 *  by columns; whichever side a kernel keeps in vectors is called the vector side here (V), the other one the scalar
 *  side (S), so that C always has unit stride along v and the rest of the library knows one orientation. */
#ifndef TN_KERNELS_GEMM_KERNEL_H
#define TN_KERNELS_GEMM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/** The micro-kernel's tile and blocking. */
typedef struct tn_gemm_kernel {
    int64_t s, v;   /* S and V: panels are [k][S] and [k][V] */
    int64_t kc;     /* k that keeps a V panel in the L1 cache */
    int64_t mc;     /* scalar-side rows that stay in the L2 cache with kc */
    const char *kernels;      /* "zen3" */
    const char *source;       /* "cpu", "BLIS_ARCH_TYPE", "TINYNET_ISA", "blis" */
    const char *blis_version; /* "0.9.0" */
    const char *blis_link;    /* "static", "shared" */
} tn_gemm_kernel;

/** What was chosen for this CPU; decided once, at the first call. Any thread. */
const tn_gemm_kernel *tn_gemm_kernel_in_use(void);

/** Bytes that a panel buffer needs past its end: kernels fetch one step ahead. */
#define TN_PANEL_SLACK 256

/** Floats of a buffer of panels with what kernels fetch past its end, whole cache lines. */
static inline int64_t tn_with_slack(int64_t floats)
{
    return (floats + TN_PANEL_SLACK / (int64_t)sizeof(float) + 15) / 16 * 16;
}

/** One tile: c[i * ldc + j] = alpha sum_k s_panel[k,i] v_panel[k,j] + beta c[...] for i < rows <= S, j < cols <= V; beta
 *  0: c is not read. Panels start at multiples of TN_ALIGNMENT bytes along v, and are S and V wide also where the tile is
 *  not. */
void tn_gemm_tile(int64_t rows, int64_t cols, int64_t k, float alpha, const float *s_panel, const float *v_panel,
                  float beta, float *c, int64_t ldc);

#endif
