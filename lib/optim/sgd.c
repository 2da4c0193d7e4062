/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Stochastic gradient descent.
 *
 *  Formula   d = g + weight_decay w; without momentum w -= rate d; with it
 *            v = momentum v + (1 - dampening) d (first step: v = d); w -= rate (nesterov ? d + momentum v : v)
 *            One pass over the memory either way. Options are double and rounded once, as in PyTorch.
 *  Source    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013, as
 *            torch.optim.SGD has it */
#include "base/options.h"
#include "base/status.h"
#include "optim/algorithm.h"

typedef struct sgd {
    tn_optimizer base;
    double momentum, dampening, weight_decay;
    bool nesterov;
} sgd;

static const tn_algorithm sgd_algorithm;

static tn_status check_nesterov(const tn_sgd_options *o)
{
    if (o->nesterov && !(o->momentum > 0.0 && o->dampening == 0.0))
        return TN_FAIL(TN_ERR_INVALID, "sgd: nesterov needs momentum and no dampening, they are %g and %g", o->momentum,
                       o->dampening);
    return TN_OK;
}

static tn_status create(const tn_sgd_options *options, tn_optimizer **out)
{
    tn_sgd_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_sgd_options"));
    TN_TRY(tn_option_in_range("sgd", "momentum", o.momentum, 0.0, 1.0));
    TN_TRY(tn_option_in_range("sgd", "dampening", o.dampening, 0.0, 1.0));
    TN_TRY(check_nesterov(&o));
    sgd *optimizer;
    TN_TRY(tn_optimizer_new(
        &sgd_algorithm, &(tn_common_options){o.learning_rate, o.weight_decay, &o.clipping, &o.schedule, o.allocator},
        o.momentum > 0.0 ? 1 : 0, &optimizer));
    optimizer->momentum = o.momentum;
    optimizer->dampening = o.dampening;
    optimizer->weight_decay = o.weight_decay;
    optimizer->nesterov = o.nesterov;
    *out = &optimizer->base;
    return TN_OK;
}

tn_optimizer *tn_sgd_create(const tn_sgd_options *options)
{
    tn_optimizer *optimizer = NULL;
    return create(options, &optimizer) == TN_OK ? optimizer : NULL;
}

/* --- update */

static void plain(const tn_piece *piece, float rate)
{
    float *restrict w = piece->w;
    const float *restrict g = piece->g;
    float scale = piece->scale;
    for (int64_t i = 0; i < piece->count; i++)
        w[i] -= rate * (scale * g[i]);
}

static void with_decay(const tn_piece *piece, float rate, float decay)
{
    float *restrict w = piece->w;
    const float *restrict g = piece->g;
    float scale = piece->scale;
    for (int64_t i = 0; i < piece->count; i++)
        w[i] -= rate * (scale * g[i] + decay * w[i]);
}

/* A velocity that has not started yet may hold anything: it is not read. */
static void start_velocity(const tn_piece *piece, float rate, float decay, float ahead)
{
    float *restrict w = piece->w, *restrict v = piece->state[0];
    const float *restrict g = piece->g;
    float scale = piece->scale;
    for (int64_t i = 0; i < piece->count; i++) {
        float d = decay != 0.0f ? scale * g[i] + decay * w[i] : scale * g[i];
        v[i] = d;
        w[i] -= rate * (ahead != 0.0f ? d + ahead * d : d);
    }
}

/* v = momentum v + keep d; ahead: momentum for Nesterov's look ahead, otherwise 0. */
static void with_velocity(const tn_piece *piece, float rate, float decay, float ahead, float momentum, float keep)
{
    float *restrict w = piece->w, *restrict v = piece->state[0];
    const float *restrict g = piece->g;
    float scale = piece->scale;
    for (int64_t i = 0; i < piece->count; i++) {
        float d = decay != 0.0f ? scale * g[i] + decay * w[i] : scale * g[i];
        float velocity = momentum * v[i] + keep * d;
        v[i] = velocity;
        w[i] -= rate * (ahead != 0.0f ? d + ahead * velocity : velocity);
    }
}

static void update_row(const tn_optimizer *optimizer, double rate, const tn_piece *piece)
{
    const sgd *o = (const sgd *)optimizer;
    float decay = (float)o->weight_decay, ahead = o->nesterov ? (float)o->momentum : 0.0f;
    if (o->momentum > 0.0 && optimizer->steps == 0)
        start_velocity(piece, (float)rate, decay, ahead);
    else if (o->momentum > 0.0)
        with_velocity(piece, (float)rate, decay, ahead, (float)o->momentum, (float)(1.0 - o->dampening));
    else if (o->weight_decay > 0.0)
        with_decay(piece, (float)rate, decay);
    else
        plain(piece, (float)rate);
}

static void update(const tn_optimizer *optimizer, double rate, const tn_piece *piece)
{
    tn_piece row = *piece;
    int states = ((const sgd *)optimizer)->momentum > 0.0 ? 1 : 0;
    for (int64_t i = 0; i < piece->rows; i++, tn_piece_advance(&row, states))
        update_row(optimizer, rate, &row);
}

static const tn_algorithm sgd_algorithm = {
    .kind = "sgd",
    .bytes = sizeof(sgd),
    .state_names = {"momentum"},
    .update = update,
};
