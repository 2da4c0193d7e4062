/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Ctrl-C and its relatives: the first asks the training to stop, the second of its kind does what it always did. */
#ifndef EXAMPLES_SIGNALS_H
#define EXAMPLES_SIGNALS_H

#include <tinynet/tinynet.h>

/** Let SIGINT, SIGTERM and (unless it is ignored, as under nohup) SIGHUP request `stop`, which must live on. Let writes
 *  to a closed pipe, or beyond the limit on a file's size, fail instead of ending the program. */
void signals_catch(tn_stop *stop);

/** The signal that was caught first; 0 for none. */
int signals_caught(void);

#endif
