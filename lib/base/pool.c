/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The pool of threads.
 *
 *  Workers wait at the gate `start`; a region advances it, and each worker that has finished advances `done`. Only the
 *  caller's thread changes `work`, `arg` and `count`, while all workers wait, so that the gates' ordering covers them.
 *  Small layers take a few microseconds, so what a region costs is counted: a cache line on its way there, one back.
 *
 *  A forked child has the memory but not the threads, and the gates may have been copied at any moment. The first
 * region in a new process therefore makes the gates anew and starts new threads. A handler of fork counts processes: to
 * ask the system which one this is would take as long as half a region. Where some of them cannot be had,
 * regions run with those that could: a team is as large as what is there, at least the caller, and work is written for
 * any team.count up to tn_pool_threads. */
#include "base/pool.h"

#include "base/gate.h"
#include "base/memory.h"
#include "base/status.h"

#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 256
#define LINE 64    /* bytes of a cache line */
#define SPINS 4000 /* some 50 to 100 microseconds: about what a sleep and a wake-up cost */

typedef struct worker {
    tn_pool *pool;
    int index;
    pthread_t thread;
} worker;

struct tn_pool {
    tn_allocator allocator;
    size_t bytes;
    int threads; /* asked for, the caller's included */
    int started; /* workers that are there */
    int spins;
    unsigned process; /* whose threads they are */
    bool gated;       /* the gates are there */
    fenv_t environment;
    /* One line has all that a worker looks for. */
    _Alignas(LINE) tn_pool_work *work;
    void *arg;
    uint64_t mode; /* the part of the environment that results depend on */
    int count;     /* of the running region's team */
    bool quit;
    tn_gate start;
    _Alignas(LINE) tn_gate done;
    _Alignas(LINE) atomic_int arrived;
    tn_gate barrier;
    worker workers[]; /* [threads - 1] */
};

/* ---- processes ---- */

static atomic_uint forks;   /* from the program's start to this process */
static atomic_bool watched; /* a handler counts them */

static void count_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

/** Returns the reason why forks cannot be counted, or 0. Threads that come here at once have them counted twice: the
 *  number of a child is still another one. */
static int watch_forks(void)
{
    int error = atomic_load(&watched) ? 0 : pthread_atfork(NULL, NULL, count_fork);
    if (error == 0)
        atomic_store(&watched, true);
    return error;
}

static unsigned this_process(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

/* ---- rounding and denormals ---- */

/** What a thread's results depend on of its floating-point environment: reading all of it takes as long as a cache line
 *  on its way. Where that is not known, false. */
static bool float_mode(uint64_t *mode)
{
#if defined(__SSE2__)
    uint16_t x87;
    __asm__ __volatile__("fnstcw %0" : "=m"(x87));
    *mode = (uint64_t)(__builtin_ia32_stmxcsr() & ~0x3fu) << 16 | x87; /* without the flags of what has happened */
    return true;
#elif defined(__aarch64__)
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(*mode));
    return true;
#else
    *mode = 0;
    return false;
#endif
}

/** The caller's environment is to hold for the whole region. */
static void tell_environment(tn_pool *pool)
{
    uint64_t mode;
    if (float_mode(&mode) && mode == pool->mode)
        return;
    pool->mode = mode;
    fegetenv(&pool->environment);
}

static void take_environment(const tn_pool *pool)
{
    uint64_t mode;
    if (!float_mode(&mode) || mode != pool->mode)
        fesetenv(&pool->environment);
}

/* ---- workers ---- */

static void *run_worker(void *arg)
{
    const worker *self = arg;
    tn_pool *pool = self->pool;
    for (unsigned seen = 0;; seen++) {
        tn_gate_wait(&pool->start, seen, pool->spins);
        if (pool->quit)
            return NULL;
        take_environment(pool);
        pool->work(&(tn_team){pool, self->index, pool->count}, pool->arg);
        tn_gate_advance(&pool->done);
    }
}

static void destroy_gates(tn_pool *pool)
{
    tn_gate_destroy(&pool->start);
    tn_gate_destroy(&pool->done);
    tn_gate_destroy(&pool->barrier);
    pool->gated = false;
}

static bool init_gates(tn_pool *pool)
{
    tn_gate *const gates[] = {&pool->start, &pool->done, &pool->barrier};
    int made = 0;
    while (made < 3 && tn_gate_init(gates[made]))
        made++;
    pool->gated = made == 3;
    while (!pool->gated && made > 0)
        tn_gate_destroy(gates[--made]);
    return pool->gated;
}

/** Start the workers with all signals blocked. Returns the reason why not all could be, or 0. */
static int start_workers(tn_pool *pool)
{
    sigset_t all, before;
    int error = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (error == 0 && pool->started < pool->threads - 1) {
        worker *next = &pool->workers[pool->started];
        *next = (worker){.pool = pool, .index = pool->started + 1};
        error = pthread_create(&next->thread, NULL, run_worker, next);
        pool->started += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void stop_workers(tn_pool *pool)
{
    if (pool->started > 0) {
        pool->quit = true;
        tn_gate_advance(&pool->start);
    }
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    if (pool->gated)
        destroy_gates(pool);
}

/** More threads than cores would only spin against each other. */
static int spins_for(int threads)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return threads <= cores ? SPINS : 0;
}

static tn_status start_pool(tn_pool *pool)
{
    if (!init_gates(pool))
        return TN_FAIL(TN_ERR_NO_MEMORY, "pool of %d threads: the system refuses mutexes", pool->threads);
    int error = start_workers(pool);
    if (error == 0)
        return TN_OK;
    tn_status status = TN_FAIL(TN_ERR_NO_MEMORY, "pool of %d threads: the system refuses thread %d (error %d)",
                               pool->threads, pool->started + 2, error);
    stop_workers(pool);
    return status;
}

tn_status tn_pool_create(const tn_allocator *allocator, int threads, tn_pool **out)
{
    tn_pool *pool = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return TN_FAIL(TN_ERR_INVALID, "threads is %d, must be 1 to %d", threads, MAX_THREADS);
    if (watch_forks() != 0)
        return TN_FAIL(TN_ERR_NO_MEMORY, "pool of %d threads: the system refuses to tell of forks", threads);
    size_t bytes = sizeof *pool + (size_t)(threads - 1) * sizeof pool->workers[0];
    TN_TRY(tn_alloc(allocator, bytes, "a pool of threads", &pool));
    pool->allocator = tn_allocator_or_default(allocator);
    pool->bytes = bytes;
    pool->threads = threads;
    pool->spins = spins_for(threads);
    pool->process = this_process();
    fegetenv(&pool->environment);
    (void)float_mode(&pool->mode);
    tn_status status = start_pool(pool);
    if (status == TN_OK)
        *out = pool;
    else
        tn_release(allocator, pool, bytes);
    return status;
}

void tn_pool_destroy(tn_pool **pool)
{
    if (!pool || !*pool)
        return;
    tn_pool *old = *pool;
    tn_allocator allocator = old->allocator;
    if (old->process == this_process())
        stop_workers(old);
    tn_release(&allocator, old, old->bytes);
    *pool = NULL;
}

int tn_pool_threads(const tn_pool *pool)
{
    return pool ? pool->threads : 1;
}

/** In a forked child: start what the parent had. The old gates are written over, not destroyed: a thread that the child
 *  does not have may hold them. */
static void adopt_process(tn_pool *pool, unsigned process)
{
    pool->process = process;
    pool->started = 0;
    atomic_store(&pool->arrived, 0);
    if (init_gates(pool))
        (void)start_workers(pool); /* those that can be had; none: the caller alone */
}

static void run_region(tn_pool *pool, tn_pool_work *work, void *arg)
{
    unsigned all = tn_gate_count(&pool->done) + (unsigned)pool->started, done;
    pool->work = work;
    pool->arg = arg;
    pool->count = pool->started + 1;
    tell_environment(pool);
    tn_gate_advance(&pool->start);
    work(&(tn_team){pool, 0, pool->count}, arg);
    while ((done = tn_gate_count(&pool->done)) != all)
        tn_gate_wait(&pool->done, done, pool->spins);
}

void tn_pool_run(tn_pool *pool, tn_pool_work *work, void *arg)
{
    unsigned process = this_process();
    if (pool && pool->process != process)
        adopt_process(pool, process);
    if (!pool || pool->started == 0) {
        work(&(tn_team){NULL, 0, 1}, arg);
        return;
    }
    int cancel; /* a caller that is cancelled while it waits would leave the workers with a frame that is gone */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    run_region(pool, work, arg);
    pthread_setcancelstate(cancel, &cancel);
}

void tn_team_barrier(const tn_team *team)
{
    tn_pool *pool = team->pool;
    if (team->count == 1)
        return;
    unsigned seen = tn_gate_count(&pool->barrier);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 == team->count) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        tn_gate_advance(&pool->barrier);
    } else {
        tn_gate_wait(&pool->barrier, seen, pool->spins);
    }
}
