/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Checkpoints: everything comes back, or nothing changes. */
#include "rewrite.h"
#include "small_run.h"

#include <inttypes.h>

static const small_options usual = {0}, other_weights = {.weights_seed = 9};

/* Save an advanced run of these options as `name`. */
static const char *save(const char *name, small_options options)
{
    small_run run = small_create(options);
    small_advance(&run);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    ck_ok(tn_checkpoint_save(scratch(name), &checkpoint));
    small_destroy(&run);
    return scratch(name);
}

static void round_trip(const char *optimizer)
{
    small_options options = {.optimizer = optimizer};
    small_run first = small_create(options);
    options.weights_seed = 9;
    small_run second = small_create(options);
    tn_checkpoint a = small_checkpoint(&first), b = small_checkpoint(&second);
    size_t size, sizes[2];
    small_advance(&first);
    ck_ok(tn_checkpoint_save(scratch("one"), &a));
    ck_ok(tn_checkpoint_load(scratch("one"), &b));
    unsigned char *bytes = small_bytes(&first, &size);
    small_expect_equal(bytes, size, &second);
    free(bytes);
    ck_ok(tn_checkpoint_save(scratch("two"), &b));
    unsigned char *one = read_bytes(scratch("one"), &sizes[0]), *two = read_bytes(scratch("two"), &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(one, two, sizes[0]);
    free(one);
    free(two);
    small_destroy(&first);
    small_destroy(&second);
}

START_TEST(test_round_trip)
{
    static const char *const optimizers[] = {"sgd", "adam", "plain"};
    round_trip(optimizers[_i]);
}
END_TEST

START_TEST(test_contents)
{
    static const char *const names[] = {"conv2d_1.weight", "conv2d_1.bias", "dense_1.weight", "dense_1.bias",
                                        "optimizer.conv2d_1.weight.momentum"};
    static const char *const metadata[][2] = {
        {"tinynet.format", "checkpoint 1"},
        {"tinynet.optimizer", "sgd"},
        {"tinynet.optimizer.steps", "7"},
        {"tinynet.learning_rate", "3fb999999999999a"}, /* 0.1 */
        {"tinynet.schedule.kind", "2"},
        {"tinynet.schedule.warmup", "3"},
        {"tinynet.schedule.period", "50"},
        {"tinynet.schedule.gamma", "0000000000000000"},   /* a cosine has none */
        {"tinynet.schedule.minimum", "3f50624dd2f1a9fc"}, /* 0.001 */
        {"tinynet.session.step", "18446744073709551614"},
        {"tinynet.session.seed", "0"},
        {"tinynet.loader.seed", "0"},
        {"tinynet.loader.batch_size", "4"},
        {"tinynet.loader.samples", "10"},
        {"tinynet.loader.epoch", "2"},
        {"tinynet.loader.batch", "1"},
        {"tinynet.progress.epoch", "2"},
        {"tinynet.progress.batch", "1"},
        {"tinynet.progress.loss_sum", "3fd3333333333334"}, /* 0.1 + 0.2 */
        {"tinynet.progress.correct", "3"},
        {"tinynet.progress.samples", "4"},
        {"program.note", "mine"},
    };
    small_run run = small_create(usual);
    small_advance(&run);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    const tn_metadata note = {"program.note", "mine"}, reserved = {"tinynet.note", "x"};
    checkpoint.metadata = &note;
    checkpoint.metadata_count = 1;
    ck_ok(tn_checkpoint_save(scratch("contents"), &checkpoint));
    tn_safetensors *file = NULL;
    ck_ok(tn_safetensors_open(NULL, scratch("contents"), &file));
    ck_assert_uint_eq(tn_safetensors_count(file), 8);
    for (size_t i = 0; i < 5; i++)
        ck_assert_str_eq(tn_safetensors_name(file, i), names[i]);
    for (size_t i = 0; i < sizeof metadata / sizeof metadata[0]; i++)
        ck_assert_str_eq(tn_safetensors_metadata(file, metadata[i][0]), metadata[i][1]);
    const char *algorithm = tn_safetensors_metadata(file, "tinynet.algorithm.conv2d_1");
    char expected[100]; /* a first layer has no gradient by its input */
    const char *shown = tn_plan_layer(tn_session_plan(run.session), 0)->algorithm;
    snprintf(expected, sizeof expected, "%s/-/%s", shown, shown);
    ck_assert_str_eq(algorithm, expected);
    tn_safetensors_close(&file);
    checkpoint.metadata = &reserved;
    ck_fails(tn_checkpoint_save(scratch("reserved"), &checkpoint), TN_ERR_INVALID, "tinynet.note");
    small_destroy(&run);
}
END_TEST

/* Load into a run that differs; it must refuse and stay as it was. */
static void expect_refusal(const char *path, small_options options, bool force, tn_status status, const char *text)
{
    small_run run = small_create(options);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    size_t size;
    checkpoint.force = force;
    unsigned char *bytes = small_bytes(&run, &size);
    ck_fails(tn_checkpoint_load(path, &checkpoint), status, text);
    small_expect_equal(bytes, size, &run);
    free(bytes);
    small_destroy(&run);
}

START_TEST(test_other_runs)
{
    const char *path = save("run", usual);
    expect_refusal(path, (small_options){.kernel_size = 5}, false, TN_ERR_SHAPE,
                   "run: tensor conv2d_1.weight is [3,3,1,2], model expects [5,5,1,2]");
    expect_refusal(path, (small_options){.optimizer = "adam"}, false, TN_ERR_STATE, "optimizer sgd, not adam");
    expect_refusal(path, (small_options){.optimizer = "plain"}, false, TN_ERR_STATE, "optimizer state");
    expect_refusal(path, (small_options){.warmup = 1}, false, TN_ERR_STATE, "kind 2, warmup 4,");
    expect_refusal(path, (small_options){.minimum = 0.5}, false, TN_ERR_STATE, "; the optimizer has kind 2");
    expect_refusal(path, (small_options){.loader_seed = 1}, false, TN_ERR_STATE, "seed 1");
    expect_refusal(path, (small_options){.batch_size = 5}, false, TN_ERR_STATE, "batch size 5");
    expect_refusal(path, (small_options){.samples = 11}, false, TN_ERR_STATE, "11 samples");
    expect_refusal(path, (small_options){.optimizer = "adam", .batch_size = 5}, true, TN_ERR_STATE, "sgd");
    expect_refusal(scratch("missing"), usual, false, TN_ERR_IO, "No such file");
}
END_TEST

START_TEST(test_force)
{
    const char *path = save("run", usual);
    small_run run = small_create((small_options){.batch_size = 9, .warmup = 1});
    tn_checkpoint checkpoint = small_checkpoint(&run);
    checkpoint.force = true;
    ck_ok(tn_checkpoint_load(path, &checkpoint));
    ck_assert_int_eq(tn_loader_epoch(run.loader), 2);
    ck_assert_int_eq(tn_loader_batch(run.loader), 0);
    ck_assert_int_eq(run.progress.epoch, 2);
    ck_assert_int_eq(run.progress.batch, 0);
    ck_assert_int_eq(run.progress.samples, 0);
    ck_assert(run.progress.loss_sum == 0);
    ck_assert_int_eq(tn_optimizer_step_count(run.optimizer), 7);
    small_destroy(&run);
}
END_TEST

/* What a caller's progress of another age does not hold is left alone, to the last: one that is a size and no more. */
START_TEST(test_progress_of_other_ages)
{
    const char *path = save("run", usual);
    small_run run = small_create(other_weights);
    const tn_progress before = run.progress = (tn_progress){sizeof before, 5, 6, 7, 8, 9};
    tn_checkpoint checkpoint = small_checkpoint(&run);
    run.progress.struct_size = sizeof run.progress.struct_size;
    ck_ok(tn_checkpoint_load(path, &checkpoint));
    ck_assert_mem_eq(&run.progress.epoch, &before.epoch, sizeof before - offsetof(tn_progress, epoch));
    run.progress.struct_size = offsetof(tn_progress, loss_sum);
    ck_ok(tn_checkpoint_load(path, &checkpoint));
    ck_assert_int_eq(run.progress.batch, 1);
    ck_assert_mem_eq(&run.progress.loss_sum, &before.loss_sum, sizeof before - offsetof(tn_progress, loss_sum));
    run.progress.struct_size = 0;
    ck_fails(tn_checkpoint_load(path, &checkpoint), TN_ERR_INVALID, "tn_progress");
    small_destroy(&run);
}
END_TEST

START_TEST(test_parts)
{
    small_run run = small_create(usual), back = small_create(other_weights);
    small_advance(&run);
    tn_checkpoint only_model = {.struct_size = sizeof only_model, .model = run.model};
    tn_checkpoint all = small_checkpoint(&back), part = all;
    ck_ok(tn_checkpoint_save(scratch("model"), &only_model));
    ck_fails(tn_checkpoint_load(scratch("model"), &all), TN_ERR_STATE, "without an optimizer");
    part.optimizer = NULL;
    ck_fails(tn_checkpoint_load(scratch("model"), &part), TN_ERR_STATE, "without tinynet.session.step");
    part.session = NULL;
    ck_fails(tn_checkpoint_load(scratch("model"), &part), TN_ERR_STATE, "without tinynet.loader.seed");
    part.loader = NULL;
    ck_fails(tn_checkpoint_load(scratch("model"), &part), TN_ERR_STATE, "without tinynet.progress.epoch");
    part.progress = NULL;
    ck_ok(tn_checkpoint_load(scratch("model"), &part));
    ck_assert_int_eq(tn_optimizer_step_count(back.optimizer), 0);
    tn_checkpoint full = small_checkpoint(&run);
    ck_ok(tn_checkpoint_save(scratch("full"), &full));
    ck_ok(tn_checkpoint_load(scratch("full"), &part));
    ck_ok(tn_model_load(back.model, scratch("full"), false));
    ck_ok(tn_model_save(run.model, scratch("weights")));
    ck_fails(tn_checkpoint_load(scratch("weights"), &part), TN_ERR_FORMAT, "is no checkpoint");
    small_destroy(&run);
    small_destroy(&back);
}
END_TEST

START_TEST(test_arguments)
{
    small_run run = small_create(usual), other = small_create(usual);
    tn_checkpoint checkpoint = small_checkpoint(&run), bad = checkpoint;
    ck_fails(tn_checkpoint_save(NULL, &checkpoint), TN_ERR_INVALID, "path");
    ck_fails(tn_checkpoint_save("x", NULL), TN_ERR_INVALID, "checkpoint");
    ck_fails(tn_checkpoint_load(NULL, &checkpoint), TN_ERR_INVALID, "path");
    ck_fails(tn_checkpoint_load("x", NULL), TN_ERR_INVALID, "checkpoint");
    bad.model = NULL;
    ck_fails(tn_checkpoint_save("x", &bad), TN_ERR_INVALID, "no model");
    bad = checkpoint;
    bad.session = other.session;
    ck_fails(tn_checkpoint_save("x", &bad), TN_ERR_INVALID, "another model");
    bad = checkpoint;
    bad.struct_size = 0;
    ck_fails(tn_checkpoint_save("x", &bad), TN_ERR_INVALID, "tn_checkpoint");
    ck_ok(tn_optimizer_bind(other.optimizer, other.model));
    bad = checkpoint;
    bad.optimizer = other.optimizer;
    ck_fails(tn_checkpoint_save(scratch("x"), &bad), TN_ERR_STATE, "another model");
    run.progress.struct_size = 0;
    ck_fails(tn_checkpoint_save(scratch("x"), &checkpoint), TN_ERR_INVALID, "tn_progress");
    ck_assert(!exists(scratch("x")));
    small_destroy(&run);
    small_destroy(&other);
}
END_TEST

START_TEST(test_values)
{
    static const struct {
        const char *key, *value;
        tn_status status;
    } changes[] = {
        {"tinynet.format", "checkpoint 2", TN_ERR_VERSION},
        {"tinynet.format", "checkpoint ", TN_ERR_VERSION},
        {"tinynet.format", "something", TN_ERR_FORMAT},
        {"tinynet.format", NULL, TN_ERR_FORMAT},
        {"tinynet.optimizer", "rmsprop", TN_ERR_STATE},
        {"tinynet.optimizer.steps", "-1", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", "9223372036854775808", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", "", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", "7 ", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", "7a", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", "99999999999999999999", TN_ERR_FORMAT},
        {"tinynet.optimizer.steps", NULL, TN_ERR_STATE},
        {"tinynet.learning_rate", "7ff8000000000000", TN_ERR_FORMAT}, /* NaN */
        {"tinynet.learning_rate", "7ff0000000000000", TN_ERR_FORMAT}, /* infinity */
        {"tinynet.learning_rate", "bfb999999999999a", TN_ERR_FORMAT}, /* -0.1 */
        {"tinynet.learning_rate", "0.1", TN_ERR_FORMAT},
        {"tinynet.learning_rate", "bfb999999999999g", TN_ERR_FORMAT},
        {"tinynet.schedule.kind", "1", TN_ERR_STATE},
        {"tinynet.schedule.period", "51", TN_ERR_STATE},
        {"tinynet.schedule.gamma", "3ff0000000000001", TN_ERR_STATE},
        {"tinynet.schedule.gamma", "7ff8000000000000", TN_ERR_STATE}, /* NaN */
        {"tinynet.schedule.minimum", "7ff8000000000000", TN_ERR_STATE},
        {"tinynet.session.step", "18446744073709551616", TN_ERR_FORMAT},
        {"tinynet.loader.batch", "4", TN_ERR_FORMAT}, /* an epoch has 3 */
        {"tinynet.loader.epoch", "-2", TN_ERR_FORMAT},
        {"tinynet.loader.samples", "11", TN_ERR_STATE},
        {"tinynet.progress.batch", "4", TN_ERR_FORMAT},
        {"tinynet.progress.samples", "11", TN_ERR_FORMAT},
        {"tinynet.progress.correct", "5", TN_ERR_FORMAT}, /* of 4 */
    };
    save("run", usual);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        expect_refusal(rewrite(scratch("run"), changes[i].key, changes[i].value), other_weights, false,
                       changes[i].status, "changed");
    small_run run = small_create(other_weights);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    ck_ok(tn_checkpoint_load(rewrite(scratch("run"), "tinynet.loader.batch", "3"), &checkpoint));
    ck_ok(tn_checkpoint_load(rewrite(scratch("run"), "tinynet.algorithm.conv2d_1", NULL), &checkpoint));
    small_destroy(&run);
}
END_TEST

/* State of another shape than its parameter's. */
START_TEST(test_other_state)
{
    const char *path = save("run", usual);
    tn_tensor *one = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, (const int64_t[]){1}, &one));
    path = rewrite_tensor(path, "program.note", "mine", "optimizer.dense_1.bias.momentum", one);
    expect_refusal(path, other_weights, false, TN_ERR_SHAPE, "dense_1.bias.momentum is [1], optimizer expects [3]");
    tn_tensor_destroy(&one);
}
END_TEST

START_TEST(test_strangers)
{
    small_run run = small_create(usual);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    checkpoint.optimizer = NULL;
    checkpoint.session = NULL;
    ck_ok(tn_checkpoint_save(scratch("run"), &checkpoint));
    tn_model *larger = NULL;
    ck_ok(tn_model_create(tn_sequential(tn_conv2d(.filters = 2, .kernel_size = 3, .padding = TN_SAME), tn_flatten(),
                                        tn_dense(.units = 3), tn_dense(.units = 3)),
                          TN_OPTIONS(tn_model_options, .input_shape = {5, 5, 1}), &larger));
    tn_checkpoint more = {.struct_size = sizeof more, .model = larger};
    ck_fails(tn_checkpoint_load(scratch("run"), &more), TN_NOT_FOUND, "has no tensor dense_2.weight");
    ck_ok(tn_checkpoint_save(scratch("larger"), &more));
    tn_checkpoint fewer = {.struct_size = sizeof fewer, .model = run.model};
    ck_fails(tn_checkpoint_load(scratch("larger"), &fewer), TN_ERR_STATE, "dense_2.weight, which the model has not");
    tn_model_destroy(&larger);
    small_destroy(&run);
}
END_TEST

/* --- a step that has begun in backward: some weights may be new and others old */

typedef struct begun {
    small_run run;
    tn_tensor *x, *dy;
} begun;

/* A run whose session was made for its optimizer, if `early`, and has had a backward, but no step. */
static begun begin_step(bool early)
{
    begun b = {.run = small_create(usual)};
    const tn_tensor *y;
    tn_session_destroy(&b.run.session);
    ck_ok(tn_session_create(b.run.model,
                            TN_OPTIONS(tn_session_options, .training = true, .input_gradient = true,
                                       .optimizer = early ? b.run.optimizer : NULL),
                            &b.run.session));
    const tn_checkpoint all = small_checkpoint(&b.run);
    ck_ok(tn_checkpoint_save(scratch("before"), &all));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){1, 5, 5, 1}, &b.x));
    ck_ok(tn_tensor_fill_uniform(b.x, -1.0f, 1.0f, 5));
    ck_ok(tn_session_forward(b.run.session, b.x, TN_TRAIN, &y));
    ck_ok(tn_tensor_clone(NULL, y, &b.dy));
    ck_ok(tn_session_backward(b.run.session, b.dy, TN_GRADIENT_WRITE));
    return b;
}

static void begun_destroy(begun *b)
{
    tn_tensor_destroy(&b->x);
    tn_tensor_destroy(&b->dy);
    small_destroy(&b->run);
}

/* However the model is saved. */
static void ck_no_saves(const begun *b, const char *why)
{
    tn_optimizer *other = tn_adam();
    tn_session *second = NULL;
    ck_ok(tn_session_create(b->run.model, NULL, &second));
    const tn_checkpoint of[] = {
        {.model = b->run.model},
        {.model = b->run.model, .session = b->run.session},
        {.model = b->run.model, .optimizer = b->run.optimizer},
        {.model = b->run.model, .session = b->run.session, .optimizer = other},
        {.model = b->run.model, .session = second},
    };
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        tn_checkpoint checkpoint = of[i];
        checkpoint.struct_size = sizeof checkpoint;
        ck_fails(tn_checkpoint_save(scratch("middle"), &checkpoint), TN_ERR_STATE, why);
    }
    ck_fails(tn_model_save(b->run.model, scratch("middle")), TN_ERR_STATE, why);
    tn_session_destroy(&second);
    tn_optimizer_destroy(&other);
}

START_TEST(test_begun_step_is_not_saved)
{
    begun b = begin_step(true);
    ck_no_saves(&b, "tn_optimizer_step must come first");
    if (_i == 0)
        ck_ok(tn_optimizer_step(b.run.optimizer, b.run.session));
    else
        tn_session_destroy(&b.run.session);
    const tn_checkpoint all = small_checkpoint(&b.run);
    ck_ok(tn_checkpoint_save(scratch("after"), &all));
    ck_ok(tn_model_save(b.run.model, scratch("after")));
    begun_destroy(&b);
}
END_TEST

/* tn_optimizer_step cannot come any more. */
START_TEST(test_begun_step_without_optimizer)
{
    begun b = begin_step(true);
    tn_optimizer_destroy(&b.run.optimizer);
    ck_no_saves(&b, "an optimizer that has been destroyed since: destroying the session ends it");
    tn_session_destroy(&b.run.session);
    ck_ok(tn_model_save(b.run.model, scratch("after")));
    begun_destroy(&b);
}
END_TEST

/* Loading says where the run stands: what the session's last backward left is void, whether its plan changes or not,
 * whether the optimizer is loaded too or not. */
START_TEST(test_load_after_backward)
{
    const bool early = _i / 2 == 1;
    const tn_tensor *dx;
    tn_tensor *bias;
    begun b = begin_step(early);
    tn_checkpoint checkpoint = small_checkpoint(&b.run);
    if (_i % 2 == 1)
        checkpoint.optimizer = NULL;
    ck_ok(tn_checkpoint_load(scratch("before"), &checkpoint));
    ck_fails(tn_session_input_gradient(b.run.session, &dx), TN_ERR_STATE, "no backward has come");
    ck_fails(tn_session_backward(b.run.session, b.dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "had its backward");
    ck_fails(tn_optimizer_step(b.run.optimizer, b.run.session), TN_ERR_STATE, early ? "has begun" : "has filled");
    ck_ok(tn_session_gradient(b.run.session, "dense_1.bias", &bias));
    for (int64_t i = 0; i < tn_tensor_size(bias); i++)
        ck_assert(tn_tensor_f32(bias)[i] == 0.0f);
    ck_ok(tn_checkpoint_save(scratch("after"), &checkpoint));
    begun_destroy(&b);
}
END_TEST

/* --- damage */

/* What is loaded into, and the accounts of all its memory. */
static struct {
    small_run run;
    accounts accounts;
    const unsigned char *before;
    size_t size;
} target;

/* The caller's allocator gets what the target's has taken beyond what it held, so that damage.h sees it. */
static tn_status load_damaged(const tn_allocator *allocator, const char *path)
{
    tn_checkpoint checkpoint = small_checkpoint(&target.run);
    size_t held = target.accounts.bytes;
    target.accounts.peak = held;
    tn_status status = tn_checkpoint_load(path, &checkpoint);
    ck_assert_uint_eq(target.accounts.bytes, held);
    ((accounts *)allocator->context)->peak = target.accounts.peak - held;
    if (status != TN_OK)
        small_expect_equal(target.before, target.size, &target.run);
    return status;
}

START_TEST(test_damage)
{
    size_t file_size;
    tn_allocator allocator = accounts_allocator(&target.accounts);
    target.run = small_create((small_options){.weights_seed = 9, .allocator = &allocator});
    unsigned char *file = read_bytes(save("run", usual), &file_size), *before = small_bytes(&target.run, &target.size);
    target.before = before;
    damage_truncate(load_damaged, file, file_size);
    const tn_checkpoint checkpoint = small_checkpoint(&target.run);
    ck_fails(tn_checkpoint_load(write_bytes("cut", file, file_size - 1), &checkpoint), TN_ERR_FORMAT,
             "cut: is cut short: its tensors end at byte");
    damage_flip(load_damaged, file, file_size, false);
    damage_try(load_damaged, write_bytes("whole", file, file_size), true, "the whole file", 0);
    ck_assert_uint_gt(target.accounts.peak, target.accounts.bytes); /* it is counted */
    ck_assert_int_eq(tn_loader_epoch(target.run.loader), 2);
    free(before);
    free(file);
    small_destroy(&target.run);
    ck_assert_uint_eq(target.accounts.bytes, 0);
}
END_TEST

TN_SUITE("checkpoint", TN_LOOPED(test_round_trip, 3), {test_contents}, {test_other_runs}, {test_force},
         {test_progress_of_other_ages}, {test_parts}, TN_LOOPED(test_begun_step_is_not_saved, 2),
         {test_begun_step_without_optimizer}, TN_LOOPED(test_load_after_backward, 4), {test_arguments}, {test_values},
         {test_other_state}, {test_strangers}, {test_damage})
