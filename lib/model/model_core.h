/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a model is inside: a network, one block of parameters, and a count of those who use it. */
#ifndef TN_MODEL_MODEL_CORE_H
#define TN_MODEL_MODEL_CORE_H

#include "model/network.h"
#include "tensor/storage.h"

#include <tinynet/model.h>

#include <stdatomic.h>

struct tn_model {
    tn_allocator allocator;
    tn_log log;
    atomic_size_t references; /* the caller's handle, sessions, optimizers */
    tn_layer *net;
    tn_network network;
    uint64_t seed;
    bool precise;
    uint64_t version;   /* counts writes of the parameters */
    size_t begun_steps; /* of optimizers, begun in backward and not ended: some parameters may be updated, others not */
    size_t orphaned_steps; /* of these, whose optimizer the caller has destroyed: nothing but their session ends them */
    float *values;         /* network.parameter_bytes */
    tn_tensor *tensors;    /* one a parameter, over values */
};

/** Destroy a net that was handed over, unless something else owns it. NULL is fine. */
void tn_net_consume(tn_layer *net);

/** The status and the detail that the constructor of a NULL net left, or that it is NULL. */
TN_WARN_UNUSED tn_status tn_net_check(const char *function, const tn_layer *net);

/** Options whose required fields are checked.
 *  Errors    TN_ERR_INVALID, TN_ERR_UNSUPPORTED */
TN_WARN_UNUSED tn_status tn_model_options_read(const char *function, const tn_model_options *options,
                                               tn_model_options *out);

#endif
