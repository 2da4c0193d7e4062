/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Checkpoints are safetensors files: parameters under their own names, the optimizer's state as
 *  "optimizer.<parameter>.<state>", everything else as strings of the metadata (run_state.h), then algorithms and
 *  chunks of each layer (checkpoint_algorithms.h), then the caller's keys. */
#include "base/memory.h"
#include "base/status.h"
#include "formats/checkpoint_algorithms.h"
#include "formats/checkpoint_names.h"
#include "formats/run_state.h"
#include "formats/safetensors.h"
#include "formats/staging.h"
#include "optim/slots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The lists that are written, with room for everything that may come. */
typedef struct lists {
    tn_allocator allocator;
    const char **names;        /* [most_tensors] */
    const tn_tensor **tensors; /* [most_tensors] */
    tn_metadata *metadata;     /* [most_metadata] */
    char **owned;              /* [most_owned]: strings to be freed */
    size_t most_tensors, most_metadata, most_owned;
    size_t count, metadata_count, owned_count;
} lists;

tn_status tn_join(const tn_allocator *allocator, const char *a, const char *b, const char *c, const char *d, char **out)
{
    const char *parts[] = {a, b, c, d};
    size_t length = 1;
    for (int i = 0; i < 4; i++)
        length += strlen(parts[i]);
    TN_TRY(tn_alloc(allocator, length, "a name", out));
    char *at = *out;
    for (int i = 0; i < 4; i++) {
        size_t part = strlen(parts[i]);
        memcpy(at, parts[i], part);
        at += part;
    }
    return TN_OK;
}

static tn_status own_join(lists *l, const char *a, const char *b, const char *c, const char *d, const char **out)
{
    TN_TRY(tn_join(&l->allocator, a, b, c, d, &l->owned[l->owned_count]));
    *out = l->owned[l->owned_count++];
    return TN_OK;
}

static tn_status lists_create(lists *l, const tn_checkpoint *checkpoint)
{
    size_t parameters = tn_model_parameter_count(checkpoint->model);
    size_t states = parameters * tn_optimizer_state_count(checkpoint->optimizer);
    size_t layers = tn_plan_layer_count(tn_session_plan(checkpoint->session));
    *l = (lists){.allocator = tn_model_file_allocator(checkpoint->model)};
    l->most_tensors = parameters + states;
    l->most_owned = states + 4 * layers; /* keys and values of algorithms and chunks */
    l->most_metadata = 1 + TN_RUN_STATE_ENTRIES + 2 * layers + checkpoint->metadata_count;
    TN_TRY(tn_alloc(&l->allocator, l->most_tensors * sizeof *l->names, "names", &l->names));
    TN_TRY(tn_alloc(&l->allocator, l->most_tensors * sizeof *l->tensors, "tensors", &l->tensors));
    TN_TRY(tn_alloc(&l->allocator, l->most_owned * sizeof *l->owned, "names", &l->owned));
    return tn_alloc(&l->allocator, l->most_metadata * sizeof *l->metadata, "metadata", &l->metadata);
}

static void lists_destroy(lists *l)
{
    for (size_t i = 0; i < l->owned_count; i++)
        tn_release(&l->allocator, l->owned[i], strlen(l->owned[i]) + 1);
    tn_release(&l->allocator, l->metadata, l->most_metadata * sizeof *l->metadata);
    tn_release(&l->allocator, l->owned, l->most_owned * sizeof *l->owned);
    tn_release(&l->allocator, l->tensors, l->most_tensors * sizeof *l->tensors);
    tn_release(&l->allocator, l->names, l->most_tensors * sizeof *l->names);
}

static tn_status add_parameters(lists *l, const tn_model *model)
{
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *name = l->names[l->count] = tn_model_parameter_name(model, i);
        TN_TRY(tn_model_parameter(model, name, &l->tensors[l->count])); /* GCOVR_EXCL_BR_LINE: its own name is found */
        l->count++;
    }
    return TN_OK;
}

/* An optimizer that has not stepped yet is bound here, so that its zeros are written like any other state. */
static tn_status add_optimizer(lists *l, tn_model *model, tn_optimizer *optimizer)
{
    TN_TRY(tn_optimizer_bind(optimizer, model));
    for (size_t i = 0; i < tn_model_parameter_count(model); i++) {
        const char *parameter = tn_model_parameter_name(model, i);
        for (size_t k = 0; k < tn_optimizer_state_count(optimizer); k++) {
            const char *state = tn_optimizer_state_name(optimizer, k);
            const tn_tensor **value = &l->tensors[l->count];
            TN_TRY(tn_optimizer_state(optimizer, parameter, state, value)); /* GCOVR_EXCL_BR_LINE: is bound */
            TN_TRY(own_join(l, TN_STATE_PREFIX, parameter, ".", state, &l->names[l->count]));
            l->count++;
        }
    }
    return TN_OK;
}

static tn_status add_text(lists *l, const char *prefix, const char *layer, const char *value)
{
    tn_metadata *entry = &l->metadata[l->metadata_count];
    TN_TRY(own_join(l, prefix, layer, "", "", &entry->key));
    TN_TRY(own_join(l, value, "", "", "", &entry->value));
    l->metadata_count++;
    return TN_OK;
}

static tn_status add_algorithms(lists *l, const tn_session *session)
{
    for (size_t i = 0; tn_algorithms_are_kept(session) && i < session->plan->step_count; i++) {
        const tn_plan_step *step = &session->plan->steps[i];
        char images[24];
        if (step->needs.passes[0] != '\0')
            TN_TRY(add_text(l, TN_ALGORITHM_PREFIX, step->setup.name, step->needs.passes));
        snprintf(images, sizeof images, "%" PRId64, step->chunk);
        if (step->chunk > 0)
            TN_TRY(add_text(l, TN_CHUNK_PREFIX, step->setup.name, images));
    }
    return TN_OK;
}

static void add_metadata(lists *l, const tn_metadata *entries, size_t count)
{
    if (count > 0)
        memcpy(l->metadata + l->metadata_count, entries, count * sizeof *entries);
    l->metadata_count += count;
}

static tn_status save(const char *path, const tn_checkpoint *checkpoint, lists *l)
{
    const tn_metadata format = {TN_FORMAT_KEY, TN_FORMAT_CHECKPOINT};
    tn_run_state state;
    tn_run_text text;
    TN_TRY(lists_create(l, checkpoint));
    TN_TRY(tn_run_state_collect(checkpoint, &state));
    tn_run_state_write(&state, &text);
    add_metadata(l, &format, 1);
    add_metadata(l, text.entries, text.count);
    TN_TRY(add_algorithms(l, checkpoint->session));
    add_metadata(l, checkpoint->metadata, checkpoint->metadata_count);
    TN_TRY(add_parameters(l, checkpoint->model)); /* GCOVR_EXCL_BR_LINE: finds its own names */
    if (checkpoint->optimizer != NULL)
        TN_TRY(add_optimizer(l, checkpoint->model, checkpoint->optimizer));
    return tn_safetensors_write(&l->allocator, path, l->count, l->names, l->tensors, l->metadata, l->metadata_count);
}

tn_status tn_checkpoint_save(const char *path, const tn_checkpoint *checkpoint)
{
    tn_checkpoint known;
    lists l;
    if (path == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_checkpoint_save: path is NULL");
    TN_TRY(tn_checkpoint_read("tn_checkpoint_save", checkpoint, &known));
    TN_TRY(tn_model_check_between_steps("tn_checkpoint_save", known.model));
    TN_TRY(tn_metadata_check("tn_checkpoint_save", known.metadata, known.metadata_count));
    tn_status status = save(path, &known, &l);
    lists_destroy(&l);
    return status;
}
