/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading ONNX models and tensors; the field numbers are those of onnx.proto.
 *  Source    onnx.proto of ONNX 1.12 (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto) */
#include "onnx_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is known of the model before the data set is read. */
typedef struct graph {
    char node_inputs[CASE_TENSORS][CASE_TEXT], node_outputs[CASE_TENSORS][CASE_TEXT];
    int node_input_count, node_output_count, nodes;
    char inputs[CASE_TENSORS][CASE_TEXT], outputs[CASE_TENSORS][CASE_TEXT]; /* of the graph */
    int input_count, output_count;
    onnx_tensor initial[CASE_TENSORS];
    int initial_count;
} graph;

static bool read_file(const char *path, uint8_t **data, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool good = false;
    if (fseek(file, 0, SEEK_END) == 0) {
        long length = ftell(file);
        *data = length >= 0 ? malloc((size_t)length + 1) : NULL;
        rewind(file);
        good = *data && fread(*data, 1, (size_t)length, file) == (size_t)length;
        *size = (size_t)length;
        if (!good)
            free(*data);
    }
    fclose(file);
    return good;
}

static void add_text(const pb_field *field, char list[][CASE_TEXT], int *count)
{
    if (*count < CASE_TENSORS)
        pb_string(field, list[(*count)++], CASE_TEXT);
}

typedef struct dims {
    int64_t sizes[TN_MAX_RANK];
    int rank;
} dims;

static void add_dim(void *context, int64_t value)
{
    dims *d = context;
    if (d->rank < TN_MAX_RANK)
        d->sizes[d->rank++] = value;
}

static bool dtype_of(int type, tn_dtype *out)
{
    switch (type) {
    case ONNX_FLOAT:
        *out = TN_F32;
        return true;
    case ONNX_INT32:
        *out = TN_I32;
        return true;
    case ONNX_INT64:
        *out = TN_I64;
        return true;
    case ONNX_UINT8:
    case ONNX_BOOL:
        *out = TN_U8;
        return true;
    default:
        return false;
    }
}

/* Field 4 (float_data) of a tensor that does not use raw_data: packed floats. */
static bool fill_floats(pb_bytes packed, tn_tensor *tensor)
{
    if (tn_tensor_dtype(tensor) != TN_F32 || packed.size != tn_tensor_bytes(tensor))
        return false;
    memcpy(tn_tensor_data(tensor), packed.data, packed.size);
    return true;
}

static bool make_tensor(onnx_tensor *out, const dims *d, pb_bytes raw, pb_bytes floats)
{
    tn_dtype dtype;
    if (!dtype_of(out->type, &dtype))
        return true;
    if (tn_tensor_create(NULL, dtype, d->rank, d->sizes, &out->tensor) != TN_OK)
        return false;
    if (!raw.data)
        return fill_floats(floats, out->tensor);
    if (raw.size != tn_tensor_bytes(out->tensor))
        return false;
    if (raw.size > 0)
        memcpy(tn_tensor_data(out->tensor), raw.data, raw.size);
    return true;
}

static bool read_tensor(pb_bytes message, onnx_tensor *out)
{
    pb_reader reader = pb_open(message);
    pb_field field;
    dims d = {{0}, 0};
    pb_bytes raw = {NULL, 0}, floats = {NULL, 0};
    bool good = true;
    while (good && pb_next(&reader, &field)) {
        if (field.number == 1)
            good = pb_integers(&field, add_dim, &d);
        else if (field.number == 2)
            out->type = (int)field.value;
        else if (field.number == 4)
            floats = field.bytes;
        else if (field.number == 8)
            pb_string(&field, out->name, sizeof out->name);
        else if (field.number == 9)
            raw = field.bytes;
    }
    return good && !reader.bad && make_tensor(out, &d, raw, floats);
}

static void add_integer(void *context, int64_t value)
{
    onnx_attribute *attribute = context;
    if (attribute->count < CASE_INTEGERS)
        attribute->integers[attribute->count++] = value;
}

static bool read_attribute(pb_bytes message, onnx_attribute *out)
{
    pb_reader reader = pb_open(message);
    pb_field field;
    bool good = true;
    while (good && pb_next(&reader, &field)) {
        if (field.number == 1)
            pb_string(&field, out->name, sizeof out->name);
        else if (field.number == 2)
            out->number = pb_float(&field);
        else if (field.number == 3 || field.number == 8)
            good = pb_integers(&field, add_integer, out);
        else if (field.number == 4)
            pb_string(&field, out->text, sizeof out->text);
    }
    return good && !reader.bad;
}

static bool read_node(pb_bytes message, onnx_case *c, graph *g)
{
    pb_reader reader = pb_open(message);
    pb_field field;
    bool good = true;
    g->nodes++;
    while (good && pb_next(&reader, &field)) {
        if (field.number == 1)
            add_text(&field, g->node_inputs, &g->node_input_count);
        else if (field.number == 2)
            add_text(&field, g->node_outputs, &g->node_output_count);
        else if (field.number == 4)
            pb_string(&field, c->op, sizeof c->op);
        else if (field.number == 5 && c->attribute_count < CASE_ATTRIBUTES)
            good = read_attribute(field.bytes, &c->attributes[c->attribute_count++]);
    }
    return good && !reader.bad;
}

/* The name of a ValueInfoProto is its field 1. */
static void add_value_name(const pb_field *field, char list[][CASE_TEXT], int *count)
{
    pb_reader reader = pb_open(field->bytes);
    pb_field inner;
    while (pb_next(&reader, &inner))
        if (inner.number == 1)
            add_text(&inner, list, count);
}

static bool read_graph(pb_bytes message, onnx_case *c, graph *g)
{
    pb_reader reader = pb_open(message);
    pb_field field;
    bool good = true;
    while (good && pb_next(&reader, &field)) {
        if (field.number == 1)
            good = read_node(field.bytes, c, g);
        else if (field.number == 5 && g->initial_count < CASE_TENSORS)
            good = read_tensor(field.bytes, &g->initial[g->initial_count++]);
        else if (field.number == 11)
            add_value_name(&field, g->inputs, &g->input_count);
        else if (field.number == 12)
            add_value_name(&field, g->outputs, &g->output_count);
    }
    return good && !reader.bad;
}

/* OperatorSetIdProto: field 2 is the version; models here have one operator set that matters. */
static void read_opset(pb_bytes message, onnx_case *c)
{
    pb_reader reader = pb_open(message);
    pb_field field;
    while (pb_next(&reader, &field))
        if (field.number == 2)
            c->opset = (int64_t)field.value;
}

static bool read_model(const char *path, onnx_case *c, graph *g)
{
    uint8_t *data;
    size_t size;
    if (!read_file(path, &data, &size))
        return false;
    pb_reader reader = pb_open((pb_bytes){data, size});
    pb_field field;
    bool good = true;
    while (good && pb_next(&reader, &field)) {
        if (field.number == 7)
            good = read_graph(field.bytes, c, g);
        else if (field.number == 8)
            read_opset(field.bytes, c);
    }
    free(data);
    return good && !reader.bad;
}

static bool read_tensor_file(const char *path, onnx_tensor *out)
{
    uint8_t *data;
    size_t size;
    if (!read_file(path, &data, &size))
        return false;
    bool good = read_tensor((pb_bytes){data, size}, out);
    free(data);
    return good;
}

static const onnx_tensor *find_initial(const graph *g, const char *name)
{
    for (int i = 0; i < g->initial_count; i++)
        if (strcmp(g->initial[i].name, name) == 0)
            return &g->initial[i];
    return NULL;
}

/* The number of `name` in a graph's list, initial values left out as they have no file; -1 if it is not there. */
static int file_number(const graph *g, char list[][CASE_TEXT], int count, const char *name)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0)
            return number;
        if (!find_initial(g, list[i]))
            number++;
    }
    return -1;
}

static bool load_value(const char *directory, const char *kind, int number, onnx_tensor *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", directory, kind, number);
    return number >= 0 && read_tensor_file(path, out);
}

static bool load_input(const char *directory, graph *g, const char *name, onnx_tensor *out)
{
    const onnx_tensor *initial = find_initial(g, name);
    if (!initial)
        return load_value(directory, "input", file_number(g, g->inputs, g->input_count, name), out);
    out->type = initial->type;
    return !initial->tensor || tn_tensor_clone(NULL, initial->tensor, &out->tensor) == TN_OK;
}

static bool load_values(onnx_case *c, const char *directory, graph *g)
{
    bool good = true;
    c->input_count = g->node_input_count;
    c->output_count = g->node_output_count;
    for (int i = 0; good && i < c->input_count; i++)
        if (g->node_inputs[i][0]) /* an optional input left out has an empty name */
            good = load_input(directory, g, g->node_inputs[i], &c->inputs[i]);
    for (int i = 0; good && i < c->output_count; i++)
        good = load_value(directory, "output", file_number(g, g->outputs, g->output_count, g->node_outputs[i]),
                          &c->outputs[i]);
    return good;
}

bool onnx_case_read(onnx_case *c, const char *directory, const char *name, char *why, size_t size)
{
    char path[1024];
    graph *g = calloc(1, sizeof *g);
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(path, sizeof path, "%s/model.onnx", directory);
    bool good = g && read_model(path, c, g);
    if (!good)
        snprintf(why, size, "model.onnx is missing or damaged");
    if (good && g->nodes != 1)
        c->op[0] = '\0';
    else if (good && !(good = load_values(c, directory, g)))
        snprintf(why, size, "an input or output file is missing or damaged");
    for (int i = 0; g && i < g->initial_count; i++)
        tn_tensor_destroy(&g->initial[i].tensor);
    free(g);
    return good;
}

void onnx_case_free(onnx_case *c)
{
    for (int i = 0; i < CASE_TENSORS; i++) {
        tn_tensor_destroy(&c->inputs[i].tensor);
        tn_tensor_destroy(&c->outputs[i].tensor);
    }
}

const onnx_attribute *onnx_find(const onnx_case *c, const char *name)
{
    for (int i = 0; i < c->attribute_count; i++)
        if (strcmp(c->attributes[i].name, name) == 0)
            return &c->attributes[i];
    return NULL;
}

int64_t onnx_integer(const onnx_case *c, const char *name, int index, int64_t otherwise)
{
    const onnx_attribute *attribute = onnx_find(c, name);
    return attribute && index < attribute->count ? attribute->integers[index] : otherwise;
}

float onnx_number(const onnx_case *c, const char *name, float otherwise)
{
    const onnx_attribute *attribute = onnx_find(c, name);
    return attribute ? attribute->number : otherwise;
}

const char *onnx_text(const onnx_case *c, const char *name)
{
    const onnx_attribute *attribute = onnx_find(c, name);
    return attribute ? attribute->text : "";
}

bool onnx_complete(const onnx_case *c)
{
    for (int i = 0; i < c->input_count; i++)
        if (!c->inputs[i].tensor)
            return false;
    for (int i = 0; i < c->output_count; i++)
        if (!c->outputs[i].tensor)
            return false;
    return c->input_count > 0 && c->output_count > 0;
}
