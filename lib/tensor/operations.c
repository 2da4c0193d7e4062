/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Kernels on tensors: resize, softmax, dropout's mask. */
#include "base/status.h"
#include "kernels/kernels.h"
#include "tensor/storage.h"

static tn_status same_shape(const tn_tensor *a, const char *a_name, const tn_tensor *b, const char *b_name)
{
    char own[TN_SHAPE_TEXT], other[TN_SHAPE_TEXT];
    if (tn_shape_equal(&a->shape, &b->shape))
        return TN_OK;
    return TN_FAIL(TN_ERR_SHAPE, "%s is %s, but %s is %s", a_name, tn_shape_text(&a->shape, own, sizeof own), b_name,
                   tn_shape_text(&b->shape, other, sizeof other));
}

/** `out` may be `in`, element for element, if `in_place`; otherwise they have nothing in common. */
static tn_status apart(const char *what, const tn_tensor *in, const tn_tensor *out, bool in_place)
{
    if (!tn_tensor_overlaps(in, out) || (in_place && in->data == out->data))
        return TN_OK;
    return TN_FAIL(TN_ERR_INVALID, "%s overlaps the output", what);
}

tn_status tn_resize_bilinear(const tn_tensor *images, tn_tensor *out)
{
    char from[TN_SHAPE_TEXT], to[TN_SHAPE_TEXT];
    TN_TRY(tn_tensor_check(out, TN_F32, "tn_resize_bilinear: out"));
    if (!images || images->dtype != TN_U8)
        TN_TRY(tn_tensor_check(images, TN_F32, "tn_resize_bilinear: images"));
    /* NOLINTBEGIN(clang-analyzer-core.NullDereference): the check above has refused NULL */
    const int64_t *in = images->shape.dims, *size = out->shape.dims;
    if (images->shape.rank != 4 || out->shape.rank != 4 || in[0] != size[0] || in[3] != size[3])
        /* NOLINTEND(clang-analyzer-core.NullDereference) */
        return TN_FAIL(TN_ERR_SHAPE, "tn_resize_bilinear: images %s cannot become %s",
                       tn_shape_text(&images->shape, from, sizeof from), tn_shape_text(&out->shape, to, sizeof to));
    TN_TRY(apart("tn_resize_bilinear: images", images, out, false));
    tn_resize_shape shape = {.n = in[0], .h = in[1], .w = in[2], .c = in[3], .oh = size[1], .ow = size[2]};
    if (out->size == 0)
        return TN_OK;
    if (images->dtype == TN_U8)
        tn_resize_u8(NULL, &shape, images->data, 1.0f, out->data);
    else
        tn_resize_f32(NULL, &shape, images->data, 1.0f, out->data);
    return TN_OK;
}

/** One of the two softmaxes, and its name for messages. */
typedef struct softmax {
    void (*kernel)(tn_pool *pool, const float *x, float *y, int64_t outer, int64_t axis, int64_t inner);
    const char *x, *y;
} softmax;

static tn_status along_axis(const tn_tensor *x, int axis, tn_tensor *y, const softmax *which)
{
    TN_TRY(tn_tensor_check(x, TN_F32, which->x));
    TN_TRY(tn_tensor_check(y, TN_F32, which->y));
    TN_TRY(same_shape(x, which->x, y, "y"));
    int rank = x->shape.rank, own = axis < 0 ? axis + rank : axis;
    if (own < 0 || own >= rank)
        return TN_FAIL(TN_ERR_INVALID, "%s has rank %d, axis is %d", which->x, rank, axis);
    TN_TRY(apart(which->x, x, y, true));
    int64_t parts[3] = {1, 1, 1};
    for (int i = 0; i < rank; i++)
        parts[i < own ? 0 : i == own ? 1 : 2] *= x->shape.dims[i];
    if (x->size > 0)
        which->kernel(NULL, x->data, y->data, parts[0], parts[1], parts[2]);
    return TN_OK;
}

tn_status tn_softmax_tensor(const tn_tensor *x, int axis, tn_tensor *y)
{
    return along_axis(x, axis, y, &(softmax){tn_softmax, "tn_softmax_tensor: x", "tn_softmax_tensor: y"});
}

tn_status tn_log_softmax_tensor(const tn_tensor *x, int axis, tn_tensor *y)
{
    return along_axis(x, axis, y, &(softmax){tn_log_softmax, "tn_log_softmax_tensor: x", "tn_log_softmax_tensor: y"});
}

tn_status tn_dropout_apply(const tn_tensor *x, const tn_tensor *mask, float rate, tn_tensor *y)
{
    TN_TRY(tn_tensor_check(x, TN_F32, "tn_dropout_apply: x"));
    TN_TRY(tn_tensor_check(y, TN_F32, "tn_dropout_apply: y"));
    TN_TRY(tn_tensor_check(mask, TN_U8, "tn_dropout_apply: mask"));
    if (!(rate >= 0.0f && rate < 1.0f))
        return TN_FAIL(TN_ERR_INVALID, "tn_dropout_apply: rate is %g, must be in [0,1)", (double)rate);
    TN_TRY(same_shape(mask, "tn_dropout_apply: mask", x, "x"));
    TN_TRY(same_shape(y, "tn_dropout_apply: y", x, "x"));
    TN_TRY(apart("tn_dropout_apply: x", x, y, true));
    TN_TRY(apart("tn_dropout_apply: mask", mask, y, false));
    if (x->size > 0)
        tn_dropout_mask(NULL, mask->data, rate, x->data, y->data, x->size);
    return TN_OK;
}
