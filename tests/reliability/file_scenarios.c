/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading each format. */
#include "files.h"
#include "reference_files.h"
#include "scenarios.h"

static char path[256], other_path[256];

static void put(char out[256], const char *name, const void *data, size_t size)
{
    snprintf(out, 256, "%s", write_bytes(name, data, size));
}

/* --- IDX */

static void plain_idx(world *w)
{
    (void)w;
    put(path, "plain.idx", idx_plain, sizeof idx_plain);
}

static void packed_idx(world *w)
{
    (void)w;
    put(path, "packed.idx.gz", idx_gzip, sizeof idx_gzip);
}

static tn_status load_idx(world *w)
{
    return tn_idx_load(&w->allocator, path, 0, &w->y);
}

static void idx_pair(world *w)
{
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 4};
    packed_idx(w);
    put(other_path, "labels.idx", labels, sizeof labels);
}

static tn_status load_idx_pair(world *w)
{
    uint32_t checksum;
    if (w->dataset == NULL)
        TRY(tn_dataset_from_idx(&w->allocator, path, other_path, &w->dataset));
    TRY(tn_dataset_checksum(w->dataset, &checksum));
    w->outcome = checksum;
    return TN_OK;
}

/* --- PNG */

static void palette_png(world *w)
{
    (void)w;
    put(path, "palette.png", png_palette, sizeof png_palette);
}

static void interlaced_png(world *w)
{
    (void)w;
    put(path, "interlaced.png", png_interlaced, sizeof png_interlaced);
}

static tn_status load_png(world *w)
{
    return tn_png_load(&w->allocator, path, 3, 0, &w->y);
}

/* --- .npy and safetensors */

static void some_npy(world *w)
{
    make_batch(w, 2, 5);
    snprintf(path, sizeof path, "%s", scratch("some.npy"));
    ck_ok(tn_npy_save(path, w->x));
}

static tn_status load_npy(world *w)
{
    return tn_npy_load(&w->allocator, path, &w->y);
}

static void foreign_safetensors(world *w)
{
    (void)w;
    put(path, "foreign.safetensors", safetensors_other, sizeof safetensors_other);
}

static tn_status load_safetensors(world *w)
{
    if (w->file == NULL)
        TRY(tn_safetensors_open(&w->allocator, path, &w->file));
    if (w->x == NULL)
        TRY(tn_safetensors_load(w->file, "a.weight", &w->x));
    if (w->y == NULL)
        TRY(tn_safetensors_load(w->file, "u", &w->y));
    const char *note = tn_safetensors_metadata(w->file, "note");
    w->outcome = bits_add(tn_safetensors_count(w->file), note, strlen(note));
    return TN_OK;
}

const scenario file_scenarios[] = {
    {"load IDX", plain_idx, load_idx, true},
    {"load IDX.gz", packed_idx, load_idx, true},
    {"a dataset from IDX files", idx_pair, load_idx_pair, false},
    {"load PNG with a palette", palette_png, load_png, true},
    {"load interlaced PNG", interlaced_png, load_png, true},
    {"load .npy", some_npy, load_npy, true},
    {"load safetensors", foreign_safetensors, load_safetensors, false},
    SCENARIO_END,
};
