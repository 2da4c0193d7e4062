/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Bilinear resize against its definition in double; constants and halves exactly; bytes as floats; any number of
 *  threads. */
#include "isa_suite.h"

#include "kernels/kernels.h"

static const tn_resize_shape shapes[] = {{2, 28, 28, 1, 224, 224}, {1, 1, 1, 1, 5, 7},    {3, 5, 7, 3, 11, 4},
                                         {2, 8, 8, 2, 4, 4},       {1, 4, 6, 5, 4, 6},    {1, 3, 2, 1, 17, 1100},
                                         {1, 30, 40, 3, 13, 300},  {2, 2, 3, 17, 50, 61}, {1, 6, 5, 700, 3, 2}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static int64_t in_size(const tn_resize_shape *s)
{
    return s->n * s->h * s->w * s->c;
}

static int64_t out_size(const tn_resize_shape *s)
{
    return s->n * s->oh * s->ow * s->c;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* x at real coordinates (v,u), edges clamped. */
static double sample(const tn_resize_shape *s, const float *x, int64_t n, double v, double u, int64_t c)
{
    double sum = 0.0;
    v = clamp(v, 0.0, (double)(s->h - 1));
    u = clamp(u, 0.0, (double)(s->w - 1));
    for (int64_t i = (int64_t)v; i <= (int64_t)v + 1 && i < s->h; i++) {
        for (int64_t j = (int64_t)u; j <= (int64_t)u + 1 && j < s->w; j++)
            sum += (1.0 - fabs(v - (double)i)) * (1.0 - fabs(u - (double)j)) *
                   (double)x[((n * s->h + i) * s->w + j) * s->c + c];
    }
    return sum;
}

static void check_all(const tn_resize_shape *s, const float *x, double scale, const float *y, double bound)
{
    for (int64_t i = 0; i < out_size(s); i++) {
        int64_t c = i % s->c, col = i / s->c % s->ow, row = i / s->c / s->ow % s->oh, n = i / s->c / s->ow / s->oh;
        double v = ((double)row + 0.5) * (double)s->h / (double)s->oh - 0.5;
        double u = ((double)col + 0.5) * (double)s->w / (double)s->ow - 0.5;
        double exact = scale * sample(s, x, n, v, u, c);
        ck_assert_msg(fabs((double)y[i] - exact) <= bound, "y[%lld] is %.9g, expected %.9g", (long long)i, (double)y[i],
                      exact);
    }
}

START_TEST(test_definition)
{
    const tn_resize_shape *s = &shapes[_i];
    draw d = {601 + (uint64_t)_i};
    float *x = floats(in_size(s)), *y = floats(out_size(s)), *other = floats(out_size(s));
    uint8_t *bytes = malloc((size_t)in_size(s));
    ck_assert_ptr_nonnull(bytes);
    draw_reals(&d, 0.0, 1.0, x, in_size(s));
    tn_resize_f32(NULL, s, x, 1.0f, y);
    check_all(s, x, 1.0, y, 3e-7); /* three roundings of numbers below two */
    for (int threads = 2; threads <= 3; threads++) {
        tn_pool *pool = pool_of(threads);
        tn_resize_f32(pool, s, x, 1.0f, other);
        same_bits(y, other, (size_t)out_size(s) * sizeof *y, "threads");
        tn_pool_destroy(&pool);
    }
    for (int64_t i = 0; i < in_size(s); i++) {
        bytes[i] = (uint8_t)draw_int(&d, 0, 255);
        x[i] = (float)bytes[i];
    }
    tn_resize_u8(NULL, s, bytes, 1.0f / 255.0f, y);
    check_all(s, x, 1.0 / 255.0, y, 3e-7);
    tn_resize_f32(NULL, s, x, 1.0f / 255.0f, other);
    same_bits(y, other, (size_t)out_size(s) * sizeof *y, "bytes as floats");
    free(x);
    free(y);
    free(other);
    free(bytes);
}
END_TEST

/* A constant image stays what it is, and one of the same size too. */
START_TEST(test_constant_and_identity)
{
    const tn_resize_shape *s = &shapes[_i];
    draw d = {607};
    float *x = floats(in_size(s)), *y = floats(out_size(s));
    for (int64_t i = 0; i < in_size(s); i++)
        x[i] = 0.1f;
    tn_resize_f32(NULL, s, x, 1.0f, y);
    for (int64_t i = 0; i < out_size(s); i++)
        ck_assert(y[i] == 0.1f);
    tn_resize_shape same = *s;
    same.oh = s->h;
    same.ow = s->w;
    float *copy = floats(in_size(s));
    draw_reals(&d, 0.0, 1.0, x, in_size(s));
    tn_resize_f32(NULL, &same, x, 1.0f, copy);
    same_bits(x, copy, (size_t)in_size(s) * sizeof *x, "the same size");
    free(x);
    free(y);
    free(copy);
}
END_TEST

/* From 2x2 to 4x4 all weights are quarters: every value is a float. */
START_TEST(test_exact_values)
{
    const tn_resize_shape s = {1, 2, 2, 1, 4, 4};
    const float x[] = {0.0f, 16.0f, 32.0f, 64.0f};
    const float expected[] = {0.0f,  4.0f,  12.0f, 16.0f, 8.0f,  13.0f, 23.0f, 28.0f,
                              24.0f, 31.0f, 45.0f, 52.0f, 32.0f, 40.0f, 56.0f, 64.0f};
    float y[16];
    tn_resize_f32(NULL, &s, x, 1.0f, y);
    for (int i = 0; i < 16; i++)
        ck_each(y[i] == expected[i], "y[%d] is %g, expected %g", i, (double)y[i], (double)expected[i]);
}
END_TEST

TN_ISA_SUITE("resize", TN_LOOPED(test_definition, SHAPES), TN_LOOPED(test_constant_and_identity, SHAPES),
             {test_exact_values})
