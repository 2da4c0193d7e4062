/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The public gradient checker: finds nothing in right layers, and what is wrong in wrong ones. */
#include "../layers/custom_scale.h"
#include "small_net.h"

static double error_of(tn_layer *layer, tn_shape shape)
{
    double error = -1.0;
    ck_ok(tn_gradient_check(layer, TN_OPTIONS(tn_gradient_check_options, .input_shape = shape, .seed = 3), &error));
    ck_assert(error >= 0.0);
    return error;
}

START_TEST(test_right_layers)
{
    const tn_shape image = {4, {2, 6, 6, 2}}, row = {2, {3, 7}};
    ck_assert_double_lt(error_of(tn_conv2d(.filters = 3, .kernel_size = 3, .activation = TN_TANH), image), 1e-3);
    ck_assert_double_lt(error_of(tn_avg_pool2d(.pool_size = 2), image), 1e-3);
    ck_assert_double_lt(error_of(tn_dense(.units = 4, .activation = TN_SIGMOID), row), 1e-3);
    ck_assert_double_lt(error_of(tn_dropout(.rate = 0.5f), row), 1e-3);
    ck_assert_double_lt(error_of(tn_flatten(), image), 1e-3);
    ck_assert_double_lt(error_of(tn_activation_layer(.activation = TN_RELU), row), 1e-3);
    ck_assert_double_lt(error_of(tn_activation_layer(.activation = TN_SOFTMAX), row), 1e-3);
    ck_assert_double_lt(error_of(tn_sequential(tn_dense(.units = 5, .activation = TN_TANH), tn_dropout(.rate = 0.3f),
                                               tn_dense(.units = 2)),
                                 row),
                        1e-3);
}
END_TEST

START_TEST(test_custom_layers)
{
    const tn_shape shape = {2, {3, 5}};
    scale_layer right = {NO_FAULT, 0, 0, 0}, wrong = {WRONG_GRADIENT, 0, 0, 0}, forgets = {FORGETS_TO_ADD, 0, 0, 0};
    ck_assert_double_lt(error_of(tn_custom_create(&scale_ops, &right, NULL), shape), 1e-3);
    ck_assert_double_gt(error_of(tn_custom_create(&scale_ops, &wrong, NULL), shape), 0.05);
    ck_assert_double_gt(error_of(tn_custom_create(&scale_ops, &forgets, NULL), shape), 0.05);
    ck_assert_int_eq(right.destroyed + wrong.destroyed + forgets.destroyed, 3);
}
END_TEST

/* The layer is consumed whatever happens, and the output stays as it was. */
START_TEST(test_refused)
{
    double error = 7.0;
    scale_layer self = {BACKWARD_FAILS, 0, 0, 0};
    const tn_shape shape = {2, {3, 5}}, scalar = {1, {3}}, empty = {2, {0, 5}};
    ck_fails(tn_gradient_check(tn_custom_create(&scale_ops, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = shape), &error),
             TN_ERR_NON_FINITE, "scale_1: too cold");
    self.fault = FORWARD_FAILS;
    ck_fails(tn_gradient_check(tn_custom_create(&scale_ops, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = shape), &error),
             TN_ERR_NON_FINITE, "scale_1: too hot");
    ck_fails(tn_gradient_check(tn_custom_create(&scale_ops, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = scalar), &error),
             TN_ERR_INVALID, "rank 1");
    ck_fails(tn_gradient_check(tn_custom_create(&scale_ops, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = empty), &error),
             TN_ERR_INVALID, "dimension 0 at 0");
    ck_fails(tn_gradient_check(tn_custom_create(&scale_ops, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = shape, .epsilon = -1.0), &error),
             TN_ERR_INVALID, "epsilon is -1");
    tn_layer_ops forward_only = scale_ops;
    forward_only.backward = NULL;
    self.fault = NO_FAULT;
    ck_fails(tn_gradient_check(tn_custom_create(&forward_only, &self, NULL),
                               TN_OPTIONS(tn_gradient_check_options, .input_shape = shape), &error),
             TN_ERR_UNSUPPORTED, "no backward");
    ck_assert_int_eq(self.destroyed, 6);
    ck_fails(
        tn_gradient_check(tn_dense(.units = -1), TN_OPTIONS(tn_gradient_check_options, .input_shape = shape), &error),
        TN_ERR_INVALID, "units is -1");
    ck_assert_double_eq(error, 7.0);
}
END_TEST

/* A step and a number of samples of the caller's; frozen weights have no gradient to compare. */
START_TEST(test_options)
{
    double error = -1.0;
    ck_ok(tn_gradient_check(
        tn_dense(.units = 4, .activation = TN_SIGMOID, .frozen = true),
        TN_OPTIONS(tn_gradient_check_options, .input_shape = {2, {3, 7}}, .epsilon = 0.005, .samples = 5), &error));
    ck_assert(error >= 0.0 && error < 1e-3);
}
END_TEST

TN_SUITE("gradient_check", {test_right_layers}, {test_options}, {test_custom_layers}, {test_refused})
