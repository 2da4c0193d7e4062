/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Comparison, layouts, and models of one layer. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double relative_tolerance = 1e-3, absolute_tolerance = 1e-7; /* ONNX's backend test runner's */
static double worst_seen;

double worst_of_tolerance(void)
{
    return worst_seen;
}

bool not_applicable(verdict *v, const char *why)
{
    snprintf(v->text, sizeof v->text, "%s", why);
    return false;
}

bool library_failed(verdict *v, const char *what)
{
    v->passed = false;
    snprintf(v->text, sizeof v->text, "%s: %s: %s", what, tn_status_name(tn_last_status()), tn_last_error());
    return true;
}

static bool same_shape(const tn_tensor *a, const tn_tensor *b)
{
    if (tn_tensor_rank(a) != tn_tensor_rank(b))
        return false;
    for (int i = 0; i < tn_tensor_rank(a); i++)
        if (tn_tensor_dim(a, i) != tn_tensor_dim(b, i))
            return false;
    return true;
}

static bool close_enough(float computed, float expected)
{
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(computed) : computed == expected;
    double bound = absolute_tolerance + relative_tolerance * fabs((double)expected);
    double share = fabs((double)computed - (double)expected) / bound;
    if (share > worst_seen)
        worst_seen = share;
    return share <= 1.0; /* false for a NaN that was not expected */
}

static bool floats_agree(const tn_tensor *computed, const tn_tensor *expected, const char *what, verdict *v)
{
    const float *a = tn_tensor_const_f32(computed), *b = tn_tensor_const_f32(expected);
    for (int64_t i = 0; i < tn_tensor_size(expected); i++)
        if (!close_enough(a[i], b[i])) {
            snprintf(v->text, sizeof v->text, "%s[%lld] is %.9g, expected %.9g", what, (long long)i, (double)a[i],
                     (double)b[i]);
            return false;
        }
    return true;
}

bool agrees(const tn_tensor *computed, const tn_tensor *expected, const char *what, verdict *v)
{
    v->passed = false;
    if (tn_tensor_dtype(computed) != tn_tensor_dtype(expected) || !same_shape(computed, expected)) {
        snprintf(v->text, sizeof v->text, "%s has another shape or type: %lld elements, expected %lld", what,
                 (long long)tn_tensor_size(computed), (long long)tn_tensor_size(expected));
        return false;
    }
    if (tn_tensor_dtype(expected) == TN_F32)
        return v->passed = floats_agree(computed, expected, what, v);
    v->passed = memcmp(tn_tensor_const_data(computed), tn_tensor_const_data(expected), tn_tensor_bytes(expected)) == 0;
    if (!v->passed)
        snprintf(v->text, sizeof v->text, "%s differs", what);
    return v->passed;
}

tn_status to_nhwc(const tn_tensor *nchw, tn_tensor **out)
{
    return tn_tensor_transpose(NULL, nchw, (const int[]){0, 2, 3, 1}, out);
}

tn_status to_nchw(const tn_tensor *nhwc, tn_tensor **out)
{
    return tn_tensor_transpose(NULL, nhwc, (const int[]){0, 3, 1, 2}, out);
}

tn_status to_filters(const tn_tensor *oihw, tn_tensor **out)
{
    return tn_tensor_transpose(NULL, oihw, (const int[]){2, 3, 1, 0}, out);
}

tn_status single_layer_create(tn_layer *layer, const tn_tensor *x, bool training, single_layer *out)
{
    *out = (single_layer){NULL, NULL};
    tn_model_options options = {.struct_size = sizeof options, .seed = 1};
    for (int i = 1; i < tn_tensor_rank(x); i++)
        options.input_shape[i - 1] = tn_tensor_dim(x, i);
    tn_status status = tn_model_create(layer, &options, &out->model);
    if (status == TN_OK)
        status = tn_session_create(out->model,
                                   TN_OPTIONS(tn_session_options, .batch_size = tn_tensor_dim(x, 0), .threads = 2,
                                              .training = training, .input_gradient = training),
                                   &out->session);
    if (status != TN_OK)
        single_layer_destroy(out);
    return status;
}

void single_layer_destroy(single_layer *it)
{
    tn_session_destroy(&it->session);
    tn_model_destroy(&it->model);
}

tn_status run_layer(tn_layer *layer, const tn_tensor *x, tn_mode mode, tn_tensor **y)
{
    single_layer it;
    const tn_tensor *borrowed;
    tn_status status = single_layer_create(layer, x, mode == TN_TRAIN, &it);
    if (status != TN_OK)
        return status;
    status = tn_session_forward(it.session, x, mode, &borrowed);
    if (status == TN_OK)
        status = tn_tensor_clone(NULL, borrowed, y);
    single_layer_destroy(&it);
    return status;
}

tn_status run_elementwise(tn_layer *layer, tn_tensor *x, tn_mode mode, tn_tensor **y)
{
    tn_tensor *row = NULL, *flat = NULL;
    int64_t dims[TN_MAX_RANK];
    for (int i = 0; i < tn_tensor_rank(x); i++)
        dims[i] = tn_tensor_dim(x, i);
    tn_status status = tn_tensor_reshape(x, 2, (const int64_t[]){1, -1}, &row);
    if (status == TN_OK)
        status = run_layer(layer, row, mode, &flat);
    else
        tn_layer_destroy(&layer);
    if (status == TN_OK)
        status = tn_tensor_reshape(flat, tn_tensor_rank(x), dims, y);
    tn_tensor_destroy(&row);
    tn_tensor_destroy(&flat);
    return status;
}
