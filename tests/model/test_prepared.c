/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What prediction derives from the weights and keeps: made anew when weights change, absent where it is not wanted. */
#include "small_net.h"

#include <math.h>

/* Filters enough for vectors: Winograd's and those of a plain product are both prepared. */
static tn_model *wide_model(void)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_conv2d(.filters = 64, .kernel_size = 3, .padding = TN_SAME, .groups = 2),
                                        tn_conv2d(.filters = 48, .kernel_size = 3, .strides = 2),
                                        tn_conv2d(.filters = 64, .kernel_size = 3, .padding = TN_SAME), tn_flatten(),
                                        tn_dense(.units = 10)),
                          TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}, .seed = 11), &model));
    return model;
}

static void change_weights(tn_model *model, const char *name, float value)
{
    const tn_tensor *old;
    tn_tensor *weights;
    ck_ok(tn_model_parameter(model, name, &old));
    ck_ok(tn_tensor_clone(NULL, old, &weights));
    for (int64_t i = 0; i < tn_tensor_size(weights); i++)
        tn_tensor_f32(weights)[i] = value * (float)(i % 7 - 3);
    ck_ok(tn_model_parameter_set(model, name, weights));
    tn_tensor_destroy(&weights);
}

/* A session that has run gives what a new one gives after any change of the weights. */
START_TEST(test_follows_weights)
{
    tn_model *model = wide_model();
    tn_session *old = net_session(model, (tn_session_options){.batch_size = 1});
    tn_tensor *x = net_input(1, 1);
    ck_assert_uint_gt(tn_plan_memory(tn_session_plan(old)).prepared, 0);
    for (int round = 0; round < 3; round++) {
        const tn_tensor *y, *expected;
        tn_session *fresh = net_session(model, (tn_session_options){.batch_size = 1});
        ck_ok(tn_session_forward(old, x, TN_PREDICT, &y));
        ck_ok(tn_session_forward(fresh, x, TN_PREDICT, &expected));
        ck_same_bits(expected, y, "output");
        tn_session_destroy(&fresh);
        change_weights(model, "conv2d_1.weight", 0.01f * (float)(round + 1));
    }
    tn_tensor_destroy(&x);
    tn_session_destroy(&old);
    tn_model_destroy(&model);
}
END_TEST

/* An optimizer's step is a change of the weights, too. */
START_TEST(test_follows_training)
{
    tn_model *model = wide_model();
    tn_session *trains = net_session(model, (tn_session_options){.training = true});
    tn_session *old = net_session(model, (tn_session_options){0}), *fresh;
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *before, *after, *expected;
    ck_ok(tn_session_forward(old, x, TN_PREDICT, &before));
    float first = tn_tensor_const_f32(before)[0];
    tn_tensor *y = net_train(trains, x, TN_GRADIENT_WRITE);
    ck_ok(tn_optimizer_step(sgd, trains));
    ck_ok(tn_session_forward(old, x, TN_PREDICT, &after));
    fresh = net_session(model, (tn_session_options){0});
    ck_ok(tn_session_forward(fresh, x, TN_PREDICT, &expected));
    ck_same_bits(expected, after, "output");
    ck_assert(tn_tensor_const_f32(after)[0] != first);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&x);
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&fresh);
    tn_session_destroy(&old);
    tn_session_destroy(&trains);
    tn_model_destroy(&model);
}
END_TEST

/* save_memory and training keep nothing; the results are those of another order of sums at most. */
START_TEST(test_save_memory)
{
    tn_model *model = wide_model();
    tn_session *keeps = net_session(model, (tn_session_options){0});
    tn_session *saves = net_session(model, (tn_session_options){.save_memory = true});
    tn_session *trains = net_session(model, (tn_session_options){.training = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *a, *b;
    ck_assert_uint_gt(tn_plan_memory(tn_session_plan(keeps)).prepared, 0);
    ck_assert_uint_eq(tn_plan_memory(tn_session_plan(saves)).prepared, 0);
    ck_assert_uint_eq(tn_plan_memory(tn_session_plan(trains)).prepared, 0);
    ck_ok(tn_session_forward(keeps, x, TN_PREDICT, &a));
    ck_ok(tn_session_forward(saves, x, TN_PREDICT, &b));
    for (int64_t i = 0; i < tn_tensor_size(a); i++)
        ck_assert_float_le(fabsf(tn_tensor_const_f32(a)[i] - tn_tensor_const_f32(b)[i]), 1e-5f);
    tn_tensor_destroy(&x);
    tn_session_destroy(&keeps);
    tn_session_destroy(&saves);
    tn_session_destroy(&trains);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("prepared", {test_follows_weights}, {test_follows_training}, {test_save_memory})
