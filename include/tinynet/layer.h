/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Layers: descriptions of operators, without weights. A model gives them weights (model.h).
 *
 *  Each constructor is a plain function that takes an option struct, and a macro of the same name without `_create`
 *  that takes the options by name: tn_dense(.units = 10). An option that is left out takes its default. A
 *  constructor returns NULL on failure; tn_last_status and tn_last_error say why; tn_sequential takes a NULL child
 *  as a failure of its own, so a whole network is checked once.
 *
 *  Activations are [N,H,W,C], filters [R,S,C/groups,F], dense weights [K,units].
 *  Thread    a layer belongs to one thread until a model has consumed it */
#ifndef TINYNET_LAYER_H
#define TINYNET_LAYER_H

#include <tinynet/base.h>
#include <tinynet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A layer's description. */
typedef struct tn_layer tn_layer;

/** Functions applied to a layer's output; see tn_activation_layer. */
typedef enum tn_activation { TN_LINEAR = 0, TN_RELU, TN_SIGMOID, TN_TANH, TN_SOFTMAX } tn_activation;

/** What stands around an image. */
typedef enum tn_padding {
    TN_VALID = 0, /**< none */
    TN_SAME,      /**< out = ceil(in / stride); the odd element goes to the bottom and right, as in TensorFlow */
    TN_EXPLICIT   /**< pad_top, pad_bottom, pad_left, pad_right */
} tn_padding;

/** Options of tn_conv2d. `kernel_size`, `strides` and `dilation` are for both directions; the fields for height and
 *  width alone override them. */
typedef struct tn_conv2d_options {
    size_t struct_size;
    int64_t filters;                                   /**< F; required; a multiple of groups */
    int64_t kernel_size, kernel_height, kernel_width;  /**< R, S; required */
    int64_t strides, strides_height, strides_width;    /**< default 1 */
    int64_t dilation, dilation_height, dilation_width; /**< default 1 */
    int64_t groups;                                    /**< default 1; C and F are multiples of it */
    tn_padding padding;                                /**< default TN_VALID */
    int64_t pad_top, pad_bottom, pad_left, pad_right;  /**< with TN_EXPLICIT only; at least 0 */
    tn_activation activation;                          /**< default TN_LINEAR; TN_SOFTMAX is over the channels */
    bool without_bias;
    bool frozen;                                       /**< the optimizer leaves the weights alone */
    const char *name;                                  /**< default conv2d_1, conv2d_2, ...; copied */
    const tn_allocator *allocator;                     /**< default the C library's; copied */
} tn_conv2d_options;

/** Create a two-dimensional convolution (cross-correlation).
 *  Formula   y[n,i,j,f] = act(b[f] + sum_{r,s,c} x[n, i*stride + r*dilation - pad_top, ...] w[r,s,c,f])
 *  Shape     OH = floor((H + pad_top + pad_bottom - dilation * (R - 1) - 1) / stride) + 1; TN_ERR_OVERFLOW where a
 *            window lies so far outside of the image that floats to it cannot be counted
 *  Source    LeCun et al., "Gradient-based learning applied to document recognition", 1998; groups: Krizhevsky,
 *            Sutskever and Hinton, 2012; initial weights: Glorot and Bengio, 2010, eq. 16
 *  Errors    NULL: TN_ERR_INVALID, TN_ERR_OVERFLOW (a window that dilation makes too large), TN_ERR_NO_MEMORY */
TN_API tn_layer *tn_conv2d_create(const tn_conv2d_options *options);
#define tn_conv2d(...) tn_conv2d_create(TN_OPTIONS(tn_conv2d_options, __VA_ARGS__))

/** Options of tn_max_pool2d and tn_avg_pool2d. */
typedef struct tn_pool2d_options {
    size_t struct_size;
    int64_t pool_size, pool_height, pool_width;        /**< required */
    int64_t strides, strides_height, strides_width;    /**< default the pool size */
    int64_t dilation, dilation_height, dilation_width; /**< default 1; max pooling only */
    tn_padding padding;                                /**< default TN_VALID */
    int64_t pad_top, pad_bottom, pad_left, pad_right;  /**< with TN_EXPLICIT only; less than the window's extent */
    bool ceil_mode;                                    /**< round the output size up */
    bool count_padding;                                /**< average pooling: divide by the whole window's size */
    const char *name;
    const tn_allocator *allocator;
} tn_pool2d_options;

/** Create a maximum over windows. Ties go to the first element in window order; NaN wins.
 *  Shape     as tn_conv2d; with ceil_mode rounded up, leaving out windows that would start in the padding
 *  Errors    NULL: as tn_conv2d, and TN_ERR_OVERFLOW for a window of more than 2^31 - 1 positions */
TN_API tn_layer *tn_max_pool2d_create(const tn_pool2d_options *options);
#define tn_max_pool2d(...) tn_max_pool2d_create(TN_OPTIONS(tn_pool2d_options, __VA_ARGS__))

/** Create a mean over windows. Padding is left out of the mean unless count_padding is set. Shape and errors as
 *  tn_max_pool2d. */
TN_API tn_layer *tn_avg_pool2d_create(const tn_pool2d_options *options);
#define tn_avg_pool2d(...) tn_avg_pool2d_create(TN_OPTIONS(tn_pool2d_options, __VA_ARGS__))

/** Options of tn_dense. */
typedef struct tn_dense_options {
    size_t struct_size;
    int64_t units;            /**< required */
    tn_activation activation; /**< default TN_LINEAR; TN_SOFTMAX is over the units */
    bool without_bias;
    bool frozen;
    const char *name;
    const tn_allocator *allocator;
} tn_dense_options;

/** Create a fully connected layer on the last dimension.
 *  Formula   y[n,u] = act(b[u] + sum_k x[n,k] w[k,u])
 *  Shape     [N,...,K] to [N,...,units] */
TN_API tn_layer *tn_dense_create(const tn_dense_options *options);
#define tn_dense(...) tn_dense_create(TN_OPTIONS(tn_dense_options, __VA_ARGS__))

/** Options of tn_dropout. */
typedef struct tn_dropout_options {
    size_t struct_size;
    float rate; /**< probability of dropping, in [0,1) */
    const char *name;
    const tn_allocator *allocator;
} tn_dropout_options;

/** Create dropout: in training each element is zero with probability `rate`, survivors are scaled by 1/(1 - rate);
 *  in prediction nothing changes. The choice depends on (seed, layer, step, element) alone.
 *  Source    Srivastava et al., "Dropout", JMLR 15 (2014) */
TN_API tn_layer *tn_dropout_create(const tn_dropout_options *options);
#define tn_dropout(...) tn_dropout_create(TN_OPTIONS(tn_dropout_options, __VA_ARGS__))

/** Options of layers that have none of their own. */
typedef struct tn_layer_options {
    size_t struct_size;
    const char *name;
    const tn_allocator *allocator;
} tn_layer_options;

/** Create a reshape of [N,d1,...,dk] to [N, d1*...*dk], in row-major (NHWC) order. */
TN_API tn_layer *tn_flatten_create(const tn_layer_options *options);
#define tn_flatten(...) tn_flatten_create(TN_OPTIONS(tn_layer_options, __VA_ARGS__))

/** Options of tn_activation_layer. */
typedef struct tn_activation_options {
    size_t struct_size;
    tn_activation activation;
    int axis; /**< TN_SOFTMAX only: which axis, N being axis 0; default the last (0 stands for -1: softmax over the batch is not offered as a layer) */
    const char *name;
    const tn_allocator *allocator;
} tn_activation_options;

/** Create an activation as a layer of its own.
 *  Formula   relu max(x,0) (NaN stays NaN); sigmoid 1/(1 + exp(-x)); tanh; softmax */
TN_API tn_layer *tn_activation_create(const tn_activation_options *options);
#define tn_activation_layer(...) tn_activation_create(TN_OPTIONS(tn_activation_options, __VA_ARGS__))

/** Create a container that runs `count` layers one after another. It consumes the layers, on failure too.
 *  Errors    NULL: a child is NULL (the detail says which, and passes on its reason), a layer is there
 *            twice, containers are nested in more than 64 levels, count is 0, or more than 4096 (the list is not read
 *            then and the layers stay the caller's) */
TN_API tn_layer *tn_sequential_create(const tn_layer_options *options, tn_layer *const *layers, size_t count);
#define tn_sequential(...)                                                                                             \
    tn_sequential_create(NULL, (tn_layer *[]){__VA_ARGS__}, sizeof((tn_layer *[]){__VA_ARGS__}) / sizeof(tn_layer *))

/** Destroy a layer that no container or model has consumed, and set the pointer to NULL. */
TN_API void tn_layer_destroy(tn_layer **layer);

/** A shape without its tensor. */
typedef struct tn_shape {
    int rank;
    int64_t dims[TN_MAX_RANK];
} tn_shape;

/** What a custom layer gets in forward and backward. Tensors are borrowed for the call. */
typedef struct tn_layer_call {
    size_t struct_size;
    const tn_tensor *x;             /**< input; in backward too */
    tn_tensor *y;                   /**< output: written by forward, read by backward */
    const tn_tensor *dy;            /**< backward: gradient of the loss by y */
    tn_tensor *dx;                  /**< backward: gradient by x, to be written; NULL if nobody wants it */
    const tn_tensor *const *params; /**< in the order in which `parameter` declared them */
    tn_tensor *const *dparams;      /**< backward: gradients, to be added to (they start at zero); never NULL */
    void *scratch;                  /**< scratch_bytes, 64-byte aligned; contents are lost between calls */
    bool training;                  /**< forward: training or prediction */
    uint64_t seed, step;            /**< keys for random numbers of this layer */
} tn_layer_call;

/** One parameter of a custom layer. */
typedef struct tn_parameter_spec {
    const char *name; /**< "weight"; copied */
    tn_shape shape;
    float init_limit; /**< initial values are uniform in [-init_limit, init_limit); 0 for zeros */
} tn_parameter_spec;

/** The functions of a custom layer. `self` is what the caller gave; shapes have N in dims[0]. A function that fails
 *  returns a status, and may say why with tn_fail. */
typedef struct tn_layer_ops {
    size_t struct_size;
    const char *kind; /**< "swish": names the layer swish_1, swish_2, ...; must outlive the layer */
    /** Give the output's shape for an input's. Required. */
    tn_status (*infer)(const void *self, const tn_shape *in, tn_shape *out);
    /** Describe parameter `index`; return TN_NOT_FOUND past the last. NULL: none. */
    tn_status (*parameter)(const void *self, const tn_shape *in, int index, tn_parameter_spec *out);
    /** Bytes of scratch for this input. NULL: none. */
    size_t (*scratch_bytes)(const void *self, const tn_shape *in);
    tn_status (*forward)(const void *self, const tn_layer_call *call);  /**< required */
    tn_status (*backward)(const void *self, const tn_layer_call *call); /**< NULL: the layer cannot be trained through */
    void (*destroy)(void *self);                                        /**< NULL: nothing to do */
} tn_layer_ops;

/** Create a layer from functions of the caller's. The layer takes `self` over, on failure too.
 *  Thread    forward may be called from several threads at once, for different sessions */
TN_API tn_layer *tn_custom_create(const tn_layer_ops *ops, void *self, const tn_layer_options *options);

/** Options of tn_gradient_check. */
typedef struct tn_gradient_check_options {
    size_t struct_size;
    tn_shape input_shape; /**< with N; required */
    double epsilon;       /**< step of the central difference; default 1e-2 */
    uint64_t seed;        /**< of inputs, weights and upstream gradient */
    int samples;          /**< elements checked of each tensor; default 64, all if there are fewer */
    const tn_allocator *allocator;
} tn_gradient_check_options;

/** Compare a layer's backward with central differences of its forward, in training mode.
 *  @param layer      consumed, on failure too
 *  @param max_error  [out] largest |analytic - numeric| / max(1, largest |numeric| of that tensor), over the input's
 *                    and every parameter's gradient
 *                    Inputs keep 2 epsilon away from zero; where a layer has another kink, differences may step over it
 *  Errors    those of building and running the layer */
TN_WARN_UNUSED TN_API tn_status tn_gradient_check(tn_layer *layer, const tn_gradient_check_options *options,
                                                  double *max_error);

#ifdef __cplusplus
}
#endif
#endif
