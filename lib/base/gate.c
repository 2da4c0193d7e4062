/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Spin, then sleep. Those who spin need nothing but the count. A sleeper counts itself before it looks at the count
 *  for the last time, and who advances looks for sleepers after the count has changed, both in one order for all
 *  threads: either the sleeper sees the new count, or it is seen, and woken under the mutex. */
#include "base/gate.h"

bool tn_gate_init(tn_gate *gate)
{
    atomic_init(&gate->count, 0);
    atomic_init(&gate->sleepers, 0);
    if (pthread_mutex_init(&gate->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&gate->changed, NULL) == 0)
        return true;
    pthread_mutex_destroy(&gate->mutex);
    return false;
}

void tn_gate_destroy(tn_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

unsigned tn_gate_count(tn_gate *gate)
{
    return atomic_load_explicit(&gate->count, memory_order_acquire);
}

void tn_gate_advance(tn_gate *gate)
{
    atomic_fetch_add(&gate->count, 1);
    if (atomic_load(&gate->sleepers) == 0)
        return;
    pthread_mutex_lock(&gate->mutex);
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

void tn_gate_wait(tn_gate *gate, unsigned seen, int spins)
{
    for (int i = 0; i < spins; i++) {
        if (tn_gate_count(gate) != seen)
            return;
        pause_cpu();
    }
    pthread_mutex_lock(&gate->mutex);
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->count) == seen)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    atomic_fetch_sub(&gate->sleepers, 1);
    pthread_mutex_unlock(&gate->mutex);
}
