/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A test that is to run under another locale takes it from TEST_LOCALE, and does not run without it. What such a test
 *  proves is that no parser or writer asks the locale what a number looks like. */
#ifndef TESTS_SUPPORT_LOCALE_IN_USE_H
#define TESTS_SUPPORT_LOCALE_IN_USE_H

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Set the locale that TEST_LOCALE names; false, and said aloud, if it is not there or writes 0.5 as we do. */
static inline bool use_test_locale(void)
{
    const char *wanted = getenv("TEST_LOCALE");
    if (wanted == NULL)
        return true;
    char half[16];
    /* messages of the system stay English, as tests compare them */
    bool set = setlocale(LC_ALL, wanted) != NULL && setlocale(LC_MESSAGES, "C") != NULL;
    snprintf(half, sizeof half, "%.1f", 0.5);
    if (set && strcmp(half, "0,5") == 0)
        return true;
    fprintf(stderr, "the locale %s %s\n", wanted, set ? "has no decimal comma" : "cannot be set");
    return false;
}

#endif
