/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A flag that any thread and any signal handler may raise. */
#include "base/memory.h"
#include "base/status.h"

#include <tinynet/train.h>

#include <stdatomic.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock would not be async-signal-safe");

struct tn_stop {
    tn_allocator allocator;
    atomic_int requested;
};

tn_status tn_stop_create(const tn_allocator *allocator, tn_stop **out)
{
    if (out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_stop_create: out is NULL");
    TN_TRY(tn_allocator_check(allocator));
    tn_allocator own = tn_allocator_or_default(allocator);
    tn_stop *stop = NULL;
    TN_TRY(tn_alloc(&own, sizeof *stop, "a stop flag", &stop));
    stop->allocator = own;
    atomic_init(&stop->requested, 0);
    *out = stop;
    return TN_OK;
}

void tn_stop_destroy(tn_stop **stop)
{
    if (stop == NULL || *stop == NULL)
        return;
    tn_allocator allocator = (*stop)->allocator;
    tn_release(&allocator, *stop, sizeof **stop);
    *stop = NULL;
}

void tn_stop_request(tn_stop *stop)
{
    if (stop != NULL)
        atomic_store(&stop->requested, 1);
}

bool tn_stop_requested(const tn_stop *stop)
{
    return stop != NULL && atomic_load(&stop->requested) != 0;
}

void tn_stop_clear(tn_stop *stop)
{
    if (stop != NULL)
        atomic_store(&stop->requested, 0);
}
