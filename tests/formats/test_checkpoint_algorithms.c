/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A run goes on with the algorithms that it was made with, whatever the session that it is loaded into would choose.
 */
#include "algorithm_run.h"

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
    ck_assert_uint_ne(tn_plan_memory(plan).scratch, before.scratch);
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
        ck_assert(status == TN_OK || strstr(tn_last_error(), "changed: ") != NULL); /* the file's name */
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

TN_SUITE("checkpoint_algorithms", TN_LOOPED(test_resume, 3), {test_measured}, {test_plan}, {test_frozen_later},
         {test_prediction}, {test_chunks}, {test_keep_outputs}, {test_thawed}, {test_precise})
