/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One case of the ONNX backend tests: a directory with model.onnx (a graph of one node, if it is to be run here) and
 *  test_data_set_0 (inputs and expected outputs). Tensors are read into tensors of the library under test. */
#ifndef TESTS_CONFORMANCE_ONNX_CASE_H
#define TESTS_CONFORMANCE_ONNX_CASE_H

#include "protobuf.h"

#include <tinynet/tinynet.h>

enum { CASE_TENSORS = 16, CASE_ATTRIBUTES = 12, CASE_INTEGERS = 16, CASE_TEXT = 96 };

/* TensorProto.DataType, those that occur. */
enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9 };

typedef struct onnx_attribute {
    char name[CASE_TEXT], text[CASE_TEXT];
    float number;
    int64_t integers[CASE_INTEGERS]; /* one for a plain integer */
    int count;
} onnx_attribute;

typedef struct onnx_tensor {
    char name[CASE_TEXT];
    int type;          /* TensorProto.DataType */
    tn_tensor *tensor; /* NULL if the type is none of the above */
} onnx_tensor;

typedef struct onnx_case {
    char name[CASE_TEXT], op[CASE_TEXT]; /* op "": more than one node */
    int64_t opset;
    int input_count, output_count, attribute_count;
    onnx_tensor inputs[CASE_TENSORS], outputs[CASE_TENSORS]; /* of the node, in its order */
    onnx_attribute attributes[CASE_ATTRIBUTES];
} onnx_case;

/** Read the case in `directory`. On failure `why` says what is wrong; the case must be freed either way. */
bool onnx_case_read(onnx_case *c, const char *directory, const char *name, char *why, size_t size);
void onnx_case_free(onnx_case *c);

const onnx_attribute *onnx_find(const onnx_case *c, const char *name); /* NULL if it is absent */
int64_t onnx_integer(const onnx_case *c, const char *name, int index, int64_t otherwise);
float onnx_number(const onnx_case *c, const char *name, float otherwise);
const char *onnx_text(const onnx_case *c, const char *name); /* "" if it is absent */

/** True if all inputs and outputs are there and the floats among them are TN_F32. */
bool onnx_complete(const onnx_case *c);

#endif
