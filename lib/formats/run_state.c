/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One table says which number is which key; collecting, checking and applying are spelled out. */
#include "formats/run_state.h"

#include "base/options.h"
#include "base/status.h"
#include "formats/checksum.h"
#include "model/model_core.h"
#include "optim/algorithm.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPTIMIZER_KEY "tinynet.optimizer"

typedef enum kind { SIGNED, UNSIGNED, BITS } kind;

static const struct field {
    const char *key;
    tn_run_part part;
    kind kind;
    size_t offset; /* of an 8-byte member */
} fields[] = {
    {"tinynet.optimizer.steps", TN_RUN_OPTIMIZER, SIGNED, offsetof(tn_run_state, steps)},
    {"tinynet.learning_rate", TN_RUN_OPTIMIZER, BITS, offsetof(tn_run_state, learning_rate)},
    {"tinynet.schedule.kind", TN_RUN_OPTIMIZER, SIGNED, offsetof(tn_run_state, schedule_kind)},
    {"tinynet.schedule.warmup", TN_RUN_OPTIMIZER, SIGNED, offsetof(tn_run_state, schedule_warmup)},
    {"tinynet.schedule.period", TN_RUN_OPTIMIZER, SIGNED, offsetof(tn_run_state, schedule_period)},
    {"tinynet.schedule.gamma", TN_RUN_OPTIMIZER, BITS, offsetof(tn_run_state, schedule_gamma)},
    {"tinynet.schedule.minimum", TN_RUN_OPTIMIZER, BITS, offsetof(tn_run_state, schedule_minimum)},
    {"tinynet.session.step", TN_RUN_SESSION, UNSIGNED, offsetof(tn_run_state, session_step)},
    {"tinynet.session.seed", TN_RUN_SESSION, UNSIGNED, offsetof(tn_run_state, model_seed)},
    {"tinynet.loader.seed", TN_RUN_LOADER, UNSIGNED, offsetof(tn_run_state, seed)},
    {"tinynet.loader.batch_size", TN_RUN_LOADER, SIGNED, offsetof(tn_run_state, batch_size)},
    {"tinynet.loader.samples", TN_RUN_LOADER, SIGNED, offsetof(tn_run_state, samples)},
    {"tinynet.loader.epoch", TN_RUN_LOADER, SIGNED, offsetof(tn_run_state, epoch)},
    {"tinynet.loader.batch", TN_RUN_LOADER, SIGNED, offsetof(tn_run_state, batch)},
    {"tinynet.progress.epoch", TN_RUN_PROGRESS, SIGNED, offsetof(tn_run_state, progress.epoch)},
    {"tinynet.progress.batch", TN_RUN_PROGRESS, SIGNED, offsetof(tn_run_state, progress.batch)},
    {"tinynet.progress.loss_sum", TN_RUN_PROGRESS, BITS, offsetof(tn_run_state, progress.loss_sum)},
    {"tinynet.progress.correct", TN_RUN_PROGRESS, SIGNED, offsetof(tn_run_state, progress.correct)},
    {"tinynet.progress.samples", TN_RUN_PROGRESS, SIGNED, offsetof(tn_run_state, progress.samples)},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

_Static_assert(FIELD_COUNT + 1 <= TN_RUN_STATE_ENTRIES, "every field and the optimizer's kind have an entry");

tn_status tn_checkpoint_read(const char *function, const tn_checkpoint *given, tn_checkpoint *out)
{
    if (given == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: checkpoint is NULL", function);
    TN_TRY(tn_options_read(out, sizeof *out, given, "tn_checkpoint"));
    if (out->model == NULL)
        return TN_FAIL(TN_ERR_INVALID, "%s: checkpoint has no model", function);
    if (out->session != NULL && tn_session_model(out->session) != out->model)
        return TN_FAIL(TN_ERR_INVALID, "%s: the session is of another model", function);
    return TN_OK;
}

/* What the schedule is, with its defaults; a function of the caller's cannot be stored, only that there is one. */
static void collect_schedule(const tn_optimizer *optimizer, tn_run_state *out)
{
    const tn_schedule schedule = tn_schedule_normal(&optimizer->schedule);
    out->schedule_kind = (int64_t)schedule.kind;
    out->schedule_warmup = schedule.warmup;
    out->schedule_period = schedule.period;
    out->schedule_gamma = schedule.gamma;
    out->schedule_minimum = schedule.minimum;
}

tn_status tn_run_state_collect(const tn_checkpoint *checkpoint, tn_run_state *out)
{
    *out = (tn_run_state){.parts = 0};
    if (checkpoint->optimizer != NULL) {
        out->parts |= TN_RUN_OPTIMIZER;
        out->optimizer = tn_optimizer_kind(checkpoint->optimizer);
        out->steps = tn_optimizer_step_count(checkpoint->optimizer);
        out->learning_rate = tn_optimizer_learning_rate(checkpoint->optimizer);
        collect_schedule(checkpoint->optimizer, out);
    }
    if (checkpoint->session != NULL) {
        out->parts |= TN_RUN_SESSION;
        out->session_step = tn_session_step(checkpoint->session);
        out->model_seed = checkpoint->model->seed;
    }
    if (checkpoint->loader != NULL) {
        out->parts |= TN_RUN_LOADER;
        out->seed = tn_loader_seed(checkpoint->loader);
        out->batch_size = tn_loader_batch_size(checkpoint->loader);
        out->samples = tn_dataset_count(tn_loader_dataset(checkpoint->loader));
        out->epoch = tn_loader_epoch(checkpoint->loader);
        out->batch = tn_loader_batch(checkpoint->loader);
    }
    if (checkpoint->progress != NULL) {
        out->parts |= TN_RUN_PROGRESS;
        TN_TRY(tn_options_read(&out->progress, sizeof out->progress, checkpoint->progress, "tn_progress"));
    }
    return TN_OK;
}

void tn_run_state_write(const tn_run_state *state, tn_run_text *out)
{
    out->count = 0;
    if (state->parts & TN_RUN_OPTIMIZER)
        out->entries[out->count++] = (tn_metadata){OPTIMIZER_KEY, state->optimizer};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char *text = out->values[i];
        uint64_t number;
        if (!(state->parts & fields[i].part))
            continue;
        memcpy(&number, (const char *)state + fields[i].offset, sizeof number);
        if (fields[i].kind == BITS) {
            tn_hex_write(number, text, 16);
            text[16] = '\0';
        } else if (fields[i].kind == SIGNED) {
            snprintf(text, sizeof out->values[i], "%" PRId64, (int64_t)number);
        } else {
            snprintf(text, sizeof out->values[i], "%" PRIu64, number);
        }
        out->entries[out->count++] = (tn_metadata){fields[i].key, text};
    }
}

/* No number of a run is negative. */
bool tn_decimal_read(const char *text, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    }
    *out = number;
    return *text != '\0' && number <= most;
}

static bool read_field(const struct field *field, const char *text, uint64_t *out)
{
    if (field->kind == BITS)
        return strlen(text) == 16 && tn_hex_read(text, 16, out);
    return tn_decimal_read(text, field->kind == SIGNED ? INT64_MAX : UINT64_MAX, out);
}

tn_status tn_run_state_read(const tn_safetensors *file, const char *path, unsigned wanted, tn_run_state *out)
{
    *out = (tn_run_state){.parts = wanted};
    if (wanted & TN_RUN_OPTIMIZER) {
        out->optimizer = tn_safetensors_metadata(file, OPTIMIZER_KEY);
        if (out->optimizer == NULL)
            return TN_FAIL(TN_ERR_STATE, "%s: was saved without an optimizer", path);
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        uint64_t number;
        if (!(wanted & fields[i].part))
            continue;
        const char *text = tn_safetensors_metadata(file, fields[i].key);
        if (text == NULL)
            return TN_FAIL(TN_ERR_STATE, "%s: was saved without %s", path, fields[i].key);
        if (!read_field(&fields[i], text, &number))
            return TN_FAIL(TN_ERR_FORMAT, "%s: %s is \"%s\", no number of its range", path, fields[i].key, text);
        memcpy((char *)out + fields[i].offset, &number, sizeof number);
    }
    return TN_OK;
}

static tn_status check_schedule(const char *path, const tn_optimizer *optimizer, const tn_run_state *state)
{
    tn_run_state own;
    collect_schedule(optimizer, &own);
    bool same = state->schedule_kind == own.schedule_kind && state->schedule_warmup == own.schedule_warmup &&
                state->schedule_period == own.schedule_period && state->schedule_gamma == own.schedule_gamma &&
                state->schedule_minimum == own.schedule_minimum;
    if (!same)
        return TN_FAIL(TN_ERR_STATE,
                       "%s: was saved with schedule kind %" PRId64 ", warmup %" PRId64 ", period %" PRId64
                       ", gamma %g, minimum %g; the optimizer has kind %" PRId64 ", warmup %" PRId64 ", period %" PRId64
                       ", gamma %g, minimum %g",
                       path, state->schedule_kind, state->schedule_warmup, state->schedule_period,
                       state->schedule_gamma, state->schedule_minimum, own.schedule_kind, own.schedule_warmup,
                       own.schedule_period, own.schedule_gamma, own.schedule_minimum);
    return TN_OK;
}

static tn_status check_optimizer(const char *path, const tn_checkpoint *checkpoint, const tn_run_state *state)
{
    const tn_optimizer *optimizer = checkpoint->optimizer;
    if (strcmp(state->optimizer, tn_optimizer_kind(optimizer)) != 0)
        return TN_FAIL(TN_ERR_STATE, "%s: was saved with optimizer %s, not %s", path, state->optimizer,
                       tn_optimizer_kind(optimizer));
    if (!isfinite(state->learning_rate) || state->learning_rate <= 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: tinynet.learning_rate is not a finite number above 0", path);
    return checkpoint->force ? TN_OK : check_schedule(path, optimizer, state);
}

/* The position within an epoch means nothing to a loader that cuts the data in another way. */
static void restart_epoch(tn_run_state *state)
{
    state->batch = 0;
    state->progress = (tn_progress){.struct_size = state->progress.struct_size, .epoch = state->progress.epoch};
}

static tn_status check_loader(const char *path, const tn_checkpoint *checkpoint, tn_run_state *state)
{
    const tn_loader *loader = checkpoint->loader;
    int64_t samples = tn_dataset_count(tn_loader_dataset(loader)), batches = tn_loader_batches(loader);
    bool same = state->seed == tn_loader_seed(loader) && state->batch_size == tn_loader_batch_size(loader) &&
                state->samples == samples;
    if (!same && !checkpoint->force)
        return TN_FAIL(TN_ERR_STATE,
                       "%s: was saved with seed %" PRIu64 ", batch size %" PRId64 ", %" PRId64
                       " samples; the loader has seed %" PRIu64 ", batch size %" PRId64 ", %" PRId64 " samples",
                       path, state->seed, state->batch_size, state->samples, tn_loader_seed(loader),
                       tn_loader_batch_size(loader), samples);
    if (!same)
        restart_epoch(state);
    if (state->batch > batches || state->progress.batch > batches || state->progress.samples > samples)
        return TN_FAIL(TN_ERR_FORMAT, "%s: stands at batch %" PRId64 " (%" PRId64 "), an epoch has %" PRId64, path,
                       state->batch, state->progress.batch, batches);
    return TN_OK;
}

tn_status tn_run_state_check(const char *path, const tn_checkpoint *checkpoint, tn_run_state *state)
{
    if (state->parts & TN_RUN_OPTIMIZER)
        TN_TRY(check_optimizer(path, checkpoint, state));
    if (state->parts & TN_RUN_LOADER)
        TN_TRY(check_loader(path, checkpoint, state));
    if (state->progress.correct > state->progress.samples)
        return TN_FAIL(TN_ERR_FORMAT, "%s: %" PRId64 " of %" PRId64 " samples are said to be correct", path,
                       state->progress.correct, state->progress.samples);
    return TN_OK;
}

/* The caller's struct may be older: what it does not know is left out. */
static void apply_progress(const tn_progress *from, tn_progress *to)
{
    size_t size = to->struct_size < sizeof *from ? to->struct_size : sizeof *from, first = offsetof(tn_progress, epoch);
    if (size > first)
        memcpy((char *)to + first, (const char *)from + first, size - first);
}

tn_status tn_run_state_apply(const tn_run_state *state, const tn_checkpoint *checkpoint)
{
    if (state->parts & TN_RUN_LOADER)
        TN_TRY(tn_loader_start(checkpoint->loader, state->epoch, state->batch)); /* GCOVR_EXCL_BR_LINE: was checked */
    if (state->parts & TN_RUN_OPTIMIZER) {
        tn_optimizer *optimizer = checkpoint->optimizer;
        TN_TRY(tn_optimizer_set_learning_rate(optimizer, state->learning_rate)); /* GCOVR_EXCL_BR_LINE: was checked */
        TN_TRY(tn_optimizer_set_step_count(optimizer, state->steps));            /* GCOVR_EXCL_BR_LINE: was checked */
    }
    if (state->parts & TN_RUN_SESSION) {
        tn_session_set_step(checkpoint->session, state->session_step);
        checkpoint->model->seed = state->model_seed;
    }
    if (state->parts & TN_RUN_PROGRESS)
        apply_progress(&state->progress, checkpoint->progress);
    return TN_OK;
}
