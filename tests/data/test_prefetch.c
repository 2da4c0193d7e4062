/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The loader's thread: it works ahead, alone, takes no signals, can be stopped in the middle, and is not missed in a
 *  forked child. Nothing here depends on how fast it is: waits are for counts, with a limit for a broken library. */
#include "child.h"
#include "samples.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct watched {
    atomic_int reads, inside;
    atomic_bool overlapped, in_caller, signals_open;
    pthread_t caller;
    long pause_ns; /* in each read */
} watched;

static void sleep_ns(long ns)
{
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

static void look_around(watched *w)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGCHLD))
        atomic_store(&w->signals_open, true);
    if (pthread_equal(pthread_self(), w->caller))
        atomic_store(&w->in_caller, true);
}

static tn_status read_watched(void *context, int64_t index, void *sample, void *target)
{
    watched *w = context;
    if (atomic_fetch_add(&w->inside, 1) != 0)
        atomic_store(&w->overlapped, true);
    look_around(w);
    if (w->pause_ns > 0)
        sleep_ns(w->pause_ns);
    ((float *)sample)[0] = (float)index;
    ((float *)sample)[1] = (float)index + 0.5f;
    *(int32_t *)target = (int32_t)index;
    atomic_fetch_sub(&w->inside, 1);
    atomic_fetch_add(&w->reads, 1);
    return TN_OK;
}

static tn_loader *watched_loader(watched *w, int64_t count, tn_loader_options options)
{
    const tn_dataset_source source = {.struct_size = sizeof source,
                                      .count = count,
                                      .sample_rank = 1,
                                      .sample_dims = {2},
                                      .target_dtype = TN_I32,
                                      .read = read_watched,
                                      .context = w};
    tn_dataset *dataset = NULL;
    w->caller = pthread_self();
    ck_ok(tn_dataset_from_source(NULL, &source, &dataset));
    return loader_over(dataset, options);
}

/* Wait until the source has been read that often; 20 seconds at most. */
static void wait_for_reads(watched *w, int reads)
{
    for (int i = 0; i < 20000 && atomic_load(&w->reads) < reads; i++)
        sleep_ns(1000000);
    ck_assert_int_ge(atomic_load(&w->reads), reads);
}

START_TEST(test_ahead)
{
    watched w = {.pause_ns = 0};
    tn_loader *loader = watched_loader(&w, 40, (tn_loader_options){.batch_size = 10});
    const tn_tensor *x, *y;
    ck_ok(tn_loader_start(loader, 0, 0));
    wait_for_reads(&w, 10); /* nobody has asked for a batch yet */
    ck_ok(tn_loader_next(loader, &x, &y));
    wait_for_reads(&w, 20); /* the second, while the first one is here */
    ck_assert(tn_tensor_const_f32(x)[18] == 9);
    ck_assert_int_eq(read_rest(loader, NULL), 30);
    ck_assert_int_eq(atomic_load(&w.reads), 40);
    ck_assert(!atomic_load(&w.in_caller));
    ck_assert(!atomic_load(&w.overlapped));
    ck_assert(!atomic_load(&w.signals_open));
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_without_thread)
{
    watched w = {.pause_ns = 0};
    tn_loader *loader = watched_loader(&w, 40, (tn_loader_options){.batch_size = 10, .without_thread = true});
    const tn_tensor *x, *y;
    ck_ok(tn_loader_start(loader, 0, 0));
    ck_assert_int_eq(atomic_load(&w.reads), 0);
    ck_ok(tn_loader_next(loader, &x, &y));
    ck_assert_int_eq(atomic_load(&w.reads), 10);
    ck_assert(atomic_load(&w.in_caller));
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_own_signals)
{
    /* creating a loader leaves the caller's mask alone */
    sigset_t before, after;
    watched w = {.pause_ns = 0};
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    tn_loader *loader = watched_loader(&w, 4, (tn_loader_options){.batch_size = 2});
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int s = 1; s < SIGRTMIN; s++)
        ck_assert_int_eq(sigismember(&before, s), sigismember(&after, s));
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_destroy_in_the_middle)
{
    /* a batch of 100,000 samples at 1 ms would take 100 s; stopping takes one sample */
    watched w = {.pause_ns = 1000000};
    tn_loader *loader = watched_loader(&w, 100000, (tn_loader_options){.batch_size = 100000});
    ck_ok(tn_loader_start(loader, 0, 0));
    wait_for_reads(&w, 2);
    ck_ok(tn_loader_start(loader, 1, 0));
    wait_for_reads(&w, 4);
    tn_loader_destroy(&loader);
    ck_assert_int_lt(atomic_load(&w.reads), 50000);
    ck_assert(!atomic_load(&w.overlapped));
}
END_TEST

START_TEST(test_destroy_at_once)
{
    for (int i = 0; i < 200; i++) {
        watched w = {.pause_ns = 0};
        tn_loader *loader = watched_loader(&w, 20, (tn_loader_options){.batch_size = 5, .shuffle = true});
        const tn_tensor *x, *y;
        if (i % 3 > 0)
            ck_ok(tn_loader_start(loader, i, 1));
        if (i % 3 > 1)
            ck_ok(tn_loader_next(loader, &x, &y));
        tn_loader_destroy(&loader);
    }
}
END_TEST

START_TEST(test_restarts)
{
    /* jumping about while the thread works: what comes is always what was asked for */
    watched w = {.pause_ns = 1000};
    tn_loader *loader = watched_loader(&w, 60, (tn_loader_options){.batch_size = 4, .shuffle = true, .seed = 3});
    int32_t orders[3][60];
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        ck_ok(tn_loader_start(loader, epoch, 0));
        ck_assert_int_eq(read_rest(loader, orders[epoch]), 60);
    }
    for (int64_t i = 0; i < 300; i++) {
        const tn_tensor *x, *y;
        int64_t epoch = i % 3, batch = i * 7 % 15;
        ck_ok(tn_loader_start(loader, epoch, batch));
        if (i % 5 == 0)
            continue;
        ck_ok(tn_loader_next(loader, &x, &y));
        ck_assert_mem_eq(tn_tensor_const_data(y), orders[epoch] + 4 * batch, 4 * sizeof(int32_t));
    }
    ck_assert(!atomic_load(&w.overlapped));
    tn_loader_destroy(&loader);
}
END_TEST

/* --- fork */

/* In the child: finish the epoch, start another, destroy; no Check assertions, which would end the parent's run. */
static int child_reads_on(tn_loader *loader, const int32_t *whole, int64_t next)
{
    const tn_tensor *x, *y;
    for (int64_t batch = next;; batch++) {
        if (tn_loader_next(loader, &x, &y) != TN_OK)
            return 1;
        if (x == NULL)
            break;
        size_t bytes = tn_tensor_bytes(y);
        if (memcmp(tn_tensor_const_data(y), whole + 4 * batch, bytes) != 0)
            return 2;
    }
    if (tn_loader_start(loader, 1, 0) != TN_OK || tn_loader_next(loader, &x, &y) != TN_OK || x == NULL)
        return 3;
    tn_loader_destroy(&loader);
    return 0;
}

START_TEST(test_fork)
{
    watched w = {.pause_ns = 20000};
    tn_loader *loader = watched_loader(&w, 42, (tn_loader_options){.batch_size = 4, .shuffle = true});
    int32_t whole[42], rest[42];
    ck_assert_int_eq(read_rest(loader, whole), 42);
    for (int i = 0; i < 30; i++) {
        const tn_tensor *x, *y;
        int64_t batch = i % 9;
        ck_ok(tn_loader_start(loader, 0, batch));
        ck_ok(tn_loader_next(loader, &x, &y)); /* now the thread is busy with the next one */
        if (i % 2 > 0)
            sleep_ns(10000L * i);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            alarm(20); /* a hang kills the child */
            w.pause_ns = 0;
            child_leave(child_reads_on(loader, whole, batch + 1));
        }
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: wait status %d", i, status);
        ck_assert_int_eq(read_rest(loader, rest), 42 - 4 * (batch + 1)); /* the parent goes on as well */
        ck_assert_mem_eq(rest, whole + 4 * (batch + 1), (size_t)(42 - 4 * (batch + 1)) * sizeof *rest);
    }
    tn_loader_destroy(&loader);
}
END_TEST

TN_SUITE("prefetch", {test_ahead}, {test_without_thread}, {test_own_signals}, {test_destroy_in_the_middle},
         {test_destroy_at_once}, {test_restarts}, {test_fork})
