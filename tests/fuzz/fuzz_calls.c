/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Calls of the API in any order, with any arguments that C allows: each gives a status and, if it failed, one line of
 *  detail; nothing leaks; nothing that the sanitizers see happens. Allocations may fail from some call on. */
#include "machine.h"

#include <math.h>

#define MEMORY ((size_t)1 << 20)
#define MOST_CALLS 100

uint8_t take_byte(machine *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

bool take_bool(machine *m)
{
    return take_byte(m) % 2 != 0;
}

int64_t take_size(machine *m)
{
    static const int64_t odd[] = {-1,   INT64_MAX, INT64_MIN, INT64_C(1) << 31, INT64_C(1) << 32, INT64_C(1) << 62,
                                  4097, 100};
    uint8_t byte = take_byte(m);
    return byte < 240 ? byte % 12 : odd[byte % (sizeof odd / sizeof odd[0])];
}

double take_real(machine *m)
{
    static const double odd[] = {0, -1, 1e-40, 1e30, INFINITY, -INFINITY, NAN, 1};
    uint8_t byte = take_byte(m);
    return byte < 240 ? (byte + 1) / 256.0 : odd[byte % (sizeof odd / sizeof odd[0])];
}

tn_tensor *take_tensor(machine *m)
{
    return m->tensors[take_byte(m) % SLOTS];
}

void keep_tensor(machine *m, tn_status status, tn_tensor *made)
{
    require((status == TN_OK) == (made != NULL));
    if (status != TN_OK) {
        require_failure(status);
        return;
    }
    tn_tensor **slot = &m->tensors[take_byte(m) % SLOTS];
    tn_tensor_destroy(slot);
    *slot = made;
}

static void fail_later(machine *m)
{
    m->meter.left = take_bool(m) ? 0 : (size_t)take_byte(m) + 2;
}

static void destroy_all(machine *m)
{
    for (size_t i = 0; i < sizeof m->layers / sizeof m->layers[0]; i++)
        tn_layer_destroy(&m->layers[i]);
    for (size_t i = 0; i < SLOTS; i++)
        tn_tensor_destroy(&m->tensors[i]);
    tn_model_destroy(&m->model);
    tn_optimizer_destroy(&m->optimizer);
    tn_session_destroy(&m->session);
    tn_dataset_destroy(&m->dataset);
    tn_loader_destroy(&m->loader);
    tn_loss_destroy(&m->loss);
}

static void run_one(machine *m)
{
    operation *const *const groups[] = {layer_operations, run_operations, data_operations, tensor_operations};
    uint8_t number = take_byte(m);
    operation *const *group = groups[number % 4];
    size_t count = 0;
    while (group[count] != NULL)
        count++;
    if (number == 255)
        fail_later(m);
    else
        group[number / 4 % count](m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine m = {.at = data, .end = data + size};
    m.allocator = meter_allocator(&m.meter, MEMORY);
    for (int i = 0; i < MOST_CALLS && m.at < m.end; i++)
        run_one(&m);
    destroy_all(&m);
    require(m.meter.bytes == 0);
    return 0;
}
