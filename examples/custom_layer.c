/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A layer of one's own: Swish, with a slope that is learned, written as a table of functions. The public gradient
 *  checker says whether its backward is right, alone and inside a network; the exit status is 0 if it is.
 *
 *  Formula   y = x s(b x), s(z) = 1 / (1 + exp(-z))
 *            dx = dy (s + b x s (1 - s)); db = sum dy x^2 s (1 - s)
 *  Source    Ramachandran, Zoph and Le, "Searching for activation functions", 2017 */
#include <tinynet/tinynet.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double accepted_error = 1e-2;

static tn_status infer(const void *self, const tn_shape *in, tn_shape *out)
{
    (void)self;
    *out = *in;
    return TN_OK;
}

/* One number, the slope b. */
static tn_status parameter(const void *self, const tn_shape *in, int index, tn_parameter_spec *out)
{
    (void)self, (void)in;
    if (index > 0)
        return TN_NOT_FOUND;
    *out = (tn_parameter_spec){.name = "slope", .shape = {.rank = 1, .dims = {1}}, .init_limit = 1.0f};
    return TN_OK;
}

static float logistic(float z)
{
    return 1.0f / (1.0f + expf(-z));
}

static tn_status forward(const void *self, const tn_layer_call *call)
{
    (void)self;
    const float *x = tn_tensor_const_f32(call->x), b = tn_tensor_const_f32(call->params[0])[0];
    float *y = tn_tensor_f32(call->y);
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++)
        y[i] = x[i] * logistic(b * x[i]);
    return TN_OK;
}

/* dx is not wanted when this is the first layer; the parameter's gradient is added to. */
static tn_status backward(const void *self, const tn_layer_call *call)
{
    (void)self;
    const float *x = tn_tensor_const_f32(call->x), *dy = tn_tensor_const_f32(call->dy);
    float b = tn_tensor_const_f32(call->params[0])[0], *dx = call->dx ? tn_tensor_f32(call->dx) : NULL;
    double db = 0.0;
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++) {
        float s = logistic(b * x[i]), slope = s * (1.0f - s);
        db += (double)dy[i] * x[i] * x[i] * slope;
        if (dx)
            dx[i] = dy[i] * (s + b * x[i] * slope);
    }
    if (call->dparams && call->dparams[0])
        tn_tensor_f32(call->dparams[0])[0] += (float)db;
    return TN_OK;
}

static tn_layer *swish(void)
{
    static const tn_layer_ops ops = {.struct_size = sizeof ops,
                                     .kind = "swish",
                                     .infer = infer,
                                     .parameter = parameter,
                                     .forward = forward,
                                     .backward = backward};
    return tn_custom_create(&ops, NULL, NULL);
}

/* Print a layer's gradient error; false if it is too large or could not be found. */
static bool check(const char *what, tn_layer *layer)
{
    double error;
    const tn_shape input = {.rank = 4, .dims = {2, 6, 6, 3}};
    if (tn_gradient_check(layer, TN_OPTIONS(tn_gradient_check_options, .input_shape = input, .seed = 1), &error) !=
        TN_OK) {
        fprintf(stderr, "%s: %s\n", what, tn_last_error());
        return false;
    }
    printf("%s: gradient error %.2e, %s\n", what, error, error < accepted_error ? "right" : "wrong");
    return error < accepted_error;
}

int main(void)
{
    bool right = check("swish", swish());
    right &= check("swish in a network", tn_sequential(tn_conv2d(.filters = 4, .kernel_size = 3), swish(), tn_flatten(),
                                                       tn_dense(.units = 5)));
    return right && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
