/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  safetensors files made to do harm: each is refused before memory is asked for what it promises. */
#include "damage.h"

/* Write length, header and `data` bytes of data; returns the path. */
static const char *make(const char *header, size_t size, size_t data)
{
    unsigned char *file = calloc(1, 8 + size + data);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)size >> 8 * i);
    memcpy(file + 8, header, size);
    const char *path = write_bytes("hostile", file, 8 + size + data);
    free(file);
    return path;
}

/* Open, and hold the promise on memory: at most twice the file and 64 KiB. */
static tn_status open_made(const char *header, size_t size, size_t data)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_safetensors *file = NULL;
    tn_status status = tn_safetensors_open(&allocator, make(header, size, data), &file);
    tn_safetensors_close(&file);
    ck_assert_uint_eq(a.bytes, 0);
    ck_assert_msg(a.peak <= 2 * (8 + size + data) + 65536, "%zu bytes for a file of %zu", a.peak, 8 + size + data);
    return status;
}

static tn_status open_header(const char *header, size_t data)
{
    return open_made(header, strlen(header), data);
}

#define T(dtype, shape, begin, end)                                                                                    \
    "{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

START_TEST(test_accepted)
{
    ck_ok(open_header("{}", 0));
    ck_ok(open_header("{}   \n ", 0));
    ck_ok(open_header("{\"__metadata__\":{}}", 0));
    ck_ok(open_header("{ \"a\" : { \"data_offsets\" : [ 0 , 4 ] , \"shape\" : [ ] , \"dtype\" : \"F32\" } }", 4));
    ck_ok(open_header("{\"b\":" T("U8", "3", 4, 7) ",\"a\":" T("F32", "1", 0, 4) "}", 7));
    ck_ok(open_header("{\"b\":" T("F4", "2,3", 0, 3) "}", 3));
    ck_ok(open_header("{\"\\ud955\\uDF00\\uDA00\\udc00\\udb00\\uddff\":" T("U8", "1", 0, 1) "}", 1));
    ck_ok(open_header("{\"\\ud83d\\uDe00\\ud7ff\\ue000\\\\ud800\\\\\":" T("U8", "1", 0, 1) "}", 1));
    ck_ok(open_header("{\"b\":" T("U8", "1,1,1,1,1,1,1,1,1,1", 0, 1) "}", 1));
}
END_TEST

START_TEST(test_data)
{
    ck_fails(open_header("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "4", 3, 7) "}", 7), TN_ERR_FORMAT, "overlap");
    ck_fails(open_header("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "4", 0, 4) "}", 4), TN_ERR_FORMAT, "overlap");
    ck_fails(open_header("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "4", 5, 9) "}", 9), TN_ERR_FORMAT, "a hole");
    ck_fails(open_header("{\"a\":" T("U8", "4", 1, 5) "}", 5), TN_ERR_FORMAT, "a hole");
    ck_fails(open_header("{\"a\":" T("U8", "4", 0, 4) "}", 5), TN_ERR_FORMAT, "goes on behind its tensors: they end at byte 4 of the data, which has 5");
    ck_fails(open_header("{\"a\":" T("U8", "4", 0, 4) "}", 3), TN_ERR_FORMAT, "is cut short: its tensors end at byte 4 of the data, which has 3");
    ck_fails(open_header("{}", 1), TN_ERR_FORMAT, "which has 1");
    ck_fails(open_header("{\"a\":" T("U8", "4", 4, 0) "}", 4), TN_ERR_FORMAT, "do not agree");
    ck_fails(open_header("{\"a\":" T("F32", "4", 0, 4) "}", 4), TN_ERR_FORMAT, "do not agree");
    ck_fails(open_header("{\"a\":" T("F4", "3", 0, 1) "}", 1), TN_ERR_FORMAT, "do not agree");
    ck_fails(open_header("{\"a\":" T("F32", "4611686018427387905", 0, 4) "}", 4), TN_ERR_FORMAT, "64 bits");
    ck_fails(open_header("{\"a\":" T("U8", "4294967296,4294967296", 0, 0) "}", 0), TN_ERR_FORMAT, "64 bits");
    ck_fails(open_header("{\"a\":" T("F32", "1152921504606846976", 0, 0) "}", 0), TN_ERR_FORMAT, "64 bits");
    ck_fails(open_header("{\"a\":" T("U8", "4611686018427387904", 0, 4611686018427387904) "}", 4), TN_ERR_FORMAT,
             "64 b");
    ck_fails(open_header("{\"a\":" T("U8", "1000000000000", 0, 1000000000000) "}", 4), TN_ERR_FORMAT, "which has 4");
    ck_fails(open_header("{\"a\":" T("U8", "9223372036854775808", 0, 4) "}", 4), TN_ERR_FORMAT, "too large");
    ck_fails(open_header("{\"a\":" T("U8", "-4", 0, 4) "}", 4), TN_ERR_FORMAT, "negative");
    ck_fails(open_header("{\"a\":" T("U8", "4", -4, 0) "}", 4), TN_ERR_FORMAT, "negative");
    ck_fails(open_header("{\"a\":" T("U8", "4.0", 0, 4) "}", 4), TN_ERR_FORMAT, "no integer");
    ck_fails(open_header("{\"a\":" T("U8", "4e0", 0, 4) "}", 4), TN_ERR_FORMAT, "no integer");
    ck_fails(open_header("{\"a\":" T("U8", "04", 0, 4) "}", 4), TN_ERR_FORMAT, "");
    ck_fails(open_header("{\"a\":" T("U8", "18446744073709551620", 0, 4) "}", 4), TN_ERR_FORMAT, "too large");
    ck_fails(open_header("{\"a\":" T("U8", "18446744073709551616", 0, 0) "}", 0), TN_ERR_FORMAT, "too large");
    ck_fails(open_header("{\"a\":" T("U8", "184467440737095516150", 0, 0) "}", 0), TN_ERR_FORMAT, "too large");
}
END_TEST

START_TEST(test_header)
{
    static const char *const bad[] = {
        "[]",
        " {}",
        "{",
        "{}x",
        "{}{}",
        "{\"a\"}",
        "{\"a\":1}",
        "{\"a\":[]}",
        "{\"a\":null}",
        "{\"a\":true}",
        "{\"a\":\"b\"}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"U8\"}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}",
        "{\"a\":{\"dtype\":[5],\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":5,\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":\"0\",\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[[0]],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[\"0\"],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"more\":1}}",
        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"X8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"__metadata__\":1}",
        "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":{\"a\":{}}}",
        "{\"__metadata__\":{\"a\":\"b\\u0000\"}}",
        "{\"__metadata__\":{\"a\\u0000\":\"b\"}}",
        "{\"__metadata__\":{},\"__metadata__\":{}}",
        "{\"__metadata__\":{\"a\":\"1\",\"b\":\"\",\"a\":\"2\"}}",
        "{\"a\":" T("U8", "0", 0, 0) ",\"a\":" T("U8", "0", 0, 0) "}",
        "{\"a\":" T("U8", "0", 0, 0) ",\"\\u0061\":" T("U8", "0", 0, 0) "}",
        "{\"a\\u0000\":" T("U8", "0", 0, 0) "}",
        "{\"\xff\":" T("U8", "0", 0, 0) "}",
        "{\"\xc1\xa9\":" T("U8", "0", 0, 0) "}",
        "{\"\xed\xa0\x80\":" T("U8", "0", 0, 0) "}",
        "{\"\\ud800\":" T("U8", "0", 0, 0) "}",
        "{\"\\uDC00\":" T("U8", "0", 0, 0) "}",
        "{\"\\udf00\":" T("U8", "0", 0, 0) "}",
        "{\"\\uda00\":" T("U8", "0", 0, 0) "}",
        "{\"\\uDBff\\udg00\":" T("U8", "0", 0, 0) "}",
        "{\"\\ud800\\ud800\":" T("U8", "0", 0, 0) "}",
        "{\"\\uDBff\\\\dc00\":" T("U8", "0", 0, 0) "}",
        "{\"\\ud83d\\ude00\\udE00\":" T("U8", "0", 0, 0) "}",
        "{\"\\ud800",
        "{/* a comment */}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"00000000\"}}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"0000\"}}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"00000000\",\"tinynet.checksum\":\"00000000\"}}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"ABCDEF01\"}}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"\\u00300000000\"}}",
        "{\"__metadata__\":{\"tinynet.checksum\":\"\\u00410000000\"}}",
        "{\"__metadata__\":{\"tinynet.format\":\"tensors 1\"}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tn_status status = open_header(bad[i], 0);
        ck_assert_msg(status == TN_ERR_FORMAT, "%s: %s", bad[i], tn_status_name(status));
        ck_assert_msg(strstr(tn_last_error(), "hostile") != NULL, "%s", tn_last_error());
    }
    ck_fails(open_made("{\0}", 3, 0), TN_ERR_FORMAT, "JSON");
    ck_fails(open_header("", 0), TN_ERR_FORMAT, "start with {");
}
END_TEST

START_TEST(test_length)
{
    static const uint64_t lengths[] = {3, 4, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        unsigned char file[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        tn_safetensors *opened = NULL;
        for (int i = 0; i < 8; i++)
            file[i] = (unsigned char)(lengths[k] >> 8 * i);
        ck_fails(tn_safetensors_open(&allocator, write_bytes("length", file, sizeof file), &opened), TN_ERR_FORMAT,
                 "header length");
        ck_assert_ptr_null(opened);
    }
    ck_assert_uint_lt(a.peak, 4096);
    ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

/* Write `count` copies of `unit` (%zu in it is the number) between start and end, and open that. */
static tn_status open_many(const char *start, const char *unit, size_t count, const char *end)
{
    size_t room = strlen(start) + count * (strlen(unit) + 8) + strlen(end) + 1, used = strlen(start);
    char *header = malloc(room);
    memcpy(header, start, used);
    for (size_t i = 0; i < count; i++) {
        const char *mark = strchr(unit, '#');
        size_t head = mark ? (size_t)(mark - unit) : strlen(unit);
        memcpy(header + used, unit, head);
        used += head;
        if (mark)
            used += (size_t)snprintf(header + used, room - used, "%x%s", (unsigned)i, mark + 1);
    }
    memcpy(header + used, end, strlen(end));
    used += strlen(end);
    tn_status status = open_made(header, used, 0);
    free(header);
    return status;
}

/* Headers that cost the most for their size. */
START_TEST(test_memory)
{
    ck_ok(open_many("{", "\"#\":" T("U8", "0", 0, 0) ",", 50000, "\"z\":" T("U8", "0", 0, 0) "}"));
    ck_ok(open_many("{\"__metadata__\":{", "\"#\":\"\",", 200000, "\"z\":\"\"}}"));
    ck_fails(open_many("{\"__metadata__\":{", "\"\":\"\",", 200000, "\"z\":\"\"}}"), TN_ERR_FORMAT, "twice");
    ck_fails(open_many("{", "\"\":" T("U8", "0", 0, 0) ",", 50000, "\"z\":" T("U8", "0", 0, 0) "}"), TN_ERR_FORMAT,
             "two");
    ck_ok(open_many("{\"__metadata__\":{\"a\":\"", "x", 3000000, "\"}}"));
    ck_ok(open_many("{\"__metadata__\":{\"a\":\"", "\\n", 20000, "\"}}"));
    tn_status status = open_many("{\"__metadata__\":{\"a\":\"", "x", 3000000, "\\n\"}}");
    ck_assert_msg(status == TN_OK || status == TN_ERR_UNSUPPORTED, "%s", tn_last_error());
    ck_ok(open_many("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[", "1,", 1000000, "0]}}"));
    ck_fails(open_many("", "[", 1000000, ""), TN_ERR_FORMAT, "start with {");
    ck_fails(open_many("{\"a\":", "[", 1000000, ""), TN_ERR_FORMAT, "array is not expected");
    ck_fails(open_many("{\"a\":", "{\"a\":", 1000000, ""), TN_ERR_FORMAT, "dtype, shape and data_offsets");
}
END_TEST

START_TEST(test_unloadable)
{
    static const char header[] = "{\"rank\":" T("U8", "1,1,1,1,1,1,1,1,1", 0, 1) ",\"zero\":" T(
        "F32", "2,0", 0, 0) ",\"none\":" T("U8", "0,4611686018427387904,4", 0, 0) "}";
    tn_safetensors *file = NULL;
    tn_tensor *tensor = NULL;
    ck_ok(tn_safetensors_open(NULL, make(header, sizeof header - 1, 1), &file));
    ck_fails(tn_safetensors_load(file, "rank", &tensor), TN_ERR_UNSUPPORTED, "9 dimensions");
    ck_fails(tn_safetensors_load(file, "zero", &tensor), TN_ERR_UNSUPPORTED, "dimension 1 is 0");
    ck_fails(tn_safetensors_load(file, "none", &tensor), TN_ERR_OVERFLOW, "hostile: shape [0,");
    ck_assert_ptr_null(tensor);
    tn_safetensors_close(&file);
}
END_TEST

/* As many dimensions as there can be. */
START_TEST(test_highest_rank)
{
    static const char header[] = "{\"a\":" T("U8", "1 , 2,\t1,\n1,3,1,1,1 ", 0, 6) "}";
    tn_safetensors *file = NULL;
    tn_tensor *tensor = NULL;
    ck_ok(tn_safetensors_open(NULL, make(header, sizeof header - 1, 6), &file));
    ck_ok(tn_safetensors_load(file, "a", &tensor));
    ck_assert_int_eq(tn_tensor_rank(tensor), 8);
    ck_assert_int_eq(tn_tensor_dim(tensor, 1), 2);
    ck_assert_int_eq(tn_tensor_dim(tensor, 4), 3);
    ck_assert_int_eq(tn_tensor_dim(tensor, 7), 1);
    tn_tensor_destroy(&tensor);
    tn_safetensors_close(&file);
}
END_TEST

/* The file shrinks between open and load. */
START_TEST(test_shrinks)
{
    static const char header[] = "{\"a\":" T("U8", "4", 0, 4) "}";
    tn_safetensors *file = NULL;
    tn_tensor *tensor = NULL;
    const char *path = make(header, sizeof header - 1, 4);
    ck_ok(tn_safetensors_open(NULL, path, &file));
    ck_assert_int_eq(truncate(path, 20), 0);
    ck_fails(tn_safetensors_load(file, "a", &tensor), TN_ERR_IO, "became shorter");
    ck_assert_ptr_null(tensor);
    tn_safetensors_close(&file);
}
END_TEST

TN_SUITE("safetensors_hostile", {test_accepted}, {test_data}, {test_header}, {test_length}, {test_memory},
         {test_unloadable}, {test_highest_rank}, {test_shrinks})
