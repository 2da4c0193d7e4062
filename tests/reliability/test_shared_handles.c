/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Handles in many threads at once, for the thread sanitizer to look at: training on several threads while a loader
 *  prepares batches, eight threads that predict with one model, and handles that are destroyed while others work on
 *  what they share. */
#include "nets.h"
#include "scenarios.h"

#include <pthread.h>

enum { PREDICTORS = 8, PREDICTIONS = 6 };

/* --- one model, many sessions */

typedef struct job {
    tn_model *model;
    const tn_tensor *x;
    pthread_barrier_t *start;
    uint64_t bits;
    tn_status status;
} job;

static tn_status predict_often(job *j, tn_session *session)
{
    const tn_tensor *y;
    for (int i = 0; i < PREDICTIONS; i++)
        TRY(tn_session_forward(session, j->x, TN_PREDICT, &y));
    j->bits = bits_of_tensor(0, y);
    return TN_OK;
}

static void *run_job(void *argument)
{
    job *j = argument;
    tn_session *session = NULL;
    pthread_barrier_wait(j->start);
    j->status = tn_session_create(j->model, TN_OPTIONS(tn_session_options, .batch_size = 4, .threads = 1), &session);
    if (j->status == TN_OK)
        j->status = predict_often(j, session);
    tn_session_destroy(&session);
    return NULL;
}

static void start_jobs(job *jobs, pthread_t *threads, pthread_barrier_t *start, world *w)
{
    ck_assert_int_eq(pthread_barrier_init(start, NULL, PREDICTORS + 1), 0);
    for (int i = 0; i < PREDICTORS; i++) {
        jobs[i] = (job){.model = w->model, .x = w->x, .start = start};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    pthread_barrier_wait(start);
}

static void join_jobs(const job *jobs, const pthread_t *threads, pthread_barrier_t *start)
{
    for (int i = 0; i < PREDICTORS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(start);
    for (int i = 0; i < PREDICTORS; i++) {
        ck_assert_msg(jobs[i].status == TN_OK, "thread %d: %s", i, tn_status_name(jobs[i].status));
        ck_assert_msg(jobs[i].bits == jobs[0].bits, "thread %d predicts other bits", i);
    }
}

START_TEST(test_one_model)
{
    pthread_t threads[PREDICTORS];
    pthread_barrier_t start;
    job jobs[PREDICTORS];
    world w;
    world_open(&w);
    make_batch(&w, 4, EVERY_SIZE);
    ck_ok(make_model(&w, every_kind, EVERY_SIZE));
    start_jobs(jobs, threads, &start, &w);
    join_jobs(jobs, threads, &start);
    world_close(&w, "one model");
}
END_TEST

/* --- destruction while another handle works */

/* A session of the model, in a thread of its own, while the model's handle, its other sessions, and an optimizer that
 * is bound to it go. */
static void *work_on(void *argument)
{
    job *j = argument;
    tn_session *session = NULL;
    j->status = tn_session_create(j->model, TN_OPTIONS(tn_session_options, .batch_size = 4, .threads = 2), &session);
    pthread_barrier_wait(j->start);
    if (j->status == TN_OK)
        j->status = predict_often(j, session);
    tn_session_destroy(&session);
    return NULL;
}

START_TEST(test_model_goes)
{
    pthread_barrier_t start;
    pthread_t thread;
    world w;
    world_open(&w);
    make_batch(&w, 4, LENET_SIZE);
    ck_ok(make_model(&w, lenet_like, LENET_SIZE));
    ck_ok(make_session(&w, (tn_session_options){.batch_size = 4, .training = true, .threads = 2}));
    w.optimizer = tn_adam(.allocator = &w.allocator);
    ck_ok(tn_optimizer_bind(w.optimizer, w.model));
    pthread_barrier_init(&start, NULL, 2);
    job j = {.model = w.model, .x = w.x, .start = &start};
    ck_assert_int_eq(pthread_create(&thread, NULL, work_on, &j), 0);
    pthread_barrier_wait(&start);
    tn_model_destroy(&w.model);
    tn_session_destroy(&w.session);
    tn_optimizer_destroy(&w.optimizer);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&start);
    ck_ok(j.status);
    world_close(&w, "model goes");
}
END_TEST

/* Loaders of one dataset whose handles, tensors and sister loaders go while their threads work. */
typedef struct reader {
    tn_loader *loader;
    uint64_t bits;
    tn_status status;
} reader;

static tn_status read_epochs(reader *r)
{
    const tn_tensor *samples, *targets;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        TRY(tn_loader_start(r->loader, epoch, 0));
        do {
            TRY(tn_loader_next(r->loader, &samples, &targets));
            r->bits = bits_of_tensor(r->bits, samples);
        } while (samples != NULL);
    }
    return TN_OK;
}

static void *run_reader(void *argument)
{
    reader *r = argument;
    r->status = read_epochs(r);
    tn_loader_destroy(&r->loader);
    return NULL;
}

START_TEST(test_dataset_goes)
{
    enum { READERS = 3 };
    pthread_t threads[READERS];
    reader readers[READERS] = {{NULL, 0, TN_OK}};
    world w;
    world_open(&w);
    make_batch(&w, 13, LENET_SIZE);
    ck_ok(tn_dataset_from_tensors(&w.allocator, w.x, w.targets, &w.dataset));
    for (int i = 0; i < READERS; i++) {
        ck_ok(tn_loader_create(
            w.dataset, TN_OPTIONS(tn_loader_options, .batch_size = 2, .shuffle = true, .allocator = &w.allocator),
            &readers[i].loader));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_reader, &readers[i]), 0);
    }
    tn_dataset_destroy(&w.dataset);
    tn_tensor_destroy(&w.x);
    tn_tensor_destroy(&w.targets);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < READERS; i++) {
        ck_ok(readers[i].status);
        ck_assert_uint_eq(readers[i].bits, readers[0].bits);
    }
    world_close(&w, "dataset goes");
}
END_TEST

/* Views of one storage, made, read and destroyed in several threads. */
static void *make_views(void *argument)
{
    tn_tensor *mine = *(tn_tensor **)argument, *view = NULL;
    for (int i = 0; i < 200; i++) {
        if (tn_tensor_slice(mine, i % 3, 1, &view) != TN_OK)
            return NULL;
        (void)bits_of_tensor(0, view);
        tn_tensor_destroy(&view);
    }
    tn_tensor_destroy((tn_tensor **)argument);
    return NULL;
}

START_TEST(test_storage_goes)
{
    pthread_t threads[PREDICTORS];
    tn_tensor *views[PREDICTORS] = {NULL};
    world w;
    world_open(&w);
    ck_ok(tn_tensor_create(&w.allocator, TN_F32, 2, (const int64_t[]){3, 8}, &w.x));
    for (int i = 0; i < PREDICTORS; i++) {
        ck_ok(tn_tensor_reshape(w.x, 2, (const int64_t[]){3, 8}, &views[i]));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_views, &views[i]), 0);
    }
    tn_tensor_destroy(&w.x);
    for (int i = 0; i < PREDICTORS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_ptr_null(views[i]);
    }
    world_close(&w, "storage goes");
}
END_TEST

/* --- training: a loader's thread, a session's threads, another run beside it */

static tn_status train(world *w)
{
    return tn_fit(w->session, w->loss, w->optimizer, w->loader,
                  TN_OPTIONS(tn_fit_options, .epochs = 4, .test = w->test, .progress = &w->progress, .stop = w->stop));
}

static void *train_in_thread(void *argument)
{
    world *w = argument;
    w->outcome = (uint64_t)train(w);
    return NULL;
}

START_TEST(test_two_runs)
{
    pthread_t thread;
    world w[2];
    for (int i = 0; i < 2; i++) {
        world_open(&w[i]);
        make_trainer(&w[i], tn_adam(.allocator = &w[i].allocator), true);
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, train_in_thread, &w[1]), 0);
    ck_ok(train(&w[0]));
    pthread_join(thread, NULL);
    ck_assert_msg(world_bits(&w[0]) == world_bits(&w[1]), "two runs at once give other bits");
    world_close(&w[0], "first run");
    world_close(&w[1], "second run");
}
END_TEST

/* Asked to stop from another thread in the middle. */
START_TEST(test_stop)
{
    pthread_t thread;
    world w;
    world_open(&w);
    make_trainer(&w, tn_adam(.allocator = &w.allocator), true);
    ck_ok(tn_stop_create(&w.allocator, &w.stop));
    ck_assert_int_eq(pthread_create(&thread, NULL, train_in_thread, &w), 0);
    tn_stop_request(w.stop);
    pthread_join(thread, NULL);
    ck_assert(w.outcome == TN_STOPPED || w.outcome == TN_OK);
    world_close(&w, "stop");
}
END_TEST

TN_SUITE("shared_handles", {test_one_model}, {test_model_goes}, {test_dataset_goes}, {test_storage_goes},
         {test_two_runs}, {test_stop})
