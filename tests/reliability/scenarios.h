/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What programs do with the library, as a table: each row is run with every request for memory refused in turn, and
 *  under other attacks. */
#ifndef TESTS_RELIABILITY_SCENARIOS_H
#define TESTS_RELIABILITY_SCENARIOS_H

#include "world.h"

typedef struct scenario {
    const char *name;
    void (*set_up)(world *w); /* there is memory; NULL: nothing to do */
    /** Memory may be refused. Called again after a failure, it goes on with what is there. */
    tn_status (*act)(world *w);
    bool unchanged; /* act changes one thing, or, when it fails, nothing */
} scenario;

/** End of each table. */
#define SCENARIO_END                                                                                                   \
    {                                                                                                                  \
        NULL, NULL, NULL, false                                                                                        \
    }

extern const scenario tensor_scenarios[], model_scenarios[], data_scenarios[], run_scenarios[], file_scenarios[],
    save_scenarios[];

/** Scenario `index` over all tables; NULL past the last. */
const scenario *scenario_at(int index);

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        tn_status try_status_ = (call);                                                                                \
        if (try_status_ != TN_OK)                                                                                      \
            return try_status_;                                                                                        \
    } while (0)

/* --- what several tables need; all of it goes on with what is there */

tn_status make_model(world *w, tn_layer *(*net)(const tn_allocator *), int64_t size);
tn_status make_session(world *w, tn_session_options options);
/** One forward into w->y. */
tn_status predict(world *w);
/** Random images for the model and classes, from memory that no hook sees. */
void make_batch(world *w, int64_t count, int64_t size);
/** A LeNet with a session for training, a loss, and, with `loaders`, data to train and to test with. */
void make_trainer(world *w, tn_optimizer *optimizer, bool loaders);

#endif
