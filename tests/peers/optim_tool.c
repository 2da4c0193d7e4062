/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The library's side of the comparison of optimizers: sets weights and gradients, steps, writes the weights.
 *
 *      optim_tool DIR sgd|adam|adamw KEY=NUMBER...
 *
 *  DIR/w.npy [16 + 1024]: the weights of two layers, one after the other; DIR/g.npy [steps, 16 + 1024]: the gradients
 * of each step. DIR/out.npy: the weights after each step. Exit status 1 and a line on standard error for any failure.
 */
#include <tinynet/tinynet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        tn_status status_ = (expression);                                                                              \
        if (status_ != TN_OK)                                                                                          \
            return status_;                                                                                            \
    } while (0)

enum { PATH = 4096, FIRST = 16, SECOND = 64, ALL = FIRST + FIRST * SECOND };

typedef struct work {
    const char *directory;
    char **options; /* KEY=NUMBER, ends with NULL */
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_tensor *w, *g, *x, *dy;
} work;

static const char *path_of(const work *w, const char *name, char path[PATH])
{
    snprintf(path, PATH, "%s/%s", w->directory, name);
    return path;
}

static double number(const work *w, const char *key)
{
    size_t length = strlen(key);
    for (char **option = w->options; *option; option++)
        if (strncmp(*option, key, length) == 0 && (*option)[length] == '=')
            return strtod(*option + length + 1, NULL);
    return 0.0;
}

static tn_schedule schedule_of(const work *w)
{
    return (tn_schedule){.kind = (tn_schedule_kind)number(w, "schedule"),
                         .warmup = (int64_t)number(w, "warmup"),
                         .period = (int64_t)number(w, "period"),
                         .gamma = number(w, "gamma"),
                         .minimum = number(w, "minimum")};
}

static tn_optimizer *optimizer_of(const work *w, const char *kind)
{
    const tn_clipping clipping = {(float)number(w, "clip_value"), (float)number(w, "clip_norm")};
    if (strcmp(kind, "sgd") == 0)
        return tn_sgd(.learning_rate = number(w, "learning_rate"), .momentum = number(w, "momentum"),
                      .dampening = number(w, "dampening"), .weight_decay = number(w, "weight_decay"),
                      .nesterov = number(w, "nesterov") != 0.0, .clipping = clipping, .schedule = schedule_of(w));
    const tn_adam_options options = {.struct_size = sizeof options,
                                     .learning_rate = number(w, "learning_rate"),
                                     .beta1 = number(w, "beta1"),
                                     .beta2 = number(w, "beta2"),
                                     .epsilon = number(w, "epsilon"),
                                     .weight_decay = number(w, "weight_decay"),
                                     .clipping = clipping,
                                     .schedule = schedule_of(w)};
    return strcmp(kind, "adam") == 0 ? tn_adam_create(&options) : tn_adamw_create(&options);
}

static tn_status set_up(work *w, const char *kind)
{
    char path[PATH];
    const int64_t one[2] = {1, 1}, out[2] = {1, SECOND};
    w->optimizer = optimizer_of(w, kind);
    if (!w->optimizer)
        return tn_last_status();
    TRY(tn_npy_load(NULL, path_of(w, "w.npy", path), &w->w));
    TRY(tn_npy_load(NULL, path_of(w, "g.npy", path), &w->g));
    if (tn_tensor_size(w->w) != ALL || tn_tensor_dim(w->g, 1) != ALL)
        return tn_fail(TN_ERR_SHAPE, "w.npy and g.npy must be [%d] and [steps,%d]", ALL, ALL);
    TRY(tn_tensor_create(NULL, TN_F32, 2, one, &w->x));
    TRY(tn_tensor_create(NULL, TN_F32, 2, out, &w->dy));
    TRY(tn_model_create(tn_sequential(tn_dense(.units = FIRST, .without_bias = true, .name = "first"),
                                      tn_dense(.units = SECOND, .without_bias = true, .name = "second")),
                        TN_OPTIONS(tn_model_options, .input_shape = {1}), &w->model));
    return tn_session_create(w->model, TN_OPTIONS(tn_session_options, .training = true, .threads = 2), &w->session);
}

static tn_status set_weights(work *w)
{
    static const char *const names[] = {"first.weight", "second.weight"};
    for (int i = 0; i < 2; i++) {
        tn_tensor *value = NULL;
        const tn_tensor *old;
        TRY(tn_model_parameter(w->model, names[i], &old));
        TRY(tn_tensor_clone(NULL, old, &value));
        memcpy(tn_tensor_f32(value), tn_tensor_const_f32(w->w) + i * FIRST, tn_tensor_bytes(value));
        tn_status status = tn_model_parameter_set(w->model, names[i], value);
        tn_tensor_destroy(&value);
        TRY(status);
    }
    return TN_OK;
}

/* Make step `t`, and put the weights after it in place of its gradients. */
static tn_status step(work *w, int64_t t)
{
    tn_tensor *first, *second;
    const tn_tensor *y, *a, *b;
    float *row = tn_tensor_f32(w->g) + t * ALL;
    TRY(tn_session_forward(w->session, w->x, TN_TRAIN, &y));
    TRY(tn_session_backward(w->session, w->dy, TN_GRADIENT_WRITE));
    TRY(tn_session_gradient(w->session, "first.weight", &first));
    TRY(tn_session_gradient(w->session, "second.weight", &second));
    memcpy(tn_tensor_f32(first), row, tn_tensor_bytes(first));
    memcpy(tn_tensor_f32(second), row + FIRST, tn_tensor_bytes(second));
    TRY(tn_optimizer_step(w->optimizer, w->session));
    TRY(tn_model_parameter(w->model, "first.weight", &a));
    TRY(tn_model_parameter(w->model, "second.weight", &b));
    memcpy(row, tn_tensor_const_f32(a), tn_tensor_bytes(a));
    memcpy(row + FIRST, tn_tensor_const_f32(b), tn_tensor_bytes(b));
    return TN_OK;
}

static tn_status run(work *w, const char *kind)
{
    char path[PATH];
    TRY(set_up(w, kind));
    TRY(set_weights(w));
    for (int64_t t = 0; t < tn_tensor_dim(w->g, 0); t++)
        TRY(step(w, t));
    return tn_npy_save(path_of(w, "out.npy", path), w->g);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: optim_tool DIR sgd|adam|adamw KEY=NUMBER...\n");
        return EXIT_FAILURE;
    }
    work w = {.directory = argv[1], .options = argv + 3};
    tn_status status = run(&w, argv[2]);
    if (status != TN_OK)
        fprintf(stderr, "optim_tool: %s: %s\n", tn_status_name(status), tn_last_error());
    tn_session_destroy(&w.session);
    tn_optimizer_destroy(&w.optimizer);
    tn_model_destroy(&w.model);
    tn_tensor_destroy(&w.w);
    tn_tensor_destroy(&w.g);
    tn_tensor_destroy(&w.x);
    tn_tensor_destroy(&w.dy);
    return status == TN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
