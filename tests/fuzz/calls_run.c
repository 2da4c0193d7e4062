/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Operations that run what is there: sessions, optimizers, losses, checkpoints. */
#include "machine.h"

#include <unistd.h>

#define MOST_FLOPS 1e6 /* of a session that is kept: a program of calls takes no seconds */

static void expect(tn_status status)
{
    if (status != TN_OK)
        require_failure(status);
}

static double plan_flops(const tn_plan *plan)
{
    double flops = 0;
    for (size_t i = 0; i < tn_plan_layer_count(plan); i++)
        flops += tn_plan_layer(plan, i)->flops_training;
    return flops;
}

static void session(machine *m)
{
    tn_session_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    tn_session *made = NULL;
    options.batch_size = take_size(m);
    options.training = take_byte(m) % 4 != 0;
    options.keep_outputs = take_bool(m);
    options.input_gradient = take_bool(m);
    options.threads = take_byte(m) % 8 == 0 ? (int)take_size(m) % 300 : 1;
    tn_status status = tn_session_create(m->model, &options, &made);
    require((status == TN_OK) == (made != NULL));
    expect(status);
    if (made != NULL && plan_flops(tn_session_plan(made)) > MOST_FLOPS)
        tn_session_destroy(&made);
    if (made == NULL)
        return;
    tn_session_destroy(&m->session);
    m->session = made;
}

/* A tensor of a shape with another batch size, filled. NULL if there is no memory. */
static tn_tensor *make_batch(machine *m, tn_shape shape)
{
    tn_tensor *made = NULL;
    shape.dims[0] = take_byte(m) % 6;
    tn_status status = tn_tensor_create(&m->allocator, TN_F32, shape.rank, shape.dims, &made);
    expect(status);
    if (status == TN_OK)
        expect(take_bool(m) ? tn_tensor_fill_uniform(made, -1, 1, take_byte(m)) : tn_tensor_fill(made, take_real(m)));
    return made;
}

static void forward(machine *m)
{
    const tn_tensor *y = NULL;
    if (m->session == NULL || take_byte(m) % 8 == 0) {
        expect(tn_session_forward(m->session, take_tensor(m), TN_PREDICT, &y));
        return;
    }
    tn_model *model = tn_session_model(m->session);
    tn_tensor *x = make_batch(m, tn_model_input_shape(model));
    tn_status status = tn_session_forward(m->session, x, take_bool(m) ? TN_TRAIN : TN_PREDICT, &y);
    expect(status);
    if (status == TN_OK)
        require(tn_tensor_dim(y, 0) == tn_tensor_dim(x, 0));
    tn_tensor_destroy(&x);
}

/* Forward, loss as the mean square of the output, backward, and a step: what training is made of. */
static void train(machine *m)
{
    const tn_tensor *y = NULL;
    tn_tensor *dy = NULL;
    if (m->session == NULL)
        return;
    tn_tensor *x = make_batch(m, tn_model_input_shape(tn_session_model(m->session)));
    tn_status status = tn_session_forward(m->session, x, TN_TRAIN, &y);
    if (status == TN_OK)
        status = tn_tensor_clone(&m->allocator, y, &dy);
    if (status == TN_OK)
        status = tn_session_backward(m->session, dy, take_bool(m) ? TN_GRADIENT_WRITE : TN_GRADIENT_ADD);
    if (status == TN_OK)
        status = tn_optimizer_step(m->optimizer, m->session);
    expect(status);
    tn_tensor_destroy(&dy);
    tn_tensor_destroy(&x);
}

static void backward(machine *m)
{
    expect(tn_session_backward(m->session, take_tensor(m), take_bool(m) ? TN_GRADIENT_WRITE : TN_GRADIENT_ADD));
}

static void optimizer(machine *m)
{
    tn_optimizer *made;
    tn_clipping clipping = {0};
    tn_schedule schedule = {.kind = (tn_schedule_kind)(take_byte(m) % 5), .warmup = take_size(m)};
    if (take_bool(m))
        clipping = (tn_clipping){(float)take_real(m), (float)take_real(m)};
    schedule.period = take_size(m);
    schedule.gamma = take_real(m);
    double rate = take_real(m);
    if (take_bool(m))
        made = tn_sgd(.learning_rate = rate, .momentum = take_real(m), .dampening = take_real(m),
                      .nesterov = take_bool(m), .clipping = clipping, .schedule = schedule, .allocator = &m->allocator);
    else
        made = take_bool(m) ? tn_adam(.learning_rate = rate, .clipping = clipping, .schedule = schedule,
                                      .allocator = &m->allocator)
                            : tn_adamw(.beta1 = take_real(m), .weight_decay = take_real(m), .clipping = clipping,
                                       .allocator = &m->allocator);
    if (made == NULL) {
        require_failure(tn_last_status());
        return;
    }
    tn_optimizer_destroy(&m->optimizer);
    m->optimizer = made;
}

static void optimizer_calls(machine *m)
{
    const tn_tensor *state = NULL;
    const char *parameter = tn_model_parameter_name(m->model, take_byte(m) % 4);
    const char *name = tn_optimizer_state_name(m->optimizer, take_byte(m) % 3);
    expect(tn_optimizer_bind(m->optimizer, m->model));
    expect(tn_optimizer_step(m->optimizer, m->session));
    expect(tn_optimizer_state(m->optimizer, parameter, name, &state));
    expect(tn_optimizer_state_set(m->optimizer, parameter, name, state ? state : take_tensor(m)));
    expect(tn_optimizer_set_step_count(m->optimizer, take_size(m)));
    expect(tn_optimizer_set_learning_rate(m->optimizer, take_real(m)));
}

static void model_calls(machine *m)
{
    const tn_tensor *value = NULL;
    const char *name = tn_model_parameter_name(m->model, take_byte(m) % 4);
    expect(tn_model_freeze(m->model, take_bool(m) ? name : "conv2d_1", take_bool(m)));
    expect(tn_model_parameter(m->model, name, &value));
    expect(tn_model_parameter_set(m->model, name, take_bool(m) ? value : take_tensor(m)));
    if (take_byte(m) % 8 == 0)
        tn_model_destroy(&m->model);
}

static void session_calls(machine *m)
{
    tn_tensor *gradient = NULL;
    const tn_tensor *other = NULL;
    const char *name = tn_model_parameter_name(m->model, take_byte(m) % 4);
    expect(tn_session_gradient(m->session, name, &gradient));
    expect(tn_session_input_gradient(m->session, &other));
    expect(tn_session_output(m->session, take_bool(m) ? "conv2d_1" : "dense_1", &other));
    tn_session_set_step(m->session, take_byte(m));
    if (take_byte(m) % 8 == 0)
        tn_session_destroy(&m->session);
}

static void loss(machine *m)
{
    float weights[4] = {(float)take_real(m), (float)take_real(m), 1, 1};
    tn_loss_options options = {.struct_size = sizeof options, .allocator = &m->allocator};
    options.reduction = (tn_reduction)(take_byte(m) % 4);
    options.use_ignore_index = take_bool(m);
    options.ignore_index = take_size(m);
    if (take_bool(m)) {
        options.class_weights = weights;
        options.class_count = take_byte(m) % 5;
    }
    int kind = take_byte(m) % 3;
    tn_loss *made = kind == 0   ? tn_softmax_cross_entropy_create(&options)
                    : kind == 1 ? tn_nll_create(&options)
                                : tn_mse_create(&options);
    if (made == NULL) {
        require_failure(tn_last_status());
        return;
    }
    tn_loss_destroy(&m->loss);
    m->loss = made;
}

static void loss_compute(machine *m)
{
    double value, weight;
    int64_t correct;
    tn_tensor *output = take_tensor(m), *target = take_tensor(m);
    tn_loss_results results = {.struct_size = sizeof results, .loss = &value, .weight = &weight};
    if (take_bool(m))
        results.correct = &correct;
    if (take_bool(m))
        results.gradient = take_bool(m) ? output : take_tensor(m);
    if (take_bool(m))
        results.values = take_tensor(m);
    if (take_bool(m))
        results.log_probabilities = take_tensor(m);
    results.gradient_scale = take_real(m);
    expect(tn_loss_compute(m->loss, output, target, &results));
}

static void fit(machine *m)
{
    tn_metrics metrics;
    tn_progress progress = {.struct_size = sizeof progress, .epoch = take_size(m), .batch = take_size(m)};
    tn_fit_options options = {.struct_size = sizeof options, .epochs = take_byte(m) % 3, .accumulate = take_size(m)};
    options.stop_on_non_finite = take_bool(m);
    options.progress = take_bool(m) ? &progress : NULL;
    options.test = take_bool(m) ? m->loader : NULL;
    expect(tn_fit(m->session, m->loss, m->optimizer, m->loader, &options));
    expect(tn_evaluate(m->session, m->loss, m->loader, NULL, &metrics));
}

static void checkpoint(machine *m)
{
    char path[64];
    tn_progress progress = {.struct_size = sizeof progress};
    tn_checkpoint all = {.struct_size = sizeof all, .model = m->model};
    all.optimizer = take_bool(m) ? m->optimizer : NULL;
    all.session = take_bool(m) ? m->session : NULL;
    all.loader = take_bool(m) ? m->loader : NULL;
    all.progress = take_bool(m) ? &progress : NULL;
    all.force = take_bool(m);
    snprintf(path, sizeof path, "/dev/shm/tinynet_fuzz_%ld", (long)getpid());
    tn_status saved = tn_checkpoint_save(path, &all);
    expect(saved);
    if (saved == TN_OK) {
        if (take_bool(m))
            all.optimizer = NULL;
        expect(tn_checkpoint_load(path, &all));
        expect(tn_model_load(m->model, path, take_bool(m)));
        unlink(path);
    }
}

operation *const run_operations[] = {session,         forward,     train,         train, backward,     optimizer,
                                     optimizer_calls, model_calls, session_calls, loss,  loss_compute, fit,
                                     checkpoint,      NULL};
