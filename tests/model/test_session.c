/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sessions: sharing memory changes no number, running allocates nothing, gradients add up, frozen layers stay out. */
#include "small_net.h"

#include <math.h>

/* Every layer's output is that of a network that ends there, whatever shares memory with it. */
START_TEST(test_kept_outputs)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *keeps = net_session(model, (tn_session_options){.keep_outputs = true});
    tn_session *plain = net_session(model, (tn_session_options){0});
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *y, *kept;
    ck_ok(tn_session_forward(keeps, x, TN_PREDICT, &kept));
    ck_ok(tn_session_forward(plain, x, TN_PREDICT, &y));
    ck_same_bits(y, kept, "output");
    for (int count = 1; count <= NET_LAYERS; count++) {
        tn_model *part = net_model(count, NULL);
        tn_session *session = net_session(part, (tn_session_options){0});
        const char *name = tn_plan_layer(tn_session_plan(keeps), (size_t)count - 1)->name;
        ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
        ck_ok(tn_session_output(keeps, name, &kept));
        ck_same_bits(y, kept, name);
        ck_assert_int_eq(tn_tensor_rank(y), tn_tensor_rank(kept));
        tn_session_destroy(&session);
        tn_model_destroy(&part);
    }
    tn_tensor_destroy(&x);
    tn_session_destroy(&keeps);
    tn_session_destroy(&plain);
    tn_model_destroy(&model);
}
END_TEST

/* Training with everything kept apart, with memory shared, and with the input's gradient: the same gradients. */
START_TEST(test_sharing_changes_nothing)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *keeps = net_session(model, (tn_session_options){.training = true, .keep_outputs = true});
    tn_session *plain = net_session(model, (tn_session_options){.training = true});
    tn_session *whole = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    for (int step = 0; step < 3; step++) {
        tn_tensor *a = net_train(keeps, x, TN_GRADIENT_WRITE), *b = net_train(plain, x, TN_GRADIENT_WRITE);
        tn_tensor *c = net_train(whole, x, TN_GRADIENT_WRITE);
        ck_same_bits(a, b, "output");
        ck_same_bits(a, c, "output");
        ck_same_gradients(keeps, plain);
        ck_same_gradients(keeps, whole);
        tn_tensor_destroy(&a);
        tn_tensor_destroy(&b);
        tn_tensor_destroy(&c);
    }
    tn_tensor_destroy(&x);
    tn_session_destroy(&keeps);
    tn_session_destroy(&plain);
    tn_session_destroy(&whole);
    tn_model_destroy(&model);
}
END_TEST

/* Not the first step either; blocks come filled with NaN, so nothing reads what was not written. */
START_TEST(test_allocates_nothing)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = net_model(NET_LAYERS, &allocator);
    tn_session *session = net_session(
        model, (tn_session_options){.training = true, .input_gradient = true, .keep_outputs = true, .threads = 2});
    tn_tensor *x = net_input(NET_BATCH, 1), *dy = net_upstream(NET_BATCH), *gradient;
    const tn_tensor *y, *dx;
    long calls = atomic_load(&c.calls);
    for (int step = 0; step < 3; step++) {
        ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
        ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
        ck_ok(tn_session_output(session, "conv2d_1", &y));
        ck_ok(tn_session_backward(session, dy, step == 0 ? TN_GRADIENT_WRITE : TN_GRADIENT_ADD));
        ck_ok(tn_session_input_gradient(session, &dx));
        ck_ok(tn_session_gradient(session, "conv2d_1.weight", &gradient));
        for (int64_t i = 0; i < tn_tensor_size(gradient); i++)
            ck_assert(isfinite(tn_tensor_f32(gradient)[i]));
        for (int64_t i = 0; i < tn_tensor_size(dx); i++)
            ck_assert(isfinite(tn_tensor_const_f32(dx)[i]));
    }
    ck_assert_int_eq(atomic_load(&c.calls), calls);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
}
END_TEST

/* Adding a second batch gives the sum of the two; n smaller than the batch size. */
START_TEST(test_accumulation)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *adds = net_session(model, (tn_session_options){.training = true});
    tn_session *one = net_session(model, (tn_session_options){.training = true});
    tn_session *two = net_session(model, (tn_session_options){.training = true});
    tn_tensor *x1 = net_input(NET_BATCH, 1), *x2 = net_input(2, 2), *outputs[4];
    outputs[0] = net_train(adds, x1, TN_GRADIENT_WRITE);
    outputs[1] = net_train(adds, x2, TN_GRADIENT_ADD);
    outputs[2] = net_train(one, x1, TN_GRADIENT_WRITE);
    tn_session_set_step(two, 1);                      /* dropout of the second step */
    outputs[3] = net_train(two, x2, TN_GRADIENT_ADD); /* gradients start at zero */
    ck_same_bits(outputs[1], outputs[3], "output");
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        tn_tensor *sum, *first, *second;
        const char *name = tn_model_parameter_name(model, i);
        ck_ok(tn_session_gradient(adds, name, &sum));
        ck_ok(tn_session_gradient(one, name, &first));
        ck_ok(tn_session_gradient(two, name, &second));
        for (int64_t k = 0; k < tn_tensor_size(sum); k++) {
            double expected = (double)tn_tensor_f32(first)[k] + (double)tn_tensor_f32(second)[k];
            ck_assert_double_eq_tol((double)tn_tensor_f32(sum)[k], expected, 1e-6);
        }
    }
    for (int i = 0; i < 4; i++)
        tn_tensor_destroy(&outputs[i]);
    tn_tensor_destroy(&x1);
    tn_tensor_destroy(&x2);
    tn_session_destroy(&adds);
    tn_session_destroy(&one);
    tn_session_destroy(&two);
    tn_model_destroy(&model);
}
END_TEST

/* Frozen parameters have no gradient; the others' are what they would be. */
START_TEST(test_freezing)
{
    static const char *const frozen[] = {"conv2d_1", "conv2d_2.weight", "dense_2", "dense_1.bias"};
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *all = net_session(model, (tn_session_options){.training = true});
    ck_ok(tn_model_freeze(model, frozen[_i], true));
    ck_ok(tn_model_freeze(model, "flatten_1", true)); /* has none */
    tn_session *some = net_session(model, (tn_session_options){.training = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    tn_tensor *a = net_train(all, x, TN_GRADIENT_WRITE), *b = net_train(some, x, TN_GRADIENT_WRITE);
    int without = 0;
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *name = tn_model_parameter_name(model, i);
        tn_tensor *of_all, *of_some;
        ck_ok(tn_session_gradient(all, name, &of_all));
        if (strncmp(name, frozen[_i], strlen(frozen[_i])) == 0) {
            ck_fails(tn_session_gradient(some, name, &of_some), TN_ERR_STATE, name);
            without++;
        } else {
            ck_ok(tn_session_gradient(some, name, &of_some));
            ck_same_bits(of_all, of_some, name);
        }
    }
    ck_assert_int_eq(without, strchr(frozen[_i], '.') ? 1 : 2);
    ck_same_bits(a, b, "output");
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&x);
    tn_session_destroy(&all);
    tn_session_destroy(&some);
    tn_model_destroy(&model);
}
END_TEST

/* All frozen: there is nothing to do backward, which is no error. */
START_TEST(test_all_frozen)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    for (size_t i = 0; i < tn_model_parameter_count(model); i++)
        ck_ok(tn_model_freeze(model, tn_model_parameter_name(model, i), true));
    tn_session *none = net_session(model, (tn_session_options){.training = true});
    tn_session *input = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    const tn_tensor *dx;
    tn_tensor *a = net_train(none, x, TN_GRADIENT_WRITE), *b = net_train(input, x, TN_GRADIENT_WRITE);
    ck_ok(tn_session_input_gradient(input, &dx));
    ck_assert_float_ne(tn_tensor_const_f32(dx)[0], 0.0f);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&x);
    tn_session_destroy(&none);
    tn_session_destroy(&input);
    tn_model_destroy(&model);
}
END_TEST

/* No images: shapes are right, gradients are zero, or stay as they are. */
START_TEST(test_empty_batch)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    tn_tensor *full = net_input(NET_BATCH, 1), *empty = net_input(0, 1), *gradient, *before = NULL, *y;
    const tn_tensor *dx;
    y = net_train(session, full, TN_GRADIENT_WRITE);
    tn_tensor_destroy(&y);
    ck_ok(tn_session_gradient(session, "dense_1.weight", &gradient));
    ck_ok(tn_tensor_clone(NULL, gradient, &before));
    y = net_train(session, empty, TN_GRADIENT_ADD);
    ck_assert_int_eq(tn_tensor_dim(y, 0), 0);
    ck_assert_int_eq(tn_tensor_dim(y, 1), 10);
    ck_same_bits(before, gradient, "dense_1.weight");
    tn_tensor_destroy(&y);
    y = net_train(session, empty, TN_GRADIENT_WRITE);
    ck_assert_float_eq(tn_tensor_f32(gradient)[0], 0.0f);
    ck_ok(tn_session_input_gradient(session, &dx));
    ck_assert_int_eq(tn_tensor_dim(dx, 0), 0);
    ck_assert_uint_eq(tn_session_step(session), 3);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&before);
    tn_tensor_destroy(&full);
    tn_tensor_destroy(&empty);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* One image alone gives what it gives among others. */
START_TEST(test_smaller_batch)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session = net_session(model, (tn_session_options){0});
    tn_tensor *x = net_input(NET_BATCH, 1), *one = NULL, *all = NULL;
    const tn_tensor *y;
    ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
    ck_ok(tn_tensor_clone(NULL, y, &all));
    ck_ok(tn_tensor_slice(x, 2, 1, &one));
    ck_ok(tn_session_forward(session, one, TN_PREDICT, &y));
    ck_assert_int_eq(tn_tensor_dim(y, 0), 1);
    for (int i = 0; i < 10; i++)
        ck_assert_float_eq_tol(tn_tensor_const_f32(y)[i], tn_tensor_f32(all)[20 + i], 1e-6f);
    tn_tensor_destroy(&one);
    tn_tensor_destroy(&all);
    tn_tensor_destroy(&x);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* Layers that pass their input on must not hand the caller's own memory back: it may be gone by then. */
START_TEST(test_output_is_not_the_input)
{
    tn_model *model = NULL;
    tn_tensor *x = net_input(1, 1), *copy = NULL;
    const tn_tensor *y, *inner;
    ck_ok(tn_tensor_clone(NULL, x, &copy));
    ck_ok(tn_model_create(tn_sequential(tn_flatten(), tn_dropout(.rate = 0.5f), tn_flatten()),
                          TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), &model));
    tn_session *session = net_session(model, (tn_session_options){.keep_outputs = _i == 1});
    ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
    ck_ok(tn_tensor_fill(x, 0.0));
    ck_same_bits(y, copy, "output");
    if (_i == 1) {
        ck_ok(tn_session_output(session, "flatten_1", &inner));
        ck_same_bits(inner, copy, "flatten_1");
    }
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&copy);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* Gradients through layers that share the gradient's memory all the way to the input. */
START_TEST(test_gradient_of_nothing)
{
    tn_model *model = NULL;
    tn_tensor *x = net_input(1, 1), *dy = NULL;
    const tn_tensor *y, *dx;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){1, 288}, &dy));
    ck_ok(tn_tensor_fill_uniform(dy, -1.0f, 1.0f, 3));
    ck_ok(tn_model_create(tn_flatten(), TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), &model));
    tn_session *session = net_session(model, (tn_session_options){.training = true, .input_gradient = true});
    ck_fails(tn_session_input_gradient(session, &dx), TN_ERR_STATE, "no backward");
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_session_backward(session, dy, TN_GRADIENT_WRITE));
    ck_ok(tn_session_input_gradient(session, &dx));
    ck_same_bits(dx, dy, "dx");
    ck_assert_int_eq(tn_tensor_rank(dx), 4);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* A prediction takes the place of a training forward: its backward cannot come any more. */
START_TEST(test_prediction_between)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session = net_session(model, (tn_session_options){.training = true, .keep_outputs = true});
    tn_tensor *x = net_input(NET_BATCH, 1), *dy = net_upstream(NET_BATCH);
    const tn_tensor *y;
    ck_fails(tn_session_output(session, "conv2d_1", &y), TN_ERR_STATE, "no forward");
    ck_fails(tn_session_output(session, "conv2d_9", &y), TN_NOT_FOUND, "conv2d_9");
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_session_forward(session, x, TN_PREDICT, &y));
    ck_fails(tn_session_backward(session, dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "not TN_TRAIN");
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("session", {test_kept_outputs}, {test_sharing_changes_nothing}, {test_allocates_nothing}, {test_accumulation},
         TN_LOOPED(test_freezing, 4), {test_all_frozen}, {test_empty_batch}, {test_smaller_batch},
         TN_LOOPED(test_output_is_not_the_input, 2), {test_gradient_of_nothing}, {test_prediction_between})
