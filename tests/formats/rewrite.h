/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A safetensors file written again with one string of its metadata changed, its checksum made right. */
#ifndef TESTS_FORMATS_REWRITE_H
#define TESTS_FORMATS_REWRITE_H

#include "files.h"
#include "formats/safetensors.h"

/** As rewrite, and with `replacement` for the tensor `replaced`. */
static inline const char *rewrite_tensor(const char *path, const char *key, const char *value, const char *replaced,
                                         const tn_tensor *replacement)
{
    tn_safetensors *file = NULL;
    const char *names[32];
    tn_tensor *tensors[32] = {NULL};
    tn_metadata metadata[64];
    size_t count = 0;
    bool there = false;
    ck_ok(tn_safetensors_open(NULL, path, &file));
    for (size_t i = 0; i < tn_safetensors_count(file); i++) {
        names[i] = tn_safetensors_name(file, i);
        if (replaced != NULL && strcmp(names[i], replaced) == 0)
            ck_ok(tn_tensor_clone(NULL, replacement, &tensors[i]));
        else
            ck_ok(tn_safetensors_load(file, names[i], &tensors[i]));
    }
    for (size_t i = 0; i < file->header.metadata_count; i++) {
        const char *found = file->header.text + file->header.metadata[i];
        const char *old = tn_safetensors_metadata(file, found), *now = strcmp(found, key) == 0 ? value : old;
        there = there || strcmp(found, key) == 0;
        if (strcmp(found, TN_CHECKSUM_KEY) != 0 && now != NULL)
            metadata[count++] = (tn_metadata){found, now};
    }
    if (!there && value != NULL)
        metadata[count++] = (tn_metadata){key, value};
    ck_ok(tn_safetensors_write(NULL, scratch("changed"), tn_safetensors_count(file), names,
                               (const tn_tensor *const *)tensors, metadata, count));
    for (size_t i = 0; i < tn_safetensors_count(file); i++)
        tn_tensor_destroy(&tensors[i]);
    tn_safetensors_close(&file);
    return scratch("changed");
}

/** Write `path` again as "changed", with `value` for `key`, which need not be there; NULL leaves the key out. Returns
 *  the new path. */
static inline const char *rewrite(const char *path, const char *key, const char *value)
{
    return rewrite_tensor(path, key, value, NULL, NULL);
}

#endif
