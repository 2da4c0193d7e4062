/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The events of yajl, taken in the one order that a safetensors header has:
 *
 *      {"__metadata__": {key: string, ...}, name: {"dtype": string, "shape": [n, ...], "data_offsets": [n, n]}, ...}
 *
 *  Anything else ends the parse at once, so depth needs no counter. The text is given to yajl in one piece: an event's
 *  string then ends right before the number of bytes consumed. yajl does not check its allocations; ours leave it with
 *  longjmp when memory runs out, and every block is taken back from the list in tn_foreign. */
#include "formats/json_parse.h"

#include "base/status.h"
#include "formats/checksum.h"
#include "formats/foreign.h"

#include <yajl/yajl_parse.h>

#include <setjmp.h>
#include <string.h>

typedef enum place { AT_START, IN_HEADER, AT_VALUE, IN_METADATA, IN_TENSOR, IN_SHAPE, IN_OFFSETS, AT_END } place;
typedef enum field { NO_FIELD = 0, DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL_FIELDS = 7 } field;

typedef struct parse {
    tn_json_header *header;
    bool fill;
    tn_foreign memory;
    jmp_buf out_of_memory;
    yajl_handle yajl;
    tn_status status;
    place place;
    bool metadata_seen, value_is_metadata, value_is_checksum;
    size_t count, metadata_count;
    size_t key_end;           /* filling, in __metadata__: where the key's NUL is */
    tn_header_tensor tensor;  /* the current one */
    field field;              /* whose value comes next */
    unsigned fields;          /* that have been seen */
    uint64_t elements;        /* product of the dimensions so far */
    uint64_t tensor_elements; /* of the whole shape */
    uint32_t numbers;         /* of the array so far */
} parse;

static const struct dtype {
    char name[8];
    unsigned bits;
} dtypes[] = {
    {"F32", 32},    {"I32", 32},    {"I64", 64},    {"U8", 8},      {"BOOL", 8},    {"I8", 8},   {"U16", 16},
    {"I16", 16},    {"F16", 16},    {"BF16", 16},   {"U32", 32},    {"U64", 64},    {"F64", 64}, {"C64", 64},
    {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},
};

const char *tn_header_dtype_name(uint32_t dtype)
{
    return dtypes[dtype].name;
}

static int refuse(parse *p, const char *what)
{
    p->status =
        TN_FAIL(TN_ERR_FORMAT, "%s: header, byte %zu: %s", p->header->path, yajl_get_bytes_consumed(p->yajl), what);
    return 0;
}

static bool is(const unsigned char *text, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* Put the string of the current event, which is never longer than its spelling, at the end of that spelling, a NUL in
 * place of its closing quote. */
static size_t keep_string(parse *p, const unsigned char *text, size_t length)
{
    size_t end = yajl_get_bytes_consumed(p->yajl) - 1;
    if (p->fill) {
        memmove(p->header->text + end - length, text, length);
        p->header->text[end] = '\0';
    }
    return end - length;
}

static int on_other(void *context)
{
    return refuse(context, "null is not expected here");
}

static int on_boolean(void *context, int value)
{
    (void)value;
    return refuse(context, "true and false are not expected here");
}

static int on_start_map(void *context)
{
    parse *p = context;
    if (p->place == AT_START) {
        p->place = IN_HEADER;
    } else if (p->place == AT_VALUE && p->value_is_metadata) {
        p->place = IN_METADATA;
    } else if (p->place == AT_VALUE) {
        p->place = IN_TENSOR;
        p->fields = 0;
        p->field = NO_FIELD;
    } else {
        return refuse(p, "an object is not expected here");
    }
    return 1;
}

static int header_key(parse *p, const unsigned char *text, size_t length)
{
    p->value_is_metadata = is(text, length, "__metadata__");
    if (p->value_is_metadata && p->metadata_seen)
        return refuse(p, "__metadata__ comes twice");
    p->metadata_seen |= p->value_is_metadata;
    if (!p->value_is_metadata)
        p->tensor = (tn_header_tensor){.name = (uint32_t)keep_string(p, text, length)};
    p->place = AT_VALUE;
    return 1;
}

static int metadata_key(parse *p, const unsigned char *text, size_t length)
{
    tn_json_header *header = p->header;
    size_t offset = keep_string(p, text, length);
    p->key_end = offset + length;
    p->value_is_checksum = is(text, length, TN_CHECKSUM_KEY);
    header->has_format |= is(text, length, TN_FORMAT_KEY);
    if (p->fill)
        header->metadata[p->metadata_count] = (uint32_t)offset;
    return 1;
}

static int tensor_key(parse *p, const unsigned char *text, size_t length)
{
    if (is(text, length, "dtype"))
        p->field = DTYPE;
    else if (is(text, length, "shape"))
        p->field = SHAPE;
    else if (is(text, length, "data_offsets"))
        p->field = OFFSETS;
    else
        return refuse(p, "a tensor has dtype, shape and data_offsets, and nothing else");
    if (p->fields & p->field)
        return refuse(p, "a key of a tensor comes twice");
    p->fields |= p->field;
    return 1;
}

static int on_map_key(void *context, const unsigned char *text, size_t length)
{
    parse *p = context;
    if (length > 0 && memchr(text, '\0', length) != NULL)
        return refuse(p, "a name contains \\u0000");
    if (p->place == IN_HEADER)
        return header_key(p, text, length);
    if (p->place == IN_METADATA)
        return metadata_key(p, text, length);
    return tensor_key(p, text, length);
}

/* The value moves next to its key. Our checksum must be spelled as we write it: its place in the file counts. */
static int metadata_value(parse *p, const unsigned char *text, size_t length)
{
    tn_json_header *header = p->header;
    if (length > 0 && memchr(text, '\0', length) != NULL)
        return refuse(p, "a string of __metadata__ contains \\u0000");
    if (p->value_is_checksum && !p->fill) {
        const char *digits = header->text + yajl_get_bytes_consumed(p->yajl) - 1 - TN_CHECKSUM_DIGITS;
        if (header->checksum != 0 || length != TN_CHECKSUM_DIGITS || memcmp(digits, text, length) != 0)
            return refuse(p, TN_CHECKSUM_KEY " must come once and have eight digits");
        header->checksum = (size_t)(digits - header->text);
    }
    if (p->fill) {
        memmove(header->text + p->key_end + 1, text, length);
        header->text[p->key_end + 1 + length] = '\0';
    }
    p->metadata_count++;
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
    parse *p = context;
    if (p->place == IN_METADATA)
        return metadata_value(p, text, length);
    if (p->place != IN_TENSOR || p->field != DTYPE)
        return refuse(p, "a string is not expected here");
    for (uint32_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (is(text, length, dtypes[i].name)) {
            p->tensor.dtype = i;
            return 1;
        }
    }
    return refuse(p, "unknown dtype");
}

static int on_start_array(void *context)
{
    parse *p = context;
    if (p->place != IN_TENSOR || (p->field != SHAPE && p->field != OFFSETS))
        return refuse(p, "an array is not expected here");
    p->place = p->field == SHAPE ? IN_SHAPE : IN_OFFSETS;
    p->numbers = 0;
    p->elements = 1;
    if (p->field == SHAPE)
        p->tensor.shape = (uint32_t)yajl_get_bytes_consumed(p->yajl);
    return 1;
}

/* A number of JSON has at least one character. */
static bool read_number(const char *text, size_t length, uint64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    }
    *out = number;
    return number <= INT64_MAX;
}

static int on_number(void *context, const char *text, size_t length)
{
    parse *p = context;
    uint64_t number;
    if (p->place != IN_SHAPE && p->place != IN_OFFSETS)
        return refuse(p, "a number is not expected here");
    if (!read_number(text, length, &number))
        return refuse(p, "a number is negative, too large or no integer");
    if (p->place == IN_SHAPE && __builtin_mul_overflow(p->elements, number, &p->elements))
        return refuse(p, "the shape does not fit 64 bits");
    if (p->place == IN_OFFSETS && p->numbers == 2)
        return refuse(p, "data_offsets are two numbers");
    if (p->place == IN_OFFSETS)
        *(p->numbers == 0 ? &p->tensor.begin : &p->tensor.end) = number;
    p->numbers++;
    return 1;
}

static int on_end_array(void *context)
{
    parse *p = context;
    if (p->place == IN_OFFSETS && p->numbers != 2)
        return refuse(p, "data_offsets are two numbers");
    if (p->place == IN_SHAPE) {
        p->tensor.rank = p->numbers;
        p->tensor_elements = p->elements;
    }
    p->place = IN_TENSOR;
    p->field = NO_FIELD;
    return 1;
}

static int end_tensor(parse *p)
{
    const tn_header_tensor *tensor = &p->tensor;
    uint64_t bits;
    if (p->fields != ALL_FIELDS)
        return refuse(p, "a tensor lacks dtype, shape or data_offsets");
    if (__builtin_mul_overflow(p->tensor_elements, (uint64_t)dtypes[tensor->dtype].bits, &bits))
        return refuse(p, "the tensor's size does not fit 64 bits");
    if (tensor->begin > tensor->end || bits % 8 != 0 || tensor->end - tensor->begin != bits / 8)
        return refuse(p, "data_offsets do not agree with dtype and shape");
    if (tensor->end > p->header->tensors_end)
        p->header->tensors_end = tensor->end;
    if (p->fill)
        p->header->tensors[p->count] = *tensor;
    p->count++;
    p->place = IN_HEADER;
    return 1;
}

static int on_end_map(void *context)
{
    parse *p = context;
    if (p->place == IN_TENSOR)
        return end_tensor(p);
    p->place = p->place == IN_METADATA ? IN_HEADER : AT_END;
    return 1;
}

static void *allocate(void *context, size_t size)
{
    parse *p = context;
    void *pointer = tn_foreign_malloc(&p->memory, size);
    if (pointer == NULL)
        longjmp(p->out_of_memory, 1);
    return pointer;
}

static void *resize(void *context, void *pointer, size_t size)
{
    parse *p = context;
    void *moved = tn_foreign_realloc(&p->memory, pointer, size);
    if (moved == NULL)
        longjmp(p->out_of_memory, 1);
    return moved;
}

/* GCOVR_EXCL_START: yajl wants it, but calls it in yajl_free alone; its blocks are all given back at once */
static void give_back(void *context, void *pointer)
{
    tn_foreign_free(&((parse *)context)->memory, pointer);
}
/* GCOVR_EXCL_STOP */

static const yajl_callbacks callbacks = {
    on_other,     on_boolean, NULL,       NULL,           on_number,    on_string,
    on_start_map, on_map_key, on_end_map, on_start_array, on_end_array,
};

static tn_status run(parse *p)
{
    const tn_json_header *header = p->header;
    yajl_alloc_funcs functions = {allocate, resize, give_back, p};
    if (setjmp(p->out_of_memory) != 0) {
        if (p->memory.over_limit)
            return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: header has an escaped string that is too long", header->path);
        return TN_FAIL(TN_ERR_NO_MEMORY, "%s: no memory to parse its header", header->path);
    }
    p->yajl = yajl_alloc(&callbacks, &functions, p);
    yajl_status result = yajl_parse(p->yajl, (const unsigned char *)header->text, header->size);
    if (result == yajl_status_ok)
        result = yajl_complete_parse(p->yajl);
    if (p->status != TN_OK)
        return p->status;
    if (result != yajl_status_ok) /* else the object that the header starts with has ended */
        return TN_FAIL(TN_ERR_FORMAT, "%s: header, byte %zu: invalid JSON", header->path,
                       yajl_get_bytes_consumed(p->yajl));
    return TN_OK;
}

tn_status tn_json_header_parse(tn_json_header *header, bool fill, size_t memory_limit)
{
    parse p = {.header = header, .fill = fill};
    if (header->size == 0 || header->text[0] != '{')
        return TN_FAIL(TN_ERR_FORMAT, "%s: header does not start with {", header->path);
    tn_foreign_init(&p.memory, &header->allocator, memory_limit);
    tn_status status = run(&p);
    tn_foreign_clear(&p.memory);
    if (status == TN_OK) {
        header->count = p.count;
        header->metadata_count = p.metadata_count;
    }
    return status;
}
