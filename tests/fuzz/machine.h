/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A machine whose program is a fuzzer's bytes: each operation is a call of the API on what earlier ones made, with
 *  arguments out of the bytes that follow. */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include "fuzz.h"

#define SLOTS 4

typedef struct machine {
    const uint8_t *at, *end; /* the program that is left; zeros behind it */
    meter meter;
    tn_allocator allocator;
    tn_layer *layers[SLOTS * 2];
    tn_tensor *tensors[SLOTS];
    tn_model *model;
    tn_session *session;
    tn_optimizer *optimizer;
    tn_loss *loss;
    tn_dataset *dataset;
    tn_loader *loader;
} machine;

typedef void operation(machine *m);

uint8_t take_byte(machine *m);
bool take_bool(machine *m);
/** A number that is small most of the time, and otherwise negative, huge, or just beyond 32 bits. */
int64_t take_size(machine *m);
/** A finite number around 1 most of the time, and otherwise 0, negative, tiny, huge, infinite or NaN. */
double take_real(machine *m);

/** Any of the tensors that are there, or NULL. */
tn_tensor *take_tensor(machine *m);
/** Keep a tensor that a call has made, in the place of another. A call that failed must not have made one. */
void keep_tensor(machine *m, tn_status status, tn_tensor *made);

/** The operations of each file, ended by NULL. */
extern operation *const layer_operations[], *const run_operations[], *const data_operations[],
                                                                         *const tensor_operations[];

#endif
