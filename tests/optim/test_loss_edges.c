/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Batches where nothing counts, targets that are no class, results that overlap or do not apply. */
#include "loss_support.h"

static tn_loss *loss_of(int kind, const tn_loss_options *options)
{
    return kind == 0   ? tn_softmax_cross_entropy_create(options)
           : kind == 1 ? tn_nll_create(options)
                       : tn_mse_create(options);
}

static const tn_reduction reductions[] = {TN_MEAN, TN_SUM, TN_NONE};

START_TEST(test_empty_batch)
{
    for (int kind = 0; kind < 3; kind++) {
        tn_loss *loss = loss_of(kind, TN_OPTIONS(tn_loss_options, .reduction = reductions[_i]));
        tn_tensor *output = matrix(0, 3, NULL), *gradient = matrix(0, 3, NULL);
        tn_tensor *target = kind < 2 ? labels_of(0, (const int32_t[]){0}) : matrix(0, 3, NULL);
        double value = 7.0, weight = 7.0;
        int64_t correct = 7;
        ck_ok(tn_loss_compute(loss, output, target,
                              TN_OPTIONS(tn_loss_results, .loss = &value, .weight = &weight, .gradient = gradient,
                                         .correct = kind < 2 ? &correct : NULL)));
        ck_assert(_i == 0 ? isnan(value) : value == 0.0);
        ck_assert_double_eq(weight, 0.0);
        ck_assert_int_eq(correct, kind < 2 ? 0 : 7);
        tn_loss_destroy(&loss);
        tn_tensor_destroy(&output);
        tn_tensor_destroy(&gradient);
        tn_tensor_destroy(&target);
    }
}
END_TEST

/* Everything ignored, or of weight 0, with a NaN among the outputs: no loss, and a gradient of zeros. */
START_TEST(test_nothing_counts)
{
    static const float zero[3] = {0.0f, 0.0f, 0.0f}, rows[6] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
    const tn_loss_options options[2] = {
        {.struct_size = sizeof options[0], .reduction = reductions[_i], .use_ignore_index = true, .ignore_index = 1},
        {.struct_size = sizeof options[0], .reduction = reductions[_i], .class_weights = zero, .class_count = 3}};
    for (int i = 0; i < 4; i++) {
        tn_loss *loss = loss_of(i / 2, &options[i % 2]);
        tn_tensor *output = matrix(2, 3, rows), *target = labels_of(2, (const int32_t[]){1, 1});
        double value = 7.0, weight = 7.0;
        if (i % 2 == 0)
            tn_tensor_f32(output)[2] = NAN;
        ck_ok(tn_loss_compute(loss, output, target,
                              TN_OPTIONS(tn_loss_results, .loss = &value, .weight = &weight, .gradient = output)));
        ck_assert(_i == 0 ? isnan(value) : value == 0.0);
        ck_assert_double_eq(weight, 0.0);
        for (int k = 0; k < 6; k++)
            ck_assert_float_eq(tn_tensor_const_f32(output)[k], 0.0f);
        tn_loss_destroy(&loss);
        tn_tensor_destroy(&output);
        tn_tensor_destroy(&target);
    }
}
END_TEST

/* The last target is wrong: the rows before it are not written either. */
START_TEST(test_wrong_target)
{
    static const int64_t wrong[] = {3, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 32};
    for (int i = 0; i < 10; i++) {
        tn_loss *loss = loss_of(i / 5, NULL);
        tn_tensor *output = matrix(2, 3, NULL), *target = NULL, *values = NULL;
        double value = 7.0;
        ck_ok(tn_tensor_from_data(NULL, TN_I64, 1, (const int64_t[]){2}, (const int64_t[]){1, wrong[i % 5]}, &target));
        ck_ok(tn_tensor_create(NULL, TN_F32, 1, (const int64_t[]){2}, &values));
        ck_fails(tn_loss_compute(loss, output, target,
                                 TN_OPTIONS(tn_loss_results, .loss = &value, .gradient = output, .values = values)),
                 TN_ERR_INVALID, "target[1]");
        ck_assert_double_eq(value, 7.0);
        ck_assert_float_eq(tn_tensor_const_f32(output)[1], 0.0f);
        ck_assert_float_eq(tn_tensor_const_f32(values)[0], 0.0f);
        tn_loss_destroy(&loss);
        tn_tensor_destroy(&output);
        tn_tensor_destroy(&target);
        tn_tensor_destroy(&values);
    }
}
END_TEST

START_TEST(test_overlap)
{
    tn_loss *loss = tn_softmax_cross_entropy(), *mse = tn_mse();
    tn_tensor *all = matrix(4, 3, NULL), *output = NULL, *shifted = NULL,
              *labels = labels_of(2, (const int32_t[]){0, 1});
    ck_ok(tn_tensor_slice(all, 0, 2, &output));
    ck_ok(tn_tensor_slice(all, 1, 2, &shifted));
    ck_fails(tn_loss_compute(loss, output, labels, TN_OPTIONS(tn_loss_results, .gradient = shifted)), TN_ERR_INVALID,
             "overlap");
    ck_fails(tn_loss_compute(loss, output, labels, TN_OPTIONS(tn_loss_results, .log_probabilities = output)),
             TN_ERR_INVALID, "overlap");
    ck_fails(tn_loss_compute(mse, output, shifted, TN_OPTIONS(tn_loss_results, .gradient = shifted)), TN_ERR_INVALID,
             "overlap");
    ck_fails(tn_loss_compute(mse, output, shifted, TN_OPTIONS(tn_loss_results, .values = output)), TN_ERR_INVALID,
             "overlap");
    tn_loss_destroy(&loss);
    tn_loss_destroy(&mse);
    tn_tensor_destroy(&all);
    tn_tensor_destroy(&output);
    tn_tensor_destroy(&shifted);
    tn_tensor_destroy(&labels);
}
END_TEST

START_TEST(test_not_offered)
{
    tn_loss *nll = tn_nll(), *mse = tn_mse();
    tn_tensor *y = matrix(2, 3, NULL), *t = matrix(2, 3, NULL), *labels = labels_of(2, (const int32_t[]){0, 1});
    tn_tensor *result = matrix(2, 3, NULL);
    int64_t correct = 7;
    ck_fails(tn_loss_compute(mse, y, t, TN_OPTIONS(tn_loss_results, .correct = &correct)), TN_ERR_INVALID, "correct");
    ck_fails(tn_loss_compute(nll, y, labels, TN_OPTIONS(tn_loss_results, .log_probabilities = result)), TN_ERR_INVALID,
             "log_probabilities");
    ck_fails(tn_loss_compute(mse, y, labels, TN_OPTIONS(tn_loss_results, .gradient = result)), TN_ERR_TYPE, "f32");
    ck_assert_int_eq(correct, 7);
    tn_loss_destroy(&nll);
    tn_loss_destroy(&mse);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&result);
}
END_TEST

/* Weights are copied, and must be as many as the classes. */
START_TEST(test_weights)
{
    float weights[3] = {1.0f, 2.0f, 3.0f};
    tn_loss *loss = tn_softmax_cross_entropy(.class_weights = weights, .class_count = 3);
    tn_tensor *three = matrix(2, 3, NULL), *four = matrix(2, 4, NULL), *labels = labels_of(2, (const int32_t[]){0, 2});
    double weight = 0.0;
    weights[0] = 100.0f;
    ck_ok(tn_loss_compute(loss, three, labels, TN_OPTIONS(tn_loss_results, .weight = &weight)));
    ck_assert_double_eq(weight, 4.0);
    ck_fails(tn_loss_compute(loss, four, labels, TN_OPTIONS(tn_loss_results, .weight = &weight)), TN_ERR_SHAPE, "[3]");
    ck_assert_ptr_null(tn_nll(.class_count = 3));
    ck_assert_int_eq(tn_last_status(), TN_ERR_INVALID);
    tn_loss_destroy(&loss);
    tn_tensor_destroy(&three);
    tn_tensor_destroy(&four);
    tn_tensor_destroy(&labels);
}
END_TEST

TN_SUITE("loss_edges", TN_LOOPED(test_empty_batch, 3), TN_LOOPED(test_nothing_counts, 3), {test_wrong_target},
         {test_overlap}, {test_not_offered}, {test_weights})
