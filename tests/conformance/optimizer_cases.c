/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Adam and Momentum: tn_optimizer_step on dense layers without bias, whose weights stand for the case's tensors. A
 *  forward and a backward of zeros come first, then gradients, weights and state are set from the case.
 *
 *  Inputs are R (rate), T (steps made) and for each tensor X, G and the states; outputs X and the states. Where T is 0,
 *  ONNX corrects no bias (Adam) and takes the gradient whole (Momentum). */
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TENSORS = 3 };

typedef struct optimizer_case {
    const onnx_case *c;
    const char *const *states; /* our names of them */
    int state_count, tensor_count;
    float rate;
    int64_t steps;
} optimizer_case;

static tn_tensor *input_of(const optimizer_case *o, int kind, int tensor)
{
    return o->c->inputs[2 + kind * o->tensor_count + tensor].tensor;
}

/* Layer after layer: tensor i is the weight [1,n] of dense layer i, so only the last may have more than one element. */
static tn_layer *net_of(const optimizer_case *o)
{
    tn_layer *layers[MAX_TENSORS];
    for (int i = 0; i < o->tensor_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        layers[i] = tn_dense(.units = tn_tensor_size(input_of(o, 0, i)), .without_bias = true, .name = name);
    }
    return tn_sequential_create(NULL, layers, (size_t)o->tensor_count);
}

static tn_status zero_pass(tn_session *session, const tn_tensor *x)
{
    const tn_tensor *y;
    tn_tensor *dy = NULL;
    tn_status status = tn_session_forward(session, x, TN_TRAIN, &y);
    if (status == TN_OK)
        status = tn_tensor_clone(NULL, y, &dy);
    if (status == TN_OK)
        status = tn_session_backward(session, dy, TN_GRADIENT_WRITE);
    tn_tensor_destroy(&dy);
    return status;
}

/* Give tensor i its weight, gradient and states. */
static tn_status set_tensor(const optimizer_case *o, int i, single_layer *net, tn_optimizer *optimizer)
{
    char name[32];
    tn_tensor *gradient, *value = NULL;
    const int64_t dims[2] = {1, -1};
    snprintf(name, sizeof name, "p%d.weight", i);
    tn_status status = tn_session_gradient(net->session, name, &gradient);
    if (status != TN_OK)
        return status;
    memcpy(tn_tensor_f32(gradient), tn_tensor_const_f32(input_of(o, 1, i)), tn_tensor_bytes(gradient));
    status = tn_tensor_reshape(input_of(o, 0, i), 2, dims, &value);
    if (status == TN_OK)
        status = tn_model_parameter_set(net->model, name, value);
    tn_tensor_destroy(&value);
    for (int s = 0; s < o->state_count && status == TN_OK; s++) {
        status = tn_tensor_reshape(input_of(o, 2 + s, i), 2, dims, &value);
        if (status == TN_OK)
            status = tn_optimizer_state_set(optimizer, name, o->states[s], value);
        tn_tensor_destroy(&value);
    }
    return status;
}

static tn_status step(const optimizer_case *o, single_layer *net, tn_optimizer *optimizer, const tn_tensor *x)
{
    tn_status status = zero_pass(net->session, x);
    if (status == TN_OK)
        status = tn_optimizer_bind(optimizer, net->model);
    for (int i = 0; i < o->tensor_count && status == TN_OK; i++)
        status = set_tensor(o, i, net, optimizer);
    if (status == TN_OK)
        status = tn_optimizer_set_step_count(optimizer, o->steps);
    return status == TN_OK ? tn_optimizer_step(optimizer, net->session) : status;
}

/* Compare one output with ours, which has shape [1,n]. */
static bool compare(const onnx_case *c, int output, const tn_tensor *ours, verdict *v)
{
    tn_tensor *copy = NULL, *flat = NULL;
    char what[32];
    snprintf(what, sizeof what, "output %d", output);
    tn_status status = tn_tensor_clone(NULL, ours, &copy);
    if (status == TN_OK)
        status = tn_tensor_reshape(copy, 1, (const int64_t[]){-1}, &flat);
    bool good = status == TN_OK ? agrees(flat, c->outputs[output].tensor, what, v) : !library_failed(v, what);
    tn_tensor_destroy(&copy);
    tn_tensor_destroy(&flat);
    return good;
}

static void compare_all(const optimizer_case *o, single_layer *net, tn_optimizer *optimizer, verdict *v)
{
    bool good = true;
    for (int i = 0; i < o->tensor_count && good; i++) {
        char name[32];
        const tn_tensor *ours;
        snprintf(name, sizeof name, "p%d.weight", i);
        good =
            tn_model_parameter(net->model, name, &ours) == TN_OK ? compare(o->c, i, ours, v) : !library_failed(v, name);
        for (int s = 0; s < o->state_count && good; s++)
            good = tn_optimizer_state(optimizer, name, o->states[s], &ours) == TN_OK
                       ? compare(o->c, (s + 1) * o->tensor_count + i, ours, v)
                       : !library_failed(v, name);
    }
}

static bool run_optimizer(const optimizer_case *o, tn_optimizer *optimizer, verdict *v)
{
    single_layer net = {NULL, NULL};
    tn_tensor *x = NULL;
    tn_status status = optimizer ? tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){1, 1}, &x) : tn_last_status();
    if (status == TN_OK)
        status = single_layer_create(net_of(o), x, true, &net);
    if (status == TN_OK)
        status = step(o, &net, optimizer, x);
    if (status == TN_OK)
        compare_all(o, &net, optimizer, v);
    else
        library_failed(v, o->c->op);
    tn_tensor_destroy(&x);
    single_layer_destroy(&net);
    tn_optimizer_destroy(&optimizer);
    return true;
}

/* Read what both have; false if the case does not apply. */
static bool read_case(const onnx_case *c, const char *const *states, int state_count, optimizer_case *o, verdict *v)
{
    *o = (optimizer_case){.c = c, .states = states, .state_count = state_count};
    o->tensor_count = (c->input_count - 2) / (2 + state_count);
    if (!onnx_complete(c) || tn_tensor_dtype(c->inputs[2].tensor) != TN_F32)
        return not_applicable(v, "not float");
    if (onnx_number(c, "norm_coefficient_post", 0.0f) != 0.0f)
        return not_applicable(v, "weight decay after the update");
    if (o->tensor_count > MAX_TENSORS)
        return not_applicable(v, "more tensors than this test makes layers for");
    for (int i = 0; i + 1 < o->tensor_count; i++)
        if (tn_tensor_size(input_of(o, 0, i)) != 1)
            return not_applicable(v, "a tensor before the last has several elements");
    o->rate = tn_tensor_const_f32(c->inputs[0].tensor)[0];
    o->steps = *(const int64_t *)tn_tensor_const_data(c->inputs[1].tensor);
    return true;
}

/* The script that made test_adam_multiple (onnx/backend/test/case/node/adam.py) worked out its outputs with 0.01; until
 * a later release it left the attribute out of the node, which means the default, 1e-6. */
static float adam_epsilon(const onnx_case *c)
{
    return onnx_number(c, "epsilon", strcmp(c->name, "test_adam_multiple") == 0 ? 1e-2f : 1e-6f);
}

bool run_adam(const onnx_case *c, verdict *v)
{
    static const char *const states[] = {"m", "v"};
    optimizer_case o;
    if (!read_case(c, states, 2, &o, v))
        return false;
    bool corrected = o.steps > 0;
    o.steps = corrected ? o.steps - 1 : 0; /* ours counts the steps before this one */
    return run_optimizer(&o,
                         tn_adam(.learning_rate = (double)o.rate, .beta1 = (double)onnx_number(c, "alpha", 0.9f),
                                 .beta2 = (double)onnx_number(c, "beta", 0.999f), .epsilon = (double)adam_epsilon(c),
                                 .weight_decay = (double)onnx_number(c, "norm_coefficient", 0.0f),
                                 .without_bias_correction = !corrected),
                         v);
}

bool run_momentum(const onnx_case *c, verdict *v)
{
    static const char *const states[] = {"momentum"};
    optimizer_case o;
    if (!read_case(c, states, 1, &o, v))
        return false;
    float beta = o.steps > 0 ? onnx_number(c, "beta", 1.0f) : 1.0f;
    o.steps = o.steps > 0 ? o.steps : 1; /* the velocity has started: the case gives it */
    return run_optimizer(&o,
                         tn_sgd(.learning_rate = (double)o.rate, .momentum = (double)onnx_number(c, "alpha", 0.9f),
                                .dampening = 1.0 - (double)beta,
                                .weight_decay = (double)onnx_number(c, "norm_coefficient", 0.0f),
                                .nesterov = strcmp(onnx_text(c, "mode"), "nesterov") == 0),
                         v);
}
