/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The arithmetic of windows: defaults, padding, output sizes. */
#include "layers/window.h"

#include "base/memory.h"
#include "base/status.h"
#include "layers/construct.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>

/* "kernel_height" of "kernel" and 1; the option for both directions is "kernel_size", but "strides" alone. */
static const char *option_name(char text[32], const char *stem, const char *both, int index)
{
    static const char *const ends[3] = {"", "_height", "_width"};
    (void)snprintf(text, 32, "%s%s", stem, index == 0 ? both : ends[index]);
    return text;
}

/* One triple of options to a pair; a fallback of 0 means that the option is required. */
static tn_status resolve(const char *label, const char *stem, const char *both, const int64_t given[3],
                         const int64_t fallback[2], int64_t out[2])
{
    char text[32];
    for (int i = 0; i < 3; i++)
        if (given[i] < 0)
            return tn_option_at_least(label, option_name(text, stem, both, i), given[i], 1);
    for (int d = 0; d < 2; d++) {
        out[d] = given[d + 1] != 0 ? given[d + 1] : given[0] != 0 ? given[0] : fallback[d];
        bool none = given[0] == 0 && given[1] == 0 && given[2] == 0;
        TN_TRY(tn_option_at_least(label, option_name(text, stem, both, none ? 0 : d + 1), out[d], 1));
    }
    return TN_OK;
}

static tn_status measure_extent(const char *label, tn_window *window)
{
    for (int d = 0; d < 2; d++) {
        int64_t reach;
        if (!tn_mul_i64(window->dilation[d], window->size[d] - 1, &reach) || !tn_add_i64(reach, 1, &window->extent[d]))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: a window of %" PRId64 " with dilation %" PRId64 " is too large", label,
                           window->size[d], window->dilation[d]);
    }
    return TN_OK;
}

static tn_status check_pad(const char *label, const tn_window_options *options, int side, int64_t extent)
{
    static const char *const names[4] = {"pad_top", "pad_bottom", "pad_left", "pad_right"};
    int64_t pad = options->pads[side];
    TN_TRY(tn_option_at_least(label, names[side], pad, 0));
    if (pad > 0 && options->padding != TN_EXPLICIT)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is %" PRId64 ", but padding is not TN_EXPLICIT", label, names[side], pad);
    if (options->pads_inside_extent && pad >= extent)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is %" PRId64 ", must be less than the window's extent of %" PRId64, label,
                       names[side], pad, extent);
    return TN_OK;
}

static tn_status read_padding(const char *label, const tn_window_options *options, tn_window *window)
{
    if ((int)options->padding < (int)TN_VALID || (int)options->padding > (int)TN_EXPLICIT)
        return TN_FAIL(TN_ERR_INVALID, "%s: padding is %d, which is no tn_padding", label, (int)options->padding);
    for (int side = 0; side < 4; side++)
        TN_TRY(check_pad(label, options, side, window->extent[side / 2]));
    window->padding = options->padding;
    for (int d = 0; d < 2; d++) {
        window->pad_begin[d] = options->pads[2 * d];
        window->pad_end[d] = options->pads[2 * d + 1];
    }
    return TN_OK;
}

tn_status tn_window_read(const char *label, const tn_window_options *options, tn_window *out)
{
    static const int64_t required[2] = {0, 0}, ones[2] = {1, 1};
    tn_window window = {.ceil_mode = options->ceil_mode};
    TN_TRY(resolve(label, options->size_name, "_size", options->size, required, window.size));
    TN_TRY(resolve(label, "strides", "", options->strides, options->strides_follow_size ? window.size : ones,
                   window.stride));
    TN_TRY(resolve(label, "dilation", "", options->dilation, ones, window.dilation));
    TN_TRY(measure_extent(label, &window));
    TN_TRY(read_padding(label, options, &window));
    *out = window;
    return TN_OK;
}

static void lay_same(const tn_window *window, int d, int64_t in, tn_window_fit *fit)
{
    int64_t stride = window->stride[d];
    fit->out[d] = in / stride + (in % stride != 0);
    int64_t pads = (fit->out[d] - 1) * stride + (window->extent[d] - in); /* less than the extent */
    if (pads < 0)
        pads = 0;
    fit->pad_begin[d] = pads / 2;
    fit->pad_end[d] = pads - pads / 2;
}

static tn_status lay_padded(const char *name, const tn_window *window, int d, const tn_shape *shape, tn_window_fit *fit)
{
    int64_t begin = window->pad_begin[d], end = window->pad_end[d], extent = window->extent[d], padded;
    char text[TN_SHAPE_TEXT];
    tn_shape_text(shape, text, sizeof text);
    if (!tn_add_i64(shape->dims[d + 1], begin, &padded) || !tn_add_i64(padded, end, &padded))
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: input %s with padding %" PRId64 " and %" PRId64 " is too large", name, text,
                       begin, end);
    if (padded < extent)
        return TN_FAIL(TN_ERR_SHAPE, "%s: input %s%s is smaller than the %" PRId64 "x%" PRId64 " window", name, text,
                       begin + end > 0 ? " with its padding" : "", window->extent[0], window->extent[1]);
    int64_t stride = window->stride[d], left = (padded - extent) % stride;
    fit->out[d] = (padded - extent) / stride + 1;
    /* One more window: it would start stride - left further on, and must start before the padding at the end. */
    if (window->ceil_mode && left != 0 && stride - left < extent - end)
        fit->out[d]++;
    fit->pad_begin[d] = begin;
    fit->pad_end[d] = end;
    return TN_OK;
}

tn_status tn_window_lay(const char *name, const tn_window *window, const tn_shape *in, tn_window_fit *out)
{
    char text[TN_SHAPE_TEXT];
    if (in->rank != 4)
        return TN_FAIL(TN_ERR_SHAPE, "%s: input %s is not [N,H,W,C]", name, tn_shape_text(in, text, sizeof text));
    tn_window_fit fit;
    for (int d = 0; d < 2; d++) {
        if (window->padding == TN_SAME)
            lay_same(window, d, in->dims[d + 1], &fit);
        else
            TN_TRY(lay_padded(name, window, d, in, &fit));
    }
    *out = fit;
    return TN_OK;
}
