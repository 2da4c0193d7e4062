/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The runs of k that a group of rows multiplies, one after another: those that are padding in all its rows are left out, and
 *  the next one says how much of a panel that skips. */
#ifndef TN_KERNELS_KEPT_RUNS_H
#define TN_KERNELS_KEPT_RUNS_H

#include "kernels/product.h"

typedef struct tn_kept_runs {
    const float **rows; /* [runs, lanes] */
    int64_t *skips;     /* [runs] */
    int64_t lanes, found, skipped;
} tn_kept_runs;

/** Where the places of the next run go, `lanes` of them. */
static inline const float **tn_next_run(const tn_kept_runs *k)
{
    return k->rows + k->found * k->lanes;
}

/** True if a run is left out, `floats` of a panel: it is padding. The last one is not, if there was none before: a sum without
 *  any run has one of zeros. */
static inline bool tn_run_is_left(tn_kept_runs *k, bool padding, bool last, int64_t floats)
{
    bool left = padding && !(last && k->found == 0);
    k->skipped += left ? floats : 0;
    return left;
}

/** The places of the next run are there. */
static inline void tn_keep_run(tn_kept_runs *k)
{
    k->skips[k->found++] = k->skipped;
    k->skipped = 0;
}

/** The group of so many rows, of at most `runs`. What it has no more of may be asked for. */
static inline tn_tile_group tn_kept_group(const tn_kept_runs *k, int64_t rows, int64_t runs)
{
    for (int64_t i = k->found * k->lanes; i < runs * k->lanes; i++)
        k->rows[i] = tn_zeros;
    return (tn_tile_group){rows, k->found, k->skips};
}

#endif
