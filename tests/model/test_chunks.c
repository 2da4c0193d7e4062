/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A convolution and a pooling that a batch passes in chunks of images: as if each had done the whole batch. */
#include "small_net.h"

#include <math.h>

enum { SIZE = 64, BATCH = 9 };

/* 1 MB an image between the convolution and the pooling; kept outputs are never chunked. */
static tn_model *large_model(bool average, int64_t kernel)
{
    tn_model *model = NULL;
    const tn_pool2d_options pool = {.struct_size = sizeof pool, .pool_size = 3, .strides = 2};
    tn_layer *conv = tn_conv2d(.filters = 64, .kernel_size = kernel, .padding = TN_SAME,
                               .activation = average ? TN_LINEAR : TN_RELU);
    ck_ok(tn_model_create(tn_sequential(conv, average ? tn_avg_pool2d_create(&pool) : tn_max_pool2d_create(&pool),
                                        tn_conv2d(.filters = 4, .kernel_size = 3, .strides = 2), tn_flatten(),
                                        tn_dense(.units = 10)),
                          TN_OPTIONS(tn_model_options, .input_shape = {SIZE, SIZE, 3}, .seed = 3), &model));
    return model;
}

static tn_tensor *images(int64_t n)
{
    tn_tensor *x = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){n, SIZE, SIZE, 3}, &x));
    ck_ok(tn_tensor_fill_uniform(x, -1.0f, 1.0f, 5));
    return x;
}

static uint64_t activations(const tn_session *session)
{
    return tn_plan_memory(tn_session_plan(session)).activations;
}

/* Sums over images in another order: rounding alone. */
static void ck_close(const tn_tensor *a, const tn_tensor *b, const char *name)
{
    float largest = 0.0f, worst = 0.0f;
    ck_assert_int_eq(tn_tensor_size(a), tn_tensor_size(b));
    for (int64_t i = 0; i < tn_tensor_size(a); i++) {
        float error = fabsf(tn_tensor_const_f32(a)[i] - tn_tensor_const_f32(b)[i]);
        worst = error <= worst ? worst : error;
        largest = fmaxf(largest, fabsf(tn_tensor_const_f32(a)[i]));
    }
    ck_assert_msg(worst <= 1e-5f * largest, "%s: off by %g of %g", name, (double)worst, (double)largest);
}

static void ck_close_gradients(tn_session *a, tn_session *b)
{
    const tn_model *model = tn_session_model(a);
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        tn_tensor *of_a, *of_b;
        const char *name = tn_model_parameter_name(model, i);
        ck_ok(tn_session_gradient(a, name, &of_a));
        ck_ok(tn_session_gradient(b, name, &of_b));
        ck_close(of_a, of_b, name);
    }
}

static const struct chunk_case {
    bool average;
    int64_t kernel;
} cases[] = {{false, 3}, {false, 4}, {true, 3}, {true, 7}};
enum { CASES = sizeof cases / sizeof cases[0] };

/* Training, written and added, full and smaller batches: the same output and input gradient, close weights' gradients. */
START_TEST(test_training)
{
    tn_model *model = large_model(cases[_i].average, cases[_i].kernel);
    tn_session_options options = {.batch_size = BATCH, .training = true, .input_gradient = true, .threads = 2};
    tn_session *chunks = net_session(model, options);
    options.keep_outputs = true;
    tn_session *whole = net_session(model, options);
    ck_assert_uint_lt(activations(chunks) + (4 << 20), activations(whole));
    for (int64_t n = BATCH; n >= 1; n -= 4) {
        tn_tensor *x = images(n);
        tn_gradient_mode mode = n == BATCH ? TN_GRADIENT_WRITE : TN_GRADIENT_ADD;
        const tn_tensor *dx_chunks, *dx_whole;
        tn_tensor *a = net_train(chunks, x, mode), *b = net_train(whole, x, mode);
        ck_same_bits(a, b, "output");
        ck_ok(tn_session_input_gradient(chunks, &dx_chunks));
        ck_ok(tn_session_input_gradient(whole, &dx_whole));
        ck_same_bits(dx_chunks, dx_whole, "input gradient");
        ck_close_gradients(chunks, whole);
        tn_tensor_destroy(&a);
        tn_tensor_destroy(&b);
        tn_tensor_destroy(&x);
    }
    tn_session_destroy(&chunks);
    tn_session_destroy(&whole);
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_prediction)
{
    tn_model *model = large_model(cases[_i].average, cases[_i].kernel);
    tn_session *chunks = net_session(model, (tn_session_options){.batch_size = BATCH, .threads = 2});
    tn_session *whole = net_session(model, (tn_session_options){.batch_size = BATCH, .keep_outputs = true});
    tn_tensor *x = images(BATCH);
    const tn_tensor *a, *b;
    ck_assert_uint_lt(activations(chunks) + (4 << 20), activations(whole));
    ck_ok(tn_session_forward(chunks, x, TN_PREDICT, &a));
    ck_ok(tn_session_forward(whole, x, TN_PREDICT, &b));
    ck_same_bits(a, b, "output");
    tn_tensor_destroy(&x);
    tn_session_destroy(&chunks);
    tn_session_destroy(&whole);
    tn_model_destroy(&model);
}
END_TEST

/* Chunks are cut by sizes, so any number of threads gives the same bits. */
START_TEST(test_threads)
{
    tn_model *model = large_model(false, 3);
    tn_session *one = net_session(model, (tn_session_options){.batch_size = BATCH, .training = true, .threads = 1});
    tn_session *three = net_session(model, (tn_session_options){.batch_size = BATCH, .training = true, .threads = 3});
    tn_tensor *x = images(BATCH);
    tn_tensor *a = net_train(one, x, TN_GRADIENT_WRITE), *b = net_train(three, x, TN_GRADIENT_WRITE);
    ck_same_bits(a, b, "output");
    ck_same_gradients(one, three);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    tn_tensor_destroy(&x);
    tn_session_destroy(&one);
    tn_session_destroy(&three);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("chunks", TN_LOOPED(test_training, CASES), TN_LOOPED(test_prediction, CASES), {test_threads})
