/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Activations as layers of their own.
 *
 *  Formula   relu: max(x,0), dx = y > 0 ? dy : 0; sigmoid: 1/(1 + exp(-x)), dx = dy y (1 - y); tanh: dx = dy (1 - y^2);
 *            softmax along one axis: y = exp(x - max) / sum exp(x - max), dx = y (dy - sum y dy)
 *            All are functions of y, so the input need not be kept. NaN stays NaN.
 *  Source    softmax: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990;
 *            relu: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010 */
#include "base/options.h"
#include "base/status.h"
#include "kernels/kernels.h"
#include "layers/construct.h"
#include "layers/identity.h"
#include "tensor/storage.h"

#include <string.h>

typedef struct activation_layer {
    tn_layer base;
    tn_activation activation;
    int axis; /* of softmax: from 1, or negative from the end */
} activation_layer;

static const tn_op activation_op;

/* --- options */

static tn_status check_axis(const char *label, const tn_activation_options *o)
{
    if (o->axis != 0 && o->activation != TN_SOFTMAX)
        return TN_FAIL(TN_ERR_INVALID, "%s: axis is %d, but only TN_SOFTMAX has an axis", label, o->axis);
    if (o->axis <= -TN_MAX_RANK || o->axis >= TN_MAX_RANK)
        return TN_FAIL(TN_ERR_INVALID, "%s: axis is %d, must be in [%d,%d]", label, o->axis, 1 - TN_MAX_RANK,
                       TN_MAX_RANK - 1);
    return TN_OK;
}

static tn_status create(const tn_activation_options *options, tn_layer **out)
{
    tn_activation_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_activation_options"));
    const char *label = tn_layer_label(activation_op.kind, o.name);
    TN_TRY(tn_option_activation(label, o.activation));
    TN_TRY(check_axis(label, &o));
    activation_layer *layer;
    TN_TRY(tn_layer_new(&activation_op, sizeof *layer, o.allocator, o.name, &layer));
    layer->activation = o.activation;
    layer->axis = o.axis == 0 ? -1 : o.axis;
    *out = &layer->base;
    return TN_OK;
}

tn_layer *tn_activation_create(const tn_activation_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(options, &layer);
    return tn_layer_result(status, layer);
}

/* --- shapes */

static int axis_of(const activation_layer *layer, int rank)
{
    return layer->axis < 0 ? layer->axis + rank : layer->axis;
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    const activation_layer *own = (const activation_layer *)layer;
    int axis = axis_of(own, in->rank);
    if (own->activation == TN_SOFTMAX && (axis < 1 || axis >= in->rank)) {
        char text[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "%s: softmax axis %d is not within input %s, or is its batch", name, own->axis,
                       tn_shape_text(in, text, sizeof text));
    }
    *out = *in;
    return TN_OK;
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    const activation_layer *own = (const activation_layer *)layer;
    out->output_is_input = own->activation == TN_LINEAR;
    out->in_place = true;
    out->backward_needs_y = setup->training && setup->input_gradient && own->activation != TN_LINEAR &&
                            !setup->relu_is_taken_over;
    memcpy(out->state, &setup->relu_is_taken_over, sizeof setup->relu_is_taken_over);
    return TN_OK;
}

static bool ends_in_relu(const tn_layer *layer)
{
    return ((const activation_layer *)layer)->activation == TN_RELU;
}

/* --- forward, backward */

/* [outer, axis, inner] of softmax. */
static void split(const activation_layer *layer, const tn_shape *shape, int64_t out[3])
{
    int axis = axis_of(layer, shape->rank);
    out[0] = out[1] = out[2] = 1;
    for (int i = 0; i < shape->rank; i++)
        out[i < axis ? 0 : i == axis ? 1 : 2] *= shape->dims[i];
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    const activation_layer *own = (const activation_layer *)layer;
    int64_t parts[3];
    split(own, &run->in, parts);
    if (own->activation == TN_SOFTMAX)
        tn_softmax(run->pool, run->x, run->y, parts[0], parts[1], parts[2]);
    else
        tn_activate(run->pool, own->activation, run->x, run->y, tn_shape_count(&run->in));
    return TN_OK;
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    const activation_layer *own = (const activation_layer *)layer;
    int64_t parts[3];
    split(own, &run->in, parts);
    if (run->dx == NULL)
        return TN_OK;
    if (*(const bool *)run->state) /* the ReLU is taken over */
        tn_pass_on(&run->in, run->dy, run->dx);
    else if (own->activation == TN_SOFTMAX)
        tn_softmax_gradient(run->pool, run->y, run->dy, run->dx, parts[0], parts[1], parts[2]);
    else
        tn_activate_gradient(run->pool, own->activation, run->y, run->dy, run->dx, tn_shape_count(&run->in));
    return TN_OK;
}

static const tn_op activation_op = {
    .kind = "activation",
    .title = "Activation",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .ends_in_relu = ends_in_relu,
};
