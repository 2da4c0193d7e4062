/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Negative log-likelihood against its formula in double and by finite differences. */
#include "class_reference.h"

START_TEST(test_formula)
{
    class_case c = {class_options[_i], false};
    c.options.struct_size = sizeof c.options;
    tn_loss *loss = tn_nll_create(&c.options);
    ck_assert_ptr_nonnull(loss);
    check_class_case(&c, loss);
    tn_loss_destroy(&loss);
}
END_TEST

START_TEST(test_in_place)
{
    tn_loss *loss = tn_nll(.reduction = TN_SUM);
    tn_tensor *output = matrix(ROWS, CLASSES, class_outputs), *labels = labels_of(ROWS, class_labels);
    int64_t correct = 0;
    double value = 0.0, expected = 0.0;
    ck_ok(tn_loss_compute(
        loss, output, labels,
        TN_OPTIONS(tn_loss_results, .loss = &value, .correct = &correct, .gradient = output, .gradient_scale = 3.0)));
    for (int i = 0; i < ROWS * CLASSES; i++) {
        bool hit = i % CLASSES == class_labels[i / CLASSES];
        ck_assert_float_eq(tn_tensor_const_f32(output)[i], hit ? -3.0f : 0.0f);
        expected -= hit ? (double)class_outputs[i] : 0.0;
    }
    ck_assert_double_eq_tol(value, expected, 1e-12);
    ck_assert_int_eq(correct, 4);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&output);
    tn_tensor_destroy(&labels);
}
END_TEST

TN_SUITE("nll", TN_LOOPED(test_formula, CLASS_OPTIONS), {test_in_place})
