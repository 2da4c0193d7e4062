/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The same bits for every number of threads, and one model in many threads. */
#include "small_net.h"

#include <pthread.h>

enum { STEPS = 4 };

/* All parameters after some steps of training. */
static tn_model *trained(int threads, tn_tensor *last_y[1])
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session =
        net_session(model, (tn_session_options){.training = true, .threads = threads, .batch_size = 33});
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .clipping = {.norm = 1.0f});
    ck_assert_int_eq(tn_session_threads(session), threads);
    for (uint64_t step = 0; step < STEPS; step++) {
        tn_tensor *x = net_input(33, step);
        tn_tensor_destroy(last_y);
        *last_y = net_train(session, x, TN_GRADIENT_WRITE);
        ck_ok(tn_optimizer_step(sgd, session));
        tn_tensor_destroy(&x);
    }
    tn_optimizer_destroy(&sgd);
    tn_session_destroy(&session);
    return model;
}

START_TEST(test_same_bits)
{
    static const int threads[] = {2, 3, 8};
    tn_tensor *y1 = NULL, *y2 = NULL;
    tn_model *one = trained(1, &y1), *many = trained(threads[_i], &y2);
    ck_same_bits(y1, y2, "output");
    for (size_t i = 0; i < tn_model_parameter_count(one); i++) {
        const char *name = tn_model_parameter_name(one, i);
        const tn_tensor *a, *b;
        ck_ok(tn_model_parameter(one, name, &a));
        ck_ok(tn_model_parameter(many, name, &b));
        ck_same_bits(a, b, name);
    }
    tn_tensor_destroy(&y1);
    tn_tensor_destroy(&y2);
    tn_model_destroy(&one);
    tn_model_destroy(&many);
}
END_TEST

/* One thread's job: a session of its own on the shared model. */
typedef struct job {
    tn_model *model;
    const tn_tensor *x;
    tn_tensor *y;
    tn_status status;
} job;

static void *predict(void *argument)
{
    job *j = argument;
    tn_session *session = NULL;
    const tn_tensor *y;
    j->status =
        tn_session_create(j->model, TN_OPTIONS(tn_session_options, .batch_size = NET_BATCH, .threads = 2), &session);
    for (int i = 0; i < 5 && j->status == TN_OK; i++)
        j->status = tn_session_forward(session, j->x, TN_PREDICT, &y);
    if (j->status == TN_OK)
        j->status = tn_tensor_clone(NULL, y, &j->y);
    tn_session_destroy(&session);
    return NULL;
}

START_TEST(test_shared_model)
{
    enum { JOBS = 4 };
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_tensor *x = net_input(NET_BATCH, 1);
    pthread_t threads[JOBS];
    job jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (job){model, x, NULL, TN_OK};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, predict, &jobs[i]), 0);
    }
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(jobs[i].status, TN_OK);
        ck_same_bits(jobs[0].y, jobs[i].y, "output");
    }
    for (int i = 0; i < JOBS; i++)
        tn_tensor_destroy(&jobs[i].y);
    tn_tensor_destroy(&x);
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_default_threads)
{
    tn_model *model = net_model(NET_LAYERS, NULL);
    tn_session *session = NULL;
    ck_ok(tn_session_create(model, NULL, &session));
    ck_assert_int_ge(tn_session_threads(session), 1);
    ck_assert_int_le(tn_session_threads(session), 256);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
}
END_TEST

TN_SUITE("session_threads", TN_LOOPED(test_same_bits, 3), {test_shared_model}, {test_default_threads})
