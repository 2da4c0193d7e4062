/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of every instruction set that this CPU has against their references in plain C: every length around
 *  those of vectors, NaN and infinities where no sum would spread them, and nothing written beyond the results. */
#include "kernel_cases.h"
#include "suite.h"

#include <math.h>

static kernel_buffers got, expected;

static double largest_of(const float *values)
{
    double largest = 0.0;
    for (int i = 0; i < KERNEL_FLOATS; i++)
        largest = fmax(largest, values[i] == -7.0f ? 0.0 : fabs((double)values[i]));
    return largest;
}

static bool is_near(const kernel_case *c, float a, float b, double largest)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b); /* which NaN is the CPU's choice */
    if (c->tolerance == 0.0)
        return memcmp(&a, &b, sizeof a) == 0;
    return fabs((double)a - (double)b) <= c->tolerance * (c->of_largest ? largest : fabs((double)b));
}

/* Only what differs is asserted, as each assertion leaves its mark in a file of Check's. */
static void check_outputs(const kernel_case *c, const kernel_tables *t, int64_t count)
{
    double largest = largest_of(expected.out);
    int number = 0;
    size_t byte = 0;
    while (number < KERNEL_FLOATS && is_near(c, got.out[number], expected.out[number], largest))
        number++;
    if (number < KERNEL_FLOATS)
        ck_abort_msg("%s, %s, count %lld: out[%d] is %a, expected %a", c->name, t->name, (long long)count, number,
                     (double)got.out[number], (double)expected.out[number]);
    while (byte < sizeof got.index && got.index[byte] == expected.index[byte])
        byte++;
    if (byte < sizeof got.index)
        ck_abort_msg("%s, %s, count %lld: byte %d of the index is %d, expected %d", c->name, t->name, (long long)count,
                     (int)byte, got.index[byte], expected.index[byte]);
}

static void check_count(const kernel_case *c, int64_t count)
{
    kernel_clear_outputs(&expected);
    c->run(c, kernel_tables_number(0), &expected, count);
    for (int number = 1; kernel_tables_number(number); number++) {
        kernel_clear_outputs(&got);
        c->run(c, kernel_tables_number(number), &got, count);
        check_outputs(c, kernel_tables_number(number), count);
    }
}

START_TEST(test_case)
{
    kernel_draw_inputs(&got);
    kernel_draw_inputs(&expected);
    for (int64_t count = 1; count <= 40; count++)
        check_count(&kernel_cases[_i], count);
    check_count(&kernel_cases[_i], 257);
}
END_TEST

static bool has_case(int table, size_t offset)
{
    for (int i = 0; i < kernel_case_count; i++) {
        if ((int)kernel_cases[i].table == table && kernel_cases[i].offset == offset)
            return true;
    }
    return false;
}

/* Both tables are pointers alone. */
START_TEST(test_every_loop_has_a_case)
{
    for (size_t offset = 0; offset < sizeof(tn_element_table); offset += sizeof(void (*)(void)))
        ck_assert_msg(has_case(IN_ELEMENTS, offset), "the loop at %d of tn_element_table has no case", (int)offset);
    for (size_t offset = 0; offset < sizeof(tn_conv_table); offset += sizeof(void (*)(void)))
        ck_assert_msg(has_case(IN_CONV, offset), "the loop at %d of tn_conv_table has no case", (int)offset);
    for (const tn_winograd_maps *maps = tn_conv_table_generic.winograd; maps->m != 0; maps++) {
        int cases = 0;
        for (int i = 0; i < kernel_case_count; i++)
            cases += kernel_cases[i].offset == offsetof(tn_conv_table, winograd) && kernel_cases[i].a == maps->m &&
                     kernel_cases[i].b == maps->r && kernel_cases[i].stride == maps->stride &&
                     kernel_cases[i].table == IN_CONV;
        ck_assert_msg(cases == 12, "F(%d,%d) at stride %d has %d cases", maps->m, maps->r, maps->stride, cases);
    }
}
END_TEST

TN_SUITE("references", {test_every_loop_has_a_case}, TN_LOOPED(test_case, kernel_case_count))
