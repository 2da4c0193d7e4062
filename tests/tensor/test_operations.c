/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Resize, softmax and dropout's mask on tensors; what is running. */
#include "suite.h"

#include <math.h>

#define DIMS(...)                                                                                                      \
    (int64_t[])                                                                                                        \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static double clamped(double x, double most)
{
    return x < 0.0 ? 0.0 : x > most ? most : x;
}

/** The definition: half-pixel centres, edges clamped. */
static double bilinear(const float *image, int64_t h, int64_t w, double y, double x)
{
    y = clamped(y, (double)(h - 1));
    x = clamped(x, (double)(w - 1));
    int64_t y0 = (int64_t)y, x0 = (int64_t)x, y1 = y0 + 1 < h ? y0 + 1 : y0, x1 = x0 + 1 < w ? x0 + 1 : x0;
    double v = y - (double)y0, u = x - (double)x0;
    return (1 - v) * ((1 - u) * (double)image[y0 * w + x0] + u * (double)image[y0 * w + x1]) +
           v * ((1 - u) * (double)image[y1 * w + x0] + u * (double)image[y1 * w + x1]);
}

/** Small integers at power-of-two scales: every weight and every sum is exact in float. */
START_TEST(test_resize_is_exact)
{
    static const int64_t sizes[][4] = {{28, 28, 224, 224}, {4, 6, 16, 12}, {5, 3, 5, 3}, {1, 1, 8, 4}, {8, 8, 4, 2}};
    const int64_t *s = sizes[_i];
    tn_tensor *in = NULL, *out = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(2, s[0], s[1], 1), &in));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(2, s[2], s[3], 1), &out));
    for (int64_t i = 0; i < tn_tensor_size(in); i++)
        tn_tensor_f32(in)[i] = (float)(i * 37 % 251);
    ck_ok(tn_resize_bilinear(in, out));
    for (int64_t i = 0; i < s[2]; i++)
        for (int64_t j = 0; j < s[3]; j++) {
            double y = ((double)i + 0.5) * (double)s[0] / (double)s[2] - 0.5;
            double x = ((double)j + 0.5) * (double)s[1] / (double)s[3] - 0.5;
            ck_assert_double_eq((double)tn_tensor_f32(out)[(s[2] + i) * s[3] + j],
                                bilinear(tn_tensor_f32(in) + s[0] * s[1], s[0], s[1], y, x));
        }
    tn_tensor_destroy(&in);
    tn_tensor_destroy(&out);
}
END_TEST

START_TEST(test_resize_bytes_as_floats)
{
    tn_tensor *bytes = NULL, *floats = NULL, *a = NULL, *b = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 4, DIMS(1, 7, 9, 3), &bytes));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(1, 7, 9, 3), &floats));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(1, 20, 11, 3), &a));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(1, 20, 11, 3), &b));
    for (int i = 0; i < 7 * 9 * 3; i++)
        tn_tensor_f32(floats)[i] = (float)(((uint8_t *)tn_tensor_data(bytes))[i] = (uint8_t)(i * 53));
    ck_ok(tn_resize_bilinear(bytes, a));
    ck_ok(tn_resize_bilinear(floats, b));
    for (int64_t i = 0; i < tn_tensor_size(a); i++)
        ck_assert_float_eq_tol(tn_tensor_f32(a)[i], tn_tensor_f32(b)[i], 1e-4f); /* of 255: a few roundings */
    ck_fails(tn_resize_bilinear(a, bytes), TN_ERR_TYPE, "out is u8");
    tn_tensor_destroy(&a);
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(1, 20, 11, 2), &a));
    ck_fails(tn_resize_bilinear(floats, a), TN_ERR_SHAPE, "[1,7,9,3]");
    tn_tensor_destroy(&bytes);
    tn_tensor_destroy(&floats);
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
}
END_TEST

/** Every axis of [2,3,4]. */
START_TEST(test_softmax)
{
    static const int64_t dims[3] = {2, 3, 4}, strides[3] = {12, 4, 1};
    tn_tensor *x = NULL, *y = NULL, *logs = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, dims, &x));
    ck_ok(tn_tensor_fill_uniform(x, -30.0f, 30.0f, 4));
    ck_ok(tn_tensor_clone(NULL, x, &y));
    ck_ok(tn_tensor_clone(NULL, x, &logs));
    ck_ok(tn_softmax_tensor(x, _i - 3, y));
    ck_ok(tn_log_softmax_tensor(logs, _i, logs));
    for (int64_t at = 0; at < 24; at++) {
        int64_t first = at - at / strides[_i] % dims[_i] * strides[_i];
        double sum = 0.0, own = (double)tn_tensor_f32(x)[at];
        for (int64_t i = 0; i < dims[_i]; i++)
            sum += exp((double)tn_tensor_f32(x)[first + i * strides[_i]] - own);
        ck_assert_double_eq_tol((double)tn_tensor_f32(y)[at], 1.0 / sum, 2e-6);
        ck_assert_double_eq_tol((double)tn_tensor_f32(logs)[at], -log(sum), 1e-5);
    }
    ck_fails(tn_softmax_tensor(x, 3, y), TN_ERR_INVALID, "axis is 3");
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&logs);
}
END_TEST

START_TEST(test_dropout)
{
    tn_tensor *x = NULL, *mask = NULL, *other = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, DIMS(5), &x));
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, DIMS(5), &mask));
    ck_ok(tn_tensor_fill(x, 3.0));
    ((uint8_t *)tn_tensor_data(mask))[1] = ((uint8_t *)tn_tensor_data(mask))[4] = 1;
    ck_fails(tn_dropout_apply(x, mask, 1.0f, x), TN_ERR_INVALID, "rate is 1");
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, DIMS(4), &other));
    ck_fails(tn_dropout_apply(x, mask, 0.5f, other), TN_ERR_SHAPE, "y is [4], but x is [5]");
    ck_fails(tn_dropout_apply(other, mask, 0.5f, x), TN_ERR_SHAPE, "mask is [5], but x is [4]");
    tn_tensor_destroy(&other);
    ck_ok(tn_dropout_apply(x, mask, 0.25f, x));
    for (int i = 0; i < 5; i++)
        ck_assert_float_eq(tn_tensor_f32(x)[i], i == 1 || i == 4 ? 4.0f : 0.0f);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&mask);
}
END_TEST

/* In place is allowed where it is said; half over is not, nor a mask that lies in the output. */
START_TEST(test_overlap)
{
    float data[12] = {0};
    tn_tensor *x = NULL, *y = NULL, *image = NULL, *shifted = NULL, *mask = NULL;
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 1, DIMS(8), data, &x));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 1, DIMS(8), data + 4, &y));
    ck_ok(tn_tensor_wrap(NULL, TN_U8, 1, DIMS(8), data + 1, &mask));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 4, DIMS(1, 2, 2, 1), data, &image));
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 4, DIMS(1, 2, 3, 1), data + 3, &shifted));
    ck_fails(tn_softmax_tensor(x, 0, y), TN_ERR_INVALID, "tn_softmax_tensor: x overlaps");
    ck_fails(tn_log_softmax_tensor(y, 0, x), TN_ERR_INVALID, "tn_log_softmax_tensor: x overlaps");
    ck_fails(tn_dropout_apply(x, mask, 0.5f, x), TN_ERR_INVALID, "mask overlaps");
    ck_fails(tn_dropout_apply(x, mask, 0.5f, y), TN_ERR_INVALID, "tn_dropout_apply: x overlaps");
    ck_fails(tn_resize_bilinear(image, shifted), TN_ERR_INVALID, "images overlaps");
    ck_fails(tn_resize_bilinear(image, image), TN_ERR_INVALID, "images overlaps");
    for (int i = 0; i < 12; i++)
        ck_assert_float_eq(data[i], 0.0f);
    ck_ok(tn_softmax_tensor(x, 0, x));
    ck_assert_float_eq(data[7], 0.125f);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&mask);
    tn_tensor_destroy(&image);
    tn_tensor_destroy(&shifted);
}
END_TEST

/* Empty batches are fine; a scalar has no axis. */
START_TEST(test_empty_and_scalar)
{
    tn_tensor *x = NULL, *scalar = NULL, *images = NULL, *mask = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, DIMS(0, 3), &x));
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, DIMS(0, 3), &mask));
    ck_ok(tn_tensor_create(NULL, TN_F32, 0, NULL, &scalar));
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, DIMS(0, 2, 2, 1), &images));
    ck_ok(tn_softmax_tensor(x, 0, x));
    ck_ok(tn_log_softmax_tensor(x, -1, x));
    ck_ok(tn_dropout_apply(x, mask, 0.5f, x));
    ck_ok(tn_resize_bilinear(images, images));
    ck_fails(tn_softmax_tensor(scalar, 0, scalar), TN_ERR_INVALID, "rank 0");
    ck_fails(tn_softmax_tensor(scalar, -1, scalar), TN_ERR_INVALID, "axis is -1");
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&mask);
    tn_tensor_destroy(&scalar);
    tn_tensor_destroy(&images);
}
END_TEST

START_TEST(test_version)
{
    tn_version_info info = {.struct_size = sizeof info};
    struct {
        size_t struct_size;
        const char *version;
    } older = {sizeof older, NULL};
    void *alias = &older;
    ck_ok(tn_version(&info));
    ck_assert_str_eq(info.version, TN_VERSION);
    ck_assert_int_ge(info.cores, 1);
    ck_assert(strlen(info.blis_version) > 0 && strlen(info.isa) > 0 && info.gemm_mr > 0 && info.gemm_nr > 0);
    ck_ok(tn_version(alias));
    ck_assert_str_eq(older.version, TN_VERSION);
    info.struct_size = 0;
    ck_fails(tn_version(&info), TN_ERR_INVALID, "struct_size");
}
END_TEST

TN_SUITE("operations", TN_LOOPED(test_resize_is_exact, 5), {test_resize_bytes_as_floats}, TN_LOOPED(test_softmax, 3),
         {test_dropout}, {test_overlap}, {test_empty_and_scalar}, {test_version})
