/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Activations as layers, and flatten: finite differences, softmax along each axis, NaN and extreme values. */
#include "finite.h"

static const tn_shape in = {4, {2, 3, 4, 5}};
enum { COUNT = 2 * 3 * 4 * 5 };

static void element_reference(const void *context, const double *x, double *const *params, double *y)
{
    (void)params;
    for (int i = 0; i < COUNT; i++)
        y[i] = finite_activation(*(const tn_activation *)context, x[i]);
}

START_TEST(test_elements)
{
    const tn_activation activation = (tn_activation)_i;
    finite_check(tn_activation_layer(.activation = activation), in, false, element_reference, &activation, 2e-6);
}
END_TEST

static void softmax_reference(const void *context, const double *x, double *const *params, double *y)
{
    int axis = *(const int *)context;
    int64_t stride = 1;
    (void)params;
    for (int i = axis + 1; i < in.rank; i++)
        stride *= in.dims[i];
    memcpy(y, x, COUNT * sizeof *y);
    for (int64_t i = 0; i < COUNT; i++)
        if (i / stride % in.dims[axis] == 0)
            finite_softmax(y + i, in.dims[axis], stride);
}

/* Axes 1, 2, 3; the same from the end; and the default, the last. */
START_TEST(test_softmax)
{
    static const int given[] = {1, 2, 3, -1, -2, -3, 0}, meant[] = {1, 2, 3, 3, 2, 1, 3};
    finite_check(tn_activation_layer(.activation = TN_SOFTMAX, .axis = given[_i]), in, false, softmax_reference,
                 &meant[_i], 2e-6);
}
END_TEST

static void copy_reference(const void *context, const double *x, double *const *params, double *y)
{
    (void)context;
    (void)params;
    memcpy(y, x, COUNT * sizeof *y);
}

START_TEST(test_flatten)
{
    finite_check(tn_flatten(), in, false, copy_reference, NULL, 1e-9);
    finite f = finite_create(tn_flatten(), in, false, NULL);
    ck_assert_int_eq(tn_tensor_rank(f.y), 2);
    ck_assert_int_eq(tn_tensor_dim(f.y, 1), 60);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_extremes)
{
    const float values[6] = {NAN, -INFINITY, INFINITY, -1000.0f, 1000.0f, -0.0f};
    static const tn_activation activations[] = {TN_RELU, TN_SIGMOID, TN_TANH};
    static const float limits[3][3] = {{0.0f, INFINITY, 0.0f}, {0.0f, 1.0f, 0.5f}, {-1.0f, 1.0f, 0.0f}};
    const tn_shape shape = {2, {1, 6}};
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 2, shape.dims, values, &x));
    finite f = finite_create(tn_activation_layer(.activation = activations[_i]), shape, false, x);
    const float *y = tn_tensor_const_f32(f.y), *limit = limits[_i];
    ck_assert(isnan(y[0]));
    ck_assert(y[1] == limit[0] && y[2] == limit[1] && y[3] == limit[0] && y[5] == limit[2]);
    ck_assert(_i == 0 ? y[4] == 1000.0f : y[4] == limit[1]);
    tn_tensor_destroy(&x);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_softmax_of_large)
{
    const float values[4] = {1000.0f, 999.0f, -1000.0f, 1000.0f};
    const tn_shape shape = {2, {1, 4}};
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 2, shape.dims, values, &x));
    finite f = finite_create(tn_activation_layer(.activation = TN_SOFTMAX), shape, false, x);
    double one = 1.0 / (2.0 + exp(-1.0));
    ck_assert_double_eq_tol((double)tn_tensor_const_f32(f.y)[0], one, 1e-6);
    ck_assert_double_eq_tol((double)tn_tensor_const_f32(f.y)[1], one * exp(-1.0), 1e-6);
    ck_assert_float_eq(tn_tensor_const_f32(f.y)[2], 0.0f);
    tn_tensor_destroy(&x);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_axis)
{
    tn_model *model = NULL;
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {3, 4}};
    ck_assert_ptr_null(tn_activation_layer(.activation = TN_RELU, .axis = 1));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "axis is 1"));
    ck_assert_ptr_null(tn_activation_layer(.activation = TN_SOFTMAX, .axis = 8));
    ck_fails(tn_model_create(tn_activation_layer(.activation = TN_SOFTMAX, .axis = 3), &options, &model), TN_ERR_SHAPE,
             "activation_1: softmax axis 3 is not within input [1,3,4]");
    ck_fails(tn_model_create(tn_activation_layer(.activation = TN_SOFTMAX, .axis = -3), &options, &model), TN_ERR_SHAPE,
             "batch");
}
END_TEST

TN_SUITE("activation", TN_LOOPED(test_elements, 4), TN_LOOPED(test_softmax, 7), {test_flatten},
         TN_LOOPED(test_extremes, 3), {test_softmax_of_large}, {test_axis})
