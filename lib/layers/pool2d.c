/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Options and shapes of pooling. */
#include "layers/pool2d.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "layers/construct.h"

#include <inttypes.h>

static tn_status read_window(const char *label, const tn_pool2d_options *o, tn_window *out)
{
    const tn_window_options options = {
        .size_name = "pool",
        .size = {o->pool_size, o->pool_height, o->pool_width},
        .strides = {o->strides, o->strides_height, o->strides_width},
        .dilation = {o->dilation, o->dilation_height, o->dilation_width},
        .strides_follow_size = true,
        .pads_inside_extent = true,
        .padding = o->padding,
        .pads = {o->pad_top, o->pad_bottom, o->pad_left, o->pad_right},
        .ceil_mode = o->ceil_mode,
    };
    return tn_window_read(label, &options, out);
}

static tn_status refuse_other_kind(const char *label, bool mean, const tn_pool2d_options *o, const tn_window *window)
{
    if (!mean && o->count_padding)
        return TN_FAIL(TN_ERR_INVALID, "%s: count_padding is set, which only average pooling has", label);
    if (mean && (window->dilation[0] != 1 || window->dilation[1] != 1))
        return TN_FAIL(TN_ERR_INVALID, "%s: dilation is %" PRId64 "x%" PRId64 ", which only max pooling has", label,
                       window->dilation[0], window->dilation[1]);
    return TN_OK;
}

/* Positions are counted, and those of maxima kept, as 32-bit integers. */
static tn_status refuse_many_positions(const char *label, const tn_window *window)
{
    int64_t positions;
    if (tn_mul_i64(window->size[0], window->size[1], &positions) && positions <= INT32_MAX)
        return TN_OK;
    return TN_FAIL(TN_ERR_OVERFLOW, "%s: a window of %" PRId64 "x%" PRId64 " has too many positions", label,
                   window->size[0], window->size[1]);
}

tn_status tn_pool2d_new(const tn_op *op, bool mean, const tn_pool2d_options *options, tn_layer **out)
{
    tn_pool2d_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_pool2d_options"));
    const char *label = tn_layer_label(op->kind, o.name);
    tn_window window;
    TN_TRY(read_window(label, &o, &window));
    TN_TRY(refuse_other_kind(label, mean, &o, &window));
    TN_TRY(refuse_many_positions(label, &window));
    tn_pool2d_layer *layer;
    TN_TRY(tn_layer_new(op, sizeof *layer, o.allocator, o.name, &layer));
    layer->window = window;
    layer->count_padding = o.count_padding;
    *out = &layer->base;
    return TN_OK;
}

/* A dilated window may step over a small image with all its pixels; such a window has neither maximum nor index. */
static bool misses_image(int64_t in, int64_t out, int64_t stride, int64_t dilation, int64_t pad)
{
    for (int64_t i = 0; dilation > in && i < out && i * stride < pad; i++) {
        int64_t before = (pad - i * stride) % dilation;
        if (before != 0 && dilation - before >= in)
            return true;
    }
    return false;
}

tn_status tn_pool2d_shape(const tn_layer *layer, const char *name, const tn_shape *in, tn_pool_shape *out)
{
    const tn_pool2d_layer *pool = (const tn_pool2d_layer *)layer;
    const tn_window *window = &pool->window;
    tn_window_fit fit;
    TN_TRY(tn_window_lay(name, window, in, &fit));
    for (int d = 0; d < 2; d++)
        if (misses_image(in->dims[d + 1], fit.out[d], window->stride[d], window->dilation[d], fit.pad_begin[d]))
            return TN_FAIL(TN_ERR_SHAPE,
                           "%s: with dilation %" PRId64 " a window reaches no pixel of the %" PRId64 "x%" PRId64 " input",
                           name, window->dilation[d], in->dims[1], in->dims[2]);
    *out = (tn_pool_shape){
        .n = in->dims[0], .h = in->dims[1], .w = in->dims[2], .c = in->dims[3],
        .window_h = window->size[0], .window_w = window->size[1],
        .stride_h = window->stride[0], .stride_w = window->stride[1],
        .dilation_h = window->dilation[0], .dilation_w = window->dilation[1],
        .pad_top = fit.pad_begin[0], .pad_left = fit.pad_begin[1],
        .pad_bottom = fit.pad_end[0], .pad_right = fit.pad_end[1],
        .oh = fit.out[0], .ow = fit.out[1],
        .count_padding = pool->count_padding,
    };
    return TN_OK;
}

tn_status tn_pool2d_infer(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out)
{
    tn_pool_shape pool;
    TN_TRY(tn_pool2d_shape(layer, name, in, &pool));
    const tn_shape shape = {4, {pool.n, pool.oh, pool.ow, pool.c}};
    TN_TRY(tn_shape_fits(name, "output", &shape));
    *out = shape;
    return TN_OK;
}

tn_pool_shape tn_pool2d_of_run(const tn_op_run *run)
{
    tn_pool_shape shape = *(const tn_pool_shape *)run->state;
    shape.n = run->in.dims[0];
    return shape;
}
