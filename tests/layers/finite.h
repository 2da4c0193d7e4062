/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A layer against a reference in double precision: the outputs, and every gradient against central differences of the
 *  reference, which nobody here derived by hand. */
#ifndef TESTS_LAYERS_FINITE_H
#define TESTS_LAYERS_FINITE_H

#include "suite.h"

#include <math.h>

enum { MOST_PARAMETERS = 4 };

/** y of the layer for x, in double; shapes are known to the context. */
typedef void finite_reference(const void *context, const double *x, double *const *params, double *y);

/** A layer that has run forward and backward once on random numbers. */
typedef struct finite {
    tn_model *model;
    tn_session *session;
    tn_tensor *x, *dy;
    const tn_tensor *y, *dx;
} finite;

static inline void finite_shape(tn_shape shape, uint64_t seed, tn_tensor **out)
{
    ck_ok(tn_tensor_create(NULL, TN_F32, shape.rank, shape.dims, out));
    ck_ok(tn_tensor_fill_uniform(*out, -1.0f, 1.0f, seed));
}

/* Biases, too, are random: zeros would hide one that is left out. */
static inline void finite_set_parameters(tn_model *model)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *name = tn_model_parameter_name(model, i);
        const tn_tensor *old;
        tn_tensor *value = NULL;
        ck_ok(tn_model_parameter(model, name, &old));
        ck_ok(tn_tensor_clone(NULL, old, &value));
        ck_ok(tn_tensor_fill_uniform(value, -0.5f, 0.5f, 100 + i));
        ck_ok(tn_model_parameter_set(model, name, value));
        tn_tensor_destroy(&value);
    }
}

/** Build and run; `in` has N in dims[0]; x NULL: random. */
static inline finite finite_create(tn_layer *layer, tn_shape in, bool precise, const tn_tensor *x)
{
    finite f = {0};
    tn_model_options options = {.struct_size = sizeof options, .seed = 5, .precise = precise};
    for (int i = 1; i < in.rank; i++)
        options.input_shape[i - 1] = in.dims[i];
    ck_ok(tn_model_create(layer, &options, &f.model));
    finite_set_parameters(f.model);
    ck_ok(tn_session_create(f.model,
                            TN_OPTIONS(tn_session_options, .batch_size = in.dims[0], .training = true,
                                       .input_gradient = true, .threads = 2),
                            &f.session));
    if (x)
        ck_ok(tn_tensor_clone(NULL, x, &f.x));
    else
        finite_shape(in, 7, &f.x);
    ck_ok(tn_session_forward(f.session, f.x, TN_TRAIN, &f.y));
    tn_shape out = tn_model_output_shape(f.model);
    out.dims[0] = in.dims[0];
    finite_shape(out, 9, &f.dy);
    ck_assert_int_eq(tn_tensor_size(f.y), tn_tensor_size(f.dy));
    return f;
}

static inline void finite_backward(finite *f)
{
    ck_ok(tn_session_backward(f->session, f->dy, TN_GRADIENT_WRITE));
    ck_ok(tn_session_input_gradient(f->session, &f->dx));
}

static inline void finite_destroy(finite *f)
{
    tn_session_destroy(&f->session);
    tn_model_destroy(&f->model);
    tn_tensor_destroy(&f->x);
    tn_tensor_destroy(&f->dy);
}

/* --- the reference */

static inline double *finite_doubles(const tn_tensor *tensor)
{
    double *out = malloc((size_t)tn_tensor_size(tensor) * sizeof *out);
    for (int64_t i = 0; i < tn_tensor_size(tensor); i++)
        out[i] = (double)tn_tensor_const_f32(tensor)[i];
    return out;
}

/* One comparison's numbers in double. */
typedef struct finite_numbers {
    finite_reference *run;
    const void *context;
    double *x, *dy, *y, *params[MOST_PARAMETERS];
    int64_t outputs;
} finite_numbers;

static inline finite_numbers finite_numbers_of(const finite *f, finite_reference *run, const void *context)
{
    finite_numbers n = {.run = run, .context = context, .outputs = tn_tensor_size(f->dy)};
    n.x = finite_doubles(f->x);
    n.dy = finite_doubles(f->dy);
    n.y = calloc((size_t)n.outputs, sizeof *n.y);
    for (size_t i = 0; i < tn_model_parameter_count(f->model); i++) {
        const tn_tensor *value;
        ck_ok(tn_model_parameter(f->model, tn_model_parameter_name(f->model, i), &value));
        n.params[i] = finite_doubles(value);
    }
    return n;
}

static inline void finite_numbers_free(finite_numbers *n)
{
    free(n->x);
    free(n->dy);
    free(n->y);
    for (int i = 0; i < MOST_PARAMETERS; i++)
        free(n->params[i]);
}

static inline double finite_objective(finite_numbers *n)
{
    double sum = 0.0;
    n->run(n->context, n->x, n->params, n->y);
    for (int64_t i = 0; i < n->outputs; i++)
        sum += n->y[i] * n->dy[i];
    return sum;
}

static inline void finite_compare(finite_numbers *n, double *values, const tn_tensor *gradient, double tolerance,
                                  const char *what)
{
    const double step = 1e-5;
    for (int64_t i = 0; i < tn_tensor_size(gradient); i++) {
        double value = values[i], analytic = (double)tn_tensor_const_f32(gradient)[i];
        values[i] = value + step;
        double above = finite_objective(n);
        values[i] = value - step;
        double numeric = (above - finite_objective(n)) / (2.0 * step);
        values[i] = value;
        ck_assert_msg(fabs(analytic - numeric) <= tolerance * fmax(1.0, fabs(numeric)),
                      "%s[%lld]: %.9g, differences give %.9g", what, (long long)i, analytic, numeric);
    }
}

/** Everything: forward, dx, and the gradient of each parameter. Consumes the layer. */
static inline void finite_check(tn_layer *layer, tn_shape in, bool precise, finite_reference *run, const void *context,
                                double tolerance)
{
    ck_assert_msg(layer != NULL, "%s", tn_last_error());
    finite f = finite_create(layer, in, precise, NULL);
    finite_numbers n = finite_numbers_of(&f, run, context);
    (void)finite_objective(&n);
    for (int64_t i = 0; i < n.outputs; i++)
        ck_each(fabs((double)tn_tensor_const_f32(f.y)[i] - n.y[i]) <= tolerance * fmax(1.0, fabs(n.y[i])),
                "y[%lld]: %.9g, the reference gives %.9g", (long long)i, (double)tn_tensor_const_f32(f.y)[i], n.y[i]);
    finite_backward(&f);
    finite_compare(&n, n.x, f.dx, tolerance, "dx");
    for (size_t i = 0; i < tn_model_parameter_count(f.model); i++) {
        const char *name = tn_model_parameter_name(f.model, i);
        tn_tensor *gradient;
        ck_ok(tn_session_gradient(f.session, name, &gradient));
        finite_compare(&n, n.params[i], gradient, tolerance, name);
    }
    finite_numbers_free(&n);
    finite_destroy(&f);
}

/** An activation in double. */
static inline double finite_activation(tn_activation activation, double x)
{
    switch (activation) {
    case TN_RELU:
        return x > 0.0 ? x : 0.0;
    case TN_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case TN_TANH:
        return tanh(x);
    default:
        return x;
    }
}

/** Softmax of `count` numbers that lie `stride` apart, in place. */
static inline void finite_softmax(double *y, int64_t count, int64_t stride)
{
    double sum = 0.0, most = y[0];
    for (int64_t i = 1; i < count; i++)
        most = fmax(most, y[i * stride]);
    for (int64_t i = 0; i < count; i++)
        sum += y[i * stride] = exp(y[i * stride] - most);
    for (int64_t i = 0; i < count; i++)
        y[i * stride] /= sum;
}

/** A window's geometry, as the reference needs it. */
typedef struct finite_window {
    int64_t n, h, w, c, r, s, stride_h, stride_w, dilation_h, dilation_w, top, left, oh, ow;
} finite_window;

/** The pixel under place (r,s) of the window at (i,j); false outside the image. */
static inline bool finite_pixel(const finite_window *g, int64_t i, int64_t j, int64_t r, int64_t s, int64_t *out)
{
    int64_t y = i * g->stride_h + r * g->dilation_h - g->top, x = j * g->stride_w + s * g->dilation_w - g->left;
    *out = y * g->w + x;
    return y >= 0 && y < g->h && x >= 0 && x < g->w;
}

#endif
