/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The header of a safetensors file: JSON of one known form, read without building a tree. Strings stay where they are
 *  in the text, so that what is kept of a header is less than twice its own size, whatever it contains.
 *  Source    the safetensors format, huggingface.co/docs/safetensors */
#ifndef TN_FORMATS_JSON_HEADER_H
#define TN_FORMATS_JSON_HEADER_H

#include <tinynet/base.h>

#define TN_CHECKSUM_KEY "tinynet.checksum"
#define TN_FORMAT_KEY "tinynet.format"
#define TN_HEADER_LIMIT 100000000 /* bytes; the limit of the reference implementation */

/** One tensor of the file. */
typedef struct tn_header_tensor {
    uint64_t begin, end; /* within the data */
    uint32_t name;       /* where its text is in the header, ended by a NUL */
    uint32_t shape;      /* where its dimensions are, as text */
    uint32_t rank;       /* any: other programs' files may have more than TN_MAX_RANK */
    uint32_t dtype;      /* for tn_header_dtype_name */
} tn_header_tensor;

typedef struct tn_json_header {
    tn_allocator allocator;
    const char *path; /* for messages */
    char *text;       /* [size] */
    size_t size;
    tn_header_tensor *tensors; /* [count], in the file's order */
    uint32_t *by_name;         /* [count]: their indices, sorted by name */
    uint32_t *metadata;        /* [metadata_count]: offsets of the keys, sorted; each value follows its key's NUL */
    size_t count, metadata_count;
    size_t checksum; /* where the digits of our checksum are in the text; 0: there is none */
    bool has_format; /* there is a TN_FORMAT_KEY */
    uint64_t data_size;
    uint64_t tensors_end; /* within the data, after a scan */
} tn_json_header;

/** Check `text`, which belongs to the header, and count what is in it; the text stays as it is.
 *  @param memory_limit  bytes that the parser may take
 *  Errors    TN_ERR_FORMAT; TN_ERR_UNSUPPORTED if the parser would take more; TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_json_header_scan(tn_json_header *header, size_t memory_limit);
/** After a scan: fill the tables, ending strings with NUL in the text; check that no key comes twice and that the
 *  tensors tile the data without holes or overlaps.
 *  Errors    as tn_json_header_scan */
TN_WARN_UNUSED tn_status tn_json_header_index(tn_json_header *header, size_t memory_limit);
/** After a scan: check that the data reach to the tensors' end.
 *  Errors    TN_ERR_FORMAT */
TN_WARN_UNUSED tn_status tn_json_header_check_end(const tn_json_header *header);
void tn_json_header_free(tn_json_header *header);

/** Find a tensor; false if there is none. */
bool tn_json_header_find(const tn_json_header *header, const char *name, size_t *index);
/** Look up a string of `__metadata__`; NULL if there is none. */
const char *tn_json_header_metadata(const tn_json_header *header, const char *key);
/** Read up to `count` dimensions. */
void tn_json_header_dims(const tn_json_header *header, const tn_header_tensor *tensor, uint32_t count, int64_t *dims);
const char *tn_header_dtype_name(uint32_t dtype); /**< "F32" */

#endif
