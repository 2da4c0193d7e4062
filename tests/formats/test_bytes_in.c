/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading files: what is refused to be opened, ends, and gzip. */
#include "files.h"
#include "formats/bytes_in.h"
#include "formats/checksum.h"
#include "formats/index_sort.h"
#include "formats/utf8.h"

START_TEST(test_open)
{
    tn_bytes_in in;
    ck_fails(tn_bytes_open(&in, scratch("missing")), TN_ERR_IO, "No such file");
    ck_fails(tn_bytes_open(&in, "/"), TN_ERR_IO, "a directory");
    ck_fails(tn_bytes_open(&in, "/dev/zero"), TN_ERR_IO, "special file");
    const char *fifo = scratch("fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_fails(tn_bytes_open(&in, fifo), TN_ERR_IO, "special file");
}
END_TEST

START_TEST(test_read)
{
    tn_bytes_in in;
    unsigned char out[8] = {0};
    ck_ok(tn_bytes_open(&in, write_bytes("five", "abcde", 5)));
    ck_assert_uint_eq(tn_bytes_remain(&in), 5);
    ck_ok(tn_bytes_read(&in, out, 3, "start"));
    ck_assert_mem_eq(out, "abc", 3);
    ck_fails(tn_bytes_read(&in, out, 3, "the middle"), TN_ERR_FORMAT, "ends within the middle: 3 bytes wanted, 2 left");
    ck_assert_uint_eq(tn_bytes_remain(&in), 2);
    ck_fails(tn_bytes_read_at(&in, 6, out, 0, "x"), TN_ERR_FORMAT, "0 left");
    ck_fails(tn_bytes_read_at(&in, 2, out, UINT64_MAX, "x"), TN_ERR_FORMAT, "left");
    ck_ok(tn_bytes_read_at(&in, 4, out, 1, "x"));
    ck_assert_int_eq(out[0], 'e');
    ck_assert_int_eq(truncate(scratch("five"), 1), 0);
    ck_fails(tn_bytes_read(&in, out, 2, "the rest"), TN_ERR_IO, "became shorter");
    tn_bytes_close(&in);
    tn_bytes_close(&in);
}
END_TEST

START_TEST(test_checksum)
{
    uint64_t number = 0;
    char text[9] = "";
    ck_assert_uint_eq(tn_checksum_add(0, "123456789", 9), 0xcbf43926u); /* the check value of CRC-32 */
    ck_assert_uint_eq(tn_checksum_add(5, NULL, 0), 5);
    tn_hex_write(0x0a1b2c3d, text, 8);
    ck_assert_str_eq(text, "0a1b2c3d");
    ck_assert(tn_hex_read("0a1b2c3d", 8, &number) && number == 0x0a1b2c3d);
    ck_assert(!tn_hex_read("0A1b2c3d", 8, &number));
    ck_assert(!tn_hex_read("0g1b2c3d", 8, &number));
}
END_TEST

static int compare(const void *context, uint32_t a, uint32_t b)
{
    const uint32_t *keys = context;
    return keys[a] < keys[b] ? -1 : keys[a] > keys[b];
}

START_TEST(test_sort)
{
    uint32_t keys[100] = {0}, items[100] = {0}, state = 12345;
    for (size_t count = 0; count <= 100; count++) {
        for (size_t i = 0; i < count; i++) {
            state = state * 1664525u + 1013904223u;
            keys[i] = (state >> 16) % 50;
            items[i] = (uint32_t)i;
        }
        tn_index_sort(items, count, compare, keys);
        uint64_t seen[2] = {0, 0};
        for (size_t i = 0; i < count; i++) {
            ck_assert(i == 0 || keys[items[i - 1]] <= keys[items[i]]);
            seen[items[i] / 64] |= (uint64_t)1 << items[i] % 64;
        }
        for (size_t i = 0; i < count; i++)
            ck_assert(seen[i / 64] >> i % 64 & 1);
    }
}
END_TEST

START_TEST(test_utf8)
{
    ck_assert(tn_utf8_valid("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80",
                            strlen("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80")));
    /* the first and the last of each range */
    static const char *const edges[] = {"\x01\x7f",         "\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
                                        "\xe1\x80\x80",     "\xec\xbf\xbf",     "\xed\x80\x80",     "\xed\x9f\xbf",
                                        "\xee\x80\x80",     "\xef\xbf\xbf",     "\xf0\x90\x80\x80", "\xf0\xbf\xbf\xbf",
                                        "\xf1\x80\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        ck_assert_msg(tn_utf8_valid(edges[i], strlen(edges[i])), "edge %zu", i);
    const char *const malformed[] = {"\x80",
                                     "\xc0\x80",
                                     "\xc3",
                                     "\xe0\x80\x80",
                                     "\xed\xa0\x80",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xe2\x82",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xe2\x82z",
                                     "\xe2\x82\xff",
                                     "\xc3\x7f",
                                     "\xc3\xc0",
                                     "\xe0\x9f\xbf",
                                     "\xf0\x9f\x98",
                                     "\xf0\x9f\x98\x7f",
                                     "\xf0\x9f\xc0\x80",
                                     "\xf1\x7f\x80\x80",
                                     "\xf4\x90\xbf\xbf",
                                     "\xff",
                                     "a\xe2"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        ck_assert_msg(!tn_utf8_valid(malformed[i], strlen(malformed[i])), "%zu", i);
}
END_TEST

TN_SUITE("bytes_in", {test_open}, {test_read}, {test_checksum}, {test_sort}, {test_utf8})
