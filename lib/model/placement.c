/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Greedy placement: one buffer after another into the smallest gap that it fits, between those that meet it in time.
 *  Source    Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020: greedy by size,
 *            offsets; the order of first use is better for some networks, so both are tried */
#include "model/placement.h"

#include "base/memory.h"
#include "base/status.h"

#include <string.h>

typedef bool order(const tn_interval *a, const tn_interval *b);

static bool by_size(const tn_interval *a, const tn_interval *b)
{
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->first < b->first;
}

static bool by_first_use(const tn_interval *a, const tn_interval *b)
{
    return a->first != b->first ? a->first < b->first : a->bytes > b->bytes;
}

/* What one attempt works on. */
typedef struct attempt {
    tn_interval *intervals;
    size_t *queue;  /* in the order in which they are placed */
    size_t *placed; /* by offset */
    size_t placed_count, total;
} attempt;

/* Binary insertion keeps equals in the order of their indices, so the result is the same everywhere. */
static void enqueue(attempt *a, size_t queued, size_t index, order *before)
{
    size_t low = 0, high = queued;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (before(&a->intervals[index], &a->intervals[a->queue[middle]]))
            high = middle;
        else
            low = middle + 1;
    }
    memmove(a->queue + low + 1, a->queue + low, (queued - low) * sizeof *a->queue);
    a->queue[low] = index;
}

static bool meet(const tn_interval *a, const tn_interval *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The start of the smallest gap, or else the end of everything that meets the buffer in time. */
static size_t best_offset(const attempt *a, const tn_interval *own)
{
    size_t end = 0, best = 0, best_gap = SIZE_MAX;
    for (size_t i = 0; i < a->placed_count; i++) {
        const tn_interval *other = &a->intervals[a->placed[i]];
        if (!meet(own, other))
            continue;
        if (other->offset > end && other->offset - end >= own->bytes && other->offset - end < best_gap) {
            best = end;
            best_gap = other->offset - end;
        }
        if (other->offset + other->bytes > end)
            end = other->offset + other->bytes;
    }
    return best_gap != SIZE_MAX ? best : end;
}

static tn_status place_one(attempt *a, size_t index)
{
    tn_interval *own = &a->intervals[index];
    size_t end, at = a->placed_count;
    own->offset = best_offset(a, own);
    if (!tn_add_size(own->offset, own->bytes, &end) || end > PTRDIFF_MAX)
        return TN_FAIL(TN_ERR_OVERFLOW, "session: its activations are too large");
    while (at > 0 && a->intervals[a->placed[at - 1]].offset > own->offset)
        at--;
    memmove(a->placed + at + 1, a->placed + at, (a->placed_count - at) * sizeof *a->placed);
    a->placed[at] = index;
    a->placed_count++;
    if (end > a->total)
        a->total = end;
    return TN_OK;
}

static tn_status place_in_order(attempt *a, size_t count, order *before)
{
    size_t queued = 0;
    a->placed_count = a->total = 0;
    for (size_t i = 0; i < count; i++)
        if (a->intervals[i].bytes > 0)
            enqueue(a, queued++, i, before);
    for (size_t i = 0; i < queued; i++)
        TN_TRY(place_one(a, a->queue[i]));
    return TN_OK;
}

static tn_status place_twice(attempt *a, size_t count, size_t *total)
{
    TN_TRY(place_in_order(a, count, by_first_use));
    size_t first = a->total;
    TN_TRY(place_in_order(a, count, by_size));
    if (first < a->total)
        TN_TRY(place_in_order(a, count, by_first_use));
    *total = a->total;
    return TN_OK;
}

tn_status tn_place(const tn_allocator *allocator, tn_interval *intervals, size_t count, size_t *total)
{
    attempt a = {.intervals = intervals};
    size_t bytes;
    if (!tn_mul_size(count, 2 * sizeof *a.queue, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "session: %zu buffers are too many", count);
    TN_TRY(tn_alloc(allocator, bytes, "plan", &a.queue));
    a.placed = a.queue + count;
    tn_status status = place_twice(&a, count, total);
    tn_release(allocator, a.queue, bytes);
    return status;
}
