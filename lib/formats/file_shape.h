/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Shapes that a file says it has. */
#ifndef TN_FORMATS_FILE_SHAPE_H
#define TN_FORMATS_FILE_SHAPE_H

#include "tensor/storage.h"

/** Check that a tensor can have this shape. A batch of 0 makes any file large enough, so the bytes alone do not tell.
 *  Errors    TN_ERR_OVERFLOW, with the file's name */
TN_WARN_UNUSED tn_status tn_file_shape_check(const char *path, const tn_shape *shape);

#endif
