/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Saving each format over an old file, and models and runs from files. */
#include "files.h"
#include "nets.h"
#include "scenarios.h"

static char path[256];

/* A file that a failed save must leave as it is. */
static void old_file(world *w, const char *name)
{
    static const char old[] = "what was there before";
    snprintf(path, sizeof path, "%s", write_bytes(name, old, sizeof old));
    w->saved = path;
}

/* --- tensors */

static void tensors(world *w)
{
    old_file(w, "saved");
    ck_ok(tn_tensor_create(&w->allocator, TN_F32, 2, (const int64_t[]){3, 4}, &w->x));
    ck_ok(tn_tensor_create(&w->allocator, TN_I64, 1, (const int64_t[]){5}, &w->y));
    ck_ok(tn_tensor_fill_uniform(w->x, 0.0f, 1.0f, 6));
}

static tn_status save_npy(world *w)
{
    return tn_npy_save(path, w->x);
}

static tn_status save_safetensors(world *w)
{
    const char *const names[] = {"b", "a"};
    const tn_tensor *const values[] = {w->x, w->y};
    const tn_metadata metadata[] = {{"note", "a \"quoted\" one"}, {"another", "\xc3\xa9"}};
    return tn_safetensors_save(path, 2, names, values, metadata, 2);
}

/* --- models */

static void model_to_save(world *w)
{
    old_file(w, "model.safetensors");
    ck_ok(make_model(w, lenet_like, LENET_SIZE));
}

static tn_status save_model(world *w)
{
    return tn_model_save(w->model, path);
}

static void change_weights(world *w)
{
    for (size_t i = 0; i < tn_model_parameter_count(w->model); i++) {
        const char *name = tn_model_parameter_name(w->model, i);
        const tn_tensor *old;
        tn_tensor *value = NULL;
        ck_ok(tn_model_parameter(w->model, name, &old));
        ck_ok(tn_tensor_clone(NULL, old, &value));
        ck_ok(tn_tensor_fill_uniform(value, -1.0f, 1.0f, i));
        ck_ok(tn_model_parameter_set(w->model, name, value));
        tn_tensor_destroy(&value);
    }
}

static void model_to_load(world *w)
{
    model_to_save(w);
    ck_ok(tn_model_save(w->model, path));
    change_weights(w);
}

static tn_status load_model(world *w)
{
    return tn_model_load(w->model, path, false);
}

/* --- runs */

static tn_checkpoint checkpoint_of(world *w)
{
    return (tn_checkpoint){.struct_size = sizeof(tn_checkpoint),
                           .model = w->model,
                           .optimizer = w->optimizer,
                           .session = w->session,
                           .loader = w->loader,
                           .progress = &w->progress};
}

static tn_optimizer *adam(const tn_allocator *a)
{
    return tn_adam(.schedule = {.kind = TN_SCHEDULE_COSINE, .warmup = 2, .period = 20}, .allocator = a);
}

static tn_status stop_at_once(void *context, const tn_step_event *event)
{
    (void)context;
    return event->step == 1 ? TN_STOPPED : TN_OK;
}

/* Two steps into an epoch of three. */
static void run_to_save(world *w)
{
    old_file(w, "run.ckpt");
    make_trainer(w, adam(&w->allocator), true);
    ck_assert_int_eq(tn_fit(w->session, w->loss, w->optimizer, w->loader,
                            TN_OPTIONS(tn_fit_options, .epochs = 1, .progress = &w->progress, .on_step = stop_at_once)),
                     TN_STOPPED);
}

static tn_status save_run(world *w)
{
    const tn_checkpoint checkpoint = checkpoint_of(w);
    return tn_checkpoint_save(path, &checkpoint);
}

/* Into a run that has not begun: its optimizer has no state yet. */
static void run_to_load(world *w)
{
    run_to_save(w);
    ck_ok(save_run(w));
    tn_optimizer_destroy(&w->optimizer);
    w->optimizer = adam(&w->allocator);
    change_weights(w);
    ck_ok(tn_loader_start(w->loader, 0, 0));
    tn_session_set_step(w->session, 0);
    w->progress = (tn_progress){.struct_size = sizeof w->progress};
}

static tn_status load_run(world *w)
{
    const tn_checkpoint checkpoint = checkpoint_of(w);
    return tn_checkpoint_load(path, &checkpoint);
}

const scenario save_scenarios[] = {
    {"save .npy", tensors, save_npy, true},
    {"save safetensors", tensors, save_safetensors, true},
    {"save a model", model_to_save, save_model, true},
    {"load a model", model_to_load, load_model, true},
    {"save a checkpoint", run_to_save, save_run, true},
    {"load a checkpoint", run_to_load, load_run, true},
    SCENARIO_END,
};
