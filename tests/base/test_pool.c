/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The pool of threads: every index once, barriers, many regions, forked children, the caller's rounding, signals. */
#include "base/pool.h"
#include "child.h"
#include "suite.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 8, ROUNDS = 200 };

typedef struct shared {
    atomic_int visits[MOST];
    int count, sums[MOST], before[MOST];
    atomic_int wrong;
} shared;

static void visit(const tn_team *team, void *arg)
{
    shared *s = arg;
    atomic_fetch_add(&s->visits[team->index], 1);
    if (team->index == 0)
        s->count = team->count;
}

START_TEST(test_every_index_once)
{
    static const int threads[] = {1, 2, 3, MOST};
    tn_pool *pool = NULL;
    shared s = {0};
    ck_ok(tn_pool_create(NULL, threads[_i], &pool));
    ck_assert_int_eq(tn_pool_threads(pool), threads[_i]);
    for (int round = 0; round < ROUNDS; round++)
        tn_pool_run(pool, visit, &s);
    ck_assert_int_eq(s.count, threads[_i]);
    for (int i = 0; i < MOST; i++)
        ck_assert_int_eq(atomic_load(&s.visits[i]), i < threads[_i] ? ROUNDS : 0);
    tn_pool_destroy(&pool);
    ck_assert_ptr_null(pool);
}
END_TEST

/* Each thread writes its place, and after the barrier reads all the others'. */
static void meet(const tn_team *team, void *arg)
{
    shared *s = arg;
    for (int round = 1; round <= ROUNDS; round++) {
        s->before[team->index] = round;
        tn_team_barrier(team);
        for (int i = 0; i < team->count; i++)
            if (s->before[i] != round)
                atomic_fetch_add(&s->wrong, 1);
        tn_team_barrier(team);
    }
}

START_TEST(test_barrier)
{
    tn_pool *pool = NULL;
    shared s = {0};
    ck_ok(tn_pool_create(NULL, 2 + _i, &pool));
    tn_pool_run(pool, meet, &s);
    tn_pool_destroy(&pool);
    ck_assert_int_eq(atomic_load(&s.wrong), 0);
    ck_assert_int_eq(s.before[1 + _i], ROUNDS);
}
END_TEST

START_TEST(test_ranges)
{
    for (int count = 1; count <= MOST; count++) {
        int64_t next = 0;
        for (int index = 0; index < count; index++) {
            int64_t begin, end;
            tn_team_range(&(tn_team){NULL, index, count}, 1001, &begin, &end);
            ck_assert_int_eq(begin, next);
            ck_assert_int_le(end - begin, 1001 / count + 1);
            next = end;
        }
        ck_assert_int_eq(next, 1001);
    }
}
END_TEST

START_TEST(test_without_pool)
{
    shared s = {0};
    tn_pool *none = NULL;
    tn_pool_run(NULL, visit, &s);
    ck_assert_int_eq(atomic_load(&s.visits[0]), 1);
    ck_assert_int_eq(tn_pool_threads(NULL), 1);
    tn_pool_destroy(&none);
    tn_pool_destroy(NULL);
}
END_TEST

START_TEST(test_bad_counts)
{
    tn_pool *pool = NULL;
    ck_fails(tn_pool_create(NULL, 0, &pool), TN_ERR_INVALID, "threads is 0");
    ck_fails(tn_pool_create(NULL, 257, &pool), TN_ERR_INVALID, "257");
    ck_assert_ptr_null(pool);
}
END_TEST

/* The linker leads the library's call here (--wrap); the names are prescribed. */
int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

static bool refuses;

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return refuses ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

/* Comes first, for forks are watched from the first pool on. What was refused once can be had later. */
START_TEST(test_forks_are_not_watched)
{
    tn_pool *pool = NULL;
    refuses = true;
    ck_fails(tn_pool_create(NULL, 2, &pool), TN_ERR_NO_MEMORY, "forks");
    ck_assert_ptr_null(pool);
    refuses = false;
    ck_ok(tn_pool_create(NULL, 2, &pool));
    tn_pool_destroy(&pool);
    refuses = true; /* no need to ask again */
    ck_ok(tn_pool_create(NULL, 2, &pool));
    tn_pool_destroy(&pool);
    refuses = false;
}
END_TEST

static void look_at_rounding(const tn_team *team, void *arg)
{
    ((int *)arg)[team->index] = fegetround();
}

/* Also where it changes from region to region, and back. */
START_TEST(test_rounding_of_the_caller)
{
    tn_pool *pool = NULL;
    static const int wanted[] = {FE_UPWARD, FE_UPWARD, FE_DOWNWARD, FE_TONEAREST, FE_UPWARD, FE_TONEAREST};
    ck_ok(tn_pool_create(NULL, 2, &pool));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int modes[2] = {-1, -1};
        fesetround(wanted[i]);
        tn_pool_run(pool, look_at_rounding, modes);
        fesetround(FE_TONEAREST);
        ck_assert_int_eq(modes[0], wanted[i]);
        ck_assert_int_eq(modes[1], wanted[i]);
    }
    tn_pool_destroy(&pool);
}
END_TEST

typedef struct masks {
    sigset_t of[2];
} masks;

static void look_at_signals(const tn_team *team, void *arg)
{
    masks *m = arg;
    pthread_sigmask(SIG_BLOCK, NULL, &m->of[team->index]);
}

/* Signals are for the program's own threads. */
START_TEST(test_signals)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGUSR1};
    tn_pool *pool = NULL;
    masks m;
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    ck_ok(tn_pool_create(NULL, 2, &pool));
    tn_pool_run(pool, look_at_signals, &m);
    tn_pool_destroy(&pool);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        ck_assert_int_eq(sigismember(&m.of[1], signals[i]), 1);
        ck_assert_int_eq(sigismember(&m.of[0], signals[i]), sigismember(&before, signals[i]));
        ck_assert_int_eq(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
    }
}
END_TEST

/* Pools of several threads of the program at once. */
static void *use_own_pool(void *arg)
{
    bool *right = arg;
    tn_pool *pool = NULL;
    shared s = {0};
    *right = tn_pool_create(NULL, 3, &pool) == TN_OK;
    for (int round = 0; round < 5 && *right; round++)
        tn_pool_run(pool, meet, &s);
    *right = *right && atomic_load(&s.wrong) == 0 && s.before[2] == ROUNDS;
    tn_pool_destroy(&pool);
    return NULL;
}

START_TEST(test_several_pools)
{
    pthread_t threads[3];
    bool right[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_own_pool, &right[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(right[i]);
    }
}
END_TEST

/* --- forked children; the thread sanitizer does not follow threads that a child starts */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_FORKS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(NO_FORKS)
#define FORK_TESTS
#else
#define FORK_TESTS                                                                                                     \
    , {test_fork}, {test_fork_without_region},                                                                         \
    {                                                                                                                  \
        test_fork_without_threads                                                                                      \
    }

enum { CANNOT = 77, DEADLINE = 50 };

/** Run `child` with a pool of three threads in a forked process, whose exit status is returned; the pool works on in
 *  the parent. */
static int fork_with_pool(int (*child)(tn_pool **pool))
{
    tn_pool *pool = NULL;
    int status = 0;
    shared s = {0};
    ck_ok(tn_pool_create(NULL, 3, &pool));
    tn_pool_run(pool, visit, &s);
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        alarm(DEADLINE); /* not a test that hangs */
        child_leave(child(&pool));
    }
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    tn_pool_run(pool, visit, &s);
    tn_pool_destroy(&pool);
    ck_assert_int_eq(atomic_load(&s.visits[2]), 2);
    ck_assert_msg(WIFEXITED(status), "the child ended by signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return WEXITSTATUS(status);
}

static int run_in_child(tn_pool **pool)
{
    shared s = {0};
    tn_pool_run(*pool, visit, &s);
    tn_pool_run(*pool, meet, &s);
    bool right = s.count == 3 && atomic_load(&s.visits[2]) == 1 && atomic_load(&s.wrong) == 0;
    tn_pool_destroy(pool);
    return right && *pool == NULL ? 0 : 1;
}

START_TEST(test_fork)
{
    ck_assert_int_eq(fork_with_pool(run_in_child), 0);
}
END_TEST

static int destroy_in_child(tn_pool **pool)
{
    tn_pool_destroy(pool);
    return *pool == NULL ? 0 : 1;
}

START_TEST(test_fork_without_region)
{
    ck_assert_int_eq(fork_with_pool(destroy_in_child), 0);
}
END_TEST

/** Give up the right to start threads: a limit that does not bind root, so be somebody else. */
static bool forbid_threads(void)
{
    const struct rlimit none = {0, 0};
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return false;
    tn_pool *pool = NULL;
    return setrlimit(RLIMIT_NPROC, &none) == 0 && tn_pool_create(NULL, 2, &pool) == TN_ERR_NO_MEMORY;
}

static int run_alone_in_child(tn_pool **pool)
{
    shared s = {0};
    if (!forbid_threads())
        return CANNOT;
    tn_pool_run(*pool, visit, &s);
    tn_pool_run(*pool, meet, &s);
    bool right = s.count == 1 && atomic_load(&s.visits[0]) == 1 && s.before[0] == ROUNDS;
    tn_pool_destroy(pool);
    return right ? 0 : 1;
}

/* Regions of a child that gets no threads run all their work in the caller's. */
START_TEST(test_fork_without_threads)
{
    int result = fork_with_pool(run_alone_in_child);
    if (result == CANNOT)
        fprintf(stderr, "skipped: this system does not let a process be forbidden to start threads\n");
    else
        ck_assert_int_eq(result, 0);
}
END_TEST
#endif

TN_SUITE("pool", {test_forks_are_not_watched}, TN_LOOPED(test_every_index_once, 4), TN_LOOPED(test_barrier, 3),
         {test_ranges}, {test_without_pool}, {test_bad_counts}, {test_rounding_of_the_caller}, {test_signals},
         {test_several_pools} FORK_TESTS)
