/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  After the first step nothing is asked of the allocator or of the system, by anybody: not by the loop with its
 * loader, threads, test data and optimizer, not by steps and predictions made by hand. The hook refuses everything
 * then, so that a request would also fail. */
#include "nets.h"
#include "scenarios.h"

/* Everything is refused from here on. */
static void refuse_all(world *w)
{
    world_refuse(w, 1, true);
}

static void expect_no_request(world *w, const char *what)
{
    long calls = atomic_load(&w->hook.calls);
    world_refuse(w, 0, false);
    ck_assert_msg(calls == 0, "%s: %ld requests after the first step", what, calls);
}

static tn_status refuse_after_first(void *context, const tn_step_event *event)
{
    if (event->epoch == 0 && event->step == 0)
        refuse_all(context);
    return TN_OK;
}

static tn_optimizer *optimizer_of(int kind, const tn_allocator *a)
{
    const tn_clipping clipping = {.value = 1.0f, .norm = 1.0f};
    return kind == 0
               ? tn_sgd(.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .clipping = clipping, .allocator = a)
               : tn_adamw(.weight_decay = 0.1, .clipping = clipping, .allocator = a);
}

/* Nine epochs and their evaluations. */
START_TEST(test_loop)
{
    world w;
    world_open(&w);
    make_trainer(&w, optimizer_of(_i, &w.allocator), true);
    ck_ok(tn_fit(w.session, w.loss, w.optimizer, w.loader,
                 TN_OPTIONS(tn_fit_options, .epochs = 9, .accumulate = 2, .test = w.test, .progress = &w.progress,
                            .on_step = refuse_after_first, .context = &w)));
    expect_no_request(&w, "tn_fit");
    ck_assert_int_eq(w.progress.epoch, 9);
    world_close(&w, "loop");
}
END_TEST

static void step(world *w, int64_t rows, tn_mode mode)
{
    const tn_tensor *y;
    tn_tensor *x = NULL, *targets = NULL, *gradient = NULL;
    double loss;
    ck_ok(tn_tensor_slice(w->x, 0, rows, &x));
    ck_ok(tn_tensor_slice(w->targets, 0, rows, &targets));
    ck_ok(tn_tensor_slice(w->gradient, 0, rows, &gradient));
    ck_ok(tn_session_forward(w->session, x, mode, &y));
    ck_ok(tn_loss_compute(w->loss, y, targets, TN_OPTIONS(tn_loss_results, .loss = &loss, .gradient = gradient)));
    if (mode == TN_TRAIN) {
        ck_ok(tn_session_backward(w->session, gradient, TN_GRADIENT_WRITE));
        ck_ok(tn_optimizer_step(w->optimizer, w->session));
    }
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&targets);
    tn_tensor_destroy(&gradient);
}

/* Every kind of layer, by hand, in batches of all sizes. The views are the test's own: their source's allocator is the
 * C library's. */
START_TEST(test_by_hand)
{
    world w;
    world_open(&w);
    make_batch(&w, 5, EVERY_SIZE);
    ck_ok(make_model(&w, every_kind, EVERY_SIZE));
    ck_ok(make_session(
        &w, (tn_session_options){
                .batch_size = 5, .training = true, .input_gradient = true, .keep_outputs = true, .threads = 3}));
    w.loss = tn_softmax_cross_entropy(.allocator = &w.allocator);
    w.optimizer = optimizer_of(_i, &w.allocator);
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){5, NET_CLASSES}, &w.gradient));
    step(&w, 5, TN_TRAIN);
    refuse_all(&w);
    for (int64_t rows = 0; rows <= 5; rows++) {
        step(&w, rows, TN_TRAIN);
        step(&w, rows, TN_PREDICT);
    }
    expect_no_request(&w, "steps by hand");
    world_close(&w, "by hand");
}
END_TEST

/* The first prediction does not ask either: all memory was there when the session was made. */
START_TEST(test_first_prediction)
{
    const tn_tensor *y;
    world w;
    world_open(&w);
    make_batch(&w, 2, ALEXNET_SIZE);
    ck_ok(make_model(&w, alexnet_like, ALEXNET_SIZE));
    ck_ok(make_session(&w, (tn_session_options){.batch_size = 2, .threads = 2}));
    refuse_all(&w);
    ck_ok(tn_session_forward(w.session, w.x, TN_PREDICT, &y));
    expect_no_request(&w, "prediction");
    world_close(&w, "prediction");
}
END_TEST

TN_SUITE("steps_allocate_nothing", TN_LOOPED(test_loop, 2), TN_LOOPED(test_by_hand, 2), {test_first_prediction})
