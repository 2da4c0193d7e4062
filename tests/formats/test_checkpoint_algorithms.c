/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A run goes on with the algorithms that it was made with, whatever the session that it is loaded into would choose.
 */
#include "model/session_change.h"
#include "rewrite.h"

enum { SIZE = 16, BATCH = 6, LAYERS = 6, SECOND = 2 };

/* What small convolutions would not choose, of every kind: three passes that differ, a pass that is not planned. The
 * convolution before the pooling passes chunks of two images on. */
static const tn_step_choice others[LAYERS] = {{"winograd(4,3)/-/winograd(6,3)", 2},
                                              {"", 0},
                                              {"winograd(6,3)/gemm/winograd(4,3)", 0},
                                              {"", 0},
                                              {"winograd(4,5)", 0},
                                              {"", 0}};

typedef struct run {
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_tensor *x, *dy;
} run;

typedef struct setup {
    bool precise, measure, keep_outputs, tanh, frozen; /* the last two: of the first layer */
    int threads;                                       /* 0: 1 */
    const tn_allocator *allocator, *of_model;
} setup;

static run run_create(setup s)
{
    run r = {.optimizer = tn_sgd(.learning_rate = 0.05, .momentum = 0.5)};
    ck_ok(tn_model_create(
        tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .padding = TN_SAME,
                                .activation = s.tanh ? TN_TANH : TN_RELU, .frozen = s.frozen),
                      tn_max_pool2d(.pool_size = 2),
                      tn_conv2d(.filters = 5, .kernel_size = 3, .padding = TN_SAME, .activation = TN_TANH),
                      tn_dropout(.rate = 0.25f), tn_conv2d(.filters = 3, .kernel_size = 5), tn_flatten()),
        TN_OPTIONS(tn_model_options, .input_shape = {SIZE, SIZE, 2}, .seed = 4, .precise = s.precise,
                   .allocator = s.of_model),
        &r.model));
    ck_ok(tn_session_create(r.model,
                            TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .measure = s.measure,
                                       .keep_outputs = s.keep_outputs, .threads = s.threads ? s.threads : 1,
                                       .allocator = s.allocator),
                            &r.session));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){BATCH, SIZE, SIZE, 2}, &r.x));
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){BATCH, 4 * 4 * 3}, &r.dy));
    return r;
}

static void run_destroy(run *r)
{
    tn_session_destroy(&r->session);
    tn_model_destroy(&r->model);
    tn_optimizer_destroy(&r->optimizer);
    tn_tensor_destroy(&r->x);
    tn_tensor_destroy(&r->dy);
}

/* Each step has images of its own, which follow from its number. */
static void train(run *r, int steps)
{
    for (int i = 0; i < steps; i++) {
        const tn_tensor *y;
        uint64_t step = tn_session_step(r->session);
        ck_ok(tn_tensor_fill_uniform(r->x, -1.0f, 1.0f, step));
        ck_ok(tn_tensor_fill_uniform(r->dy, -1.0f, 1.0f, 1000 + step));
        ck_ok(tn_session_forward(r->session, r->x, TN_TRAIN, &y));
        ck_ok(tn_session_backward(r->session, r->dy, TN_GRADIENT_WRITE));
        ck_ok(tn_optimizer_step(r->optimizer, r->session));
    }
}

static void take_others(run *r)
{
    tn_session_change change = {0};
    ck_ok(tn_session_change_create(r->session, others, &change));
    ck_assert_ptr_nonnull(change.plan);
    tn_session_change_apply(r->session, &change);
    tn_session_change_destroy(r->session, &change);
}

static const char *algorithm(const run *r, size_t layer)
{
    return tn_plan_layer(tn_session_plan(r->session), layer)->algorithm;
}

static void expect_choices(const run *r, const tn_step_choice expected[LAYERS])
{
    for (size_t i = 0; i < LAYERS; i++) {
        ck_assert_str_eq(algorithm(r, i), expected[i].algorithm);
        ck_assert_int_eq(r->session->plan->steps[i].chunk, expected[i].chunk);
    }
}

/* Borrowed from the run. */
static void choices_of(const run *r, tn_step_choice out[LAYERS])
{
    for (size_t i = 0; i < LAYERS; i++)
        out[i] = (tn_step_choice){algorithm(r, i), r->session->plan->steps[i].chunk};
}

static tn_checkpoint checkpoint_of(const run *r)
{
    return (tn_checkpoint){
        .struct_size = sizeof(tn_checkpoint), .model = r->model, .optimizer = r->optimizer, .session = r->session};
}

static const char *save(const run *r, const char *name)
{
    const tn_checkpoint checkpoint = checkpoint_of(r);
    ck_ok(tn_checkpoint_save(scratch(name), &checkpoint));
    return scratch(name);
}

static tn_status load(const run *r, const char *path, bool force)
{
    tn_checkpoint checkpoint = checkpoint_of(r);
    checkpoint.force = force;
    return tn_checkpoint_load(path, &checkpoint);
}

static bool same_weights(const run *a, const run *b)
{
    for (size_t i = 0; i < tn_model_parameter_count(a->model); i++) {
        const char *name = tn_model_parameter_name(a->model, i);
        const tn_tensor *of_a, *of_b;
        ck_ok(tn_model_parameter(a->model, name, &of_a));
        ck_ok(tn_model_parameter(b->model, name, &of_b));
        if (memcmp(tn_tensor_const_data(of_a), tn_tensor_const_data(of_b), tn_tensor_bytes(of_a)) != 0)
            return false;
    }
    return true;
}

/* Ten steps with others' algorithms, against five, a checkpoint, and five in a session that would choose its own; also
 * in one that measured, and in one with another number of threads. */
START_TEST(test_resume)
{
    static const setup resumed[] = {{0}, {.measure = true}, {.threads = 3}};
    run whole = run_create((setup){0}), first = run_create((setup){0}), own = run_create((setup){0});
    run second = run_create(resumed[_i]);
    take_others(&whole);
    take_others(&first);
    train(&whole, 10);
    train(&first, 5);
    train(&second, 2); /* it had a life of its own */
    ck_ok(load(&second, save(&first, "run"), false));
    expect_choices(&second, others);
    train(&second, 5);
    ck_assert(same_weights(&whole, &second));
    train(&own, 10);
    ck_assert(!same_weights(&whole, &own)); /* so the algorithms do make the bits */
    run_destroy(&whole);
    run_destroy(&first);
    run_destroy(&second);
    run_destroy(&own);
}
END_TEST

/* What was measured is kept, too, and saved again as it was. */
START_TEST(test_measured)
{
    run measured = run_create((setup){.measure = true}), resumed = run_create((setup){0});
    tn_step_choice choices[LAYERS];
    size_t sizes[2];
    choices_of(&measured, choices);
    train(&measured, 2);
    ck_ok(load(&resumed, save(&measured, "one"), false));
    expect_choices(&resumed, choices);
    unsigned char *one = read_bytes(scratch("one"), &sizes[0]), *two = read_bytes(save(&resumed, "two"), &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(one, two, sizes[0]);
    free(one);
    free(two);
    run_destroy(&measured);
    run_destroy(&resumed);
}
END_TEST

/* The plan's handle and rows stay where they were; their numbers are those of the blocks in use. A forward that waited
 * for its backward is void. */
START_TEST(test_plan)
{
    run r = run_create((setup){0}), fresh = run_create((setup){0});
    const tn_plan *plan = tn_session_plan(r.session);
    const tn_layer_plan *row = tn_plan_layer(plan, SECOND);
    tn_memory before = tn_plan_memory(plan);
    const tn_tensor *y;
    const char *path;
    take_others(&fresh);
    path = save(&fresh, "run");
    ck_ok(tn_session_forward(r.session, r.x, TN_TRAIN, &y));
    ck_ok(load(&r, path, false));
    ck_assert_ptr_eq(tn_session_plan(r.session), plan);
    ck_assert_ptr_eq(tn_plan_layer(plan, SECOND), row);
    ck_assert_str_eq(row->algorithm, others[SECOND].algorithm);
    ck_assert_uint_gt(tn_plan_memory(plan).scratch, before.scratch);
    ck_assert_uint_eq(tn_plan_memory(plan).scratch, tn_plan_memory(tn_session_plan(fresh.session)).scratch);
    ck_assert_uint_eq(tn_plan_memory(plan).gradients, before.gradients);
    ck_fails(tn_session_backward(r.session, r.dy, TN_GRADIENT_WRITE), TN_ERR_STATE, "last forward");
    run_destroy(&r);
    run_destroy(&fresh);
}
END_TEST

/* A layer that was frozen after its session was made has a gradient in it, before and after a load. */
START_TEST(test_frozen_later)
{
    run r = run_create((setup){0}), saved = run_create((setup){0});
    tn_tensor *gradient;
    take_others(&saved);
    ck_ok(tn_model_freeze(r.model, "conv2d_1", true));
    ck_ok(load(&r, save(&saved, "run"), false));
    expect_choices(&r, others);
    ck_ok(tn_session_gradient(r.session, "conv2d_1.weight", &gradient));
    train(&r, 1);
    run_destroy(&r);
    run_destroy(&saved);
}
END_TEST

/* A session for prediction goes on with what is best for it, and leaves no algorithms in a file. */
START_TEST(test_prediction)
{
    run saved = run_create((setup){0}), r = run_create((setup){0});
    take_others(&saved);
    tn_session_destroy(&r.session);
    ck_ok(tn_session_create(r.model, TN_OPTIONS(tn_session_options, .batch_size = BATCH, .threads = 1), &r.session));
    char before[100];
    snprintf(before, sizeof before, "%s", algorithm(&r, SECOND));
    ck_ok(load(&r, save(&saved, "run"), false));
    ck_assert_str_eq(algorithm(&r, SECOND), before);
    tn_safetensors *file = NULL;
    ck_ok(tn_safetensors_open(NULL, save(&r, "prediction"), &file));
    ck_assert_ptr_null(tn_safetensors_metadata(file, "tinynet.algorithm.conv2d_2"));
    tn_safetensors_close(&file);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* Another run of the same options has the same weights and algorithms still. */
static void expect_unchanged(run *r)
{
    run fresh = run_create((setup){0});
    tn_step_choice choices[LAYERS];
    choices_of(&fresh, choices);
    expect_choices(r, choices);
    ck_assert(same_weights(r, &fresh));
    ck_assert_uint_eq(tn_session_step(r->session), 0);
    train(r, 1);
    train(&fresh, 1);
    ck_assert(same_weights(r, &fresh));
    run_destroy(&fresh);
}

START_TEST(test_unknown)
{
    static const struct {
        const char *key, *value;
    } unknown[] = {
        {"tinynet.algorithm.conv2d_2", "fft"},
        {"tinynet.algorithm.conv2d_2", "winograd(3,3)"},
        {"tinynet.algorithm.conv2d_2", "winograd(4,5)"},
        {"tinynet.algorithm.conv2d_2", "gemm/fft"},
        {"tinynet.algorithm.conv2d_2", "gemm/gemm/gemm/gemm"},
        {"tinynet.algorithm.conv2d_2", "gemm/gemm/"},
        {"tinynet.algorithm.conv2d_2", "gemm/gemm/fft"},
        {"tinynet.algorithm.conv2d_2", "gemm "},
        {"tinynet.algorithm.conv2d_2", "gemm/a name that is longer than any that there is/gemm"},
        {"tinynet.algorithm.dense_1", "strassen"},
    };
    run saved = run_create((setup){0}), r = run_create((setup){0});
    train(&saved, 3);
    (void)save(&saved, "run");
    const char *path = rewrite(scratch("run"), unknown[_i].key, unknown[_i].value);
    if (_i == 9) { /* of a layer that the model does not have: nobody asks for it */
        ck_ok(load(&r, path, false));
    } else {
        ck_fails(load(&r, path, false), TN_ERR_UNSUPPORTED, "conv2d_2: algorithm is to be \"");
        expect_unchanged(&r);
        ck_ok(load(&r, path, true));
    }
    ck_assert_str_eq(algorithm(&r, SECOND), algorithm(&saved, SECOND));
    ck_assert_uint_eq(tn_session_step(r.session), 3);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* Chunks that a file cannot mean, that this session cannot have, and that are no smaller than its batch. */
START_TEST(test_chunks)
{
    static const struct {
        const char *layer, *value;
        tn_status status;
        int64_t chunk; /* of the first layer, where it can be loaded */
    } cases[] = {
        {"conv2d_1", "", TN_ERR_FORMAT, 0},
        {"conv2d_1", "0", TN_ERR_FORMAT, 0},
        {"conv2d_1", "-2", TN_ERR_FORMAT, 0},
        {"conv2d_1", "2 ", TN_ERR_FORMAT, 0},
        {"conv2d_1", "9223372036854775808", TN_ERR_FORMAT, 0},
        {"conv2d_2", "2", TN_ERR_STATE, 0},
        {"max_pool2d_1", "2", TN_ERR_STATE, 0},
        {"flatten_1", "1", TN_ERR_STATE, 0},
        {"conv2d_1", "5", TN_OK, 5},
        {"conv2d_1", "6", TN_OK, 0},
        {"conv2d_1", "9223372036854775807", TN_OK, 0},
        {"conv2d_1", NULL, TN_OK, 0},
    };
    char key[64];
    run saved = run_create((setup){0}), r = run_create((setup){0});
    take_others(&saved);
    (void)save(&saved, "run");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(key, sizeof key, "tinynet.chunk.%s", cases[i].layer);
        tn_status status = load(&r, rewrite(scratch("run"), key, cases[i].value), false);
        ck_assert_msg(status == cases[i].status, "%s \"%s\" gave %s", key, cases[i].value, tn_last_error());
        ck_assert_int_eq(r.session->plan->steps[0].chunk, cases[i].chunk);
        ck_assert_str_eq(algorithm(&r, 0), status == TN_OK ? others[0].algorithm : "gemm");
    }
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* Outputs that are kept exist for the whole batch: such a session cannot go on as the run was. */
START_TEST(test_keep_outputs)
{
    run saved = run_create((setup){0}), r = run_create((setup){.keep_outputs = true});
    take_others(&saved);
    train(&saved, 1);
    ck_fails(load(&r, save(&saved, "run"), false), TN_ERR_STATE, "the session keeps outputs");
    ck_ok(load(&r, scratch("run"), true));
    ck_assert_str_ne(algorithm(&r, SECOND), others[SECOND].algorithm);
    train(&r, 1);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* A layer that is trained again may need the output that it passed on in chunks while it was frozen. */
START_TEST(test_thawed)
{
    run saved = run_create((setup){.tanh = true, .frozen = true}), r = run_create((setup){.tanh = true});
    take_others(&saved);
    ck_ok(tn_model_freeze(saved.model, "conv2d_1", false)); /* its session goes by what was */
    ck_fails(load(&r, save(&saved, "run"), false), TN_ERR_STATE,
             "conv2d_1: is to pass chunks of 2 images on, but backward needs all of its output");
    ck_ok(load(&r, scratch("run"), true));
    ck_assert_int_eq(r.session->plan->steps[0].chunk, 0);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* What each pass is computed with, as it is in a file. */
static const char *passes(const run *r, size_t layer)
{
    return r->session->plan->steps[layer].needs.passes;
}

/* A file names every pass, and with "-" those that nobody chose. */
START_TEST(test_passes_in_file)
{
    static const tn_step_choice choices[LAYERS] = {{"winograd(4,3)", 0}, {"", 0}, {"gemm", 0}, {"", 0},
                                                   {"gemm", 0},          {"", 0}};
    run saved = run_create((setup){0});
    tn_session_change change = {0};
    tn_safetensors *file = NULL;
    ck_ok(tn_session_change_create(saved.session, choices, &change));
    tn_session_change_apply(saved.session, &change);
    tn_session_change_destroy(saved.session, &change);
    ck_assert_str_eq(algorithm(&saved, 0), "winograd(4,3)");
    ck_ok(tn_safetensors_open(NULL, save(&saved, "run"), &file));
    ck_assert_str_eq(tn_safetensors_metadata(file, "tinynet.algorithm.conv2d_1"), "winograd(4,3)/-/winograd(4,3)");
    ck_assert_str_eq(tn_safetensors_metadata(file, "tinynet.algorithm.conv2d_2"), "gemm/gemm/gemm");
    tn_safetensors_close(&file);
    run_destroy(&saved);
}
END_TEST

/* A pass that the file does not name keeps what the session has, which the cost model would not choose here. Two names
 * are of older files. */
START_TEST(test_unnamed_pass)
{
    static const struct {
        const char *key, *value;
        size_t layer;
        const char *passes;
    } cases[] = {
        {"tinynet.algorithm.conv2d_2", "gemm/-/gemm", SECOND, "gemm/gemm/gemm"},
        {"tinynet.algorithm.conv2d_2", "-/winograd(4,3)/-", SECOND, "winograd(6,3)/winograd(4,3)/winograd(4,3)"},
        {"tinynet.algorithm.conv2d_2", "-/-/gemm", SECOND, "winograd(6,3)/gemm/gemm"},
        {"tinynet.algorithm.conv2d_2", "gemm/winograd(6,3)", SECOND, "gemm/gemm/winograd(6,3)"},
        {"tinynet.algorithm.conv2d_1", "winograd(6,3)/gemm", 0, "winograd(6,3)/-/gemm"},
        {"tinynet.algorithm.conv2d_2", "winograd(4,3)", SECOND, "winograd(4,3)/winograd(4,3)/winograd(4,3)"},
    };
    run saved = run_create((setup){0}), r = run_create((setup){0});
    take_others(&r);
    take_others(&saved);
    ck_ok(load(&r, rewrite(save(&saved, "run"), cases[_i].key, cases[_i].value), false));
    ck_assert_str_eq(passes(&r, cases[_i].layer), cases[_i].passes);
    train(&r, 1);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* A frozen layer after a trained one has no gradient by its weights: the second name is of the one by its input. */
START_TEST(test_two_names_of_frozen)
{
    run saved = run_create((setup){0}), r = run_create((setup){0});
    ck_ok(tn_model_freeze(r.model, "conv2d_2", true));
    tn_session_destroy(&r.session);
    ck_ok(tn_session_create(
        r.model, TN_OPTIONS(tn_session_options, .batch_size = BATCH, .training = true, .threads = 1), &r.session));
    ck_ok(load(&r, rewrite(save(&saved, "run"), "tinynet.algorithm.conv2d_2", "gemm/winograd(6,3)"), false));
    ck_assert_str_eq(passes(&r, SECOND), "gemm/winograd(6,3)/-");
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

START_TEST(test_empty_name)
{
    run saved = run_create((setup){0}), r = run_create((setup){0});
    train(&saved, 1);
    const char *path = rewrite(save(&saved, "run"), "tinynet.algorithm.conv2d_2", "");
    ck_fails(load(&r, path, false), TN_ERR_FORMAT, "tinynet.algorithm.conv2d_2 is empty");
    ck_fails(load(&r, path, true), TN_ERR_FORMAT, "tinynet.algorithm.conv2d_2 is empty");
    expect_unchanged(&r);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* An algorithm for a layer that has no choice comes from a library that has one. */
START_TEST(test_no_choice)
{
    run r = run_create((setup){0});
    const tn_step_choice choices[LAYERS] = {{"", 0}, {"", 0}, {"", 0}, {"bitwise", 0}, {"", 0}, {"", 0}};
    tn_session_change change = {0};
    ck_fails(tn_session_change_create(r.session, choices, &change), TN_ERR_UNSUPPORTED, "dropout_1");
    ck_assert_ptr_null(change.plan);
    run_destroy(&r);
}
END_TEST

START_TEST(test_precise)
{
    static const tn_step_choice gemm[LAYERS] = {{"gemm", 0}, {"", 0}, {"gemm", 0}, {"", 0}, {"gemm", 0}, {"", 0}};
    run saved = run_create((setup){0}), r = run_create((setup){.precise = true});
    take_others(&saved);
    train(&saved, 1);
    ck_fails(load(&r, save(&saved, "run"), false), TN_ERR_STATE, "precise");
    expect_choices(&r, gemm);
    ck_ok(load(&r, scratch("run"), true));
    expect_choices(&r, gemm);
    ck_ok(load(&saved, save(&r, "precise"), false)); /* plain sums can be had anywhere */
    expect_choices(&saved, gemm);
    run_destroy(&saved);
    run_destroy(&r);
}
END_TEST

/* Each allocation of the session's is refused in turn: the session is as before, and nothing is lost. */
START_TEST(test_no_memory)
{
    accounts a;
    const tn_allocator allocator = accounts_allocator(&a);
    run saved = run_create((setup){0}), r = run_create((setup){.allocator = &allocator, .of_model = &allocator});
    take_others(&saved);
    train(&saved, 1);
    (void)save(&saved, "run");
    tn_status status = TN_ERR_NO_MEMORY;
    size_t refused = 0, bytes = a.bytes;
    while (status != TN_OK) {
        a.calls = 0;
        a.fail_at = ++refused;
        status = load(&r, scratch("run"), false);
        a.fail_at = 0;
        ck_assert_msg(status == TN_OK || status == TN_ERR_NO_MEMORY, "%s", tn_last_error());
        if (status != TN_OK) {
            ck_assert_uint_eq(a.bytes, bytes);
            ck_assert_str_ne(algorithm(&r, SECOND), others[SECOND].algorithm);
        }
        if (refused == 2)
            expect_unchanged(&r);
    }
    ck_assert_uint_gt(refused, 5);
    expect_choices(&r, others);
    ck_assert(same_weights(&r, &saved));
    run_destroy(&r);
    ck_assert_uint_eq(a.bytes, 0);
    run_destroy(&saved);
}
END_TEST

/* Whichever request of a save is refused, it says so, leaves nothing and can be made again. */
START_TEST(test_no_memory_to_save)
{
    accounts a;
    const tn_allocator allocator = accounts_allocator(&a);
    run r = run_create((setup){.of_model = &allocator});
    take_others(&r);
    train(&r, 1);
    const tn_checkpoint checkpoint = checkpoint_of(&r);
    const size_t bytes = a.bytes;
    size_t refused = 0;
    for (tn_status status = TN_ERR_NO_MEMORY; status != TN_OK;) {
        a.calls = 0;
        a.fail_at = ++refused;
        status = tn_checkpoint_save(scratch("refused"), &checkpoint);
        ck_assert_msg(status == TN_OK || status == TN_ERR_NO_MEMORY, "%s", tn_last_error());
        ck_assert_uint_eq(a.bytes, bytes);
        ck_assert(exists(scratch("refused")) == (status == TN_OK));
    }
    a.fail_at = 0;
    ck_assert_uint_gt(refused, 4 + 2 * LAYERS);
    run_destroy(&r);
    ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

TN_SUITE("checkpoint_algorithms", TN_LOOPED(test_resume, 3), {test_measured}, {test_plan}, {test_frozen_later},
         {test_prediction}, TN_LOOPED(test_unknown, 10), {test_chunks}, {test_keep_outputs}, {test_thawed},
         {test_passes_in_file}, TN_LOOPED(test_unnamed_pass, 6), {test_two_names_of_frozen}, {test_empty_name},
         {test_no_choice}, {test_precise}, {test_no_memory}, {test_no_memory_to_save})
