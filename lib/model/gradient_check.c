/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient checker: a layer alone in a model, its backward against central differences of its forward.
 *
 *  Formula   objective L = sum_i y_i dy_i, in double, for a random dy; numeric dL/dv = (L(v + e) - L(v - e)) / (2 e)
 * for chosen elements v of x and of every parameter; every forward has the same step, so dropout repeats Source Gill,
 * Murray and Wright, "Practical optimization", 1981, section 8.6 */
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "base/status.h"
#include "model/model_core.h"
#include "optim/slots.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DEFAULT_EPSILON 1e-2
#define DEFAULT_SAMPLES 64

enum { X_KEY = 1, DY_KEY, ELEMENT_KEY }; /* random numbers of their own, from one seed */

typedef struct check {
    tn_gradient_check_options options;
    tn_model *model;
    tn_session *session;
    tn_tensor *x, *dy;
    double error; /* the largest so far */
} check;

/* --- preparing */

static tn_status read_options(const tn_gradient_check_options *options, tn_gradient_check_options *out)
{
    tn_gradient_check_options o;
    if (options == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_gradient_check: options is NULL, but input_shape is required");
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_gradient_check_options"));
    if (o.input_shape.rank < 2 || o.input_shape.rank > TN_MAX_RANK)
        return TN_FAIL(TN_ERR_INVALID, "tn_gradient_check: input_shape has rank %d, must be in [2,%d]",
                       o.input_shape.rank, TN_MAX_RANK);
    for (int i = 0; i < o.input_shape.rank; i++)
        if (o.input_shape.dims[i] < 1)
            return TN_FAIL(TN_ERR_INVALID, "tn_gradient_check: input_shape has dimension %" PRId64 " at %d",
                           o.input_shape.dims[i], i);
    if (!(o.epsilon >= 0.0 && o.epsilon < 1.0) || o.samples < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_gradient_check: epsilon is %g, must be in [0,1); samples is %d, at least 0",
                       o.epsilon, o.samples);
    o.epsilon = o.epsilon == 0.0 ? DEFAULT_EPSILON : o.epsilon;
    o.samples = o.samples == 0 ? DEFAULT_SAMPLES : o.samples;
    *out = o;
    return TN_OK;
}

static tn_status make_model(check *c, tn_layer *layer)
{
    tn_model_options options = {
        .struct_size = sizeof options,
        .seed = c->options.seed,
        .precise = true,
        .allocator = c->options.allocator,
    };
    for (int i = 1; i < c->options.input_shape.rank; i++)
        options.input_shape[i - 1] = c->options.input_shape.dims[i];
    TN_TRY(tn_model_create(layer, &options, &c->model));
    const tn_session_options session = {
        .struct_size = sizeof session,
        .batch_size = c->options.input_shape.dims[0],
        .training = true,
        .input_gradient = true,
        .threads = 1,
    };
    return tn_session_create(c->model, &session, &c->session);
}

static tn_status random_tensor(const check *c, const tn_shape *shape, uint64_t key, tn_tensor **out)
{
    TN_TRY(tn_tensor_create_raw(&c->model->allocator, TN_F32, shape, out));
    tn_random_uniform(tn_mix(c->options.seed, key), -1.0f, 1.0f, (*out)->data, (*out)->size);
    return TN_OK;
}

/* Inputs keep 2 epsilon away from zero, where ReLU and its like have a kink that differences would step over. */
static void avoid_zero(const check *c)
{
    float gap = 2.0f * (float)c->options.epsilon, *x = c->x->data;
    for (int64_t i = 0; i < c->x->size; i++)
        x[i] += x[i] < 0.0f ? -gap : gap;
}

static tn_status prepare(check *c, tn_layer *layer)
{
    TN_TRY(make_model(c, layer));
    TN_TRY(random_tensor(c, &c->options.input_shape, X_KEY, &c->x));
    avoid_zero(c);
    tn_shape out = tn_model_output_shape(c->model);
    out.dims[0] = c->options.input_shape.dims[0];
    return random_tensor(c, &out, DY_KEY, &c->dy);
}

/* --- comparing */

static tn_status run_forward(check *c, const tn_tensor **y)
{
    tn_session_set_step(c->session, 0);
    return tn_session_forward(c->session, c->x, TN_TRAIN, y);
}

static tn_status objective(check *c, double *out)
{
    const tn_tensor *y;
    TN_TRY(run_forward(c, &y));
    const float *value = y->data, *weight = c->dy->data;
    double sum = 0.0;
    for (int64_t i = 0; i < y->size; i++)
        sum += (double)value[i] * (double)weight[i];
    *out = sum;
    return TN_OK;
}

/* The element moves by what single precision makes of epsilon, so that is what the difference is divided by. */
static tn_status difference(check *c, float *element, double *out)
{
    double above, below;
    float value = *element, up = value + (float)c->options.epsilon, down = value - (float)c->options.epsilon;
    *element = up;
    tn_model_touch(c->model); /* the element may be a parameter's */
    tn_status status = objective(c, &above);
    *element = down;
    tn_model_touch(c->model);
    if (status == TN_OK)
        status = objective(c, &below);
    *element = value;
    tn_model_touch(c->model);
    if (status == TN_OK)
        *out = (above - below) / ((double)up - (double)down);
    return status;
}

/* Elements are spread over the tensor: a random one of each of `samples` equal parts. */
static int64_t choose(const check *c, int64_t size, int64_t sample)
{
    int64_t samples = c->options.samples;
    if (size <= samples)
        return sample;
    uint32_t bits[4];
    int64_t part = size / samples, begin = part * sample;
    tn_philox(tn_mix(c->options.seed, ELEMENT_KEY), (uint64_t)size, (uint64_t)sample, bits);
    int64_t length = sample == samples - 1 ? size - begin : part;
    return begin + (int64_t)(bits[0] % (uint64_t)length);
}

/* NaN is the largest. */
static double larger(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

/* @param gradient  analytic, a copy: the forwards that follow end its life in the session */
static tn_status compare(check *c, float *values, const float *gradient, int64_t size)
{
    double worst = 0.0, largest = 1.0;
    for (int64_t i = 0; i < size && i < c->options.samples; i++) {
        double numeric;
        int64_t at = choose(c, size, i);
        TN_TRY(difference(c, &values[at], &numeric));
        double error = fabs((double)gradient[at] - numeric);
        worst = larger(worst, error);
        if (fabs(numeric) > largest)
            largest = fabs(numeric);
    }
    c->error = larger(c->error, worst / largest);
    return TN_OK;
}

static tn_status compare_tensor(check *c, tn_tensor *values, const tn_tensor *gradient)
{
    tn_tensor *copy = NULL;
    TN_TRY(tn_tensor_clone(&c->model->allocator, gradient, &copy));
    tn_status status = compare(c, values->data, copy->data, values->size);
    tn_tensor_destroy(&copy);
    return status;
}

static tn_status analytic(check *c)
{
    const tn_tensor *y;
    TN_TRY(run_forward(c, &y));
    return tn_session_backward(c->session, c->dy, TN_GRADIENT_WRITE);
}

static tn_status compare_all(check *c)
{
    const tn_tensor *dx;
    TN_TRY(analytic(c));
    TN_TRY(tn_session_input_gradient(c->session, &dx));
    TN_TRY(compare_tensor(c, c->x, dx));
    for (size_t i = 0; i < c->model->network.parameter_count; i++) {
        const tn_parameter *parameter = &c->model->network.parameters[i];
        tn_tensor *gradient;
        if (parameter->frozen)
            continue;
        TN_TRY(tn_session_gradient(c->session, parameter->name, &gradient)); /* forwards leave it alone */
        TN_TRY(compare_tensor(c, &c->model->tensors[i], gradient));
    }
    return TN_OK;
}

static tn_status run(check *c, tn_layer *layer)
{
    TN_TRY(prepare(c, layer)); /* consumes the layer */
    return compare_all(c);
}

tn_status tn_gradient_check(tn_layer *layer, const tn_gradient_check_options *options, double *max_error)
{
    check c = {.error = 0.0};
    tn_status status = max_error != NULL ? read_options(options, &c.options)
                                         : TN_FAIL(TN_ERR_INVALID, "tn_gradient_check: max_error is NULL");
    if (status == TN_OK)
        status = run(&c, layer);
    else
        tn_net_consume(layer);
    if (status == TN_OK)
        *max_error = c.error;
    tn_tensor_destroy(&c.x);
    tn_tensor_destroy(&c.dy);
    tn_session_destroy(&c.session);
    tn_model_destroy(&c.model);
    return status;
}
