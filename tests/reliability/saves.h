/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An old file, a run that would replace it by a new one, and the question which of the two is there now. */
#ifndef TESTS_RELIABILITY_SAVES_H
#define TESTS_RELIABILITY_SAVES_H

#include "small_run.h"

/** A kind of file that is written whole or not at all. */
typedef struct save_kind {
    const char *name;
    tn_status (*save)(const char *path, small_run *run);
    tn_status (*load)(const char *path, small_run *run);
} save_kind;

static inline tn_status save_checkpoint(const char *path, small_run *run)
{
    tn_checkpoint checkpoint = small_checkpoint(run);
    return tn_checkpoint_save(path, &checkpoint);
}

static inline tn_status load_checkpoint(const char *path, small_run *run)
{
    tn_checkpoint checkpoint = small_checkpoint(run);
    return tn_checkpoint_load(path, &checkpoint);
}

static inline tn_status save_weights(const char *path, small_run *run)
{
    return tn_model_save(run->model, path);
}

static inline tn_status load_weights(const char *path, small_run *run)
{
    return tn_model_load(run->model, path, false);
}

static inline tn_status save_array(const char *path, small_run *run)
{
    const tn_tensor *array;
    tn_status status = tn_model_parameter(run->model, tn_model_parameter_name(run->model, 0), &array);
    return status == TN_OK ? tn_npy_save(path, array) : status;
}

static inline tn_status load_array(const char *path, small_run *run)
{
    tn_tensor *array = NULL;
    tn_status status = tn_npy_load(NULL, path, &array);
    if (status == TN_OK)
        status = tn_model_parameter_set(run->model, tn_model_parameter_name(run->model, 0), array);
    tn_tensor_destroy(&array);
    return status;
}

static const save_kind save_kinds[] = {{"checkpoint", save_checkpoint, load_checkpoint},
                                       {"weights", save_weights, load_weights},
                                       {"array", save_array, load_array}};

enum { SAVE_KINDS = sizeof save_kinds / sizeof save_kinds[0] };

typedef struct saves {
    save_kind kind;
    small_run writer, reader; /* the writer is in the new state */
    unsigned char *old_bytes, *new_bytes;
    size_t old_size, new_size;
    char path[256], temporary[264], name[32];
} saves;

static inline saves saves_create(save_kind kind)
{
    saves s = {.kind = kind, .writer = small_create((small_options){.optimizer = "adam"})};
    s.reader = small_create((small_options){.optimizer = "adam"});
    snprintf(s.name, sizeof s.name, "the %s", kind.name); /* with a space in it */
    snprintf(s.path, sizeof s.path, "%s", scratch(s.name));
    snprintf(s.temporary, sizeof s.temporary, "%s.tmp", s.path);
    ck_ok(kind.save(s.path, &s.writer));
    s.old_bytes = read_bytes(s.path, &s.old_size);
    small_advance(&s.writer);
    ck_ok(kind.save(s.path, &s.writer));
    s.new_bytes = read_bytes(s.path, &s.new_size);
    ck_assert(s.old_size != s.new_size || memcmp(s.old_bytes, s.new_bytes, s.old_size) != 0);
    return s;
}

static inline void saves_destroy(saves *s)
{
    small_destroy(&s->writer);
    small_destroy(&s->reader);
    free(s->old_bytes);
    free(s->new_bytes);
    remove(s->path);
    remove(s->temporary);
}

/** The old file is there, and what a killed run left if `leftover` says so. */
static inline void saves_put_old(const saves *s, bool leftover)
{
    write_bytes(s->name, s->old_bytes, s->old_size);
    remove(s->temporary);
    if (leftover) {
        char name[40];
        snprintf(name, sizeof name, "%s.tmp", s->name);
        write_bytes(name, "left over", 9);
    }
}

typedef enum saves_found { FOUND_OLD, FOUND_NEW, FOUND_MIXED } saves_found;

/** Which file is there, byte by byte. */
static inline saves_found saves_look(const saves *s)
{
    size_t size;
    unsigned char *bytes = read_bytes(s->path, &size);
    bool is_old = size == s->old_size && memcmp(bytes, s->old_bytes, size) == 0;
    bool is_new = size == s->new_size && memcmp(bytes, s->new_bytes, size) == 0;
    free(bytes);
    return is_old ? FOUND_OLD : is_new ? FOUND_NEW : FOUND_MIXED;
}

#endif
