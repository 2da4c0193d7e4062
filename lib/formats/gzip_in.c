/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Inflate over zlib, member by member, with our allocator. zlib checks each member's CRC-32 and length.
 *  Source    RFC 1951, RFC 1952 */
#include "formats/gzip_in.h"

#include "base/memory.h"
#include "base/status.h"
#include "formats/foreign.h"

#include <zlib.h>

#define CHUNK 16384
#define READ_MOST ((uint64_t)1 << 24) /* one call's share: zlib counts in 32 bits */

struct tn_gzip_in {
    tn_foreign memory;
    tn_bytes_in *file;
    z_stream stream;
    bool in_member; /* its end has not been seen */
    unsigned char chunk[CHUNK];
};

static voidpf allocate(voidpf context, uInt items, uInt size)
{
    size_t bytes;
    bool fits = tn_mul_size(items, size, &bytes);
    return fits ? tn_foreign_malloc(context, bytes) : NULL; /* GCOVR_EXCL_BR_LINE: always where size_t has 64 bits */
}

static void give_back(voidpf context, voidpf pointer)
{
    tn_foreign_free(context, pointer);
}

tn_status tn_gzip_open(const tn_allocator *allocator, tn_bytes_in *file, tn_gzip_in **out)
{
    tn_allocator chosen = tn_allocator_or_default(allocator);
    tn_gzip_in *gzip;
    TN_TRY(tn_alloc(&chosen, sizeof *gzip, "a gzip reader", &gzip));
    tn_foreign_init(&gzip->memory, &chosen, SIZE_MAX);
    gzip->file = file;
    gzip->in_member = true;
    gzip->stream.zalloc = allocate;
    gzip->stream.zfree = give_back;
    gzip->stream.opaque = &gzip->memory;
    if (inflateInit2(&gzip->stream, 16 + MAX_WBITS) != Z_OK) {
        tn_gzip_close(&gzip);
        return TN_FAIL(TN_ERR_NO_MEMORY, "%s: no memory for zlib", file->path);
    }
    *out = gzip;
    return TN_OK;
}

void tn_gzip_close(tn_gzip_in **gzip)
{
    if (*gzip == NULL)
        return;
    inflateEnd(&(*gzip)->stream);
    tn_foreign_clear(&(*gzip)->memory);
    tn_allocator allocator = (*gzip)->memory.allocator;
    tn_release(&allocator, *gzip, sizeof **gzip);
    *gzip = NULL;
}

static tn_status refill(tn_gzip_in *gzip)
{
    uint64_t remain = tn_bytes_remain(gzip->file);
    size_t count = remain < CHUNK ? (size_t)remain : CHUNK;
    TN_TRY(tn_bytes_read(gzip->file, gzip->chunk, count, "the compressed data"));
    gzip->stream.next_in = gzip->chunk;
    gzip->stream.avail_in = (uInt)count;
    return TN_OK;
}

/* Unpack until `wanted` bytes are there or the last member has ended; *made says how many there are. */
static tn_status unpack(tn_gzip_in *gzip, unsigned char *out, uInt wanted, uInt *made)
{
    z_stream *stream = &gzip->stream;
    stream->next_out = out;
    stream->avail_out = wanted;
    while (stream->avail_out > 0) {
        if (stream->avail_in == 0)
            TN_TRY(refill(gzip));
        if (stream->avail_in == 0)
            break;
        if (!gzip->in_member)
            (void)inflateReset(stream); /* fails only where a stream was never begun */
        gzip->in_member = true;
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR)
            return TN_FAIL(TN_ERR_NO_MEMORY, "%s: no memory for zlib", gzip->file->path);
        if (result != Z_OK && result != Z_STREAM_END) {        /* there is room and there are bytes: no Z_BUF_ERROR */
            const char *why = stream->msg ? stream->msg : "?"; /* GCOVR_EXCL_BR_LINE: it has a word for all damage */
            return TN_FAIL(TN_ERR_FORMAT, "%s: gzip stream is damaged: %s", gzip->file->path, why);
        }
        gzip->in_member = result != Z_STREAM_END;
    }
    *made = wanted - stream->avail_out;
    return TN_OK;
}

tn_status tn_gzip_read(tn_gzip_in *gzip, void *out, uint64_t size, const char *what)
{
    unsigned char *bytes = out;
    while (size > 0) {
        uInt wanted = (uInt)(size < READ_MOST ? size : READ_MOST), made = 0;
        TN_TRY(unpack(gzip, bytes, wanted, &made));
        if (made < wanted)
            return TN_FAIL(TN_ERR_FORMAT, "%s: gzip stream ends within %s", gzip->file->path, what);
        bytes += made;
        size -= made;
    }
    return TN_OK;
}

tn_status tn_gzip_finish(tn_gzip_in *gzip)
{
    unsigned char more;
    uInt made = 0;
    TN_TRY(unpack(gzip, &more, 1, &made));
    if (made > 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: gzip stream has more bytes than its contents say", gzip->file->path);
    if (gzip->in_member)
        return TN_FAIL(TN_ERR_FORMAT, "%s: gzip stream is cut off", gzip->file->path);
    return TN_OK;
}
