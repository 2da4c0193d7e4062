/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The squared error against its formula in double and by finite differences. */
#include "loss_support.h"

enum { COUNT = 6 };
static const float outputs[COUNT] = {0.5f, -1.25f, 2.0f, 0.0f, 3.0f, -7.5f};
static const float targets[COUNT] = {0.25f, 1.0f, 2.0f, -0.5f, 1.5f, 0.125f};

static double reference(const void *context, const double *y)
{
    const tn_reduction *reduction = context;
    double sum = 0.0;
    for (int i = 0; i < COUNT; i++)
        sum += pow(y[i] - (double)targets[i], 2);
    return *reduction == TN_MEAN ? sum / COUNT : sum;
}

START_TEST(test_formula)
{
    static const tn_reduction reductions[] = {TN_MEAN, TN_SUM, TN_NONE};
    tn_loss *loss = tn_mse(.reduction = reductions[_i]);
    tn_tensor *y = matrix(2, 3, outputs), *t = matrix(2, 3, targets), *gradient = matrix(2, 3, NULL);
    tn_tensor *values = matrix(2, 3, NULL);
    double value = 0.0, weight = 0.0, exact[COUNT];
    ck_ok(tn_loss_compute(
        loss, y, t,
        TN_OPTIONS(tn_loss_results, .loss = &value, .weight = &weight, .values = values, .gradient = gradient)));
    for (int i = 0; i < COUNT; i++) {
        exact[i] = (double)outputs[i];
        ck_assert_double_eq_tol((double)tn_tensor_const_f32(values)[i], pow(exact[i] - (double)targets[i], 2), 1e-5);
    }
    ck_assert_double_eq_tol(value, reference(&reductions[_i], exact), 1e-12);
    ck_assert_double_eq(weight, COUNT);
    check_differences(reference, &reductions[_i], outputs, tn_tensor_const_f32(gradient), COUNT);
    ck_ok(tn_loss_compute(loss, y, t, TN_OPTIONS(tn_loss_results, .gradient = y)));
    ck_assert_mem_eq(tn_tensor_const_data(y), tn_tensor_const_data(gradient), tn_tensor_bytes(y));
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&gradient);
    tn_tensor_destroy(&values);
}
END_TEST

START_TEST(test_nan)
{
    tn_loss *loss = tn_mse();
    tn_tensor *y = matrix(2, 3, outputs), *t = matrix(2, 3, targets), *gradient = matrix(2, 3, NULL);
    double value = 0.0;
    tn_tensor_f32(y)[4] = NAN;
    ck_ok(tn_loss_compute(loss, y, t, TN_OPTIONS(tn_loss_results, .loss = &value, .gradient = gradient)));
    ck_assert(isnan(value));
    for (int i = 0; i < COUNT; i++)
        ck_assert(isnan(tn_tensor_const_f32(gradient)[i]) == (i == 4));
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&gradient);
}
END_TEST

/* Any rank, and the scalar too. */
START_TEST(test_ranks)
{
    tn_loss *loss = tn_mse();
    for (int rank = 0; rank <= 4; rank++) {
        const int64_t dims[4] = {2, 1, 3, 1};
        tn_tensor *y = NULL, *t = NULL;
        double value = 0.0;
        ck_ok(tn_tensor_create(NULL, TN_F32, rank, dims, &y));
        ck_ok(tn_tensor_create(NULL, TN_F32, rank, dims, &t));
        ck_ok(tn_tensor_fill(y, 3.0));
        ck_ok(tn_loss_compute(loss, y, t, TN_OPTIONS(tn_loss_results, .loss = &value)));
        ck_assert_double_eq(value, 9.0);
        tn_tensor_destroy(&y);
        tn_tensor_destroy(&t);
    }
    tn_loss_destroy(&loss);
}
END_TEST

TN_SUITE("mse", TN_LOOPED(test_formula, 3), {test_nan}, {test_ranks})
