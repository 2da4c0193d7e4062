/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The tables as one list, and steps that several of them take. */
#include "scenarios.h"

#include "nets.h"

const scenario *scenario_at(int index)
{
    const scenario *const tables[] = {tensor_scenarios, model_scenarios, data_scenarios,
                                      run_scenarios,    file_scenarios,  save_scenarios};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const scenario *row = tables[t]; row->name != NULL; row++)
            if (index-- == 0)
                return row;
    return NULL;
}

tn_status make_model(world *w, tn_layer *(*net)(const tn_allocator *), int64_t size)
{
    if (w->model != NULL)
        return TN_OK;
    return tn_model_create(
        net(&w->allocator),
        TN_OPTIONS(tn_model_options, .input_shape = {size, size, 1}, .seed = 11, .allocator = &w->allocator),
        &w->model);
}

tn_status make_session(world *w, tn_session_options options)
{
    options.struct_size = sizeof options;
    return w->session != NULL ? TN_OK : tn_session_create(w->model, &options, &w->session);
}

tn_status predict(world *w)
{
    const tn_tensor *y;
    TRY(tn_session_forward(w->session, w->x, TN_PREDICT, &y));
    tn_tensor_destroy(&w->y);
    return tn_tensor_clone(&w->allocator, y, &w->y);
}

void make_batch(world *w, int64_t count, int64_t size)
{
    ck_ok(tn_tensor_create(NULL, TN_F32, 4, (const int64_t[]){count, size, size, 1}, &w->x));
    ck_ok(tn_tensor_fill_uniform(w->x, -1.0f, 1.0f, 3));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){count}, &w->targets));
    for (int64_t i = 0; i < count; i++)
        ((int32_t *)tn_tensor_data(w->targets))[i] = (int32_t)(i * 7 % NET_CLASSES);
}

/* Thirteen samples in batches of five: the last has three. */
static void make_loader(world *w, uint64_t seed, tn_loader **out)
{
    tn_dataset *dataset = NULL;
    ck_ok(tn_dataset_from_tensors(&w->allocator, w->x, w->targets, &dataset));
    ck_ok(tn_loader_create(
        dataset,
        TN_OPTIONS(tn_loader_options, .batch_size = 5, .shuffle = true, .seed = seed, .allocator = &w->allocator),
        out));
    tn_dataset_destroy(&dataset);
}

void make_trainer(world *w, tn_optimizer *optimizer, bool loaders)
{
    ck_assert_ptr_nonnull(optimizer);
    w->optimizer = optimizer;
    w->loss = tn_softmax_cross_entropy(.allocator = &w->allocator);
    make_batch(w, 13, LENET_SIZE);
    ck_ok(make_model(w, lenet_like, LENET_SIZE));
    ck_ok(make_session(w, (tn_session_options){.batch_size = 13, .training = true, .threads = 2}));
    if (!loaders)
        return;
    make_loader(w, 5, &w->loader);
    make_loader(w, 6, &w->test);
}
