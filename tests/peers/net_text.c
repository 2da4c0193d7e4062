/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Networks described in text. */
#include "net_text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 64 };

/* The text after `key=`, NULL if the key is not there. */
static const char *find_value(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = strchr(text, ':'); at; at = strchr(at + 1, ','))
        if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
            return at + length + 2;
    return NULL;
}

static int64_t integer(const char *text, const char *key)
{
    const char *value = find_value(text, key);
    return value ? strtoll(value, NULL, 10) : 0;
}

static bool has(const char *text, const char *key, const char *value)
{
    const char *found = find_value(text, key);
    size_t length = strlen(value);
    return found && strncmp(found, value, length) == 0 && (found[length] == ',' || !found[length]);
}

static tn_activation activation(const char *text)
{
    if (has(text, "activation", "relu"))
        return TN_RELU;
    if (has(text, "activation", "sigmoid"))
        return TN_SIGMOID;
    return has(text, "activation", "tanh") ? TN_TANH : TN_LINEAR;
}

static tn_padding padding(const char *text)
{
    return has(text, "padding", "same") ? TN_SAME : TN_VALID;
}

static bool is(const char *text, const char *kind)
{
    return strncmp(text, kind, strlen(kind)) == 0;
}

static tn_layer *pool_from_text(const char *text)
{
    const tn_pool2d_options options = {.struct_size = sizeof options,
                                       .pool_size = integer(text, "pool_size"),
                                       .strides = integer(text, "strides"),
                                       .padding = padding(text)};
    return is(text, "max") ? tn_max_pool2d_create(&options) : tn_avg_pool2d_create(&options);
}

static tn_layer *layer_from_text(const char *text)
{
    if (is(text, "conv2d"))
        return tn_conv2d(.filters = integer(text, "filters"), .kernel_size = integer(text, "kernel_size"),
                         .strides = integer(text, "strides"), .groups = integer(text, "groups"),
                         .padding = padding(text), .activation = activation(text));
    if (is(text, "max_pool2d") || is(text, "avg_pool2d"))
        return pool_from_text(text);
    if (is(text, "dense"))
        return tn_dense(.units = integer(text, "units"), .activation = activation(text));
    if (is(text, "activation"))
        return tn_activation_layer(.activation = activation(text));
    if (is(text, "dropout"))
        return tn_dropout(.rate = 0.0f);
    if (is(text, "flatten"))
        return tn_flatten();
    (void)tn_fail(TN_ERR_INVALID, "%s: no layer of that kind", text);
    return NULL;
}

tn_layer *net_from_text(char *const *texts, int count)
{
    tn_layer *layers[MAX_LAYERS];
    int used = count < MAX_LAYERS ? count : MAX_LAYERS;
    for (int i = 0; i < used; i++)
        layers[i] = layer_from_text(texts[i]);
    return tn_sequential_create(NULL, layers, (size_t)used);
}
