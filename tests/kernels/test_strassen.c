/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  1x1 convolutions by Strassen's product, on whole numbers: every sum is exact, whatever is added up on the way. All passes,
 *  with prepared filters and without, on one to four threads. */
#include "conv_run.h"
#include "isa_suite.h"
#include "kernels/conv_strassen.h"
#include "kernels/kernels.h"

enum { MOST_THREADS = 4 };

/* Odd and even numbers of pixels; a last image less than the plan's, and none; sums of several slabs, by channels, filters and
 * pixels, the last one odd; columns that are no whole widest tiles; more than a task adds up for itself; more rows than a
 * block has, and than tasks; slabs that are packed one after the other. */
static const struct {
    int64_t plan, n, h, w, c, f;
} shapes[] = {
    {1, 1, 6, 5, 64, 64},    {3, 3, 7, 7, 64, 192},  {4, 2, 5, 9, 128, 64},   {2, 0, 4, 4, 64, 64},   {1, 1, 3, 3, 2624, 64},
    {1, 1, 3, 3, 64, 1344},  {1, 1, 31, 37, 64, 64}, {2, 1, 23, 24, 64, 128}, {1, 1, 4, 3, 64, 1216}, {1, 1, 2, 1, 704, 64},
    {1, 1, 40, 40, 64, 320}, {1, 1, 2, 2, 2560, 512},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static conv_case case_of(int number)
{
    conv_case c = {.n = shapes[number].n, .relu = number % 2};
    c.shape = (tn_conv_shape){.n = shapes[number].plan, .h = shapes[number].h, .w = shapes[number].w, .c = shapes[number].c,
                              .r = 1, .s = 1, .f = shapes[number].f, .oh = shapes[number].h, .ow = shapes[number].w,
                              .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    return c;
}

static void check_case(const conv_case *c, tn_conv_pass pass, bool prepared, bool add, operands *o, const double *expected)
{
    tn_conv_plan plan;
    const tn_conv_wishes wishes = {.prepared = prepared, .threads = c->threads};
    ck_ok(tn_conv_plan_tile(&c->shape, pass, TN_CONV_HALVES, &wishes, &plan));
    ck_assert_str_eq(plan.name, "strassen");
    ck_assert_int_eq(plan.prepared_bytes > 0, prepared && pass != TN_CONV_FILTER);
    run_plan(c, &plan, add, o);
    for (int64_t i = 0; i < result_size(c, pass); i++)
        ck_each((double)o->out[i] == expected[i], "pass %d of %s, prepared %d, added %d: element %d is %g, not %g", (int)pass,
                text_of(c), prepared, add, (int)i, (double)o->out[i], expected[i]);
}

START_TEST(test_exact)
{
    conv_case c = case_of(_i);
    draw d = {2024 + (uint64_t)_i};
    ck_assert(tn_conv_strassen_fits(&c.shape));
    operands o = allocate(&c);
    draw_integers(&d, o.x, conv_x_size(&c.shape, c.n));
    draw_integers(&d, o.w, conv_w_size(&c.shape));
    draw_integers(&d, o.dy, conv_y_size(&c.shape, c.n));
    draw_integers(&d, o.bias, c.shape.f);
    for (int pass = 0; pass < 3; pass++) {
        for (int other = 0; other < 2; other++) {
            bool add = other && pass == TN_CONV_FILTER, prepared = other && !add;
            double *expected = expected_of(&c, (tn_conv_pass)pass, add, &o);
            for (c.threads = 1; c.threads <= MOST_THREADS; c.threads++)
                check_case(&c, (tn_conv_pass)pass, prepared, add, &o, expected);
            free(expected);
        }
    }
    release(&o);
}
END_TEST

/* What is neither linear nor ReLU comes after the sums of all slabs and the bias, in both halves. */
START_TEST(test_activations)
{
    conv_case c = case_of(4);
    tn_activation activation = (tn_activation)_i;
    draw d = {77};
    size_t bytes;
    operands o = allocate(&c);
    draw_integers(&d, o.x, conv_x_size(&c.shape, c.n));
    draw_reals(&d, 0.0, 0.01, o.w, conv_w_size(&c.shape));
    draw_integers(&d, o.bias, c.shape.f);
    int64_t size = result_size(&c, TN_CONV_FORWARD);
    float *plain = nan_floats(size), *active = nan_floats(size);
    ck_ok(tn_conv_strassen_scratch(&c.shape, TN_CONV_FORWARD, false, 2, &bytes));
    void *scratch = nan_scratch(bytes);
    tn_pool *pool = pool_of(2);
    tn_conv_strassen_forward(&c.shape, pool, o.x, o.w, NULL, o.bias, TN_LINEAR, plain, scratch);
    tn_conv_strassen_forward(&c.shape, pool, o.x, o.w, NULL, o.bias, activation, active, scratch);
    tn_activate(NULL, activation, plain, plain, size);
    same_bits(plain, active, (size_t)size * sizeof *plain, "activation");
    tn_pool_destroy(&pool);
    free(scratch);
    free(plain);
    free(active);
    release(&o);
}
END_TEST

/* What is no number in one image stays there: halves are those of an image. */
START_TEST(test_nan)
{
    conv_case c = case_of(1);
    tn_conv_pass pass = _i ? TN_CONV_DATA : TN_CONV_FORWARD;
    draw d = {78};
    operands o = allocate(&c);
    draw_integers(&d, o.x, conv_x_size(&c.shape, c.n));
    draw_integers(&d, o.w, conv_w_size(&c.shape));
    draw_integers(&d, o.dy, conv_y_size(&c.shape, c.n));
    draw_integers(&d, o.bias, c.shape.f);
    double *expected = expected_of(&c, pass, false, &o);
    int64_t each = result_size(&c, pass) / c.n, wrong = 0;
    (pass == TN_CONV_DATA ? o.dy : o.x)[40 * c.shape.c] = NAN; /* of the first image */
    tn_conv_plan plan;
    c.threads = 2;
    ck_ok(tn_conv_plan_tile(&c.shape, pass, TN_CONV_HALVES, &(tn_conv_wishes){.threads = 2}, &plan));
    run_plan(&c, &plan, false, &o);
    for (int64_t i = 0; i < each; i++)
        wrong += isnan(o.out[i]);
    ck_assert_int_gt(wrong, 0);
    for (int64_t i = each; i < c.n * each; i++)
        ck_each((double)o.out[i] == expected[i], "element %d of the other images is %g", (int)i, (double)o.out[i]);
    free(expected);
    release(&o);
}
END_TEST

/* Nothing else than 1x1 filters of whole tiles, one for each pixel. */
START_TEST(test_fits)
{
    tn_conv_shape s = case_of(0).shape;
    ck_assert(tn_conv_strassen_fits(&s));
    tn_conv_shape other[9];
    for (int i = 0; i < 9; i++)
        other[i] = s;
    other[0].r = 3, other[0].pad_top = 1;
    other[1].s = 2, other[1].ow--;
    other[2].stride_h = 2, other[2].oh = 3;
    other[3].stride_w = 2, other[3].ow = 3;
    other[4].pad_top = 1, other[4].oh++;
    other[5].groups = 2;
    other[6].c = 72;
    other[7].f = 80;
    other[8].h = other[8].w = other[8].oh = other[8].ow = 1;
    for (int i = 0; i < 9; i++)
        ck_each(!tn_conv_strassen_fits(&other[i]), "shape %d", i);
}
END_TEST

/* It is chosen for single images of ResNet-50's 1x1 convolutions, not with the first layers' few channels, not for many images,
 * and not under `precise`. */
START_TEST(test_chosen)
{
    tn_conv_shape s = case_of(0).shape;
    const tn_conv_wishes wishes = {.prepared = true, .threads = 1}, precise = {.precise = true, .threads = 1};
    s.h = s.w = s.oh = s.ow = 14;
    s.c = 1024, s.f = 256;
    for (int pass = 0; pass < 3; pass++) {
        tn_conv_plan plan;
        ck_ok(tn_conv_plan_pass(&s, (tn_conv_pass)pass, &wishes, &plan));
        ck_assert_int_eq(plan.algorithm, TN_CONV_STRASSEN);
        ck_ok(tn_conv_plan_pass(&s, (tn_conv_pass)pass, &precise, &plan));
        ck_assert_int_eq(plan.algorithm, TN_CONV_GEMM);
        tn_conv_shape few = s, many = s, none = s;
        none.n = 0;
        ck_ok(tn_conv_plan_pass(&none, (tn_conv_pass)pass, &wishes, &plan));
        few.c = few.f = 64;
        many.n = 64;
        ck_ok(tn_conv_plan_pass(&few, (tn_conv_pass)pass, &wishes, &plan));
        ck_assert_int_eq(plan.algorithm, TN_CONV_GEMM);
        ck_ok(tn_conv_plan_pass(&many, (tn_conv_pass)pass, &wishes, &plan));
        ck_assert_int_eq(plan.algorithm, TN_CONV_GEMM);
    }
}
END_TEST

TN_ISA_SUITE("strassen", TN_LOOPED(test_exact, SHAPES), TN_LOOPED(test_activations, TN_TANH + 1), TN_LOOPED(test_nan, 2),
             {test_fits}, {test_chosen})
