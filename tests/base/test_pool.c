/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The pool of threads: every index once, barriers, many regions, a forked child, the caller's rounding. */
#include "base/pool.h"
#include "suite.h"

#include <fenv.h>
#include <stdatomic.h>
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

static void look_at_rounding(const tn_team *team, void *arg)
{
    ((int *)arg)[team->index] = fegetround();
}

START_TEST(test_rounding_of_the_caller)
{
    tn_pool *pool = NULL;
    int modes[2] = {-1, -1};
    ck_ok(tn_pool_create(NULL, 2, &pool));
    fesetround(FE_UPWARD);
    tn_pool_run(pool, look_at_rounding, modes);
    fesetround(FE_TONEAREST);
    ck_assert_int_eq(modes[0], FE_UPWARD);
    ck_assert_int_eq(modes[1], FE_UPWARD);
    tn_pool_destroy(&pool);
}
END_TEST

#if defined(__SANITIZE_THREAD__)
#define FORKS 0 /* the thread sanitizer does not follow threads that a child starts */
#else
#define FORKS 1
#endif

START_TEST(test_fork)
{
    tn_pool *pool = NULL;
    int status = 0;
    shared s = {0};
    ck_ok(tn_pool_create(NULL, 3, &pool));
    tn_pool_run(pool, visit, &s);
    pid_t child = FORKS ? fork() : 0;
    if (child == 0 && FORKS) {
        tn_pool_run(pool, visit, &s);
        tn_pool_run(pool, meet, &s);
        bool right = s.count == 3 && atomic_load(&s.visits[2]) == 2 && atomic_load(&s.wrong) == 0;
        tn_pool_destroy(&pool);
        _exit(right ? 0 : 1);
    }
    if (FORKS) {
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    tn_pool_run(pool, visit, &s);
    ck_assert_int_eq(atomic_load(&s.visits[2]), 2);
    tn_pool_destroy(&pool);
}
END_TEST

TN_SUITE("pool", TN_LOOPED(test_every_index_once, 4), TN_LOOPED(test_barrier, 3), {test_ranges}, {test_without_pool},
         {test_bad_counts}, {test_rounding_of_the_caller}, {test_fork})
