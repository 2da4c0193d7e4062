/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Memory over a long run, as the system sees it: what is resident after the first tenth is what is resident at the
 * end, of steps of training, and of handles made and destroyed.
 *
 *      test_long_run [STEPS [ROUNDS [KIB]]]
 *
 *  KIB is the growth that is tolerated: the C library may take a little more for its own lists. */
#include "nets.h"
#include "scenarios.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Everything is some ten times slower there, and what is freed is kept, so that growth says nothing. */
#if defined(TN_TEST_SANITIZED)
static int steps = 2000, rounds = 100, tolerated_kib = INT_MAX;
#else
static int steps = 20000, rounds = 1000, tolerated_kib = 256;
#endif

static long resident(void)
{
    long size, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &size, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void expect_flat(const char *what, int count, long early, long late)
{
    printf("%d %s: %ld KiB resident after a tenth, %ld at the end\n", count, what, early / 1024, late / 1024);
    ck_assert_msg((late - early) / 1024 <= tolerated_kib, "%s: memory grows by %ld bytes", what, late - early);
}

/* --- steps */

typedef struct watch {
    int steps;
    long early, late;
} watch;

static tn_status on_step(void *context, const tn_step_event *event)
{
    watch *w = context;
    (void)event;
    w->steps++;
    if (w->steps == steps / 10)
        w->early = resident();
    if (w->steps < steps)
        return TN_OK;
    w->late = resident();
    return TN_STOPPED;
}

START_TEST(test_steps)
{
    watch watched = {0};
    world w;
    world_open(&w);
    make_trainer(&w, tn_adam(.allocator = &w.allocator), true);
    ck_assert_int_eq(
        tn_fit(w.session, w.loss, w.optimizer, w.loader,
               TN_OPTIONS(tn_fit_options, .epochs = steps, .test = w.test, .on_step = on_step, .context = &watched)),
        TN_STOPPED);
    expect_flat("steps of training", watched.steps, watched.early, watched.late);
    world_close(&w, "steps");
}
END_TEST

/* --- rounds: every scenario in turn */

static void one_round(int number, int scenarios)
{
    const scenario *s = scenario_at(number % scenarios);
    world w;
    world_open(&w);
    if (s->set_up != NULL)
        s->set_up(&w);
    ck_ok(s->act(&w));
    world_close(&w, s->name);
}

START_TEST(test_rounds)
{
    int scenarios = 0;
    long early = 0;
    while (scenario_at(scenarios) != NULL)
        scenarios++;
    for (int i = 0; i < 2 * scenarios; i++) /* each has been there before what is measured */
        one_round(i, scenarios);
    for (int i = 0; i < rounds; i++) {
        one_round(i, scenarios);
        if (i == rounds / 10)
            early = resident();
    }
    expect_flat("rounds of all scenarios", rounds, early, resident());
}
END_TEST

int main(int count, char **arguments)
{
    const suite_test tests[] = {{test_steps}, {test_rounds}};
    steps = count > 1 ? atoi(arguments[1]) : steps;
    rounds = count > 2 ? atoi(arguments[2]) : rounds;
    tolerated_kib = count > 3 ? atoi(arguments[3]) : tolerated_kib;
    return suite_main("long_run", tests, 2);
}
