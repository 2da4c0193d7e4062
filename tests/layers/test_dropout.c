/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dropout: how many are dropped, which ones, how the others are scaled, and that backward uses the same choice. */
#include "finite.h"

enum { COUNT = 40000 };
static const tn_shape shape = {2, {4, COUNT / 4}};

static tn_tensor *ones(void)
{
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, shape.rank, shape.dims, &x));
    ck_ok(tn_tensor_fill(x, 1.0));
    return x;
}

/* Within five standard deviations of the binomial distribution; neighbours are independent. */
START_TEST(test_share)
{
    static const float rates[] = {0.1f, 0.5f, 0.8f};
    float rate = rates[_i];
    double kept = 0.0, pairs = 0.0, p = 1.0 - (double)rate;
    tn_tensor *x = ones();
    finite f = finite_create(tn_dropout(.rate = rate), shape, false, x);
    const float *y = tn_tensor_const_f32(f.y);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(y[i] == 0.0f || y[i] == 1.0f / (1.0f - rate));
        kept += y[i] != 0.0f;
        pairs += i > 0 && y[i] != 0.0f && y[i - 1] != 0.0f;
    }
    ck_assert_double_eq_tol(kept / COUNT, p, 5.0 * sqrt(p * (1.0 - p) / COUNT));
    ck_assert_double_eq_tol(pairs / COUNT, p * p, 5.0 * sqrt(3.0 * p * (1.0 - p) / COUNT));
    tn_tensor_destroy(&x);
    finite_destroy(&f);
}
END_TEST

START_TEST(test_backward_has_the_same_mask)
{
    tn_tensor *x = ones();
    finite f = finite_create(tn_dropout(.rate = 0.5f), shape, false, x);
    tn_tensor *y = NULL;
    ck_ok(tn_tensor_clone(NULL, f.y, &y));
    tn_session_set_step(f.session, 77); /* of the next forward: not of this backward */
    finite_backward(&f);
    for (int i = 0; i < COUNT; i++)
        ck_assert_float_eq(tn_tensor_const_f32(f.dx)[i], tn_tensor_f32(y)[i] * tn_tensor_f32(f.dy)[i]);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    finite_destroy(&f);
}
END_TEST

/* The share of places where two masks agree. */
static double agreement(const tn_tensor *a, const tn_tensor *b)
{
    double same = 0.0;
    for (int i = 0; i < COUNT; i++)
        same += (tn_tensor_const_f32(a)[i] == 0.0f) == (tn_tensor_const_f32(b)[i] == 0.0f);
    return same / COUNT;
}

static tn_tensor *mask_of(uint64_t seed, uint64_t step, int layers_before)
{
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_tensor *x = ones(), *mask = NULL;
    const tn_tensor *y;
    tn_layer *net =
        layers_before == 0 ? tn_dropout(.rate = 0.5f) : tn_sequential(tn_flatten(), tn_dropout(.rate = 0.5f));
    ck_ok(tn_model_create(net, TN_OPTIONS(tn_model_options, .input_shape = {COUNT / 4}, .seed = seed), &model));
    ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 4, .training = true, .threads = 1),
                            &session));
    tn_session_set_step(session, step);
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &mask));
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
    return mask;
}

/* The same key gives the same mask; another seed, step or layer another one. */
START_TEST(test_keys)
{
    static const uint64_t seeds[] = {3, 4, 3, 3}, steps[] = {5, 5, 6, 5};
    tn_tensor *first = mask_of(3, 5, 0), *second = mask_of(seeds[_i], steps[_i], _i == 3);
    double share = agreement(first, second);
    if (_i == 0)
        ck_assert_double_eq(share, 1.0);
    else
        ck_assert_double_eq_tol(share, 0.5, 5.0 * 0.5 / sqrt(COUNT));
    tn_tensor_destroy(&first);
    tn_tensor_destroy(&second);
}
END_TEST

/* In prediction, and with rate 0, nothing changes; prediction does not count a step. */
START_TEST(test_prediction)
{
    finite f = finite_create(tn_dropout(.rate = _i == 0 ? 0.5f : 0.0f), shape, false, NULL);
    ck_assert_uint_eq(tn_session_step(f.session), 1);
    ck_ok(tn_session_forward(f.session, f.x, _i == 0 ? TN_PREDICT : TN_TRAIN, &f.y));
    ck_assert_uint_eq(tn_session_step(f.session), _i == 0 ? 1 : 2);
    ck_assert_mem_eq(tn_tensor_const_data(f.y), tn_tensor_const_data(f.x), tn_tensor_bytes(f.x));
    finite_destroy(&f);
}
END_TEST

TN_SUITE("dropout", TN_LOOPED(test_share, 3), {test_backward_has_the_same_mask}, TN_LOOPED(test_keys, 4),
         TN_LOOPED(test_prediction, 2))
