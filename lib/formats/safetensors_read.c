/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tensors out of an open safetensors file. Sizes were checked against the file when it was opened. */
#include "base/status.h"
#include "formats/file_shape.h"
#include "formats/safetensors.h"

#include <string.h>

static bool dtype_of(const tn_header_tensor *tensor, tn_dtype *out)
{
    static const struct {
        const char *name;
        tn_dtype dtype;
    } known[] = {{"F32", TN_F32}, {"I32", TN_I32}, {"I64", TN_I64}, {"U8", TN_U8}};
    const char *name = tn_header_dtype_name(tensor->dtype);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            *out = known[i].dtype;
            return true;
        }
    }
    return false;
}

static tn_status shape_of(const tn_safetensors *file, const tn_header_tensor *tensor, tn_shape *out)
{
    const char *name = file->header.text + tensor->name;
    if (tensor->rank > TN_MAX_RANK)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: tensor %s has %u dimensions, at most %d are possible", file->in.path,
                       name, (unsigned)tensor->rank, TN_MAX_RANK);
    *out = (tn_shape){.rank = (int)tensor->rank};
    tn_json_header_dims(&file->header, tensor, TN_MAX_RANK, out->dims);
    for (int i = 1; i < out->rank; i++)
        if (out->dims[i] == 0)
            return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: tensor %s: dimension %d is 0, only the first may be", file->in.path,
                           name, i);
    return tn_file_shape_check(file->in.path, out);
}

tn_status tn_safetensors_load_index(tn_safetensors *file, size_t index, tn_tensor **out)
{
    const tn_header_tensor *tensor = &file->header.tensors[index];
    const char *name = file->header.text + tensor->name;
    tn_dtype dtype = TN_F32;
    tn_shape shape;
    tn_tensor *loaded = NULL;
    if (!dtype_of(tensor, &dtype))
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: tensor %s is %s; F32, I32, I64 and U8 can be loaded", file->in.path,
                       name, tn_header_dtype_name(tensor->dtype));
    TN_TRY(shape_of(file, tensor, &shape));
    TN_TRY(tn_tensor_create_raw(&file->header.allocator, dtype, &shape, &loaded));
    tn_status status = tn_bytes_read_at(&file->in, file->in.position + tensor->begin, tn_tensor_data(loaded),
                                        tensor->end - tensor->begin, name);
    if (status == TN_OK)
        *out = loaded;
    else
        tn_tensor_destroy(&loaded);
    return status;
}

tn_status tn_safetensors_load(tn_safetensors *file, const char *name, tn_tensor **out)
{
    size_t index;
    if (file == NULL || name == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_safetensors_load: %s is NULL",
                       file == NULL   ? "file"
                       : name == NULL ? "name"
                                      : "out");
    if (!tn_json_header_find(&file->header, name, &index))
        return TN_FAIL(TN_NOT_FOUND, "%s: has no tensor %s", file->in.path, name);
    return tn_safetensors_load_index(file, index, out);
}

tn_status tn_safetensors_expect(const tn_safetensors *file, const char *name, const char *owner,
                                const tn_tensor *expected, size_t *index)
{
    char found_text[TN_SHAPE_TEXT], expected_text[TN_SHAPE_TEXT];
    tn_dtype dtype = TN_U8;
    tn_shape shape;
    if (!tn_json_header_find(&file->header, name, index))
        return TN_FAIL(TN_NOT_FOUND, "%s: has no tensor %s", file->in.path, name);
    const tn_header_tensor *tensor = &file->header.tensors[*index];
    if (!dtype_of(tensor, &dtype) || dtype != tn_tensor_dtype(expected))
        return TN_FAIL(TN_ERR_TYPE, "%s: tensor %s is %s, %s expects F32", file->in.path, name,
                       tn_header_dtype_name(tensor->dtype), owner);
    TN_TRY(shape_of(file, tensor, &shape));
    if (!tn_shape_equal(&shape, &expected->shape))
        return TN_FAIL(TN_ERR_SHAPE, "%s: tensor %s is %s, %s expects %s", file->in.path, name,
                       tn_shape_text(&shape, found_text, sizeof found_text), owner,
                       tn_shape_text(&expected->shape, expected_text, sizeof expected_text));
    return TN_OK;
}
