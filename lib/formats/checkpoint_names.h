/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How the tensors of a checkpoint are named. */
#ifndef TN_FORMATS_CHECKPOINT_NAMES_H
#define TN_FORMATS_CHECKPOINT_NAMES_H

#include <tinynet/base.h>

#define TN_STATE_PREFIX "optimizer." /* then the parameter, a point, and the state */

/** Put four strings together; release with tn_release(a, s, strlen(s) + 1). */
TN_WARN_UNUSED tn_status tn_join(const tn_allocator *allocator, const char *a, const char *b, const char *c,
                                 const char *d, char **out);

#endif
