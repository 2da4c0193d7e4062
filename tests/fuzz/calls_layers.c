/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Operations that make layers, models and plans. */
#include "machine.h"

#define LAYERS (SLOTS * 2)

/* Push a layer that a constructor has made. */
static void push(machine *m, tn_layer *layer)
{
    if (layer == NULL) {
        require_failure(tn_last_status());
        return;
    }
    tn_layer_destroy(&m->layers[LAYERS - 1]);
    memmove(m->layers + 1, m->layers, (LAYERS - 1) * sizeof m->layers[0]);
    m->layers[0] = layer;
}

/* Take the last `count` layers, oldest first; those that were not there are NULL. */
static void pop(machine *m, tn_layer **out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[count - 1 - i] = m->layers[i];
    memmove(m->layers, m->layers + count, (LAYERS - count) * sizeof m->layers[0]);
    memset(m->layers + LAYERS - count, 0, count * sizeof m->layers[0]);
}

static const char *take_name(machine *m)
{
    static const char *const names[] = {NULL, NULL, NULL, NULL, "a", "a.b", "", "\n", "conv2d_1", "dense_1"};
    return names[take_byte(m) % (sizeof names / sizeof names[0])];
}

static void conv2d(machine *m)
{
    tn_conv2d_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    options.filters = take_size(m);
    options.kernel_size = take_size(m);
    options.padding = (tn_padding)(take_byte(m) % 4);
    options.activation = (tn_activation)(take_byte(m) % 6);
    if (take_bool(m)) {
        options.kernel_width = take_size(m);
        options.strides = take_size(m);
        options.strides_height = take_size(m);
        options.dilation = take_size(m);
        options.groups = take_size(m);
        options.without_bias = take_bool(m);
        options.frozen = take_bool(m);
        options.name = take_name(m);
    }
    if (options.padding == TN_EXPLICIT) {
        options.pad_top = take_size(m);
        options.pad_bottom = take_size(m);
        options.pad_left = take_size(m);
        options.pad_right = take_size(m);
    }
    push(m, tn_conv2d_create(&options));
}

static void pool2d(machine *m)
{
    tn_pool2d_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    options.pool_size = take_size(m);
    options.padding = (tn_padding)(take_byte(m) % 4);
    if (take_bool(m)) {
        options.pool_height = take_size(m);
        options.strides = take_size(m);
        options.dilation = take_size(m);
        options.ceil_mode = take_bool(m);
        options.count_padding = take_bool(m);
        options.name = take_name(m);
    }
    if (options.padding == TN_EXPLICIT) {
        options.pad_top = take_size(m);
        options.pad_right = take_size(m);
    }
    push(m, take_bool(m) ? tn_max_pool2d_create(&options) : tn_avg_pool2d_create(&options));
}

static void dense(machine *m)
{
    push(m,
         tn_dense(.units = take_size(m), .activation = (tn_activation)(take_byte(m) % 6), .without_bias = take_bool(m),
                  .frozen = take_bool(m), .name = take_name(m), .allocator = &m->allocator));
}

static void dropout(machine *m)
{
    push(m, tn_dropout(.rate = (float)take_real(m), .name = take_name(m), .allocator = &m->allocator));
}

static void flatten(machine *m)
{
    push(m, tn_flatten(.name = take_name(m), .allocator = &m->allocator));
}

static void activation(machine *m)
{
    push(m, tn_activation_layer(.activation = (tn_activation)(take_byte(m) % 6), .axis = (int)take_size(m),
                                .name = take_name(m), .allocator = &m->allocator));
}

static void sequential(machine *m)
{
    tn_layer *parts[LAYERS];
    size_t count = take_byte(m) % LAYERS + 1u;
    tn_layer_options options = {.struct_size = sizeof options, .name = take_name(m), .allocator = &m->allocator};
    pop(m, parts, count);
    for (size_t i = 0; i < count && parts[0] == NULL; i++) /* most programs have fewer */
        memmove(parts, parts + 1, --count * sizeof parts[0]);
    push(m, tn_sequential_create(&options, parts, count));
}

static void take_input_shape(machine *m, int64_t *shape)
{
    int rank = take_byte(m) % 4;
    if (take_byte(m) % 4 != 0) {
        shape[0] = shape[1] = 4 + take_byte(m) % 12;
        shape[2] = 1 + take_byte(m) % 4;
        return;
    }
    for (int i = 0; i < rank; i++)
        shape[i] = take_size(m);
}

static void model(machine *m)
{
    tn_model_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    tn_layer *layer;
    tn_model *made = NULL;
    pop(m, &layer, 1);
    take_input_shape(m, options.input_shape);
    options.seed = take_byte(m);
    options.precise = take_bool(m);
    tn_status status = tn_model_create(layer, &options, &made);
    require((status == TN_OK) == (made != NULL));
    if (status != TN_OK) {
        require_failure(status);
        return;
    }
    tn_model_destroy(&m->model); /* a session goes on with it */
    m->model = made;
}

static void plan(machine *m)
{
    static char text[4096];
    tn_model_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    tn_session_options session = {.struct_size = sizeof session, .allocator = &m->allocator};
    tn_plan *made = NULL;
    size_t needed = 0;
    take_input_shape(m, options.input_shape);
    session.batch_size = take_size(m);
    session.training = take_bool(m);
    session.threads = 1;
    tn_status status = tn_model_plan(m->layers[0], &options, &session, &made);
    require((status == TN_OK) == (made != NULL));
    if (status != TN_OK) {
        require_failure(status);
        return;
    }
    status = tn_plan_summary(made, text, take_byte(m), &needed);
    if (status != TN_OK)
        require_failure(status);
    require(tn_plan_layer(made, tn_plan_layer_count(made)) == NULL);
    tn_plan_destroy(&made);
}

static void destroy_layer(machine *m)
{
    tn_layer_destroy(&m->layers[take_byte(m) % LAYERS]);
}

operation *const layer_operations[] = {conv2d,     conv2d, pool2d, dense, dropout,       flatten, activation,
                                       sequential, model,  model,  plan,  destroy_layer, NULL};
