/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One line in a buffer of any size: cut, never half a character, never a control character. */
#include "base/line.h"
#include "suite.h"

#include <wchar.h>

static const char *format(char *line, size_t size, const char *text, ...) TN_PRINTF(3, 4);

static const char *format(char *line, size_t size, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    tn_format_line(line, size, text, arguments);
    va_end(arguments);
    return line;
}

START_TEST(test_fits)
{
    char line[8];
    ck_assert_str_eq(format(line, sizeof line, "%s", ""), "");
    ck_assert_str_eq(format(line, sizeof line, "%d\t%s\x7f", 12, "ab"), "12?ab?");
    ck_assert_str_eq(format(line, sizeof line, "%s", "1234567"), "1234567");
}
END_TEST

START_TEST(test_cut)
{
    char line[8];
    ck_assert_str_eq(format(line, sizeof line, "%s", "12345678"), "1234...");
    ck_assert_str_eq(format(line, sizeof line, "%s",
                            "123\xc3\xa9"
                            "678"),
                     "123..."); /* the letter would be cut */
    ck_assert_str_eq(format(line, sizeof line, "%s",
                            "12\xc3\xa9"
                            "5678"),
                     "12\xc3\xa9...");
    ck_assert_str_eq(format(line, sizeof line, "%s", "\x80\x80\x80\x80\x80\x80\x80\x80"), "..."); /* no UTF-8 at all */
}
END_TEST

/* Too small for dots. */
START_TEST(test_small)
{
    char line[8];
    for (size_t size = 1; size <= 4; size++)
        ck_assert_int_eq(strncmp(format(line, size, "%s", "123456"), "123456", size - 1), 0);
    ck_assert_str_eq(format(line, 4, "%s", "123456"), "123");
    ck_assert_str_eq(format(line, 5, "%s", "123456"), "1...");
}
END_TEST

/* What printf cannot format gives an empty line. */
START_TEST(test_unprintable)
{
    static const wchar_t none[] = {0x7fffffff, 0};
    char line[8] = "before";
    ck_assert_str_eq(format(line, sizeof line, "%ls", none), "");
}
END_TEST

TN_SUITE("line", {test_fits}, {test_cut}, {test_small}, {test_unprintable})
