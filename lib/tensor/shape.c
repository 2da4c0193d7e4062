/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Shape arithmetic. */
#include "base/memory.h"
#include "base/status.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_BYTES 8 /* of an element, in the check for overflow */

tn_status tn_shape_size(const tn_shape *shape, int64_t *out)
{
    int64_t size = 1, bytes;
    if (shape->rank < 0 || shape->rank > TN_MAX_RANK)
        return TN_FAIL(TN_ERR_INVALID, "shape: rank is %d, must be 0 to %d", shape->rank, TN_MAX_RANK);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < (i == 0 ? 0 : 1))
            return TN_FAIL(TN_ERR_INVALID, "shape: dimension %d is %" PRId64 ", must be at least %d", i, shape->dims[i],
                           i == 0 ? 0 : 1);
    for (int i = shape->rank - 1; i >= 0; i--) {
        if (i == 0 && shape->dims[0] == 0) {
            size = 0;
        } else if (!tn_mul_i64(size, shape->dims[i], &size) || !tn_mul_i64(size, MOST_BYTES, &bytes) ||
                   bytes > PTRDIFF_MAX - TN_ALIGNMENT) {
            char text[TN_SHAPE_TEXT];
            return TN_FAIL(TN_ERR_OVERFLOW, "shape %s has too many elements", tn_shape_text(shape, text, sizeof text));
        }
    }
    *out = size;
    return TN_OK;
}

bool tn_shape_equal(const tn_shape *a, const tn_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

const char *tn_shape_text(const tn_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return text;
    (void)snprintf(text, size, "[");
    for (int i = 0; i < shape->rank && i < TN_MAX_RANK; i++) {
        used = strlen(text);
        (void)snprintf(text + used, size - used, i > 0 ? ",%" PRId64 : "%" PRId64, shape->dims[i]);
    }
    used = strlen(text);
    (void)snprintf(text + used, size - used, "]");
    return text;
}
