/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tensors that were read and checked, waiting to be applied together: what loading all or nothing rests on. */
#ifndef TN_FORMATS_STAGING_H
#define TN_FORMATS_STAGING_H

#include <tinynet/io.h>

typedef struct tn_staged {
    size_t index;          /* in the file */
    const char *parameter; /* borrowed */
    const char *state;     /* of the optimizer, borrowed; NULL: the parameter itself */
    tn_tensor *value;
} tn_staged;

typedef struct tn_staging {
    tn_allocator allocator;
    tn_staged *items; /* [capacity] */
    size_t count, capacity;
} tn_staging;

TN_WARN_UNUSED tn_status tn_staging_create(tn_staging *staging, const tn_allocator *allocator, size_t capacity);
void tn_staging_destroy(tn_staging *staging);
/** Check that the file's tensor `name` is as `expected` and put it on the list.
 *  @param owner  who expects it, for messages
 *  Errors    those of tn_safetensors_expect */
TN_WARN_UNUSED tn_status tn_staging_add(tn_staging *staging, const tn_safetensors *file, const char *name,
                                        const char *owner, const tn_tensor *expected, const char *parameter,
                                        const char *state);
/** Add every parameter of the model; with `partial`, those that the file has. */
TN_WARN_UNUSED tn_status tn_staging_add_model(tn_staging *staging, const tn_safetensors *file, const tn_model *model,
                                              bool partial);
/** Read all that is on the list. */
TN_WARN_UNUSED tn_status tn_staging_load(tn_staging *staging, tn_safetensors *file);
/** Copy everything to where it belongs. Types and shapes have been compared: does not fail. */
TN_WARN_UNUSED tn_status tn_staging_apply(const tn_staging *staging, tn_model *model, tn_optimizer *optimizer);

/** The allocator of the model's parameters. */
tn_allocator tn_model_file_allocator(const tn_model *model);

#endif
