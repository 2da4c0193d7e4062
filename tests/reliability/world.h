/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Everything that a scenario may have made, on one allocator that counts and refuses. */
#ifndef TESTS_RELIABILITY_WORLD_H
#define TESTS_RELIABILITY_WORLD_H

#include "counting.h"

typedef struct world {
    counting hook;
    tn_allocator allocator; /* the hook's; all that follows is from it */
    tn_layer *net;
    tn_model *model;
    tn_plan *plan;
    tn_session *session;
    tn_loss *loss;
    tn_optimizer *optimizer;
    tn_dataset *dataset;
    tn_loader *loader, *test;
    tn_tensor *x, *targets, *y, *gradient;
    tn_stop *stop;
    tn_safetensors *file;
    tn_progress progress;
    tn_metrics metrics;
    uint64_t outcome;  /* of what a scenario computed */
    const char *saved; /* a file that is part of the state; NULL: none */
} world;

void world_open(world *w);
/** Destroy all handles that there are; nothing may be out of the allocator then. */
void world_close(world *w, const char *what);
/** All bits that can be asked for: parameters, state, counters, tensors, the saved file, the outcome. */
uint64_t world_bits(const world *w);

/** Refuse request `at` (from 1), or with `for_ever` all from there on; 0: none. Counting starts anew. From
 *  system_calls.c: threads and locks are requests, too. */
void world_refuse(world *w, long at, bool for_ever);

/** Memory of a scenario's own, from malloc. */
void *world_own_memory(size_t size);
/** Called before (true) and after (false) what a scenario or a new thread takes from malloc. NULL: nobody cares. */
extern void (*world_permit)(bool begins);

/** FNV-1a over `size` bytes, from `hash`. */
uint64_t bits_add(uint64_t hash, const void *data, size_t size);
/** The same over a tensor's shape and elements; NULL counts as nothing. */
uint64_t bits_of_tensor(uint64_t hash, const tn_tensor *tensor);

#endif
