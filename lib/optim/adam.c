/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Adam, with weight decay added to the gradient (adam) or taken off the weights (adamw).
 *
 *  Formula   adam: d = g + weight_decay w; adamw: d = g, w *= 1 - rate weight_decay before the rest
 *            m = beta1 m + (1-beta1) d; v = beta2 v + (1-beta2) d^2
 *            w -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon), t counting from 1
 *            One pass over the memory. Factors are worked out in double and rounded once, as in PyTorch.
 *  Source    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1;
 *            Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2 */
#include "base/options.h"
#include "base/status.h"
#include "optim/algorithm.h"

#include <math.h>

typedef struct adam {
    tn_optimizer base;
    double beta1, beta2, epsilon, weight_decay;
    bool decoupled, corrected;
} adam;

static const tn_algorithm adam_algorithm, adamw_algorithm;

static double or_default(double value, double fallback)
{
    return value != 0.0 ? value : fallback;
}

static tn_status create(const tn_algorithm *algorithm, const tn_adam_options *options, tn_optimizer **out)
{
    tn_adam_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_adam_options"));
    TN_TRY(tn_option_in_range(algorithm->kind, "beta1", o.beta1, 0.0, 1.0));
    TN_TRY(tn_option_in_range(algorithm->kind, "beta2", o.beta2, 0.0, 1.0));
    TN_TRY(tn_option_in_range(algorithm->kind, "epsilon", o.epsilon, 0.0, INFINITY));
    adam *optimizer;
    TN_TRY(tn_optimizer_new(
        algorithm,
        &(tn_common_options){or_default(o.learning_rate, 0.001), o.weight_decay, &o.clipping, &o.schedule, o.allocator},
        2, &optimizer));
    optimizer->beta1 = or_default(o.beta1, 0.9);
    optimizer->beta2 = or_default(o.beta2, 0.999);
    optimizer->epsilon = or_default(o.epsilon, 1e-8);
    optimizer->weight_decay = o.weight_decay;
    optimizer->decoupled = algorithm == &adamw_algorithm;
    optimizer->corrected = !o.without_bias_correction;
    *out = &optimizer->base;
    return TN_OK;
}

tn_optimizer *tn_adam_create(const tn_adam_options *options)
{
    tn_optimizer *optimizer = NULL;
    return create(&adam_algorithm, options, &optimizer) == TN_OK ? optimizer : NULL;
}

tn_optimizer *tn_adamw_create(const tn_adam_options *options)
{
    tn_optimizer *optimizer = NULL;
    return create(&adamw_algorithm, options, &optimizer) == TN_OK ? optimizer : NULL;
}

/* --- update */

/* The numbers of one step. */
typedef struct factors {
    float beta1, beta2, new1, new2; /* new: 1 - beta */
    float decay;                    /* adds decay w to the gradient */
    float shrink;                   /* multiplies w first */
    float step, root;               /* rate / (1 - beta1^t); sqrt(1 - beta2^t) */
    float epsilon;
} factors;

static factors factors_of(const adam *o, double rate)
{
    double t = (double)o->base.steps + 1.0;
    double correction1 = o->corrected ? 1.0 - pow(o->beta1, t) : 1.0;
    double correction2 = o->corrected ? 1.0 - pow(o->beta2, t) : 1.0;
    return (factors){.beta1 = (float)o->beta1,
                     .beta2 = (float)o->beta2,
                     .new1 = (float)(1.0 - o->beta1),
                     .new2 = (float)(1.0 - o->beta2),
                     .decay = o->decoupled ? 0.0f : (float)o->weight_decay,
                     .shrink = o->decoupled ? (float)(1.0 - rate * o->weight_decay) : 1.0f,
                     .step = (float)(rate / correction1),
                     .root = (float)sqrt(correction2),
                     .epsilon = (float)o->epsilon};
}

static void update_row(factors f, const tn_piece *piece)
{
    float *restrict w = piece->w, *restrict m = piece->state[0], *restrict v = piece->state[1];
    const float *restrict g = piece->g;
    float scale = piece->scale;
    for (int64_t i = 0; i < piece->count; i++) {
        float d = f.decay != 0.0f ? scale * g[i] + f.decay * w[i] : scale * g[i];
        float first = f.beta1 * m[i] + f.new1 * d;
        float second = f.beta2 * v[i] + f.new2 * (d * d);
        m[i] = first;
        v[i] = second;
        w[i] = f.shrink * w[i] - f.step * (first / (sqrtf(second) / f.root + f.epsilon));
    }
}

static void update(const tn_optimizer *optimizer, double rate, const tn_piece *piece)
{
    const factors f = factors_of((const adam *)optimizer, rate);
    tn_piece row = *piece;
    for (int64_t i = 0; i < piece->rows; i++, tn_piece_advance(&row, 2))
        update_row(f, &row);
}

static const tn_algorithm adam_algorithm = {
    .kind = "adam",
    .bytes = sizeof(adam),
    .state_names = {"m", "v"},
    .update = update,
};

static const tn_algorithm adamw_algorithm = {
    .kind = "adamw",
    .bytes = sizeof(adam),
    .state_names = {"m", "v"},
    .update = update,
};
