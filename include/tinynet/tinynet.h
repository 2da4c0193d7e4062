/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Everything: `#include <tinynet/tinynet.h>` and link with `pkg-config --cflags --libs tinynet`. */
#ifndef TINYNET_TINYNET_H
#define TINYNET_TINYNET_H

#include <tinynet/base.h>
#include <tinynet/data.h>
#include <tinynet/io.h>
#include <tinynet/layer.h>
#include <tinynet/loss.h>
#include <tinynet/model.h>
#include <tinynet/optimizer.h>
#include <tinynet/tensor.h>
#include <tinynet/train.h>
#include <tinynet/version.h>

#endif
