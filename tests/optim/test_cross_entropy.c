/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Softmax cross-entropy against its formula in double, by finite differences, and at its edges. */
#include "class_reference.h"

START_TEST(test_formula)
{
    class_case c = {class_options[_i], true};
    c.options.struct_size = sizeof c.options;
    tn_loss *loss = tn_softmax_cross_entropy_create(&c.options);
    ck_assert_ptr_nonnull(loss);
    check_class_case(&c, loss);
    tn_loss_destroy(&loss);
    ck_assert_ptr_null(loss);
}
END_TEST

/* The gradient may overwrite the logits; the log-probabilities come out of the same call. */
START_TEST(test_in_place)
{
    tn_loss *loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    tn_tensor *z = matrix(ROWS, CLASSES, class_outputs), *apart = matrix(ROWS, CLASSES, NULL), *labels;
    tn_tensor *logs = matrix(ROWS, CLASSES, NULL);
    double first = 0.0, second = 1.0;
    int64_t correct = 0;
    labels = labels_of(ROWS, class_labels);
    ck_ok(tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .loss = &first, .gradient = apart)));
    ck_ok(tn_loss_compute(
        loss, z, labels,
        TN_OPTIONS(tn_loss_results, .loss = &second, .gradient = z, .log_probabilities = logs, .correct = &correct)));
    ck_assert_double_eq(first, second);
    ck_assert_int_eq(correct, 4); /* rows 0, 2, 4, 5; row 1's first maximum is class 0, a tie */
    ck_assert_mem_eq(tn_tensor_const_data(z), tn_tensor_const_data(apart), tn_tensor_bytes(z));
    for (int n = 0; n < ROWS; n++) {
        double row[CLASSES];
        for (int k = 0; k < CLASSES; k++)
            row[k] = (double)class_outputs[n * CLASSES + k];
        for (int k = 0; k < CLASSES; k++)
            ck_assert_double_eq_tol((double)tn_tensor_const_f32(logs)[n * CLASSES + k], -class_surprise(row, k), 4e-6);
    }
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&z);
    tn_tensor_destroy(&apart);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&logs);
}
END_TEST

START_TEST(test_gradient_scale)
{
    tn_loss *loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    tn_tensor *z = matrix(ROWS, CLASSES, class_outputs), *one = matrix(ROWS, CLASSES, NULL),
              *quarter = matrix(ROWS, CLASSES, NULL), *labels = labels_of(ROWS, class_labels);
    ck_ok(tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .gradient = one)));
    ck_ok(tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .gradient = quarter, .gradient_scale = 0.25)));
    for (int i = 0; i < ROWS * CLASSES; i++)
        ck_assert_float_eq(tn_tensor_const_f32(quarter)[i], 0.25f * tn_tensor_const_f32(one)[i]);
    ck_fails(
        tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .gradient = one, .gradient_scale = (double)NAN)),
        TN_ERR_INVALID, "gradient_scale");
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&z);
    tn_tensor_destroy(&one);
    tn_tensor_destroy(&quarter);
    tn_tensor_destroy(&labels);
}
END_TEST

/* One row's loss and gradient. */
static double row_loss(const float *row, int32_t label, float *gradient)
{
    tn_loss *loss = tn_softmax_cross_entropy();
    tn_tensor *z = matrix(1, 3, row), *labels = labels_of(1, &label);
    double value = 7.0;
    ck_ok(tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .loss = &value, .gradient = z)));
    memcpy(gradient, tn_tensor_const_f32(z), 3 * sizeof *gradient);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&z);
    tn_tensor_destroy(&labels);
    return value;
}

/* Logits whose exponentials overflow, or are too far apart for a float, are no trouble. */
START_TEST(test_large_logits)
{
    float g[3];
    ck_assert_double_eq(row_loss((const float[]){1e30f, 0.0f, -1e30f}, 0, g), 0.0);
    ck_assert_float_eq(g[0], 0.0f);
    ck_assert_double_eq(row_loss((const float[]){1e30f, 0.0f, -1e30f}, 1, g), (double)1e30f);
    ck_assert_float_eq(g[0], 1.0f);
    ck_assert_float_eq(g[1], -1.0f);
    ck_assert_double_eq_tol(row_loss((const float[]){3e38f, 3e38f, 3e38f}, 2, g), log(3.0), 1e-15);
    ck_assert_double_eq(row_loss((const float[]){0.0f, -INFINITY, 1.0f}, 1, g), (double)INFINITY);
    ck_assert_float_eq(g[1], -1.0f);
}
END_TEST

START_TEST(test_not_finite)
{
    static const float rows[][3] = {{NAN, 0.0f, 1.0f}, {0.0f, NAN, 1.0f}, {0.0f, 1.0f, NAN}, {0.0f, INFINITY, 1.0f}};
    for (int i = 0; i < 4; i++) {
        float g[3];
        ck_assert(isnan(row_loss(rows[i], 2, g)));
        ck_assert(isnan(g[0]) && isnan(g[1]) && isnan(g[2]));
    }
}
END_TEST

/* NaN stays in its row; an ignored row's NaN goes nowhere. A NaN is the row's maximum. */
START_TEST(test_nan_rows)
{
    static const float rows[6] = {NAN, 1.0f, 0.0f, 1.0f, 2.0f, 0.0f};
    static const int32_t targets[3] = {9, 1, 0};
    tn_loss *loss = tn_softmax_cross_entropy(.use_ignore_index = true, .ignore_index = 9);
    tn_tensor *z = matrix(3, 2, rows), *labels = labels_of(3, targets), *g = matrix(3, 2, NULL);
    double value = 0.0;
    int64_t correct = 0;
    ck_ok(tn_loss_compute(loss, z, labels,
                          TN_OPTIONS(tn_loss_results, .loss = &value, .gradient = g, .correct = &correct)));
    ck_assert(isfinite(value));
    ck_assert_float_eq(tn_tensor_const_f32(g)[0], 0.0f);
    ck_assert_float_eq(tn_tensor_const_f32(g)[1], 0.0f);
    ck_assert_int_eq(correct, 2);
    ((int32_t *)tn_tensor_data(labels))[0] = 1;
    ck_ok(tn_loss_compute(loss, z, labels,
                          TN_OPTIONS(tn_loss_results, .loss = &value, .gradient = g, .correct = &correct)));
    ck_assert(isnan(value));
    ck_assert(isnan(tn_tensor_const_f32(g)[0]) && isfinite(tn_tensor_const_f32(g)[2]));
    ck_assert_int_eq(correct, 2);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&z);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&g);
}
END_TEST

START_TEST(test_long_targets)
{
    static const int64_t wide[ROWS] = {2, 1, 3, 1, 0, INT64_C(1) << 40};
    tn_loss *loss =
        tn_softmax_cross_entropy(.reduction = TN_SUM, .use_ignore_index = true, .ignore_index = INT64_C(1) << 40);
    tn_tensor *z = matrix(ROWS, CLASSES, class_outputs), *labels = NULL, *narrow = labels_of(ROWS, class_labels);
    tn_tensor *values = NULL;
    double value = 0.0, all = 0.0;
    ck_ok(tn_tensor_from_data(NULL, TN_I64, 1, (const int64_t[]){ROWS}, wide, &labels));
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, (const int64_t[]){ROWS}, &values));
    ck_ok(tn_loss_compute(loss, z, labels, TN_OPTIONS(tn_loss_results, .loss = &value)));
    ck_ok(tn_loss_compute(loss, z, narrow, TN_OPTIONS(tn_loss_results, .loss = &all, .values = values)));
    ck_assert_double_eq_tol(value, all - (double)tn_tensor_const_f32(values)[ROWS - 1], 1e-6);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&z);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&narrow);
    tn_tensor_destroy(&values);
}
END_TEST

TN_SUITE("cross_entropy", TN_LOOPED(test_formula, CLASS_OPTIONS), {test_in_place}, {test_gradient_scale},
         {test_large_logits}, {test_not_finite}, {test_nan_rows}, {test_long_targets})
