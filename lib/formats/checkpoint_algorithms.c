/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading the algorithms of a run. */
#include "formats/checkpoint_algorithms.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/checkpoint_names.h"
#include "formats/run_state.h"

#include <string.h>

bool tn_algorithms_are_kept(const tn_session *session)
{
    return session != NULL && session->plan->options.training;
}

/* What the file says of a layer under a prefix; NULL: nothing. */
static tn_status look_up(const tn_safetensors *file, const tn_allocator *allocator, const char *prefix,
                         const char *layer, const char **out)
{
    char *key;
    TN_TRY(tn_join(allocator, prefix, layer, "", "", &key));
    *out = tn_safetensors_metadata(file, key);
    tn_release(allocator, key, strlen(key) + 1);
    return TN_OK;
}

static tn_status find_algorithms(const tn_safetensors *file, const char *path, const tn_session *session,
                                 tn_step_choice *choices, bool *any)
{
    *any = false;
    for (size_t i = 0; i < session->plan->step_count; i++) {
        const tn_plan_step *step = &session->plan->steps[i];
        const char *kept;
        TN_TRY(look_up(file, &session->allocator, TN_ALGORITHM_PREFIX, step->setup.name, &kept));
        if (kept != NULL && kept[0] == '\0')
            return TN_FAIL(TN_ERR_FORMAT, "%s: " TN_ALGORITHM_PREFIX "%s is empty", path, step->setup.name);
        choices[i] = (tn_step_choice){kept != NULL ? kept : step->needs.passes, step->chunk};
        *any = *any || kept != NULL;
    }
    return TN_OK;
}

static tn_status find_chunks(const tn_safetensors *file, const char *path, const tn_session *session,
                             tn_step_choice *choices)
{
    for (size_t i = 0; i < session->plan->step_count; i++) {
        const char *layer = session->plan->steps[i].setup.name, *text;
        uint64_t images = 0;
        TN_TRY(look_up(file, &session->allocator, TN_CHUNK_PREFIX, layer, &text));
        if (text != NULL && (!tn_decimal_read(text, INT64_MAX, &images) || images == 0))
            return TN_FAIL(TN_ERR_FORMAT, "%s: " TN_CHUNK_PREFIX "%s is \"%s\", no number of images", path, layer,
                           text);
        choices[i].chunk = (int64_t)images;
    }
    return TN_OK;
}

static tn_status stage(const tn_safetensors *file, const char *path, const tn_session *session, tn_step_choice *choices,
                       tn_session_change *out)
{
    bool any;
    TN_TRY(find_algorithms(file, path, session, choices, &any));
    if (!any)
        return TN_OK;
    TN_TRY(find_chunks(file, path, session, choices));
    tn_status status = tn_session_change_create(session, choices, out);
    if (status == TN_OK || status == TN_ERR_NO_MEMORY)
        return status;
    return TN_FAIL(status, "%s: %s", path, tn_last_error()); /* the layer is named, the file is not yet */
}

tn_status tn_algorithms_stage(const tn_safetensors *file, const char *path, const tn_session *session, bool force,
                              tn_session_change *out)
{
    tn_step_choice *choices;
    if (!tn_algorithms_are_kept(session))
        return TN_OK;
    size_t bytes = session->plan->step_count * sizeof *choices;
    TN_TRY(tn_alloc(&session->allocator, bytes, "algorithms", &choices));
    tn_status status = stage(file, path, session, choices, out);
    tn_release(&session->allocator, choices, bytes);
    bool cannot = status == TN_ERR_UNSUPPORTED || status == TN_ERR_STATE;
    return force && cannot ? TN_OK : status;
}
