/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Learning-rate schedules: pure functions of the step's number.
 *
 *  Formula   t < warmup: rate (t + 1) / warmup; then with t' = t - warmup
 *            step: rate gamma^floor(t' / period); cosine: minimum + (rate - minimum) (1 + cos(pi t' / period)) / 2
 *  Source    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5;
 *            Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2 */
#include "base/status.h"
#include "optim/algorithm.h"

#include <inttypes.h>
#include <math.h>

#define PI 3.14159265358979323846
#define DEFAULT_GAMMA 0.1

static tn_status check_kind(const char *kind, const tn_schedule *s)
{
    switch (s->kind) {
    case TN_SCHEDULE_CONSTANT:
        return TN_OK;
    case TN_SCHEDULE_STEP:
    case TN_SCHEDULE_COSINE:
        if (s->period < 1)
            return TN_FAIL(TN_ERR_INVALID, "%s: the schedule's period is %" PRId64 ", must be at least 1", kind,
                           s->period);
        return TN_OK;
    case TN_SCHEDULE_CUSTOM:
        if (s->function == NULL)
            return TN_FAIL(TN_ERR_INVALID, "%s: the schedule's function is NULL", kind);
        return TN_OK;
    }
    return TN_FAIL(TN_ERR_INVALID, "%s: the schedule's kind is %d, which is no tn_schedule_kind", kind, (int)s->kind);
}

tn_status tn_schedule_check(const char *kind, const tn_schedule *schedule)
{
    TN_TRY(check_kind(kind, schedule));
    if (schedule->warmup < 0)
        return TN_FAIL(TN_ERR_INVALID, "%s: the schedule's warmup is %" PRId64 ", must be at least 0", kind,
                       schedule->warmup);
    TN_TRY(tn_option_in_range(kind, "the schedule's gamma", schedule->gamma, 0.0, INFINITY));
    return tn_option_in_range(kind, "the schedule's minimum", schedule->minimum, 0.0, INFINITY);
}

static double gamma_of(const tn_schedule *s)
{
    return s->gamma != 0.0 ? s->gamma : DEFAULT_GAMMA;
}

tn_schedule tn_schedule_normal(const tn_schedule *s)
{
    bool step = s->kind == TN_SCHEDULE_STEP, has_period = step || s->kind == TN_SCHEDULE_COSINE;
    return (tn_schedule){.kind = s->kind,
                         .warmup = s->warmup,
                         .period = has_period ? s->period : 0,
                         .gamma = step ? gamma_of(s) : 0.0,
                         .minimum = s->kind == TN_SCHEDULE_COSINE ? s->minimum : 0.0};
}

static double cosine(const tn_schedule *s, int64_t t, double rate)
{
    if (t >= s->period)
        return s->minimum;
    return s->minimum + (rate - s->minimum) * (1.0 + cos(PI * (double)t / (double)s->period)) / 2.0;
}

/* What was never checked (this function is public) leaves the rate as it is. */
static double proper(const tn_schedule *s, int64_t t, double rate)
{
    switch (s->kind) {
    case TN_SCHEDULE_STEP:
        return s->period > 0 ? rate * pow(gamma_of(s), (double)(t / s->period)) : rate;
    case TN_SCHEDULE_COSINE:
        return s->period > 0 ? cosine(s, t, rate) : rate;
    case TN_SCHEDULE_CUSTOM:
        return s->function != NULL ? s->function(s->context, t, rate) : rate;
    case TN_SCHEDULE_CONSTANT:
        break;
    }
    return rate;
}

double tn_schedule_rate(const tn_schedule *schedule, int64_t t, double rate)
{
    if (schedule == NULL)
        return rate;
    int64_t step = t > 0 ? t : 0, warmup = schedule->warmup > 0 ? schedule->warmup : 0;
    if (step < warmup)
        return rate * ((double)step + 1.0) / (double)warmup;
    return proper(schedule, step - warmup, rate);
}
