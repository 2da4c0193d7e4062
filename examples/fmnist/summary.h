/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What --summary and --version print. */
#ifndef EXAMPLES_SUMMARY_H
#define EXAMPLES_SUMMARY_H

#include "fmnist.h"

/** Print each layer's output shape for one picture, and return the exit status. */
int summary_print(const fmnist_program *program);

/** Print what is running, and return the exit status. */
int version_print(const fmnist_program *program);

#endif
