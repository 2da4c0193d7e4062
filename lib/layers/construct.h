/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the constructors of layers share: names and ranges of options, and the trail of constructors that failed. */
#ifndef TN_LAYERS_CONSTRUCT_H
#define TN_LAYERS_CONSTRUCT_H

#include "layers/op.h"

#define TN_NAME_LENGTH 63 /* of a layer or a parameter */
#define TN_KIND_LENGTH 48 /* of a custom layer's kind: room for _ and a number */

/** Check 1 to `longest` characters of [A-Za-z0-9_-]. `label` and `what` say whose text it is in messages.
 *  Errors    TN_ERR_INVALID */
TN_WARN_UNUSED tn_status tn_name_check(const char *label, const char *what, const char *text, size_t longest);

/** How messages call a layer that has no number yet: by its name if it is a valid one, otherwise by its kind. */
const char *tn_layer_label(const char *kind, const char *name);

/** Errors    TN_ERR_INVALID if value < least: "conv2d: filters is 0, must be at least 1" */
TN_WARN_UNUSED tn_status tn_option_at_least(const char *label, const char *option, int64_t value, int64_t least);
/** Errors    TN_ERR_INVALID for a number that is no tn_activation */
TN_WARN_UNUSED tn_status tn_option_activation(const char *label, tn_activation activation);

/** Errors    TN_ERR_OVERFLOW if a shape that infer or parameter worked out has too many elements; `what` names it */
TN_WARN_UNUSED tn_status tn_shape_fits(const char *name, const char *what, const tn_shape *shape);

/** The limit of Glorot and Bengio's uniform distribution (2010, eq. 16): sqrt(6 / (fan_in + fan_out)). */
float tn_glorot_limit(double fan_in, double fan_out);

/** A constructor's last act: give the layer, or put the failure on the trail and give NULL. */
tn_layer *tn_layer_result(tn_status status, tn_layer *layer);

/** Destroy a layer, whoever owns it. NULL is fine. */
void tn_layer_free(tn_layer *layer);

#define TN_FAILURE_TEXT 320

typedef struct tn_failure {
    tn_status status;
    char text[TN_FAILURE_TEXT];
} tn_failure;

/** Put a failed constructor on the calling thread's trail, see failures.c. */
void tn_failures_push(tn_status status, const char *text);
/** Take the last `count` failures off the trail, and give the first of them.
 *  @return how many of them were still known: at most count; 0 leaves *first as it was */
size_t tn_failures_take(size_t count, tn_failure *first);

#endif
