/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Activations, their gradients, adding and scaling: error against double over all magnitudes of floats, the corner
 *  values, lengths that are no multiple of a vector, in place, any number of threads. */
#include "isa_suite.h"

#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"

enum { COUNT = 1009, MANY = 150001 };

static double sigmoid(double x)
{
    return x < 0.0 ? exp(x) / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
}

typedef struct function_case {
    void (*const *function)(const float *, float *, int64_t);
    double (*exact)(double);
    double bound; /* units of the last place; measured over every 37th float: 0.97, 2.31, 1.30 */
} function_case;

/* Every float with a stride of a prime in its bits: all exponents, both signs, subnormals, infinities, NaN. */
START_TEST(test_function_error)
{
    const tn_element_table *table = tn_element_kernels();
    const function_case cases[] = {{&table->exp, exp, 1.0}, {&table->sigmoid, sigmoid, 2.5}, {&table->tanh, tanh, 1.5}};
    float x[COUNT], y[COUNT];
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        int64_t n = 0;
        for (; n < COUNT && bits <= UINT32_MAX; n++, bits += 5003) {
            uint32_t word = (uint32_t)bits;
            memcpy(&x[n], &word, sizeof word);
        }
        (*cases[_i].function)(x, y, n);
        for (int64_t i = 0; i < n; i++) {
            double error = error_ulp(y[i], cases[_i].exact((double)x[i]));
            ck_each(error <= cases[_i].bound, "f(%a) is %a, %g units off", (double)x[i], (double)y[i], error);
        }
    }
}
END_TEST

START_TEST(test_corner_values)
{
    const float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 88.8f, -104.5f, 1e-40f};
    float y[8];
    tn_activate(NULL, TN_RELU, x, y, 8);
    ck_assert(y[0] == 0.0f && y[1] == 0.0f && y[2] == INFINITY && y[3] == 0.0f && isnan(y[4]) && y[7] == 1e-40f);
    tn_activate(NULL, TN_SIGMOID, x, y, 8);
    ck_assert(y[0] == 0.5f && y[1] == 0.5f && y[2] == 1.0f && y[3] == 0.0f && isnan(y[4]) && y[5] == 1.0f);
    tn_activate(NULL, TN_TANH, x, y, 8);
    ck_assert(y[0] == 0.0f && signbit(y[1]) && y[2] == 1.0f && y[3] == -1.0f && isnan(y[4]) && y[7] == 1e-40f);
    tn_element_kernels()->exp(x, y, 8);
    ck_assert(y[0] == 1.0f && y[1] == 1.0f && y[2] == INFINITY && y[3] == 0.0f && isnan(y[4]) && y[5] == INFINITY);
    ck_assert(y[6] == 0.0f && y[7] == 1.0f);
}
END_TEST

/* Every length around the vectors' gives what whole vectors give, in place too, and writes no further. */
START_TEST(test_lengths)
{
    draw d = {17};
    float x[128], whole[128], part[129];
    draw_reals(&d, 0.0, 4.0, x, 128);
    for (int activation = TN_LINEAR; activation <= TN_TANH; activation++) {
        tn_activate(NULL, (tn_activation)activation, x, whole, 128);
        for (int64_t n = 0; n <= 40; n++) {
            memcpy(part, x, sizeof x);
            tn_activate(NULL, (tn_activation)activation, part, part, n);
            same_bits(part, whole, (size_t)n * sizeof *part, "part");
            same_bits(part + n, x + n, (size_t)(128 - n) * sizeof *part, "rest");
        }
    }
}
END_TEST

static double derivative(tn_activation activation, double x)
{
    const double h = 1e-5;
    switch (activation) {
    case TN_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case TN_SIGMOID:
        return (sigmoid(x + h) - sigmoid(x - h)) / (2.0 * h);
    case TN_TANH:
        return (tanh(x + h) - tanh(x - h)) / (2.0 * h);
    default:
        return 1.0;
    }
}

/* Against finite differences in double, from the rounded y that backward is given. */
START_TEST(test_gradient)
{
    tn_activation activation = (tn_activation)_i;
    draw d = {23};
    float x[COUNT], y[COUNT], dy[COUNT], dx[COUNT];
    draw_reals(&d, 0.0, 6.0, x, COUNT);
    draw_reals(&d, 0.0, 1.0, dy, COUNT);
    tn_activate(NULL, activation, x, y, COUNT);
    tn_activate_gradient(NULL, activation, y, dy, dx, COUNT);
    for (int i = 0; i < COUNT; i++) {
        double exact = (double)dy[i] * derivative(activation, (double)x[i]);
        /* y near one carries 6e-8, so 1 - y does */
        ck_each(fabs((double)dx[i] - exact) <= 3e-7, "dx(%g) is %g, expected %g", (double)x[i], (double)dx[i], exact);
    }
    tn_activate_gradient(NULL, activation, y, dy, dy, COUNT);
    same_bits(dx, dy, sizeof dx, "in place");
}
END_TEST

START_TEST(test_relu_gradient_at_zero_and_nan)
{
    const float y[] = {0.0f, NAN, 1.0f, INFINITY}, dy[] = {NAN, 2.0f, NAN, 3.0f};
    float dx[4];
    tn_activate_gradient(NULL, TN_RELU, y, dy, dx, 4);
    ck_assert(dx[0] == 0.0f && dx[1] == 2.0f && isnan(dx[2]) && dx[3] == 3.0f);
}
END_TEST

START_TEST(test_add_and_scale)
{
    draw d = {29};
    float *x = floats(MANY), *y = floats(MANY), *sum = floats(MANY);
    uint8_t bytes[256];
    float scaled[256];
    draw_integers(&d, x, MANY);
    draw_integers(&d, y, MANY);
    memcpy(sum, y, MANY * sizeof *sum);
    tn_add(NULL, x, sum, MANY);
    for (int i = 0; i < MANY; i++)
        ck_each(sum[i] == x[i] + y[i], "sum %d is %g", i, (double)sum[i]);
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    tn_scale_u8(NULL, bytes, 1.0f / 255.0f, scaled, 256);
    for (int i = 0; i < 256; i++)
        ck_assert(scaled[i] == (float)i * (1.0f / 255.0f));
    free(x);
    free(y);
    free(sum);
}
END_TEST

/* Above the size where work is shared. */
START_TEST(test_threads)
{
    draw d = {31};
    float *x = floats(MANY), *one = floats(MANY), *many = floats(MANY);
    draw_reals(&d, 0.0, 5.0, x, MANY);
    for (int threads = 2; threads <= 3; threads++) {
        tn_pool *pool = pool_of(threads);
        for (int activation = TN_LINEAR; activation <= TN_TANH; activation++) {
            tn_activate(NULL, (tn_activation)activation, x, one, MANY);
            tn_activate(pool, (tn_activation)activation, x, many, MANY);
            same_bits(one, many, MANY * sizeof *one, "activation");
            tn_activate_gradient(NULL, (tn_activation)activation, x, one, one, MANY);
            tn_activate_gradient(pool, (tn_activation)activation, x, many, many, MANY);
            same_bits(one, many, MANY * sizeof *one, "gradient");
        }
        tn_add(NULL, x, one, MANY);
        tn_add(pool, x, many, MANY);
        same_bits(one, many, MANY * sizeof *one, "add");
        tn_pool_destroy(&pool);
    }
    free(x);
    free(one);
    free(many);
}
END_TEST

TN_ISA_SUITE("element_wise", TN_LOOPED(test_function_error, 3), {test_corner_values}, {test_lengths},
             TN_LOOPED(test_gradient, TN_TANH + 1), {test_relu_gradient_at_zero_and_nan}, {test_add_and_scale},
             {test_threads})
