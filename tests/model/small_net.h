/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A network with one of everything, on images of 12x12x2, and what tests do with it. */
#ifndef TESTS_MODEL_SMALL_NET_H
#define TESTS_MODEL_SMALL_NET_H

#include "counting.h"

enum { NET_LAYERS = 11, NET_BATCH = 6 };

/** The network's first `count` layers. */
static inline tn_layer *net_of(int count)
{
    tn_layer *layers[NET_LAYERS] = {
        tn_conv2d(.filters = 8, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
        tn_max_pool2d(.pool_size = 3, .strides = 2),
        tn_conv2d(.filters = 6, .kernel_size = 3, .padding = TN_SAME),
        tn_activation_layer(.activation = TN_TANH),
        tn_avg_pool2d(.pool_size = 2, .padding = TN_SAME),
        tn_flatten(),
        tn_dropout(.rate = 0.25f),
        tn_dense(.units = 20, .activation = TN_SIGMOID),
        tn_dropout(.rate = 0.5f),
        tn_dense(.units = 10),
        tn_activation_layer(.activation = TN_SOFTMAX),
    };
    for (int i = count; i < NET_LAYERS; i++)
        tn_layer_destroy(&layers[i]);
    return tn_sequential_create(NULL, layers, (size_t)count);
}

static inline tn_model *net_model(int count, const tn_allocator *allocator)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(net_of(count),
                          TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}, .seed = 11, .allocator = allocator),
                          &model));
    return model;
}

static inline tn_session *net_session(tn_model *model, tn_session_options options)
{
    tn_session *session = NULL;
    options.struct_size = sizeof options;
    options.batch_size = options.batch_size ? options.batch_size : NET_BATCH;
    options.threads = options.threads ? options.threads : 1;
    ck_ok(tn_session_create(model, &options, &session));
    return session;
}

static inline tn_tensor *net_input(int64_t n, uint64_t seed)
{
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){n, 12, 12, 2}, &x));
    ck_ok(tn_tensor_fill_uniform(x, -1.0f, 1.0f, seed));
    return x;
}

/** A gradient for the last layer's output. */
static inline tn_tensor *net_upstream(int64_t n)
{
    tn_tensor *dy = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){n, 10}, &dy));
    ck_ok(tn_tensor_fill_uniform(dy, -1.0f, 1.0f, 77));
    return dy;
}

static inline void ck_same_bits(const tn_tensor *a, const tn_tensor *b, const char *what)
{
    ck_assert_msg(tn_tensor_bytes(a) == tn_tensor_bytes(b), "%s has another size", what);
    ck_assert_msg(memcmp(tn_tensor_const_data(a), tn_tensor_const_data(b), tn_tensor_bytes(a)) == 0, "%s differs",
                  what);
}

/** All gradients of two sessions on models of the same network are the same bits. */
static inline void ck_same_gradients(tn_session *a, tn_session *b)
{
    const tn_model *model = tn_session_model(a);
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *name = tn_model_parameter_name(model, i);
        tn_tensor *of_a, *of_b;
        ck_ok(tn_session_gradient(a, name, &of_a));
        ck_ok(tn_session_gradient(b, name, &of_b));
        ck_same_bits(of_a, of_b, name);
    }
}

/** One forward and backward; gives a copy of y, to be destroyed. */
static inline tn_tensor *net_train(tn_session *session, const tn_tensor *x, tn_gradient_mode mode)
{
    const tn_tensor *y;
    tn_tensor *copy = NULL, *dy = net_upstream(tn_tensor_dim(x, 0));
    ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &copy));
    ck_ok(tn_session_backward(session, dy, mode));
    tn_tensor_destroy(&dy);
    return copy;
}

#endif
