/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A process that forks in the middle of a run, with a session's threads and a loader's: the child goes on with all the
 *  handles it has, answers within five seconds, and gives the bits of a run that never forked; so does the parent. */
#include "child.h"
#include "nets.h"
#include "scenarios.h"

#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EPOCHS = 3, DEADLINE_MS = 5000 };

static void open_run(world *w)
{
    world_open(w);
    make_trainer(w, tn_adam(.allocator = &w->allocator), true);
}

static tn_status go(world *w, int64_t epochs)
{
    return tn_fit(w->session, w->loss, w->optimizer, w->loader,
                  TN_OPTIONS(tn_fit_options, .epochs = epochs, .test = w->test, .progress = &w->progress));
}

/* What the child has to say goes through a pipe; there is no Check in it. */
static void answer(world *w, int pipe_end)
{
    uint64_t bits = go(w, EPOCHS) == TN_OK ? world_bits(w) : 0;
    if (write(pipe_end, &bits, sizeof bits) != (ssize_t)sizeof bits)
        child_leave(2);
    world_close(w, "child");
    child_leave(0);
}

static uint64_t hear(int pipe_end, pid_t child)
{
    struct pollfd ready = {.fd = pipe_end, .events = POLLIN};
    uint64_t bits = 0;
    int status, count = poll(&ready, 1, DEADLINE_MS);
    bool read_all = count == 1 && read(pipe_end, &bits, sizeof bits) == (ssize_t)sizeof bits;
    if (!read_all)
        kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(read_all, "the child does not answer within %d ms", DEADLINE_MS);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends with wait status %d", status);
    return bits;
}

/* A thread that is inside the address sanitizer's own allocator at the fork leaves it locked in the child for ever. So
 * there, and there alone, all threads have gone to sleep before. */
static void spare_sanitizer(void)
{
#ifdef TN_TEST_SANITIZED
    clock_t before;
    do {
        before = clock();
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    } while (clock() - before > CLOCKS_PER_SEC / 1000);
#endif
}

/* _i: how many epochs there are before the fork, with the loader's thread at work on the next batch or, under a
 * sanitizer, done with it. */
START_TEST(test_run)
{
    int ends[2];
    world w;
    open_run(&w);
    ck_ok(go(&w, EPOCHS));
    const uint64_t expected = world_bits(&w);
    world_close(&w, "run that never forks");
    open_run(&w);
    if (_i > 0)
        ck_ok(go(&w, _i));
    ck_ok(tn_loader_start(w.loader, _i, 0));
    ck_assert_int_eq(pipe(ends), 0);
    spare_sanitizer();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        answer(&w, ends[1]);
    close(ends[1]);
    uint64_t bits = hear(ends[0], child);
    close(ends[0]);
    ck_assert_msg(bits == expected, "the child gives other bits");
    ck_ok(go(&w, EPOCHS));
    ck_assert_msg(world_bits(&w) == expected, "the parent gives other bits");
    world_close(&w, "parent");
}
END_TEST

TN_SUITE("fork", TN_LOOPED(test_run, EPOCHS))
