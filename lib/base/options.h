/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading option structs of callers that are older or newer than the library. */
#ifndef TN_BASE_OPTIONS_H
#define TN_BASE_OPTIONS_H

#include <tinynet/base.h>

/** Copy the caller's options into `known` ([known_size], which starts with struct_size): fields that the caller lacks
 *  become zero. NULL stands for all defaults. `what` names the struct in messages ("tn_conv2d_options").
 *  Errors    TN_ERR_INVALID if struct_size was not set; TN_ERR_UNSUPPORTED if a field beyond known_size is not zero */
TN_WARN_UNUSED tn_status tn_options_read(void *known, size_t known_size, const void *options, const char *what);

#endif
