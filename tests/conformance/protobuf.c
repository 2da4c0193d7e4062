/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading the wire format of Protocol Buffers.
 *  Source    "Encoding" in the Protocol Buffers documentation */
#include "protobuf.h"

#include <string.h>

pb_reader pb_open(pb_bytes message)
{
    return (pb_reader){message, false};
}

static bool read_varint(pb_bytes *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && rest->size > 0; shift += 7) {
        uint8_t byte = *rest->data++;
        rest->size--;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Little-endian integer of `size` bytes. */
static bool read_fixed(pb_bytes *rest, size_t size, uint64_t *out)
{
    if (rest->size < size)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)rest->data[i] << (8 * i);
    rest->data += size;
    rest->size -= size;
    *out = value;
    return true;
}

static bool read_length(pb_bytes *rest, pb_bytes *out)
{
    uint64_t size;
    if (!read_varint(rest, &size) || size > rest->size)
        return false;
    *out = (pb_bytes){rest->data, (size_t)size};
    rest->data += size;
    rest->size -= (size_t)size;
    return true;
}

static bool read_value(pb_bytes *rest, pb_field *field)
{
    switch (field->wire) {
    case PB_VARINT:
        return read_varint(rest, &field->value);
    case PB_FIXED64:
        return read_fixed(rest, 8, &field->value);
    case PB_LENGTH:
        return read_length(rest, &field->bytes);
    case PB_FIXED32:
        return read_fixed(rest, 4, &field->value);
    default: /* groups, which ONNX does not use */
        return false;
    }
}

bool pb_next(pb_reader *reader, pb_field *field)
{
    if (reader->bad || reader->rest.size == 0)
        return false;
    uint64_t key;
    *field = (pb_field){0};
    reader->bad = !read_varint(&reader->rest, &key) || key >> 3 == 0 || key >> 32 != 0;
    if (reader->bad)
        return false;
    field->number = (uint32_t)(key >> 3);
    field->wire = (int)(key & 7);
    reader->bad = !read_value(&reader->rest, field);
    return !reader->bad;
}

bool pb_integers(const pb_field *field, void (*add)(void *context, int64_t value), void *context)
{
    if (field->wire == PB_VARINT) {
        add(context, (int64_t)field->value);
        return true;
    }
    if (field->wire != PB_LENGTH)
        return false;
    pb_bytes rest = field->bytes;
    while (rest.size > 0) {
        uint64_t value;
        if (!read_varint(&rest, &value))
            return false;
        add(context, (int64_t)value);
    }
    return true;
}

float pb_float(const pb_field *field)
{
    uint32_t bits = (uint32_t)field->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void pb_string(const pb_field *field, char *text, size_t size)
{
    size_t length = field->bytes.size < size - 1 ? field->bytes.size : size - 1;
    if (length > 0)
        memcpy(text, field->bytes.data, length);
    text[length] = '\0';
}
