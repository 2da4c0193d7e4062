/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Two parameters whose values and gradients a test sets: "a.weight" [5,7] and "b.weight" [7,401], of dense layers
 *  without bias. The second is long enough to be cut at places that are no multiple of a vector. */
#ifndef TESTS_OPTIM_SMALL_NET_H
#define TESTS_OPTIM_SMALL_NET_H

#include "suite.h"

#include <math.h>

enum { SMALL_A = 5 * 7, SMALL_B = 7 * 401, SMALL_ALL = SMALL_A + SMALL_B };

typedef struct small_net {
    tn_model *model;
    tn_session *session;
} small_net;

static inline small_net small_net_create(int threads)
{
    small_net net = {NULL, NULL};
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 7, .without_bias = true, .name = "a"),
                                        tn_dense(.units = 401, .without_bias = true, .name = "b")),
                          TN_OPTIONS(tn_model_options, .input_shape = {5}), &net.model));
    ck_ok(tn_session_create(net.model, TN_OPTIONS(tn_session_options, .training = true, .threads = threads),
                            &net.session));
    return net;
}

static inline void small_net_destroy(small_net *net)
{
    tn_session_destroy(&net->session);
    tn_model_destroy(&net->model);
}

/** A forward and a backward of zeros: the session has gradients now, which a test may write. */
static inline void small_net_pass(small_net *net)
{
    tn_tensor *x = NULL, *dy = NULL;
    const tn_tensor *y;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){1, 5}, &x));
    ck_ok(tn_session_forward(net->session, x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &dy));
    ck_ok(tn_session_backward(net->session, dy, TN_GRADIENT_WRITE));
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&dy);
}

/** A number in [-1,1) that depends on (element, round) alone. */
static inline float small_number(int64_t element, int64_t round)
{
    uint64_t bits = (uint64_t)element * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)round * UINT64_C(0xbf58476d1ce4e5b9);
    bits ^= bits >> 31;
    bits *= UINT64_C(0x94d049bb133111eb);
    return (float)(bits >> 40) * 0x1p-23f - 1.0f;
}

static inline const char *small_name(int parameter)
{
    return parameter == 0 ? "a.weight" : "b.weight";
}

static inline float *small_gradient(small_net *net, int parameter)
{
    tn_tensor *gradient;
    ck_ok(tn_session_gradient(net->session, small_name(parameter), &gradient));
    return tn_tensor_f32(gradient);
}

/** Gradients of round `round`: small_number times `size`. */
static inline void small_net_set_gradients(small_net *net, int64_t round, float size)
{
    float *a = small_gradient(net, 0), *b = small_gradient(net, 1);
    for (int i = 0; i < SMALL_A; i++)
        a[i] = size * small_number(i, round);
    for (int i = 0; i < SMALL_B; i++)
        b[i] = size * small_number(SMALL_A + i, round);
}

/** Both weights, one after another. */
static inline void small_net_weights(const small_net *net, float out[SMALL_ALL])
{
    const tn_tensor *a, *b;
    ck_ok(tn_model_parameter(net->model, "a.weight", &a));
    ck_ok(tn_model_parameter(net->model, "b.weight", &b));
    memcpy(out, tn_tensor_const_f32(a), SMALL_A * sizeof *out);
    memcpy(out + SMALL_A, tn_tensor_const_f32(b), SMALL_B * sizeof *out);
}

/** Step `count` times with gradients of rounds 0, 1, ... */
static inline void small_net_steps(small_net *net, tn_optimizer *optimizer, int count, float size)
{
    for (int t = 0; t < count; t++) {
        small_net_pass(net);
        small_net_set_gradients(net, t, size);
        ck_ok(tn_optimizer_step(optimizer, net->session));
    }
}

#endif
