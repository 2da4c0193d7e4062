/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A session that was made for an optimizer begins its steps in backward, and tn_optimizer_step ends them. What comes
 * at the wrong time is refused before anything has changed. */
#include "trainee.h"

#include <math.h>

enum { BATCH = 4 };

static trainee plain_trainee(void)
{
    return trainee_create(trainee_net(), tn_sgd(.learning_rate = 0.1, .momentum = 0.5), true, BATCH, 2);
}

/* What t is after `steps` steps that nobody interfered with. */
static void ck_as_after(const trainee *t, int steps)
{
    trainee other = plain_trainee();
    trainee_steps(&other, BATCH, steps);
    ck_same_trainees(t, &other);
    trainee_destroy(&other);
}

START_TEST(test_adding)
{
    trainee t = plain_trainee();
    trainee_steps(&t, BATCH, 1);
    trainee_forward(&t, t.session, BATCH, 1);
    ck_fails(trainee_backward(t.session, BATCH, 1, TN_GRADIENT_ADD), TN_ERR_STATE, "TN_GRADIENT_ADD");
    ck_as_after(&t, 1);
    ck_ok(trainee_backward(t.session, BATCH, 1, TN_GRADIENT_WRITE));
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_as_after(&t, 2);
    trainee_destroy(&t);
}
END_TEST

/* A second backward, of the same session or another, has to wait for the end of the step. */
START_TEST(test_second_backward)
{
    trainee t = plain_trainee();
    tn_session *other = trainee_session(t.model, t.optimizer, BATCH, 1), *session = _i == 0 ? t.session : other;
    trainee_pass(&t, t.session, BATCH, 0);
    trainee_forward(&t, session, BATCH, 1);
    ck_fails(trainee_backward(session, BATCH, 1, TN_GRADIENT_WRITE), TN_ERR_STATE, "has begun a step of sgd already");
    if (_i == 1)
        ck_fails(tn_optimizer_step(t.optimizer, other), TN_ERR_STATE, "another session");
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_as_after(&t, 1);
    ck_ok(trainee_backward(session, BATCH, 1, TN_GRADIENT_WRITE));
    ck_ok(tn_optimizer_step(t.optimizer, session));
    ck_assert_int_eq(tn_optimizer_step_count(t.optimizer), 2);
    tn_session_destroy(&other);
    trainee_destroy(&t);
}
END_TEST

START_TEST(test_step_without_backward)
{
    trainee t = plain_trainee();
    ck_fails(tn_optimizer_step(t.optimizer, t.session), TN_ERR_STATE, "no backward has begun a step of sgd");
    trainee_steps(&t, BATCH, 1);
    ck_fails(tn_optimizer_step(t.optimizer, t.session), TN_ERR_STATE, "no backward has begun a step of sgd");
    ck_as_after(&t, 1);
    trainee_destroy(&t);
}
END_TEST

START_TEST(test_other_optimizer)
{
    trainee t = plain_trainee();
    tn_optimizer *other = tn_adam();
    trainee_pass(&t, t.session, BATCH, 0);
    ck_fails(tn_optimizer_step(other, t.session), TN_ERR_STATE, "made for another optimizer than this adam");
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_as_after(&t, 1);
    tn_optimizer_destroy(&other);
    trainee_destroy(&t);
}
END_TEST

/* The optimizer may also step with sessions that were made for none, but not in the middle of a step. */
START_TEST(test_plain_session)
{
    trainee t = plain_trainee();
    tn_session *plain = trainee_session(t.model, NULL, BATCH, 1);
    trainee_pass(&t, t.session, BATCH, 0);
    trainee_pass(&t, plain, BATCH, 1);
    ck_fails(tn_optimizer_step(t.optimizer, plain), TN_ERR_STATE, "another session");
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_ok(tn_optimizer_step(t.optimizer, plain));
    ck_assert_int_eq(tn_optimizer_step_count(t.optimizer), 2);
    tn_session_destroy(&plain);
    trainee_destroy(&t);
}
END_TEST

START_TEST(test_gradients)
{
    trainee t = plain_trainee();
    tn_tensor *gradient;
    ck_fails(tn_session_gradient(t.session, "dense_1.weight", &gradient), TN_ERR_STATE, "updates this parameter");
    ck_ok(tn_session_gradient(t.session, "dense_1.bias", &gradient));
    ck_ok(tn_session_gradient(t.session, "conv2d_1.weight", &gradient));
    trainee_destroy(&t);
}
END_TEST

START_TEST(test_creation)
{
    trainee t = plain_trainee(), u = plain_trainee();
    tn_session *session = NULL;
    ck_fails(tn_session_create(t.model, TN_OPTIONS(tn_session_options, .optimizer = t.optimizer), &session),
             TN_ERR_INVALID, "optimizer is set, but training is not");
    ck_fails(tn_session_create(t.model, TN_OPTIONS(tn_session_options, .training = true, .optimizer = u.optimizer),
                               &session),
             TN_ERR_STATE, "bound to another model");
    ck_assert_ptr_null(session);
    trainee_steps(&u, BATCH, 1);
    ck_as_after(&u, 1);
    trainee_destroy(&t);
    trainee_destroy(&u);
}
END_TEST

/* --- the rate */

typedef struct rates {
    int calls;
    double rate;
} rates;

static double rate_of(void *context, int64_t t, double rate)
{
    rates *r = context;
    r->calls++;
    return t >= 0 && rate > 0.0 ? r->rate : 0.0;
}

/* A rate that cannot be is found before anything is changed. */
START_TEST(test_bad_rate)
{
    static const double bad[] = {-1.0, NAN, INFINITY};
    rates r = {0, bad[_i]};
    tn_optimizer *sgd = tn_sgd(.learning_rate = 1.0, .momentum = 0.5,
                               .schedule = {.kind = TN_SCHEDULE_CUSTOM, .function = rate_of, .context = &r});
    trainee t = trainee_create(trainee_net(), sgd, true, BATCH, 1);
    trainee_forward(&t, t.session, BATCH, 0);
    ck_fails(trainee_backward(t.session, BATCH, 0, TN_GRADIENT_WRITE), TN_ERR_INVALID, "the schedule gave rate");
    ck_as_after(&t, 0);
    r.rate = 0.1;
    ck_ok(trainee_backward(t.session, BATCH, 0, TN_GRADIENT_WRITE));
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_as_after(&t, 1);
    trainee_destroy(&t);
}
END_TEST

/* Backward asks for the rate, once; what is set later is for the next step. */
START_TEST(test_rate_is_taken_once)
{
    rates r = {0, 0.1};
    tn_optimizer *sgd = tn_sgd(.learning_rate = 1.0, .momentum = 0.5,
                               .schedule = {.kind = TN_SCHEDULE_CUSTOM, .function = rate_of, .context = &r});
    trainee t = trainee_create(trainee_net(), sgd, true, BATCH, 1);
    trainee_pass(&t, t.session, BATCH, 0);
    r.rate = 77.0;
    ck_ok(tn_optimizer_set_learning_rate(t.optimizer, 5.0));
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_assert_int_eq(r.calls, 1);
    ck_as_after(&t, 1);
    trainee_destroy(&t);
}
END_TEST

START_TEST(test_last_step)
{
    trainee t = plain_trainee();
    ck_ok(tn_optimizer_set_step_count(t.optimizer, INT64_MAX));
    trainee_forward(&t, t.session, BATCH, 0);
    ck_fails(trainee_backward(t.session, BATCH, 0, TN_GRADIENT_WRITE), TN_ERR_OVERFLOW, "9223372036854775807");
    ck_ok(tn_optimizer_set_step_count(t.optimizer, 0));
    ck_as_after(&t, 0);
    trainee_destroy(&t);
}
END_TEST

/* --- freezing */

/* A parameter that was frozen when the session was made has no gradient there: backward says so at once. */
START_TEST(test_thawed)
{
    trainee t = plain_trainee();
    ck_ok(tn_model_freeze(t.model, "conv2d_1", true));
    tn_session_destroy(&t.session);
    t.session = trainee_session(t.model, t.optimizer, BATCH, 1);
    ck_ok(tn_model_freeze(t.model, "conv2d_1", false));
    trainee_forward(&t, t.session, BATCH, 0);
    ck_fails(trainee_backward(t.session, BATCH, 0, TN_GRADIENT_WRITE), TN_ERR_STATE, "conv2d_1.weight is not frozen");
    ck_as_after(&t, 0);
    ck_ok(tn_model_freeze(t.model, "conv2d_1", true));
    ck_ok(trainee_backward(t.session, BATCH, 0, TN_GRADIENT_WRITE));
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    trainee_destroy(&t);
}
END_TEST

/* Backward has decided whether a weight is updated: it must not be frozen or thawed before the step is at its end. */
START_TEST(test_frozen_between)
{
    trainee t = plain_trainee();
    bool first = _i == 0;
    ck_ok(tn_model_freeze(t.model, "dense_2.weight", first));
    trainee_pass(&t, t.session, BATCH, 0);
    ck_ok(tn_model_freeze(t.model, "dense_2.weight", !first));
    ck_fails(tn_optimizer_step(t.optimizer, t.session), TN_ERR_STATE,
             first ? "dense_2.weight was thawed" : "was frozen");
    ck_assert_int_eq(tn_optimizer_step_count(t.optimizer), 0);
    ck_ok(tn_model_freeze(t.model, "dense_2.weight", first));
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    if (!first)
        ck_as_after(&t, 1);
    trainee_destroy(&t);
}
END_TEST

/* --- lives */

START_TEST(test_optimizer_goes_first)
{
    trainee t = plain_trainee();
    trainee_steps(&t, BATCH, 1);
    trainee_forward(&t, t.session, BATCH, 1);
    tn_optimizer_destroy(&t.optimizer);
    ck_fails(trainee_backward(t.session, BATCH, 1, TN_GRADIENT_WRITE), TN_ERR_STATE, "has been destroyed");
    trainee_forward(&t, t.session, BATCH, 2);
    trainee_destroy(&t);
}
END_TEST

/* A session that goes does not take the steps of others with it. */
START_TEST(test_other_session_goes)
{
    trainee t = plain_trainee();
    tn_session *other = trainee_session(t.model, t.optimizer, BATCH, 1);
    trainee_pass(&t, t.session, BATCH, 0);
    tn_session_destroy(&other);
    ck_ok(tn_optimizer_step(t.optimizer, t.session));
    ck_as_after(&t, 1);
    trainee_destroy(&t);
}
END_TEST

/* With a session, or where the count of steps is set anew, a step that it has begun is forgotten. */
START_TEST(test_forgotten)
{
    trainee t = plain_trainee();
    trainee_pass(&t, t.session, BATCH, 0);
    if (_i == 0) {
        tn_session_destroy(&t.session);
        t.session = trainee_session(t.model, t.optimizer, BATCH, 1);
    } else {
        ck_ok(tn_optimizer_set_step_count(t.optimizer, 0));
    }
    ck_fails(tn_optimizer_step(t.optimizer, t.session), TN_ERR_STATE, "no backward has begun");
    trainee_steps(&t, BATCH, 1);
    ck_assert_int_eq(tn_optimizer_step_count(t.optimizer), 1);
    trainee_destroy(&t);
}
END_TEST

TN_SUITE("begun_steps", {test_adding}, TN_LOOPED(test_second_backward, 2), {test_step_without_backward},
         {test_other_optimizer}, {test_plain_session}, {test_gradients}, {test_creation}, TN_LOOPED(test_bad_rate, 3),
         {test_rate_is_taken_once}, {test_last_step}, {test_thawed}, TN_LOOPED(test_frozen_between, 2),
         {test_optimizer_goes_first}, {test_other_session_goes}, TN_LOOPED(test_forgotten, 2))
