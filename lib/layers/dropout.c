/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dropout.
 *
 *  Formula   training: y[i] = keep(i) ? x[i] / (1 - rate) : 0; prediction: y = x
 *            keep(i) is a pure function of (key of the layer, step, i), so backward draws the same mask again instead
 *            of keeping one: dx[i] = keep(i) ? dy[i] / (1 - rate) : 0
 *  Source    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014);
 *            scaling in training ("inverted") leaves prediction alone */
#include "base/options.h"
#include "base/status.h"
#include "kernels/kernels.h"
#include "layers/construct.h"
#include "layers/identity.h"

typedef struct dropout_layer {
    tn_layer base;
    float rate;
} dropout_layer;

static const tn_op dropout_op;

static tn_status create(const tn_dropout_options *options, tn_layer **out)
{
    tn_dropout_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_dropout_options"));
    const char *label = tn_layer_label(dropout_op.kind, o.name);
    if (!(o.rate >= 0.0f && o.rate < 1.0f))
        return TN_FAIL(TN_ERR_INVALID, "%s: rate is %g, must be in [0,1)", label, (double)o.rate);
    dropout_layer *layer;
    TN_TRY(tn_layer_new(&dropout_op, sizeof *layer, o.allocator, o.name, &layer));
    layer->rate = o.rate;
    *out = &layer->base;
    return TN_OK;
}

tn_layer *tn_dropout_create(const tn_dropout_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(options, &layer);
    return tn_layer_result(status, layer);
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    (void)layer;
    (void)name;
    *out = *in;
    return TN_OK;
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    const dropout_layer *dropout = (const dropout_layer *)layer;
    out->output_is_input = !setup->training || dropout->rate == 0.0f;
    out->in_place = true;
    return TN_OK;
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    const dropout_layer *dropout = (const dropout_layer *)layer;
    if (run->training && dropout->rate > 0.0f)
        tn_dropout_random(run->pool, run->key, run->step, dropout->rate, run->x, run->y, tn_shape_count(&run->in));
    else
        tn_pass_on(&run->in, run->x, run->y);
    return TN_OK;
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    const dropout_layer *dropout = (const dropout_layer *)layer;
    if (run->dx == NULL)
        return TN_OK;
    if (dropout->rate > 0.0f)
        tn_dropout_random(run->pool, run->key, run->step, dropout->rate, run->dy, run->dx, tn_shape_count(&run->in));
    else
        tn_pass_on(&run->in, run->dy, run->dx);
    return TN_OK;
}

static const tn_op dropout_op = {
    .kind = "dropout",
    .title = "Dropout",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
