/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Every scenario with every request for memory, threads and locks refused: request 1, 2, 3, ... until the scenario
 *  passes, once that request alone and once all from there on. Each time the status is TN_ERR_NO_MEMORY with a line of
 *  detail, nothing leaks, one call that failed has changed nothing, and the same handles then give the bits of a run
 *  that nothing happened to. A save that failed leaves no temporary file.
 *  Source    "How SQLite is tested", out-of-memory testing */
#include "scenarios.h"

#include <stdio.h>
#include <unistd.h>

enum { MOST_REQUESTS = 2000 };

static long total;

static void open_and_set_up(const scenario *s, world *w)
{
    world_open(w);
    if (s->set_up != NULL)
        s->set_up(w);
}

/* The bits of a run that nothing happens to. */
static uint64_t undisturbed(const scenario *s)
{
    world w;
    open_and_set_up(s, &w);
    ck_ok(s->act(&w));
    uint64_t bits = world_bits(&w);
    world_close(&w, s->name);
    return bits;
}

static void expect_no_temporary(const scenario *s, const world *w, long at)
{
    char temporary[300];
    if (w->saved == NULL)
        return;
    snprintf(temporary, sizeof temporary, "%s.tmp", w->saved);
    ck_assert_msg(access(temporary, F_OK) != 0, "%s, request %ld: %s stays", s->name, at, temporary);
}

static void expect_failure(const scenario *s, tn_status status, long at)
{
    ck_assert_msg(status == TN_ERR_NO_MEMORY, "%s, request %ld: %s, %s", s->name, at, tn_status_name(status),
                  tn_last_error());
    ck_assert_msg(tn_last_status() == status, "%s, request %ld: last status is %s", s->name, at,
                  tn_status_name(tn_last_status()));
    ck_assert_msg(tn_last_error()[0] != '\0', "%s, request %ld: no detail", s->name, at);
}

/* False if the scenario asks less often than `at` times, so that nothing was refused. */
static bool refuse(const scenario *s, long at, bool for_ever, uint64_t expected)
{
    world w;
    open_and_set_up(s, &w);
    uint64_t before = world_bits(&w);
    world_refuse(&w, at, for_ever);
    tn_status status = s->act(&w);
    bool reached = atomic_load(&w.hook.calls) >= at;
    world_refuse(&w, 0, false);
    if (status != TN_OK) {
        expect_failure(s, status, at);
        expect_no_temporary(s, &w, at);
        ck_assert_msg(reached, "%s: fails though nothing was refused", s->name);
        ck_assert_msg(!s->unchanged || world_bits(&w) == before, "%s, request %ld: a failure changed something",
                      s->name, at);
        ck_ok(s->act(&w));
    }
    ck_assert_msg(world_bits(&w) == expected, "%s, request %ld: other bits in the end", s->name, at);
    world_close(&w, s->name);
    return reached;
}

START_TEST(test_scenario)
{
    const scenario *s = scenario_at(_i);
    const uint64_t expected = undisturbed(s);
    long points[2];
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        long at = 1;
        while (refuse(s, at, for_ever == 1, expected)) {
            ck_assert_msg(at < MOST_REQUESTS, "%s: no end of requests", s->name);
            at++;
        }
        points[for_ever] = at - 1;
    }
    total += points[0] + points[1];
    printf("%-34s %4ld once, %4ld for ever\n", s->name, points[0], points[1]);
}
END_TEST

/* Runs last. Evaluation and what needs no memory have none; all together there are many. */
START_TEST(test_total)
{
    printf("%ld injection points\n", total);
    ck_assert_int_ge(total, 500);
}
END_TEST

int main(void)
{
    int count = 0;
    while (scenario_at(count) != NULL)
        count++;
    const suite_test tests[] = {{test_scenario, count}, {test_total, 0}};
    return suite_main("no_memory", tests, 2);
}
