/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the families of operators share: a verdict on one case, comparison at ONNX's tolerance, layouts, and a model of
 *  one layer that is run once. */
#ifndef TESTS_CONFORMANCE_HARNESS_H
#define TESTS_CONFORMANCE_HARNESS_H

#include "onnx_case.h"

/** The outcome of a case: passed, or a text that says why not. A family's function returns true if the library computed
 *  what the case asks for, whether right or wrong; false if the case does not apply, `text` says why. */
typedef struct verdict {
    bool passed;
    char text[400];
} verdict;

typedef bool family_run(const onnx_case *c, verdict *v);

bool not_applicable(verdict *v, const char *why);
/** Record the library's error as the failure of this case; true, as the case did run. */
bool library_failed(verdict *v, const char *what);

/** Compare with an expected output: shapes too, values within 1e-7 + 1e-3 |expected|, NaN equal to NaN; integers and
 *  booleans exactly. Sets the verdict; false on a difference. */
bool agrees(const tn_tensor *computed, const tn_tensor *expected, const char *what, verdict *v);

/** The largest |difference| / (1e-7 + 1e-3 |expected|) that agrees() has seen among floats. */
double worst_of_tolerance(void);

/** Copies in the other layout: ONNX's [N,C,H,W] and ours [N,H,W,C]; filters [F,C,R,S] to [R,S,C,F]. */
tn_status to_nhwc(const tn_tensor *nchw, tn_tensor **out);
tn_status to_nchw(const tn_tensor *nhwc, tn_tensor **out);
tn_status to_filters(const tn_tensor *oihw, tn_tensor **out);

/** A model of one layer and a session for it, sized for `x`. */
typedef struct single_layer {
    tn_model *model;
    tn_session *session;
} single_layer;

/** Build them; `layer` is consumed. The layer is called "it" if it was created with that name. */
tn_status single_layer_create(tn_layer *layer, const tn_tensor *x, bool training, single_layer *out);
void single_layer_destroy(single_layer *it);

/** Run a layer without parameters; `layer` is consumed, y belongs to the caller. */
tn_status run_layer(tn_layer *layer, const tn_tensor *x, tn_mode mode, tn_tensor **y);
/** The same for an element-wise layer, whatever the rank of x: x is shown to it as one row. */
tn_status run_elementwise(tn_layer *layer, tn_tensor *x, tn_mode mode, tn_tensor **y);

family_run run_conv, run_max_pool, run_average_pool, run_gemm, run_matmul, run_flatten, run_activation, run_softmax,
    run_dropout, run_cross_entropy, run_adam, run_momentum;

/** Explicit padding of a window operator: auto_pad and pads of ONNX in our options. */
typedef struct window {
    int64_t kernel[2], strides[2], dilations[2];
    tn_padding padding;
    int64_t top, left, bottom, right;
} window;

/** Read a two-dimensional window's attributes; the kernel from `kernel` where the attribute is absent (NULL: must be
 *  there). False if the attributes are not two-dimensional. */
bool read_window(const onnx_case *c, const tn_tensor *x, const tn_tensor *kernel, window *out);

#endif
