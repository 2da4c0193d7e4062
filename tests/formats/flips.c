/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  For flips_by_others.py: flip every bit of a file without a checksum, and print what the library says is in it.
 *
 *  Usage: flips NAME SCRATCH-FILE. The first line is the file in hexadecimal. Then, for each flipped bit that the
 * library accepts (and "none" for the file as it is), a line "bit N", a line "key=value" in hexadecimal for each string
 * of the metadata, and a line "name type dims data" for each tensor; "unreadable" stands for a tensor that is listed
 * only. */
#include "formats/safetensors.h"
#include "locale_in_use.h"
#include "reference_files.h"

#include <tinynet/tinynet.h>

typedef void show_file(const char *path, const char *which);

static void print_hex(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", ((const unsigned char *)data)[i]);
}

static void print_tensor(const char *name, const tn_tensor *tensor)
{
    static const char *const types[] = {[TN_F32] = "F32", [TN_I32] = "I32", [TN_I64] = "I64", [TN_U8] = "U8"};
    printf("name=");
    print_hex(name, strlen(name));
    printf(" %s [", types[tn_tensor_dtype(tensor)]);
    for (int i = 0; i < tn_tensor_rank(tensor); i++)
        printf("%s%lld", i > 0 ? "," : "", (long long)tn_tensor_dim(tensor, i));
    printf("] data=");
    print_hex(tn_tensor_const_data(tensor), tn_tensor_bytes(tensor));
    printf("\n");
}

static void show_array(const char *which, const tn_tensor *tensor)
{
    printf("bit %s\n", which);
    print_tensor("", tensor);
}

static void show_npy(const char *path, const char *which)
{
    tn_tensor *tensor = NULL;
    if (tn_npy_load(NULL, path, &tensor) == TN_OK)
        show_array(which, tensor);
    tn_tensor_destroy(&tensor);
}

static void show_idx(const char *path, const char *which)
{
    tn_tensor *tensor = NULL;
    if (tn_idx_load(NULL, path, 0, &tensor) == TN_OK)
        show_array(which, tensor);
    tn_tensor_destroy(&tensor);
}

static void show_png(const char *path, const char *which)
{
    tn_tensor *tensor = NULL;
    if (tn_png_load(NULL, path, 4, 1000, &tensor) == TN_OK)
        show_array(which, tensor);
    tn_tensor_destroy(&tensor);
}

static void show_listed(tn_safetensors *file, const char *name)
{
    tn_tensor *tensor = NULL;
    if (tn_safetensors_load(file, name, &tensor) == TN_OK) {
        print_tensor(name, tensor);
    } else {
        printf("name=");
        print_hex(name, strlen(name));
        printf(" unreadable\n");
    }
    tn_tensor_destroy(&tensor);
}

static void show_safetensors(const char *path, const char *which)
{
    tn_safetensors *file = NULL;
    if (tn_safetensors_open(NULL, path, &file) != TN_OK)
        return;
    printf("bit %s\n", which);
    for (size_t i = 0; i < file->header.metadata_count; i++) {
        const char *key = file->header.text + file->header.metadata[i], *value = tn_safetensors_metadata(file, key);
        printf("key=");
        print_hex(key, strlen(key));
        printf(" value=");
        print_hex(value, strlen(value));
        printf("\n");
    }
    for (size_t i = 0; i < tn_safetensors_count(file); i++)
        show_listed(file, tn_safetensors_name(file, i));
    tn_safetensors_close(&file);
}

/* A file of its own each time: some file systems write at once to the disk what takes the place of older contents. */
static bool write_file(const char *path, const void *data, size_t size)
{
    (void)remove(path);
    FILE *file = fopen(path, "wb");
    return file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0;
}

static int flip_all(show_file *show, const char *path, const unsigned char *data, size_t size)
{
    unsigned char *flipped = malloc(size);
    char which[32] = "none";
    if (flipped == NULL || !write_file(path, data, size))
        return EXIT_FAILURE;
    print_hex(data, size);
    printf("\n");
    show(path, which);
    memcpy(flipped, data, size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        flipped[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (!write_file(path, flipped, size))
            return EXIT_FAILURE;
        snprintf(which, sizeof which, "%zu", bit);
        show(path, which);
        flipped[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(flipped);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define FILE_OF(name, show)                                                                                            \
    {                                                                                                                  \
#name, show, name, sizeof name                                                                                 \
    }

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        show_file *show;
        const unsigned char *data;
        size_t size;
    } files[] = {
        FILE_OF(npy_f4, show_npy),         FILE_OF(npy_i4, show_npy),
        FILE_OF(npy_i8_scalar, show_npy),  FILE_OF(npy_u1_v2, show_npy),
        FILE_OF(idx_plain, show_idx),      FILE_OF(idx_gzip, show_idx),
        FILE_OF(png_rgb, show_png),        FILE_OF(png_rgba, show_png),
        FILE_OF(png_grey, show_png),       FILE_OF(png_palette, show_png),
        FILE_OF(png_grey16, show_png),     FILE_OF(png_bits, show_png),
        FILE_OF(png_interlaced, show_png), FILE_OF(safetensors_other, show_safetensors),
    };
    if (count != 3 || !use_test_locale())
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(arguments[1], files[i].name) == 0)
            return flip_all(files[i].show, arguments[2], files[i].data, files[i].size);
    return EXIT_FAILURE;
}
