/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  200 steps of a network with every kind of layer and every algorithm for convolutions: the same bits for one to four
 *  threads, and when the run is saved, forgotten and resumed with another number of threads. */
#include "files.h"
#include "nets.h"
#include "world.h"

#include <fenv.h>
#include <math.h>

/* Eight steps an epoch, the last of four samples. */
enum { SAMPLES = 60, BATCH = 8, EPOCHS = 25, STEPS = 200 };

static void images(world *w)
{
    tn_tensor *x = NULL, *classes = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 4, (const int64_t[]){SAMPLES, EVERY_SIZE, EVERY_SIZE, 1}, &x));
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, (const int64_t[]){SAMPLES}, &classes));
    for (int64_t i = 0; i < tn_tensor_size(x); i++)
        ((uint8_t *)tn_tensor_data(x))[i] = (uint8_t)(i * i % 251 + i / (EVERY_SIZE * EVERY_SIZE) % 5);
    for (int64_t i = 0; i < SAMPLES; i++)
        ((uint8_t *)tn_tensor_data(classes))[i] = (uint8_t)(i % NET_CLASSES);
    ck_ok(tn_dataset_from_tensors(&w->allocator, x, classes, &w->dataset));
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&classes);
}

/* With three threads the loader has none, so that this is compared, too. */
static void open_run(world *w, bool precise, int threads)
{
    world_open(w);
    images(w);
    ck_ok(tn_model_create(every_kind(&w->allocator),
                          TN_OPTIONS(tn_model_options, .input_shape = {EVERY_SIZE, EVERY_SIZE, 1}, .seed = 4,
                                     .precise = precise, .allocator = &w->allocator),
                          &w->model));
    ck_ok(tn_session_create(w->model,
                            TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .threads = threads),
                            &w->session));
    ck_ok(
        tn_loader_create(w->dataset,
                         TN_OPTIONS(tn_loader_options, .batch_size = BATCH, .shuffle = true, .seed = 2,
                                    .without_thread = threads == 3, .scale = 1.0f / 255.0f, .allocator = &w->allocator),
                         &w->loader));
    w->loss = tn_softmax_cross_entropy(.allocator = &w->allocator);
    w->optimizer =
        tn_adam(.learning_rate = 0.002, .clipping = {.norm = 1.0f},
                .schedule = {.kind = TN_SCHEDULE_COSINE, .warmup = 10, .period = STEPS}, .allocator = &w->allocator);
}

/* Losses of all steps go into the outcome; `left` counts the steps to the stop. */
typedef struct watch {
    world *w;
    int left;
} watch;

static tn_status on_step(void *context, const tn_step_event *event)
{
    watch *own = context;
    ck_assert_msg(isfinite(event->batch.loss), "NaN is equal to itself too easily");
    own->w->outcome = bits_add(own->w->outcome, &event->batch.loss, sizeof event->batch.loss);
    return --own->left == 0 ? TN_STOPPED : TN_OK;
}

static void go(world *w, int steps)
{
    watch own = {w, steps};
    tn_status status = tn_fit(
        w->session, w->loss, w->optimizer, w->loader,
        TN_OPTIONS(tn_fit_options, .epochs = EPOCHS, .progress = &w->progress, .on_step = on_step, .context = &own));
    ck_assert_msg(status == TN_OK || status == TN_STOPPED, "%s", tn_last_error());
    ck_assert_int_eq(own.left, 0);
}

static uint64_t whole(bool precise, int threads)
{
    world w;
    open_run(&w, precise, threads);
    go(&w, STEPS);
    ck_assert_int_eq(tn_optimizer_step_count(w.optimizer), STEPS);
    uint64_t bits = world_bits(&w);
    world_close(&w, "run");
    return bits;
}

static tn_checkpoint checkpoint_of(world *w)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = w->model,
                           .optimizer = w->optimizer,
                           .session = w->session,
                           .loader = w->loader,
                           .progress = &w->progress};
}

/* Two runs of the same seeds, the second from where the first was saved. */
static uint64_t resumed(bool precise, int stop_at, int threads, int threads_then)
{
    const char *path = scratch("resumed.ckpt");
    world w;
    open_run(&w, precise, threads);
    go(&w, stop_at);
    tn_checkpoint checkpoint = checkpoint_of(&w);
    ck_ok(tn_checkpoint_save(path, &checkpoint));
    uint64_t outcome = w.outcome;
    world_close(&w, "first part");
    open_run(&w, precise, threads_then);
    checkpoint = checkpoint_of(&w);
    ck_ok(tn_checkpoint_load(path, &checkpoint));
    w.outcome = outcome;
    go(&w, STEPS - stop_at);
    uint64_t bits = world_bits(&w);
    world_close(&w, "second part");
    return bits;
}

START_TEST(test_threads)
{
    const bool precise = _i == 1;
    const uint64_t alone = whole(precise, 1);
    for (int threads = 2; threads <= 4; threads++)
        ck_assert_msg(whole(precise, threads) == alone, "%d threads give other bits", threads);
    ck_assert_msg(resumed(precise, 8, 1, 4) == alone, "resumed at an epoch's end");
    ck_assert_msg(resumed(precise, 101, 3, 2) == alone, "resumed in mid-epoch");
}
END_TEST

/* The caller's rounding of the moment holds for all threads. */
START_TEST(test_rounding)
{
    uint64_t bits[3];
    for (int i = 0; i < 3; i++) {
        world w;
        open_run(&w, false, 1 + 2 * i); /* new threads have the modes of who starts them: these are older */
        fesetround(i == 2 ? FE_TONEAREST : FE_UPWARD);
        go(&w, 12);
        bits[i] = world_bits(&w);
        world_close(&w, "run");
        fesetround(FE_TONEAREST);
    }
    ck_assert_msg(bits[0] == bits[1], "three threads give other bits than one, rounding upwards");
    ck_assert_msg(bits[0] != bits[2], "rounding makes no difference: nothing was tested");
}
END_TEST

/* What is compared above is what it is meant to be. */
START_TEST(test_algorithms)
{
    int winograd = 0, gemm = 0, convolutions = 0;
    world w;
    open_run(&w, _i == 1, 1);
    const tn_plan *plan = tn_session_plan(w.session);
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++) {
        const tn_layer_plan *row = tn_plan_layer(plan, i);
        if (strcmp(row->kind, "conv2d") != 0)
            continue;
        printf("%s %s: %s\n", _i == 1 ? "precise" : "default", row->name, row->algorithm);
        winograd += strstr(row->algorithm, "winograd") != NULL;
        gemm += strstr(row->algorithm, "gemm") != NULL;
        convolutions++;
    }
    ck_assert_int_eq(convolutions, 6);
    ck_assert_int_ge(gemm, _i == 1 ? 6 : 1);
    ck_assert(_i == 1 ? winograd == 0 : winograd >= 2);
    world_close(&w, "plan");
}
END_TEST

TN_SUITE("same_bits", TN_LOOPED(test_algorithms, 2), TN_LOOPED(test_threads, 2), {test_rounding})
