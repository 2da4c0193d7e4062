/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the library asks of the system besides memory can be refused as well: threads, mutexes, conditions. The linker
 *  leads those calls of the library here (--wrap), and each is a request like those to the allocator. */
#include "world.h"

#include <errno.h>
#include <pthread.h>

/* Names that --wrap prescribes. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);

static counting *watched; /* NULL: nothing is refused */

void world_refuse(world *w, long at, bool for_ever)
{
    atomic_store(&w->hook.calls, 0);
    w->hook.fail_at = at;
    w->hook.for_ever = for_ever;
    watched = at > 0 ? &w->hook : NULL;
}

static bool refused(void)
{
    long number;
    return watched != NULL && counting_refuses(watched, &number);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    if (refused())
        return EAGAIN;
    if (world_permit != NULL)
        world_permit(true);
    int error = __real_pthread_create(thread, attributes, run, argument);
    if (world_permit != NULL)
        world_permit(false);
    return error;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return refused() ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    return refused() ? ENOMEM : __real_pthread_cond_init(condition, attributes);
}
