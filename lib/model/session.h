/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a session is inside: a plan, the four blocks that it asked for, threads, and where the session stands. */
#ifndef TN_MODEL_SESSION_H
#define TN_MODEL_SESSION_H

#include "base/pool.h"
#include "model/model_core.h"
#include "model/plan.h"
#include "model/update_in_backward.h"

struct tn_session {
    tn_allocator allocator;
    tn_model *model; /* retained */
    tn_plan *plan;
    tn_optimizer *optimizer;                                     /* retained; NULL: the session was made for none */
    tn_pool *pool;                                               /* NULL: one thread */
    unsigned char *gradients, *activations, *scratch, *prepared; /* sizes: plan->memory */
    float **param_values, **param_gradients;                     /* [parameter_count]; no gradient: NULL */
    tn_tensor *gradient_tensors;                                 /* [parameter_count] */
    tn_backward_updates updates;
    tn_tensor *outputs; /* [step_count], with keep_outputs; otherwise NULL */
    tn_tensor y, dx;
    uint64_t step;          /* of the next TN_TRAIN forward */
    bool is_prepared;       /* `prepared` was derived from ... */
    uint64_t prepared_from; /* ... this version of the parameters */

    /* The last forward; all of it is void while `ran` is false. */
    bool ran;       /* outputs are there */
    bool awaits;    /* it was TN_TRAIN, and its backward has not come yet */
    bool has_dx;    /* its backward has come, and wrote the input's gradient */
    int64_t n;      /* images */
    const float *x; /* the caller's */
    uint64_t ran_step;
    bool gradients_ready; /* some backward has filled the gradients, and none has failed since */
};

/** Make all gradients zero, as if there had been no backward. */
void tn_session_forget_gradients(tn_session *session);

/** The buffer at an offset in the activations; NULL for TN_NOWHERE. */
static inline void *tn_session_at(const tn_session *session, size_t offset)
{
    return offset == TN_NOWHERE ? NULL : session->activations + offset;
}

#endif
