/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The wire format of Protocol Buffers, as far as reading ONNX files takes it: fields one after another, each a
 *  number, a wire type and a value. Every length is checked against the bytes that remain. */
#ifndef TESTS_CONFORMANCE_PROTOBUF_H
#define TESTS_CONFORMANCE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pb_bytes {
    const uint8_t *data;
    size_t size;
} pb_bytes;

enum { PB_VARINT = 0, PB_FIXED64 = 1, PB_LENGTH = 2, PB_FIXED32 = 5 };

typedef struct pb_field {
    uint32_t number;
    int wire;
    uint64_t value; /* PB_VARINT, PB_FIXED64, PB_FIXED32 */
    pb_bytes bytes; /* PB_LENGTH: a string, a message or a packed array */
} pb_field;

/** What is still to be read of one message. `bad` is set for good by anything that is no message. */
typedef struct pb_reader {
    pb_bytes rest;
    bool bad;
} pb_reader;

pb_reader pb_open(pb_bytes message);
/** Read the next field; false at the end and for damage. */
bool pb_next(pb_reader *reader, pb_field *field);

/** Call add(context, value) for each integer of a repeated field, packed or not; false for damage. */
bool pb_integers(const pb_field *field, void (*add)(void *context, int64_t value), void *context);

/** The value of a PB_FIXED32 field as a float. */
float pb_float(const pb_field *field);

/** Copy a string field, cut to size - 1 bytes. */
void pb_string(const pb_field *field, char *text, size_t size);

#endif
