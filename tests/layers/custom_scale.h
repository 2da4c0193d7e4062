/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A custom layer for tests: y = (scale * x + shift)^2 element by element over the last dimension, with a scratch
 *  buffer that holds the inner sums, any of whose functions can be told to fail or to lie. */
#ifndef TESTS_LAYERS_CUSTOM_SCALE_H
#define TESTS_LAYERS_CUSTOM_SCALE_H

#include "suite.h"

typedef enum scale_fault {
    NO_FAULT,
    INFER_FAILS,
    INFER_FAILS_SILENTLY,
    INFER_GIVES_BAD_RANK,
    INFER_GIVES_BAD_DIM,
    INFER_CHANGES_BATCH,
    PARAMETER_FAILS,
    PARAMETER_BAD_NAME,
    PARAMETER_BAD_SHAPE,
    PARAMETER_BAD_LIMIT,
    PARAMETER_TWICE,
    PARAMETER_ENDLESS,
    SCRATCH_TOO_MUCH,
    FORWARD_FAILS,
    FORWARD_FAILS_SILENTLY,
    BACKWARD_FAILS,
    WRONG_GRADIENT, /* of scale: a tenth too large */
    FORGETS_TO_ADD, /* shift's gradient is written, not added to */
} scale_fault;

typedef struct scale_layer {
    scale_fault fault;
    int destroyed, forwards, backwards;
} scale_layer;

static inline tn_status scale_infer(const void *self, const tn_shape *in, tn_shape *out)
{
    scale_fault fault = ((const scale_layer *)self)->fault;
    if (fault == INFER_FAILS)
        return tn_fail(TN_ERR_SHAPE, "cannot take %d dimensions", in->rank);
    if (fault == INFER_FAILS_SILENTLY)
        return TN_ERR_UNSUPPORTED;
    *out = *in;
    if (fault == INFER_GIVES_BAD_RANK)
        out->rank = 9;
    if (fault == INFER_GIVES_BAD_DIM)
        out->dims[1] = 0;
    if (fault == INFER_CHANGES_BATCH)
        out->dims[0]++;
    return TN_OK;
}

static inline tn_status scale_parameter(const void *self, const tn_shape *in, int index, tn_parameter_spec *out)
{
    scale_fault fault = ((const scale_layer *)self)->fault;
    if (fault == PARAMETER_FAILS)
        return tn_fail(TN_ERR_UNSUPPORTED, "parameter %d is not offered", index);
    if (index > 1 && fault != PARAMETER_ENDLESS)
        return TN_NOT_FOUND;
    static const char *const names[] = {"scale", "shift"};
    *out = (tn_parameter_spec){names[index % 2], {1, {in->dims[in->rank - 1]}}, index == 0 ? 1.5f : 0.5f};
    if (fault == PARAMETER_BAD_NAME)
        out->name = "a.b";
    if (fault == PARAMETER_BAD_SHAPE)
        out->shape.dims[0] = -1;
    if (fault == PARAMETER_BAD_LIMIT)
        out->init_limit = -1.0f;
    if (fault == PARAMETER_TWICE)
        out->name = "scale";
    return TN_OK;
}

static inline int64_t scale_count(const tn_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

static inline size_t scale_scratch(const void *self, const tn_shape *in)
{
    if (((const scale_layer *)self)->fault == SCRATCH_TOO_MUCH)
        return SIZE_MAX - 64;
    return (size_t)scale_count(in) * sizeof(float);
}

/* The sums inside the square, into the scratch. */
static inline const float *scale_sums(const tn_layer_call *call)
{
    const float *x = tn_tensor_const_f32(call->x), *scale = tn_tensor_const_f32(call->params[0]),
                *shift = tn_tensor_const_f32(call->params[1]);
    int64_t width = tn_tensor_size(call->params[0]);
    float *sums = call->scratch;
    ck_assert_uint_eq((uintptr_t)sums % 64, 0);
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++)
        sums[i] = x[i] * scale[i % width] + shift[i % width];
    return sums;
}

static inline tn_status scale_forward(const void *self, const tn_layer_call *call)
{
    union {
        const void *read;
        scale_layer *write;
    } layer = {self}; /* the tests count in one thread */
    const float *sums = scale_sums(call);
    float *y = tn_tensor_f32(call->y);
    ck_assert_uint_eq(call->struct_size, sizeof *call);
    layer.write->forwards++;
    if (layer.write->fault == FORWARD_FAILS)
        return tn_fail(TN_ERR_NON_FINITE, "too hot");
    if (layer.write->fault == FORWARD_FAILS_SILENTLY)
        return TN_ERR_IO;
    for (int64_t i = 0; i < tn_tensor_size(call->y); i++)
        y[i] = sums[i] * sums[i];
    return TN_OK;
}

static inline tn_status scale_backward(const void *self, const tn_layer_call *call)
{
    union {
        const void *read;
        scale_layer *write;
    } layer = {self};
    const float *sums = scale_sums(call), *x = tn_tensor_const_f32(call->x), *dy = tn_tensor_const_f32(call->dy);
    float *dscale = tn_tensor_f32(call->dparams[0]), *dshift = tn_tensor_f32(call->dparams[1]);
    int64_t width = tn_tensor_size(call->params[0]);
    layer.write->backwards++;
    if (layer.write->fault == BACKWARD_FAILS)
        return tn_fail(TN_ERR_NON_FINITE, "too cold");
    for (int64_t i = 0; i < tn_tensor_size(call->x); i++) {
        float inner = 2.0f * sums[i] * dy[i];
        dscale[i % width] += inner * x[i] * (layer.write->fault == WRONG_GRADIENT ? 1.1f : 1.0f);
        dshift[i % width] = (layer.write->fault == FORGETS_TO_ADD ? 0.0f : dshift[i % width]) + inner;
        if (call->dx)
            tn_tensor_f32(call->dx)[i] = inner * tn_tensor_const_f32(call->params[0])[i % width];
    }
    return TN_OK;
}

static inline void scale_destroy(void *self)
{
    ((scale_layer *)self)->destroyed++;
}

static const tn_layer_ops scale_ops = {
    .struct_size = sizeof scale_ops,
    .kind = "scale",
    .infer = scale_infer,
    .parameter = scale_parameter,
    .scratch_bytes = scale_scratch,
    .forward = scale_forward,
    .backward = scale_backward,
    .destroy = scale_destroy,
};

#endif
