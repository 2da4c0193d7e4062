/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dense layers by finite differences: every activation, inputs of rank 2 to 4. */
#include "finite.h"

typedef struct dense_case {
    tn_shape in;
    int64_t units;
    tn_activation activation;
    bool without_bias;
} dense_case;

static const dense_case cases[] = {
    {{2, {3, 5}}, 4, TN_LINEAR, false},  {{2, {1, 7}}, 3, TN_RELU, false},          {{2, {4, 3}}, 5, TN_SIGMOID, false},
    {{3, {2, 3, 4}}, 2, TN_TANH, false}, {{4, {2, 2, 3, 3}}, 4, TN_SOFTMAX, false}, {{2, {5, 2}}, 1, TN_LINEAR, true},
    {{2, {33, 17}}, 19, TN_RELU, true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int64_t rows_of(const dense_case *k)
{
    int64_t rows = 1;
    for (int i = 0; i < k->in.rank - 1; i++)
        rows *= k->in.dims[i];
    return rows;
}

static void reference(const void *context, const double *x, double *const *params, double *y)
{
    const dense_case *k = context;
    int64_t features = k->in.dims[k->in.rank - 1];
    for (int64_t m = 0; m < rows_of(k); m++) {
        for (int64_t u = 0; u < k->units; u++) {
            double sum = k->without_bias ? 0.0 : params[1][u];
            for (int64_t i = 0; i < features; i++)
                sum += x[m * features + i] * params[0][i * k->units + u];
            y[m * k->units + u] = finite_activation(k->activation, sum);
        }
        if (k->activation == TN_SOFTMAX)
            finite_softmax(y + m * k->units, k->units, 1);
    }
}

START_TEST(test_cases)
{
    const dense_case *k = &cases[_i];
    finite_check(tn_dense(.units = k->units, .activation = k->activation, .without_bias = k->without_bias), k->in,
                 false, reference, k, 1e-5);
}
END_TEST

/* The outer dimensions pass through. */
START_TEST(test_shape)
{
    finite f = finite_create(tn_dense(.units = 4), (tn_shape){3, {2, 3, 5}}, false, NULL);
    ck_assert_int_eq(tn_tensor_rank(f.y), 3);
    ck_assert_int_eq(tn_tensor_dim(f.y, 0), 2);
    ck_assert_int_eq(tn_tensor_dim(f.y, 1), 3);
    ck_assert_int_eq(tn_tensor_dim(f.y, 2), 4);
    finite_destroy(&f);
}
END_TEST

TN_SUITE("dense", TN_LOOPED(test_cases, CASES), {test_shape})
