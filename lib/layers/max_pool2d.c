/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Maximum over windows.
 *
 *  Formula   y[n,i,j,c] = max over (r,s) inside the image of x[n, i*stride_h + r*dilation_h - pad_top, ..., c];
 *            the first in window order among equals, the first NaN if there is one. Backward gives all of dy to the
 *            pixel that was chosen; its place in the window is kept from forward, one byte where that is enough.
 *            After a layer that ends in ReLU, backward takes that over: y is the ReLU's output at the chosen pixel, so
 *            dy becomes y > 0 ? dy : 0, and the larger map before the pooling need not be kept.
 *  Source    Ranzato et al., "Unsupervised learning of invariant feature hierarchies", CVPR 2007 */
#include "base/status.h"
#include "layers/construct.h"
#include "layers/pool2d.h"

#include <assert.h>
#include <string.h>

/* tn_pool2d_of_run reads the shape from the state's start. */
typedef struct max_pool2d_state {
    tn_pool_shape shape;
    bool takes_over_relu;
} max_pool2d_state;
static_assert(sizeof(max_pool2d_state) <= TN_OP_STATE_BYTES, "the shape fits an operator's state");

static const tn_op max_pool2d_op;

tn_layer *tn_max_pool2d_create(const tn_pool2d_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = tn_pool2d_new(&max_pool2d_op, false, options, &layer);
    return tn_layer_result(status, layer);
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    max_pool2d_state state = {.takes_over_relu = setup->takes_over_relu};
    TN_TRY(tn_pool2d_shape(layer, setup->name, &setup->in, &state.shape));
    if (setup->training && setup->input_gradient)
        TN_TRY(tn_max_pool_index_bytes(&state.shape, &out->saved_bytes));
    out->backward_needs_y = setup->takes_over_relu;
    memcpy(out->state, &state, sizeof state);
    return TN_OK;
}

/* A prediction between a training forward and its backward must leave the indices alone. */
static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    const tn_pool_shape shape = tn_pool2d_of_run(run);
    tn_max_pool(run->pool, &shape, run->x, run->y, run->training ? run->saved : NULL);
    return TN_OK;
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    const max_pool2d_state *state = run->state;
    const tn_pool_shape shape = tn_pool2d_of_run(run);
    if (run->dx == NULL)
        return TN_OK;
    if (state->takes_over_relu)
        tn_activate_gradient(run->pool, TN_RELU, run->y, run->dy, run->dy, shape.n * shape.oh * shape.ow * shape.c);
    tn_max_pool_gradient(run->pool, &shape, run->dy, run->saved, run->dx);
    return TN_OK;
}

static const tn_op max_pool2d_op = {
    .kind = "max_pool2d",
    .title = "MaxPooling2D",
    .infer = tn_pool2d_infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .by_image = true,
    .takes_over_relu = true,
};
