/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The algorithms that a checkpoint names: what it writes, what it reads and refuses, and what happens when memory is refused on
 *  the way. */
#include "algorithm_run.h"

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

TN_SUITE("algorithm_names", TN_LOOPED(test_unknown, 10), {test_passes_in_file}, TN_LOOPED(test_unnamed_pass, 6),
         {test_two_names_of_frozen}, {test_empty_name}, {test_no_choice}, {test_no_memory}, {test_no_memory_to_save})
