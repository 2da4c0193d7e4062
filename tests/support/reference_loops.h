/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Each inner loop of lib/kernels/isa as the plain C that says what it means, one number after another. The fast ones
 *  are tested against these and timed beside them. They make tables of their own, so that a loop is called alike
 *  whichever it is. */
#ifndef TESTS_SUPPORT_REFERENCE_LOOPS_H
#define TESTS_SUPPORT_REFERENCE_LOOPS_H

#include "kernels/isa/conv_table.h"
#include "kernels/isa/element_table.h"

extern const tn_element_table reference_element_table;
extern const tn_conv_table reference_conv_table;

#endif
