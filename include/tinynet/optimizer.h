/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Optimizers, learning-rate schedules, clipping.
 *
 *  Thread    an optimizer belongs to one thread at a time, and sessions that were made for it use it when they are made,
 *            in backward, and when they are destroyed; a step writes the model's parameters */
#ifndef TINYNET_OPTIMIZER_H
#define TINYNET_OPTIMIZER_H

#include <tinynet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An algorithm with its options, and once bound its state for each parameter of one model. Its steps begin in the
 *  backward of sessions that were made for it (tn_session_options.optimizer). */
typedef struct tn_optimizer tn_optimizer;

/** Clipping of the gradients before the update, over all parameters that are not frozen. 0 turns either off.
 *  Source    norm: Pascanu, Mikolov and Bengio, 2013 */
typedef struct tn_clipping {
    float value; /**< each element into [-value, value] */
    float norm;  /**< all together scaled so that their L2 norm is at most this; after `value` */
} tn_clipping;

/** Shapes of a schedule. */
typedef enum tn_schedule_kind {
    TN_SCHEDULE_CONSTANT = 0,
    TN_SCHEDULE_STEP,   /**< rate * gamma^floor(t / period) */
    TN_SCHEDULE_COSINE, /**< minimum + (rate - minimum) (1 + cos(pi t / period)) / 2; stays at minimum after `period` */
    TN_SCHEDULE_CUSTOM  /**< function(context, t, rate) */
} tn_schedule_kind;

/** How the learning rate changes; t counts optimizer steps from 0. For the first `warmup` steps the rate rises
 *  linearly, rate * (t + 1) / warmup; the schedule proper then starts with t - warmup.
 *  Source    cosine: Loshchilov and Hutter, "SGDR", 2017; warm-up: Goyal et al., 2017 */
typedef struct tn_schedule {
    tn_schedule_kind kind;
    int64_t warmup;
    int64_t period; /**< TN_SCHEDULE_STEP, TN_SCHEDULE_COSINE: steps; required there */
    double gamma;   /**< TN_SCHEDULE_STEP: default 0.1 */
    double minimum; /**< TN_SCHEDULE_COSINE */
    double (*function)(void *context, int64_t t, double rate);
    void *context;
} tn_schedule;

/** Return the learning rate of step `t` for the base rate `rate`. Any thread. */
TN_API double tn_schedule_rate(const tn_schedule *schedule, int64_t t, double rate);

/** Options of tn_sgd. */
typedef struct tn_sgd_options {
    size_t struct_size;
    double learning_rate; /**< required, > 0 */
    double momentum;      /**< in [0,1) */
    double dampening;     /**< the velocity takes (1 - dampening) g after its first step */
    double weight_decay;  /**< adds weight_decay * w to the gradient */
    bool nesterov;        /**< needs momentum and no dampening */
    tn_clipping clipping;
    tn_schedule schedule;
    const tn_allocator *allocator;
} tn_sgd_options;

/** Create stochastic gradient descent. State: "momentum" if momentum is not 0.
 *  Formula   v = momentum v + (1 - dampening) g (first step: v = g); w -= rate (nesterov ? g + momentum v : v)
 *  Source    Sutskever et al., 2013, in the form that PyTorch uses
 *  Errors    NULL: TN_ERR_INVALID, TN_ERR_NO_MEMORY */
TN_API tn_optimizer *tn_sgd_create(const tn_sgd_options *options);
#define tn_sgd(...) tn_sgd_create(TN_OPTIONS(tn_sgd_options, __VA_ARGS__))

/** Options of tn_adam and tn_adamw. */
typedef struct tn_adam_options {
    size_t struct_size;
    double learning_rate; /**< default 0.001 */
    double beta1, beta2;  /**< defaults 0.9, 0.999; in (0,1) */
    double epsilon;       /**< default 1e-8 */
    double weight_decay;  /**< tn_adam: adds to the gradient; tn_adamw: w -= rate * weight_decay * w */
    bool without_bias_correction;
    tn_clipping clipping;
    tn_schedule schedule;
    const tn_allocator *allocator;
} tn_adam_options;

/** Create Adam. State: "m", "v".
 *  Formula   m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; w -= rate m^ / (sqrt(v^) + epsilon)
 *  Source    Kingma and Ba, 2015, algorithm 1 */
TN_API tn_optimizer *tn_adam_create(const tn_adam_options *options);
#define tn_adam(...) tn_adam_create(TN_OPTIONS(tn_adam_options, __VA_ARGS__))
/** Create Adam with decoupled weight decay.
 *  Source    Loshchilov and Hutter, 2019, algorithm 2 */
TN_API tn_optimizer *tn_adamw_create(const tn_adam_options *options);
#define tn_adamw(...) tn_adamw_create(TN_OPTIONS(tn_adam_options, __VA_ARGS__))

/** Destroy an optimizer and set the pointer to NULL. A session that was made for it keeps its memory, but no longer runs
 *  backward. A step that its backward has begun can then not be ended by tn_optimizer_step, and the model not be saved:
 *  destroying the session ends it, and what it has updated stays so. */
TN_API void tn_optimizer_destroy(tn_optimizer **optimizer);

/** Allocate the state for a model's parameters, zero. The first tn_optimizer_step does so itself; binding before
 *  lets state be read and set. An optimizer is bound to one model for good.
 *  Errors    TN_ERR_STATE if bound to another; TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_bind(tn_optimizer *optimizer, tn_model *model);

/** Update the parameters of the session's model with the session's gradients, clipped; gradients may change. What the
 *  session's backward has updated already is left alone.
 *  Errors    TN_ERR_STATE before any backward, or for a parameter that was frozen when the session was made and is
 *            not any more; TN_ERR_INVALID if the schedule gives a negative or no finite rate;
 *            TN_ERR_OVERFLOW after INT64_MAX steps; as tn_optimizer_bind.
 *            TN_ERR_STATE also for a session that was made for another optimizer; for one that was made for this one, if
 *            its backward has not begun a step, or a parameter that backward updates was frozen or thawed since; and
 *            while another session's backward has begun a step */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_step(tn_optimizer *optimizer, tn_session *session);

TN_API int64_t tn_optimizer_step_count(const tn_optimizer *optimizer); /**< steps made; 0 for NULL */
/** Set the number of steps made. A step that a backward has begun is forgotten; what it has updated stays so.
 *  Errors    TN_ERR_INVALID if negative */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_set_step_count(tn_optimizer *optimizer, int64_t steps);
TN_API double tn_optimizer_learning_rate(const tn_optimizer *optimizer); /**< base rate, before the schedule */
/** Set the base rate, for steps that have not begun.
 *  Errors    TN_ERR_INVALID unless it is finite and above 0 */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_set_learning_rate(tn_optimizer *optimizer, double rate);
TN_API const char *tn_optimizer_kind(const tn_optimizer *optimizer); /**< "sgd", "adam", "adamw" */

TN_API size_t tn_optimizer_state_count(const tn_optimizer *optimizer); /**< kinds of state: 0, 1 or 2 */
/** Return the name of state `index`: "momentum", "m", "v"; NULL if there is none. */
TN_API const char *tn_optimizer_state_name(const tn_optimizer *optimizer, size_t index);
/** Look up the state of one parameter ("conv2d_1.weight", "m"), borrowed.
 *  Errors    TN_NOT_FOUND; TN_ERR_STATE if not bound */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_state(const tn_optimizer *optimizer, const char *parameter,
                                                   const char *state, const tn_tensor **out);
/** Set it. For SGD's momentum a step count of at least 1 tells that the velocity has started.
 *  Errors    TN_NOT_FOUND, TN_ERR_SHAPE, TN_ERR_TYPE, TN_ERR_STATE */
TN_WARN_UNUSED TN_API tn_status tn_optimizer_state_set(tn_optimizer *optimizer, const char *parameter,
                                                       const char *state, const tn_tensor *value);

#ifdef __cplusplus
}
#endif
#endif
