/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What all optimizers have in common: state, binding, frozen parameters, the same bits for any number of threads,
 *  memory. */
#include "small_net.h"

enum { KINDS = 5 };

static tn_optimizer *optimizer_of(int kind)
{
    tn_optimizer *made[KINDS] = {NULL};
    if (kind == 0)
        made[0] = tn_sgd(.learning_rate = 0.1, .clipping = {.norm = 3.0f});
    else if (kind == 1)
        made[1] = tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    else if (kind == 2)
        made[2] = tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .clipping = {.value = 0.5f});
    else
        made[kind] = kind == 3 ? tn_adam(.weight_decay = 0.1) : tn_adamw(.clipping = {.norm = 1.0f});
    ck_assert_ptr_nonnull(made[kind]);
    return made[kind];
}

START_TEST(test_threads)
{
    static float one[SMALL_ALL], many[SMALL_ALL];
    static const int threads[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        small_net net = small_net_create(threads[i]);
        tn_optimizer *optimizer = optimizer_of(_i);
        small_net_steps(&net, optimizer, 4, 1.0f);
        small_net_weights(&net, i == 0 ? one : many);
        if (i > 0)
            ck_assert_mem_eq(one, many, sizeof one);
        tn_optimizer_destroy(&optimizer);
        small_net_destroy(&net);
    }
}
END_TEST

START_TEST(test_state_names)
{
    tn_optimizer *plain = tn_sgd(.learning_rate = 0.1), *momentum = optimizer_of(1), *adam = optimizer_of(3);
    ck_assert_uint_eq(tn_optimizer_state_count(plain), 0);
    ck_assert_ptr_null(tn_optimizer_state_name(plain, 0));
    ck_assert_uint_eq(tn_optimizer_state_count(momentum), 1);
    ck_assert_str_eq(tn_optimizer_state_name(momentum, 0), "momentum");
    ck_assert_ptr_null(tn_optimizer_state_name(momentum, 1));
    ck_assert_uint_eq(tn_optimizer_state_count(adam), 2);
    ck_assert_str_eq(tn_optimizer_state_name(adam, 0), "m");
    ck_assert_str_eq(tn_optimizer_state_name(adam, 1), "v");
    ck_assert_ptr_null(tn_optimizer_state_name(adam, 2));
    ck_assert_str_eq(tn_optimizer_kind(plain), "sgd");
    tn_optimizer_destroy(&plain);
    ck_assert_ptr_null(plain);
    tn_optimizer_destroy(&momentum);
    tn_optimizer_destroy(&adam);
}
END_TEST

/* State is zero after binding, has the parameter's shape, and goes from one optimizer to another: both then make the
 * same step. */
START_TEST(test_state_moves)
{
    static float first[SMALL_ALL], second[SMALL_ALL];
    small_net from = small_net_create(1), to = small_net_create(1);
    tn_optimizer *one = tn_adam(.learning_rate = 0.01), *other = tn_adam(.learning_rate = 0.01);
    ck_ok(tn_optimizer_bind(other, to.model));
    ck_ok(tn_optimizer_bind(other, to.model)); /* once more is fine */
    small_net_steps(&from, one, 3, 1.0f);
    for (int p = 0; p < 2; p++) {
        const tn_tensor *weight;
        ck_ok(tn_model_parameter(from.model, small_name(p), &weight));
        ck_ok(tn_model_parameter_set(to.model, small_name(p), weight));
        for (size_t s = 0; s < 2; s++) {
            const tn_tensor *state, *zero;
            const char *name = tn_optimizer_state_name(one, s);
            ck_ok(tn_optimizer_state(one, small_name(p), name, &state));
            ck_ok(tn_optimizer_state(other, small_name(p), name, &zero));
            ck_assert_int_eq(tn_tensor_size(zero), p == 0 ? SMALL_A : SMALL_B);
            ck_assert_float_eq(tn_tensor_const_f32(zero)[3], 0.0f);
            ck_assert_float_ne(tn_tensor_const_f32(state)[3], 0.0f);
            ck_ok(tn_optimizer_state_set(other, small_name(p), name, state));
        }
    }
    ck_ok(tn_optimizer_set_step_count(other, tn_optimizer_step_count(one)));
    small_net_steps(&from, one, 1, 1.0f);
    small_net_steps(&to, other, 1, 1.0f);
    small_net_weights(&from, first);
    small_net_weights(&to, second);
    ck_assert_mem_eq(first, second, sizeof first);
    tn_optimizer_destroy(&one);
    tn_optimizer_destroy(&other);
    small_net_destroy(&from);
    small_net_destroy(&to);
}
END_TEST

START_TEST(test_type_of_state)
{
    small_net net = small_net_create(1);
    tn_optimizer *adam = tn_adam();
    tn_tensor *integers = NULL;
    ck_ok(tn_optimizer_bind(adam, net.model));
    ck_ok(tn_tensor_create(NULL, TN_I32, 2, (const int64_t[]){5, 7}, &integers));
    ck_fails(tn_optimizer_state_set(adam, "a.weight", "m", integers), TN_ERR_TYPE, "");
    tn_tensor_destroy(&integers);
    tn_optimizer_destroy(&adam);
    small_net_destroy(&net);
}
END_TEST

START_TEST(test_frozen)
{
    static float before[SMALL_ALL], after[SMALL_ALL];
    small_net net = small_net_create(2);
    tn_optimizer *optimizer = optimizer_of(_i);
    ck_ok(tn_model_freeze(net.model, "a.weight", true));
    small_net_weights(&net, before);
    small_net_steps(&net, optimizer, 2, 1.0f);
    small_net_weights(&net, after);
    ck_assert_mem_eq(before, after, SMALL_A * sizeof before[0]);
    ck_assert_float_ne(before[SMALL_A], after[SMALL_A]);
    for (size_t s = 0; s < tn_optimizer_state_count(optimizer); s++) {
        const tn_tensor *state;
        ck_ok(tn_optimizer_state(optimizer, "a.weight", tn_optimizer_state_name(optimizer, s), &state));
        ck_assert_float_eq(tn_tensor_const_f32(state)[0], 0.0f);
    }
    tn_optimizer_destroy(&optimizer);
    small_net_destroy(&net);
}
END_TEST

/* A session that was made while a layer was frozen has no gradient of it: thawing it needs a new session. */
START_TEST(test_thawed)
{
    static float before[SMALL_ALL], after[SMALL_ALL];
    small_net net = small_net_create(1);
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    ck_ok(tn_model_freeze(net.model, "a", true));
    tn_session_destroy(&net.session);
    ck_ok(tn_session_create(net.model, TN_OPTIONS(tn_session_options, .training = true, .threads = 1), &net.session));
    small_net_pass(&net);
    ck_ok(tn_optimizer_step(sgd, net.session));
    ck_ok(tn_model_freeze(net.model, "a", false));
    small_net_weights(&net, before);
    ck_fails(tn_optimizer_step(sgd, net.session), TN_ERR_STATE, "a.weight");
    small_net_weights(&net, after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_int_eq(tn_optimizer_step_count(sgd), 1);
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

START_TEST(test_before_backward)
{
    small_net net = small_net_create(1);
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.9);
    const tn_tensor *state;
    ck_fails(tn_optimizer_step(sgd, net.session), TN_ERR_STATE, "");
    ck_fails(tn_optimizer_state(sgd, "a.weight", "momentum", &state), TN_ERR_STATE, "bound"); /* it did not bind */
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

START_TEST(test_last_step)
{
    small_net net = small_net_create(1);
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1);
    ck_ok(tn_optimizer_set_step_count(sgd, INT64_MAX));
    small_net_pass(&net);
    ck_fails(tn_optimizer_step(sgd, net.session), TN_ERR_OVERFLOW, "9223372036854775807");
    tn_optimizer_destroy(&sgd);
    small_net_destroy(&net);
}
END_TEST

/* The optimizer keeps what it needs of the model. */
START_TEST(test_model_goes_first)
{
    small_net net = small_net_create(1);
    tn_optimizer *adam = tn_adam();
    const tn_tensor *m;
    ck_ok(tn_optimizer_bind(adam, net.model));
    small_net_destroy(&net);
    ck_ok(tn_optimizer_state(adam, "b.weight", "m", &m));
    ck_assert_float_eq(tn_tensor_const_f32(m)[SMALL_B - 1], 0.0f);
    tn_optimizer_destroy(&adam);
}
END_TEST

/* An allocator that counts bytes and fails on demand. */
typedef struct counter {
    size_t bytes;
    int calls, fail_at; /* 0: never */
} counter;

static void *counted_alloc(void *context, size_t size, size_t alignment)
{
    counter *c = context;
    void *pointer = NULL;
    if (++c->calls == c->fail_at || posix_memalign(&pointer, alignment, size) != 0)
        return NULL;
    c->bytes += size;
    return pointer;
}

static void counted_release(void *context, void *pointer, size_t size)
{
    ((counter *)context)->bytes -= size;
    free(pointer);
}

/* Every allocation fails once: the handle stays as it was, nothing leaks, and the next try succeeds. */
START_TEST(test_memory)
{
    counter c = {0, 0, 0};
    const tn_allocator allocator = {counted_alloc, counted_release, &c};
    small_net net = small_net_create(1);
    c.fail_at = 1;
    ck_assert_ptr_null(tn_adam(.allocator = &allocator));
    ck_assert_int_eq(tn_last_status(), TN_ERR_NO_MEMORY);
    c = (counter){0, 0, 0};
    tn_optimizer *adam = tn_adam(.allocator = &allocator);
    for (int fail = 2; fail <= 3; fail++) {
        const tn_tensor *m;
        c.calls = 1;
        c.fail_at = fail;
        ck_fails(tn_optimizer_bind(adam, net.model), TN_ERR_NO_MEMORY, "");
        ck_fails(tn_optimizer_state(adam, "a.weight", "m", &m), TN_ERR_STATE, "");
    }
    c.fail_at = 0;
    ck_ok(tn_optimizer_bind(adam, net.model));
    ck_assert_uint_ge(c.bytes, 2 * SMALL_ALL * sizeof(float));
    int calls = c.calls;
    small_net_steps(&net, adam, 2, 1.0f);
    ck_assert_int_eq(c.calls, calls); /* steps allocate nothing */
    tn_optimizer_destroy(&adam);
    ck_assert_uint_eq(c.bytes, 0);
    small_net_destroy(&net);
}
END_TEST

/* A program that knew only the first two options. */
START_TEST(test_older_options)
{
    struct older {
        size_t struct_size;
        double learning_rate, momentum;
    } older = {sizeof older, 0.1, 0.9};
    tn_sgd_options options;
    memset(&options, 0xff, sizeof options); /* what lies behind an older struct is not looked at */
    memcpy(&options, &older, sizeof older);
    tn_optimizer *sgd = tn_sgd_create(&options);
    ck_assert_ptr_nonnull(sgd);
    ck_assert_uint_eq(tn_optimizer_state_count(sgd), 1);
    tn_optimizer_destroy(&sgd);
}
END_TEST

TN_SUITE("optimizer", TN_LOOPED(test_threads, KINDS), {test_state_names}, {test_state_moves}, {test_type_of_state},
         TN_LOOPED(test_frozen, KINDS), {test_thawed}, {test_before_backward}, {test_last_step},
         {test_model_goes_first}, {test_memory}, {test_older_options})
