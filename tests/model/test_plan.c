/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Plans: their bytes are those that are then allocated, buffers share memory, the table. */
#include "alexnet.h"
#include "small_net.h"

static void ck_same_memory(tn_memory a, tn_memory b)
{
    ck_assert_uint_eq(a.parameters, b.parameters);
    ck_assert_uint_eq(a.gradients, b.gradients);
    ck_assert_uint_eq(a.activations, b.activations);
    ck_assert_uint_eq(a.scratch, b.scratch);
    ck_assert_uint_eq(a.prepared, b.prepared);
    ck_assert_uint_eq(a.total, b.total);
    ck_assert_uint_eq(a.total, a.parameters + a.gradients + a.activations + a.scratch + a.prepared);
}

/* Each block was allocated in the size that the plan said, and beside them only small change. */
START_TEST(test_equals_allocation)
{
    static const tn_session_options sessions[] = {
        {.training = true},
        {.training = false},
        {.training = true, .keep_outputs = true, .input_gradient = true, .batch_size = 3},
        {.training = false, .keep_outputs = true, .batch_size = 40},
        {.training = true, .threads = 2, .batch_size = 17},
    };
    counting of_model = {0}, of_session = {0};
    const tn_allocator model_allocator = counting_allocator(&of_model), allocator = counting_allocator(&of_session);
    tn_session_options options = sessions[_i];
    tn_layer *net = net_of(NET_LAYERS);
    tn_plan *plan = NULL;
    options.struct_size = sizeof options;
    options.batch_size = options.batch_size ? options.batch_size : NET_BATCH;
    options.threads = options.threads ? options.threads : 1;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), &options, &plan));
    tn_layer_destroy(&net); /* a plan stands alone */
    options.allocator = &allocator;
    tn_model *model = net_model(NET_LAYERS, &model_allocator);
    tn_session *session = net_session(model, options);
    tn_memory memory = tn_plan_memory(plan);
    ck_same_memory(memory, tn_plan_memory(tn_session_plan(session)));
    ck_assert(counting_saw(&of_model, memory.parameters));
    ck_assert(memory.gradients == 0 || counting_saw(&of_session, memory.gradients));
    ck_assert(counting_saw(&of_session, memory.activations));
    ck_assert(memory.scratch == 0 || counting_saw(&of_session, memory.scratch));
    ck_assert(memory.prepared == 0 || counting_saw(&of_session, memory.prepared));
    long blocks = (long)(memory.gradients + memory.activations + memory.scratch + memory.prepared);
    ck_assert_int_ge(atomic_load(&of_session.live_bytes), blocks);
    ck_assert_int_lt(atomic_load(&of_session.live_bytes) - blocks, 64 * 1024);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_plan_destroy(&plan);
}
END_TEST

static tn_memory plan_of(tn_layer *net, tn_session_options session, int64_t size)
{
    tn_plan *plan = NULL;
    session.struct_size = sizeof session;
    session.threads = 1;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {size, size, 1}), &session, &plan));
    tn_memory memory = tn_plan_memory(plan);
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
    return memory;
}

/* What AlexNet needs at batch 128: the map after the first convolution is larger than everything else. */
START_TEST(test_alexnet)
{
    const uint64_t weights = 187059008, first_map = UINT64_C(128) * 54 * 54 * 96 * 4;
    tn_memory trains = plan_of(alexnet(), (tn_session_options){.training = true, .batch_size = 128}, 224);
    tn_memory predicts = plan_of(alexnet(), (tn_session_options){.batch_size = 128}, 224);
    ck_assert_uint_eq(trains.parameters, weights);
    ck_assert_uint_eq(trains.gradients, weights);
    ck_assert_uint_eq(predicts.gradients, 0);
    ck_assert_uint_lt(trains.activations, first_map + first_map * 53 / 100);
    ck_assert_uint_lt(predicts.activations, first_map + first_map / 4);
    ck_assert_uint_lt(trains.total, 850 * UINT64_C(1000000));
}
END_TEST

/* Prediction through many equal layers needs two buffers; activations in place need one. */
START_TEST(test_sharing)
{
    tn_layer *layers[20];
    for (int i = 0; i < 20; i++)
        layers[i] = tn_avg_pool2d(.pool_size = 3, .strides = 1, .padding = TN_SAME);
    tn_memory pools = plan_of(tn_sequential_create(NULL, layers, 20), (tn_session_options){.batch_size = 2}, 16);
    ck_assert_uint_eq(pools.activations, 2 * 2 * 16 * 16 * 4);
    for (int i = 0; i < 20; i++)
        layers[i] = tn_activation_layer(.activation = TN_SIGMOID);
    tn_memory in_place = plan_of(tn_sequential_create(NULL, layers, 20), (tn_session_options){.batch_size = 2}, 16);
    ck_assert_uint_eq(in_place.activations, 2 * 16 * 16 * 4);
    for (int i = 0; i < 20; i++)
        layers[i] = tn_avg_pool2d(.pool_size = 3, .strides = 1, .padding = TN_SAME);
    tn_memory kept = plan_of(tn_sequential_create(NULL, layers, 20),
                             (tn_session_options){.batch_size = 2, .keep_outputs = true}, 16);
    ck_assert_uint_eq(kept.activations, 20 * 2 * 16 * 16 * 4);
}
END_TEST

START_TEST(test_rows)
{
    tn_plan *plan = NULL;
    tn_layer *net = alexnet();
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {224, 224, 1}),
                        TN_OPTIONS(tn_session_options, .batch_size = 2, .training = true), &plan));
    const tn_layer_plan *conv = tn_plan_layer(plan, 2), *flatten = tn_plan_layer(plan, 8);
    ck_assert_str_eq(conv->name, "conv2d_2");
    ck_assert_str_eq(conv->kind, "conv2d");
    ck_assert_str_eq(conv->title, "Conv2D");
    ck_assert_int_eq(conv->output.dims[0], 2);
    ck_assert_int_eq(conv->output.dims[3], 256);
    ck_assert_int_eq(conv->parameters, 614656);
    ck_assert_double_eq(conv->flops_forward, 2.0 * 2 * 26 * 26 * 256 * 25 * 96);
    ck_assert_double_eq(conv->flops_training, 3.0 * conv->flops_forward);
    ck_assert_double_eq(tn_plan_layer(plan, 0)->flops_training, 2.0 * tn_plan_layer(plan, 0)->flops_forward);
    ck_assert_uint_eq(conv->memory.activations, 2 * 26 * 26 * 256 * 4);
    ck_assert_uint_eq(conv->memory.gradients, conv->memory.parameters);
    ck_assert_str_ne(conv->algorithm, "");
    ck_assert_str_eq(flatten->algorithm, "");
    ck_assert_uint_eq(flatten->memory.total, 0);
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
}
END_TEST

/* What is frozen gets no gradient, and below the lowest layer that learns nothing is kept or computed. */
START_TEST(test_frozen)
{
    tn_memory all =
        plan_of(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3), tn_flatten(), tn_dense(.units = 9)),
                (tn_session_options){.training = true, .batch_size = 4}, 10);
    tn_memory head = plan_of(
        tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .frozen = true), tn_flatten(), tn_dense(.units = 9)),
        (tn_session_options){.training = true, .batch_size = 4}, 10);
    ck_assert_uint_eq(all.parameters, head.parameters);
    ck_assert_uint_lt(head.gradients, all.gradients);
    ck_assert_uint_lt(head.activations, all.activations);
    tn_memory none = plan_of(tn_sequential(tn_dense(.units = 9, .frozen = true)),
                             (tn_session_options){.training = true, .batch_size = 4}, 10);
    ck_assert_uint_eq(none.gradients, 0);
}
END_TEST

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == c;
    return count;
}

START_TEST(test_summary)
{
    tn_plan *plan = NULL;
    tn_layer *net = net_of(NET_LAYERS);
    char text[4000], shorter[50];
    size_t needed = 0, again = 0;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {12, 12, 2}), NULL, &plan));
    ck_ok(tn_plan_summary(plan, NULL, 0, &needed));
    ck_ok(tn_plan_summary(plan, text, sizeof text, &again));
    ck_assert_uint_eq(needed, again);
    ck_assert_uint_eq(strlen(text), needed);
    ck_assert_uint_eq(count_of(text, '\n'), NET_LAYERS + 3); /* head, layers, totals, memory */
    ck_assert_ptr_nonnull(strstr(text, "conv2d_2      Conv2D            [1,5,5,6]           438  21.6 kFLOP"));
    ck_assert_ptr_nonnull(strstr(text, "\ntotal "));
    ck_assert_ptr_nonnull(strstr(text, "memory: parameters "));
    ck_assert_ptr_null(strstr(text, " \n"));
    memset(shorter, 'x', sizeof shorter);
    ck_ok(tn_plan_summary(plan, shorter, 40, NULL));
    ck_assert_uint_eq(strlen(shorter), 39);
    ck_assert_int_eq(memcmp(shorter, text, 39), 0);
    ck_assert_int_eq(shorter[40], 'x');
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
}
END_TEST

START_TEST(test_refused)
{
    tn_plan *plan = NULL;
    tn_layer *net = tn_dense(.units = 2);
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {4}};
    ck_fails(tn_model_plan(net, &options, TN_OPTIONS(tn_session_options, .batch_size = -1), &plan), TN_ERR_INVALID,
             "batch_size is -1");
    ck_fails(tn_model_plan(net, &options, TN_OPTIONS(tn_session_options, .batch_size = INT64_MAX / 4), &plan),
             TN_ERR_OVERFLOW, "");
    ck_fails(tn_model_plan(net, &options, TN_OPTIONS(tn_session_options, .input_gradient = true), &plan),
             TN_ERR_INVALID, "training is not");
    ck_assert_ptr_null(plan);
    tn_layer_destroy(&net);
}
END_TEST

TN_SUITE("plan", TN_LOOPED(test_equals_allocation, 5), {test_alexnet}, {test_sharing}, {test_rows}, {test_frozen},
         {test_summary}, {test_refused})
