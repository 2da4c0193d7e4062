/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Models (a layer tree with weights), sessions (what one thread needs to run one), plans (their bytes).
 *
 *  Thread    A model is read-only in prediction and may be shared by any number of sessions in any threads. A session
 *            belongs to one thread at a time. Setting parameters, optimizer steps, and backward in a session that was made for
 *            an optimizer need the model for themselves. */
#ifndef TINYNET_MODEL_H
#define TINYNET_MODEL_H

#include <tinynet/layer.h>
#include <tinynet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A layer tree built for an input shape, with its weights. */
typedef struct tn_model tn_model;
/** What one thread needs to run a model. */
typedef struct tn_session tn_session;
/** The bytes and algorithms of a model and a session. */
typedef struct tn_plan tn_plan;
/** See tinynet/optimizer.h. */
typedef struct tn_optimizer tn_optimizer;

/** Options of tn_model_create. */
typedef struct tn_model_options {
    size_t struct_size;
    int64_t input_shape[TN_MAX_RANK - 1]; /**< required, without the batch: {H, W, C} or {K}; ends at the first 0 */
    uint64_t seed;                        /**< of the initial weights and of dropout */
    bool precise;                         /**< plain fp32 sums only: no Winograd, no Strassen's product */
    const tn_allocator *allocator;        /**< default the C library's; copied */
    tn_log log;                           /**< default none; copied */
} tn_model_options;

/** Options of tn_session_create. */
typedef struct tn_session_options {
    size_t struct_size;
    int64_t batch_size;            /**< the largest batch; default 1 */
    bool training;                 /**< keeps what backward needs */
    bool keep_outputs;             /**< tn_session_output works for every layer; costs their memory */
    bool input_gradient;           /**< backward computes the gradient by the input too; needs training */
    int threads;                   /**< default: all cores this process may use; at most 256 */
    const tn_allocator *allocator; /**< default the model's; copied */
    bool save_memory;              /**< filters are transformed and packed anew in every call instead of once for given
                                        weights; slower, above all for single images in prediction, and
                                        tn_memory.prepared is 0 */
    /** Made for this optimizer, which the session binds to the model and keeps alive; needs training. Default none.
     *  Every backward then begins a step of it, at the rate that its schedule gives at that moment, and tn_optimizer_step
     *  ends it. So backward may update weights itself, as it computes their gradients, which then take no memory: those of
     *  dense layers, if the optimizer does not clip, and no custom layer below them has a backward that could fail half
     *  way. tn_layer_plan tells where. Weights and the optimizer's state are the same bits either way. */
    tn_optimizer *optimizer;
    bool measure;                  /**< choose the algorithms of convolutions by timing them on this machine, instead of by
                                        their sizes alone; see tn_session_create */
} tn_session_options;

/** Bytes by use. */
typedef struct tn_memory {
    uint64_t parameters, gradients, activations, scratch;
    uint64_t prepared; /**< what prediction derives from the weights and keeps, transformed and packed filters; in
                            training, those of frozen convolutions that pass a gradient on */
    uint64_t total;
} tn_memory;

/** One row of a plan, a layer of the flattened tree. Strings and the struct belong to the plan. */
typedef struct tn_layer_plan {
    const char *name;  /**< the layer's own, or "conv2d_2" for the second convolution of the network, named or not */
    const char *kind;  /**< "conv2d" */
    const char *title; /**< "Conv2D", as Keras prints it */
    tn_shape output;   /**< with N, the plan's batch size */
    int64_t parameters;
    double flops_forward, flops_training; /**< of the direct algorithm, whole batch; a multiply and an add count 2 */
    tn_memory memory;                     /**< activations: the output; scratch, prepared: what this layer asks for */
    const char *algorithm;                /**< "gemm", "strassen", "winograd(4,3)", "winograd(4,3,2)", ...; "" where there is no choice */
    bool updates_in_backward;             /**< backward updates the weight; see tn_session_options.optimizer */
} tn_layer_plan;

/** Compute the bytes and the algorithms of a model and a session before either exists. `net` is borrowed. Nothing is
 *  measured: where a session is made with `measure`, tn_session_plan tells what it chose.
 *  The plan's totals are exact: what tn_model_create and tn_session_create will allocate for tensors. Buffers whose
 *  lifetimes do not meet share memory, so the totals are less than the sum over the layers.
 *  Errors    those of tn_model_create and tn_session_create */
TN_WARN_UNUSED TN_API tn_status tn_model_plan(const tn_layer *net, const tn_model_options *model_options,
                                              const tn_session_options *session_options, tn_plan **out);
TN_API void tn_plan_destroy(tn_plan **plan);             /**< and set the pointer to NULL */
TN_API tn_memory tn_plan_memory(const tn_plan *plan);    /**< totals; zeros for NULL */
TN_API size_t tn_plan_layer_count(const tn_plan *plan);  /**< rows; 0 for NULL */
/** Return row `index`, borrowed; NULL if there is none. */
TN_API const tn_layer_plan *tn_plan_layer(const tn_plan *plan, size_t index);

/** Build a model: shapes are inferred, weights allocated and initialised (Glorot uniform, biases zero).
 *  @param net  consumed, on failure too; NULL is refused with the status that its constructor left
 *  Errors    TN_ERR_SHAPE if a layer does not fit its input; TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY, TN_ERR_INVALID
 *            (also: two layers of one name) */
TN_WARN_UNUSED TN_API tn_status tn_model_create(tn_layer *net, const tn_model_options *options, tn_model **out);
/** Destroy a model and set the pointer to NULL. Sessions keep what they need of it alive. */
TN_API void tn_model_destroy(tn_model **model);

TN_API const tn_layer *tn_model_layer(const tn_model *model); /**< the net, for tn_model_plan; borrowed */
TN_API tn_shape tn_model_input_shape(const tn_model *model);  /**< dims[0] is 0: any batch */
TN_API tn_shape tn_model_output_shape(const tn_model *model); /**< dims[0] is 0: any batch */
TN_API int64_t tn_model_parameter_total(const tn_model *model); /**< number of weights, all tensors together */
TN_API size_t tn_model_parameter_count(const tn_model *model);  /**< number of parameter tensors */
/** Return the name ("conv2d_1.weight") of parameter tensor `index`, borrowed; NULL if there is none. */
TN_API const char *tn_model_parameter_name(const tn_model *model, size_t index);

/** Look up a parameter by name; the tensor is borrowed and lives as long as the model.
 *  Errors    TN_NOT_FOUND */
TN_WARN_UNUSED TN_API tn_status tn_model_parameter(const tn_model *model, const char *name, const tn_tensor **out);
/** Set a parameter's values by name. Only through this function: sessions cache what they derive from weights.
 *  Errors    TN_NOT_FOUND, TN_ERR_TYPE, TN_ERR_SHAPE */
TN_WARN_UNUSED TN_API tn_status tn_model_parameter_set(tn_model *model, const char *name, const tn_tensor *value);

/** Freeze or thaw a layer ("conv2d_1") or one parameter ("conv2d_1.bias"): optimizers leave it alone, sessions made
 *  from now on compute no gradient that nobody needs.
 *  Errors    TN_NOT_FOUND */
TN_WARN_UNUSED TN_API tn_status tn_model_freeze(tn_model *model, const char *name, bool frozen);

/** Write a table of name, output shape, parameters, FLOPs and bytes for each layer, with totals, as text.
 *  @param buffer    [size] or NULL; always ends with NUL if size > 0
 *  @param needed    [out] bytes of the whole text without the NUL; NULL if not wanted
 *  Errors    none for a buffer that is too short: the text is cut */
TN_WARN_UNUSED TN_API tn_status tn_plan_summary(const tn_plan *plan, char *buffer, size_t size, size_t *needed);

/** Create a session: all memory for running the model with up to batch_size images. The first forward and backward
 *  allocate nothing either.
 *
 *  With `measure`, each pass of each convolution is computed with every algorithm that there is for it, a few times, on
 *  one thread and a part of a batch, and the fastest is taken; within 3% the cost model's choice stays. That takes
 *  seconds for a network like AlexNet, and, for the time of the call, for one layer after another, its input, output,
 *  filters and scratch for at most 32 images (less where input and output pass 64 MB, but at least one image). Two
 *  sessions may so choose differently, and their results differ in rounding; a checkpoint keeps the choice.
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY; TN_ERR_STATE if the optimizer is bound to another model */
TN_WARN_UNUSED TN_API tn_status tn_session_create(tn_model *model, const tn_session_options *options, tn_session **out);
/** Destroy a session and set the pointer to NULL. A step of an optimizer that its backward has begun is forgotten; what
 *  it has updated stays so, and the model can be saved again.
 *  Thread    one that was made for an optimizer uses it here, too: not while another thread does, as in backward in
 *            another session that was made for it */
TN_API void tn_session_destroy(tn_session **session);
/** Borrowed. Loading a checkpoint into the session may change what it says. */
TN_API const tn_plan *tn_session_plan(const tn_session *session);
TN_API tn_model *tn_session_model(const tn_session *session);     /**< borrowed */

/** What a forward is for. */
typedef enum tn_mode { TN_PREDICT = 0, TN_TRAIN } tn_mode;

/** Run the network.
 *  @param x  f32 [n, input shape], n at most the batch size; borrowed for the call (until the end of backward, too)
 *  @param y  [out] f32 [n, output shape]; borrowed, valid until the next call on the session
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE; TN_ERR_STATE for TN_TRAIN in a session made for prediction */
TN_WARN_UNUSED TN_API tn_status tn_session_forward(tn_session *session, const tn_tensor *x, tn_mode mode,
                                                   const tn_tensor **y);

/** What backward does with the gradients that are there. */
typedef enum tn_gradient_mode {
    TN_GRADIENT_WRITE = 0, /**< gradients are replaced */
    TN_GRADIENT_ADD        /**< gradients are added to: accumulation over micro-batches */
} tn_gradient_mode;

/** Propagate the loss's gradient back through the last forward, once for each TN_TRAIN forward.
 *  @param dy  f32, shape of y
 *  Errors    TN_ERR_STATE without a TN_TRAIN forward before it; TN_ERR_SHAPE; TN_ERR_UNSUPPORTED for a custom layer
 *            without backward. In a session that was made for an optimizer also TN_ERR_STATE for TN_GRADIENT_ADD, while
 *            a step of the optimizer has begun, and after it was destroyed; and what tn_optimizer_step fails with */
TN_WARN_UNUSED TN_API tn_status tn_session_backward(tn_session *session, const tn_tensor *dy, tn_gradient_mode mode);

/** Look up a parameter's gradient by the parameter's name; borrowed, may be written (clipping of one's own).
 *  Errors    TN_NOT_FOUND; TN_ERR_STATE in a session for prediction, for what was frozen when it was made, or for what
 *            backward updates itself */
TN_WARN_UNUSED TN_API tn_status tn_session_gradient(tn_session *session, const char *name, tn_tensor **out);
/** Return the gradient by the input, after backward in a session with input_gradient; borrowed until the next call on
 *  the session, or until a checkpoint is loaded into it.
 *  Errors    TN_ERR_STATE */
TN_WARN_UNUSED TN_API tn_status tn_session_input_gradient(tn_session *session, const tn_tensor **out);
/** Return a layer's output after forward in a session with keep_outputs; borrowed until the next call.
 *  Errors    TN_NOT_FOUND, TN_ERR_STATE */
TN_WARN_UNUSED TN_API tn_status tn_session_output(tn_session *session, const char *layer, const tn_tensor **out);

/** The number of the next TN_TRAIN forward, the key of dropout; it counts up by one for each. */
TN_API uint64_t tn_session_step(const tn_session *session);
TN_API void tn_session_set_step(tn_session *session, uint64_t step); /**< for resuming */
TN_API int tn_session_threads(const tn_session *session);            /**< threads in use */

#ifdef __cplusplus
}
#endif
#endif
