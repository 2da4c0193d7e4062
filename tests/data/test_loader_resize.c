/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Images on their way through the loader: resized and scaled by the definition, in double precision. */
#include "samples.h"

#include <math.h>

/* The source coordinate (i + 0.5) in / out - 0.5, clamped: two neighbours and the second one's weight. */
static void neighbours(int64_t i, int64_t in, int64_t out, int64_t *a, int64_t *b, double *weight)
{
    double at = ((double)i + 0.5) * (double)in / (double)out - 0.5;
    at = at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at;
    *a = (int64_t)floor(at);
    *b = *a + 1 < in ? *a + 1 : in - 1;
    *weight = at - (double)*a;
}

/* One value of the resized image, x [H,W,C]. */
static double bilinear(const double *x, const int64_t in[3], int64_t oh, int64_t ow, int64_t i, int64_t j, int64_t c)
{
    int64_t top, bottom, left, right;
    double v, h;
    neighbours(i, in[0], oh, &top, &bottom, &v);
    neighbours(j, in[1], ow, &left, &right, &h);
    double upper = x[(top * in[1] + left) * in[2] + c] * (1 - h) + x[(top * in[1] + right) * in[2] + c] * h;
    double lower = x[(bottom * in[1] + left) * in[2] + c] * (1 - h) + x[(bottom * in[1] + right) * in[2] + c] * h;
    return upper * (1 - v) + lower * v;
}

typedef struct resize_case {
    int64_t count, batch, in[3], oh, ow; /* oh, ow 0: as they are */
    tn_dtype dtype;
    float scale;
} resize_case;

/* The pixels, and the same as doubles. */
static tn_tensor *pixels(const resize_case *c, double *values)
{
    const int64_t dims[] = {c->count, c->in[0], c->in[1], c->in[2]};
    tn_tensor *images = NULL;
    uint32_t state = 12345;
    ck_ok(tn_tensor_create(NULL, c->dtype, 4, dims, &images));
    for (int64_t i = 0; i < tn_tensor_size(images); i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = state >> 24;
        if (c->dtype == TN_U8)
            ((uint8_t *)tn_tensor_data(images))[i] = (uint8_t)(state >> 24);
        else
            tn_tensor_f32(images)[i] = (float)values[i];
    }
    return images;
}

static void compare_image(const resize_case *c, const double *image, const float *out)
{
    int64_t oh = c->oh ? c->oh : c->in[0], ow = c->ow ? c->ow : c->in[1];
    double scale = c->scale != 0 ? (double)c->scale : 1, bound = 255 * fabs(scale) * 1e-6;
    for (int64_t i = 0; i < oh; i++)
        for (int64_t j = 0; j < ow; j++)
            for (int64_t k = 0; k < c->in[2]; k++) {
                double expected = bilinear(image, c->in, oh, ow, i, j, k) * scale;
                double got = (double)out[(i * ow + j) * c->in[2] + k];
                if (!(fabs(got - expected) <= bound)) /* an assertion for each pixel would take a second */
                    ck_abort_msg("[%d,%d,%d]: %.9g, expected %.9g", (int)i, (int)j, (int)k, got, expected);
            }
}

static void check(const resize_case *c, bool without_thread)
{
    int64_t sample = c->in[0] * c->in[1] * c->in[2], seen = 0;
    double *values = calloc((size_t)(c->count * sample), sizeof *values);
    tn_tensor *images = pixels(c, values), *classes = NULL;
    tn_dataset *dataset = NULL;
    const tn_tensor *x, *y;
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, &c->count, &classes));
    ck_ok(tn_dataset_from_tensors(NULL, images, classes, &dataset));
    tn_tensor_destroy(&images);
    tn_tensor_destroy(&classes);
    tn_loader *loader = loader_over(dataset, (tn_loader_options){.batch_size = c->batch,
                                                                 .scale = c->scale,
                                                                 .resize_height = c->oh,
                                                                 .resize_width = c->ow,
                                                                 .without_thread = without_thread});
    tn_shape shape = tn_loader_sample_shape(loader);
    ck_assert_int_eq(shape.dims[1], c->oh ? c->oh : c->in[0]);
    ck_assert_int_eq(shape.dims[2], c->ow ? c->ow : c->in[1]);
    ck_assert_int_eq(shape.dims[3], c->in[2]);
    while (next_batch(loader, &x, &y)) {
        int64_t rows = tn_tensor_dim(x, 0), each = tn_tensor_size(x) / rows;
        ck_assert_int_eq(tn_tensor_dim(x, 1), shape.dims[1]);
        for (int64_t i = 0; i < rows; i++)
            compare_image(c, values + (seen + i) * sample, tn_tensor_const_f32(x) + i * each);
        seen += rows;
    }
    ck_assert_int_eq(seen, c->count);
    tn_loader_destroy(&loader);
    free(values);
}

START_TEST(test_definition)
{
    static const resize_case cases[] = {
        {5, 3, {28, 28, 1}, 224, 224, TN_U8, 1.0f / 255},
        {5, 3, {28, 28, 1}, 224, 224, TN_F32, 1.0f / 255},
        {3, 2, {7, 5, 3}, 13, 4, TN_U8, 0},
        {3, 2, {7, 5, 3}, 13, 4, TN_F32, -2},
        {2, 2, {9, 9, 4}, 3, 5, TN_U8, 1},
        {2, 1, {1, 1, 2}, 6, 3, TN_F32, 1},
        {2, 1, {1, 6, 1}, 4, 6, TN_U8, 1},
        {4, 3, {6, 8, 1}, 0, 20, TN_U8, 1},
        {4, 3, {6, 8, 1}, 20, 0, TN_F32, 1},
        {4, 3, {6, 8, 2}, 6, 8, TN_U8, 0.25f},
        {4, 3, {6, 8, 2}, 6, 8, TN_F32, 0.25f},
        {4, 3, {6, 8, 2}, 0, 0, TN_F32, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i], _i);
}
END_TEST

START_TEST(test_exact)
{
    /* twice as large: weights 1/4 and 3/4, everything representable */
    static const uint8_t image[4] = {0, 16, 64, 128};
    static const float expected[4][4] = {{0, 4, 12, 16}, {16, 23, 37, 44}, {48, 61, 87, 100}, {64, 80, 112, 128}};
    const int64_t dims[] = {1, 2, 2, 1};
    tn_tensor *images = NULL, *classes = NULL;
    tn_dataset *dataset = NULL;
    const tn_tensor *x, *y;
    ck_ok(tn_tensor_from_data(NULL, TN_U8, 4, dims, image, &images));
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, dims, &classes));
    ck_ok(tn_dataset_from_tensors(NULL, images, classes, &dataset));
    tn_tensor_destroy(&images);
    tn_tensor_destroy(&classes);
    tn_loader *loader =
        loader_over(dataset, (tn_loader_options){.batch_size = 1, .resize_height = 4, .resize_width = 4});
    ck_ok(tn_loader_next(loader, &x, &y));
    for (int i = 0; i < 16; i++)
        ck_assert(tn_tensor_const_f32(x)[i] == expected[i / 4][i % 4]);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_refused)
{
    tn_dataset *dataset = numbered(3);
    tn_loader *loader = NULL;
    ck_fails(tn_loader_create(dataset,
                              TN_OPTIONS(tn_loader_options, .batch_size = 1, .resize_height = 4, .resize_width = 4),
                              &loader),
             TN_ERR_SHAPE, "[3,2]");
    ck_fails(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 1, .resize_width = -4), &loader),
             TN_ERR_INVALID, "0x-4");
    ck_fails(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 1, .scale = INFINITY), &loader),
             TN_ERR_INVALID, "scale is inf");
    ck_assert_ptr_null(loader);
    tn_dataset_destroy(&dataset);
}
END_TEST

TN_SUITE("loader_resize", TN_LOOPED(test_definition, 2), {test_exact}, {test_refused})
