/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Mean over windows.
 *
 *  Formula   y[n,i,j,c] = sum over (r,s) inside the image of x[n, i*stride_h + r - pad_top, j*stride_w + s - pad_left, c]
 *            / count, where count is the number of pixels inside the image, or with count_padding inside the padded
 *            one (what ceil mode adds beyond it never counts). Backward spreads dy / count over the same pixels.
 *  Source    LeCun et al., "Gradient-based learning applied to document recognition", 1998 (sub-sampling layers) */
#include "base/status.h"
#include "layers/construct.h"
#include "layers/pool2d.h"

#include <assert.h>
#include <string.h>

static const tn_op avg_pool2d_op;

tn_layer *tn_avg_pool2d_create(const tn_pool2d_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = tn_pool2d_new(&avg_pool2d_op, true, options, &layer);
    return tn_layer_result(status, layer);
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    static_assert(sizeof(tn_pool_shape) <= TN_OP_STATE_BYTES, "the shape fits an operator's state");
    tn_pool_shape shape;
    TN_TRY(tn_pool2d_shape(layer, setup->name, &setup->in, &shape));
    memcpy(out->state, &shape, sizeof shape);
    return TN_OK;
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    const tn_pool_shape shape = tn_pool2d_of_run(run);
    tn_avg_pool(run->pool, &shape, run->x, run->y);
    return TN_OK;
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    const tn_pool_shape shape = tn_pool2d_of_run(run);
    if (run->dx != NULL)
        tn_avg_pool_gradient(run->pool, &shape, run->dy, run->dx);
    return TN_OK;
}

static const tn_op avg_pool2d_op = {
    .kind = "avg_pool2d",
    .title = "AveragePooling2D",
    .infer = tn_pool2d_infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .by_image = true,
};
