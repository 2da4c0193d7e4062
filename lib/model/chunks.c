/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Which layers a batch passes in chunks; see chunks.h. Decided by sizes alone, so that any number of threads gives the
 *  same chunks. */
#include "model/chunks.h"

#include "base/status.h"
#include "layers/identity.h"

#include <inttypes.h>
#include <string.h>

#define CHUNK_BYTES (4 << 20) /* between two layers: a part of the last cache that others may need, too */

static bool is_by_image(const tn_network *network, size_t i)
{
    return network->steps[i].layer->op->by_image;
}

/* Nobody but these two may want what lies between them. */
static bool is_private(const tn_plan *plan, size_t i)
{
    return !plan->options.keep_outputs && !plan->steps[i].needs.backward_needs_y &&
           !plan->steps[i + 1].needs.backward_needs_x;
}

static int64_t bytes_between(const tn_plan_step *first)
{
    return tn_shape_count(&first->out) / first->out.dims[0] * (int64_t)sizeof(float);
}

/* Images of a chunk of step i and the next one; 0 where a batch would not come to two of them. */
static int64_t chunk_of(const tn_plan *plan, size_t i)
{
    const tn_plan_step *first = &plan->steps[i], *second = first + 1;
    int64_t bytes = bytes_between(first), images = bytes > 0 ? CHUNK_BYTES / bytes : 0;
    if (images < first->needs.least_images)
        images = first->needs.least_images;
    if (images < second->needs.least_images)
        images = second->needs.least_images;
    if (images < 1)
        images = 1;
    return images <= plan->options.batch_size / 2 ? images : 0;
}

static tn_status prepare_for(tn_plan_step *step, const tn_layer *layer, int64_t images)
{
    tn_op_setup setup = step->setup;
    setup.in.dims[0] = setup.out.dims[0] = images;
    tn_op_needs whole = step->needs;
    if (setup.measure != NULL) { /* once is enough */
        setup.algorithm = whole.passes;
        setup.measure = NULL;
    }
    memset(&step->needs, 0, sizeof step->needs);
    TN_TRY(layer->op->prepare(layer, &setup, &step->needs));
    step->needs.saved_bytes = whole.saved_bytes; /* of all images */
    step->needs.flops_forward = whole.flops_forward;
    step->needs.flops_backward = whole.flops_backward;
    return TN_OK;
}

static bool can_pair(const tn_plan *plan, const tn_network *network, size_t i)
{
    return i + 1 < plan->step_count && is_by_image(network, i) && is_by_image(network, i + 1) && is_private(plan, i) &&
           !tn_is_chunked(plan, i);
}

/* Why two layers are no pair. */
static const char *obstacle(const tn_plan *plan, const tn_network *network, size_t i)
{
    if (i + 1 >= plan->step_count || !is_by_image(network, i) || !is_by_image(network, i + 1))
        return "but it and the next layer cannot do that";
    if (tn_is_chunked(plan, i))
        return "but it is passed chunks itself";
    if (plan->options.keep_outputs)
        return "but the session keeps outputs";
    return "but backward needs all of its output in this session (was a layer frozen when the chunks were chosen?)";
}

/* The chunk that was chosen elsewhere, for a batch that comes to more than one of them. */
static tn_status chosen_chunk(const tn_plan *plan, const tn_network *network, size_t i, int64_t chunk, int64_t *out)
{
    *out = tn_chunk_of_session(plan, chunk);
    if (*out > 0 && !can_pair(plan, network, i))
        return TN_FAIL(TN_ERR_STATE, "%s: is to pass chunks of %" PRId64 " images on, %s", plan->steps[i].setup.name,
                       chunk, obstacle(plan, network, i));
    return TN_OK;
}

tn_status tn_plan_chunks(tn_plan *plan, const tn_network *network, const tn_step_choice *choices)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        tn_plan_step *first = &plan->steps[i], *second = first + 1;
        if (choices != NULL)
            TN_TRY(chosen_chunk(plan, network, i, choices[i].chunk, &first->chunk));
        else
            first->chunk = can_pair(plan, network, i) ? chunk_of(plan, i) : 0;
        if (first->chunk == 0)
            continue;
        TN_TRY(prepare_for(first, network->steps[i].layer, first->chunk));
        TN_TRY(prepare_for(second, network->steps[i + 1].layer, first->chunk));
    }
    return TN_OK;
}
