/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss on [N,classes]: tn_loss_compute. */
#include "harness.h"

#include <string.h>

static tn_loss *loss_of(const onnx_case *c)
{
    const char *reduction = onnx_text(c, "reduction");
    const tn_tensor *weights = c->inputs[2].tensor;
    tn_loss_options options = {.struct_size = sizeof options,
                               .reduction = TN_MEAN,
                               .class_weights = tn_tensor_const_f32(weights),
                               .class_count = tn_tensor_size(weights),
                               .use_ignore_index = onnx_find(c, "ignore_index") != NULL,
                               .ignore_index = onnx_integer(c, "ignore_index", 0, 0)};
    if (strcmp(reduction, "none") == 0)
        options.reduction = TN_NONE;
    else if (strcmp(reduction, "sum") == 0)
        options.reduction = TN_SUM;
    return strcmp(c->op, "NegativeLogLikelihoodLoss") == 0 ? tn_nll_create(&options)
                                                           : tn_softmax_cross_entropy_create(&options);
}

/* A reduced loss becomes a scalar tensor; without reduction the N values are the output. */
static tn_status compute(const onnx_case *c, const tn_loss *loss, tn_tensor *y, tn_tensor *log_probabilities)
{
    double reduced = 0.0;
    tn_loss_results results = {.struct_size = sizeof results, .log_probabilities = log_probabilities};
    bool none = strcmp(onnx_text(c, "reduction"), "none") == 0;
    if (none)
        results.values = y;
    else
        results.loss = &reduced;
    tn_status status = tn_loss_compute(loss, c->inputs[0].tensor, c->inputs[1].tensor, &results);
    if (!none && status == TN_OK)
        tn_tensor_f32(y)[0] = (float)reduced;
    return status;
}

static void check(const onnx_case *c, const tn_loss *loss, verdict *v)
{
    tn_tensor *y = NULL, *log_probabilities = NULL;
    tn_status status = tn_tensor_clone(NULL, c->outputs[0].tensor, &y); /* for its shape */
    if (status == TN_OK)
        status = tn_tensor_fill(y, -77.0);
    if (status == TN_OK && c->output_count > 1)
        status = tn_tensor_clone(NULL, c->inputs[0].tensor, &log_probabilities);
    if (status == TN_OK)
        status = compute(c, loss, y, log_probabilities);
    if (status != TN_OK)
        library_failed(v, "tn_loss_compute");
    else if (agrees(y, c->outputs[0].tensor, "loss", v) && c->output_count > 1)
        agrees(log_probabilities, c->outputs[1].tensor, "log_prob", v);
    tn_tensor_destroy(&y);
    tn_tensor_destroy(&log_probabilities);
}

bool run_cross_entropy(const onnx_case *c, verdict *v)
{
    if (!onnx_complete(c) || tn_tensor_dtype(c->inputs[0].tensor) != TN_F32)
        return not_applicable(v, "not float");
    if (tn_tensor_rank(c->inputs[0].tensor) != 2)
        return not_applicable(v, "a loss at each position of an image (rank above 2)");
    tn_loss *loss = loss_of(c);
    if (!loss)
        return library_failed(v, "loss");
    check(c, loss, v);
    tn_loss_destroy(&loss);
    return true;
}
