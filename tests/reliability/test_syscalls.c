/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Every system call of a save and of a load fails, one at a time, once and for ever, in several ways. Runs under the
 *  shim (under_shim.py). */
#include "saves.h"
#include "syscall_shim.h"

#include <errno.h>

static shim *control;
static int points, faults; /* saves and loads that met a fault, and how many faults they met */

static const char *const call_names[] = {"open",  "stat",   "read",   "write", "fsync",
                                         "close", "rename", "unlink", "mmap",  "any"};

/* A way to fail. A signal handler's EINTR comes a hundred times at most. */
typedef struct way {
    shim_fault fault;
    int error, times;
} way;

static const way ways[] = {
    {SHIM_ERROR, EIO, 1},
    {SHIM_ERROR, EIO, SHIM_FOR_EVER},
    {SHIM_ERROR, ENOSPC, 1},
    {SHIM_ERROR, EROFS, 1},
    {SHIM_ERROR, ENOSPC, SHIM_FOR_EVER},
    {SHIM_ERROR_AFTER, EIO, 1},
    {SHIM_ERROR, EMFILE, 1},
    {SHIM_ERROR_AFTER, EIO, SHIM_FOR_EVER},
    {SHIM_ERROR, EINTR, 1},
    {SHIM_ERROR, EINTR, 100},
    {SHIM_SHORT, 0, 1},
    {SHIM_SHORT, 0, SHIM_FOR_EVER},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* What a careful caller of the system gets over. */
static bool is_harmless(shim_call call, const way *w)
{
    if (w->fault == SHIM_SHORT)
        return call == SHIM_READ || call == SHIM_WRITE;
    return w->error == EINTR && (call == SHIM_OPEN || call == SHIM_READ || call == SHIM_WRITE || call == SHIM_SYNC);
}

static tn_status faulty_save(saves *s, shim_plan plan)
{
    shim_arm(control, plan);
    tn_status status = s->kind.save(s->path, &s->writer);
    control->armed = false;
    points += control->injected > 0;
    faults += control->injected;
    return status;
}

static tn_status faulty_load(saves *s, shim_plan plan)
{
    shim_arm(control, plan);
    tn_status status = s->kind.load(s->path, &s->reader);
    control->armed = false;
    points += control->injected > 0;
    faults += control->injected;
    return status;
}

/* A failure is TN_ERR_IO, and its detail has the path and the system's words. */
static void expect_told(const saves *s, tn_status status, const shim_plan *plan)
{
    const char *detail = tn_last_error();
    ck_assert_msg(status == TN_ERR_IO && tn_last_status() == TN_ERR_IO, "%s %d: %s: %s", call_names[plan->call],
                  plan->nth, tn_status_name(status), detail);
    ck_assert_msg(strncmp(detail, s->path, strlen(s->path)) == 0, "%s", detail);
    ck_assert_msg(strstr(detail, strerror(plan->error)) != NULL, "%s %d: \"%s\" lacks \"%s\"", call_names[plan->call],
                  plan->nth, detail, strerror(plan->error));
}

/* After a save: the new file on success; the old one on failure, but for the last step, whose detail says what is
 * there. What a rename that worked and said that it did not has done, stays done. */
static void expect_saved(const saves *s, tn_status status, const shim_plan *plan)
{
    saves_found found = saves_look(s);
    bool in_place = strstr(tn_last_error(), "is in place") != NULL ||
                    (plan->fault == SHIM_ERROR_AFTER && (plan->call == SHIM_RENAME || plan->call == SHIM_ANY));
    ck_assert_int_ne(found, FOUND_MIXED);
    if (status == TN_OK)
        ck_assert_int_eq(found, FOUND_NEW);
    else if (found == FOUND_NEW)
        ck_assert_msg(in_place, "%s %d: the new file is there after \"%s\"", call_names[plan->call], plan->nth,
                      tn_last_error());
    if (status != TN_OK)
        expect_told(s, status, plan);
}

/* Is what is there loadable, and does the next save clear up? */
static void expect_recovery(saves *s)
{
    ck_ok(s->kind.load(s->path, &s->reader));
    ck_ok(s->kind.save(s->path, &s->writer));
    ck_assert_int_eq(saves_look(s), FOUND_NEW);
    ck_assert_msg(!exists(s->temporary), "the temporary is still there after the next save");
}

/* One fault in a save that replaces the old file. Returns whether the call was reached. */
static bool try_save(saves *s, shim_plan plan, const way *w, bool leftover)
{
    saves_put_old(s, leftover);
    tn_status status = faulty_save(s, plan);
    if (control->injected == 0) {
        ck_assert_int_eq(status, TN_OK);
        return false;
    }
    expect_saved(s, status, &plan);
    if (is_harmless(plan.call, w))
        ck_assert_msg(status == TN_OK, "%s %d: %s", call_names[plan.call], plan.nth, tn_last_error());
    bool cannot_remove = plan.call == SHIM_UNLINK || (plan.call == SHIM_ANY && plan.times > 1);
    if (!leftover && !cannot_remove)
        ck_assert_msg(!exists(s->temporary), "%s %d: \"%s\" left the temporary", call_names[plan.call], plan.nth,
                      tn_last_error());
    expect_recovery(s);
    return true;
}

/* Kinds of calls beside kinds of files. */
START_TEST(test_save)
{
    saves s = saves_create(save_kinds[_i]);
    for (int leftover = 0; leftover < 2; leftover++)
        for (int call = 0; call <= SHIM_ANY; call++)
            for (int i = 0; i < WAYS; i++)
                for (int nth = 1;; nth++)
                    if (!try_save(&s, (shim_plan){(shim_call)call, nth, ways[i].times, ways[i].fault, ways[i].error},
                                  &ways[i], leftover))
                        break;
    saves_destroy(&s);
}
END_TEST

static bool try_load(saves *s, shim_plan plan, const way *w)
{
    size_t size;
    unsigned char *before = small_bytes(&s->reader, &size);
    tn_status status = faulty_load(s, plan);
    bool reached = control->injected > 0;
    if (status != TN_OK) {
        expect_told(s, status, &plan);
        small_expect_equal(before, size, &s->reader);
    }
    if (!reached || is_harmless(plan.call, w))
        ck_assert_msg(status == TN_OK, "%s %d: %s", call_names[plan.call], plan.nth, tn_last_error());
    free(before);
    ck_ok(s->kind.load(s->path, &s->reader));
    ck_ok(s->kind.save(s->path, &s->reader)); /* what was loaded is the file */
    ck_assert_int_eq(saves_look(s), FOUND_NEW);
    return reached;
}

START_TEST(test_load)
{
    saves s = saves_create(save_kinds[_i]);
    for (int call = 0; call <= SHIM_ANY; call++)
        for (int i = 0; i < WAYS; i++)
            for (int nth = 1;; nth++)
                if (!try_load(&s, (shim_plan){(shim_call)call, nth, ways[i].times, ways[i].fault, ways[i].error},
                              &ways[i]))
                    break;
    saves_destroy(&s);
}
END_TEST

static int last_of(shim_call call)
{
    int found = -1;
    for (int i = 0; i < control->seen[SHIM_ANY]; i++)
        found = control->order[i] == call ? i : found;
    return found;
}

static int first_of(shim_call call)
{
    for (int i = 0; i < control->seen[SHIM_ANY]; i++)
        if (control->order[i] == call)
            return i;
    return -1;
}

/* What a power failure asks for and a killed process cannot show: data before the name, the name before success. */
START_TEST(test_order)
{
    saves s = saves_create(save_kinds[_i]);
    ck_ok(faulty_save(&s, (shim_plan){.fault = SHIM_NONE}));
    ck_assert_int_lt(control->seen[SHIM_ANY], SHIM_ORDER);
    ck_assert_int_eq(control->seen[SHIM_SYNC], 2);
    ck_assert_int_eq(control->seen[SHIM_RENAME], 1);
    ck_assert_int_ge(first_of(SHIM_WRITE), 0);
    ck_assert_int_lt(last_of(SHIM_WRITE), first_of(SHIM_SYNC));
    ck_assert_int_lt(first_of(SHIM_SYNC), first_of(SHIM_CLOSE));
    ck_assert_int_lt(first_of(SHIM_CLOSE), first_of(SHIM_RENAME));
    ck_assert_int_lt(first_of(SHIM_RENAME), last_of(SHIM_SYNC));
    ck_assert_int_eq(control->seen[SHIM_OPEN], control->seen[SHIM_CLOSE]);
    ck_assert_int_eq(control->seen[SHIM_MMAP], 0);
    ck_ok(faulty_load(&s, (shim_plan){.fault = SHIM_NONE}));
    ck_assert_int_ge(control->seen[SHIM_READ], 2);
    ck_assert_int_eq(control->seen[SHIM_OPEN], 1);
    ck_assert_int_eq(control->seen[SHIM_CLOSE], 1);
    ck_assert_int_eq(control->seen[SHIM_MMAP], 0);
    saves_destroy(&s);
}
END_TEST

/* A file system that put writing off until close, one that cannot sync directories, and one that should have. */
START_TEST(test_special_answers)
{
    saves s = saves_create(save_kinds[0]);
    saves_put_old(&s, false);
    ck_fails(faulty_save(&s, (shim_plan){SHIM_CLOSE, 1, 1, SHIM_ERROR, ENOSPC}), TN_ERR_IO, "cannot close: No space");
    ck_assert_int_eq(saves_look(&s), FOUND_OLD);
    ck_ok(faulty_save(&s, (shim_plan){SHIM_SYNC, 2, 1, SHIM_ERROR, EINVAL}));
    ck_assert_int_eq(control->injected, 1);
    ck_assert_int_eq(saves_look(&s), FOUND_NEW);
    saves_put_old(&s, false);
    ck_fails(faulty_save(&s, (shim_plan){SHIM_SYNC, 2, 1, SHIM_ERROR, EIO}), TN_ERR_IO, "is in place");
    ck_assert_int_eq(saves_look(&s), FOUND_NEW);
    saves_destroy(&s);
}
END_TEST

/* The last test: everything was under the shim. */
START_TEST(test_count)
{
    printf("%d injection points, %d faults\n", points, faults);
    ck_assert_int_gt(points, 1000);
}
END_TEST

int main(void)
{
    const suite_test tests[] = {TN_LOOPED(test_order, SAVE_KINDS),
                                TN_LOOPED(test_save, SAVE_KINDS),
                                TN_LOOPED(test_load, SAVE_KINDS),
                                {test_special_answers},
                                {test_count}};
    control = shim_find();
    if (control == NULL) {
        fprintf(stderr, "the shim is not loaded: start this with under_shim.py\n");
        return EXIT_FAILURE;
    }
    return suite_main("syscalls", tests, sizeof tests / sizeof tests[0]);
}
