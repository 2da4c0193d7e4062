/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A counter that threads wait on: a short bounded spin first, then sleep. */
#ifndef TN_BASE_GATE_H
#define TN_BASE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct tn_gate {
    atomic_uint count;
    atomic_uint sleepers; /* threads that are in the condition, or on their way; all others need no waking */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} tn_gate;

/** Make a gate at count 0, whatever was in its memory before. False if the system refuses. */
bool tn_gate_init(tn_gate *gate);
void tn_gate_destroy(tn_gate *gate);

unsigned tn_gate_count(tn_gate *gate);
/** Count one up and wake who waits. What this thread wrote before is seen by them. */
void tn_gate_advance(tn_gate *gate);
/** Wait until the count is no longer `seen`; look at it `spins` times before going to sleep. */
void tn_gate_wait(tn_gate *gate, unsigned seen, int spins);

#endif
