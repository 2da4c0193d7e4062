/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What optimizers see of a model and a session: arrays with names. The model floor, which stands above this one,
 *  implements these functions; nothing here knows what a model is. */
#ifndef TN_OPTIM_SLOTS_H
#define TN_OPTIM_SLOTS_H

#include "base/pool.h"

#include <tinynet/model.h>

/** One parameter tensor of a model. */
typedef struct tn_slot {
    const char *name; /* "conv2d_1.weight"; lives as long as the model */
    tn_shape shape;
    int64_t count; /* elements */
    float *value;
    bool frozen;
} tn_slot;

/** The slot of parameter `index` < tn_model_parameter_count(model). */
tn_slot tn_model_slot(tn_model *model, size_t index);
/** Tell the model that its parameters were written, but for frozen ones: what sessions derived from them is stale. */
void tn_model_touch(tn_model *model);
/** Count the steps that have begun in a backward, of whatever optimizer and session. */
void tn_model_step_begins(tn_model *model);
void tn_model_step_is_orphaned(tn_model *model);            /**< the caller destroys its optimizer */
void tn_model_step_ends(tn_model *model, bool is_orphaned); /**< made, or forgotten */
/** Errors    TN_ERR_STATE while a step has begun: some parameters may be updated and others not */
TN_WARN_UNUSED tn_status tn_model_check_between_steps(const char *function, const tn_model *model);
/** Keep the model alive, and let go of it. */
void tn_model_retain(tn_model *model);
void tn_model_release(tn_model *model);

/** The optimizer that the session was made for, whose step each backward begins; NULL: none. Borrowed. */
tn_optimizer *tn_session_optimizer(const tn_session *session);
/** How a session gets at parameter `index`. */
typedef enum tn_slot_update {
    TN_SLOT_IN_STEP = 0, /* backward leaves a gradient, if it computes one */
    TN_SLOT_UPDATED,     /* there is no gradient: the last backward has updated it */
    TN_SLOT_PASSED_BY    /* ... has not, as it was frozen */
} tn_slot_update;
tn_slot_update tn_session_slot_update(const tn_session *session, size_t index);

/** The gradient of parameter `index`, as long as the slot; NULL if this session does not compute or not keep it. */
float *tn_session_slot_gradient(tn_session *session, size_t index);
/** TN_ERR_STATE unless a backward has filled the gradients. */
TN_WARN_UNUSED tn_status tn_session_gradients_ready(const tn_session *session);
tn_pool *tn_session_pool(tn_session *session);

#endif
