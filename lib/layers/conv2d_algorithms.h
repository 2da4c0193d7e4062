/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The algorithms of a convolution's passes as one text: "forward/data/filter", with "-" for a pass that is not
 * planned, as checkpoints keep it. Plans show one name where all planned passes have the same. */
#ifndef TN_LAYERS_CONV2D_ALGORITHMS_H
#define TN_LAYERS_CONV2D_ALGORITHMS_H

#include "kernels/conv.h"
#include "layers/op.h"

/** Write out->algorithm and out->passes. A name is "" for a pass that is not planned. */
void tn_conv2d_name_algorithms(const char *forward, const char *data, const char *filter, tn_op_needs *out);

/** Read what setup->algorithm says of a pass, or if it does not name that one, setup->kept_algorithm.
 *  @param bound  [out] false: nothing
 *  @param tile   [out] one of tn_conv_candidates, if bound
 *  Errors    TN_ERR_UNSUPPORTED for an algorithm that is unknown or not of this convolution; TN_ERR_STATE for one that
 *            `precise` excludes */
TN_WARN_UNUSED tn_status tn_conv2d_read_algorithm(const tn_op_setup *setup, const tn_conv_shape *shape,
                                                  tn_conv_pass pass, bool *bound, int *tile);

#endif
