/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the tests of bad arguments share: outputs that must stay as they were, refusals, and small handles. */
#ifndef TESTS_API_BAD_INPUT_H
#define TESTS_API_BAD_INPUT_H

#include "suite.h"

/* What an output holds before a call, and must hold after its failure. */
#define UNTOUCHED(type) ((type *)(void *)&untouched)
static int untouched;

#define null_refused(call) ck_fails(call, TN_ERR_INVALID, "")
#define no_handle(call)                                                                                                \
    do {                                                                                                               \
        ck_assert_msg((call) == NULL, "%s gave a handle", #call);                                                      \
        ck_assert_int_eq(tn_last_status(), TN_ERR_INVALID);                                                            \
        ck_assert_msg(tn_last_error()[0] != '\0', "%s left no detail", #call);                                         \
    } while (0)

static inline tn_tensor *floats(int64_t rows, int64_t cols)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, (const int64_t[]){rows, cols}, &tensor));
    return tensor;
}

static const tn_model_options flat = {.struct_size = sizeof flat, .input_shape = {2}};
static const tn_session_options training = {.struct_size = sizeof training, .training = true, .threads = 1};

#endif
