/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The total of epochs, threads and paths are not noted: equal computations leave equal files. */
#include "resume.h"

#include "numbers.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM, DATA, LIMIT, SEED, BATCH_SIZE, LEARNING_RATE };

static const char *const keys[RESUME_KEYS] = {FMNIST_KEY_PROGRAM, "fmnist.data",       "fmnist.limit",
                                              "fmnist.seed",      "fmnist.batch_size", "fmnist.learning_rate"};

void resume_take_notes(const fmnist_program *program, const fmnist_options *options, const fmnist_images *images,
                       resume_notes *out)
{
    snprintf(out->values[PROGRAM], RESUME_VALUE, "%s", program->name);
    snprintf(out->values[DATA], RESUME_VALUE, "%08" PRIx32, images->checksum);
    snprintf(out->values[LIMIT], RESUME_VALUE, "%" PRId64, tn_dataset_count(images->train));
    snprintf(out->values[SEED], RESUME_VALUE, "%" PRIu64, options->seed);
    snprintf(out->values[BATCH_SIZE], RESUME_VALUE, "%" PRId64, options->batch_size);
    snprintf(out->values[LEARNING_RATE], RESUME_VALUE, "%.17g", options->learning_rate);
    for (int i = 0; i < RESUME_KEYS; i++)
        out->entries[i] = (tn_metadata){keys[i], out->values[i]};
}

/* The numbers of a checkpoint's notes. */
typedef struct noted {
    uint32_t checksum;
    int64_t limit, batch_size;
    uint64_t seed;
    double learning_rate;
} noted;

static bool parse_checksum(const char *text, uint32_t *out)
{
    if (strlen(text) != 8 || strspn(text, "0123456789abcdef") != 8)
        return false;
    *out = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

static int read_notes(const tn_safetensors *file, const fmnist_program *program, const char *path, noted *out)
{
    const char *text[RESUME_KEYS];
    for (int i = 0; i < RESUME_KEYS; i++) {
        text[i] = tn_safetensors_metadata(file, keys[i]);
        if (!text[i])
            return report_refusal("%s: is no checkpoint of %s: it lacks %s", path, program->name, keys[i]);
    }
    if (strcmp(text[PROGRAM], program->name) != 0)
        return report_refusal("%s: is a checkpoint of %s, not of %s", path, text[PROGRAM], program->name);
    if (!parse_checksum(text[DATA], &out->checksum) || !parse_integer(text[LIMIT], &out->limit) || out->limit < 1 ||
        !parse_unsigned(text[SEED], &out->seed) || !parse_integer(text[BATCH_SIZE], &out->batch_size) ||
        out->batch_size < 1 || !parse_real(text[LEARNING_RATE], &out->learning_rate) || out->learning_rate <= 0)
        return report_refusal("%s: is damaged: one of its notes is no number", path);
    return FMNIST_DONE;
}

/* A given value must be the saved one, unless --force says that another is meant. */
static int differs(const fmnist_options *options, const char *what, const char *saved, const char *now)
{
    return report_refusal("%s was saved with %s %s, not %s; --force goes on all the same", options->resume, what, saved,
                          now);
}

static int adopt_integer(const fmnist_options *options, option_id id, const char *what, int64_t saved, int64_t *value)
{
    char a[RESUME_VALUE], b[RESUME_VALUE];
    snprintf(a, sizeof a, "%" PRId64, saved);
    snprintf(b, sizeof b, "%" PRId64, *value);
    if (options->given[id] && *value != saved && !options->force)
        return differs(options, what, a, b);
    if (!options->given[id])
        *value = saved;
    return FMNIST_DONE;
}

static int adopt_seed(fmnist_options *options, uint64_t saved)
{
    char a[RESUME_VALUE], b[RESUME_VALUE];
    snprintf(a, sizeof a, "%" PRIu64, saved);
    snprintf(b, sizeof b, "%" PRIu64, options->seed);
    if (options->given[OPTION_SEED] && options->seed != saved && !options->force)
        return differs(options, "seed", a, b);
    if (!options->given[OPTION_SEED])
        options->seed = saved;
    return FMNIST_DONE;
}

static int adopt_rate(fmnist_options *options, double saved)
{
    char a[RESUME_VALUE], b[RESUME_VALUE];
    snprintf(a, sizeof a, "%.9g", saved);
    snprintf(b, sizeof b, "%.9g", options->learning_rate);
    if (options->given[OPTION_LR] && options->learning_rate != saved && !options->force)
        return differs(options, "learning rate", a, b);
    if (!options->given[OPTION_LR])
        options->learning_rate = saved;
    return FMNIST_DONE;
}

static int adopt(fmnist_options *options, const noted *saved)
{
    int status = adopt_integer(options, OPTION_LIMIT, "limit", saved->limit, &options->limit);
    if (status == FMNIST_DONE)
        status = adopt_seed(options, saved->seed);
    if (status == FMNIST_DONE)
        status = adopt_integer(options, OPTION_BATCH_SIZE, "batch size", saved->batch_size, &options->batch_size);
    if (status == FMNIST_DONE)
        status = adopt_rate(options, saved->learning_rate);
    return status;
}

int resume_adopt(const fmnist_program *program, fmnist_options *options, uint32_t *checksum)
{
    tn_safetensors *file = NULL;
    noted saved = {0};
    if (tn_safetensors_open(NULL, options->resume, &file) != TN_OK)
        return report_refusal("--resume: %s", tn_last_error());
    int status = read_notes(file, program, options->resume, &saved);
    tn_safetensors_close(&file);
    if (status == FMNIST_DONE)
        status = adopt(options, &saved);
    *checksum = saved.checksum;
    return status;
}

int resume_check_images(const fmnist_options *options, uint32_t saved, uint32_t found)
{
    char a[RESUME_VALUE], b[RESUME_VALUE];
    snprintf(a, sizeof a, "%08" PRIx32, saved);
    snprintf(b, sizeof b, "%08" PRIx32, found);
    if (saved == found || options->force)
        return FMNIST_DONE;
    return differs(options, "training images of checksum", a, b);
}
