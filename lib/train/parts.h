/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Whether the parts of a run fit each other: asked before any work. */
#ifndef TN_TRAIN_PARTS_H
#define TN_TRAIN_PARTS_H

#include <tinynet/train.h>

/** Check that the session can take the loader's batches, and the loss the session's output and the loader's targets.
 *  @param function  begins the messages
 *  @param what      names the loader in them
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE */
TN_WARN_UNUSED tn_status tn_check_parts(const char *function, const char *what, const tn_session *session,
                                        const tn_loss *loss, const tn_loader *loader);

/** The model's output shape for `rows` samples. */
tn_shape tn_output_of(const tn_session *session, int64_t rows);

#endif
