/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Messages reach the hook as one line, with their level; without a hook nothing happens. */
#include "base/log.h"
#include "suite.h"

typedef struct heard {
    int count;
    tn_log_level level;
    char text[2000];
} heard;

static void hear(void *context, tn_log_level level, const char *message)
{
    heard *h = context;
    h->count++;
    h->level = level;
    ck_assert_uint_lt(strlen(message), sizeof h->text);
    memcpy(h->text, message, strlen(message) + 1);
}

START_TEST(test_hook)
{
    heard h = {0};
    const tn_log log = {hear, &h};
    tn_log_write(&log, TN_LOG_INFO, "kernels: %s, %d threads", "skx", 2);
    ck_assert_int_eq(h.count, 1);
    ck_assert_int_eq(h.level, TN_LOG_INFO);
    ck_assert_str_eq(h.text, "kernels: skx, 2 threads");
    tn_log_write(&log, TN_LOG_WARNING, "a\nb\x1b[2J");
    ck_assert_str_eq(h.text, "a?b?[2J");
    tn_log_write(&log, TN_LOG_DEBUG, "%01800d", 7);
    ck_assert_str_eq(h.text + strlen(h.text) - 3, "...");
    ck_assert_int_eq(h.count, 3);
}
END_TEST

START_TEST(test_no_hook)
{
    const tn_log none = {NULL, NULL};
    tn_log_write(NULL, TN_LOG_WARNING, "unheard");
    tn_log_write(&none, TN_LOG_WARNING, "unheard");
    ck_assert_str_eq(tn_last_error(), "");
}
END_TEST

TN_SUITE("log", {test_hook}, {test_no_hook})
