/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Two hundred steps of a small AlexNet, with dropout, Adam and a schedule, stopped at fifty steps, in the middle and
 * at the ends of epochs. From each checkpoint the run goes on in new handles with another number of threads, and its
 *  parameters, optimizer state, order of samples and log are those of the run that was never stopped.
 *
 *  TINYNET_POINTS says at how many of the fifty it is resumed (all): a sanitizer takes its time. */
#include "../formats/files.h"

#include <inttypes.h>

enum {
    SAMPLES = 157, /* the last batch of an epoch has 5 */
    BATCH = 8,
    BATCHES = 20,
    EPOCHS = 10,
    STEPS = EPOCHS * BATCHES,
    POINTS = 50,
    SIDE = 67,
    LOG_SIZE = 64 * 1024
};

/* What happened, without times: the text of a log, and the samples in the order in which they were read. */
typedef struct history {
    char log[LOG_SIZE];
    size_t log_size;
    int64_t order[STEPS * BATCH];
    int order_size;
} history;

typedef struct stage {
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_loss *loss;
    tn_loader *train, *test;
    tn_progress progress;
    history *h;
    int stop_at; /* a step */
} stage;

/* --- data: pictures of noise whose brightness tells the class */

static tn_status read_sample(void *context, int64_t index, void *sample, void *target)
{
    history *h = context;
    uint8_t *pixels = sample;
    uint32_t noise = (uint32_t)(index + 1);
    if (h != NULL && h->order_size < STEPS * BATCH)
        h->order[h->order_size++] = index;
    for (int i = 0; i < SIDE * SIDE; i++) {
        noise = noise * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)((noise >> 24) / 4 + 19 * (uint32_t)(index % 10));
    }
    *(int32_t *)target = (int32_t)(index % 10);
    return TN_OK;
}

static tn_loader *make_loader(int64_t count, bool shuffle, bool without_thread, history *order)
{
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL;
    ck_ok(tn_dataset_from_source(NULL,
                                 TN_OPTIONS(tn_dataset_source, .count = count, .sample_dtype = TN_U8, .sample_rank = 3,
                                            .sample_dims = {SIDE, SIDE, 1}, .target_dtype = TN_I32, .read = read_sample,
                                            .context = order),
                                 &dataset));
    ck_ok(tn_loader_create(dataset,
                           TN_OPTIONS(tn_loader_options, .batch_size = BATCH, .shuffle = shuffle, .seed = 7,
                                      .scale = 1.0f / 255.0f, .without_thread = without_thread),
                           &loader));
    tn_dataset_destroy(&dataset);
    return loader;
}

/* --- the run */

static tn_layer *small_alexnet(void)
{
    return tn_sequential(
        tn_conv2d(.filters = 12, .kernel_size = 11, .strides = 4, .activation = TN_RELU),
        tn_max_pool2d(.pool_size = 3, .strides = 2),
        tn_conv2d(.filters = 16, .kernel_size = 5, .padding = TN_SAME, .groups = 2, .activation = TN_RELU),
        tn_max_pool2d(.pool_size = 3, .strides = 2),
        tn_conv2d(.filters = 24, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
        tn_conv2d(.filters = 24, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
        tn_conv2d(.filters = 16, .kernel_size = 3, .padding = TN_SAME, .activation = TN_RELU),
        tn_max_pool2d(.pool_size = 3, .strides = 2), tn_flatten(), tn_dense(.units = 64, .activation = TN_RELU),
        tn_dropout(.rate = 0.5f), tn_dense(.units = 64, .activation = TN_RELU), tn_dropout(.rate = 0.5f),
        tn_dense(.units = 10));
}

/* `prefetch` makes batches ahead, in a thread; the order of reading is then ahead of the run, and is not recorded. */
static stage stage_create(int threads, bool prefetch, uint64_t seed, history *h)
{
    const tn_schedule schedule = {.kind = TN_SCHEDULE_COSINE, .warmup = 15, .period = STEPS, .minimum = 1e-5};
    stage s = {.optimizer = tn_adam(.learning_rate = 2e-3, .schedule = schedule),
               .loss = tn_softmax_cross_entropy(),
               .train = make_loader(SAMPLES, true, !prefetch, prefetch ? NULL : h),
               .test = make_loader(31, false, true, NULL),
               .progress = {.struct_size = sizeof(tn_progress)},
               .h = h};
    ck_ok(tn_model_create(small_alexnet(), TN_OPTIONS(tn_model_options, .input_shape = {SIDE, SIDE, 1}, .seed = seed),
                          &s.model));
    ck_ok(tn_session_create(s.model,
                            TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .threads = threads),
                            &s.session));
    return s;
}

static void stage_destroy(stage *s)
{
    tn_session_destroy(&s->session);
    tn_model_destroy(&s->model);
    tn_optimizer_destroy(&s->optimizer);
    tn_loss_destroy(&s->loss);
    tn_loader_destroy(&s->train);
    tn_loader_destroy(&s->test);
}

/* Doubles in hexadecimal: every bit is in the text. */
static void put_line(history *h, const char *event, int64_t epoch, int64_t step, const tn_metrics *first,
                     const tn_metrics *second, double rate)
{
    size_t room = LOG_SIZE - h->log_size;
    int length = snprintf(
        h->log + h->log_size, room, "%s %" PRId64 " %" PRId64 " %a %a %" PRId64 " %a %a %" PRId64 " %a\n", event, epoch,
        step, first->loss, first->accuracy, first->count, second->loss, second->accuracy, second->count, rate);
    ck_assert(length > 0 && (size_t)length < room);
    h->log_size += (size_t)length;
}

static tn_status on_step(void *context, const tn_step_event *event)
{
    stage *s = context;
    int64_t step = tn_optimizer_step_count(s->optimizer);
    put_line(s->h, "step", event->epoch, step, &event->batch, &event->running, event->learning_rate);
    return step == s->stop_at ? tn_fail(TN_STOPPED, "enough") : TN_OK;
}

static tn_status on_epoch(void *context, const tn_epoch_event *event)
{
    stage *s = context;
    put_line(s->h, "epoch", event->epoch, tn_optimizer_step_count(s->optimizer), &event->train, &event->test, 0.0);
    return TN_OK;
}

static tn_status go(stage *s, int stop_at)
{
    s->stop_at = stop_at;
    return tn_fit(s->session, s->loss, s->optimizer, s->train,
                  TN_OPTIONS(tn_fit_options, .epochs = EPOCHS, .test = s->test, .progress = &s->progress,
                             .on_step = on_step, .on_epoch = on_epoch, .context = s));
}

static tn_checkpoint checkpoint_of(stage *s)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = s->model,
                           .optimizer = s->optimizer,
                           .session = s->session,
                           .loader = s->train,
                           .progress = &s->progress};
}

static void save(stage *s, const char *name)
{
    tn_checkpoint checkpoint = checkpoint_of(s);
    ck_ok(tn_checkpoint_save(scratch(name), &checkpoint));
}

/* --- where it is stopped */

static const char *point_name(int point)
{
    static char name[32];
    snprintf(name, sizeof name, "point %d", point);
    return name;
}

/* The ends of the nine inner epochs, the steps before and after them; two steps within each of the ten; first and last.
 */
static int point_step(int point)
{
    if (point < 27)
        return BATCHES * (point / 3 + 1) + point % 3 - 1;
    if (point < 47)
        return BATCHES * ((point - 27) / 2) + ((point - 27) % 2 == 0 ? 5 : 13);
    return point == 47 ? 1 : point == 48 ? 2 : STEPS - 1;
}

static int point_at(int step)
{
    for (int i = 0; i < POINTS; i++)
        if (point_step(i) == step)
            return i;
    return -1;
}

static history whole, part, before[POINTS]; /* `before` each point */

/* --- the tests */

/* Never stopped, on two threads, with batches made ahead and without. */
START_TEST(test_whole)
{
    for (int prefetch = 1; prefetch >= 0; prefetch--) {
        whole = (history){.log_size = 0};
        stage s = stage_create(2, prefetch, 3, &whole);
        ck_ok(go(&s, 0));
        save(&s, prefetch ? "whole ahead" : "whole");
        stage_destroy(&s);
    }
    ck_assert_int_eq(whole.order_size, EPOCHS * SAMPLES);
}
END_TEST

/* Stopped at every point, saved, and continued in the same handles. */
START_TEST(test_stops)
{
    int points = 0;
    stage s = stage_create(2, false, 3, &part);
    for (int step = 1; step < STEPS; step++) {
        int point = point_at(step);
        if (point < 0)
            continue;
        ck_fails(go(&s, step), TN_STOPPED, "enough");
        save(&s, point_name(point));
        before[point] = part;
        points++;
    }
    ck_assert_int_eq(points, POINTS);
    ck_ok(go(&s, 0));
    save(&s, "stopped");
    ck_assert_str_eq(part.log, whole.log);
    stage_destroy(&s);
}
END_TEST

static void expect_same_file(const char *name)
{
    size_t size, whole_size;
    unsigned char *bytes = read_bytes(scratch(name), &size), *expected = read_bytes(scratch("whole"), &whole_size);
    ck_assert_uint_eq(size, whole_size);
    ck_assert_mem_eq(bytes, expected, size);
    free(bytes);
    free(expected);
}

/* The checkpoint has them all; this does not rest on what it writes. */
static void expect_same_tensors(stage *s)
{
    stage reference = stage_create(1, false, 3, NULL);
    tn_checkpoint checkpoint = checkpoint_of(&reference);
    ck_ok(tn_checkpoint_load(scratch("whole"), &checkpoint));
    for (size_t i = 0; i < tn_model_parameter_count(s->model); i++) {
        const char *name = tn_model_parameter_name(s->model, i);
        const tn_tensor *own, *expected;
        ck_ok(tn_model_parameter(s->model, name, &own));
        ck_ok(tn_model_parameter(reference.model, name, &expected));
        ck_assert_mem_eq(tn_tensor_const_data(own), tn_tensor_const_data(expected), tn_tensor_bytes(expected));
        for (size_t k = 0; k < tn_optimizer_state_count(s->optimizer); k++) {
            const char *state = tn_optimizer_state_name(s->optimizer, k);
            ck_ok(tn_optimizer_state(s->optimizer, name, state, &own));
            ck_ok(tn_optimizer_state(reference.optimizer, name, state, &expected));
            ck_assert_mem_eq(tn_tensor_const_data(own), tn_tensor_const_data(expected), tn_tensor_bytes(expected));
        }
    }
    stage_destroy(&reference);
}

/* One and three threads by turns, with batches made ahead by the half of them; weights of another seed until the
 * checkpoint is loaded. */
static void resume_at(int point)
{
    bool prefetch = point / 2 % 2 == 1;
    part = before[point];
    stage s = stage_create(point % 2 == 0 ? 1 : 3, prefetch, 40, &part);
    tn_checkpoint checkpoint = checkpoint_of(&s);
    ck_ok(tn_checkpoint_load(scratch(point_name(point)), &checkpoint));
    ck_assert_int_eq(tn_optimizer_step_count(s.optimizer), point_step(point));
    ck_ok(go(&s, 0));
    save(&s, "resumed");
    expect_same_file("resumed");
    expect_same_tensors(&s);
    ck_assert_str_eq(part.log, whole.log);
    if (!prefetch) {
        ck_assert_int_eq(part.order_size, whole.order_size);
        ck_assert_mem_eq(part.order, whole.order, sizeof whole.order);
    }
    stage_destroy(&s);
}

static int points_wanted(void)
{
    const char *text = getenv("TINYNET_POINTS");
    int wanted = text != NULL ? atoi(text) : POINTS;
    return wanted > 0 && wanted < POINTS ? wanted : POINTS;
}

START_TEST(test_resume)
{
    resume_at(_i * POINTS / points_wanted());
}
END_TEST

START_TEST(test_other_ways)
{
    expect_same_file("whole ahead");
    expect_same_file("stopped");
    printf("resumed at %d points of a run of %d steps\n", points_wanted(), STEPS);
}
END_TEST

int main(void)
{
    const suite_test tests[] = {{test_whole}, {test_stops}, TN_LOOPED(test_resume, points_wanted()), {test_other_ways}};
    return suite_main("resume_points", tests, sizeof tests / sizeof tests[0]);
}
