/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Will a file be writable when the time comes, and is something in it? Asked before hours of work, without touching
 *  what is there. */
#ifndef EXAMPLES_PATHS_H
#define EXAMPLES_PATHS_H

#include <stdbool.h>

/** Check that a checkpoint can be saved as `path`: it is nothing, a regular file or a link, and its directory takes the
 *  temporary that is written beside it. On failure, false with the reason in `reason` (static). */
bool path_takes_checkpoint(const char *path, const char **reason);

/** True for a regular file that is not empty. */
bool path_has_content(const char *path);

/** True if both are one file, or will be: one name in one directory. */
bool paths_are_one(const char *a, const char *b);

#endif
