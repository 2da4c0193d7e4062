/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Nothing goes past the allocator hook: while a scenario runs, neither the library nor the ones below it (BLIS, zlib,
 *  libpng, yajl, the C library) call malloc and its like. This program has a malloc of its own, which counts and passes
 *  on; the hook's memory is taken from another place. The one thing that the C library allocates for us is what it
 *  needs for a thread that starts.
 *  BLIS, where it is shared, allocates when it is started: that is done, and counted, before. */
#include "nets.h"
#include "scenarios.h"

#include <stdio.h>

/* glibc's own functions, under the names that programs with a malloc of their own call. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *pointer);

static atomic_bool counting_now;
static atomic_long strangers;
static _Thread_local int permitted;

/* Seen by the shared libraries, too. */
#pragma GCC visibility push(default)
static void note(void)
{
    if (atomic_load(&counting_now) && permitted == 0)
        atomic_fetch_add(&strangers, 1);
}

void *malloc(size_t size)
{
    note();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note();
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
    note();
    return __libc_realloc(pointer, size);
}

void free(void *pointer)
{
    __libc_free(pointer);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    note();
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : 12; /* ENOMEM */
}

#pragma GCC visibility pop

/* --- what is permitted: the hook, threads, what a scenario has of its own */

static void *hook_alloc(void *context, size_t size, size_t alignment)
{
    permitted++;
    void *pointer = counting_alloc(context, size, alignment);
    permitted--;
    return pointer;
}

static void permit(bool begins)
{
    permitted += begins ? 1 : -1;
}

/* --- the tests */

static tn_status first_prediction(world *w)
{
    TRY(make_model(w, alexnet_like, ALEXNET_SIZE));
    TRY(make_session(w, (tn_session_options){.batch_size = 2, .threads = 2}));
    return predict(w);
}

static tn_status count_strangers(tn_status (*act)(world *w), world *w)
{
    atomic_store(&strangers, 0);
    atomic_store(&counting_now, true);
    tn_status status = act(w); /* no assertions meanwhile: Check's allocate */
    atomic_store(&counting_now, false);
    return status;
}

/* What is done once in a process, the start of a shared BLIS above all: counted, and shown. */
START_TEST(test_warm_up)
{
    world w;
    world_open(&w);
    w.allocator.alloc = hook_alloc;
    make_batch(&w, 2, ALEXNET_SIZE);
    ck_ok(count_strangers(first_prediction, &w));
    printf("%ld calls of malloc past the hook in the first prediction of the process\n", atomic_load(&strangers));
    ck_ok(count_strangers(predict, &w));
    ck_assert_int_eq(atomic_load(&strangers), 0);
    world_close(&w, "warm-up");
}
END_TEST

/* This malloc is the one that is called, by the C library too. */
START_TEST(test_counts)
{
    atomic_store(&strangers, 0);
    atomic_store(&counting_now, true);
    char *volatile texts[] = {strdup("a text"), calloc(2, 3)}; /* volatile: compilers know what malloc is for */
    free(texts[0]);
    free(texts[1]);
    atomic_store(&counting_now, false);
    ck_assert_int_eq(atomic_load(&strangers), 2);
}
END_TEST

START_TEST(test_scenario)
{
    const scenario *s = scenario_at(_i);
    world w;
    world_open(&w);
    w.allocator.alloc = hook_alloc;
    if (s->set_up != NULL)
        s->set_up(&w);
    ck_ok(count_strangers(s->act, &w));
    ck_assert_msg(atomic_load(&strangers) == 0, "%s: %ld calls of malloc past the hook", s->name,
                  atomic_load(&strangers));
    world_close(&w, s->name);
}
END_TEST

int main(void)
{
    int count = 0;
    while (scenario_at(count) != NULL)
        count++;
    world_permit = permit;
    const suite_test tests[] = {{test_counts, 0}, {test_warm_up, 0}, {test_scenario, count}};
    return suite_main("only_the_hook", tests, 3);
}
