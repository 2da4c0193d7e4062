/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A layer tree as a list of steps with names, shapes and parameters: what models and plans start from. */
#ifndef TN_MODEL_NETWORK_H
#define TN_MODEL_NETWORK_H

#include "layers/construct.h"
#include "model/name_index.h"

/** One layer of the flattened tree, containers left out. */
typedef struct tn_step {
    const tn_layer *layer;
    char name[TN_NAME_LENGTH + 1]; /* the user's, or kind_number */
    size_t number;                 /* of its kind, from 1; layers with names of their own count too */
    tn_shape in, out;              /* of one sample: dims[0] is 1 */
    size_t first_parameter, parameter_count;
} tn_step;

/** One parameter tensor; those of a step lie one after another. */
typedef struct tn_parameter {
    char name[2 * TN_NAME_LENGTH + 2]; /* "conv2d_1.weight" */
    tn_shape shape;
    int64_t count; /* elements */
    size_t bytes;  /* rounded up to TN_ALIGNMENT */
    size_t offset; /* in the model's block of parameters */
    float init_limit;
    bool frozen;
    uint64_t written; /* the model's version when it was last written; 0: never since it was initialized */
} tn_parameter;

typedef struct tn_network {
    tn_allocator allocator;
    size_t step_count, parameter_count;
    tn_step *steps;
    tn_parameter *parameters;
    tn_name_index step_names, parameter_names;
    size_t parameter_bytes;
    int64_t parameter_total; /* elements */
} tn_network;

/** Flatten a tree and infer its shapes for one sample [1,...]. The layers are borrowed.
 *  Errors    those of the layers; TN_ERR_INVALID for two layers of one name; TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_network_create(const tn_allocator *allocator, const tn_layer *net, const tn_shape *sample,
                                           tn_network *out);
/** A zeroed network is fine. */
void tn_network_destroy(tn_network *network);

/** The sample shape [1,...] of a model's options.
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_sample_shape(const char *function, const int64_t dims[TN_MAX_RANK - 1], tn_shape *out);

#endif
