/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What all layers have in common: making, naming and destroying them. */
#include "base/memory.h"
#include "base/status.h"
#include "layers/construct.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The text itself stays out of the messages: it may hold anything, a line's end too. */
tn_status tn_name_check(const char *label, const char *what, const char *text, size_t longest)
{
    if (text == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is NULL", label, what);
    if (text[0] == '\0')
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is empty", label, what);
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (length == longest)
            return TN_FAIL(TN_ERR_INVALID, "%s: %s is longer than %zu characters", label, what, longest);
        if (!name_character(text[length]))
            return TN_FAIL(TN_ERR_INVALID, "%s: %s has character 0x%02x at %zu, which is not one of [A-Za-z0-9_-]",
                           label, what, (unsigned)(unsigned char)text[length], length);
    }
    return TN_OK;
}

const char *tn_layer_label(const char *kind, const char *name)
{
    size_t length = 0;
    while (name != NULL && name_character(name[length]) && length < TN_NAME_LENGTH)
        length++;
    return length > 0 && name[length] == '\0' ? name : kind;
}

tn_status tn_option_at_least(const char *label, const char *option, int64_t value, int64_t least)
{
    if (value < least)
        return TN_FAIL(TN_ERR_INVALID, "%s: %s is %" PRId64 ", must be at least %" PRId64, label, option, value, least);
    return TN_OK;
}

tn_status tn_option_activation(const char *label, tn_activation activation)
{
    if ((int)activation < (int)TN_LINEAR || (int)activation > (int)TN_SOFTMAX)
        return TN_FAIL(TN_ERR_INVALID, "%s: activation is %d, which is no tn_activation", label, (int)activation);
    return TN_OK;
}

tn_status tn_shape_fits(const char *name, const char *what, const tn_shape *shape)
{
    int64_t size;
    if (tn_shape_size(shape, &size) == TN_OK)
        return TN_OK;
    char text[TN_SHAPE_TEXT];
    return TN_FAIL(TN_ERR_OVERFLOW, "%s: %s %s has too many elements", name, what,
                   tn_shape_text(shape, text, sizeof text));
}

float tn_glorot_limit(double fan_in, double fan_out)
{
    return (float)sqrt(6.0 / (fan_in + fan_out));
}

tn_status tn_layer_new(const tn_op *op, size_t bytes, const tn_allocator *allocator, const char *name, void *out_layer)
{
    if (name != NULL)
        TN_TRY(tn_name_check(op->kind, "name", name, TN_NAME_LENGTH));
    if (allocator != NULL)
        TN_TRY(tn_allocator_check(allocator));
    tn_allocator own = tn_allocator_or_default(allocator);
    tn_layer *layer = NULL;
    TN_TRY(tn_alloc(&own, bytes, op->kind, &layer));
    layer->op = op;
    layer->allocator = own;
    layer->bytes = bytes;
    tn_status status = name == NULL ? TN_OK : tn_strdup(&own, name, &layer->name);
    if (status == TN_OK)
        memcpy(out_layer, &layer, sizeof layer);
    else
        tn_release(&own, layer, bytes);
    return status;
}

tn_layer *tn_layer_result(tn_status status, tn_layer *layer)
{
    if (status == TN_OK)
        return layer;
    tn_failures_push(status, tn_last_error());
    return NULL;
}

void tn_layer_free(tn_layer *layer)
{
    if (layer == NULL)
        return;
    tn_allocator allocator = layer->allocator;
    if (layer->op->destroy != NULL)
        layer->op->destroy(layer);
    if (layer->name != NULL)
        tn_release(&allocator, layer->name, strlen(layer->name) + 1);
    tn_release(&allocator, layer, layer->bytes);
}

void tn_layer_destroy(tn_layer **layer)
{
    if (layer == NULL)
        return;
    if (*layer != NULL && !(*layer)->owned)
        tn_layer_free(*layer);
    *layer = NULL;
}

const char *tn_layer_kind(const tn_layer *layer)
{
    return layer->op->kind;
}

const char *tn_layer_title(const tn_layer *layer)
{
    return layer->op->title;
}
