/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  .npy: files of NumPy's, files of ours, files of nobody's. */
#include "damage.h"
#include "reference_files.h"

#include <math.h>

static tn_status load(const tn_allocator *allocator, const char *path)
{
    tn_tensor *tensor = NULL;
    tn_status status = tn_npy_load(allocator, path, &tensor);
    ck_assert((status == TN_OK) == (tensor != NULL));
    tn_tensor_destroy(&tensor);
    return status;
}

static void expect(const char *path, tn_dtype dtype, int rank, const int64_t *dims, const void *data)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_npy_load(NULL, path, &tensor));
    ck_assert_int_eq(tn_tensor_dtype(tensor), dtype);
    ck_assert_int_eq(tn_tensor_rank(tensor), rank);
    for (int i = 0; i < rank; i++)
        ck_assert_int_eq(tn_tensor_dim(tensor, i), dims[i]);
    if (tn_tensor_bytes(tensor) > 0)
        ck_assert_mem_eq(tn_tensor_const_data(tensor), data, tn_tensor_bytes(tensor));
    tn_tensor_destroy(&tensor);
}

static const float f4[] = {0.5f, -1.25f, 3, 1e-3f, INFINITY, 7};
static const int32_t i4[] = {1, -2, INT32_MAX};
static const int64_t i8[] = {-5};
static const uint8_t u1[] = {1, 2, 3, 255};
static const struct reference {
    const unsigned char *file;
    size_t size;
    tn_dtype dtype;
    int rank;
    int64_t dims[3];
    const void *data;
} references[] = {
    {npy_f4, sizeof npy_f4, TN_F32, 2, {2, 3}, f4},
    {npy_i4, sizeof npy_i4, TN_I32, 1, {3}, i4},
    {npy_i8_scalar, sizeof npy_i8_scalar, TN_I64, 0, {0}, i8},
    {npy_u1_v2, sizeof npy_u1_v2, TN_U8, 3, {2, 1, 2}, u1},
};

START_TEST(test_numpy_files)
{
    const struct reference *r = &references[_i];
    expect(write_bytes("numpy", r->file, r->size), r->dtype, r->rank, r->dims, r->data);
}
END_TEST

/* What we write is what NumPy writes, byte for byte where the version is the same. */
START_TEST(test_save)
{
    const struct reference *r = &references[_i];
    tn_tensor *tensor = NULL;
    size_t size;
    ck_ok(tn_tensor_from_data(NULL, r->dtype, r->rank, r->dims, r->data, &tensor));
    ck_ok(tn_npy_save(scratch("ours"), tensor));
    tn_tensor_destroy(&tensor);
    unsigned char *bytes = read_bytes(scratch("ours"), &size);
    if (r->file[6] == 1) {
        ck_assert_uint_eq(size, r->size);
        ck_assert_mem_eq(bytes, r->file, size);
    }
    free(bytes);
    expect(scratch("ours"), r->dtype, r->rank, r->dims, r->data);
}
END_TEST

START_TEST(test_shapes)
{
    const int64_t ranks[][8] = {{0, 4}, {1, 1, 1, 1, 1, 1, 1, 1}, {0, INT32_MAX, 1000000}};
    const int rank[] = {2, 8, 3};
    for (size_t i = 0; i < 3; i++) {
        tn_tensor *tensor = NULL;
        ck_ok(tn_tensor_create(NULL, TN_F32, rank[i], ranks[i], &tensor));
        ck_ok(tn_npy_save(scratch("shape"), tensor));
        const float zero = 0;
        expect(scratch("shape"), TN_F32, rank[i], ranks[i], &zero);
        tn_tensor_destroy(&tensor);
    }
}
END_TEST

START_TEST(test_arguments)
{
    tn_tensor *tensor = NULL;
    ck_fails(tn_npy_load(&(tn_allocator){NULL, accounts_release, NULL}, "x", &tensor), TN_ERR_INVALID, "alloc is NULL");
    ck_fails(tn_npy_load(NULL, NULL, &tensor), TN_ERR_INVALID, "path");
    ck_fails(tn_npy_load(NULL, "x", NULL), TN_ERR_INVALID, "out");
    ck_fails(tn_npy_save(NULL, NULL), TN_ERR_INVALID, "path");
    ck_fails(tn_npy_save("x", NULL), TN_ERR_INVALID, "tensor");
    ck_fails(load(NULL, scratch("missing")), TN_ERR_IO, "No such file");
}
END_TEST

static tn_status load_header(int major, const char *header, size_t data)
{
    unsigned char file[1024] = "\x93NUMPY";
    size_t length = strlen(header), start = major == 1 ? 10 : 12;
    file[6] = (unsigned char)major;
    file[8] = (unsigned char)(length & 255);
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + start, header, length);
    return load(NULL, write_bytes("made", file, start + length + data));
}

START_TEST(test_headers)
{
    ck_ok(load_header(3, "{ \"shape\" :(2 , 1,) ,'fortran_order':False,'descr':'<f4'}", 8));
    static const struct {
        const char *header;
        tn_status status;
        const char *text;
    } bad[] = {
        {"", TN_ERR_FORMAT, "no dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), ", TN_ERR_FORMAT, "key"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,) } x", TN_ERR_FORMAT, "follows"},
        {"{'descr': '<f4', 'fortran_order': False, }", TN_ERR_FORMAT, "missing"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", TN_ERR_FORMAT, "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", TN_ERR_FORMAT, "unknown key"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", TN_ERR_FORMAT, "comma"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", TN_ERR_UNSUPPORTED, "'<f8'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", TN_ERR_UNSUPPORTED, "structured"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}", TN_ERR_FORMAT, "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", TN_ERR_FORMAT, "negative"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", TN_ERR_FORMAT, "comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 1)}", TN_ERR_FORMAT, "comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}", TN_ERR_FORMAT, "starts with 0"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", TN_ERR_FORMAT, "integers"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2]}", TN_ERR_FORMAT, "tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", TN_ERR_OVERFLOW, "64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", TN_ERR_OVERFLOW, "dimension"},
        {"{'descr': 'a string of more than thirty-two characters', 'fortran_order': False, 'shape': (2,)}",
         TN_ERR_UNSUPPORTED, "'a string of more than thirty-two'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)}", TN_ERR_OVERFLOW, "64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", TN_ERR_OVERFLOW, "64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0)}", TN_ERR_UNSUPPORTED, "dimension 1 is 0"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", TN_ERR_UNSUPPORTED, "more than 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", TN_ERR_FORMAT, "4 bytes, but 8 follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", TN_ERR_FORMAT, "12 bytes, but 8 follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}", TN_ERR_FORMAT, "but 8 follow"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_fails(load_header(1, bad[i].header, 8), bad[i].status, bad[i].text);
    ck_fails(load_header(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0),
             TN_ERR_OVERFLOW, "made: shape [0,4294967296,4294967296]");
    ck_fails(load_header(4, "{}", 8), TN_ERR_VERSION, "4.0");
    ck_fails(load(NULL, write_bytes("f", npy_fortran, sizeof npy_fortran)), TN_ERR_UNSUPPORTED, "Fortran");
    ck_fails(load(NULL, write_bytes("b", npy_big_endian, sizeof npy_big_endian)), TN_ERR_UNSUPPORTED, "'>f4'");
    ck_fails(load(NULL, write_bytes("l", "\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13)), TN_ERR_FORMAT, "4294967295");
    ck_fails(load(NULL, write_bytes("z", "PK\x03\x04 a zip file", 15)), TN_ERR_FORMAT, "no .npy");
}
END_TEST

/* Headers as long as version 1.0 can say, and of nothing but brackets. */
START_TEST(test_long_headers)
{
    static const char fills[] = " ([{'-9,";
    for (size_t i = 0; i < sizeof fills - 1; i++) {
        unsigned char *file = malloc(10 + 65535);
        accounts a;
        tn_allocator allocator = accounts_allocator(&a);
        memcpy(file, "\x93NUMPY\x01\x00\xff\xff{'shape':", 19);
        memset(file + 19, fills[i], 10 + 65535 - 19);
        tn_status status = load(&allocator, write_bytes("long", file, 10 + 65535));
        ck_assert(is_refusal(status));
        damage_expect_memory(&a, scratch("long"));
        free(file);
    }
}
END_TEST

START_TEST(test_damage)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        damage_truncate(load, references[i].file, references[i].size);
        damage_flip(load, references[i].file, references[i].size, true);
    }
    ck_assert_uint_ge(damage_memory(load, write_bytes("m", npy_f4, sizeof npy_f4)), 2);
}
END_TEST

TN_SUITE("npy", TN_LOOPED(test_numpy_files, 4), TN_LOOPED(test_save, 4), {test_shapes}, {test_arguments},
         {test_headers}, {test_long_headers}, {test_damage})
