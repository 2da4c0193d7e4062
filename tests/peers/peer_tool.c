/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The library's side of the comparison with another framework: reads and writes arrays in a directory, which
 *  compare_torch.py fills and judges.
 *
 *      peer_tool pipeline DIR DATA COUNT
 *          first training images, resized and scaled by the loader: images.npy, labels.npy
 *      peer_tool run DIR LAYER...
 *          forward and backward of one network on x.npy, from dy.npy, or from the mean cross-entropy against
 * labels.npy; weights from weights.safetensors, which is written if it is missing: y.npy, dx.npy, gradients.safetensors
 *      peer_tool outputs DIR LAYER...
 *          forward alone, in training mode: outputs.safetensors, every layer's
 *      peer_tool run-precise, outputs-precise DIR LAYER...
 *          the same with plain sums only
 *      peer_tool train DIR STEPS LAYER...
 *          SGD at rate 0.01, x.npy and labels.npy cut in STEPS batches: losses.npy
 *
 *  Exit status 1 and a line on standard error for any failure. */
#include "net_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        tn_status status_ = (expression);                                                                              \
        if (status_ != TN_OK)                                                                                          \
            return status_;                                                                                            \
    } while (0)

enum { PATH = 4096, MAX_PARAMETERS = 64, IMAGE = 224 };

static const char *directory; /* the command's DIR */

static const char *path_of(const char *name)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static bool exists(const char *name)
{
    FILE *file = fopen(path_of(name), "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

/* The loader's first batch. */
static tn_status save_batch(tn_dataset *dataset, int64_t count)
{
    tn_loader *loader = NULL;
    const tn_tensor *samples, *targets;
    TRY(tn_loader_create(dataset,
                         TN_OPTIONS(tn_loader_options, .batch_size = count, .scale = 1.0f / 255.0f,
                                    .resize_height = IMAGE, .resize_width = IMAGE),
                         &loader));
    tn_status status = tn_loader_start(loader, 0, 0);
    if (status == TN_OK)
        status = tn_loader_next(loader, &samples, &targets);
    if (status == TN_OK)
        status = tn_npy_save(path_of("images.npy"), samples);
    if (status == TN_OK)
        status = tn_npy_save(path_of("labels.npy"), targets);
    tn_loader_destroy(&loader);
    return status;
}

static tn_status pipeline(const char *data, int64_t count)
{
    char images[PATH], labels[PATH];
    tn_dataset *dataset = NULL;
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte.gz", data);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte.gz", data);
    TRY(tn_dataset_from_idx(NULL, images, labels, &dataset));
    tn_status status = save_batch(dataset, count);
    tn_dataset_destroy(&dataset);
    return status;
}

/* What a command works on. */
typedef struct work {
    tn_model *model;
    tn_session *session;
    tn_loss *loss;
    tn_optimizer *optimizer;
    tn_tensor *x, *labels, *dy;
} work;

static void clear(work *w)
{
    tn_session_destroy(&w->session);
    tn_model_destroy(&w->model);
    tn_loss_destroy(&w->loss);
    tn_optimizer_destroy(&w->optimizer);
    tn_tensor_destroy(&w->x);
    tn_tensor_destroy(&w->labels);
    tn_tensor_destroy(&w->dy);
}

/* How a network is run. */
typedef struct manner {
    bool precise, keep_outputs;
    int64_t steps; /* that x.npy is cut in */
} manner;

static tn_status set_up(work *w, char *const *layers, int count, manner how)
{
    tn_model_options options = {.struct_size = sizeof options, .seed = 2012, .precise = how.precise};
    TRY(tn_npy_load(NULL, path_of("x.npy"), &w->x));
    if (exists("labels.npy"))
        TRY(tn_npy_load(NULL, path_of("labels.npy"), &w->labels));
    for (int i = 1; i < tn_tensor_rank(w->x); i++)
        options.input_shape[i - 1] = tn_tensor_dim(w->x, i);
    TRY(tn_model_create(net_from_text(layers, count), &options, &w->model));
    TRY(tn_session_create(w->model,
                          TN_OPTIONS(tn_session_options, .batch_size = tn_tensor_dim(w->x, 0) / how.steps,
                                     .training = true, .keep_outputs = how.keep_outputs, .input_gradient = true,
                                     .threads = 2),
                          &w->session));
    w->loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    if (!w->loss)
        return tn_last_status();
    if (tn_model_parameter_count(w->model) == 0)
        return TN_OK;
    return exists("weights.safetensors") ? tn_model_load(w->model, path_of("weights.safetensors"), false)
                                         : tn_model_save(w->model, path_of("weights.safetensors"));
}

/* Forward and backward, the upstream gradient from dy.npy or from the loss. */
static tn_status pass(work *w, const tn_tensor *x, const tn_tensor *labels, const tn_tensor **y, double *loss)
{
    TRY(tn_session_forward(w->session, x, TN_TRAIN, y));
    if (exists("dy.npy") && !w->dy)
        TRY(tn_npy_load(NULL, path_of("dy.npy"), &w->dy));
    else if (!w->dy)
        TRY(tn_tensor_clone(NULL, *y, &w->dy));
    if (labels)
        TRY(tn_loss_compute(w->loss, *y, labels, TN_OPTIONS(tn_loss_results, .loss = loss, .gradient = w->dy)));
    return TN_OK;
}

static tn_status save_gradients(work *w)
{
    const char *names[MAX_PARAMETERS];
    const tn_tensor *tensors[MAX_PARAMETERS];
    size_t count = tn_model_parameter_count(w->model);
    if (count == 0)
        return TN_OK;
    if (count > MAX_PARAMETERS)
        return tn_fail(TN_ERR_UNSUPPORTED, "more than %d parameters", MAX_PARAMETERS);
    for (size_t i = 0; i < count; i++) {
        tn_tensor *gradient;
        names[i] = tn_model_parameter_name(w->model, i);
        TRY(tn_session_gradient(w->session, names[i], &gradient));
        tensors[i] = gradient;
    }
    return tn_safetensors_save(path_of("gradients.safetensors"), count, names, tensors, NULL, 0);
}

static tn_status run(work *w)
{
    const tn_tensor *y, *dx;
    double loss;
    TRY(pass(w, w->x, w->labels, &y, &loss));
    TRY(tn_npy_save(path_of("y.npy"), y));
    TRY(tn_session_backward(w->session, w->dy, TN_GRADIENT_WRITE));
    TRY(tn_session_input_gradient(w->session, &dx));
    TRY(tn_npy_save(path_of("dx.npy"), dx));
    return save_gradients(w);
}

/* Every layer's output under the layer's name. */
static tn_status save_outputs(work *w)
{
    const char *names[MAX_PARAMETERS];
    const tn_tensor *tensors[MAX_PARAMETERS], *y;
    const tn_plan *plan = tn_session_plan(w->session);
    size_t count = tn_plan_layer_count(plan);
    if (count > MAX_PARAMETERS)
        return tn_fail(TN_ERR_UNSUPPORTED, "more than %d layers", MAX_PARAMETERS);
    TRY(tn_session_forward(w->session, w->x, TN_TRAIN, &y));
    for (size_t i = 0; i < count; i++) {
        names[i] = tn_plan_layer(plan, i)->name;
        TRY(tn_session_output(w->session, names[i], &tensors[i]));
    }
    return tn_safetensors_save(path_of("outputs.safetensors"), count, names, tensors, NULL, 0);
}

static tn_status train_step(work *w, int64_t step, int64_t batch, double *loss)
{
    const tn_tensor *y;
    tn_tensor *x = NULL, *labels = NULL;
    tn_status status = tn_tensor_slice(w->x, step * batch, batch, &x);
    if (status == TN_OK)
        status = tn_tensor_slice(w->labels, step * batch, batch, &labels);
    if (status == TN_OK)
        status = pass(w, x, labels, &y, loss);
    if (status == TN_OK)
        status = tn_session_backward(w->session, w->dy, TN_GRADIENT_WRITE);
    if (status == TN_OK)
        status = tn_optimizer_step(w->optimizer, w->session);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&labels);
    return status;
}

static tn_status train(work *w, int64_t steps)
{
    tn_tensor *losses = NULL;
    w->optimizer = tn_sgd(.learning_rate = 0.01);
    if (!w->optimizer || !w->labels)
        return tn_last_status();
    TRY(tn_tensor_create(NULL, TN_F32, 1, &steps, &losses));
    tn_status status = TN_OK;
    for (int64_t i = 0; status == TN_OK && i < steps; i++) {
        double loss = 0.0;
        status = train_step(w, i, tn_tensor_dim(w->x, 0) / steps, &loss);
        tn_tensor_f32(losses)[i] = (float)loss;
    }
    if (status == TN_OK)
        status = tn_npy_save(path_of("losses.npy"), losses);
    tn_tensor_destroy(&losses);
    return status;
}

static tn_status command(work *w, int argc, char **argv)
{
    const char *verb = argv[1];
    directory = argv[2];
    if (strcmp(verb, "pipeline") == 0 && argc == 5)
        return pipeline(argv[3], strtoll(argv[4], NULL, 10));
    if (strncmp(verb, "run", 3) == 0 || strncmp(verb, "outputs", 7) == 0) {
        bool runs = verb[0] == 'r';
        TRY(set_up(w, argv + 3, argc - 3, (manner){strstr(verb, "-precise") != NULL, !runs, 1}));
        return runs ? run(w) : save_outputs(w);
    }
    if (strcmp(verb, "train") == 0) {
        int64_t steps = strtoll(argv[3], NULL, 10);
        TRY(set_up(w, argv + 4, argc - 4, (manner){.steps = steps > 0 ? steps : 1}));
        return train(w, steps);
    }
    return tn_fail(TN_ERR_INVALID, "%s: no such command", verb);
}

int main(int argc, char **argv)
{
    work w = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: peer_tool pipeline|run[-precise]|outputs[-precise]|train DIR ...\n");
        return EXIT_FAILURE;
    }
    tn_status status = command(&w, argc, argv);
    if (status != TN_OK)
        fprintf(stderr, "peer_tool: %s: %s\n", tn_status_name(status), tn_last_error());
    clear(&w);
    return status == TN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
