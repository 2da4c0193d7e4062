/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A parser for the part of Python's literals that NumPy writes. */
#include "formats/npy_header.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/file_shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct cursor {
    const char *path, *start, *at, *end;
} cursor;

static tn_status refuse(const cursor *c, const char *what)
{
    return TN_FAIL(TN_ERR_FORMAT, "%s: .npy header, byte %zu: %s", c->path, (size_t)(c->at - c->start), what);
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n'))
        c->at++;
}

/* Skip white space, then `word` if it is there. */
static bool take(cursor *c, const char *word)
{
    size_t length = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A string in either quotes, without escapes. */
static bool take_string(cursor *c, const char **text, size_t *length)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char *close = memchr(c->at + 1, *c->at, (size_t)(c->end - c->at - 1));
    if (close == NULL)
        return false;
    *text = c->at + 1;
    *length = (size_t)(close - *text);
    c->at = close + 1;
    return true;
}

static tn_status parse_descr(cursor *c, tn_npy_header *out)
{
    static const struct {
        char name[4];
        tn_dtype dtype;
    } known[] = {{"<f4", TN_F32}, {"<i4", TN_I32}, {"<i8", TN_I64}, {"|u1", TN_U8}, {"<u1", TN_U8}};
    const char *text = NULL;
    size_t length = 0;
    if (take(c, "["))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: structured arrays cannot be read", c->path);
    if (!take_string(c, &text, &length))
        return refuse(c, "descr is no string");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (length == 3 && memcmp(text, known[i].name, 3) == 0) {
            out->dtype = known[i].dtype;
            return TN_OK;
        }
    }
    return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: element type '%.*s'; <f4, <i4, <i8 and |u1 can be read", c->path,
                   (int)(length < 32 ? length : 32), text);
}

static tn_status parse_order(cursor *c)
{
    if (take(c, "True"))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: array is in Fortran order; save it in C order", c->path);
    return take(c, "False") ? TN_OK : refuse(c, "fortran_order is neither True nor False");
}

static tn_status parse_dimension(cursor *c, tn_shape *shape)
{
    int64_t number = 0;
    const char *first = c->at;
    if (c->at < c->end && *c->at == '-')
        return refuse(c, "a dimension is negative");
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (!tn_mul_i64(number, 10, &number) || !tn_add_i64(number, *c->at - '0', &number))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: a dimension does not fit 64 bits", c->path);
    if (c->at == first)
        return refuse(c, "shape is not a tuple of integers");
    if (*first == '0' && c->at - first > 1)
        return refuse(c, "a dimension starts with 0"); /* no Python either */
    if (shape->rank == TN_MAX_RANK)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: array has more than %d dimensions", c->path, TN_MAX_RANK);
    if (number == 0 && shape->rank > 0)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: dimension %d is 0, only the first may be", c->path, shape->rank);
    shape->dims[shape->rank++] = number;
    return TN_OK;
}

static tn_status parse_shape(cursor *c, tn_shape *shape)
{
    bool comma = true;
    *shape = (tn_shape){.rank = 0};
    if (!take(c, "("))
        return refuse(c, "shape is not a tuple");
    while (!take(c, ")")) {
        if (!comma)
            return refuse(c, "a comma is missing in shape");
        TN_TRY(parse_dimension(c, shape));
        comma = take(c, ",");
    }
    return shape->rank == 1 && !comma ? refuse(c, "a tuple of one has a comma") : TN_OK;
}

static tn_status parse_entry(cursor *c, tn_npy_header *out, unsigned *seen)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    const char *text = NULL;
    size_t length = 0;
    unsigned which = 0;
    if (!take_string(c, &text, &length) || !take(c, ":"))
        return refuse(c, "a key and a colon are expected");
    while (which < 3 && (length != strlen(keys[which]) || memcmp(text, keys[which], length) != 0))
        which++;
    if (which == 3)
        return refuse(c, "unknown key");
    if (*seen & 1U << which)
        return refuse(c, "a key comes twice");
    *seen |= 1U << which;
    return which == 0 ? parse_descr(c, out) : which == 1 ? parse_order(c) : parse_shape(c, &out->shape);
}

/* Bytes of the elements, before anything is allocated for them. */
static tn_status compute_bytes(const char *path, tn_npy_header *header)
{
    int64_t bytes = (int64_t)tn_dtype_size(header->dtype);
    for (int i = 0; i < header->shape.rank; i++)
        if (!tn_mul_i64(bytes, header->shape.dims[i], &bytes))
            return TN_FAIL(TN_ERR_OVERFLOW, "%s: the array's size does not fit 64 bits", path);
    header->bytes = (uint64_t)bytes;
    return tn_file_shape_check(path, &header->shape);
}

tn_status tn_npy_header_parse(const char *path, const char *text, size_t length, tn_npy_header *out)
{
    cursor c = {path, text, text, text + length};
    unsigned seen = 0;
    bool comma = true;
    if (!take(&c, "{"))
        return refuse(&c, "is no dictionary");
    while (!take(&c, "}")) {
        if (!comma)
            return refuse(&c, "a comma is missing");
        TN_TRY(parse_entry(&c, out, &seen));
        comma = take(&c, ",");
    }
    skip_space(&c);
    if (c.at != c.end)
        return refuse(&c, "something follows the dictionary");
    if (seen != 7)
        return refuse(&c, "descr, fortran_order or shape is missing");
    return compute_bytes(path, out);
}

size_t tn_npy_header_write(const tn_tensor *tensor, char *out, size_t size)
{
    static const char *const names[] = {[TN_F32] = "<f4", [TN_I32] = "<i4", [TN_I64] = "<i8", [TN_U8] = "|u1"};
    const tn_shape *shape = &tensor->shape;
    int used = snprintf(out, size, "{'descr': '%s', 'fortran_order': False, 'shape': (", names[tensor->dtype]);
    for (int i = 0; i < shape->rank; i++)
        used += snprintf(out + used, size - (size_t)used, i > 0 ? ", %" PRId64 : "%" PRId64, shape->dims[i]);
    used += snprintf(out + used, size - (size_t)used, shape->rank == 1 ? ",), }" : "), }");
    return (size_t)used;
}
