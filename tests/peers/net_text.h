/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Networks described in text, so that a program in another language can say what to build:
 *
 *      conv2d:filters=96,kernel_size=11,strides=4,activation=relu max_pool2d:pool_size=3,strides=2 flatten */
#ifndef TESTS_PEERS_NET_TEXT_H
#define TESTS_PEERS_NET_TEXT_H

#include <tinynet/tinynet.h>

/** Build a sequential net of `count` layers; NULL on failure, as the library's constructors. */
tn_layer *net_from_text(char *const *texts, int count);

#endif
