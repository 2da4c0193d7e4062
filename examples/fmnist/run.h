/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One training run: its parts, and what is done with them. */
#ifndef EXAMPLES_RUN_H
#define EXAMPLES_RUN_H

#include "images.h"
#include "line.h"
#include "log.h"
#include "options.h"
#include "resume.h"

typedef struct fmnist_run {
    const fmnist_program *program;
    fmnist_options options;
    fmnist_images images;
    resume_notes notes;
    tn_loader *train, *test;
    tn_model *model;
    tn_session *session;
    tn_loss *loss;
    tn_optimizer *optimizer;
    tn_stop *stop;
    tn_progress progress;
    fmnist_log log;
    progress_line line;
    int64_t images_done;   /* of the current epoch, in this run */
    fmnist_output results; /* standard output */
    bool output_failed;    /* log or standard output: the run ends, and can be resumed */
    bool unsaved;          /* the last checkpoint could not be saved */
    int64_t saved;         /* epochs in the last checkpoint of this run; 0: none yet */
} fmnist_run;

/** Make model, session, loaders and the rest for the images. Returns an exit status. */
int run_build(fmnist_run *run);
void run_destroy(fmnist_run *run); /**< everything but the log */

/** Load options.resume. Returns an exit status. */
int run_restore(fmnist_run *run);

/** Save where the run stands. */
TN_WARN_UNUSED tn_status run_save(fmnist_run *run, const char *path);

/** Where Ctrl-C saves: the checkpoint that was asked for, or the program's own, whose path is written to `name`. */
#define RUN_NAME 256
const char *run_checkpoint_path(const fmnist_run *run, char name[RUN_NAME]);

/** Train up to the last epoch and return the exit status. */
int run_train(fmnist_run *run);

#endif
