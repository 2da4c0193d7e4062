/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The command line, checked. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include "fmnist.h"

#include <stdio.h>

/** Options; those with a value come first. */
typedef enum option_id {
    OPTION_EPOCHS,
    OPTION_BATCH_SIZE,
    OPTION_LR,
    OPTION_THREADS,
    OPTION_SEED,
    OPTION_LIMIT,
    OPTION_TEST_LIMIT,
    OPTION_DATA,
    OPTION_CHECKPOINT,
    OPTION_RESUME,
    OPTION_LOG,
    OPTION_VALUES, /* number of the ones above */
    OPTION_FORCE = OPTION_VALUES,
    OPTION_MEASURE,
    OPTION_SUMMARY,
    OPTION_QUIET,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
} option_id;

typedef struct fmnist_options {
    const char *invoked_as; /* argv[0] */
    int64_t epochs, batch_size, threads;
    int64_t limit, test_limit; /* images; 0: all */
    uint64_t seed;
    double learning_rate;
    const char *data;                      /* directory */
    const char *checkpoint, *resume, *log; /* NULL: none */
    bool force, measure, summary, quiet, help, version;
    bool given[OPTION_COUNT];
    const char *text[OPTION_VALUES]; /* as given */
} fmnist_options;

/** Read the command line over the program's defaults. Returns FMNIST_DONE, or FMNIST_REFUSED after saying why. */
int options_read(const fmnist_program *program, int argc, char **argv, fmnist_options *out);

/** Print the help text on standard output; false if it could not be written. */
bool options_help(const fmnist_program *program);

/** Print the command that goes on from the checkpoint `from` with the same options, quoted for the shell. */
void options_print_resume(FILE *to, const fmnist_options *options, const char *from);

#endif
