/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The trail of constructors that failed in this thread.
 *
 *  In `tn_sequential(tn_conv2d(...), tn_dense(...), ...)` every child is made before the container runs, so several may
 *  have failed by then, and the thread's one line of detail is that of the last. The container, which ought to tell the
 *  reason of the first, finds it here: each constructor that returns NULL pushes its failure; a container with m NULL
 *  children takes the last m entries off, reads the oldest of them, and pushes a failure of its own, so that an outer
 *  container counts it as one child.
 *
 *  Failures that no container ever takes (a caller that handled them) stay at the bottom and are pushed out by later
 *  ones; they do no harm, because entries are counted from the top. When more children failed than there is room for,
 *  the first ones' reasons are lost, and the container names the first child whose reason is known. A child that is NULL
 *  without a constructor having failed (a variable never set) shifts the count, which cannot be noticed.
 *  The order of the entries is the order of evaluation, which C leaves open inside an initializer list; the compilers
 *  that we know go from left to right. */
#include "layers/construct.h"

#include <stdio.h>
#include <string.h>

#define TRAIL_LENGTH 8

static _Thread_local tn_failure trail[TRAIL_LENGTH];
static _Thread_local size_t trail_count;

void tn_failures_push(tn_status status, const char *text)
{
    if (trail_count == TRAIL_LENGTH) {
        memmove(trail, trail + 1, (TRAIL_LENGTH - 1) * sizeof *trail);
        trail_count--;
    }
    trail[trail_count].status = status;
    (void)snprintf(trail[trail_count].text, sizeof trail[trail_count].text, "%s", text);
    trail_count++;
}

size_t tn_failures_take(size_t count, tn_failure *first)
{
    size_t known = count < trail_count ? count : trail_count;
    if (known == 0)
        return 0;
    trail_count -= known;
    *first = trail[trail_count];
    return known;
}
