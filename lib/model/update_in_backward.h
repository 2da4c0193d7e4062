/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sessions that were made for an optimizer: backward begins its steps, and updates the parameters whose gradients the
 *  plan does not keep. Without an optimizer all of this does nothing. */
#ifndef TN_MODEL_UPDATE_IN_BACKWARD_H
#define TN_MODEL_UPDATE_IN_BACKWARD_H

#include "kernels/sink.h"

#include <tinynet/model.h>

/** What a sink knows: whose parameter it updates. */
typedef struct tn_sunk_parameter {
    const tn_optimizer *optimizer; /* NULL: the parameter has a gradient as usual, or is frozen */
    size_t index;
} tn_sunk_parameter;

/** One entry a parameter of the model. */
typedef struct tn_backward_updates {
    tn_sunk_parameter *parameters;
    tn_sink *sinks; /* of the backward that runs: take NULL where nothing is updated */
} tn_backward_updates;

/** Bind the optimizer to the session's model, and retain it. The session's plan is there.
 *  Errors    those of tn_optimizer_bind; TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_updates_create(tn_session *session, tn_optimizer *optimizer);
void tn_updates_destroy(tn_session *session);

/** Errors    TN_ERR_STATE for TN_GRADIENT_ADD: no gradient is kept that one could add to */
TN_WARN_UNUSED tn_status tn_updates_check_mode(const tn_session *session, tn_gradient_mode mode);
/** Before backward: begin the optimizer's step.
 *  Errors    those of tn_optimizer_begin */
TN_WARN_UNUSED tn_status tn_updates_begin(tn_session *session);
/** After backward; one that failed has not begun a step. */
void tn_updates_end(tn_session *session, bool done);
/** Forget the step that the session's backward has begun, if it has; what it has updated stays so. */
void tn_updates_cancel(tn_session *session);
/** The sinks of a layer whose parameters start at `first`; NULL: none. */
const tn_sink *tn_updates_sinks(const tn_session *session, size_t first);
/** The updates of a backward of no images: all gradients are zero. */
void tn_updates_with_zeros(const tn_session *session);

#endif
