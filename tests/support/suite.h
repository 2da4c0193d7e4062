/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The frame of a test program: START_TEST functions, then
 *
 *      TN_SUITE("tensor", {test_create}, {test_reshape})
 *
 *  TN_LOOPED(function, count) in that list runs a test with _i = 0..count-1.
 *  With TEST_LOCALE set, the tests run under that locale.
 *  Tests run in the process itself (CK_NOFORK) unless CK_FORK is set: sanitizers then see everything. */
#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <tinynet/tinynet.h>

#include "locale_in_use.h"

/** Every access is checked, which takes some ten times longer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TN_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TN_TEST_SANITIZED
#endif

/** ck_assert_msg for each of many numbers: Check writes a message for every assertion, which takes longer than to
 * compute what is asserted. */
#define ck_each(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
    } while (0)

/** Assert that a call succeeds, and show the detail if not. */
#define ck_ok(call)                                                                                                    \
    do {                                                                                                               \
        tn_status ck_status_ = (call);                                                                                 \
        ck_assert_msg(ck_status_ == TN_OK, "%s: %s: %s", #call, tn_status_name(ck_status_), tn_last_error());          \
    } while (0)

/** Assert that a call fails with a status and a detail that contains `text`. */
#define ck_fails(call, expected, text)                                                                                 \
    do {                                                                                                               \
        tn_status ck_status_ = (call);                                                                                 \
        ck_assert_msg(ck_status_ == (expected), "%s: gave %s, expected %s (%s)", #call, tn_status_name(ck_status_),    \
                      tn_status_name(expected), tn_last_error());                                                      \
        ck_assert_msg(strstr(tn_last_error(), (text)) != NULL, "%s: \"%s\" lacks \"%s\"", #call, tn_last_error(),      \
                      (const char *)(text));                                                                           \
    } while (0)

typedef struct suite_test {
    const TTest *test;
    int loops;
} suite_test;

#define TN_LOOPED(function, count)                                                                                     \
    {                                                                                                                  \
        (function), (count)                                                                                            \
    }

static inline int suite_main(const char *name, const suite_test *tests, size_t count)
{
    if (!use_test_locale())
        return EXIT_FAILURE;
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < count; i++) {
        if (tests[i].loops > 0)
            tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].loops);
        else
            tcase_add_test(tcase, tests[i].test);
    }
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_FORK"))
        srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* {test_a} leaves `loops` out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/** List the tests as {test_a}, {test_b}, TN_LOOPED(test_c, 5). */
#define TN_SUITE(name, ...)                                                                                            \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const suite_test tests[] = {__VA_ARGS__};                                                                      \
        return suite_main((name), tests, sizeof tests / sizeof tests[0]);                                              \
    }

#endif
