/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The caller's floating-point modes: after every scenario, rounding, exception masks, flush-to-zero and
 *  denormals-are-zero are what they were, whatever they were. And a caller that has exceptions trap is not trapped by
 *  the library's own doings as long as its numbers are finite. */
#include "scenarios.h"

#if !defined(__SSE2__)
#include <fenv.h>
#else
#include <xmmintrin.h>
#endif

/* --- modes, as the processor has them */

#if defined(__SSE2__)
#define STATUS 0x3fu /* what has happened: to be changed */
#define FLUSH 0x8040u
#define UPWARD 0x4000u
#define DOWNWARD 0x2000u
#define TOWARD_ZERO 0x6000u
#define INVALID_DIVIDE_OVERFLOW (0x80u | 0x200u | 0x400u)

static const unsigned flips[] = {0, FLUSH, UPWARD, DOWNWARD, TOWARD_ZERO, FLUSH | UPWARD, INVALID_DIVIDE_OVERFLOW};

static unsigned modes(void)
{
    unsigned short x87;
    __asm__ __volatile__("fnstcw %0" : "=m"(x87));
    return (_mm_getcsr() & ~STATUS) | (unsigned)x87 << 16;
}

static void set_modes(unsigned flip)
{
    _mm_setcsr((_mm_getcsr() & ~STATUS) ^ flip);
}

static void reset_modes(void)
{
    _mm_setcsr(0x1f80);
}
#else
static const int flips[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static unsigned modes(void)
{
    return (unsigned)fegetround();
}

static void set_modes(int rounding)
{
    fesetround(rounding);
}

static void reset_modes(void)
{
    fesetround(FE_TONEAREST);
}
#endif

START_TEST(test_scenario)
{
    const scenario *s = scenario_at(_i);
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        world w;
        world_open(&w);
        if (s->set_up != NULL)
            s->set_up(&w);
        set_modes(flips[i]);
        unsigned before = modes();
        tn_status status = s->act(&w);
        unsigned after = modes();
        reset_modes();
        ck_ok(status);
        ck_assert_msg(before == after, "%s: modes %#x became %#x", s->name, before, after);
        world_close(&w, s->name);
    }
}
END_TEST

int main(void)
{
    int count = 0;
    while (scenario_at(count) != NULL)
        count++;
    const suite_test tests[] = {{test_scenario, count}};
    return suite_main("float_modes", tests, 1);
}
