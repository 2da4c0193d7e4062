/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The algorithms of a run, and the chunks of images that layers pass on: a checkpoint keeps those of a session for
 *  training, and a session that goes on with the run takes them over, whatever it would have chosen, so that its sums
 * are the same. */
#ifndef TN_FORMATS_CHECKPOINT_ALGORITHMS_H
#define TN_FORMATS_CHECKPOINT_ALGORITHMS_H

#include "model/session_change.h"

#include <tinynet/io.h>

#define TN_ALGORITHM_PREFIX "tinynet.algorithm." /* then the layer */
#define TN_CHUNK_PREFIX "tinynet.chunk."         /* then the layer: images, where there are chunks */

/** True if a checkpoint keeps the session's algorithms: it trains. */
bool tn_algorithms_are_kept(const tn_session *session);

/** Make what the session needs for the algorithms and chunks of the file. A layer or a pass that the file names no
 *  algorithm of keeps its own; a file that names none at all says nothing of chunks either.
 *  @param force  let the session keep all of its own where the file's cannot be had
 *  Errors    TN_ERR_UNSUPPORTED (an algorithm that the layer does not have), TN_ERR_STATE (one that the model's
 *            `precise` excludes, a chunk that the session's options or its backward do), TN_ERR_FORMAT,
 *            TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_algorithms_stage(const tn_safetensors *file, const char *path, const tn_session *session,
                                             bool force, tn_session_change *out);

#endif
