/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Packing of strided matrices into panels. */
#include "kernels/product.h"

#include <string.h>

const float tn_zeros[TN_RUN_MOST];

void tn_pack_panel_across(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    const float *rows[TN_PANEL_LANES];
    for (int64_t k = 0; k < kn;) {
        int64_t run = count == lanes ? kn : kn - k < TN_RUN_MOST ? kn - k : TN_RUN_MOST;
        for (int64_t i = 0; i < lanes; i++)
            rows[i] = i < count ? data + i * stride + k : tn_zeros;
        kernels->interleave(rows, lanes, run, out + k * lanes);
        k += run;
    }
}

void tn_pack_across(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out)
{
    for (int64_t first = 0; first < count; first += lanes, out += lanes * kn)
        tn_pack_panel_across(data + first * stride, stride, count - first < lanes ? count - first : lanes, kn, lanes,
                             out);
}

void tn_pack_along(const float *data, int64_t stride, int64_t count, int64_t kn, int64_t lanes, float *out)
{
    int64_t whole = count / lanes, rest = count % lanes;
    tn_conv_kernels()->copy_panels(data, stride, kn, whole, lanes, out, lanes, kn * lanes);
    if (rest > 0) {
        memset(out + whole * kn * lanes, 0, (size_t)(kn * lanes) * sizeof *out);
        tn_conv_kernels()->copy_rows(data + whole * lanes, stride, rest, kn, lanes, out + whole * kn * lanes);
    }
}

void tn_pack_strided(const float *data, int64_t stride, int64_t k_stride, int64_t count, int64_t kn, int64_t lanes,
                     float *out)
{
    if (k_stride == 1) {
        tn_pack_across(data, stride, count, kn, lanes, out);
    } else if (stride == 1) {
        tn_pack_along(data, k_stride, count, kn, lanes, out);
    } else {
        for (int64_t first = 0; first < count; first += lanes, out += lanes * kn) {
            for (int64_t k = 0; k < kn; k++) {
                for (int64_t i = 0; i < lanes; i++)
                    out[k * lanes + i] = first + i < count ? data[(first + i) * stride + k * k_stride] : 0.0f;
            }
        }
    }
}

tn_region tn_find_strided(const float *data, int64_t stride, int64_t k_stride, int64_t count, int64_t kn)
{
    if (stride == 1)
        return (tn_region){data, kn, count, k_stride};
    return (tn_region){data, k_stride == 1 ? count : 0, kn, stride};
}
