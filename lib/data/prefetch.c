/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One thread, one mutex, one condition that both sides wait on (never both at once). */
#include "data/prefetch.h"

#include "base/status.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Whether the thread is there to do the work. */
static bool has_thread(const tn_prefetch *prefetch)
{
    return prefetch->threaded && prefetch->owner == getpid();
}

/* --- the thread's side */

/* Wait for a request; false if the thread is to end. Called with the mutex. */
static bool take_request(tn_prefetch *prefetch)
{
    while (prefetch->state != TN_PREFETCH_ASKED && !prefetch->quit)
        pthread_cond_wait(&prefetch->changed, &prefetch->mutex);
    if (prefetch->quit)
        return false;
    prefetch->state = TN_PREFETCH_BUSY;
    return true;
}

/* The detail of an error is this thread's own: its text goes over with the status. Called with the mutex. */
static void put_result(tn_prefetch *prefetch, tn_status status)
{
    prefetch->status = status;
    if (status != TN_OK) {
        strncpy(prefetch->detail, tn_last_error(), sizeof prefetch->detail - 1);
        prefetch->detail[sizeof prefetch->detail - 1] = '\0';
    }
    prefetch->state = TN_PREFETCH_DONE;
    pthread_cond_signal(&prefetch->changed);
}

static void *thread_main(void *argument)
{
    tn_prefetch *prefetch = argument;
    pthread_mutex_lock(&prefetch->mutex);
    while (take_request(prefetch)) {
        int64_t number = prefetch->number;
        int slot = prefetch->slot;
        fesetenv(&prefetch->environment);
        pthread_mutex_unlock(&prefetch->mutex);
        tn_status status = prefetch->work(prefetch->context, number, slot, &prefetch->cancel);
        pthread_mutex_lock(&prefetch->mutex);
        put_result(prefetch, status);
    }
    pthread_mutex_unlock(&prefetch->mutex);
    return NULL;
}

/* --- the caller's side */

/* The new thread inherits the mask: no signal of the program's is ever handled there. */
static int start_thread(tn_prefetch *prefetch)
{
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0)
        return error;
    error = pthread_create(&prefetch->thread, NULL, thread_main, prefetch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

tn_status tn_prefetch_create(tn_prefetch *prefetch, bool threaded, tn_prefetch_work *work, void *context)
{
    *prefetch = (tn_prefetch){.work = work, .context = context, .owner = getpid()};
    atomic_init(&prefetch->cancel, false);
    if (!threaded)
        return TN_OK;
    if (pthread_mutex_init(&prefetch->mutex, NULL) != 0)
        return TN_FAIL(TN_ERR_NO_MEMORY, "tn_loader_create: no memory for a lock");
    if (pthread_cond_init(&prefetch->changed, NULL) != 0) {
        pthread_mutex_destroy(&prefetch->mutex);
        return TN_FAIL(TN_ERR_NO_MEMORY, "tn_loader_create: no memory for a lock");
    }
    if (start_thread(prefetch) != 0) {
        pthread_cond_destroy(&prefetch->changed);
        pthread_mutex_destroy(&prefetch->mutex);
        return TN_FAIL(TN_ERR_NO_MEMORY, "tn_loader_create: cannot start the loader's thread");
    }
    prefetch->threaded = true;
    return TN_OK;
}

void tn_prefetch_destroy(tn_prefetch *prefetch)
{
    if (!has_thread(prefetch))
        return;
    tn_prefetch_drop(prefetch);
    pthread_mutex_lock(&prefetch->mutex);
    prefetch->quit = true;
    pthread_cond_signal(&prefetch->changed);
    pthread_mutex_unlock(&prefetch->mutex);
    pthread_join(prefetch->thread, NULL);
    pthread_cond_destroy(&prefetch->changed);
    pthread_mutex_destroy(&prefetch->mutex);
    prefetch->threaded = false;
}

/* Wait until the state is (or, for `is` false, is not) the one given. Called with the mutex. A caller that is cancelled
 * here would leave it locked: that waits until the work is done. */
static void wait_for_state(tn_prefetch *prefetch, tn_prefetch_state state, bool is)
{
    int cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    while ((prefetch->state == state) != is)
        pthread_cond_wait(&prefetch->changed, &prefetch->mutex);
    pthread_setcancelstate(cancel, NULL);
}

void tn_prefetch_request(tn_prefetch *prefetch, int64_t number, int slot)
{
    bool threaded = has_thread(prefetch);
    if (threaded)
        pthread_mutex_lock(&prefetch->mutex);
    prefetch->requested = true;
    prefetch->number = number;
    prefetch->slot = slot;
    fegetenv(&prefetch->environment);
    if (threaded) {
        prefetch->state = TN_PREFETCH_ASKED;
        pthread_cond_signal(&prefetch->changed);
        pthread_mutex_unlock(&prefetch->mutex);
    }
}

/* After fork the parent's thread may have been in the middle of the piece: it is done anew, whatever its state. */
tn_status tn_prefetch_wait(tn_prefetch *prefetch)
{
    prefetch->requested = false;
    if (!has_thread(prefetch))
        return prefetch->work(prefetch->context, prefetch->number, prefetch->slot, &prefetch->cancel);
    pthread_mutex_lock(&prefetch->mutex);
    wait_for_state(prefetch, TN_PREFETCH_DONE, true);
    prefetch->state = TN_PREFETCH_IDLE;
    tn_status status = prefetch->status;
    pthread_mutex_unlock(&prefetch->mutex);
    return status == TN_OK ? TN_OK : TN_FAIL(status, "%s", prefetch->detail);
}

void tn_prefetch_drop(tn_prefetch *prefetch)
{
    if (!prefetch->requested)
        return;
    prefetch->requested = false;
    if (!has_thread(prefetch))
        return;
    atomic_store(&prefetch->cancel, true);
    pthread_mutex_lock(&prefetch->mutex);
    wait_for_state(prefetch, TN_PREFETCH_BUSY, false);
    prefetch->state = TN_PREFETCH_IDLE;
    pthread_mutex_unlock(&prefetch->mutex);
    atomic_store(&prefetch->cancel, false);
}
