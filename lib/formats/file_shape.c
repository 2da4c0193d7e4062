/* SPDX-License-Identifier: BSD-3-Clause */
#include "formats/file_shape.h"

#include "base/status.h"

tn_status tn_file_shape_check(const char *path, const tn_shape *shape)
{
    char text[TN_SHAPE_TEXT];
    int64_t size;
    if (tn_shape_size(shape, &size) != TN_OK)
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: shape %s has too many elements", path,
                       tn_shape_text(shape, text, sizeof text));
    return TN_OK;
}
