/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Some 200 steps of a network with every kind of layer and every algorithm for convolutions: the same bits for one to four
 *  threads, and when the run is saved, forgotten and resumed with another number of threads. */
#include "files.h"
#include "kernels/conv_candidates.h"
#include "kernels/product.h"
#include "model/session_change.h"
#include "nets.h"
#include "world.h"

#include <fenv.h>
#include <math.h>

/* Eight steps an epoch, the last of four samples. Where every access is checked, they are slow, and a few go all ways. */
#if defined(TN_TEST_SANITIZED)
enum { EPOCHS = 6 };
#else
enum { EPOCHS = 25 };
#endif
enum { SAMPLES = 60, BATCH = 8, STEPS = 8 * EPOCHS, MIDDLE = STEPS / 2 + 1 };

/* Who says which algorithms the convolutions take: the plan, the plan of a precise model, or the list below. */
typedef enum chooser { PLAN, PRECISE, LIST, CHOOSERS } chooser;

/* For each convolution of the network. All that there are; dilation leaves but one. */
static const char *const every_algorithm[] = {"gemm",          "winograd(2,3)", "winograd(4,3)",
                                              "winograd(4,5)", "winograd(6,3)", "gemm",
                                              "winograd(2,7)", "winograd(2,3,2)", "winograd(4,3,2)"};

enum { CONVOLUTIONS = sizeof every_algorithm / sizeof every_algorithm[0] };

typedef struct run {
    world w;
    double losses[STEPS];
    int steps, stop_at;
} run;

/* All that a run leaves: the losses of its steps; parameters, optimizer and counters as a checkpoint has them. */
typedef struct result {
    double losses[STEPS];
    unsigned char *file;
    size_t size;
} result;

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

static void take_list(tn_session *session)
{
    enum { MOST_LAYERS = 32 };
    const tn_plan *plan = tn_session_plan(session);
    tn_step_choice choices[MOST_LAYERS];
    tn_session_change change = {0};
    int convolution = 0;
    ck_assert_uint_le(tn_plan_layer_count(plan), MOST_LAYERS);
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++) {
        bool convolves = strcmp(tn_plan_layer(plan, i)->kind, "conv2d") == 0;
        ck_assert(!convolves || convolution < CONVOLUTIONS);
        choices[i].algorithm = convolves ? every_algorithm[convolution++] : tn_plan_layer(plan, i)->algorithm;
        choices[i].chunk = plan->steps[i].chunk;
    }
    ck_ok(tn_session_change_create(session, choices, &change));
    tn_session_change_apply(session, &change);
    tn_session_change_destroy(session, &change);
}

/* With three threads the loader has none, so that this is compared, too. */
static void open_run(run *r, chooser who, int threads)
{
    world *w = &r->w;
    *r = (run){.steps = 0};
    world_open(w);
    images(w);
    ck_ok(tn_model_create(every_kind(&w->allocator),
                          TN_OPTIONS(tn_model_options, .input_shape = {EVERY_SIZE, EVERY_SIZE, 1}, .seed = 4,
                                     .precise = who == PRECISE, .allocator = &w->allocator),
                          &w->model));
    ck_ok(tn_session_create(w->model,
                            TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .threads = threads),
                            &w->session));
    if (who == LIST)
        take_list(w->session);
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

static tn_status on_step(void *context, const tn_step_event *event)
{
    run *r = context;
    ck_assert_msg(isfinite(event->batch.loss), "NaN is equal to itself too easily");
    r->losses[r->steps++] = event->batch.loss;
    return r->steps == r->stop_at ? TN_STOPPED : TN_OK;
}

static void go(run *r, int stop_at)
{
    r->stop_at = stop_at;
    tn_status status = tn_fit(
        r->w.session, r->w.loss, r->w.optimizer, r->w.loader,
        TN_OPTIONS(tn_fit_options, .epochs = EPOCHS, .progress = &r->w.progress, .on_step = on_step, .context = r));
    ck_assert_msg(status == TN_OK || status == TN_STOPPED, "%s", tn_last_error());
    ck_assert_int_eq(r->steps, stop_at);
    ck_assert_int_eq(tn_optimizer_step_count(r->w.optimizer), stop_at);
}

static tn_checkpoint checkpoint_of(run *r)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = r->w.model,
                           .optimizer = r->w.optimizer,
                           .session = r->w.session,
                           .loader = r->w.loader,
                           .progress = &r->w.progress};
}

static const char *save(run *r)
{
    const char *path = scratch("run.ckpt");
    tn_checkpoint checkpoint = checkpoint_of(r);
    ck_ok(tn_checkpoint_save(path, &checkpoint));
    return path;
}

static result end(run *r)
{
    result out;
    memcpy(out.losses, r->losses, sizeof out.losses);
    out.file = read_bytes(save(r), &out.size);
    world_close(&r->w, "run");
    return out;
}

static bool same(const result *a, const result *b)
{
    return memcmp(a->losses, b->losses, sizeof a->losses) == 0 && a->size == b->size &&
           memcmp(a->file, b->file, a->size) == 0;
}

static result whole(chooser who, int threads)
{
    run r;
    open_run(&r, who, threads);
    go(&r, STEPS);
    return end(&r);
}

/* Two runs of the same seeds, the second from where the first was saved. A list is not given again: the checkpoint has
 * it. */
static result resumed(chooser who, int stop_at, int threads, int threads_then)
{
    run first, second;
    open_run(&first, who, threads);
    go(&first, stop_at);
    const char *path = save(&first);
    world_close(&first.w, "first part");
    open_run(&second, who == LIST ? PLAN : who, threads_then);
    memcpy(second.losses, first.losses, sizeof first.losses);
    second.steps = stop_at;
    tn_checkpoint checkpoint = checkpoint_of(&second);
    ck_ok(tn_checkpoint_load(path, &checkpoint));
    go(&second, STEPS);
    return end(&second);
}

static void expect_same(const result *alone, result other, const char *what)
{
    ck_assert_msg(same(alone, &other), "%s gives other bits than one thread", what);
    free(other.file);
}

START_TEST(test_threads)
{
    const chooser who = (chooser)_i;
    const result alone = whole(who, 1);
    expect_same(&alone, whole(who, 2), "two threads");
    expect_same(&alone, whole(who, 3), "three threads");
    expect_same(&alone, whole(who, 4), "four threads");
    expect_same(&alone, resumed(who, 8, 1, 4), "a run that was resumed at an epoch's end");
    expect_same(&alone, resumed(who, MIDDLE, 3, 2), "a run that was resumed in mid-epoch");
    free(alone.file);
}
END_TEST

/* The caller's rounding of the moment holds for all threads. */
START_TEST(test_rounding)
{
    result results[3];
    for (int i = 0; i < 3; i++) {
        run r;
        open_run(&r, PLAN, 1 + 2 * i); /* new threads have the modes of who starts them: these are older */
        fesetround(i == 2 ? FE_TONEAREST : FE_UPWARD);
        go(&r, 12);
        fesetround(FE_TONEAREST);
        results[i] = end(&r);
    }
    ck_assert_msg(same(&results[0], &results[1]), "three threads give other bits than one, rounding upwards");
    ck_assert_msg(!same(&results[0], &results[2]), "rounding makes no difference: nothing was tested");
    for (int i = 0; i < 3; i++)
        free(results[i].file);
}
END_TEST

/* Convolutions whose passes all take an algorithm. */
static int count(const tn_plan *plan, const char *algorithm)
{
    int found = 0;
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++)
        found += strcmp(tn_plan_layer(plan, i)->algorithm, algorithm) == 0;
    return found;
}

static void expect_every_algorithm(const tn_plan *plan)
{
    ck_assert_int_ge(count(plan, "gemm"), 1);
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; maps->m != 0; maps++) {
        char name[TN_CONV_NAME];
        tn_conv_name(&(tn_conv_shape){.r = maps->r, .stride_h = maps->stride}, (int)maps->m, name);
        ck_assert_msg(count(plan, name) > 0, "no convolution takes %s", name);
    }
}

/* What is compared above is what it is meant to be. */
START_TEST(test_algorithms)
{
    static const char *const choosers[CHOOSERS] = {"default", "precise", "listed"};
    int winograd = 0, convolutions = 0;
    run r;
    open_run(&r, (chooser)_i, 1);
    const tn_plan *plan = tn_session_plan(r.w.session);
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++) {
        const tn_layer_plan *row = tn_plan_layer(plan, i);
        if (strcmp(row->kind, "conv2d") != 0)
            continue;
        printf("%s %s: %s\n", choosers[_i], row->name, row->algorithm);
        winograd += strstr(row->algorithm, "winograd") != NULL;
        convolutions++;
    }
    ck_assert_int_eq(convolutions, CONVOLUTIONS);
    if (_i == LIST)
        expect_every_algorithm(plan);
    else
        ck_assert(_i == PRECISE ? winograd == 0 : winograd >= 2);
    world_close(&r.w, "plan");
}
END_TEST

TN_SUITE("same_bits", TN_LOOPED(test_algorithms, CHOOSERS), TN_LOOPED(test_threads, CHOOSERS), {test_rounding})
