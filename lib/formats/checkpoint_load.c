/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Loading a checkpoint, all or nothing: everything is read and checked beside the handles, then applied by calls that
 *  cannot fail any more. The one thing that a failure may leave is an optimizer bound to the model, with zero state. */
#include "base/memory.h"
#include "base/status.h"
#include "formats/checkpoint_algorithms.h"
#include "formats/checkpoint_names.h"
#include "formats/run_state.h"
#include "formats/safetensors.h"
#include "formats/staging.h"

#include <string.h>

static tn_status check_format(const tn_safetensors *file, const char *path)
{
    static const char word[] = "checkpoint ";
    const char *format = tn_safetensors_metadata(file, TN_FORMAT_KEY);
    if (format == NULL || strncmp(format, word, sizeof word - 1) != 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: is no checkpoint: its format is %s; tn_model_load reads weights alone", path,
                       format ? format : "not told");
    if (strcmp(format, TN_FORMAT_CHECKPOINT) != 0)
        return TN_FAIL(TN_ERR_VERSION, "%s: is \"%s\", this library knows \"" TN_FORMAT_CHECKPOINT "\"", path, format);
    return TN_OK;
}

static unsigned wanted_parts(const tn_checkpoint *checkpoint)
{
    return (checkpoint->optimizer ? TN_RUN_OPTIMIZER : 0U) | (checkpoint->session ? TN_RUN_SESSION : 0U) |
           (checkpoint->loader ? TN_RUN_LOADER : 0U) | (checkpoint->progress ? TN_RUN_PROGRESS : 0U);
}

static bool is_parameter(const tn_model *model, const char *name)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++)
        if (strcmp(name, tn_model_parameter_name(model, i)) == 0)
            return true;
    return false;
}

/* A file that has more than the model and the optimizer is of another run. */
static tn_status check_strangers(const tn_safetensors *file, const char *path, const tn_checkpoint *checkpoint)
{
    size_t states = 0,
           expected = tn_model_parameter_count(checkpoint->model) * tn_optimizer_state_count(checkpoint->optimizer);
    for (size_t i = 0; i < tn_safetensors_count(file); i++) {
        const char *name = tn_safetensors_name(file, i);
        if (is_parameter(checkpoint->model, name))
            continue;
        if (strncmp(name, TN_STATE_PREFIX, sizeof TN_STATE_PREFIX - 1) != 0)
            return TN_FAIL(TN_ERR_STATE, "%s: has a tensor %s, which the model has not", path, name);
        states++;
    }
    if (checkpoint->optimizer != NULL && states != expected)
        return TN_FAIL(TN_ERR_STATE, "%s: has %zu tensors of optimizer state, the optimizer (%s) has %zu", path, states,
                       tn_optimizer_kind(checkpoint->optimizer), expected);
    return TN_OK;
}

static tn_status stage_optimizer(tn_staging *staging, const tn_safetensors *file, const tn_model *model,
                                 const tn_optimizer *optimizer)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *parameter = tn_model_parameter_name(model, i);
        for (size_t k = 0; k < tn_optimizer_state_count(optimizer); k++) {
            const char *state = tn_optimizer_state_name(optimizer, k);
            const tn_tensor *expected = NULL;
            char *name;
            TN_TRY(tn_optimizer_state(optimizer, parameter, state, &expected)); /* GCOVR_EXCL_BR_LINE: is bound */
            TN_TRY(tn_join(&staging->allocator, TN_STATE_PREFIX, parameter, ".", state, &name));
            tn_status status = tn_staging_add(staging, file, name, "optimizer", expected, parameter, state);
            tn_release(&staging->allocator, name, strlen(name) + 1);
            TN_TRY(status);
        }
    }
    return TN_OK;
}

/* What waits to be applied. */
typedef struct waiting {
    tn_staging staging;
    tn_session_change change;
} waiting;

static tn_status apply_tensors(const tn_staging *staging, const tn_checkpoint *checkpoint)
{
    return tn_staging_apply(staging, checkpoint->model, checkpoint->optimizer);
}

static tn_status load(tn_safetensors *file, const char *path, const tn_checkpoint *checkpoint, waiting *w)
{
    tn_run_state state, before;
    TN_TRY(check_format(file, path));
    TN_TRY(tn_run_state_collect(checkpoint, &before)); /* progress must be a struct that can be written */
    TN_TRY(tn_run_state_read(file, path, wanted_parts(checkpoint), &state));
    TN_TRY(tn_run_state_check(path, checkpoint, &state));
    TN_TRY(check_strangers(file, path, checkpoint));
    TN_TRY(tn_staging_add_model(&w->staging, file, checkpoint->model, false));
    if (checkpoint->optimizer != NULL) {
        TN_TRY(tn_optimizer_bind(checkpoint->optimizer, checkpoint->model));
        TN_TRY(stage_optimizer(&w->staging, file, checkpoint->model, checkpoint->optimizer));
    }
    TN_TRY(tn_algorithms_stage(file, path, checkpoint->session, checkpoint->force, &w->change));
    TN_TRY(tn_staging_load(&w->staging, file));
    TN_TRY(tn_run_state_apply(&state, checkpoint)); /* GCOVR_EXCL_BR_LINE: all was checked */
    TN_TRY(apply_tensors(&w->staging, checkpoint)); /* GCOVR_EXCL_BR_LINE: all was checked */
    if (checkpoint->session != NULL)
        tn_session_change_apply(checkpoint->session, &w->change);
    return TN_OK;
}

tn_status tn_checkpoint_load(const char *path, const tn_checkpoint *checkpoint)
{
    tn_checkpoint known;
    tn_safetensors *file = NULL;
    waiting w = {0};
    if (path == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_checkpoint_load: path is NULL");
    TN_TRY(tn_checkpoint_read("tn_checkpoint_load", checkpoint, &known));
    tn_allocator allocator = tn_model_file_allocator(known.model);
    TN_TRY(tn_safetensors_open(&allocator, path, &file));
    size_t states = 1 + tn_optimizer_state_count(known.optimizer);
    tn_status status = tn_staging_create(&w.staging, &allocator, tn_model_parameter_count(known.model) * states);
    if (status == TN_OK)
        status = load(file, path, &known, &w);
    tn_staging_destroy(&w.staging);
    if (known.session != NULL)
        tn_session_change_destroy(known.session, &w.change);
    tn_safetensors_close(&file);
    return status;
}
