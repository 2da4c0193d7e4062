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

void tn_conv2d_name_algorithms(const char *forward, const char *data, const char *filter, char out[TN_OP_ALGORITHM])
{
    if (alike(forward, data) && alike(forward, filter) && alike(data, filter))
        (void)snprintf(out, TN_OP_ALGORITHM, "%s", forward);
    else
        (void)snprintf(out, TN_OP_ALGORITHM, "%s/%s/%s", forward, or_dash(data), or_dash(filter));
}

/* The part of a text that is about a pass; false if it has not one part or three, or one that is too long. */
static bool name_of_pass(const char *text, tn_conv_pass pass, char name[TN_CONV_NAME])
{
    size_t slashes = 0;
    for (const char *at = text; *at != '\0'; at++)
        slashes += *at == '/';
    if (slashes != 0 && slashes != 2)
        return false;
    for (int i = 0; slashes == 2 && i < (int)pass; i++)
        text = strchr(text, '/') + 1;
    size_t length = strcspn(text, "/");
    if (length >= TN_CONV_NAME)
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    return true;
}

tn_status tn_conv2d_read_algorithm(const tn_op_setup *setup, const tn_conv_shape *shape, tn_conv_pass pass, bool *bound,
                                   int *tile)
{
    static const char *const passes[] = {"forward", "gradient by x", "gradient by w"};
    char name[TN_CONV_NAME];
    *bound = setup->algorithm[0] != '\0';
    if (!*bound)
        return TN_OK;
    bool whole = name_of_pass(setup->algorithm, pass, name);
    if (whole && strcmp(name, "-") == 0) {
        *bound = false;
        return TN_OK;
    }
    if (!whole || !tn_conv_find(shape, false, name, tile))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: algorithm is to be \"%.80s\", which is none for its %s", setup->name,
                       setup->algorithm, passes[pass]);
    if (setup->precise && *tile > 0)
        return TN_FAIL(TN_ERR_STATE, "%s: algorithm is to be \"%.80s\", but the model is precise", setup->name,
                       setup->algorithm);
    return TN_OK;
}
