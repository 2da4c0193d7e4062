/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The process dies before, within and after each system call of a save: what is there then is the old file or the new
 *  one, and the next save clears up. Runs under the shim (under_shim.py). */
#include "saves.h"
#include "syscall_shim.h"

#include <signal.h>
#include <sys/wait.h>

static shim *control;
static int kills;

static int position_of_rename(saves *s)
{
    saves_put_old(s, false);
    shim_arm(control, (shim_plan){.fault = SHIM_NONE});
    ck_ok(s->kind.save(s->path, &s->writer));
    control->armed = false;
    for (int i = 0; i < control->seen[SHIM_ANY]; i++)
        if (control->order[i] == SHIM_RENAME)
            return i + 1;
    ck_abort_msg("a save without a rename");
    return 0;
}

/* Save in a child that is killed at its call number `nth`. Returns whether it was. */
static bool killed_save(saves *s, int nth, shim_fault fault)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        shim_arm(control, (shim_plan){SHIM_ANY, nth, 1, fault, 0});
        _exit(s->kind.save(s->path, &s->writer) == TN_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
    return false;
}

static void check_kill(saves *s, int nth, shim_fault fault, int rename)
{
    bool renamed = nth > rename || (nth == rename && fault != SHIM_KILL_BEFORE);
    kills++;
    ck_assert_msg(saves_look(s) == (renamed ? FOUND_NEW : FOUND_OLD), "killed %d at call %d, rename is %d: wrong file",
                  (int)fault, nth, rename);
    ck_ok(s->kind.load(s->path, &s->reader));
    ck_ok(s->kind.save(s->path, &s->writer));
    ck_assert_int_eq(saves_look(s), FOUND_NEW);
    ck_assert(!exists(s->temporary));
}

/* A left-over adds one call, its removal, before the rename. */
static void kill_everywhere(saves *s, shim_fault fault, bool leftover)
{
    int calls, rename = position_of_rename(s) + leftover;
    for (calls = 1;; calls++) {
        saves_put_old(s, leftover);
        if (!killed_save(s, calls, fault))
            break;
        check_kill(s, calls, fault, rename);
    }
    ck_assert_int_gt(calls, rename);
}

START_TEST(test_kill_each_call)
{
    saves s = saves_create(save_kinds[_i]);
    for (int fault = SHIM_KILL_BEFORE; fault <= SHIM_KILL_AFTER; fault++)
        for (int leftover = 0; leftover < 2; leftover++)
            kill_everywhere(&s, (shim_fault)fault, leftover);
    saves_destroy(&s);
}
END_TEST

/* The first save of all: no file, or the new one. */
START_TEST(test_kill_first_save)
{
    saves s = saves_create(save_kinds[0]);
    int rename = position_of_rename(&s);
    for (int nth = 1;; nth++) {
        remove(s.path);
        remove(s.temporary);
        if (!killed_save(&s, nth, SHIM_KILL_AFTER))
            break;
        kills++;
        ck_assert_int_eq(exists(s.path), nth >= rename);
        if (nth >= rename)
            ck_assert_int_eq(saves_look(&s), FOUND_NEW);
        ck_ok(s.kind.save(s.path, &s.writer));
        ck_assert(!exists(s.temporary));
    }
    saves_destroy(&s);
}
END_TEST

START_TEST(test_count)
{
    printf("%d kills\n", kills);
    ck_assert_int_gt(kills, 100);
}
END_TEST

int main(void)
{
    const suite_test tests[] = {TN_LOOPED(test_kill_each_call, SAVE_KINDS), {test_kill_first_save}, {test_count}};
    control = shim_find();
    if (control == NULL) {
        fprintf(stderr, "the shim is not loaded: start this with under_shim.py\n");
        return EXIT_FAILURE;
    }
    return suite_main("crash", tests, sizeof tests / sizeof tests[0]);
}
