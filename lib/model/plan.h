/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a session will do and where its buffers lie, worked out before anything is allocated.
 *
 *  A session's memory is four blocks: gradients of parameters, activations, scratch, what is prepared from parameters.
 *  Places in them are offsets in bytes. */
#ifndef TN_MODEL_PLAN_H
#define TN_MODEL_PLAN_H

#include "model/network.h"

#include <tinynet/model.h>

#define TN_NOWHERE SIZE_MAX /* no buffer: not needed, or x is the caller's */

/** What a session needs to run one step. Offsets are in the block of activations. */
typedef struct tn_plan_step {
    tn_shape in, out; /* N: the largest batch */
    tn_op_setup setup;
    tn_op_needs needs;
    int64_t chunk;       /* images that pass through this step and the next one together, see chunks.h; 0: all alone */
    bool calls_forward;  /* false: y is x */
    bool calls_backward; /* false: nobody needs gradients here, or dx is dy */
    size_t x, y, dx, dy, saved;
    size_t prepared; /* in the block of what is prepared */
} tn_plan_step;

/** What a step is computed with where somebody else chose: it decides the bits of its results. */
typedef struct tn_step_choice {
    const char *algorithm; /* as tn_op_setup.algorithm; "": the operator's own choice */
    int64_t chunk;         /* as tn_plan_step.chunk; one that is no less than the session's batch is none */
} tn_step_choice;

/** A public row with the strings that it points to. */
typedef struct tn_plan_row {
    tn_layer_plan row;
    char name[TN_NAME_LENGTH + 1];
    char kind[TN_KIND_LENGTH + 1], title[TN_KIND_LENGTH + 1];
} tn_plan_row;

struct tn_plan {
    tn_allocator allocator;
    tn_session_options options; /* defaults filled in */
    size_t step_count, parameter_count;
    tn_plan_row *rows;
    tn_plan_step *steps;
    size_t *gradients; /* [parameter_count]: offsets in the block of gradients */
    size_t loss_gradient, input_gradient;
    tn_memory memory;
};

/** Read a session's options and fill in the defaults.
 *  Errors    TN_ERR_INVALID, TN_ERR_UNSUPPORTED */
TN_WARN_UNUSED tn_status tn_session_options_read(const char *function, const tn_session_options *options,
                                                 const tn_allocator *fallback, tn_session_options *out);

/** Plan a session. The plan keeps nothing of the network but what operators put into their state.
 *  Errors    those of the layers; TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_plan_create(const tn_network *network, bool precise, const tn_session_options *options,
                                        tn_plan **out);

/** Plan again what `plan` is a plan of, with other choices. A pass that they do not name keeps its algorithm.
 *  @param choices  [step_count]
 *  Errors    TN_ERR_UNSUPPORTED for an algorithm that a layer does not have; TN_ERR_STATE for one that `precise`
 *            excludes, and for chunks that this session does not allow; TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_plan_remake(const tn_plan *plan, const tn_network *network, const tn_step_choice *choices,
                                        tn_plan **out);
/** Let a plan say what one that was remade from it says. What callers borrowed from it stays where it is. */
void tn_plan_adopt(tn_plan *plan, const tn_plan *next);

/* --- between the files of plans */

/** Allocate the lists of a plan whose counts are set. */
TN_WARN_UNUSED tn_status tn_plan_allocate(tn_plan *plan);
/** Ask every layer to prepare for its setup, and find the chunks. choices NULL: the layers' own. */
TN_WARN_UNUSED tn_status tn_plan_prepare(tn_plan *plan, const tn_network *network, const tn_step_choice *choices);
/** Place activations, fill the rows, and add up; the gradients have been placed. */
TN_WARN_UNUSED tn_status tn_plan_add_up(tn_plan *plan, const tn_network *network);
/** Let setups name their layers by the rows' strings: the network may go before the plan. */
void tn_plan_own_names(tn_plan *plan);
/** Decide which buffers share memory and place them: x, y, dx, dy, saved of all steps; gives the block's size. */
TN_WARN_UNUSED tn_status tn_plan_activations(tn_plan *plan, size_t *total);

#endif
