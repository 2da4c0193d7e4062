/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Statuses and the thread's line of detail; option structs of other ages; the allocator's mistakes. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "suite.h"

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
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)tn_fail(TN_ERR_INVALID, "a\nb\rc");
    ck_assert_ptr_null(strpbrk(tn_last_error(), "\n\r"));
    (void)tn_fail(TN_ERR_INVALID, "%s", text);
    ck_assert_uint_lt(strlen(tn_last_error()), sizeof text);
    (void)tn_fail(TN_ERR_INVALID, "again: %s", tn_last_error()); /* the old line in the new one */
    ck_assert_int_eq(strncmp(tn_last_error(), "again: xxx", 10), 0);
}
END_TEST

/* --- option structs */

typedef struct options_now {
    size_t struct_size;
    int64_t a;
    float b;
    bool c;
} options_now;

START_TEST(test_older_layout)
{
    struct {
        size_t struct_size;
        int64_t a;
    } older = {sizeof older, 5};
    options_now known;
    memset(&known, 0xff, sizeof known);
    ck_ok(tn_options_read(&known, sizeof known, &older, "options_now"));
    ck_assert_int_eq(known.a, 5);
    ck_assert(known.b == 0.0f);
    ck_assert(!known.c);
    ck_assert_uint_eq(known.struct_size, sizeof known);
}
END_TEST

START_TEST(test_newer_layout)
{
    struct {
        options_now old;
        int64_t d;
    } newer = {{sizeof newer, 6, 1.5f, true}, 0};
    options_now known;
    ck_ok(tn_options_read(&known, sizeof known, &newer, "options_now"));
    ck_assert_int_eq(known.a, 6);
    newer.d = 1;
    known.a = 77;
    ck_fails(tn_options_read(&known, sizeof known, &newer, "options_now"), TN_ERR_UNSUPPORTED, "options_now");
    ck_assert_int_eq(known.a, 77);
}
END_TEST

START_TEST(test_options_without_size)
{
    options_now unset = {.a = 3}, known;
    ck_fails(tn_options_read(&known, sizeof known, &unset, "options_now"), TN_ERR_INVALID, "sizeof(options_now)");
    ck_ok(tn_options_read(&known, sizeof known, NULL, "options_now"));
    ck_assert_int_eq(known.a, 0);
}
END_TEST

/* --- memory */

static void *refuse(void *context, size_t size, size_t alignment)
{
    (void)context;
    (void)size;
    (void)alignment;
    return NULL;
}

static void ignore(void *context, void *pointer, size_t size)
{
    (void)context;
    (void)pointer;
    (void)size;
}

START_TEST(test_memory)
{
    unsigned char *bytes = NULL;
    ck_ok(tn_alloc(NULL, 1000, "a test", &bytes));
    ck_assert_uint_eq((uintptr_t)bytes % TN_ALIGNMENT, 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bytes[i], 0);
    tn_release(NULL, bytes, 1000);
    ck_ok(tn_alloc(NULL, 0, "nothing", &bytes));
    ck_assert_ptr_null(bytes);
    tn_release(NULL, NULL, 0);
}
END_TEST

START_TEST(test_memory_refused)
{
    const tn_allocator none = {refuse, ignore, NULL}, half = {refuse, NULL, NULL};
    char own = 'o', *pointer = &own;
    ck_fails(tn_alloc(&none, 10, "a test", &pointer), TN_ERR_NO_MEMORY, "a test: 10 bytes");
    ck_assert_ptr_eq(pointer, &own);
    ck_fails(tn_alloc(NULL, SIZE_MAX, "too much", &pointer), TN_ERR_NO_MEMORY, "too much");
    ck_fails(tn_allocator_check(&half), TN_ERR_INVALID, "release");
    ck_ok(tn_allocator_check(NULL));
}
END_TEST

TN_SUITE("status", {test_names}, {test_detail}, {test_detail_is_one_line}, {test_older_layout}, {test_newer_layout},
         {test_options_without_size}, {test_memory}, {test_memory_refused})
