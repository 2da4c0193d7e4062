/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What all optimizers have in common: making and destroying them, counters, the step over all parameters. */
#include "base/memory.h"
#include "base/status.h"
#include "optim/algorithm.h"
#include "optim/step_in_backward.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- options */

tn_status tn_option_in_range(const char *kind, const char *option, double value, double least, double limit)
{
    if (value >= least && value < limit)
        return TN_OK;
    if (isinf(limit))
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is %g, must be at least %g and finite", kind, option, value, least);
    return TN_FAIL(TN_ERR_INVALID, "%s: %s is %g, must be in [%g,%g)", kind, option, value, least, limit);
}

static tn_status check_rate(const char *kind, double rate)
{
    if (isfinite(rate) && rate > 0.0)
        return TN_OK;
    return TN_FAIL(TN_ERR_INVALID, "%s: learning_rate is %g, must be above 0 and finite", kind, rate);
}

tn_status tn_optimizer_new(const tn_algorithm *algorithm, const tn_common_options *options, size_t state_count,
                           void *out_optimizer)
{
    TN_TRY(check_rate(algorithm->kind, options->learning_rate));
    TN_TRY(tn_option_in_range(algorithm->kind, "weight_decay", options->weight_decay, 0.0, INFINITY));
    TN_TRY(tn_clipping_check(algorithm->kind, options->clipping));
    TN_TRY(tn_schedule_check(algorithm->kind, options->schedule));
    TN_TRY(tn_allocator_check(options->allocator));
    tn_allocator allocator = tn_allocator_or_default(options->allocator);
    tn_optimizer *optimizer = NULL;
    TN_TRY(tn_alloc(&allocator, algorithm->bytes, "an optimizer", &optimizer));
    optimizer->algorithm = algorithm;
    optimizer->allocator = allocator;
    atomic_init(&optimizer->references, 1);
    optimizer->clipping = *options->clipping;
    optimizer->schedule = *options->schedule;
    optimizer->learning_rate = options->learning_rate;
    optimizer->state_count = state_count;
    memcpy(out_optimizer, &optimizer, sizeof optimizer);
    return TN_OK;
}

void tn_optimizer_retain(tn_optimizer *optimizer)
{
    (void)atomic_fetch_add_explicit(&optimizer->references, 1, memory_order_relaxed);
}

void tn_optimizer_release(tn_optimizer *o)
{
    if (o == NULL || atomic_fetch_sub_explicit(&o->references, 1, memory_order_acq_rel) != 1)
        return;
    tn_allocator allocator = o->allocator;
    tn_release(&allocator, o->memory, o->memory_bytes);
    tn_release(&allocator, o->states, o->parameter_count * o->state_count * sizeof *o->states);
    if (o->model != NULL)
        tn_model_release(o->model);
    tn_release(&allocator, o, o->algorithm->bytes);
}

void tn_optimizer_destroy(tn_optimizer **optimizer)
{
    if (optimizer == NULL || *optimizer == NULL)
        return;
    (*optimizer)->abandoned = true;
    if ((*optimizer)->begun != NULL)
        tn_model_step_is_orphaned((*optimizer)->model);
    tn_optimizer_release(*optimizer);
    *optimizer = NULL;
}

/* --- the step */

/* What the threads of a step share. */
typedef struct step_work {
    const tn_optimizer *optimizer;
    tn_session *session;
    double rate;
    float scale;
} step_work;

float *tn_optimizer_state_values(const tn_optimizer *optimizer, size_t parameter, size_t state)
{
    return optimizer->states[parameter * optimizer->state_count + state].data;
}

/* Each thread updates its share of every parameter. */
static void update_share(const tn_team *team, void *arg)
{
    const step_work *work = arg;
    const tn_optimizer *o = work->optimizer;
    for (size_t i = 0; i < o->parameter_count; i++) {
        int64_t begin, end;
        tn_slot slot = tn_model_slot(o->model, i);
        if (slot.frozen || tn_session_slot_update(work->session, i) != TN_SLOT_IN_STEP)
            continue;
        tn_team_range(team, slot.count, &begin, &end);
        tn_piece piece = {.w = slot.value + begin,
                          .g = tn_session_slot_gradient(work->session, i) + begin,
                          .scale = work->scale,
                          .rows = 1,
                          .count = end - begin};
        for (size_t s = 0; s < o->state_count; s++)
            piece.state[s] = tn_optimizer_state_values(o, i, s) + begin;
        o->algorithm->update(o, work->rate, &piece);
    }
}

/* A parameter that was thawed after the session was made has no gradient there. */
static tn_status check_thawed(const char *function, tn_model *model, tn_session *session)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        tn_slot slot = tn_model_slot(model, i);
        if (!slot.frozen && tn_session_slot_update(session, i) == TN_SLOT_IN_STEP &&
            tn_session_slot_gradient(session, i) == NULL)
            return TN_FAIL(TN_ERR_STATE,
                           "%s: %s is not frozen any more, but was when the session was made, which therefore has no "
                           "gradient of it",
                           function, slot.name);
    }
    return TN_OK;
}

tn_status tn_step_check(const char *function, const tn_optimizer *optimizer, tn_session *session, double rate)
{
    TN_TRY(check_thawed(function, tn_session_model(session), session));
    if (optimizer->steps == INT64_MAX)
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: %" PRId64 " steps have been made", function, optimizer->steps);
    if (!isfinite(rate) || rate < 0.0)
        return TN_FAIL(TN_ERR_INVALID, "%s: the schedule gave rate %g for step %" PRId64, function, rate,
                       optimizer->steps);
    return TN_OK;
}

/* What backward has done with a parameter must be what the step would do. */
static tn_status check_still_frozen(tn_model *model, const tn_session *session)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const tn_slot slot = tn_model_slot(model, i);
        const tn_slot_update update = tn_session_slot_update(session, i);
        if ((update == TN_SLOT_UPDATED && slot.frozen) || (update == TN_SLOT_PASSED_BY && !slot.frozen))
            return TN_FAIL(TN_ERR_STATE, "tn_optimizer_step: %s was %s after backward had%s updated it", slot.name,
                           slot.frozen ? "frozen" : "thawed", slot.frozen ? "" : " not");
    }
    return TN_OK;
}

/* A session that was made for an optimizer begins that one's steps, and an optimizer's step ends where it has begun. */
static tn_status check_begun(const tn_optimizer *optimizer, const tn_session *session)
{
    const tn_optimizer *own = tn_session_optimizer(session);
    const char *kind = optimizer->algorithm->kind;
    if (own != NULL && own != optimizer)
        return TN_FAIL(TN_ERR_STATE, "tn_optimizer_step: the session was made for another optimizer than this %s",
                       kind);
    if (optimizer->begun != NULL && optimizer->begun != session)
        return TN_FAIL(TN_ERR_STATE, "tn_optimizer_step: the backward of another session has begun a step of %s", kind);
    if (own != NULL && optimizer->begun == NULL)
        return TN_FAIL(TN_ERR_STATE, "tn_optimizer_step: no backward has begun a step of %s", kind);
    return own != NULL ? check_still_frozen(optimizer->model, session) : TN_OK;
}

static tn_status check_step(const tn_optimizer *optimizer, tn_session *session, double rate)
{
    if (optimizer->model != NULL && optimizer->model != tn_session_model(session))
        return TN_FAIL(TN_ERR_STATE, "tn_optimizer_step: %s is bound to another model than the session's",
                       optimizer->algorithm->kind);
    TN_TRY(check_begun(optimizer, session));
    TN_TRY(tn_session_gradients_ready(session));
    return tn_step_check("tn_optimizer_step", optimizer, session, rate);
}

tn_status tn_optimizer_step(tn_optimizer *optimizer, tn_session *session)
{
    if (optimizer == NULL || session == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_step: %s is NULL", optimizer == NULL ? "optimizer" : "session");
    step_work work = {.optimizer = optimizer, .session = session};
    work.rate = optimizer->begun != NULL ? optimizer->begun_rate : tn_optimizer_next_rate(optimizer);
    TN_TRY(check_step(optimizer, session, work.rate));
    TN_TRY(tn_optimizer_bind(optimizer, tn_session_model(session)));
    work.scale = tn_clip(&optimizer->clipping, session, optimizer->model, optimizer->parameter_count);
    tn_pool_run(tn_session_pool(session), update_share, &work);
    tn_optimizer_end_begun(optimizer);
    optimizer->steps++;
    tn_model_touch(optimizer->model);
    return TN_OK;
}

/* --- counters */

double tn_optimizer_next_rate(const tn_optimizer *optimizer)
{
    return tn_schedule_rate(&optimizer->schedule, optimizer->steps, optimizer->learning_rate);
}

int64_t tn_optimizer_step_count(const tn_optimizer *optimizer)
{
    return optimizer ? optimizer->steps : 0;
}

tn_status tn_optimizer_set_step_count(tn_optimizer *optimizer, int64_t steps)
{
    if (optimizer == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_set_step_count: optimizer is NULL");
    if (steps < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_set_step_count: steps is %" PRId64 ", must be at least 0", steps);
    optimizer->steps = steps;
    tn_optimizer_end_begun(optimizer);
    return TN_OK;
}

double tn_optimizer_learning_rate(const tn_optimizer *optimizer)
{
    return optimizer ? optimizer->learning_rate : 0.0;
}

tn_status tn_optimizer_set_learning_rate(tn_optimizer *optimizer, double rate)
{
    if (optimizer == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_optimizer_set_learning_rate: optimizer is NULL");
    TN_TRY(check_rate(optimizer->algorithm->kind, rate));
    optimizer->learning_rate = rate;
    return TN_OK;
}

const char *tn_optimizer_kind(const tn_optimizer *optimizer)
{
    return optimizer ? optimizer->algorithm->kind : "";
}
