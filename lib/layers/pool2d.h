/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What maximum and mean over windows have in common: options and shapes. */
#ifndef TN_LAYERS_POOL2D_H
#define TN_LAYERS_POOL2D_H

#include "kernels/kernels.h"
#include "layers/op.h"
#include "layers/window.h"

typedef struct tn_pool2d_layer {
    tn_layer base;
    tn_window window;
    bool count_padding;
} tn_pool2d_layer;

/** Read the options and make the layer; what belongs to the other kind of pooling (by `mean`) is refused.
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_pool2d_new(const tn_op *op, bool mean, const tn_pool2d_options *options, tn_layer **out);

/** [N,H,W,C] to [N,OH,OW,C]. */
TN_WARN_UNUSED tn_status tn_pool2d_infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out);

/** The kernels' view of a pooling. Errors are those of infer. */
TN_WARN_UNUSED tn_status tn_pool2d_shape(const tn_layer *layer, const char *name, const tn_shape *in,
                                         tn_pool_shape *out);

/** The shape that prepare kept in the state, for this call's batch. */
tn_pool_shape tn_pool2d_of_run(const tn_op_run *run);

#endif
