/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Opening and closing a world, and what can be seen of it. */
#include "world.h"

#include <stdio.h>

void world_open(world *w)
{
    *w = (world){.progress = {.struct_size = sizeof(tn_progress)}};
    w->allocator = counting_allocator(&w->hook);
}

/* What others hold on to goes first: models before their sessions, datasets before their loaders. */
void world_close(world *w, const char *what)
{
    tn_layer_destroy(&w->net);
    tn_model_destroy(&w->model);
    tn_plan_destroy(&w->plan);
    tn_session_destroy(&w->session);
    tn_loss_destroy(&w->loss);
    tn_optimizer_destroy(&w->optimizer);
    tn_dataset_destroy(&w->dataset);
    tn_loader_destroy(&w->loader);
    tn_loader_destroy(&w->test);
    tn_tensor_destroy(&w->x);
    tn_tensor_destroy(&w->targets);
    tn_tensor_destroy(&w->y);
    tn_tensor_destroy(&w->gradient);
    tn_stop_destroy(&w->stop);
    tn_safetensors_close(&w->file);
    ck_assert_msg(atomic_load(&w->hook.live_blocks) == 0 && atomic_load(&w->hook.live_bytes) == 0,
                  "%s: %ld blocks, %ld bytes are still out", what, atomic_load(&w->hook.live_blocks),
                  atomic_load(&w->hook.live_bytes));
}

void (*world_permit)(bool begins);

void *world_own_memory(size_t size)
{
    if (world_permit != NULL)
        world_permit(true);
    void *pointer = malloc(size);
    if (world_permit != NULL)
        world_permit(false);
    return pointer;
}

/* --- bits */

uint64_t bits_add(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t bits_of_tensor(uint64_t hash, const tn_tensor *tensor)
{
    if (tensor == NULL)
        return hash;
    for (int i = 0; i < tn_tensor_rank(tensor); i++) {
        int64_t dim = tn_tensor_dim(tensor, i);
        hash = bits_add(hash, &dim, sizeof dim);
    }
    return bits_add(hash, tn_tensor_const_data(tensor), tn_tensor_bytes(tensor));
}

static bool all_zero(const tn_tensor *tensor)
{
    const unsigned char *bytes = tn_tensor_const_data(tensor);
    for (size_t i = 0; i < tn_tensor_bytes(tensor); i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Zero state counts as none: a call that fails may leave an optimizer bound, which starts from zeros anyhow. */
static uint64_t bits_of_state(uint64_t hash, const tn_optimizer *optimizer, const char *parameter)
{
    for (size_t i = 0; i < tn_optimizer_state_count(optimizer); i++) {
        const tn_tensor *state;
        if (tn_optimizer_state(optimizer, parameter, tn_optimizer_state_name(optimizer, i), &state) == TN_OK &&
            !all_zero(state))
            hash = bits_of_tensor(hash, state);
    }
    return hash;
}

static uint64_t bits_of_file(uint64_t hash, const char *path)
{
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    char buffer[4096];
    if (file == NULL)
        return hash;
    for (size_t size; (size = fread(buffer, 1, sizeof buffer, file)) > 0;)
        hash = bits_add(hash, buffer, size);
    fclose(file);
    return hash;
}

uint64_t world_bits(const world *w)
{
    const double rate = tn_optimizer_learning_rate(w->optimizer);
    const uint64_t numbers[] = {tn_session_step(w->session), (uint64_t)tn_optimizer_step_count(w->optimizer),
                                (uint64_t)tn_loader_epoch(w->loader), (uint64_t)tn_loader_batch(w->loader), w->outcome};
    uint64_t hash = bits_add(UINT64_C(0xcbf29ce484222325), numbers, sizeof numbers);
    for (size_t i = 0; i < tn_model_parameter_count(w->model); i++) {
        const char *name = tn_model_parameter_name(w->model, i);
        const tn_tensor *value = NULL;
        ck_ok(tn_model_parameter(w->model, name, &value));
        hash = bits_of_state(bits_of_tensor(hash, value), w->optimizer, name);
    }
    hash = bits_of_tensor(bits_of_tensor(hash, w->x), w->targets);
    hash = bits_of_tensor(bits_of_tensor(hash, w->y), w->gradient);
    hash = bits_add(bits_add(hash, &rate, sizeof rate), &w->progress, sizeof w->progress);
    return bits_of_file(bits_add(hash, &w->metrics, sizeof w->metrics), w->saved);
}
