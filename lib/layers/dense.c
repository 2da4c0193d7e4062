/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A fully connected layer on the last dimension, with its bias and activation.
 *
 *  Formula   y[m,u] = act(b[u] + sum_k x[m,k] w[k,u]), where m runs over all dimensions but the last
 *            dw = x^T dy, db = sum_m dy, dx = dy w^T, with dy times act' first
 *  Source    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986 */
#include "base/options.h"
#include "base/status.h"
#include "kernels/conv.h"
#include "kernels/kernels.h"
#include "layers/construct.h"

#include <string.h>

typedef struct dense_layer {
    tn_layer base;
    int64_t units;
    tn_activation activation;
    bool has_bias;
} dense_layer;

enum { WEIGHT, BIAS };

static const tn_op dense_op;

/* --- options */

static tn_status create(const tn_dense_options *options, tn_layer **out)
{
    tn_dense_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_dense_options"));
    const char *label = tn_layer_label(dense_op.kind, o.name);
    TN_TRY(tn_option_at_least(label, "units", o.units, 1));
    TN_TRY(tn_option_activation(label, o.activation));
    dense_layer *layer;
    TN_TRY(tn_layer_new(&dense_op, sizeof *layer, o.allocator, o.name, &layer));
    layer->base.frozen = o.frozen;
    layer->units = o.units;
    layer->activation = o.activation;
    layer->has_bias = !o.without_bias;
    *out = &layer->base;
    return TN_OK;
}

tn_layer *tn_dense_create(const tn_dense_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(options, &layer);
    return tn_layer_result(status, layer);
}

/* --- shapes */

/* M: all dimensions but the last as one. */
static int64_t rows(const tn_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank - 1; i++)
        count *= shape->dims[i];
    return count;
}

static int64_t features(const tn_shape *in)
{
    return in->dims[in->rank - 1];
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    const dense_layer *dense = (const dense_layer *)layer;
    if (in->rank < 2)
        return TN_FAIL(TN_ERR_SHAPE, "%s: input of rank %d is not [N,...,K]", name, in->rank);
    tn_shape shape = *in;
    shape.dims[shape.rank - 1] = dense->units;
    TN_TRY(tn_shape_fits(name, "output", &shape));
    *out = shape;
    return TN_OK;
}

static tn_status parameter(const tn_layer *layer, const char *name, const tn_shape *in, int index, tn_op_parameter *out)
{
    const dense_layer *dense = (const dense_layer *)layer;
    if (index == WEIGHT) {
        const tn_op_parameter weight = {"weight", {2, {features(in), dense->units}},
                                        tn_glorot_limit((double)features(in), (double)dense->units)};
        TN_TRY(tn_shape_fits(name, "weight", &weight.shape));
        *out = weight;
        return TN_OK;
    }
    if (index != BIAS || !dense->has_bias)
        return TN_NOT_FOUND;
    *out = (tn_op_parameter){"bias", {1, {dense->units}}, 0.0f};
    return TN_OK;
}

/* --- scratch, cost */

static void need(size_t bytes, size_t *scratch)
{
    if (bytes > *scratch)
        *scratch = bytes;
}

static tn_status need_product(const tn_op_setup *setup, int64_t m, int64_t n, int64_t k, size_t *scratch)
{
    size_t bytes;
    TN_TRY(tn_matmul_scratch(m, n, k, setup->threads, &bytes));
    need(bytes, scratch);
    return TN_OK;
}

static tn_status need_gradients(const tn_op_setup *setup, int64_t m, int64_t k, int64_t u, size_t *scratch)
{
    bool sunk = setup->sunk_gradients >> WEIGHT & 1U;
    size_t weight, bias;
    if (sunk)
        TN_TRY(tn_matmul_sink_scratch(k, u, m, setup->threads, &weight));
    else
        TN_TRY(tn_matmul_scratch(k, u, m, setup->threads, &weight));
    TN_TRY(tn_bias_gradient_scratch(m, u, &bias));
    need(weight, scratch);
    need(bias, scratch);
    return TN_OK;
}

static tn_status need_scratch(const dense_layer *dense, const tn_op_setup *setup, size_t *scratch)
{
    int64_t m = rows(&setup->in), k = features(&setup->in), u = dense->units;
    TN_TRY(need_product(setup, m, u, k, scratch));
    if (setup->training && setup->input_gradient)
        TN_TRY(need_product(setup, m, k, u, scratch));
    if (setup->training && setup->param_gradients)
        TN_TRY(need_gradients(setup, m, k, u, scratch));
    return TN_OK;
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    const dense_layer *dense = (const dense_layer *)layer;
    TN_TRY(need_scratch(dense, setup, &out->scratch_bytes));
    bool backward = setup->training && (setup->input_gradient || setup->param_gradients);
    out->backward_needs_x = setup->training && setup->param_gradients;
    out->backward_needs_y = backward && dense->activation != TN_LINEAR && !setup->relu_is_taken_over;
    memcpy(out->state, &setup->relu_is_taken_over, sizeof setup->relu_is_taken_over);
    out->flops_forward = 2.0 * (double)rows(&setup->in) * (double)features(&setup->in) * (double)dense->units;
    out->flops_backward = out->flops_forward * ((double)setup->input_gradient + (double)setup->param_gradients);
    return TN_OK;
}

static bool ends_in_relu(const tn_layer *layer)
{
    return ((const dense_layer *)layer)->activation == TN_RELU;
}

/* --- forward, backward */

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    const dense_layer *dense = (const dense_layer *)layer;
    int64_t m = rows(&run->in), k = features(&run->in), u = dense->units;
    bool softmax = dense->activation == TN_SOFTMAX;
    const tn_matmul_args product = {
        .m = m,
        .n = u,
        .k = k,
        .a = {run->x, k, 1},
        .b = {run->params[WEIGHT], u, 1},
        .c = run->y,
        .ldc = u,
        .alpha = 1.0f,
        .bias = dense->has_bias ? run->params[BIAS] : NULL,
        .activation = softmax ? TN_LINEAR : dense->activation,
    };
    tn_matmul(run->pool, &product, run->scratch);
    if (softmax)
        tn_softmax(run->pool, run->y, run->y, m, u, 1);
    return TN_OK;
}

/* dy becomes the gradient by what the activation was given; state: prepare's relu_is_taken_over. */
static void through_activation(const dense_layer *dense, const tn_op_run *run)
{
    int64_t m = rows(&run->out), u = dense->units;
    if (dense->activation == TN_SOFTMAX)
        tn_softmax_gradient(run->pool, run->y, run->dy, run->dy, m, u, 1);
    else if (dense->activation != TN_LINEAR && !*(const bool *)run->state)
        tn_activate_gradient(run->pool, dense->activation, run->y, run->dy, run->dy, m * u);
}

/* To dw, or to the sink where there is one. */
static void weight_gradient(const tn_op_run *run, int64_t m, int64_t k, int64_t u, float *dw, const tn_sink *sink)
{
    const tn_matmul_args product = {
        .m = k,
        .n = u,
        .k = m,
        .a = {run->x, 1, k},
        .b = {run->dy, u, 1},
        .c = dw,
        .ldc = u,
        .alpha = 1.0f,
        .beta = run->add ? 1.0f : 0.0f,
        .sink = sink,
    };
    tn_matmul(run->pool, &product, run->scratch);
}

static void input_gradient(const tn_op_run *run, int64_t m, int64_t k, int64_t u)
{
    const tn_matmul_args product = {
        .m = m,
        .n = k,
        .k = u,
        .a = {run->dy, u, 1},
        .b = {run->params[WEIGHT], 1, u},
        .c = run->dx,
        .ldc = k,
        .alpha = 1.0f,
    };
    tn_matmul(run->pool, &product, run->scratch);
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    const dense_layer *dense = (const dense_layer *)layer;
    int64_t m = rows(&run->in), k = features(&run->in), u = dense->units;
    float *dw = run->dparams != NULL ? run->dparams[WEIGHT] : NULL;
    float *db = run->dparams != NULL && dense->has_bias ? run->dparams[BIAS] : NULL;
    const tn_sink *sink = run->sinks != NULL && run->sinks[WEIGHT].take != NULL ? &run->sinks[WEIGHT] : NULL;
    through_activation(dense, run);
    if (db != NULL)
        tn_bias_gradient(run->pool, run->dy, m, u, run->add, db, run->scratch);
    if (run->dx != NULL)
        input_gradient(run, m, k, u);
    if (dw != NULL || sink != NULL) /* last, as the sink may change the weights */
        weight_gradient(run, m, k, u, dw, sink);
    return TN_OK;
}

static const tn_op dense_op = {
    .kind = "dense",
    .title = "Dense",
    .infer = infer,
    .parameter = parameter,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .can_sink = 1U << WEIGHT,
    .ends_in_relu = ends_in_relu,
};
