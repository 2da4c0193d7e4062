/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A file that appears whole or not at all: written as "<path>.tmp", synced, renamed over the target, and the directory
 *  synced. A reader sees the old file or the new one; a run that is killed leaves at most the temporary, which the next
 *  save removes. Two programs must not save to the same path at the same time. */
#ifndef TN_FORMATS_ATOMIC_FILE_H
#define TN_FORMATS_ATOMIC_FILE_H

#include <tinynet/base.h>

typedef struct tn_atomic_file {
    tn_allocator allocator;
    const char *path;      /* the caller's */
    const char *name;      /* its last part */
    char *temporary;       /* name of the temporary within the directory; NULL: not open */
    size_t temporary_size; /* of the string with its NUL */
    int directory, fd;
} tn_atomic_file;

/** Create the temporary. The target must be a regular file, a symbolic link (which is replaced, not followed), or
 *  nothing.
 *  Errors    TN_ERR_IO, TN_ERR_NO_MEMORY; nothing is left behind */
TN_WARN_UNUSED tn_status tn_atomic_open(tn_atomic_file *file, const tn_allocator *allocator, const char *path);
/** Append. After a failure, tn_atomic_abort is what is left to do.
 *  Errors    TN_ERR_IO */
TN_WARN_UNUSED tn_status tn_atomic_write(tn_atomic_file *file, const void *data, size_t size);
/** Put the file in its place and free everything; on failure the target is as it was and the temporary is gone, but
 *  for the last step: if the directory cannot be synced, the new file is in place and the detail says so.
 *  Errors    TN_ERR_IO */
TN_WARN_UNUSED tn_status tn_atomic_commit(tn_atomic_file *file);
void tn_atomic_abort(tn_atomic_file *file); /**< remove the temporary and free everything */

#endif
