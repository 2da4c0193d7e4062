/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Small networks in the shape of the known ones. Every layer takes its memory from the allocator given. */
#ifndef TESTS_RELIABILITY_NETS_H
#define TESTS_RELIABILITY_NETS_H

#include <tinynet/tinynet.h>

/* Height and width of each network's images, which have one channel. */
enum { LENET_SIZE = 12, ALEXNET_SIZE = 67, EVERY_SIZE = 40, NET_CLASSES = 10 };

/** LeNet's order of layers. */
tn_layer *lenet_like(const tn_allocator *a);
/** AlexNet's order of layers with few filters: the last pooling leaves one pixel. */
tn_layer *alexnet_like(const tn_allocator *a);
/** Every kind of layer there is, the caller's too, and every algorithm for convolutions. */
tn_layer *every_kind(const tn_allocator *a);
/** A layer of the caller's, for [N,K]. */
tn_layer *multiplier(const tn_allocator *a);

#endif
