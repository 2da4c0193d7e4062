/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Containers: what they pass on when a child failed, what they consume, nesting. */
#include "suite.h"

/* A layer that counts how often it is destroyed. */
static tn_status same_shape(const void *self, const tn_shape *in, tn_shape *out)
{
    (void)self;
    *out = *in;
    return TN_OK;
}

static tn_status copy(const void *self, const tn_layer_call *call)
{
    (void)self;
    return tn_tensor_copy(call->y, call->x);
}

static void count_destroy(void *self)
{
    ++*(int *)self;
}

static tn_layer *counted(int *destroyed)
{
    static const tn_layer_ops ops = {
        .struct_size = sizeof ops, .kind = "counted", .infer = same_shape, .forward = copy, .destroy = count_destroy};
    return tn_custom_create(&ops, destroyed, NULL);
}

static void ck_refused(tn_layer *layer, const char *text)
{
    ck_assert_ptr_null(layer);
    ck_assert_msg(strstr(tn_last_error(), text) != NULL, "\"%s\" lacks \"%s\"", tn_last_error(), text);
}

/* The first failed child is named with its own reason, though later constructors failed after it. */
START_TEST(test_reason_of_first)
{
    ck_refused(tn_sequential(tn_flatten(), tn_dense(.units = -7), tn_dropout(.rate = 2.0f), tn_flatten()),
               "sequential: layer 2 of 4: dense: units is -7");
    ck_refused(tn_sequential(tn_flatten(), tn_sequential(tn_flatten(), tn_flatten(), tn_dense(.units = -8)),
                             tn_conv2d(.filters = 0)),
               "sequential: layer 2 of 3: sequential: layer 3 of 3: dense: units is -8");
}
END_TEST

/* A NULL that no constructor left; runs first, when none has failed in this thread. */
START_TEST(test_null_without_reason)
{
    tn_layer *missing = NULL;
    ck_refused(tn_sequential(tn_flatten(), missing), "sequential: layer 2 of 2 is NULL");
}
END_TEST

/* Ten failures are more than are remembered: the first child whose reason is known is named, and rightly. */
START_TEST(test_many_failures)
{
    ck_refused(tn_sequential(tn_dense(.units = -1), tn_dense(.units = -2), tn_dense(.units = -3), tn_dense(.units = -4),
                             tn_dense(.units = -5), tn_dense(.units = -6), tn_dense(.units = -7), tn_dense(.units = -8),
                             tn_dense(.units = -9), tn_dense(.units = -10)),
               "layer 3 of 10: dense: units is -3");
}
END_TEST

START_TEST(test_consumed_on_failure)
{
    int destroyed = 0;
    ck_assert_ptr_null(tn_sequential(counted(&destroyed), tn_dense(.units = -1), counted(&destroyed)));
    ck_assert_int_eq(destroyed, 2);
    tn_layer *twice = counted(&destroyed);
    ck_refused(tn_sequential(counted(&destroyed), twice, twice), "layer 3 of 3 is there twice");
    ck_assert_int_eq(destroyed, 4);
    twice = counted(&destroyed);
    ck_refused(tn_sequential(twice, twice, tn_flatten(), twice), "layer 2 of 4");
    ck_assert_int_eq(destroyed, 5);
    ck_assert_ptr_null(
        tn_sequential_create(TN_OPTIONS(tn_layer_options, .name = "no good"), (tn_layer *[]){counted(&destroyed)}, 1));
    ck_assert_int_eq(destroyed, 6);
}
END_TEST

/* What belongs to another container is left to it; destroying it through a pointer of one's own does nothing. */
START_TEST(test_owned)
{
    int destroyed = 0;
    tn_layer *inner = counted(&destroyed), *outer = tn_sequential(inner, tn_flatten()), *again = inner;
    ck_refused(tn_sequential(inner), "belongs to something else");
    tn_layer_destroy(&again);
    ck_assert_int_eq(destroyed, 0);
    tn_layer_destroy(&outer);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(test_counts)
{
    int destroyed = 0;
    tn_layer *layer = counted(&destroyed);
    ck_refused(tn_sequential_create(NULL, &layer, 0), "count is 0");
    ck_refused(tn_sequential_create(NULL, &layer, 4097), "count is 4097");
    ck_assert_int_eq(destroyed, 0);
    tn_layer_destroy(&layer);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(test_most_children)
{
    tn_layer **layers = calloc(4096, sizeof *layers);
    tn_model *model = NULL;
    for (int i = 0; i < 4096; i++)
        layers[i] = tn_flatten();
    tn_layer *net = tn_sequential_create(NULL, layers, 4096);
    ck_assert_ptr_nonnull(net);
    ck_ok(tn_model_create(net, TN_OPTIONS(tn_model_options, .input_shape = {2, 3}), &model));
    tn_model_destroy(&model);
    free(layers);
}
END_TEST

START_TEST(test_levels)
{
    tn_layer *net = tn_flatten();
    for (int level = 1; level <= 64; level++) {
        net = tn_sequential(net);
        ck_assert_ptr_nonnull(net);
    }
    ck_refused(tn_sequential(net), "64 levels");
}
END_TEST

/* Nested containers run like one. */
START_TEST(test_nested_is_flat)
{
    static const float values[3][2] = {{0.5f, -2.0f}, {1.0f, 3.0f}, {-1.0f, 0.25f}};
    tn_tensor *x = NULL, *flat_y = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 2, (const int64_t[]){3, 2}, values, &x));
    for (int nested = 0; nested < 2; nested++) {
        tn_layer *net =
            nested ? tn_sequential(tn_sequential(tn_dense(.units = 4, .activation = TN_TANH)),
                                   tn_sequential(tn_dropout(.rate = 0.5f), tn_sequential(tn_dense(.units = 2))))
                   : tn_sequential(tn_dense(.units = 4, .activation = TN_TANH), tn_dropout(.rate = 0.5f),
                                   tn_dense(.units = 2));
        tn_model *model = NULL;
        tn_session *session = NULL;
        const tn_tensor *y;
        ck_ok(tn_model_create(net, TN_OPTIONS(tn_model_options, .input_shape = {2}, .seed = 8), &model));
        ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 3, .training = true), &session));
        ck_ok(tn_session_forward(session, x, TN_TRAIN, &y));
        if (nested)
            ck_assert_mem_eq(tn_tensor_const_data(y), tn_tensor_const_data(flat_y), tn_tensor_bytes(y));
        else
            ck_ok(tn_tensor_clone(NULL, y, &flat_y));
        tn_session_destroy(&session);
        tn_model_destroy(&model);
    }
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&flat_y);
}
END_TEST

TN_SUITE("sequential", {test_null_without_reason}, {test_reason_of_first}, {test_many_failures},
         {test_consumed_on_failure}, {test_owned}, {test_counts}, {test_most_children}, {test_levels},
         {test_nested_is_flat})
