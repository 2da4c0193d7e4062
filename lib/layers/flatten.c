/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A reshape to rank 2.
 *
 *  Formula   y[n, (i1 * d2 + i2) * d3 + ...] = x[n,i1,i2,...]: [N,d1,...,dk] to [N, d1*...*dk], the same memory */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "layers/construct.h"
#include "layers/identity.h"
#include "tensor/storage.h"

static const tn_op flatten_op;

static tn_status create(const tn_layer_options *options, tn_layer **out)
{
    tn_layer_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_layer_options"));
    tn_layer *layer;
    TN_TRY(tn_layer_new(&flatten_op, sizeof *layer, o.allocator, o.name, &layer));
    *out = layer;
    return TN_OK;
}

tn_layer *tn_flatten_create(const tn_layer_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(options, &layer);
    return tn_layer_result(status, layer);
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    (void)layer;
    if (in->rank < 1)
        return TN_FAIL(TN_ERR_SHAPE, "%s: input is a scalar, not [N,...]", name);
    tn_shape shape = {2, {in->dims[0], 1}};
    for (int i = 1; i < in->rank; i++) {
        if (!tn_mul_i64(shape.dims[1], in->dims[i], &shape.dims[1])) {
            char text[TN_SHAPE_TEXT];
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: input %s has too many elements", name,
                           tn_shape_text(in, text, sizeof text));
        }
    }
    *out = shape;
    return TN_OK;
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    (void)layer;
    (void)setup;
    out->output_is_input = true;
    return TN_OK;
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    tn_pass_on(&run->in, run->x, run->y);
    return TN_OK;
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    (void)layer;
    if (run->dx != NULL)
        tn_pass_on(&run->in, run->dy, run->dx);
    return TN_OK;
}

static const tn_op flatten_op = {
    .kind = "flatten",
    .title = "Flatten",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
