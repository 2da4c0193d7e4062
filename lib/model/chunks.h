/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pairs of layers that a batch passes in chunks of images: a convolution whose output a pooling makes smaller at once.
 *
 *      x [batch]  -> conv ->  chunk of images  -> pool ->  y [batch]         and the same way back for the gradients
 *
 *  What lies between them never exists for the whole batch: it needs the memory of a chunk, which stays in the last
 *  level of the cache on its way from one layer to the other. AlexNet's first convolution writes 143 MB for 128 images,
 *  of which pooling leaves 32. Outputs and gradients by the input are the same bits; the gradient of the filters is
 *  summed chunk by chunk. */
#ifndef TN_MODEL_CHUNKS_H
#define TN_MODEL_CHUNKS_H

#include "model/plan.h"

/** Find the pairs and prepare them again for a chunk: sets `chunk` of the first of each.
 *  @param choices  the chunks that are to be; NULL: by sizes
 *  Errors    those of the layers; TN_ERR_STATE for a chunk where this session has no such pair */
TN_WARN_UNUSED tn_status tn_plan_chunks(tn_plan *plan, const tn_network *network, const tn_step_choice *choices);

/** A chunk as a session has it: one that is no less than its batch is none. */
static inline int64_t tn_chunk_of_session(const tn_plan *plan, int64_t chunk)
{
    return chunk < plan->options.batch_size ? chunk : 0;
}

/** True if step i is the second of a pair. */
static inline bool tn_is_chunked(const tn_plan *plan, size_t i)
{
    return i > 0 && plan->steps[i - 1].chunk > 0;
}

#endif
