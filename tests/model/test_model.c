/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Models: names, initial weights, parameters by name, freezing, lifetime, memory that runs out. */
#include "small_net.h"

#include <math.h>

static void ck_names(tn_layer *net, size_t count, const char *const *names)
{
    tn_plan *plan = NULL;
    ck_ok(tn_model_plan(net, TN_OPTIONS(tn_model_options, .input_shape = {4}), NULL, &plan));
    ck_assert_uint_eq(tn_plan_layer_count(plan), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(tn_plan_layer(plan, i)->name, names[i]);
    ck_assert_ptr_null(tn_plan_layer(plan, count));
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
}

/* Numbers count all layers of a kind through all containers, those with names of their own too. */
START_TEST(test_layer_names)
{
    ck_names(
        tn_sequential(tn_dense(.units = 4), tn_flatten(), tn_dense(.units = 4, .name = "middle"), tn_dense(.units = 4)),
        4, (const char *const[]){"dense_1", "flatten_1", "middle", "dense_3"});
    ck_names(tn_sequential(tn_dense(.units = 4), tn_sequential(tn_dropout(.rate = 0.5f), tn_dense(.units = 4)),
                           tn_sequential(tn_sequential(tn_flatten()), tn_dense(.units = 2))),
             5, (const char *const[]){"dense_1", "dropout_1", "dense_2", "flatten_1", "dense_3"});
    ck_names(tn_dense(.units = 3), 1, (const char *const[]){"dense_1"});
}
END_TEST

START_TEST(test_duplicate_names)
{
    tn_model *model = NULL;
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {4}};
    ck_fails(tn_model_create(
                 tn_sequential(tn_dense(.units = 2, .name = "a"), tn_sequential(tn_dense(.units = 2, .name = "a"))),
                 &options, &model),
             TN_ERR_INVALID, "two layers are called a");
    ck_fails(
        tn_model_create(tn_sequential(tn_dense(.units = 2, .name = "dense_2"), tn_dense(.units = 2)), &options, &model),
        TN_ERR_INVALID, "two layers are called dense_2");
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(test_shapes)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_shape in = tn_model_input_shape(model), out = tn_model_output_shape(model);
    ck_assert_int_eq(in.rank, 4);
    ck_assert_int_eq(in.dims[0], 0);
    ck_assert_int_eq(in.dims[3], 2);
    ck_assert_int_eq(out.rank, 2);
    ck_assert_int_eq(out.dims[0], 0);
    ck_assert_int_eq(out.dims[1], 10);
    ck_assert_uint_eq(tn_model_parameter_count(model), 8);
    ck_assert_str_eq(tn_model_parameter_name(model, 0), "conv2d_1.weight");
    ck_assert_str_eq(tn_model_parameter_name(model, 7), "dense_2.bias");
    ck_assert_ptr_null(tn_model_parameter_name(model, 8));
    int64_t total = 9 * 2 * 8 + 8 + 9 * 8 * 6 + 6 + 3 * 3 * 6 * 20 + 20 + 20 * 10 + 10;
    ck_assert_int_eq(tn_model_parameter_total(model), total);
    tn_model_destroy(&model);
}
END_TEST

/* A shape error says where and both sizes. */
START_TEST(test_shape_errors)
{
    tn_model *model = NULL;
    ck_fails(tn_model_create(tn_sequential(tn_conv2d(.filters = 3, .kernel_size = 1),
                                           tn_conv2d(.filters = 4, .kernel_size = 1, .groups = 2)),
                             TN_OPTIONS(tn_model_options, .input_shape = {4, 4, 1}), &model),
             TN_ERR_SHAPE, "conv2d_2: input has C=3, which is not a multiple of groups=2");
    ck_fails(tn_model_create(tn_sequential(tn_flatten(), tn_conv2d(.filters = 3, .kernel_size = 1, .name = "late")),
                             TN_OPTIONS(tn_model_options, .input_shape = {4, 4, 1}), &model),
             TN_ERR_SHAPE, "late: input [1,16] is not [N,H,W,C]");
}
END_TEST

/* Glorot's limit is kept and reached, the mean is near zero, biases are zero. */
START_TEST(test_initial_values)
{
    tn_model *model = NULL;
    const tn_tensor *weight, *bias, *filters;
    ck_ok(tn_model_create(tn_sequential(tn_conv2d(.filters = 32, .kernel_size = 5), tn_dense(.units = 200)),
                          TN_OPTIONS(tn_model_options, .input_shape = {8, 8, 3}, .seed = 1), &model));
    ck_ok(tn_model_parameter(model, "conv2d_1.weight", &filters));
    ck_ok(tn_model_parameter(model, "dense_1.weight", &weight));
    ck_ok(tn_model_parameter(model, "dense_1.bias", &bias));
    const tn_tensor *tensors[2] = {filters, weight};
    const double limits[2] = {sqrt(6.0 / (25 * 3 + 25 * 32)), sqrt(6.0 / (32 + 200))};
    for (int k = 0; k < 2; k++) {
        double most = 0.0, sum = 0.0;
        int64_t count = tn_tensor_size(tensors[k]);
        for (int64_t i = 0; i < count; i++) {
            most = fmax(most, fabs((double)tn_tensor_const_f32(tensors[k])[i]));
            sum += (double)tn_tensor_const_f32(tensors[k])[i];
        }
        ck_assert(most <= limits[k] * 1.000001 && most > limits[k] * 0.99);
        ck_assert_double_eq_tol(sum / (double)count, 0.0, 5.0 * limits[k] / sqrt(3.0 * (double)count));
    }
    for (int64_t i = 0; i < tn_tensor_size(bias); i++)
        ck_assert_float_eq(tn_tensor_const_f32(bias)[i], 0.0f);
    tn_model_destroy(&model);
}
END_TEST

static tn_model *dense_model(uint64_t seed)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_dense(.units = 8), tn_dense(.units = 8)),
                          TN_OPTIONS(tn_model_options, .input_shape = {8}, .seed = seed), &model));
    return model;
}

/* The seed decides; two parameters of one shape differ. */
START_TEST(test_seeds)
{
    tn_model *a = dense_model(1), *b = dense_model(1), *c = dense_model(2);
    const tn_tensor *of_a, *second, *of_b, *of_c;
    ck_ok(tn_model_parameter(a, "dense_1.weight", &of_a));
    ck_ok(tn_model_parameter(a, "dense_2.weight", &second));
    ck_ok(tn_model_parameter(b, "dense_1.weight", &of_b));
    ck_ok(tn_model_parameter(c, "dense_1.weight", &of_c));
    size_t bytes = tn_tensor_bytes(of_a);
    ck_same_bits(of_a, of_b, "dense_1.weight");
    ck_assert_int_ne(memcmp(tn_tensor_const_data(of_a), tn_tensor_const_data(of_c), bytes), 0);
    ck_assert_int_ne(memcmp(tn_tensor_const_data(of_a), tn_tensor_const_data(second), bytes), 0);
    tn_model_destroy(&a);
    tn_model_destroy(&b);
    tn_model_destroy(&c);
}
END_TEST

START_TEST(test_set_and_get)
{
    tn_model *model = dense_model(1);
    tn_tensor *value = NULL;
    const tn_tensor *weight, *next;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){8, 8}, &value));
    ck_ok(tn_tensor_fill(value, 3.5));
    ck_ok(tn_model_parameter(model, "dense_1.weight", &weight));
    ck_ok(tn_model_parameter(model, "dense_1.bias", &next));
    ck_ok(tn_model_parameter_set(model, "dense_1.weight", value));
    ck_same_bits(weight, value, "dense_1.weight"); /* the tensor shows the new values */
    ck_assert_float_eq(tn_tensor_const_f32(next)[0], 0.0f);
    ck_ok(tn_model_parameter_set(model, "dense_1.weight", weight)); /* from itself */
    ck_same_bits(weight, value, "dense_1.weight");
    ck_assert_uint_eq((uintptr_t)tn_tensor_const_data(next) % 64, 0);
    tn_tensor_destroy(&value);
    tn_model_destroy(&model);
}
END_TEST

/* A session keeps the model alive, and the last one lets go of everything. */
START_TEST(test_lifetime)
{
    counting c = {0};
    const tn_allocator allocator = counting_allocator(&c);
    tn_model *model = net_model(NET_LAYERS, &allocator);
    tn_session *session = net_session(model, (tn_session_options){.training = true});
    tn_tensor *x = net_input(NET_BATCH, 1);
    tn_model_destroy(&model);
    ck_assert_ptr_null(model);
    tn_tensor *y = net_train(session, x, TN_GRADIENT_WRITE);
    ck_assert_float_ne(tn_tensor_f32(y)[0], 0.0f);
    ck_assert_uint_eq(tn_model_parameter_count(tn_session_model(session)), 8);
    tn_session_destroy(&session);
    ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
    ck_assert_int_eq(atomic_load(&c.live_bytes), 0);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
}
END_TEST

/* Every allocation of making a model, a session and a plan fails once: the status says so, nothing is left. */
START_TEST(test_memory_runs_out)
{
    for (long at = 1;; at++) {
        counting c = {.fail_at = at};
        const tn_allocator allocator = counting_allocator(&c);
        const tn_model_options options = {
            .struct_size = sizeof options, .input_shape = {12, 12, 2}, .allocator = &allocator};
        tn_layer *net = net_of(NET_LAYERS);
        tn_plan *plan = NULL;
        tn_model *model = NULL;
        tn_session *session = NULL;
        tn_status status = tn_model_plan(net, &options, NULL, &plan);
        tn_plan_destroy(&plan);
        if (status == TN_OK)
            status = tn_model_create(net, &options, &model);
        else
            tn_layer_destroy(&net);
        if (status == TN_OK)
            status = tn_session_create(
                model, TN_OPTIONS(tn_session_options, .training = true, .keep_outputs = true, .threads = 2), &session);
        ck_assert_int_eq(status, atomic_load(&c.calls) < at ? TN_OK : TN_ERR_NO_MEMORY);
        tn_session_destroy(&session);
        tn_model_destroy(&model);
        ck_assert_int_eq(atomic_load(&c.live_blocks), 0);
        if (status == TN_OK)
            break;
    }
}
END_TEST

static void count_lines(void *context, tn_log_level level, const char *message)
{
    ck_assert_int_eq(level, TN_LOG_INFO);
    ck_assert_ptr_null(strchr(message, '\n'));
    ++*(int *)context;
}

START_TEST(test_log)
{
    int lines = 0;
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_flatten(), TN_OPTIONS(tn_model_options, .input_shape = {3}, .log = {count_lines, &lines}),
                          &model));
    tn_session *session = net_session(model, (tn_session_options){0});
    ck_assert_int_eq(lines, 2);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

/* A net belongs to its model: another model cannot have it, but a plan can be made of it. */
START_TEST(test_net_of_model)
{
    tn_model *model = dense_model(1), *other = NULL;
    tn_plan *plan = NULL;
    tn_layer *net = tn_dense(.units = 3), *handed_over = net;
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {8}};
    ck_ok(tn_model_plan(tn_model_layer(model), &options, NULL, &plan));
    ck_assert_int_eq(tn_plan_layer(plan, 0)->parameters, 72);
    tn_plan_destroy(&plan);
    tn_model_destroy(&model);
    ck_ok(tn_model_create(net, &options, &model));
    ck_fails(tn_model_create(handed_over, &options, &other), TN_ERR_INVALID, "belongs to");
    tn_layer_destroy(&handed_over); /* not its owner: nothing happens */
    ck_assert_int_eq(tn_model_output_shape(model).dims[1], 3);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("model", {test_layer_names}, {test_duplicate_names}, {test_shapes}, {test_shape_errors}, {test_initial_values},
         {test_seeds}, {test_set_and_get}, {test_lifetime}, {test_memory_runs_out}, {test_log}, {test_net_of_model})
