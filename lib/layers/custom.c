/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A layer of the caller's functions. They see tensors, which are made here on the stack over the session's memory.
 *
 *  What the functions answer is checked before anybody believes it. A function that fails without saying why gets a
 * line that names the layer and the function; one that says why gets the layer's name in front of it. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "layers/construct.h"
#include "layers/identity.h"
#include "tensor/storage.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* Each custom layer carries an operator table of its own: kind, title and what it cannot do differ. */
typedef struct custom_layer {
    tn_layer base;
    tn_op op;
    tn_layer_ops ops;
    void *self;
} custom_layer;

/* What prepare works out. */
typedef struct custom_state {
    int count; /* of parameters */
    tn_shape shapes[TN_OP_MAX_PARAMETERS];
    size_t own_scratch; /* the caller's; room for gradients that nobody wants follows it */
} custom_state;
static_assert(sizeof(custom_state) <= TN_OP_STATE_BYTES, "the parameters' shapes fit an operator's state");

static const tn_op custom_op;

/* --- making */

static tn_status check_ops(const tn_layer_ops *ops)
{
    TN_TRY(tn_name_check("custom", "kind", ops->kind, TN_KIND_LENGTH));
    if (ops->infer == NULL || ops->forward == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is NULL, but is required", ops->kind,
                       ops->infer == NULL ? "infer" : "forward");
    return TN_OK;
}

static tn_status create(const tn_layer_ops *ops, void *self, const tn_layer_options *options, tn_layer **out)
{
    tn_layer_ops known;
    tn_layer_options o;
    if (ops == NULL)
        return TN_FAIL(TN_ERR_INVALID, "custom: ops is NULL");
    TN_TRY(tn_options_read(&known, sizeof known, ops, "tn_layer_ops"));
    TN_TRY(check_ops(&known));
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_layer_options"));
    custom_layer *layer;
    TN_TRY(tn_layer_new(&custom_op, sizeof *layer, o.allocator, o.name, &layer));
    layer->op = custom_op;
    layer->op.kind = layer->op.title = known.kind;
    if (known.parameter == NULL)
        layer->op.parameter = NULL;
    if (known.backward == NULL)
        layer->op.backward = NULL;
    layer->base.op = &layer->op;
    layer->ops = known;
    layer->self = self;
    *out = &layer->base;
    return TN_OK;
}

tn_layer *tn_custom_create(const tn_layer_ops *ops, void *self, const tn_layer_options *options)
{
    tn_layer *layer = NULL;
    tn_status status = create(ops, self, options, &layer);
    bool knows_destroy = ops != NULL && ops->struct_size >= offsetof(tn_layer_ops, destroy) + sizeof ops->destroy;
    if (status != TN_OK && knows_destroy && ops->destroy != NULL)
        ops->destroy(self);
    return tn_layer_result(status, layer);
}

static void destroy(tn_layer *layer)
{
    const custom_layer *custom = (const custom_layer *)layer;
    if (custom->ops.destroy != NULL)
        custom->ops.destroy(custom->self);
}

/* --- failures of the caller's functions */

/* Name the layer, before what the function has said of its own since there were `before` failures. */
static tn_status refused(const char *name, const char *function, tn_status status, uint64_t before)
{
    if (tn_last_status() == status && tn_fail_count() != before)
        return TN_FAIL(status, "%s: %s", name, tn_last_error());
    return TN_FAIL(status, "%s: its function %s gave %s", name, function, tn_status_name(status));
}

/* --- shapes */

static tn_status check_shape(const char *name, const char *what, const tn_shape *shape, int least_rank)
{
    char text[TN_SHAPE_TEXT];
    bool good = shape->rank >= least_rank && shape->rank <= TN_MAX_RANK;
    if (!good)
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s has rank %d, must be in [%d,%d]", name, what, shape->rank, least_rank,
                       TN_MAX_RANK);
    for (int i = 0; i < shape->rank; i++)
        good = good && shape->dims[i] >= 1;
    if (!good)
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s is %s, where no dimension may be less than 1", name, what,
                       tn_shape_text(shape, text, sizeof text));
    return tn_shape_fits(name, what, shape);
}

static tn_status infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    const custom_layer *custom = (const custom_layer *)layer;
    tn_shape shape = {0};
    uint64_t before = tn_fail_count();
    tn_status status = custom->ops.infer(custom->self, in, &shape);
    if (status != TN_OK)
        return refused(name, "infer", status, before);
    TN_TRY(check_shape(name, "output", &shape, 1));
    if (shape.dims[0] != in->dims[0]) {
        char from[TN_SHAPE_TEXT], to[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "%s: output %s has not the batch of input %s", name,
                       tn_shape_text(&shape, to, sizeof to), tn_shape_text(in, from, sizeof from));
    }
    *out = shape;
    return TN_OK;
}

static tn_status check_spec(const char *name, const tn_parameter_spec *spec)
{
    TN_TRY(tn_name_check(name, "name of a parameter", spec->name, TN_NAME_LENGTH));
    TN_TRY(check_shape(name, spec->name, &spec->shape, 0));
    if (!(spec->init_limit >= 0.0f) || !isfinite(spec->init_limit))
        return TN_FAIL(TN_ERR_INVALID, "%s: init_limit of %s is %g, must be at least 0", name, spec->name,
                       (double)spec->init_limit);
    return TN_OK;
}

/* Parameters do not depend on the batch: the function is always asked about one of 1. */
static tn_status parameter(const tn_layer *layer, const char *name, const tn_shape *in, int index, tn_op_parameter *out)
{
    const custom_layer *custom = (const custom_layer *)layer;
    tn_parameter_spec spec = {0};
    tn_shape one = *in;
    one.dims[0] = 1;
    uint64_t before = tn_fail_count();
    tn_status status = custom->ops.parameter(custom->self, &one, index, &spec);
    if (status == TN_NOT_FOUND)
        return TN_NOT_FOUND;
    if (status != TN_OK)
        return refused(name, "parameter", status, before);
    if (index >= TN_OP_MAX_PARAMETERS)
        return TN_FAIL(TN_ERR_INVALID, "%s: more than %d parameters", name, TN_OP_MAX_PARAMETERS);
    TN_TRY(check_spec(name, &spec));
    *out = (tn_op_parameter){spec.name, spec.shape, spec.init_limit};
    return TN_OK;
}

/* --- scratch */

static tn_status parameter_shapes(const custom_layer *custom, const tn_op_setup *setup, custom_state *state,
                                  size_t *bytes)
{
    *bytes = 0;
    while (custom->ops.parameter != NULL) {
        tn_op_parameter spec;
        tn_status status = parameter(&custom->base, setup->name, &setup->in, state->count, &spec);
        if (status == TN_NOT_FOUND)
            break;
        TN_TRY(status);
        state->shapes[state->count++] = spec.shape;
        size_t size = tn_align_up((size_t)tn_shape_count(&spec.shape) * sizeof(float));
        if (!tn_add_size(*bytes, size, bytes))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: its parameters are too large", setup->name);
    }
    return TN_OK;
}

/* The functions may write every gradient, so those that nobody wants need a place too. */
static tn_status prepare(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out)
{
    const custom_layer *custom = (const custom_layer *)layer;
    bool backward = setup->training && (setup->input_gradient || setup->param_gradients);
    custom_state state = {0};
    size_t unwanted;
    TN_TRY(parameter_shapes(custom, setup, &state, &unwanted));
    if (custom->ops.scratch_bytes != NULL)
        state.own_scratch = custom->ops.scratch_bytes(custom->self, &setup->in);
    if (!backward || setup->all_param_gradients)
        unwanted = 0;
    if (state.own_scratch > PTRDIFF_MAX / 2 || unwanted > PTRDIFF_MAX / 2)
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: scratch_bytes is %zu, too many", setup->name, state.own_scratch);
    out->scratch_bytes = tn_align_up(state.own_scratch) + unwanted;
    out->backward_needs_x = out->backward_needs_y = backward;
    memcpy(out->state, &state, sizeof state);
    return TN_OK;
}

/* --- forward, backward */

/* One call's tensors, and the lists of pointers to them. */
typedef struct call_tensors {
    tn_tensor x, y, dy, dx;
    tn_tensor params[TN_OP_MAX_PARAMETERS], dparams[TN_OP_MAX_PARAMETERS];
    const tn_tensor *param_list[TN_OP_MAX_PARAMETERS];
    tn_tensor *dparam_list[TN_OP_MAX_PARAMETERS];
} call_tensors;

static tn_layer_call call_of(const tn_op_run *run, call_tensors *tensors)
{
    const custom_state *state = run->state;
    union {
        const float *read;
        float *write;
    } x = {run->x}; /* the tensor is const for the caller */
    tn_tensor_borrow(&tensors->x, &run->in, x.write);
    tn_tensor_borrow(&tensors->y, &run->out, run->y);
    for (int i = 0; i < state->count; i++) {
        tn_tensor_borrow(&tensors->params[i], &state->shapes[i], run->params[i]);
        tensors->param_list[i] = &tensors->params[i];
    }
    return (tn_layer_call){
        .struct_size = sizeof(tn_layer_call),
        .x = &tensors->x,
        .y = &tensors->y,
        .params = tensors->param_list,
        .scratch = state->own_scratch > 0 ? run->scratch : NULL,
        .training = run->training,
        .seed = run->key,
        .step = run->step,
    };
}

static tn_status forward(const tn_layer *layer, const tn_op_run *run)
{
    const custom_layer *custom = (const custom_layer *)layer;
    call_tensors tensors;
    const tn_layer_call call = call_of(run, &tensors);
    uint64_t before = tn_fail_count();
    tn_status status = custom->ops.forward(custom->self, &call);
    return status == TN_OK ? TN_OK : refused(run->name, "forward", status, before);
}

/* Gradients start at zero, unless they are to be added to. */
static void lay_out_gradients(const tn_op_run *run, call_tensors *tensors)
{
    const custom_state *state = run->state;
    char *unwanted = run->scratch != NULL ? (char *)run->scratch + tn_align_up(state->own_scratch) : NULL;
    for (int i = 0; i < state->count; i++) {
        size_t bytes = (size_t)tn_shape_count(&state->shapes[i]) * sizeof(float);
        float *gradient = run->dparams != NULL ? run->dparams[i] : NULL;
        bool wanted = gradient != NULL;
        if (!wanted) {
            gradient = (float *)(void *)unwanted;
            unwanted += tn_align_up(bytes);
        }
        if (!wanted || !run->add)       /* there is scratch for every gradient that is not wanted */
            memset(gradient, 0, bytes); /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
        tn_tensor_borrow(&tensors->dparams[i], &state->shapes[i], gradient);
        tensors->dparam_list[i] = &tensors->dparams[i];
    }
}

static tn_status backward(const tn_layer *layer, const tn_op_run *run)
{
    const custom_layer *custom = (const custom_layer *)layer;
    call_tensors tensors;
    tn_layer_call call = call_of(run, &tensors);
    tn_tensor_borrow(&tensors.dy, &run->out, run->dy);
    call.dy = &tensors.dy;
    if (run->dx != NULL) {
        tn_tensor_borrow(&tensors.dx, &run->in, run->dx);
        call.dx = &tensors.dx;
    }
    lay_out_gradients(run, &tensors);
    call.dparams = tensors.dparam_list;
    uint64_t before = tn_fail_count();
    tn_status status = custom->ops.backward(custom->self, &call);
    return status == TN_OK ? TN_OK : refused(run->name, "backward", status, before);
}

static const tn_op custom_op = {
    .kind = "custom",
    .title = "Custom",
    .infer = infer,
    .parameter = parameter,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
    .can_fail = true,
};
