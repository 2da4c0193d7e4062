/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A step whose first part is done by a session's backward: a parameter is updated as its gradient is computed, which
 *  then need not be kept. tn_optimizer_step does the rest and counts the step. */
#ifndef TN_OPTIM_STEP_IN_BACKWARD_H
#define TN_OPTIM_STEP_IN_BACKWARD_H

#include "kernels/sink.h"
#include "optim/slots.h"

#include <tinynet/optimizer.h>

/** True if a parameter may be updated before all gradients are there, and without its own being kept: no clipping. */
bool tn_optimizer_updates_early(const tn_optimizer *optimizer);

/** Begin the optimizer's next step, for the session that it is bound to: check all that may fail in it, and fix its
 * rate. Errors    TN_ERR_STATE if a step has begun, or the caller has destroyed the optimizer; those of
 * tn_optimizer_step */
TN_WARN_UNUSED tn_status tn_optimizer_begin(tn_optimizer *optimizer, tn_session *session);
/** Forget a step that this session has begun, if it has. */
void tn_optimizer_cancel(tn_optimizer *optimizer, const tn_session *session);
/** The step that has begun, if one has, is at its end: made, or forgotten. */
void tn_optimizer_end_begun(tn_optimizer *optimizer);
/** Update a block of a parameter, seen as a matrix whose columns are the last dimension, with its gradient, in the step
 * that has begun. Any thread. */
void tn_optimizer_update_block(const tn_optimizer *optimizer, size_t parameter, const tn_block *gradient);

/** Keep the optimizer alive, and let go of it. */
void tn_optimizer_retain(tn_optimizer *optimizer);
void tn_optimizer_release(tn_optimizer *optimizer);

#endif
