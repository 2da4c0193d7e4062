/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A run that saves a checkpoint after each step is killed at random times, and goes on from what it finds. After each
 *  kill the file is, byte by byte, the checkpoint that was complete or the one that was being saved; the run ends with
 *  the bytes of one that was never killed. TINYNET_KILLS says how many kills (50). */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../formats/files.h"
#include "../train/train_run.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { EPOCHS = 20, STEPS = 6 * EPOCHS, MOST_MICROSECONDS = 12000 };

/* What the child tells while it lives. */
typedef struct shared {
    atomic_int begun, done; /* the steps whose checkpoints */
} shared;

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static bytes reference[STEPS + 1]; /* of the run that is never killed; by step */
static shared *told;
static char path[256];

typedef struct saving {
    train_run run;
    tn_progress progress;
    bool keep; /* the reference run keeps a copy of each file */
} saving;

static tn_checkpoint checkpoint_of(saving *s)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = s->run.model,
                           .optimizer = s->run.optimizer,
                           .session = s->run.session,
                           .loader = s->run.train,
                           .progress = &s->progress};
}

static tn_status save_step(void *context, const tn_step_event *event)
{
    saving *s = context;
    int step = (int)tn_optimizer_step_count(s->run.optimizer);
    tn_checkpoint checkpoint = checkpoint_of(s);
    (void)event;
    atomic_store(&told->begun, step);
    tn_status status = tn_checkpoint_save(path, &checkpoint);
    atomic_store(&told->done, step);
    if (s->keep && status == TN_OK)
        reference[step].data = read_bytes(path, &reference[step].size);
    return status;
}

/* Go on from the file, if it is there, to the last step. */
static tn_status go_on(bool keep)
{
    saving s = {.run = train_run_create((train_setup){.batch = 16, .dropout = 0.4f}),
                .progress = {.struct_size = sizeof(tn_progress)},
                .keep = keep};
    tn_checkpoint checkpoint = checkpoint_of(&s);
    tn_status status = exists(path) ? tn_checkpoint_load(path, &checkpoint) : TN_OK;
    int step = (int)tn_optimizer_step_count(s.run.optimizer);
    atomic_store(&told->done, step); /* whichever of the two it was */
    atomic_store(&told->begun, step);
    if (status == TN_OK)
        status = train_fit(
            &s.run, (tn_fit_options){.epochs = EPOCHS, .progress = &s.progress, .on_step = save_step, .context = &s});
    train_run_destroy(&s.run);
    return status;
}

static void sleep_microseconds(long microseconds)
{
    struct timespec left = {0, 1000 * microseconds};
    while (nanosleep(&left, &left) != 0)
        continue;
}

/* Run in a child until the kill or the end. Returns whether it was killed. */
static bool run_and_kill(long microseconds)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(go_on(false) == TN_OK ? 0 : 1);
    sleep_microseconds(microseconds);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(!WIFEXITED(status) || WEXITSTATUS(status) == 0, "the run failed by itself: %d", status);
    return WIFSIGNALED(status);
}

static bool is_reference(int step)
{
    if (step == 0 || !exists(path))
        return step == 0 && !exists(path);
    size_t size;
    unsigned char *data = read_bytes(path, &size);
    bool same = size == reference[step].size && memcmp(data, reference[step].data, size) == 0;
    free(data);
    return same;
}

static void expect_loadable(void)
{
    saving s = {.run = train_run_create((train_setup){.batch = 16, .dropout = 0.4f, .threads = 1}),
                .progress = {.struct_size = sizeof(tn_progress)}};
    tn_checkpoint checkpoint = checkpoint_of(&s);
    if (exists(path))
        ck_ok(tn_checkpoint_load(path, &checkpoint));
    train_run_destroy(&s.run);
}

static int kills_wanted(void)
{
    const char *text = getenv("TINYNET_KILLS");
    return text != NULL ? atoi(text) : 50;
}

static void start_anew(void)
{
    remove(path);
    atomic_store(&told->begun, 0);
    atomic_store(&told->done, 0);
}

typedef struct counts {
    int kills, within, left, ends; /* within a save; temporaries left; runs that came to their end */
} counts;

static void kill_once(counts *c)
{
    char temporary[264];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    bool killed = run_and_kill(rand() % MOST_MICROSECONDS);
    int begun = atomic_load(&told->begun), done = atomic_load(&told->done);
    ck_assert_msg(is_reference(done) || is_reference(begun), "the file is neither of step %d nor of %d", done, begun);
    expect_loadable();
    if (!killed) {
        ck_assert(done == STEPS && !exists(temporary));
        start_anew();
    }
    c->kills += killed;
    c->within += killed && begun > done;
    c->left += killed && exists(temporary);
    c->ends += !killed;
}

/* Every checkpoint of the run. No two are alike, or the test would prove nothing. */
static void make_reference(void)
{
    start_anew();
    ck_ok(go_on(true));
    for (int i = 2; i <= STEPS; i++)
        ck_assert(reference[i].size != reference[i - 1].size ||
                  memcmp(reference[i].data, reference[i - 1].data, reference[i].size) != 0);
}

START_TEST(test_kills)
{
    counts c = {0};
    snprintf(path, sizeof path, "%s", scratch("run.ckpt"));
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(told, MAP_FAILED);
    make_reference();
    start_anew();
    srand(1);
    while (c.kills < kills_wanted())
        kill_once(&c);
    ck_ok(go_on(false));
    ck_assert(is_reference(STEPS));
    printf("%d kills, %d within a save, %d left a temporary, %d runs came to their end; 0 unloadable, 0 mixed\n",
           c.kills, c.within, c.left, c.ends + 1);
    for (int i = 1; i <= STEPS; i++)
        free(reference[i].data);
    munmap(told, sizeof *told);
}
END_TEST

TN_SUITE("kills", {test_kills})
