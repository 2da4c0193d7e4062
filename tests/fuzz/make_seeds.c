/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Fill DIRECTORY/<format>/ with what the fuzzers start from: the reference files of tests/formats, a checkpoint,
 * weights, and programs of calls. Made when they are needed, so that they are always of the format of today.
 *
 *  Usage: make_seeds DIRECTORY */
#include "reference_files.h"
#include "small_run.h"

#include <errno.h>

static const char *root;

static const char *place(const char *format, const char *name)
{
    static char path[2048];
    snprintf(path, sizeof path, "%s/%s", root, format);
    ck_assert(mkdir(path, 0777) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/%s/%s", root, format, name);
    return path;
}

static void seed(const char *format, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(place(format, name), "wb");
    ck_assert(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

#define SEED(format, name) seed(#format, #name, name, sizeof name)

static void seed_references(void)
{
    SEED(npy, npy_f4);
    SEED(npy, npy_i4);
    SEED(npy, npy_i8_scalar);
    SEED(npy, npy_u1_v2);
    SEED(npy, npy_fortran);
    SEED(npy, npy_big_endian);
    SEED(idx, idx_plain);
    SEED(idx, idx_gzip);
    SEED(png, png_rgb);
    SEED(png, png_rgba);
    SEED(png, png_grey);
    SEED(png, png_grey16);
    SEED(png, png_palette);
    SEED(png, png_bits);
    SEED(png, png_interlaced);
    SEED(safetensors, safetensors_other);
}

static void seed_runs(void)
{
    static const char *const optimizers[] = {"sgd", "adam", "plain"};
    for (size_t i = 0; i < sizeof optimizers / sizeof optimizers[0]; i++) {
        small_run run = small_create((small_options){.optimizer = optimizers[i]});
        small_advance(&run);
        tn_checkpoint checkpoint = small_checkpoint(&run);
        ck_ok(tn_checkpoint_save(place("checkpoint", optimizers[i]), &checkpoint));
        ck_ok(tn_model_save(run.model, place("safetensors", "weights")));
        small_destroy(&run);
    }
}

/* Bytes of a program of calls: a short one of each operation alone (whose numbers go from 0), and random ones. */
static void seed_programs(void)
{
    unsigned char program[512];
    uint32_t state = 1;
    for (int i = 0; i < 64; i++) {
        char name[24];
        for (size_t k = 0; k < sizeof program; k++) {
            state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
            program[k] = (unsigned char)(state >> 24);
        }
        if (i < 32)
            memset(program, i, 48);
        snprintf(name, sizeof name, "program%d", i);
        seed("calls", name, program, sizeof program);
    }
}

START_TEST(test_make)
{
    seed_references();
    seed_runs();
    seed_programs();
}
END_TEST

int main(int count, char **arguments)
{
    const suite_test tests[] = {{test_make, 0}};
    if (count != 2)
        return EXIT_FAILURE;
    root = arguments[1];
    if (mkdir(root, 0777) != 0 && errno != EEXIST)
        return EXIT_FAILURE;
    return suite_main("make_seeds", tests, 1);
}
