/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What an optimization algorithm is: a table of functions over the algorithm's options. One file an algorithm; the
 *  table stands last in it. */
#ifndef TN_OPTIM_ALGORITHM_H
#define TN_OPTIM_ALGORITHM_H

#include "kernels/sink.h"
#include "optim/slots.h"

#include <tinynet/optimizer.h>

#include <stdatomic.h>

#define TN_MAX_STATES 2

typedef struct tn_algorithm tn_algorithm;

/** What all optimizers have; an algorithm's own struct starts with it and goes on with its options. */
struct tn_optimizer {
    const tn_algorithm *algorithm;
    tn_allocator allocator;
    atomic_size_t references; /* the caller's handle, sessions */
    bool abandoned;           /* the caller's handle is gone */
    tn_clipping clipping;
    tn_schedule schedule;
    double learning_rate; /* before the schedule */
    int64_t steps;        /* made */
    size_t state_count;   /* kinds of state that these options need */
    tn_model *model;      /* retained; NULL: not bound */
    size_t parameter_count;
    float *memory; /* of all states; NULL without state */
    size_t memory_bytes;
    tn_tensor *states; /* [parameter_count][state_count], handles on `memory` */

    /* A step that a session's backward has begun; see step_in_backward.h. */
    const tn_session *begun; /* NULL: none */
    double begun_rate;
};

/** Rows of elements of one parameter, with their gradient and their states. */
typedef struct tn_piece {
    float *w;
    const float *g;
    float scale; /* of the gradient, by clipping */
    float *state[TN_MAX_STATES];
    int64_t rows, count;      /* count: elements of a row */
    int64_t stride, g_stride; /* from row to row: of w and the states; of g */
} tn_piece;

struct tn_algorithm {
    const char *kind;
    size_t bytes; /* of the whole struct */
    const char *state_names[TN_MAX_STATES];
    /** Update one piece with step number optimizer->steps + 1. Element by element, so that it does not matter how a
     *  parameter is cut into pieces. */
    void (*update)(const tn_optimizer *optimizer, double rate, const tn_piece *piece);
};

/** Options that all algorithms have. */
typedef struct tn_common_options {
    double learning_rate;
    double weight_decay;
    const tn_clipping *clipping;
    const tn_schedule *schedule;
    const tn_allocator *allocator;
} tn_common_options;

/** Check the common options and allocate an algorithm's struct, zeroed, with the common part filled in. */
TN_WARN_UNUSED tn_status tn_optimizer_new(const tn_algorithm *algorithm, const tn_common_options *options,
                                          size_t state_count, void *out_optimizer);

/** Fail unless least <= value < limit; `kind` and `option` name it. A NaN is in no range. */
TN_WARN_UNUSED tn_status tn_option_in_range(const char *kind, const char *option, double value, double least,
                                            double limit);

/** The rate of the step that comes next. */
double tn_optimizer_next_rate(const tn_optimizer *optimizer);

/** All that may fail in a step at this rate but for the gradients' being there; `function` begins the messages.
 *  Errors    TN_ERR_STATE, TN_ERR_OVERFLOW, TN_ERR_INVALID */
TN_WARN_UNUSED tn_status tn_step_check(const char *function, const tn_optimizer *optimizer, tn_session *session,
                                       double rate);

/** State `state` of parameter `parameter`. */
float *tn_optimizer_state_values(const tn_optimizer *optimizer, size_t parameter, size_t state);

/** Go to the next row of a piece with so many states. */
static inline void tn_piece_advance(tn_piece *piece, int states)
{
    piece->w += piece->stride;
    piece->g += piece->g_stride;
    for (int s = 0; s < states && s < TN_MAX_STATES; s++)
        piece->state[s] += piece->stride;
}

TN_WARN_UNUSED tn_status tn_schedule_check(const char *kind, const tn_schedule *schedule);

/** The schedule with its defaults written out and zeros in what its kind does not use: equal schedules are equal. */
tn_schedule tn_schedule_normal(const tn_schedule *schedule);

TN_WARN_UNUSED tn_status tn_clipping_check(const char *kind, const tn_clipping *clipping);
/** Clip the session's gradients by value, in place, and find the factor that clips them by norm.
 *  @param count  parameters of the session's model */
float tn_clip(const tn_clipping *clipping, tn_session *session, tn_model *model, size_t count);

#endif
