/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One piece of work at a time, done ahead by a thread of its own while the caller does something else.
 *
 *  Without the thread (not wanted, or in a child after fork, which has no threads) tn_prefetch_wait does the work. In
 *  such a child nothing of the parent's locks is touched: they may be held by a thread that is not there.
 *  Thread    the functions belong to one thread at a time */
#ifndef TN_DATA_PREFETCH_H
#define TN_DATA_PREFETCH_H

#include <tinynet/base.h>

#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define TN_PREFETCH_DETAIL 1024 /* bytes of an error's detail that come over from the thread */

/** Do piece `number` into buffer `slot`; give up early when *cancel becomes true. */
typedef tn_status tn_prefetch_work(void *context, int64_t number, int slot, const atomic_bool *cancel);

typedef enum tn_prefetch_state {
    TN_PREFETCH_IDLE,
    TN_PREFETCH_ASKED,
    TN_PREFETCH_BUSY,
    TN_PREFETCH_DONE
} tn_prefetch_state;

typedef struct tn_prefetch {
    tn_prefetch_work *work;
    void *context;
    atomic_bool cancel;
    /* the caller's */
    bool requested; /* `number` has been asked for and not been waited for */
    int64_t number;
    int slot;
    fenv_t environment; /* the caller's rounding and denormals hold for the work */
    /* the thread's; state to detail under the mutex */
    bool threaded;
    pid_t owner; /* the process that has the thread */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    tn_prefetch_state state;
    bool quit;
    tn_status status;
    char detail[TN_PREFETCH_DETAIL];
} tn_prefetch;

/** Start, with or without a thread, which blocks all signals.
 *  Errors    TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_prefetch_create(tn_prefetch *prefetch, bool threaded, tn_prefetch_work *work,
                                            void *context);
/** Cancel what is being done, end the thread. Fine for a zeroed struct. */
void tn_prefetch_destroy(tn_prefetch *prefetch);

/** Ask for a piece; nothing may be requested. */
void tn_prefetch_request(tn_prefetch *prefetch, int64_t number, int slot);
/** Wait for the requested piece; after this nothing is requested.
 *  Errors    those of the work, with their detail */
TN_WARN_UNUSED tn_status tn_prefetch_wait(tn_prefetch *prefetch);
/** Take a request back, if there is one; return when nobody works on it any more. */
void tn_prefetch_drop(tn_prefetch *prefetch);

#endif
