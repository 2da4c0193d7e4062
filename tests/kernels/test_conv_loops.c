/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The packing loops and epilogues of every instruction set that this CPU has against their references, for every
 * number of lanes. Copies are exact; nothing beyond the places that belong to them is written. */
#include "conv_reference.h"
#include "kernel_cases.h"
#include "suite.h"

#include <math.h>

enum { MOST = 70, SIZE = 4096 };

/* Of instruction set number 0 to 2; NULL for one that this CPU lacks. */
static const tn_conv_table *table_number(int number)
{
    const kernel_tables *tables = kernel_tables_number(number + 1);
    return tables ? tables->conv : NULL;
}

/* Two outputs that start alike: what the loop does to one, its reference does to the other. */
static float got[SIZE], expected[SIZE], source[SIZE];

static void start(draw *d)
{
    draw_reals(d, 0.0, 1.0, source, SIZE);
    for (int i = 0; i < SIZE; i++)
        got[i] = expected[i] = -7.0f;
}

static void check_equal(const char *what, int64_t a, int64_t b)
{
    for (int i = 0; i < SIZE && memcmp(got, expected, sizeof got) != 0; i++)
        ck_each(got[i] == expected[i], "%s %lld %lld: number %d is %g, expected %g", what, (long long)a, (long long)b,
                i, (double)got[i], (double)expected[i]);
}

START_TEST(test_interleave)
{
    const tn_conv_table *table = table_number(_i);
    static const int64_t widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32};
    draw d = {99};
    for (size_t w = 0; table && w < sizeof widths / sizeof widths[0]; w++) {
        for (int64_t count = 0; count <= MOST; count++) {
            int64_t lanes = widths[w];
            const float *rows[32];
            start(&d);
            for (int64_t i = 0; i < lanes; i++)
                rows[i] = source + i * (MOST + 3) + i % 4;
            table->interleave(rows, lanes, count, got);
            reference_conv_table.interleave(rows, lanes, count, expected);
            check_equal("interleave", lanes, count);
        }
    }
}
END_TEST

START_TEST(test_copy_rows)
{
    const tn_conv_table *table = table_number(_i);
    draw d = {98};
    for (int64_t width = 1; table && width <= 40; width++) {
        for (int64_t count = 0; count <= 20; count += 5) {
            start(&d);
            table->copy_rows(source, 53, width, count, width + 5, got);
            reference_conv_table.copy_rows(source, 53, width, count, width + 5, expected);
            check_equal("copy_rows", width, count);
        }
    }
}
END_TEST

START_TEST(test_add_rows)
{
    const tn_conv_table *table = table_number(_i);
    draw d = {77};
    for (int64_t width = 0; table && width <= 40; width++) {
        for (int64_t count = 0; count <= 7; count++) {
            start(&d);
            table->add_rows(source + 1, 53, width, count, width + count, got + 2);
            for (int64_t k = 0; k < count; k++)
                for (int64_t i = 0; i < width; i++)
                    expected[2 + k * (width + count) + i] += source[1 + k * 53 + i];
            check_equal("add_rows", width, count);
        }
    }
}
END_TEST

START_TEST(test_copy_panels)
{
    const tn_conv_table *table = table_number(_i);
    draw d = {97};
    for (int64_t lanes = 1; table && lanes <= 33; lanes++) {
        for (int64_t panels = 0; panels <= 3; panels++) {
            int64_t step = lanes + 2, panel = 21 * step;
            start(&d);
            table->copy_panels(source, 131, 20, panels, lanes, got, step, panel);
            reference_conv_table.copy_panels(source, 131, 20, panels, lanes, expected, step, panel);
            check_equal("copy_panels", lanes, panels);
        }
    }
}
END_TEST

START_TEST(test_finish)
{
    const tn_conv_table *table = table_number(_i);
    draw d = {96};
    for (int64_t count = 0; table && count <= MOST; count++) {
        for (int way = 0; way < 4; way++) {
            const float *bias = way & 1 ? source + 1000 : NULL;
            start(&d);
            table->finish(source, bias, way >= 2, got, count);
            reference_conv_table.finish(source, bias, way >= 2, expected, count);
            check_equal("finish", count, way);
        }
    }
}
END_TEST

START_TEST(test_finish_keeps_nan)
{
    const tn_conv_table *table = table_number(_i);
    for (int64_t i = 0; table && i < MOST; i++)
        source[i] = NAN;
    if (table) {
        table->finish(source, NULL, true, got, MOST);
        for (int64_t i = 0; i < MOST; i++)
            ck_assert(isnan(got[i]));
    }
}
END_TEST

START_TEST(test_accumulate)
{
    const tn_conv_table *table = table_number(_i);
    draw d = {95};
    for (int64_t count = 0; table && count <= MOST; count++) {
        start(&d);
        table->accumulate(source, got, count);
        reference_conv_table.accumulate(source, expected, count);
        check_equal("accumulate", count, 0);
    }
}
END_TEST

TN_SUITE("conv_loops", TN_LOOPED(test_interleave, 3), TN_LOOPED(test_copy_rows, 3), TN_LOOPED(test_add_rows, 3),
         TN_LOOPED(test_copy_panels, 3), TN_LOOPED(test_finish, 3), TN_LOOPED(test_finish_keeps_nan, 3),
         TN_LOOPED(test_accumulate, 3))
