/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  safetensors: files of others, files of ours, byte for byte. */
#include "damage.h"
#include "formats/safetensors.h"
#include "reference_files.h"

static tn_status load(const tn_allocator *allocator, const char *path)
{
    tn_safetensors *file = NULL;
    tn_status status = tn_safetensors_open(allocator, path, &file);
    for (size_t i = 0; status == TN_OK && i < tn_safetensors_count(file); i++) {
        tn_tensor *tensor = NULL;
        status = tn_safetensors_load(file, tn_safetensors_name(file, i), &tensor);
        tn_tensor_destroy(&tensor);
    }
    tn_safetensors_close(&file);
    return status;
}

static void expect(tn_safetensors *file, const char *name, tn_dtype dtype, int rank, const int64_t *dims,
                   const void *data)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_safetensors_load(file, name, &tensor));
    ck_assert_int_eq(tn_tensor_dtype(tensor), dtype);
    ck_assert_int_eq(tn_tensor_rank(tensor), rank);
    for (int i = 0; i < rank; i++)
        ck_assert_int_eq(tn_tensor_dim(tensor, i), dims[i]);
    if (tn_tensor_bytes(tensor) > 0)
        ck_assert_mem_eq(tn_tensor_const_data(tensor), data, tn_tensor_bytes(tensor));
    tn_tensor_destroy(&tensor);
}

START_TEST(test_file_of_others)
{
    static const int64_t b[] = {-1, (int64_t)1 << 40}, b_dims[] = {2}, a_dims[] = {2, 2}, e_dims[] = {0, 3},
                         u_dims[] = {3};
    static const float a[] = {1, 2, 3, -4.5f};
    static const int32_t s = 77;
    static const uint8_t u[] = {9, 8, 7};
    static const char *const names[] = {"b", "a.weight", "h", "s", "empty", "u"};
    tn_safetensors *file = NULL;
    tn_tensor *tensor = NULL;
    ck_ok(tn_safetensors_open(NULL, write_bytes("other", safetensors_other, sizeof safetensors_other), &file));
    ck_assert_uint_eq(tn_safetensors_count(file), 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_str_eq(tn_safetensors_name(file, i), names[i]);
    ck_assert_ptr_null(tn_safetensors_name(file, 6));
    ck_assert_str_eq(tn_safetensors_metadata(file, "format"), "pt");
    ck_assert_str_eq(tn_safetensors_metadata(file, "note"), "\xc3\xa9\"\\\n");
    ck_assert_ptr_null(tn_safetensors_metadata(file, "nothing"));
    ck_assert_ptr_null(tn_safetensors_metadata(file, "pt"));
    expect(file, "b", TN_I64, 1, b_dims, b);
    expect(file, "a.weight", TN_F32, 2, a_dims, a);
    expect(file, "s", TN_I32, 0, NULL, &s);
    expect(file, "empty", TN_F32, 2, e_dims, NULL);
    expect(file, "u", TN_U8, 1, u_dims, u);
    ck_fails(tn_safetensors_load(file, "h", &tensor), TN_ERR_UNSUPPORTED, "tensor h is F16");
    ck_fails(tn_safetensors_load(file, "x", &tensor), TN_NOT_FOUND, "no tensor x");
    tn_safetensors_close(&file);
    tn_safetensors_close(&file);
}
END_TEST

/* Names and values that need care in JSON, and every type. */
static void save_sample(const char *path)
{
    static const char *const names[] = {"u", "weight", "i\"\\\n\t\x01\xc3\xa9", "long", "empty", "scalar", ""};
    static const tn_metadata metadata[] = {{"epoch", "3"}, {"quote \" and \\", "line\nnext"}, {"", ""}};
    static const uint8_t u[] = {1, 2, 3};
    static const float w[] = {1.5f, -2, 0, 1e30f, 5, 6};
    static const int32_t i[] = {-7, 8};
    static const int64_t l[] = {INT64_MIN};
    static const int64_t dims[][2] = {{3}, {2, 3}, {2}, {1}, {0, 5}, {0}, {1}};
    static const tn_dtype dtypes[] = {TN_U8, TN_F32, TN_I32, TN_I64, TN_F32, TN_F32, TN_U8};
    static const int ranks[] = {1, 2, 1, 1, 2, 0, 1};
    const void *const data[] = {u, w, i, l, w, w, u};
    tn_tensor *tensors[7] = {NULL};
    const tn_tensor *given[7];
    for (int k = 0; k < 7; k++) {
        ck_ok(tn_tensor_from_data(NULL, dtypes[k], ranks[k], dims[k], data[k], &tensors[k]));
        given[k] = tensors[k];
    }
    ck_ok(tn_safetensors_save(path, 7, names, given, metadata, 3));
    for (int k = 0; k < 7; k++)
        tn_tensor_destroy(&tensors[k]);
}

START_TEST(test_round_trip)
{
    static const float w[] = {1.5f, -2, 0, 1e30f, 5, 6};
    static const int32_t i[] = {-7, 8};
    static const int64_t l[] = {INT64_MIN}, dims[][2] = {{3}, {2, 3}, {2}, {1}, {0, 5}};
    static const uint8_t u[] = {1, 2, 3};
    tn_safetensors *file = NULL;
    save_sample(scratch("ours"));
    ck_ok(tn_safetensors_open(NULL, scratch("ours"), &file));
    ck_assert_uint_eq(tn_safetensors_count(file), 7);
    ck_assert_str_eq(tn_safetensors_name(file, 0), "u");
    ck_assert_str_eq(tn_safetensors_name(file, 6), "");
    expect(file, "u", TN_U8, 1, dims[0], u);
    expect(file, "weight", TN_F32, 2, dims[1], w);
    expect(file, "i\"\\\n\t\x01\xc3\xa9", TN_I32, 1, dims[2], i);
    expect(file, "long", TN_I64, 1, dims[3], l);
    expect(file, "empty", TN_F32, 2, dims[4], NULL);
    expect(file, "scalar", TN_F32, 0, NULL, w);
    ck_assert_str_eq(tn_safetensors_metadata(file, "epoch"), "3");
    ck_assert_str_eq(tn_safetensors_metadata(file, "quote \" and \\"), "line\nnext");
    ck_assert_str_eq(tn_safetensors_metadata(file, ""), "");
    ck_assert_str_eq(tn_safetensors_metadata(file, "tinynet.format"), "tensors 1");
    tn_safetensors_close(&file);
}
END_TEST

/* A file of ours, written down by hand after the specification; its CRC-32 is Python's zlib.crc32. */
START_TEST(test_bytes)
{
    static const char header[] =
        "{\"__metadata__\":{\"tinynet.checksum\":\"e7d394d6\",\"tinynet.format\":\"tensors 1\"},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[4,5]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    static const char *const names[] = {"b", "a"};
    const int64_t one = 1;
    const uint8_t byte = 7;
    const float number = 1.0f;
    tn_tensor *b = NULL, *a = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_U8, 1, &one, &byte, &b));
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 1, &one, &number, &a));
    ck_ok(tn_safetensors_save(scratch("bytes"), 2, names, (const tn_tensor *const[]){b, a}, NULL, 0));
    tn_tensor_destroy(&a);
    tn_tensor_destroy(&b);
    size_t size, length = (sizeof header - 1 + 7) / 8 * 8;
    unsigned char *bytes = read_bytes(scratch("bytes"), &size);
    ck_assert_uint_eq(size, 8 + length + 5);
    ck_assert_uint_eq(bytes[0], length);
    ck_assert_mem_eq(bytes + 1, "\0\0\0\0\0\0\0", 7);
    ck_assert_mem_eq(bytes + 8, header, sizeof header - 1);
    ck_assert_mem_eq(bytes + 8 + length, "\0\0\x80\x3f\7", 5);
    free(bytes);
}
END_TEST

START_TEST(test_same_bytes)
{
    size_t sizes[2];
    save_sample(scratch("one"));
    save_sample(scratch("two"));
    unsigned char *one = read_bytes(scratch("one"), &sizes[0]), *two = read_bytes(scratch("two"), &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(one, two, sizes[0]);
    free(one);
    free(two);
}
END_TEST

START_TEST(test_arguments)
{
    const int64_t one = 1;
    tn_tensor *t = NULL, *none = NULL;
    tn_safetensors *file = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, &one, &t));
    const tn_tensor *const pair[] = {t, t}, *const missing[] = {t, NULL, t};
    const char *path = scratch("arguments");
#define SAVE(names, tensors, ...) tn_safetensors_save(path, 2, (const char *[])names, tensors, __VA_ARGS__)
#define NAMES(a, b) {a, b}
    ck_fails(tn_safetensors_save(NULL, 0, NULL, NULL, NULL, 0), TN_ERR_INVALID, "path");
    ck_fails(tn_safetensors_save(path, 1, NULL, pair, NULL, 0), TN_ERR_INVALID, "names");
    ck_fails(tn_safetensors_save(path, 1, NULL, NULL, NULL, 0), TN_ERR_INVALID, "tensors");
    ck_fails(SAVE(NAMES("a", "b"), missing, NULL, 0), TN_ERR_INVALID, "tensor 1 is NULL");
    ck_fails(SAVE(NAMES("a", "b"), missing + 1, NULL, 0), TN_ERR_INVALID, "tensor 0 is NULL");
    ck_fails(SAVE(NAMES("a", NULL), pair, NULL, 0), TN_ERR_INVALID, "name 1 is NULL");
    ck_fails(SAVE(NAMES("same", "same"), pair, NULL, 0), TN_ERR_INVALID, "two tensors are named same");
    ck_fails(SAVE(NAMES("a", "__metadata__"), pair, NULL, 0), TN_ERR_INVALID, "__metadata__");
    ck_fails(SAVE(NAMES("a", "\xff"), pair, NULL, 0), TN_ERR_INVALID, "UTF-8");
    ck_fails(SAVE(NAMES("a", "b"), pair, NULL, 1), TN_ERR_INVALID, "metadata");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{"k", NULL}}, 1), TN_ERR_INVALID, "NULL value");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{NULL, "v"}}, 1), TN_ERR_INVALID, "NULL key");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{"k", "\x80"}}, 1), TN_ERR_INVALID, "UTF-8");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{"\x80", "v"}}, 1), TN_ERR_INVALID, "UTF-8");
    ck_fails(SAVE(NAMES("a", "b"), pair, ((tn_metadata[]){{"k", "1"}, {"k", "2"}}), 2), TN_ERR_INVALID, "keys");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{"tinynet.checksum", "0"}}, 1), TN_ERR_INVALID, "tinynet.");
    ck_fails(SAVE(NAMES("a", "b"), pair, (tn_metadata[]){{"k", "v"}}, SIZE_MAX), TN_ERR_INVALID, "far too much");
    ck_fails(tn_safetensors_save(path, SIZE_MAX, (const char *[]){"a"}, pair, NULL, 0), TN_ERR_INVALID, "far too many");
    ck_fails(tn_safetensors_write(NULL, path, 1, (const char *[]){"a"}, NULL, NULL, 0), TN_ERR_INVALID, "NULL");
    ck_fails(tn_safetensors_write(NULL, path, 1, (const char *[]){"a"}, pair, NULL, SIZE_MAX), TN_ERR_INVALID, "many");
    ck_assert(!exists(path) && !exists(scratch("arguments.tmp")));
    ck_fails(tn_safetensors_open(&(tn_allocator){NULL, accounts_release, NULL}, path, &file), TN_ERR_INVALID, "alloc");
    ck_fails(tn_safetensors_open(NULL, NULL, &file), TN_ERR_INVALID, "path");
    ck_fails(tn_safetensors_open(NULL, "x", NULL), TN_ERR_INVALID, "out");
    ck_fails(tn_safetensors_load(NULL, "x", &none), TN_ERR_INVALID, "file");
    ck_assert_uint_eq(tn_safetensors_count(NULL), 0);
    ck_assert_ptr_null(tn_safetensors_name(NULL, 0));
    ck_assert_ptr_null(tn_safetensors_metadata(NULL, "x"));
    tn_safetensors_close(NULL);
    ck_ok(tn_safetensors_save(path, 0, NULL, NULL, NULL, 0));
    ck_ok(tn_safetensors_open(NULL, path, &file));
    ck_assert_uint_eq(tn_safetensors_count(file), 0);
    ck_fails(tn_safetensors_load(file, NULL, &none), TN_ERR_INVALID, "name");
    ck_fails(tn_safetensors_load(file, "a", NULL), TN_ERR_INVALID, "out");
    ck_assert_ptr_null(tn_safetensors_metadata(file, NULL));
    tn_safetensors_close(&file);
    tn_tensor_destroy(&t);
}
END_TEST

/* A header that no reader of ours would take is not written. */
START_TEST(test_large_header)
{
    enum { ESCAPED = 17000000 }; /* six bytes each */
    char *value = malloc(ESCAPED + 1);
    ck_assert_ptr_nonnull(value);
    memset(value, 1, ESCAPED);
    value[ESCAPED] = '\0';
    const tn_metadata metadata = {"long", value};
    ck_fails(tn_safetensors_save(scratch("large"), 0, NULL, NULL, &metadata, 1), TN_ERR_UNSUPPORTED,
             "its header would");
    ck_assert(!exists(scratch("large")) && !exists(scratch("large.tmp")));
    free(value);
}
END_TEST

START_TEST(test_damage)
{
    size_t size;
    save_sample(scratch("ours"));
    unsigned char *bytes = read_bytes(scratch("ours"), &size);
    damage_truncate(load, bytes, size);
    damage_flip(load, bytes, size, false);
    ck_assert_uint_ge(damage_memory(load, scratch("ours")), 10);
    free(bytes);
    damage_truncate(load, safetensors_other, sizeof safetensors_other);
    damage_flip(load, safetensors_other, sizeof safetensors_other, true);
}
END_TEST

TN_SUITE("safetensors", {test_file_of_others}, {test_round_trip}, {test_bytes}, {test_same_bytes}, {test_arguments},
         {test_large_header}, {test_damage})
