/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Other algorithms and chunks for a session that exists: made beside those in use, so that a failure changes nothing,
 * then put in their place by a call that cannot fail. */
#ifndef TN_MODEL_SESSION_CHANGE_H
#define TN_MODEL_SESSION_CHANGE_H

#include "model/session.h"

/** Start with zeros. */
typedef struct tn_session_change {
    tn_plan *plan;                                   /* NULL: nothing is to change */
    unsigned char *activations, *scratch, *prepared; /* NULL: the session's own has the size that the plan asks for */
} tn_session_change;

/** Make what a session with these choices needs.
 *  @param choices  [step_count]
 *  Errors    those of tn_plan_remake */
TN_WARN_UNUSED tn_status tn_session_change_create(const tn_session *session, const tn_step_choice *choices,
                                                  tn_session_change *out);
/** Put it in place, and in any case forget what the last forward and backward left, with the step that has begun. */
void tn_session_change_apply(tn_session *session, tn_session_change *change);
/** Release what has not been put in place. */
void tn_session_change_destroy(const tn_session *session, tn_session_change *change);

#endif
