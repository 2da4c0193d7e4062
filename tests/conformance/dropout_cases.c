/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dropout. Outside training, and at ratio 0, the case goes through a dropout layer. In training the expected mask is
 *  that of NumPy's generator: it is taken from the mask output, or from where the expected output is not zero, and fed
 *  to tn_dropout_apply; what is compared is that function's output. */
#include "harness.h"

static float ratio_of(const onnx_case *c)
{
    if (c->inputs[1].tensor && tn_tensor_dtype(c->inputs[1].tensor) == TN_F32)
        return tn_tensor_const_f32(c->inputs[1].tensor)[0];
    return onnx_number(c, "ratio", 0.5f); /* an attribute before version 12 */
}

static bool is_training(const onnx_case *c)
{
    const tn_tensor *mode = c->inputs[2].tensor;
    return mode && tn_tensor_dtype(mode) == TN_U8 && *(const uint8_t *)tn_tensor_const_data(mode) != 0;
}

/* mask[i] = what is kept of x: for a layer that drops nothing all of it. */
static tn_status mask_of(const tn_tensor *x, const tn_tensor *y, tn_tensor **mask)
{
    int64_t dims[TN_MAX_RANK];
    for (int i = 0; i < tn_tensor_rank(x); i++)
        dims[i] = tn_tensor_dim(x, i);
    tn_status status = tn_tensor_create(NULL, TN_U8, tn_tensor_rank(x), dims, mask);
    if (status != TN_OK)
        return status;
    const float *source = tn_tensor_const_f32(x), *result = tn_tensor_const_f32(y);
    uint8_t *kept = tn_tensor_data(*mask);
    for (int64_t i = 0; i < tn_tensor_size(x); i++)
        kept[i] = result[i] != 0.0f || source[i] == 0.0f;
    return TN_OK;
}

static bool finish(const onnx_case *c, tn_status status, tn_tensor **y, tn_tensor **mask, verdict *v)
{
    if (status != TN_OK)
        library_failed(v, "dropout");
    else if (agrees(*y, c->outputs[0].tensor, "output", v) && c->output_count > 1)
        agrees(*mask, c->outputs[1].tensor, "mask", v);
    tn_tensor_destroy(y);
    tn_tensor_destroy(mask);
    return true;
}

static bool run_layer_case(const onnx_case *c, float ratio, verdict *v)
{
    tn_tensor *x = c->inputs[0].tensor, *y = NULL, *mask = NULL;
    tn_mode mode = is_training(c) ? TN_TRAIN : TN_PREDICT;
    tn_status status = run_elementwise(tn_dropout(.rate = ratio), x, mode, &y);
    if (status == TN_OK)
        status = mask_of(x, y, &mask);
    return finish(c, status, &y, &mask, v);
}

static bool run_mask_case(const onnx_case *c, float ratio, verdict *v)
{
    tn_tensor *x = c->inputs[0].tensor, *y = NULL, *mask = NULL;
    tn_status status = c->output_count > 1 ? tn_tensor_clone(NULL, c->outputs[1].tensor, &mask)
                                           : mask_of(x, c->outputs[0].tensor, &mask);
    if (status == TN_OK)
        status = tn_tensor_clone(NULL, x, &y);
    if (status == TN_OK)
        status = tn_dropout_apply(x, mask, ratio, y);
    return finish(c, status, &y, &mask, v);
}

bool run_dropout(const onnx_case *c, verdict *v)
{
    if (!onnx_complete(c) || tn_tensor_dtype(c->inputs[0].tensor) != TN_F32)
        return not_applicable(v, "not float");
    float ratio = ratio_of(c);
    return is_training(c) && ratio > 0.0f ? run_mask_case(c, ratio, v) : run_layer_case(c, ratio, v);
}
