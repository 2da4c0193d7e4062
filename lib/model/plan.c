/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Plans: what each layer is asked to prepare for, the rows that callers see, the totals. */
#include "model/plan.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "kernels/cpu.h"
#include "model/chunks.h"
#include "optim/step_in_backward.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST_THREADS 256

tn_status tn_session_options_read(const char *function, const tn_session_options *options, const tn_allocator *fallback,
                                  tn_session_options *out)
{
    tn_session_options o;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_session_options"));
    if (o.batch_size < 0)
        return TN_FAIL(TN_ERR_INVALID, "%s: batch_size is %" PRId64 ", must be at least 1", function, o.batch_size);
    if (o.threads < 0 || o.threads > MOST_THREADS)
        return TN_FAIL(TN_ERR_INVALID, "%s: threads is %d, must be in [1,%d], or 0 for all cores", function, o.threads,
                       MOST_THREADS);
    if (o.input_gradient && !o.training)
        return TN_FAIL(TN_ERR_INVALID, "%s: input_gradient is set, but training is not", function);
    if (o.optimizer != NULL && !o.training)
        return TN_FAIL(TN_ERR_INVALID, "%s: optimizer is set, but training is not", function);
    if (o.allocator != NULL)
        TN_TRY(tn_allocator_check(o.allocator));
    if (o.batch_size == 0)
        o.batch_size = 1;
    if (o.threads == 0)
        o.threads = tn_cpu_cores() < MOST_THREADS ? tn_cpu_cores() : MOST_THREADS;
    if (o.allocator == NULL)
        o.allocator = fallback;
    o.struct_size = sizeof o;
    *out = o;
    return TN_OK;
}

/* --- what each step is asked for */

/* Shapes at the largest batch, which must be those of one sample but for N: a custom layer may have said otherwise. */
static tn_status infer_step(const tn_step *step, tn_plan_step *planned)
{
    TN_TRY(step->layer->op->infer(step->layer, step->name, &planned->in, &planned->out));
    tn_shape one = planned->out;
    one.dims[0] = 1;
    if (!tn_shape_equal(&one, &step->out)) {
        char was[TN_SHAPE_TEXT], is[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "%s: output is %s for one sample, but %s for a batch", step->name,
                       tn_shape_text(&step->out, was, sizeof was), tn_shape_text(&planned->out, is, sizeof is));
    }
    return TN_OK;
}

static void want_gradients(const tn_network *network, size_t i, bool below, tn_plan_step *planned)
{
    const tn_step *step = &network->steps[i];
    size_t wanted = 0;
    for (size_t k = 0; k < step->parameter_count; k++)
        wanted += !network->parameters[step->first_parameter + k].frozen;
    planned->setup.input_gradient = planned->setup.training && below;
    planned->setup.param_gradients = planned->setup.training && wanted > 0;
    planned->setup.all_param_gradients = planned->setup.param_gradients && wanted == step->parameter_count;
}

/* Do the parameters stay as they are from call to call? In training, where all are frozen; what is kept then is for
 * backward alone, so there must be a gradient that flows through. */
static bool keeps_parameters(const tn_op_setup *setup)
{
    return !setup->training || (setup->input_gradient && !setup->param_gradients);
}

static tn_status set_up_steps(tn_plan *plan, const tn_network *network, bool precise)
{
    bool below = plan->options.input_gradient; /* does anything below want a gradient? */
    tn_shape in = network->steps[0].in;
    in.dims[0] = plan->options.batch_size;
    TN_TRY(tn_shape_fits("session", "input", &in));
    for (size_t i = 0; i < plan->step_count; i++) {
        const tn_step *step = &network->steps[i];
        tn_plan_step *planned = &plan->steps[i];
        planned->in = in;
        TN_TRY(infer_step(step, planned));
        planned->setup = (tn_op_setup){
            .name = step->name,
            .in = planned->in,
            .out = planned->out,
            .training = plan->options.training,
            .precise = precise,
            .threads = plan->options.threads,
            .measure = plan->options.measure ? &plan->allocator : NULL,
        };
        want_gradients(network, i, below, planned);
        planned->setup.keeps_prepared = !plan->options.save_memory && keeps_parameters(&planned->setup);
        below = below || planned->setup.param_gradients;
        in = planned->out;
    }
    return TN_OK;
}

/* A layer that ends in ReLU before one that can pass the gradient through it; see layers/op.h. */
static void hand_over_relu(tn_plan *plan, const tn_network *network)
{
    for (size_t i = 0; i + 1 < plan->step_count; i++) {
        const tn_layer *layer = network->steps[i].layer;
        tn_op_setup *here = &plan->steps[i].setup, *next = &plan->steps[i + 1].setup;
        bool trains = here->input_gradient || here->param_gradients;
        if (trains && network->steps[i + 1].layer->op->takes_over_relu && layer->op->ends_in_relu != NULL &&
            layer->op->ends_in_relu(layer))
            here->relu_is_taken_over = next->takes_over_relu = true;
    }
}

/* Whose weights does backward update itself? All that it can, up to the first layer whose backward may fail, as
 * backward would come there after it has changed weights: a step that fails counts as never begun. */
static void sink_gradients(tn_plan *plan, const tn_network *network)
{
    const tn_optimizer *optimizer = plan->options.optimizer;
    bool safe = optimizer != NULL && tn_optimizer_updates_early(optimizer);
    for (size_t i = 0; i < plan->step_count && safe; i++) {
        const tn_step *step = &network->steps[i];
        const tn_op *op = step->layer->op;
        tn_op_setup *setup = &plan->steps[i].setup;
        for (size_t k = 0; k < step->parameter_count; k++) {
            if (!network->parameters[step->first_parameter + k].frozen)
                setup->sunk_gradients |= op->can_sink & 1U << k;
        }
        safe = !op->can_fail || (!setup->input_gradient && !setup->param_gradients);
    }
}

static tn_status prepare_step(const tn_layer *layer, tn_plan_step *step, const char *algorithm)
{
    step->setup.algorithm = algorithm;
    TN_TRY(layer->op->prepare(layer, &step->setup, &step->needs));
    if (algorithm[0] != '\0' && step->needs.algorithm[0] == '\0')
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: algorithm is to be \"%.80s\", but it has no choice of any",
                       step->setup.name, algorithm);
    if (step->needs.saved_bytes > PTRDIFF_MAX / 2 || step->needs.scratch_bytes > PTRDIFF_MAX / 2 ||
        step->needs.prepared_bytes > PTRDIFF_MAX / 2)
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: needs too much memory", step->setup.name);
    return TN_OK;
}

tn_status tn_plan_prepare(tn_plan *plan, const tn_network *network, const tn_step_choice *choices)
{
    for (size_t i = 0; i < plan->step_count; i++)
        TN_TRY(prepare_step(network->steps[i].layer, &plan->steps[i], choices != NULL ? choices[i].algorithm : ""));
    TN_TRY(tn_plan_chunks(plan, network, choices));
    for (size_t i = 0; i < plan->step_count; i++) { /* these are the caller's */
        plan->steps[i].setup.algorithm = "";
        plan->steps[i].setup.kept_algorithm = NULL;
        plan->steps[i].setup.measure = NULL;
    }
    return TN_OK;
}

/* --- totals and rows */

static void place_gradient(tn_plan *plan, const tn_parameter *parameter, bool kept, size_t index, size_t *total)
{
    plan->gradients[index] = TN_NOWHERE;
    if (!plan->options.training || parameter->frozen || !kept)
        return;
    plan->gradients[index] = *total;
    *total += parameter->bytes; /* at most the parameters' block */
}

static void place_gradients(tn_plan *plan, const tn_network *network)
{
    size_t total = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const tn_step *step = &network->steps[i];
        for (size_t k = 0; k < step->parameter_count; k++) {
            size_t index = step->first_parameter + k;
            bool kept = !(plan->steps[i].setup.sunk_gradients >> k & 1U);
            place_gradient(plan, &network->parameters[index], kept, index, &total);
        }
    }
    plan->memory.gradients = total;
}

static tn_status place_prepared(tn_plan *plan, size_t *total)
{
    *total = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        tn_plan_step *step = &plan->steps[i];
        step->prepared = step->needs.prepared_bytes > 0 ? *total : TN_NOWHERE;
        if (!tn_add_size(*total, tn_align_up(step->needs.prepared_bytes), total))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: what is prepared needs too much memory", step->setup.name);
    }
    return TN_OK;
}

static void fill_row(tn_plan *plan, const tn_network *network, size_t i)
{
    const tn_step *step = &network->steps[i];
    const tn_plan_step *planned = &plan->steps[i];
    tn_plan_row *own = &plan->rows[i];
    (void)snprintf(own->name, sizeof own->name, "%s", step->name);
    (void)snprintf(own->kind, sizeof own->kind, "%s", tn_layer_kind(step->layer));
    (void)snprintf(own->title, sizeof own->title, "%s", tn_layer_title(step->layer));
    own->row = (tn_layer_plan){
        .name = own->name,
        .kind = own->kind,
        .title = own->title,
        .output = planned->out,
        .flops_forward = planned->needs.flops_forward,
        .flops_training = planned->needs.flops_forward + planned->needs.flops_backward,
        .algorithm = planned->needs.algorithm,
        .updates_in_backward = planned->setup.sunk_gradients != 0,
    };
    tn_memory *memory = &own->row.memory;
    for (size_t k = step->first_parameter; k < step->first_parameter + step->parameter_count; k++) {
        own->row.parameters += network->parameters[k].count;
        memory->parameters += network->parameters[k].bytes;
        memory->gradients += plan->gradients[k] == TN_NOWHERE ? 0 : network->parameters[k].bytes;
    }
    tn_shape output = planned->out;
    int64_t elements = 0;
    if (planned->chunk > 0)
        output.dims[0] = planned->chunk;
    if (planned->calls_forward && tn_shape_size(&output, &elements) == TN_OK)
        memory->activations = tn_align_up((size_t)elements * sizeof(float));
    memory->scratch = tn_align_up(planned->needs.scratch_bytes);
    memory->prepared = tn_align_up(planned->needs.prepared_bytes);
    memory->total = memory->parameters + memory->gradients + memory->activations + memory->scratch + memory->prepared;
}

tn_status tn_plan_add_up(tn_plan *plan, const tn_network *network)
{
    size_t activations, prepared;
    tn_memory *memory = &plan->memory;
    TN_TRY(place_prepared(plan, &prepared));
    TN_TRY(tn_plan_activations(plan, &activations));
    memory->parameters = network->parameter_bytes;
    memory->activations = activations;
    memory->prepared = prepared;
    memory->scratch = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        fill_row(plan, network, i);
        if (plan->rows[i].row.memory.scratch > memory->scratch)
            memory->scratch = plan->rows[i].row.memory.scratch;
    }
    memory->total = memory->parameters + memory->gradients + memory->activations + memory->scratch + memory->prepared;
    return TN_OK;
}

/* --- making */

tn_status tn_plan_allocate(tn_plan *plan)
{
    size_t rows, steps;
    if (!tn_mul_size(plan->step_count, sizeof *plan->rows, &rows) ||
        !tn_mul_size(plan->step_count, sizeof *plan->steps, &steps))
        return TN_FAIL(TN_ERR_OVERFLOW, "session: %zu layers are too many", plan->step_count);
    TN_TRY(tn_alloc(&plan->allocator, rows, "plan", &plan->rows));
    TN_TRY(tn_alloc(&plan->allocator, steps, "plan", &plan->steps));
    return tn_alloc(&plan->allocator, plan->parameter_count * sizeof *plan->gradients, "plan", &plan->gradients);
}

static tn_status build(tn_plan *plan, const tn_network *network, bool precise)
{
    TN_TRY(tn_plan_allocate(plan));
    TN_TRY(set_up_steps(plan, network, precise));
    hand_over_relu(plan, network);
    sink_gradients(plan, network);
    TN_TRY(tn_plan_prepare(plan, network, NULL));
    place_gradients(plan, network);
    return tn_plan_add_up(plan, network);
}

void tn_plan_own_names(tn_plan *plan)
{
    for (size_t i = 0; plan->steps != NULL && i < plan->step_count; i++)
        plan->steps[i].setup.name = plan->rows[i].name;
}

tn_status tn_plan_create(const tn_network *network, bool precise, const tn_session_options *options, tn_plan **out)
{
    tn_plan *plan;
    TN_TRY(tn_alloc(options->allocator, sizeof *plan, "plan", &plan));
    plan->allocator = *options->allocator;
    plan->options = *options;
    plan->options.allocator = NULL;
    plan->step_count = network->step_count;
    plan->parameter_count = network->parameter_count;
    tn_status status = build(plan, network, precise);
    plan->options.optimizer = NULL; /* may go before the plan */
    tn_plan_own_names(plan);
    if (status == TN_OK)
        *out = plan;
    else
        tn_plan_destroy(&plan);
    return status;
}

void tn_plan_destroy(tn_plan **plan)
{
    if (plan == NULL || *plan == NULL)
        return;
    tn_plan *own = *plan;
    tn_allocator allocator = own->allocator;
    tn_release(&allocator, own->rows, own->step_count * sizeof *own->rows);
    tn_release(&allocator, own->steps, own->step_count * sizeof *own->steps);
    tn_release(&allocator, own->gradients, own->parameter_count * sizeof *own->gradients);
    tn_release(&allocator, own, sizeof *own);
    *plan = NULL;
}

/* --- asking */

tn_memory tn_plan_memory(const tn_plan *plan)
{
    return plan != NULL ? plan->memory : (tn_memory){0};
}

size_t tn_plan_layer_count(const tn_plan *plan)
{
    return plan != NULL ? plan->step_count : 0;
}

const tn_layer_plan *tn_plan_layer(const tn_plan *plan, size_t index)
{
    return plan != NULL && index < plan->step_count ? &plan->rows[index].row : NULL;
}
