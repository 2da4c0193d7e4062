/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A container that runs layers one after another. It computes nothing itself: a model flattens it into its children.
 *
 *  Formula   y = f_n(...f_2(f_1(x))) */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "layers/construct.h"

#include <string.h>

#define MOST_CHILDREN 4096
#define MOST_LEVELS 64 /* functions that walk the tree call themselves once a level */

typedef struct sequential_layer {
    tn_layer base;
    int levels; /* of containers, this one included */
    size_t count;
    tn_layer *children[];
} sequential_layer;

static const tn_op sequential_op;

/* --- what is refused */

/* The first child that is NULL, with the reason that its constructor left on the trail. */
static tn_status refuse_nulls(tn_layer *const *layers, size_t count)
{
    size_t nulls = 0, first = count;
    tn_failure failure;
    for (size_t i = 0; i < count; i++) {
        nulls += layers[i] == NULL;
        if (layers[i] == NULL && first == count)
            first = i;
    }
    if (nulls == 0)
        return TN_OK;
    size_t known = tn_failures_take(nulls, &failure);
    if (known == 0)
        return TN_FAIL(TN_ERR_INVALID, "sequential: layer %zu of %zu is NULL", first + 1, count);
    for (size_t skip = nulls - known; skip > 0; first++)
        skip -= layers[first + 1] == NULL;
    return TN_FAIL(failure.status, "sequential: layer %zu of %zu: %s", first + 1, count, failure.text);
}

static int levels_of(const tn_layer *layer)
{
    return layer->op == &sequential_op ? ((const sequential_layer *)layer)->levels : 0;
}

/* Marks each layer as owned on the way, so that the second place of one layer finds it so. `taken` counts them. */
static tn_status take(tn_layer *const *layers, size_t count, int *levels, size_t *taken)
{
    for (*taken = 0; *taken < count; (*taken)++) {
        tn_layer *layer = layers[*taken];
        if (layer->owned)
            return TN_FAIL(TN_ERR_INVALID, "sequential: layer %zu of %zu is there twice, or belongs to something else",
                           *taken + 1, count);
        layer->owned = true;
        if (levels_of(layer) >= *levels)
            *levels = levels_of(layer) + 1;
    }
    if (*levels > MOST_LEVELS)
        return TN_FAIL(TN_ERR_INVALID, "sequential: containers are nested in more than %d levels", MOST_LEVELS);
    return TN_OK;
}

/* --- making */

static tn_status create(const tn_layer_options *options, tn_layer *const *layers, size_t count, int levels,
                        tn_layer **out)
{
    tn_layer_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_layer_options"));
    sequential_layer *layer;
    size_t bytes = sizeof *layer + count * sizeof layers[0];
    TN_TRY(tn_layer_new(&sequential_op, bytes, o.allocator, o.name, &layer));
    layer->levels = levels;
    layer->count = count;
    memcpy(layer->children, layers, count * sizeof layers[0]);
    *out = &layer->base;
    return TN_OK;
}

/* Free what was handed over: the layers that take marked, and of the others those that nothing owns. A layer that is
 * in the list twice was marked at its first place, and is not touched again once it is freed there. */
static void consume(tn_layer *const *layers, size_t count, size_t taken)
{
    for (size_t i = taken; i < count; i++) {
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = layers[k] == layers[i];
        if (layers[i] != NULL && !again && !layers[i]->owned)
            tn_layer_free(layers[i]);
    }
    for (size_t i = 0; i < taken; i++)
        tn_layer_free(layers[i]);
}

static tn_status check_list(tn_layer *const *layers, size_t count)
{
    if (layers == NULL)
        return TN_FAIL(TN_ERR_INVALID, "sequential: layers is NULL");
    if (count == 0 || count > MOST_CHILDREN)
        return TN_FAIL(TN_ERR_INVALID, "sequential: count is %zu, must be 1 to %d", count, MOST_CHILDREN);
    return TN_OK;
}

tn_layer *tn_sequential_create(const tn_layer_options *options, tn_layer *const *layers, size_t count)
{
    tn_layer *layer = NULL;
    size_t taken = 0;
    int levels = 1;
    tn_status status = check_list(layers, count);
    if (status != TN_OK)
        return tn_layer_result(status, NULL);
    status = refuse_nulls(layers, count);
    if (status == TN_OK)
        status = take(layers, count, &levels, &taken);
    if (status == TN_OK)
        status = create(options, layers, count, levels, &layer);
    if (status != TN_OK)
        consume(layers, count, taken);
    return tn_layer_result(status, layer);
}

static void destroy(tn_layer *layer)
{
    sequential_layer *sequential = (sequential_layer *)layer;
    for (size_t i = 0; i < sequential->count; i++)
        tn_layer_free(sequential->children[i]);
}

size_t tn_layer_children(const tn_layer *layer, tn_layer *const **out)
{
    if (layer->op != &sequential_op)
        return 0;
    const sequential_layer *sequential = (const sequential_layer *)layer;
    *out = sequential->children;
    return sequential->count;
}

static const tn_op sequential_op = {
    .kind = "sequential",
    .title = "Sequential",
    .destroy = destroy,
    .is_container = true,
};
