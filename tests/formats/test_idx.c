/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  IDX, plain and gzip. */
#include "damage.h"
#include "formats/bytes_in.h"
#include "formats/gzip_in.h"
#include "reference_files.h"

#include <zlib.h>

#define CAP 4096 /* bytes that a caller may accept: what a damaged gzip stream promises is held to it */

static tn_status load(const tn_allocator *allocator, const char *path)
{
    tn_tensor *tensor = NULL;
    tn_status status = tn_idx_load(allocator, path, CAP, &tensor);
    ck_assert((status == TN_OK) == (tensor != NULL));
    tn_tensor_destroy(&tensor);
    return status;
}

static tn_status load_bytes(const void *data, size_t size)
{
    return load(NULL, write_bytes("idx", data, size));
}

/* gzip `size` bytes of zeros behind a start; returns the length. */
static size_t gzip_zeros(const void *start, size_t start_size, size_t size, unsigned char *out, size_t room)
{
    static unsigned char zeros[65536];
    z_stream stream = {.next_out = out, .avail_out = (uInt)room};
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)start;
    stream.avail_in = (uInt)start_size;
    ck_assert_int_eq(deflate(&stream, Z_NO_FLUSH), Z_OK);
    for (size_t done = 0; done < size; done += stream.avail_in) {
        stream.next_in = zeros;
        stream.avail_in = (uInt)(size - done < sizeof zeros ? size - done : sizeof zeros);
        done += stream.avail_in;
        ck_assert_int_eq(deflate(&stream, Z_NO_FLUSH), Z_OK);
        ck_assert_uint_eq(stream.avail_in, 0);
    }
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t length = room - stream.avail_out;
    deflateEnd(&stream);
    return length;
}

static void expect_reference(const char *path)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_idx_load(NULL, path, 12, &tensor));
    ck_assert_int_eq(tn_tensor_dtype(tensor), TN_U8);
    ck_assert_int_eq(tn_tensor_rank(tensor), 3);
    ck_assert_int_eq(tn_tensor_dim(tensor, 0), 2);
    ck_assert_int_eq(tn_tensor_dim(tensor, 1), 2);
    ck_assert_int_eq(tn_tensor_dim(tensor, 2), 3);
    const unsigned char *bytes = tn_tensor_const_data(tensor);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(bytes[i], i);
    tn_tensor_destroy(&tensor);
    ck_fails(tn_idx_load(NULL, path, 11, &tensor), TN_ERR_UNSUPPORTED, "12 bytes, the limit is 11");
    ck_assert_ptr_null(tensor);
}

START_TEST(test_reference)
{
    expect_reference(write_bytes("plain", idx_plain, sizeof idx_plain));
    expect_reference(write_bytes("gzip", idx_gzip, sizeof idx_gzip));
}
END_TEST

START_TEST(test_members)
{
    /* gzip files that are put together unpack to what their contents put together are */
    unsigned char file[256];
    size_t first = gzip_zeros(idx_plain, 5, 0, file, sizeof file);
    size_t second = gzip_zeros(idx_plain + 5, sizeof idx_plain - 5, 0, file + first, sizeof file - first);
    expect_reference(write_bytes("members", file, first + second));
    memcpy(file + first + second, "no member", 9);
    ck_fails(load_bytes(file, first + second + 9), TN_ERR_FORMAT, "gzip stream is damaged: incorrect header check");
}
END_TEST

START_TEST(test_arguments)
{
    const tn_allocator half = {NULL, accounts_release, NULL};
    tn_tensor *tensor = NULL;
    ck_fails(tn_idx_load(&half, "x", 0, &tensor), TN_ERR_INVALID, "alloc is NULL");
    ck_fails(tn_idx_load(NULL, NULL, 0, &tensor), TN_ERR_INVALID, "path is NULL");
    ck_fails(tn_idx_load(NULL, "x", 0, NULL), TN_ERR_INVALID, "out is NULL");
    ck_fails(tn_idx_load(NULL, scratch("missing"), 0, &tensor), TN_ERR_IO, "missing");
}
END_TEST

START_TEST(test_refused)
{
    static const unsigned char other_type[] = {0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    static const unsigned char no_type[] = {0, 0, 7, 1, 0, 0, 0, 1, 0};
    static const unsigned char no_rank[] = {0, 0, 8, 0, 5};
    static const unsigned char high_rank[] = {0, 0, 8, 9, 0};
    static const unsigned char zero[] = {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0};
    static const unsigned char wrap[] = {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    static const unsigned char none_of_many[] = {0, 0, 8, 3, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
    static const unsigned char huge[] = {0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 255, 255, 1};
    unsigned char trailing[sizeof idx_plain + 1] = {0};
    memcpy(trailing, idx_plain, sizeof idx_plain);
    ck_fails(load_bytes(other_type, sizeof other_type), TN_ERR_UNSUPPORTED, "0x0d");
    ck_fails(load_bytes(no_type, sizeof no_type), TN_ERR_FORMAT, "0x07");
    ck_fails(load_bytes(no_rank, sizeof no_rank), TN_ERR_FORMAT, "no dimensions");
    ck_fails(load_bytes(high_rank, sizeof high_rank), TN_ERR_UNSUPPORTED, "9 dimensions");
    ck_fails(load_bytes(zero, sizeof zero), TN_ERR_FORMAT, "dimension 1 is 0");
    ck_fails(load_bytes(wrap, sizeof wrap), TN_ERR_OVERFLOW, "64 bits");
    ck_fails(load_bytes(none_of_many, sizeof none_of_many), TN_ERR_OVERFLOW, "idx: shape [0,4294967295,4294967295]");
    ck_fails(load_bytes(huge, sizeof huge), TN_ERR_FORMAT, "cannot hold");
    ck_fails(load_bytes(trailing, sizeof trailing), TN_ERR_FORMAT, "1 bytes after the last element");
    ck_fails(load_bytes("no IDX", 6), TN_ERR_FORMAT, "no IDX file");
}
END_TEST

START_TEST(test_empty)
{
    static const unsigned char empty[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 28};
    tn_tensor *tensor = NULL;
    ck_ok(tn_idx_load(NULL, write_bytes("empty", empty, sizeof empty), 0, &tensor));
    ck_assert_int_eq(tn_tensor_dim(tensor, 0), 0);
    ck_assert_int_eq(tn_tensor_dim(tensor, 1), 28);
    tn_tensor_destroy(&tensor);
}
END_TEST

START_TEST(test_gzip_attacks)
{
    static unsigned char file[65536];
    static const unsigned char small[] = {0, 0, 8, 1, 0, 0, 0, 4}, large[] = {0, 0, 8, 1, 0x7f, 255, 255, 255};
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_tensor *tensor = NULL;
    /* a bomb: 16 MiB behind a promise of four bytes are not unpacked */
    size_t length = gzip_zeros(small, sizeof small, 16 << 20, file, sizeof file);
    const char *path = write_bytes("bomb", file, length);
    ck_fails(tn_idx_load(&allocator, path, 0, &tensor), TN_ERR_FORMAT, "more bytes than");
    ck_assert_uint_lt(a.peak, 100000);
    /* a promise of 2 GiB in a few bytes is not believed, and 16 MiB that are there meet the limit */
    length = gzip_zeros(large, sizeof large, 100, file, sizeof file);
    ck_fails(tn_idx_load(&allocator, write_bytes("lie", file, length), 0, &tensor), TN_ERR_FORMAT, "cannot hold");
    static const unsigned char honest[] = {0, 0, 8, 1, 1, 0, 0, 0};
    length = gzip_zeros(honest, sizeof honest, 16 << 20, file, sizeof file);
    path = write_bytes("honest", file, length);
    ck_fails(tn_idx_load(&allocator, path, (16 << 20) - 1, &tensor), TN_ERR_UNSUPPORTED, "limit");
    ck_assert_uint_lt(a.peak, 100000);
    ck_ok(tn_idx_load(&allocator, path, 16 << 20, &tensor));
    ck_assert_int_eq(tn_tensor_size(tensor), 16 << 20);
    tn_tensor_destroy(&tensor);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_uint_le(a.peak, (16 << 20) + 65536);
    /* more than is unpacked at a time */
    static const unsigned char more[] = {0, 0, 8, 1, 1, 0, 0, 1};
    length = gzip_zeros(more, sizeof more, (16 << 20) + 1, file, sizeof file);
    ck_ok(tn_idx_load(NULL, write_bytes("more", file, length), 0, &tensor));
    ck_assert_int_eq(tn_tensor_size(tensor), (16 << 20) + 1);
    tn_tensor_destroy(&tensor);
}
END_TEST

/* 50,000 members with nothing in them, and a member within a member's contents. */
START_TEST(test_gzip_members)
{
    unsigned char member[128];
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_tensor *tensor = NULL;
    size_t length = gzip_zeros(NULL, 0, 0, member, sizeof member);
    unsigned char *file = malloc(50000 * length);
    for (size_t i = 0; i < 50000; i++)
        memcpy(file + i * length, member, length);
    ck_fails(tn_idx_load(&allocator, write_bytes("members", file, 50000 * length), CAP, &tensor), TN_ERR_FORMAT,
             "ends within the magic number");
    free(file);
    length = gzip_zeros(idx_gzip, sizeof idx_gzip, 0, member, sizeof member);
    ck_assert_uint_gt(length, 0);
    ck_fails(tn_idx_load(&allocator, write_bytes("nested", member, length), CAP, &tensor), TN_ERR_FORMAT,
             "starts with 1f 8b");
    ck_assert_ptr_null(tensor);
    ck_assert_uint_le(a.peak, 65536);
    ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

/* The file shrinks while it is unpacked. */
START_TEST(test_shrinks)
{
    static unsigned char file[200000];
    uint32_t state = 1;
    for (size_t i = 0; i < 100000; i++)
        file[i] = (unsigned char)((state = state * 1664525u + 1013904223u) >> 24); /* nothing to compress */
    uLongf length = sizeof file - 100000;
    z_stream stream = {.next_in = file, .avail_in = 90000, .next_out = file + 100000, .avail_out = (uInt)length};
    ck_assert_int_eq(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    length = stream.total_out;
    deflateEnd(&stream);
    const char *path = write_bytes("shrinks", file + 100000, length);
    tn_bytes_in in;
    tn_gzip_in *gzip = NULL;
    static unsigned char out[90000];
    ck_ok(tn_bytes_open(&in, path));
    ck_ok(tn_gzip_open(NULL, &in, &gzip));
    ck_ok(tn_gzip_read(gzip, out, 10, "a start"));
    ck_assert_mem_eq(out, file, 10);
    ck_assert_int_eq(truncate(path, 20000), 0);
    ck_fails(tn_gzip_read(gzip, out, 89990, "the rest"), TN_ERR_IO, "became shorter while the compressed data");
    tn_gzip_close(&gzip);
    tn_gzip_close(&gzip);
    tn_bytes_close(&in);
}
END_TEST

START_TEST(test_damage)
{
    damage_truncate(load, idx_plain, sizeof idx_plain);
    damage_truncate(load, idx_gzip, sizeof idx_gzip);
    damage_flip(load, idx_plain, sizeof idx_plain, true);
    damage_flip(load, idx_gzip, sizeof idx_gzip, true); /* bits of gzip's own header may be anything */
    damage_memory(load, write_bytes("plain", idx_plain, sizeof idx_plain));
    ck_assert_uint_ge(damage_memory(load, write_bytes("gzip", idx_gzip, sizeof idx_gzip)), 4);
}
END_TEST

TN_SUITE("idx", {test_reference}, {test_members}, {test_arguments}, {test_refused}, {test_empty}, {test_gzip_attacks},
         {test_gzip_members}, {test_shrinks}, {test_damage})
