/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Statuses and the thread's line of detail. */
#include "base/status.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>

START_TEST(test_names)
{
    ck_assert_str_eq(tn_status_name(TN_OK), "TN_OK");
    ck_assert_str_eq(tn_status_name(TN_ERR_SHAPE), "TN_ERR_SHAPE");
    ck_assert_str_eq(tn_status_name(TN_NOT_FOUND), "TN_NOT_FOUND");
    ck_assert_str_eq(tn_status_name((tn_status)99), "unknown status");
    ck_assert_str_eq(tn_status_name((tn_status)-1), "unknown status");
}
END_TEST

static void *look_from_another_thread(void *arg)
{
    bool *fresh = arg;
    *fresh = tn_last_error()[0] == '\0' && tn_last_status() == TN_OK;
    (void)tn_fail(TN_ERR_IO, "of another thread");
    return NULL;
}

START_TEST(test_detail)
{
    bool fresh = false;
    pthread_t thread;
    ck_assert_int_eq(tn_fail(TN_ERR_SHAPE, "conv2d_%d: C=%d", 3, 7), TN_ERR_SHAPE);
    ck_assert_str_eq(tn_last_error(), "conv2d_3: C=7");
    ck_assert_int_eq(pthread_create(&thread, NULL, look_from_another_thread, &fresh), 0);
    pthread_join(thread, NULL);
    ck_assert(fresh);
    ck_assert_str_eq(tn_last_error(), "conv2d_3: C=7");
    ck_assert_int_eq(tn_last_status(), TN_ERR_SHAPE);
}
END_TEST

START_TEST(test_detail_is_one_line)
{
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)tn_fail(TN_ERR_INVALID, "a\nb\rc");
    ck_assert_ptr_null(strpbrk(tn_last_error(), "\n\r"));
    (void)tn_fail(TN_ERR_INVALID, "%s", text);
    ck_assert_uint_lt(strlen(tn_last_error()), sizeof text);
    (void)tn_fail(TN_ERR_INVALID, "again: %s", tn_last_error()); /* the old line in the new one */
    ck_assert_int_eq(strncmp(tn_last_error(), "again: aaa", 10), 0);
}
END_TEST

/* A text that is cut ends in dots, not in half a character. */
START_TEST(test_cut_detail)
{
    char text[3001];
    memset(text, 'x', (size_t)_i);
    for (size_t i = (size_t)_i; i + 1 < sizeof text; i++)
        text[i] = "\xe2\x82\xac"[(i - (size_t)_i) % 3]; /* the euro sign in UTF-8 */
    text[3000] = '\0';
    (void)tn_fail(TN_ERR_INVALID, "%s", text);
    const char *detail = tn_last_error();
    size_t length = strlen(detail);
    ck_assert_uint_gt(length, 300);
    ck_assert_str_eq(detail + length - 3, "...");
    ck_assert_uint_eq((length - 3 - (size_t)_i) % 3, 0);
    ck_assert_int_eq(memcmp(detail, text, length - 3), 0);
}
END_TEST

START_TEST(test_errno_survives)
{
    errno = ENOSPC;
    (void)tn_fail(TN_ERR_IO, "a failure of %g", 0.1);
    ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

TN_SUITE("status", {test_names}, {test_detail}, {test_detail_is_one_line}, TN_LOOPED(test_cut_detail, 3),
         {test_errno_survives})
