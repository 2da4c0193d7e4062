/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Spin, then sleep. The count changes under the mutex, so that no sleeper misses it; it is atomic for those who spin.
 */
#include "base/gate.h"

bool tn_gate_init(tn_gate *gate)
{
    atomic_init(&gate->count, 0);
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
    pthread_mutex_lock(&gate->mutex);
    atomic_fetch_add_explicit(&gate->count, 1, memory_order_release);
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
    while (tn_gate_count(gate) == seen)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}
