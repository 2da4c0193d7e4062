/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Names of a convolution's algorithms, written and read. */
#include "layers/conv2d_algorithms.h"

#include "base/status.h"
#include "kernels/conv_candidates.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(3 * TN_CONV_NAME <= TN_OP_ALGORITHM, "three names fit");

static bool alike(const char *a, const char *b)
{
    return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

static const char *or_dash(const char *name)
{
    return name[0] == '\0' ? "-" : name;
}

void tn_conv2d_name_algorithms(const char *forward, const char *data, const char *filter, tn_op_needs *out)
{
    bool same = alike(forward, data) && alike(forward, filter) && alike(data, filter);
    (void)snprintf(out->passes, TN_OP_ALGORITHM, "%s/%s/%s", forward, or_dash(data), or_dash(filter));
    (void)snprintf(out->algorithm, TN_OP_ALGORITHM, "%s", same ? forward : out->passes);
}

static size_t count_slashes(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '/';
    return count;
}

/* Two parts are of files in which a pass that was not planned had none: the gradient by x of a first layer, or the one
 * by w of a layer that was frozen. */
static const char *part_of_two(const tn_op_setup *setup, const char *text, tn_conv_pass pass)
{
    tn_conv_pass second = setup->param_gradients ? TN_CONV_FILTER : TN_CONV_DATA;
    if (pass == TN_CONV_FORWARD)
        return text;
    return pass == second ? strchr(text, '/') + 1 : "-";
}

static const char *part_of_three(const char *text, tn_conv_pass pass)
{
    for (int i = 0; i < (int)pass; i++)
        text = strchr(text, '/') + 1;
    return text;
}

/* The part of a text that is about a pass; false if it has more than three parts, or one that is too long. */
static bool name_of_pass(const tn_op_setup *setup, const char *text, tn_conv_pass pass, char name[TN_CONV_NAME])
{
    size_t slashes = count_slashes(text);
    if (slashes > 2)
        return false;
    if (slashes > 0)
        text = slashes == 1 ? part_of_two(setup, text, pass) : part_of_three(text, pass);
    size_t length = strcspn(text, "/");
    if (length >= TN_CONV_NAME)
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    return true;
}

static tn_status read_text(const tn_op_setup *setup, const char *text, const tn_conv_shape *shape, tn_conv_pass pass,
                           bool *bound, int *tile)
{
    const char *which = pass == TN_CONV_FORWARD ? "forward" : pass == TN_CONV_DATA ? "gradient by x" : "gradient by w";
    char name[TN_CONV_NAME];
    *bound = text[0] != '\0';
    if (!*bound)
        return TN_OK;
    bool whole = name_of_pass(setup, text, pass, name);
    if (whole && strcmp(name, "-") == 0) {
        *bound = false;
        return TN_OK;
    }
    if (!whole || !tn_conv_find(shape, false, name, tile))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: algorithm is to be \"%.80s\", which is none for its %s", setup->name,
                       text, which);
    if (setup->precise && *tile != 0)
        return TN_FAIL(TN_ERR_STATE, "%s: algorithm is to be \"%.80s\", but the model is precise", setup->name, text);
    return TN_OK;
}

tn_status tn_conv2d_read_algorithm(const tn_op_setup *setup, const tn_conv_shape *shape, tn_conv_pass pass, bool *bound,
                                   int *tile)
{
    TN_TRY(read_text(setup, setup->algorithm, shape, pass, bound, tile));
    if (!*bound && setup->kept_algorithm != NULL)
        return read_text(setup, setup->kept_algorithm, shape, pass, bound, tile);
    return TN_OK;
}
