/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Where a run stands, beside its tensors: numbers that a checkpoint keeps as text in its metadata. Integers are
 *  decimal, doubles are the sixteen hexadecimal digits of their bits: nothing depends on a locale or is rounded. */
#ifndef TN_FORMATS_RUN_STATE_H
#define TN_FORMATS_RUN_STATE_H

#include <tinynet/io.h>

typedef enum tn_run_part {
    TN_RUN_OPTIMIZER = 1,
    TN_RUN_SESSION = 2,
    TN_RUN_LOADER = 4,
    TN_RUN_PROGRESS = 8
} tn_run_part;

typedef struct tn_run_state {
    unsigned parts;        /* that are there: tn_run_part */
    const char *optimizer; /* its kind; borrowed */
    int64_t steps;
    double learning_rate;
    int64_t schedule_kind, schedule_warmup, schedule_period;
    double schedule_gamma, schedule_minimum;
    uint64_t session_step;
    uint64_t model_seed; /* the key of dropout */
    uint64_t seed;       /* of the loader */
    int64_t batch_size, samples, epoch, batch;
    tn_progress progress;
} tn_run_state;

#define TN_RUN_STATE_ENTRIES 24 /* metadata that a run state makes at most */

/** The text of a run state; entries point into it. */
typedef struct tn_run_text {
    char values[TN_RUN_STATE_ENTRIES][24];
    tn_metadata entries[TN_RUN_STATE_ENTRIES];
    size_t count;
} tn_run_text;

/** Read decimal digits and nothing else; false for any other text, and above `most`. */
bool tn_decimal_read(const char *text, uint64_t most, uint64_t *out);
/** Read a checkpoint's options of any age, and check that its handles belong together.
 *  @param function  for messages
 *  Errors    TN_ERR_INVALID, TN_ERR_UNSUPPORTED */
TN_WARN_UNUSED tn_status tn_checkpoint_read(const char *function, const tn_checkpoint *given, tn_checkpoint *out);
/** Collect the state of what the checkpoint's handles are.
 *  Errors    TN_ERR_INVALID (progress without struct_size) */
TN_WARN_UNUSED tn_status tn_run_state_collect(const tn_checkpoint *checkpoint, tn_run_state *out);
void tn_run_state_write(const tn_run_state *state, tn_run_text *out);
/** Read the parts `wanted`.
 *  Errors    TN_ERR_STATE if the file lacks one; TN_ERR_FORMAT if a number is none */
TN_WARN_UNUSED tn_status tn_run_state_read(const tn_safetensors *file, const char *path, unsigned wanted,
                                           tn_run_state *out);
/** Check a state that was read: that it is of the run of these handles, and that every number is in its range. With
 *  `force`, another loader is accepted (the current epoch then starts anew), and another schedule (the optimizer's own
 *  stays).
 *  Errors    TN_ERR_STATE (another run), TN_ERR_FORMAT (out of range) */
TN_WARN_UNUSED tn_status tn_run_state_check(const char *path, const tn_checkpoint *checkpoint, tn_run_state *state);
/** Put a checked state into the handles. Does not fail. */
TN_WARN_UNUSED tn_status tn_run_state_apply(const tn_run_state *state, const tn_checkpoint *checkpoint);

#endif
