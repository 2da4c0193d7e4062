/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What an operator is: a table of functions over a layer's options. One file an operator; the table stands last in it. */
#ifndef TN_LAYERS_OP_H
#define TN_LAYERS_OP_H

#include "base/pool.h"
#include "kernels/sink.h"

#include <tinynet/layer.h>

typedef struct tn_op tn_op;

/** What all layers have; an operator's own struct starts with it and goes on with its options. */
struct tn_layer {
    const tn_op *op;
    tn_allocator allocator;
    size_t bytes; /* of the whole struct */
    char *name;   /* given by the user; NULL: kind_number */
    bool frozen;
    bool owned; /* by a container, which destroys it */
};

/** One parameter tensor. */
typedef struct tn_op_parameter {
    const char *name; /* "weight"; valid until the next call on the layer */
    tn_shape shape;
    float init_limit; /* uniform in [-limit, limit); 0: zeros */
} tn_op_parameter;

#define TN_OP_ALGORITHM 80 /* bytes of the text that tells an operator's algorithms */
#define TN_OP_STATE_BYTES 1280 /* room for what an operator's prepare works out: plans of three passes, or the shapes
                                  of a custom layer's parameters */

/** What a session tells an operator before it allocates. */
typedef struct tn_op_setup {
    const char *name; /* "conv2d_1" */
    tn_shape in, out; /* N: the largest batch */
    bool training, precise;
    bool keeps_prepared;   /* what the operator derives from its parameters may be kept from call to call: for forward in
                              prediction, for backward in training, if all are frozen */
    bool input_gradient;  /* backward will be asked for dx */
    bool param_gradients; /* backward will be asked for dparams */
    bool all_param_gradients; /* ... for every one of them */
    unsigned sunk_gradients;  /* ... bit k: for parameter k not in dparams, but block by block; see tn_op.can_sink */
    bool relu_is_taken_over;  /* this layer ends in ReLU, and the next one's backward passes the gradient through it */
    bool takes_over_relu;     /* the layer before ends in ReLU, and this one's backward has to do that */
    int threads;
    const char *algorithm;       /* to be used, as tn_op_needs.algorithm tells it; "": the operator's own choice. For
                                    the call of prepare only */
    const char *kept_algorithm;  /* the same for the passes that `algorithm` does not name; NULL: nothing */
    const tn_allocator *measure; /* choose by timing, with memory from here; NULL: do not. For the call of prepare only */
} tn_op_setup;

/** What the operator answers. Zeroed before `prepare`. */
typedef struct tn_op_needs {
    size_t saved_bytes;   /* kept from forward to backward (pooling's indices); training only */
    size_t scratch_bytes; /* for the duration of one call; one buffer serves all layers */
    size_t prepared_bytes; /* derived from the parameters by op->derive, kept until they change; with keeps_prepared only */
    bool backward_needs_x, backward_needs_y;
    bool output_is_input;  /* y is x in another shape: no memory, forward and backward are not called; forward is,
                              where y must be memory of the session's own */
    int64_t least_images;  /* with by_image: fewer in a call cost more each; 0: it makes no difference */
    bool in_place;         /* y may be x, and dx may be dy: element by element */
    double flops_forward, flops_backward; /* of the direct algorithm */
    char algorithm[TN_OP_ALGORITHM]; /* for people; "" where there is no choice */
    char passes[TN_OP_ALGORITHM];    /* the same with every pass told apart, for setup.algorithm and files */
    _Alignas(TN_MAX_RANK * 8) unsigned char state[TN_OP_STATE_BYTES]; /* handed back in tn_op_run */
} tn_op_needs;

/** One call of forward or backward. Pointers that do not apply are NULL. */
typedef struct tn_op_run {
    const char *name;
    tn_shape in, out; /* N: this batch, at most the setup's; 0 is never passed */
    const float *x;
    float *y;       /* forward writes; backward reads, if it said that it needs it */
    float *dy;      /* backward: may be overwritten */
    float *dx;      /* backward writes; NULL: not wanted */
    float *const *params;
    float *const *dparams; /* backward; NULL, or an entry NULL: not wanted */
    const tn_sink *sinks;  /* backward: sinks[k] takes dparams[k]'s place where the setup has bit k; NULL, or its take
                              NULL: not wanted. The sink may change the parameter: nothing reads it any more */
    bool add;              /* backward: add to dparams instead of writing */
    void *saved, *scratch;
    void *prepared; /* derive writes, forward reads in prediction, backward in training */
    const void *state; /* tn_op_needs.state */
    tn_pool *pool;
    bool training;
    uint64_t key;  /* tn_mix(model's seed, number of the layer in the flattened tree) */
    uint64_t step; /* number of the TN_TRAIN forward */
} tn_op_run;

struct tn_op {
    const char *kind;  /* "conv2d"; for custom layers see tn_layer_kind */
    const char *title; /* "Conv2D" */
    tn_status (*infer)(const tn_layer *layer, const char *name, const tn_shape *in, tn_shape *out);
    /** NULL: no parameters. TN_NOT_FOUND (no detail) past the last. */
    tn_status (*parameter)(const tn_layer *layer, const char *name, const tn_shape *in, int index,
                           tn_op_parameter *out);
    tn_status (*prepare)(const tn_layer *layer, const tn_op_setup *setup, tn_op_needs *out);
    /** Make run->prepared out of run->params: before the first forward (in training: backward), and before the next one
     *  after they have changed. x and y are not there. NULL where prepared_bytes is always 0. */
    void (*derive)(const tn_layer *layer, const tn_op_run *run);
    tn_status (*forward)(const tn_layer *layer, const tn_op_run *run);
    tn_status (*backward)(const tn_layer *layer, const tn_op_run *run); /* NULL: cannot be trained through */
    void (*destroy)(tn_layer *layer); /* frees what the options hold; NULL: nothing */
    bool is_container;
    /** True if y = max(something, 0). NULL: never. Together with the next layer's takes_over_relu, y need not be kept for
     *  backward: that layer multiplies by the ReLU's slope itself. */
    bool (*ends_in_relu)(const tn_layer *layer);
    bool by_image;        /* each image is treated alone, and gradients of parameters add up: a batch may come in parts */
    unsigned can_sink;    /* bit k: backward can give the gradient of parameter k to a sink, as a matrix whose columns are the
                             last dimension */
    bool can_fail;        /* forward and backward may fail in the middle */
    bool takes_over_relu; /* can do so: each element of y is one of x, as in max pooling */
};

#define TN_OP_MAX_PARAMETERS 16 /* a layer's; a custom layer that declares more is refused */

const char *tn_layer_kind(const tn_layer *layer);  /* custom layers: their own */
const char *tn_layer_title(const tn_layer *layer); /* custom layers: their kind */

/** Allocate an operator's struct of `bytes`, zeroed, with the common part filled in. `name` may be NULL; a name must be
 *  1 to 63 characters of [A-Za-z0-9_-]. */
TN_WARN_UNUSED tn_status tn_layer_new(const tn_op *op, size_t bytes, const tn_allocator *allocator, const char *name,
                                      void *out_layer);

/** The children of a container, borrowed; 0 for other layers. */
size_t tn_layer_children(const tn_layer *layer, tn_layer *const **out);

#endif
