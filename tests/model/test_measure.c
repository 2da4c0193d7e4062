/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sessions that choose algorithms by timing: what they allocate, what they compute, what they refuse. */
#include "small_net.h"

#include <math.h>

static double largest_difference(const tn_tensor *a, const tn_tensor *b)
{
    double most = 0.0;
    for (int64_t i = 0; i < tn_tensor_size(a); i++)
        most = fmax(most, fabs((double)tn_tensor_const_f32(a)[i] - (double)tn_tensor_const_f32(b)[i]));
    return most;
}

/* Any choice is right, but for rounding; and it is one that there is. */
START_TEST(test_results)
{
    tn_model *a = net_model(NET_LAYERS, NULL), *b = net_model(NET_LAYERS, NULL);
    tn_session *usual = net_session(a, (tn_session_options){.training = true});
    tn_session *measured = net_session(b, (tn_session_options){.training = true, .measure = true, .threads = 2});
    tn_tensor *x = net_input(NET_BATCH, 3), *expected = net_train(usual, x, TN_GRADIENT_WRITE);
    tn_tensor *y = net_train(measured, x, TN_GRADIENT_WRITE);
    ck_assert_double_lt(largest_difference(y, expected), 1e-5);
    for (size_t i = 0; i < tn_model_parameter_count(a); i++) {
        tn_tensor *of_a, *of_b;
        ck_ok(tn_session_gradient(usual, tn_model_parameter_name(a, i), &of_a));
        ck_ok(tn_session_gradient(measured, tn_model_parameter_name(a, i), &of_b));
        ck_assert_double_lt(largest_difference(of_a, of_b), 1e-4);
    }
    ck_assert_str_ne(tn_plan_layer(tn_session_plan(measured), 0)->algorithm, "");
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&expected);
    tn_session_destroy(&usual);
    tn_session_destroy(&measured);
    tn_model_destroy(&a);
    tn_model_destroy(&b);
}
END_TEST

/* What measuring took is given back; the session has what its own plan says. */
START_TEST(test_memory)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session =
        net_session(model, (tn_session_options){.training = true, .measure = true, .allocator = &allocator});
    tn_memory memory = tn_plan_memory(tn_session_plan(session));
    long blocks = (long)(memory.gradients + memory.activations + memory.scratch);
    ck_assert_int_ge(atomic_load(&c.live_bytes), blocks);
    ck_assert_int_lt(atomic_load(&c.live_bytes) - blocks, 64 * 1024);
    ck_assert(memory.scratch == 0 || counting_saw(&c, memory.scratch));
    tn_session_destroy(&session);
    ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
    tn_model_destroy(&model);
}
END_TEST

/* Every allocation refused in turn, those of measuring among them. */
START_TEST(test_no_memory)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_status status = TN_ERR_NO_MEMORY;
    int measuring = 0;
    for (long refused = 1; status != TN_OK; refused++) {
        counting c = {.fail_at = refused};
        const tn_allocator allocator = counting_allocator(&c);
        tn_session *session = NULL;
        status = tn_session_create(model,
                                   TN_OPTIONS(tn_session_options, .batch_size = NET_BATCH, .training = true,
                                              .measure = true, .threads = 1, .allocator = &allocator),
                                   &session);
        ck_assert(status == TN_OK || status == TN_ERR_NO_MEMORY);
        ck_assert((session == NULL) == (status != TN_OK));
        measuring += status != TN_OK && strstr(tn_last_error(), "measuring a convolution") != NULL;
        tn_session_destroy(&session);
        ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
    }
    ck_assert_int_eq(measuring, 5); /* passes: two convolutions, no gradient by the images */
    tn_model_destroy(&model);
}
END_TEST

/* Plain sums leave nothing to be measured, and neither does a plan without a session. */
START_TEST(test_nothing_to_measure)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_plan *plan = NULL, *usual = NULL;
    tn_layer *net = net_of(NET_LAYERS);
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {12, 12, 2}, .precise = true};
    tn_session_options with = {.struct_size = sizeof with, .training = true, .threads = 1, .allocator = &allocator};
    ck_ok(tn_model_create(net_of(NET_LAYERS), &options, &model));
    ck_ok(tn_session_create(model, &with, &session));
    long calls = atomic_load(&c.calls);
    tn_session_destroy(&session);
    with.measure = true;
    c.calls = 0;
    ck_ok(tn_session_create(model, &with, &session));
    ck_assert_int_eq(atomic_load(&c.calls), calls);
    ck_assert_str_eq(tn_plan_layer(tn_session_plan(session), 0)->algorithm, "gemm");
    tn_session_destroy(&session);
    tn_model_destroy(&model);

    c.calls = 0;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), &with, &plan));
    calls = atomic_load(&c.calls);
    with.measure = false;
    c.calls = 0;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), &with, &usual));
    ck_assert_int_eq(atomic_load(&c.calls), calls);
    tn_plan_destroy(&plan);
    tn_plan_destroy(&usual);
    tn_layer_destroy(&net);
}
END_TEST

TN_SUITE("measure", {test_results}, {test_memory}, {test_no_memory}, {test_nothing_to_measure})
