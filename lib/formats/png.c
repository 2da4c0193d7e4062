/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pictures through libpng, with its errors turned into statuses.
 *
 *  Grey from colour is 0.299 R + 0.587 G + 0.114 B on the stored values (ITU-R BT.601, as image tools for training do);
 *  transparency is dropped for 1 and 3 channels, not blended; 16-bit samples keep their high byte. Colour profiles,
 * text and other side chunks are skipped unread. Source    PNG specification, third edition, W3C */
#include "base/memory.h"
#include "base/status.h"
#include "formats/bytes_in.h"
#include "formats/foreign.h"
#include "formats/gzip_in.h"
#include "tensor/storage.h"

#include <tinynet/io.h>

#include <inttypes.h>
#include <png.h>

#define DEFAULT_PIXELS ((int64_t)1 << 26)
#define RED_WEIGHT 29900 /* of 100000 */
#define GREEN_WEIGHT 58700

/* All that is alive across libpng's longjmp. */
typedef struct decoder {
    tn_bytes_in in;
    tn_foreign memory;
    tn_allocator allocator;
    int channels;
    int64_t max_pixels;
    png_structp png;
    png_infop info;
    tn_tensor *tensor;
    tn_status status;
    bool out_of_memory;
} decoder;

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    decoder *d = png_get_mem_ptr(png);
    void *pointer = tn_foreign_malloc(&d->memory, size);
    d->out_of_memory |= pointer == NULL;
    return pointer;
}

static void give_back(png_structp png, png_voidp pointer)
{
    tn_foreign_free(&((decoder *)png_get_mem_ptr(png))->memory, pointer);
}

static void on_error(png_structp png, png_const_charp message)
{
    decoder *d = png_get_error_ptr(png);
    if (d->status == TN_OK && d->out_of_memory)
        d->status = TN_FAIL(TN_ERR_NO_MEMORY, "%s: no memory for libpng", d->in.path);
    else if (d->status == TN_OK)
        d->status = TN_FAIL(TN_ERR_FORMAT, "%s: damaged PNG: %s", d->in.path, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t size)
{
    decoder *d = png_get_io_ptr(png);
    d->status = tn_bytes_read(&d->in, out, size, "the picture");
    if (d->status != TN_OK)
        png_error(png, "read");
}

/* What the header promises, against the caller's limit and against what a file of this size can hold. */
static tn_status check_size(const decoder *d)
{
    uint64_t width = png_get_image_width(d->png, d->info), height = png_get_image_height(d->png, d->info);
    uint64_t packed = png_get_rowbytes(d->png, d->info) * height, pixels = width * height;
    if (pixels > (uint64_t)d->max_pixels)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: picture is %" PRIu64 " x %" PRIu64 ", the limit is %" PRId64 " pixels",
                       d->in.path, width, height, d->max_pixels);
    if (packed / TN_DEFLATE_RATIO > d->in.size)
        return TN_FAIL(TN_ERR_FORMAT,
                       "%s: promises %" PRIu64 " x %" PRIu64 " pixels, which its %" PRIu64 " bytes cannot hold",
                       d->in.path, width, height, d->in.size);
    return TN_OK;
}

/* Ask for 8-bit samples in the wanted number of channels. */
static void set_conversions(const decoder *d)
{
    png_structp png = d->png;
    int color = png_get_color_type(png, d->info);
    bool transparent = (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, d->info, PNG_INFO_tRNS);
    png_set_expand(png);
    png_set_strip_16(png);
    if (d->channels == 1 && (color & PNG_COLOR_MASK_COLOR))
        png_set_rgb_to_gray_fixed(png, PNG_ERROR_ACTION_NONE, RED_WEIGHT, GREEN_WEIGHT);
    if (d->channels > 1 && !(color & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
    if (d->channels < 4 && transparent)
        png_set_strip_alpha(png);
    if (d->channels == 4 && !transparent)
        png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
}

static tn_status create_tensor(decoder *d)
{
    tn_shape shape = {3, {png_get_image_height(d->png, d->info), png_get_image_width(d->png, d->info), d->channels}};
    /* GCOVR_EXCL_START: libpng does as it is asked to; a later one could do otherwise */
    if (png_get_rowbytes(d->png, d->info) != (size_t)shape.dims[1] * (size_t)d->channels)
        return TN_FAIL(TN_ERR_UNSUPPORTED, "%s: picture cannot be converted to %d channels", d->in.path, d->channels);
    /* GCOVR_EXCL_STOP */
    return tn_tensor_create_raw(&d->allocator, TN_U8, &shape, &d->tensor);
}

/* Runs under decode's setjmp: keeps nothing that must be freed anywhere but in the decoder. */
static tn_status decode_steps(decoder *d)
{
    png_set_read_fn(d->png, d, on_read);
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    /* libpng would drop a damaged transparency and give an opaque picture, with a warning alone */
    png_set_crc_action(d->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(d->png, 0x7fffffff, 0x7fffffff);
    png_read_info(d->png, d->info);
    TN_TRY(check_size(d));
    set_conversions(d);
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    TN_TRY(create_tensor(d));
    size_t row = (size_t)d->tensor->shape.dims[1] * (size_t)d->channels;
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < d->tensor->shape.dims[0]; y++)
            png_read_row(d->png, (png_bytep)d->tensor->data + (size_t)y * row, NULL);
    png_read_end(d->png, NULL);
    return TN_OK;
}

static tn_status decode(decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)) != 0)
        return d->status;
    return decode_steps(d);
}

static tn_status check_signature(decoder *d)
{
    png_byte signature[8];
    TN_TRY(tn_bytes_read_at(&d->in, 0, signature, sizeof signature, "the signature"));
    if (png_sig_cmp(signature, 0, sizeof signature) != 0)
        return TN_FAIL(TN_ERR_FORMAT, "%s: is no PNG file", d->in.path);
    return TN_OK;
}

static tn_status load(decoder *d)
{
    TN_TRY(check_signature(d));
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, allocate, give_back);
    if (d->png != NULL)
        d->info = png_create_info_struct(d->png);
    tn_status status = TN_OK;
    if (d->info != NULL)
        status = decode(d);
    else
        status = TN_FAIL(TN_ERR_NO_MEMORY, "%s: no memory for libpng", d->in.path);
    if (d->png != NULL)
        png_destroy_read_struct(&d->png, &d->info, NULL);
    return status;
}

tn_status tn_png_load(const tn_allocator *allocator, const char *path, int channels, int64_t max_pixels,
                      tn_tensor **out)
{
    if (path == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_png_load: %s is NULL", path == NULL ? "path" : "out");
    if ((channels != 1 && channels != 3 && channels != 4) || max_pixels < 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_png_load: channels is %d, expected 1, 3 or 4; max_pixels is %" PRId64,
                       channels, max_pixels);
    TN_TRY(tn_allocator_check(allocator));
    decoder d = {.channels = channels, .max_pixels = max_pixels == 0 ? DEFAULT_PIXELS : max_pixels};
    d.allocator = tn_allocator_or_default(allocator);
    tn_foreign_init(&d.memory, allocator, SIZE_MAX);
    TN_TRY(tn_bytes_open(&d.in, path));
    tn_status status = load(&d);
    tn_foreign_clear(&d.memory);
    tn_bytes_close(&d.in);
    if (status == TN_OK)
        *out = d.tensor;
    else
        tn_tensor_destroy(&d.tensor);
    return status;
}
