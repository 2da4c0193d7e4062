/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  PNG: every kind of pixel into 1, 3 and 4 channels, sizes that are lies, damage. */
#include "damage.h"
#include "reference_files.h"

#include <zlib.h>

static tn_status load(const tn_allocator *allocator, const char *path)
{
    tn_tensor *tensor = NULL;
    tn_status status = tn_png_load(allocator, path, 3, 1000, &tensor);
    ck_assert((status == TN_OK) == (tensor != NULL));
    tn_tensor_destroy(&tensor);
    return status;
}

static void expect(const unsigned char *file, size_t size, int channels, int64_t height, int64_t width,
                   const unsigned char *pixels, int tolerance)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_png_load(NULL, write_bytes("png", file, size), channels, 0, &tensor));
    ck_assert_int_eq(tn_tensor_dtype(tensor), TN_U8);
    ck_assert_int_eq(tn_tensor_rank(tensor), 3);
    ck_assert_int_eq(tn_tensor_dim(tensor, 0), height);
    ck_assert_int_eq(tn_tensor_dim(tensor, 1), width);
    ck_assert_int_eq(tn_tensor_dim(tensor, 2), channels);
    const unsigned char *data = tn_tensor_const_data(tensor);
    for (int64_t i = 0; i < height * width * channels; i++)
        ck_each(abs(data[i] - pixels[i]) <= tolerance, "byte %d is %d, expected %d", (int)i, data[i], pixels[i]);
    tn_tensor_destroy(&tensor);
}

START_TEST(test_rgb)
{
    unsigned char opaque[24], stripped[18];
    for (int i = 0; i < 6; i++) {
        memcpy(opaque + 4 * i, png_rgb_pixels + 3 * i, 3);
        opaque[4 * i + 3] = 255;
        memcpy(stripped + 3 * i, png_rgba_pixels + 4 * i, 3);
    }
    expect(png_rgb, sizeof png_rgb, 3, 2, 3, png_rgb_pixels, 0);
    expect(png_rgb, sizeof png_rgb, 4, 2, 3, opaque, 0);
    expect(png_rgb, sizeof png_rgb, 1, 2, 3, png_rgb_grey, 1); /* PIL rounds elsewhere */
    expect(png_rgba, sizeof png_rgba, 4, 2, 3, png_rgba_pixels, 0);
    expect(png_rgba, sizeof png_rgba, 3, 2, 3, stripped, 0);
}
END_TEST

START_TEST(test_grey)
{
    unsigned char tripled[18], opaque[24];
    for (int i = 0; i < 6; i++) {
        memset(tripled + 3 * i, png_grey_pixels[i], 3);
        memset(opaque + 4 * i, png_grey_pixels[i], 3);
        opaque[4 * i + 3] = 255;
    }
    static const unsigned char bits[] = {0, 255, 0, 255, 255, 0};
    expect(png_grey, sizeof png_grey, 1, 2, 3, png_grey_pixels, 0);
    expect(png_grey, sizeof png_grey, 3, 2, 3, tripled, 0);
    expect(png_grey, sizeof png_grey, 4, 2, 3, opaque, 0);
    expect(png_grey16, sizeof png_grey16, 1, 2, 3, png_grey16_high, 0);
    expect(png_bits, sizeof png_bits, 1, 2, 3, bits, 0);
    expect(png_interlaced, sizeof png_interlaced, 1, 3, 5, png_interlaced_pixels, 0);
}
END_TEST

START_TEST(test_palette)
{
    static const unsigned char colors[3][4] = {{10, 20, 30, 0}, {200, 100, 50, 128}, {1, 2, 3, 255}};
    static const int indices[] = {0, 1, 2, 2, 1, 0};
    unsigned char rgba[24], rgb[18], grey[6];
    for (int i = 0; i < 6; i++) {
        const unsigned char *c = colors[indices[i]];
        memcpy(rgba + 4 * i, c, 4);
        memcpy(rgb + 3 * i, c, 3);
        grey[i] = (unsigned char)(0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] + 0.5);
    }
    expect(png_palette, sizeof png_palette, 4, 2, 3, rgba, 0);
    expect(png_palette, sizeof png_palette, 3, 2, 3, rgb, 0);
    expect(png_palette, sizeof png_palette, 1, 2, 3, grey, 1);
}
END_TEST

START_TEST(test_arguments)
{
    tn_tensor *tensor = NULL;
    const char *path = write_bytes("rgb", png_rgb, sizeof png_rgb);
    ck_fails(tn_png_load(&(tn_allocator){NULL, accounts_release, NULL}, path, 3, 0, &tensor), TN_ERR_INVALID,
             "alloc is NULL");
    ck_fails(tn_png_load(NULL, NULL, 3, 0, &tensor), TN_ERR_INVALID, "path");
    ck_fails(tn_png_load(NULL, path, 3, 0, NULL), TN_ERR_INVALID, "out");
    ck_fails(tn_png_load(NULL, path, 2, 0, &tensor), TN_ERR_INVALID, "channels is 2");
    ck_fails(tn_png_load(NULL, path, 3, -1, &tensor), TN_ERR_INVALID, "max_pixels is -1");
    ck_fails(tn_png_load(NULL, path, 3, 5, &tensor), TN_ERR_UNSUPPORTED, "3 x 2, the limit is 5");
    ck_fails(tn_png_load(NULL, write_bytes("idx", idx_plain, sizeof idx_plain), 3, 0, &tensor), TN_ERR_FORMAT,
             "no PNG");
    ck_fails(tn_png_load(NULL, scratch("missing"), 3, 0, &tensor), TN_ERR_IO, "No such file");
}
END_TEST

static void put_be32(unsigned char *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* The RGB picture with another size in its header, checksum made right. */
static const char *write_sized(uint32_t width, uint32_t height)
{
    unsigned char file[sizeof png_rgb];
    memcpy(file, png_rgb, sizeof png_rgb);
    put_be32(file + 16, width);
    put_be32(file + 20, height);
    put_be32(file + 29, (uint32_t)crc32(0, file + 12, 17));
    return write_bytes("sized", file, sizeof file);
}

START_TEST(test_sizes)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_tensor *tensor = NULL;
    ck_fails(tn_png_load(&allocator, write_sized(0x7fffffff, 0x7fffffff), 3, 0, &tensor), TN_ERR_UNSUPPORTED, "limit");
    ck_fails(tn_png_load(&allocator, write_sized(0x80000000u, 0x80000000u), 3, 0, &tensor), TN_ERR_FORMAT, "PNG");
    ck_fails(tn_png_load(&allocator, write_sized(0x7fffffff, 0x7fffffff), 3, INT64_MAX, &tensor), TN_ERR_FORMAT,
             "cannot hold");
    ck_fails(tn_png_load(&allocator, write_sized(8192, 8192), 3, 0, &tensor), TN_ERR_FORMAT, "cannot hold");
    ck_fails(tn_png_load(&allocator, write_sized(0, 1), 3, 0, &tensor), TN_ERR_FORMAT, "PNG");
    ck_fails(tn_png_load(&allocator, write_sized(3, 3), 3, 0, &tensor), TN_ERR_FORMAT, "PNG");
    ck_assert_uint_lt(a.peak, 100000);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_ptr_null(tensor);
}
END_TEST

#define IHDR_END 33 /* signature and first chunk */

/* The RGB picture with a chunk of `size` bytes and of a right checksum behind its header. */
static const char *write_with_chunk(const char *type, const void *data, size_t size)
{
    unsigned char *file = malloc(sizeof png_rgb + 12 + size);
    memcpy(file, png_rgb, IHDR_END);
    put_be32(file + IHDR_END, (uint32_t)size);
    memcpy(file + IHDR_END + 4, type, 4);
    memcpy(file + IHDR_END + 8, data, size);
    put_be32(file + IHDR_END + 8 + size, (uint32_t)crc32(0, file + IHDR_END + 4, (uInt)size + 4));
    memcpy(file + IHDR_END + 12 + size, png_rgb + IHDR_END, sizeof png_rgb - IHDR_END);
    const char *path = write_bytes("chunk", file, sizeof png_rgb + 12 + size);
    free(file);
    return path;
}

/* Side chunks that unpack to 16 MiB, or are large themselves, are skipped: they cost their reading alone. */
START_TEST(test_side_chunks)
{
    static const char *const types[] = {"zTXt", "iCCP", "iTXt", "tEXt", "eXIf", "sPLT", "hIST", "vpAg"};
    uLongf packed = 100000;
    unsigned char *zeros = calloc(16, 1 << 20), *chunk = malloc(packed + 3);
    memcpy(chunk, "a\0", 3);
    ck_assert_int_eq(compress2(chunk + 3, &packed, zeros, 16 << 20, 9), Z_OK);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        accounts a;
        tn_allocator allocator = accounts_allocator(&a);
        tn_tensor *tensor = NULL;
        ck_ok(tn_png_load(&allocator, write_with_chunk(types[i], chunk, packed + 3), 3, 6, &tensor));
        ck_assert_mem_eq(tn_tensor_const_data(tensor), png_rgb_pixels, 18);
        tn_tensor_destroy(&tensor);
        ck_assert_uint_le(a.peak, 65536);
    }
    free(zeros);
    free(chunk);
}
END_TEST

/* A chunk that says it has 2^31 - 1 bytes; one that a PNG must not have. */
START_TEST(test_chunk_lies)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    unsigned char file[sizeof png_rgb];
    memcpy(file, png_rgb, sizeof file);
    put_be32(file + IHDR_END, 0x7fffffff);
    ck_fails(load(&allocator, write_bytes("long", file, sizeof file)), TN_ERR_FORMAT, "the picture");
    ck_fails(load(&allocator, write_with_chunk("IHDR", png_rgb + 16, 13)), TN_ERR_FORMAT, "IHDR");
    ck_fails(load(&allocator, write_with_chunk("ABCD", "x", 1)), TN_ERR_FORMAT, "ABCD");
    ck_fails(load(&allocator, write_with_chunk("IEND", "", 0)), TN_ERR_FORMAT, "damaged PNG");
    ck_assert_uint_le(a.peak, 65536);
    ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

START_TEST(test_damage)
{
    damage_truncate(load, png_palette, sizeof png_palette);
    damage_flip(load, png_rgb, sizeof png_rgb, false);
    damage_flip(load, png_palette, sizeof png_palette, false);
    damage_flip(load, png_interlaced, sizeof png_interlaced, false);
    ck_assert_uint_ge(damage_memory(load, write_bytes("palette", png_palette, sizeof png_palette)), 4);
    ck_assert_uint_ge(damage_memory(load, write_bytes("interlaced", png_interlaced, sizeof png_interlaced)), 4);
}
END_TEST

TN_SUITE("png", {test_rgb}, {test_grey}, {test_palette}, {test_arguments}, {test_sizes}, {test_side_chunks},
         {test_chunk_lies}, {test_damage})
