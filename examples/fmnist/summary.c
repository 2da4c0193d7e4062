/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The summary comes from the plan, which has every shape and needs no weights. */
#include "summary.h"

#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static bool print_row(const tn_layer_plan *row)
{
    char shape[TN_MAX_RANK * 24] = "";
    int used = 0;
    for (int i = 0; i < row->output.rank; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64, i ? ", " : "", row->output.dims[i]);
    return report_result("%s output shape: (%s)\n", row->title, shape);
}

static int print_rows(const tn_plan *plan)
{
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++)
        if (!print_row(tn_plan_layer(plan, i)))
            return report_lost_output();
    return FMNIST_DONE;
}

int summary_print(const fmnist_program *program)
{
    tn_plan *plan = NULL;
    tn_layer *net = program->net();
    tn_status status =
        net ? tn_model_plan(net,
                            TN_OPTIONS(tn_model_options, .input_shape = {program->image_size, program->image_size, 1}),
                            TN_OPTIONS(tn_session_options, .batch_size = 1), &plan)
            : tn_last_status();
    int result = status == TN_OK ? print_rows(plan) : report_failure("the network");
    tn_plan_destroy(&plan);
    tn_layer_destroy(&net);
    return result;
}

int version_print(const fmnist_program *program)
{
    tn_version_info info = {.struct_size = sizeof info};
    if (tn_version(&info) != TN_OK)
        return report_failure("--version");
    bool printed =
        report_result("%s (tinynet) %s\n"
                      "BLIS %s, linked %s, kernels %s (chosen by: %s), micro-kernel %dx%d\n"
                      "instruction set %s, %d core%s\n",
                      program->name, info.version, info.blis_version, info.blis_link, info.blis_kernels,
                      info.blis_source, info.gemm_mr, info.gemm_nr, info.isa, info.cores, info.cores == 1 ? "" : "s");
    return printed ? FMNIST_DONE : report_lost_output();
}
