/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Options of layers: what messages say, defaults, and structs of programs built with an older library. */
#include "suite.h"

#include <stddef.h>

static void ck_refused(tn_layer *layer, const char *text)
{
    ck_assert_ptr_null(layer);
    ck_assert_int_eq(tn_last_status(), TN_ERR_INVALID);
    ck_assert_str_eq(tn_last_error(), text);
}

START_TEST(test_messages)
{
    ck_refused(tn_conv2d(.kernel_size = 3), "conv2d: filters is 0, must be at least 1");
    ck_refused(tn_conv2d(.kernel_size = 3, .name = "stem"), "stem: filters is 0, must be at least 1");
    ck_refused(tn_conv2d(.filters = 3), "conv2d: kernel_size is 0, must be at least 1");
    ck_refused(tn_conv2d(.filters = 3, .kernel_height = 2), "conv2d: kernel_width is 0, must be at least 1");
    ck_refused(tn_conv2d(.filters = 3, .kernel_size = 2, .strides_width = -2),
               "conv2d: strides_width is -2, must be at least 1");
    ck_refused(tn_conv2d(.filters = 5, .kernel_size = 2, .groups = 2),
               "conv2d: filters is 5, which is not a multiple of groups=2");
    ck_refused(tn_conv2d(.filters = 4, .kernel_size = 2, .padding = TN_SAME, .pad_left = 1),
               "conv2d: pad_left is 1, but padding is not TN_EXPLICIT");
    ck_refused(tn_max_pool2d(.pool_size = 2, .padding = TN_EXPLICIT, .pad_bottom = 2),
               "max_pool2d: pad_bottom is 2, must be less than the window's extent of 2");
    ck_refused(tn_max_pool2d(.pool_size = 2, .count_padding = true),
               "max_pool2d: count_padding is set, which only average pooling has");
    ck_refused(tn_dense(.units = 0, .name = "head"), "head: units is 0, must be at least 1");
    ck_refused(tn_dropout(.rate = 1.5f), "dropout: rate is 1.5, must be in [0,1)");
}
END_TEST

START_TEST(test_names)
{
    char longest[65];
    memset(longest, 'x', 64);
    longest[64] = '\0';
    ck_refused(tn_flatten(.name = longest), "flatten: name is longer than 63 characters");
    longest[63] = '\0';
    tn_layer *layer = tn_flatten(.name = longest);
    ck_assert_ptr_nonnull(layer);
    tn_layer_destroy(&layer);
    ck_refused(tn_flatten(.name = "a\nb"), "flatten: name has character 0x0a at 1, which is not one of [A-Za-z0-9_-]");
}
END_TEST

/* The output for `layer` on an 8x8x2 image. */
static tn_shape output_of(tn_layer *layer)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(layer, TN_OPTIONS(tn_model_options, .input_shape = {8, 8, 2}), &model));
    tn_shape shape = tn_model_output_shape(model);
    tn_model_destroy(&model);
    return shape;
}

/* Windows that leave out pixels between them need no padding to be the same. */
START_TEST(test_strides_beyond_windows)
{
    tn_shape shape = output_of(tn_conv2d(.filters = 1, .kernel_size = 1, .strides = 3, .padding = TN_SAME));
    ck_assert_int_eq(shape.dims[1], 3);
    ck_assert_int_eq(shape.dims[2], 3);
}
END_TEST

START_TEST(test_defaults)
{
    tn_shape conv = output_of(tn_conv2d(.filters = 3, .kernel_size = 3));
    ck_assert_int_eq(conv.dims[1], 6);
    ck_assert_int_eq(conv.dims[3], 3);
    ck_assert_int_eq(output_of(tn_max_pool2d(.pool_size = 3)).dims[1], 2); /* strides: the pool size */
    ck_assert_int_eq(output_of(tn_avg_pool2d(.pool_size = 3, .strides = 1)).dims[2], 6);
    tn_shape both =
        output_of(tn_conv2d(.filters = 1, .kernel_size = 3, .kernel_width = 5, .strides = 2, .strides_height = 1));
    ck_assert_int_eq(both.dims[1], 6);
    ck_assert_int_eq(both.dims[2], 2);
}
END_TEST

/* tn_conv2d_options as a program knew it before groups and what follows existed; garbage lies behind it. */
START_TEST(test_older_layout)
{
    enum { KNOWN = offsetof(tn_conv2d_options, groups) };
    union {
        tn_conv2d_options options;
        unsigned char bytes[sizeof(tn_conv2d_options)];
    } older;
    memset(older.bytes, 0xa5, sizeof older);
    memset(older.bytes, 0, KNOWN);
    older.options.struct_size = KNOWN;
    older.options.filters = 3;
    older.options.kernel_size = 3;
    older.options.strides = 2;
    tn_shape shape = output_of(tn_conv2d_create(&older.options));
    ck_assert_int_eq(shape.dims[1], 3);
    ck_assert_int_eq(shape.dims[3], 3);
}
END_TEST

/* The size field reads the same through the struct of each kind. */
START_TEST(test_missing_size)
{
    const tn_dropout_options dropout = {.rate = 0.5f};
    const tn_layer_options flatten = {.name = "a"};
    ck_assert_ptr_null(tn_dropout_create(&dropout));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "tn_dropout_options"));
    ck_assert_ptr_null(tn_flatten_create(&flatten));
    ck_assert_ptr_nonnull(strstr(tn_last_error(), "tn_layer_options"));
}
END_TEST

TN_SUITE("layer_options", {test_messages}, {test_names}, {test_strides_beyond_windows}, {test_defaults},
         {test_older_layout}, {test_missing_size})
