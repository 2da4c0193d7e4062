/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  From the command line to the exit status: whatever can be refused is refused before the training starts. */
#include "paths.h"
#include "report.h"
#include "run.h"
#include "summary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A run takes the place of no other, unless that is meant; a resumed one may save where it came from, and appends to its
 * log. */
static int refuse_overwriting(const fmnist_options *o, const char *path)
{
    if (o->force)
        return FMNIST_DONE;
    if (path_has_content(path) && !paths_are_one(path, o->resume)) {
        const char *how = o->checkpoint ? "--checkpoint" : "Ctrl-C would save to";
        return report_refusal("%s %s: is there already; --resume %s goes on from it, --force writes over it, --checkpoint "
                              "FILE saves elsewhere",
                              how, path, path);
    }
    if (o->log && !o->resume && path_has_content(o->log))
        return report_refusal("--log %s: is there already; with --resume FILE a run appends to it, --force writes over "
                              "it",
                              o->log);
    return FMNIST_DONE;
}

static int check_outputs(fmnist_run *run)
{
    const fmnist_options *o = &run->options;
    const char *reason = "";
    if (o->checkpoint && !path_takes_checkpoint(o->checkpoint, &reason))
        return report_refusal("--checkpoint %s: %s", o->checkpoint, reason);
    char name[RUN_NAME];
    const char *on_stop = run_checkpoint_path(run, name);
    int status = refuse_overwriting(o, on_stop);
    if (status != FMNIST_DONE)
        return status;
    if (!o->checkpoint && !path_takes_checkpoint(on_stop, &reason))
        report("Ctrl-C could not save to %s (%s): --checkpoint FILE names another place", on_stop, reason);
    if (o->log && (paths_are_one(o->log, on_stop) || paths_are_one(o->log, o->resume)))
        return report_refusal("--log %s: is the checkpoint", o->log);
    if (!log_open(&run->log, o->log))
        return report_refusal("--log %s: %s", o->log, strerror(errno));
    return FMNIST_DONE;
}

static int prepare(fmnist_run *run)
{
    uint32_t saved_images = 0;
    fmnist_options *o = &run->options;
    int status = o->resume ? resume_adopt(run->program, o, &saved_images) : FMNIST_DONE;
    if (status == FMNIST_DONE)
        status = check_outputs(run);
    if (status == FMNIST_DONE)
        status = images_load(o, &run->images);
    if (status == FMNIST_DONE && o->resume)
        status = resume_check_images(o, saved_images, run->images.checksum);
    if (status == FMNIST_DONE)
        status = run_build(run);
    if (status == FMNIST_DONE && o->resume)
        status = run_restore(run);
    return status;
}

static int train(fmnist_run *run)
{
    int status = prepare(run);
    if (status == FMNIST_DONE)
        status = run_train(run);
    if (!log_close(&run->log)) {
        report("--log %s: lines are lost: %s", run->options.log, strerror(errno));
        status = status == FMNIST_DONE ? FMNIST_FAILED : status;
    }
    run_destroy(run);
    return status;
}

/* A file that is opened must not get the number of a closed standard stream, or results would be printed into it. What
 * takes their places cannot be written to, so that lost output is noticed. */
static void hold_standard_streams(void)
{
    while (true) {
        int fd = open("/dev/null", O_RDONLY);
        if (fd < 0 || fd > STDERR_FILENO) {
            if (fd >= 0)
                close(fd);
            return;
        }
    }
}

int fmnist_main(const fmnist_program *program, int argc, char **argv)
{
    static fmnist_run run; /* not on the stack: the stop that a signal requests stays valid to the end */
    hold_standard_streams();
    run.program = program;
    report_name(program->name);
    int status = options_read(program, argc, argv, &run.options);
    if (status != FMNIST_DONE)
        return status;
    if (run.options.help)
        return options_help(program) ? FMNIST_DONE : report_lost_output();
    if (run.options.version)
        return version_print(program);
    if (run.options.summary)
        return summary_print(program);
    return train(&run);
}
