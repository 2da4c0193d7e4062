/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Two-dimensional convolution, with its bias and activation.
 *
 *  Formula   y[n,i,j,f] = act(b[f] + sum_{r,s,c} x[n, i*stride_h + r*dilation_h - pad_top,
 *                                                    j*stride_w + s*dilation_w - pad_left, g*C/groups + c] w[r,s,c,f])
 *            with g = f / (F / groups), the group of filter f; pixels outside the image are zero
 *  Source    LeCun et al., "Gradient-based learning applied to document recognition", 1998; groups: Krizhevsky,
 *            Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012 */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/conv_candidates.h"
#include "kernels/kernels.h"
#include "layers/construct.h"
#include "layers/conv2d_algorithms.h"
#include "layers/window.h"
#include "tensor/storage.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

typedef struct conv2d_layer {
    tn_layer base;
    tn_window window;
    int64_t filters, groups;
    tn_activation activation;
    bool has_bias;
} conv2d_layer;

/* What prepare works out; passes that are not wanted have an empty name. */
typedef struct conv2d_state {
    tn_conv_plan forward, data, filter;
    bool relu_is_taken_over;
} conv2d_state;
static_assert(sizeof(conv2d_state) <= TN_OP_STATE_BYTES, "the plans of three passes fit an operator's state");

enum { WEIGHT, BIAS };

static const tn_op conv2d_op;

/* --- options */

static tn_status read_window(const char *label, const tn_conv2d_options *o, tn_window *out)
{
    const tn_window_options options = {
        .size_name = "kernel",
        .size = {o->kernel_size, o->kernel_height, o->kernel_width},
        .strides = {o->strides, o->strides_height, o->strides_width},
        .dilation = {o->dilation, o->dilation_height, o->dilation_width},
        .padding = o->padding,
        .pads = {o->pad_top, o->pad_bottom, o->pad_left, o->pad_right},
    };
    return tn_window_read(label, &options, out);
}

static tn_status check_groups(const char *label, int64_t filters, int64_t groups)
{
    TN_TRY(tn_option_at_least(label, "filters", filters, 1));
    TN_TRY(tn_option_at_least(label, "groups", groups, 1));
    if (filters % groups != 0)
        return TN_FAIL(TN_ERR_INVALID, "%s: filters is %" PRId64 ", which is not a multiple of groups=%" PRId64, label,
                       filters, groups);
    return TN_OK;
}

static tn_status create(const tn_conv2d_options *options, tn_layer **out)
{
    tn_conv2d_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_conv2d_options"));
    const char *label = tn_layer_label(conv2d_op.kind, o.name);
    int64_t groups = o.groups == 0 ? 1 : o.groups;
    tn_window window;
    TN_TRY(check_groups(label, o.filters, groups));
    TN_TRY(read_window(label, &o, &window));
    TN_TRY(tn_option_activation(label, o.activation));
    conv2d_layer *layer;
    TN_TRY(tn_layer_new(&conv2d_op, sizeof *layer, o.allocator, o.name, &layer));
    layer->base.frozen = o.frozen;
    layer->window = window;
    layer->filters = o.filters;
    layer->groups = groups;
    layer->activation = o.activation;
    layer->has_bias = !o.without_bias;
    *out = &layer->base;
    return TN_OK;
}

tn_layer *tn_conv2d_create(const tn_conv2d_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(options, &layer);
    return tn_layer_result(status, layer);
}

/* --- shapes */

/* The passes count floats to every tap of every window, also of those outside of the image, and one step further. */
static tn_status check_reach(const char *name, const tn_window *window, const tn_shape *in, const tn_window_fit *fit)
{
    for (int d = 0; d < 2; d++) {
        int64_t pitch = in->dims[3] * (d == 0 ? in->dims[2] : 1), reach = in->dims[d + 1], floats;
        if (!tn_add_i64(reach, fit->pad_begin[d], &reach) || !tn_add_i64(reach, fit->pad_end[d], &reach) ||
            !tn_add_i64(reach, window->extent[d], &reach) || !tn_add_i64(reach, window->dilation[d], &reach) ||
            !tn_add_i64(reach, window->stride[d], &reach) || !tn_mul_i64(reach, pitch, &floats) ||
            floats > INT64_MAX / 8)
            return TN_FAIL(TN_ERR_OVERFLOW,
                           "%s: strides of %" PRId64 ", dilation of %" PRId64 " and padding of %" PRId64 " and %" PRId64
                           " reach too far",
                           name, window->stride[d], window->dilation[d], fit->pad_begin[d], fit->pad_end[d]);
    }
    return TN_OK;
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    const conv2d_layer *conv = (const conv2d_layer *)layer;
    tn_window_fit fit;
    TN_TRY(tn_window_lay(name, &conv->window, in, &fit));
    TN_TRY(check_reach(name, &conv->window, in, &fit));
    if (in->dims[3] % conv->groups != 0)
        return TN_FAIL(TN_ERR_SHAPE, "%s: input has C=%" PRId64 ", which is not a multiple of groups=%" PRId64, name,
                       in->dims[3], conv->groups);
    const tn_shape shape = {4, {in->dims[0], fit.out[0], fit.out[1], conv->filters}};
    TN_TRY(tn_shape_fits(name, "output", &shape));
    *out = shape;
    return TN_OK;
}

/* Fans as Keras counts them: the filters [R,S,C/groups,F] are taken whole, so fan_out does not see the groups. */
static tn_status parameter(const tn_layer *layer, const char *name, const tn_shape *in, int index, tn_op_parameter *out)
{
    const conv2d_layer *conv = (const conv2d_layer *)layer;
    const int64_t *size = conv->window.size;
    if (index == WEIGHT) {
        int64_t channels = in->dims[3] / conv->groups;
        double window = (double)size[0] * (double)size[1];
        const tn_op_parameter weight = {"weight", {4, {size[0], size[1], channels, conv->filters}},
                                        tn_glorot_limit(window * (double)channels, window * (double)conv->filters)};
        TN_TRY(tn_shape_fits(name, "weight", &weight.shape));
        *out = weight;
        return TN_OK;
    }
    if (index != BIAS || !conv->has_bias)
        return TN_NOT_FOUND;
    *out = (tn_op_parameter){"bias", {1, {conv->filters}}, 0.0f};
    return TN_OK;
}

/* --- scratch, algorithms, cost */

static tn_status conv_shape(const conv2d_layer *conv, const tn_op_setup *setup, tn_conv_shape *out)
{
    const tn_window *window = &conv->window;
    const int64_t *in = setup->in.dims;
    tn_window_fit fit;
    TN_TRY(tn_window_lay(setup->name, window, &setup->in, &fit));
    *out = (tn_conv_shape){
        .n = in[0], .h = in[1], .w = in[2], .c = in[3],
        .r = window->size[0], .s = window->size[1], .f = conv->filters,
        .oh = fit.out[0], .ow = fit.out[1],
        .stride_h = window->stride[0], .stride_w = window->stride[1],
        .dilation_h = window->dilation[0], .dilation_w = window->dilation[1],
        .pad_top = fit.pad_begin[0], .pad_left = fit.pad_begin[1],
        .groups = conv->groups,
    };
    return TN_OK;
}

/* Filters are prepared for one pass: forward in prediction, the gradient of the data in training. */
static bool keeps_prepared(const tn_op_setup *setup, tn_conv_pass pass)
{
    return setup->keeps_prepared && pass == (setup->training ? TN_CONV_DATA : TN_CONV_FORWARD);
}

/* The setup's algorithm where it names one for this pass, otherwise the choice of the cost model or of the clock. */
static tn_status choose(const tn_op_setup *setup, const tn_conv_shape *shape, tn_conv_pass pass, tn_conv_plan *plan)
{
    const tn_conv_wishes wishes = {setup->precise, keeps_prepared(setup, pass), setup->threads};
    int tile;
    bool bound;
    TN_TRY(tn_conv2d_read_algorithm(setup, shape, pass, &bound, &tile));
    if (bound)
        return tn_conv_plan_tile(shape, pass, tile, &wishes, plan);
    TN_TRY(tn_conv_plan_pass(shape, pass, &wishes, plan));
    return setup->measure != NULL ? tn_conv_measure(setup->measure, &wishes, plan) : TN_OK;
}

static tn_status plan_pass(const tn_op_setup *setup, const tn_conv_shape *shape, tn_conv_pass pass, tn_conv_plan *plan,
                           size_t *scratch)
{
    TN_TRY(choose(setup, shape, pass, plan));
    if (plan->scratch_bytes > *scratch)
        *scratch = plan->scratch_bytes;
    return TN_OK;
}

/* Plans that are not wanted ask for nothing. */
static int64_t least_images(const conv2d_state *state)
{
    return tn_max(state->forward.least_images, tn_max(state->data.least_images, state->filter.least_images));
}

/* The plans of the passes that will be asked for, and the most scratch that any of them and the bias need. */
static tn_status plan_passes(const tn_op_setup *setup, const tn_conv_shape *shape, conv2d_state *state, size_t *scratch)
{
    TN_TRY(plan_pass(setup, shape, TN_CONV_FORWARD, &state->forward, scratch));
    if (setup->training && setup->input_gradient)
        TN_TRY(plan_pass(setup, shape, TN_CONV_DATA, &state->data, scratch));
    if (setup->training && setup->param_gradients) {
        size_t bias;
        TN_TRY(plan_pass(setup, shape, TN_CONV_FILTER, &state->filter, scratch));
        TN_TRY(tn_bias_gradient_scratch(shape->n * shape->oh * shape->ow, shape->f, &bias));
        if (bias > *scratch)
            *scratch = bias;
    }
    return TN_OK;
}

static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    const conv2d_layer *conv = (const conv2d_layer *)layer;
    tn_conv_shape shape;
    TN_TRY(conv_shape(conv, setup, &shape));
    conv2d_state state = {.relu_is_taken_over = setup->relu_is_taken_over};
    TN_TRY(plan_passes(setup, &shape, &state, &out->scratch_bytes));
    memcpy(out->state, &state, sizeof state);
    out->prepared_bytes = state.forward.prepared_bytes + state.data.prepared_bytes; /* one of them is 0 */
    out->least_images = least_images(&state);
    tn_conv2d_name_algorithms(state.forward.name, state.data.name, state.filter.name, out);
    bool backward = setup->training && (setup->input_gradient || setup->param_gradients);
    out->backward_needs_x = setup->training && setup->param_gradients;
    out->backward_needs_y = backward && conv->activation != TN_LINEAR && !setup->relu_is_taken_over;
    double taps = (double)shape.r * (double)shape.s * (double)(shape.c / shape.groups);
    out->flops_forward = 2.0 * (double)shape.n * (double)shape.oh * (double)shape.ow * (double)shape.f * taps;
    out->flops_backward = out->flops_forward * ((double)setup->input_gradient + (double)setup->param_gradients);
    return TN_OK;
}

static bool ends_in_relu(const tn_layer *layer)
{
    return ((const conv2d_layer *)layer)->activation == TN_RELU;
}

/* --- forward, backward */

static int64_t pixels(const tn_op_run *run)
{
    return run->out.dims[0] * run->out.dims[1] * run->out.dims[2];
}

static void derive(const tn_layer *layer, const tn_op_run *run)
{
    const conv2d_state *state = run->state;
    const tn_conv_plan *plan = state->data.prepared_bytes > 0 ? &state->data : &state->forward;
    (void)layer;
    tn_conv_prepare(plan, run->pool, run->params[WEIGHT], run->prepared);
}

static const void *prepared_for(const tn_conv_plan *plan, const tn_op_run *run)
{
    return plan->prepared_bytes > 0 ? run->prepared : NULL;
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    const conv2d_layer *conv = (const conv2d_layer *)layer;
    const conv2d_state *state = run->state;
    bool softmax = conv->activation == TN_SOFTMAX;
    tn_conv_forward(&state->forward, run->pool, run->in.dims[0], run->x, run->params[WEIGHT],
                    prepared_for(&state->forward, run), conv->has_bias ? run->params[BIAS] : NULL,
                    softmax ? TN_LINEAR : conv->activation, run->y, run->scratch);
    if (softmax)
        tn_softmax(run->pool, run->y, run->y, pixels(run), conv->filters, 1);
    return TN_OK;
}

/* dy becomes the gradient by what the activation was given. */
static void through_activation(const conv2d_layer *conv, const tn_op_run *run)
{
    if (conv->activation == TN_SOFTMAX)
        tn_softmax_gradient(run->pool, run->y, run->dy, run->dy, pixels(run), conv->filters, 1);
    else if (conv->activation != TN_LINEAR && !((const conv2d_state *)run->state)->relu_is_taken_over)
        tn_activate_gradient(run->pool, conv->activation, run->y, run->dy, run->dy, pixels(run) * conv->filters);
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    const conv2d_layer *conv = (const conv2d_layer *)layer;
    const conv2d_state *state = run->state;
    int64_t n = run->in.dims[0];
    float *dw = run->dparams != NULL ? run->dparams[WEIGHT] : NULL;
    float *db = run->dparams != NULL && conv->has_bias ? run->dparams[BIAS] : NULL;
    through_activation(conv, run);
    if (db != NULL)
        tn_bias_gradient(run->pool, run->dy, pixels(run), conv->filters, run->add, db, run->scratch);
    if (dw != NULL)
        tn_conv_filter_gradient(&state->filter, run->pool, n, run->x, run->dy, run->add, dw, run->scratch);
    if (run->dx != NULL)
        tn_conv_data_gradient(&state->data, run->pool, n, run->dy, run->params[WEIGHT],
                              prepared_for(&state->data, run), run->dx, run->scratch);
    return TN_OK;
}

static const tn_op conv2d_op = {
    .kind = "conv2d",
    .title = "Conv2D",
    .infer = infer,
    .parameter = parameter,
    .prepare = prepare,
    .derive = derive,
    .forward = forward,
    .backward = backward,
    .ends_in_relu = ends_in_relu,
    .by_image = true,
};
