/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Bilinear resize, in two passes: each source row in use is stretched once, then pairs of stretched rows are blended.
 *
 *  Formula   source coordinate u = max((i + 0.5) in / out - 0.5, 0); between pixels floor(u) and the next one, or the
 *            last one itself at the edge; no antialiasing. As tf.image.resize and PyTorch with align_corners=False.
 *
 *  A strip of STRIP output floats (columns times channels) at a time, so that tables and rows lie on the stack. */
#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

#define STRIP 512

/** Where an output coordinate lies in the source. */
typedef struct place {
    int64_t low, high;
    float part; /* of `high` */
} place;

static place place_of(int64_t i, int64_t in, int64_t out)
{
    double u = ((double)i + 0.5) * ((double)in / (double)out) - 0.5;
    u = u < 0.0 ? 0.0 : u;
    int64_t low = (int64_t)u;
    if (low > in - 1)
        low = in - 1;
    return (place){low, low + 1 < in ? low + 1 : low, (float)(u - (double)low)};
}

typedef struct resize_job {
    const tn_resize_shape *shape;
    const float *floats; /* one of the two */
    const uint8_t *bytes;
    float scale;
    float *y;
} resize_job;

/** Columns [first, first + count) of the rows, in floats, and the two stretched rows in use. */
typedef struct strip_of_rows {
    int64_t first, count;
    int64_t low[STRIP], high[STRIP];
    float part[STRIP];
    float rows[2][STRIP];
    int64_t source[2]; /* which row of all images each holds; -1: none */
} strip_of_rows;

static void lay_strip(const tn_resize_shape *shape, int64_t first, strip_of_rows *strip)
{
    int64_t row = shape->ow * shape->c;
    strip->first = first;
    strip->count = row - first < STRIP ? row - first : STRIP;
    strip->source[0] = strip->source[1] = -1;
    for (int64_t i = 0; i < strip->count; i++) {
        int64_t channel = (first + i) % shape->c;
        place p = place_of((first + i) / shape->c, shape->w, shape->ow);
        strip->low[i] = p.low * shape->c + channel;
        strip->high[i] = p.high * shape->c + channel;
        strip->part[i] = p.part;
    }
}

static void stretch_floats(const float *row, const strip_of_rows *strip, float *out)
{
    for (int64_t i = 0; i < strip->count; i++) {
        float low = row[strip->low[i]], high = row[strip->high[i]];
        out[i] = low + (high - low) * strip->part[i];
    }
}

static void stretch_bytes(const uint8_t *row, const strip_of_rows *strip, float *out)
{
    for (int64_t i = 0; i < strip->count; i++) {
        float low = (float)row[strip->low[i]], high = (float)row[strip->high[i]];
        out[i] = low + (high - low) * strip->part[i];
    }
}

/** The stretched row `source`, in the slot that does not hold `other`. */
static const float *stretched(const resize_job *job, strip_of_rows *strip, int64_t source, int64_t other)
{
    for (int slot = 0; slot < 2; slot++) {
        if (strip->source[slot] == source)
            return strip->rows[slot];
    }
    int slot = strip->source[0] == other ? 1 : 0;
    int64_t offset = source * job->shape->w * job->shape->c;
    if (job->floats)
        stretch_floats(job->floats + offset, strip, strip->rows[slot]);
    else
        stretch_bytes(job->bytes + offset, strip, strip->rows[slot]);
    strip->source[slot] = source;
    return strip->rows[slot];
}

static void resize_rows(const tn_team *team, void *arg)
{
    const resize_job *job = arg;
    const tn_resize_shape *s = job->shape;
    const tn_element_table *kernels = tn_element_kernels();
    int64_t begin, end;
    strip_of_rows strip;
    tn_team_range(team, s->n * s->oh, &begin, &end);
    for (int64_t first = 0; first < s->ow * s->c && begin < end; first += STRIP) {
        lay_strip(s, first, &strip);
        for (int64_t row = begin; row < end; row++) {
            place p = place_of(row % s->oh, s->h, s->oh);
            int64_t low = row / s->oh * s->h + p.low, high = row / s->oh * s->h + p.high;
            const float *a = stretched(job, &strip, low, high), *b = stretched(job, &strip, high, low);
            kernels->blend(a, b, p.part, job->scale, job->y + row * s->ow * s->c + first, strip.count);
        }
    }
}

void tn_resize_f32(tn_pool *pool, const tn_resize_shape *shape, const float *x, float scale, float *y)
{
    resize_job job = {.shape = shape, .floats = x, .scale = scale, .y = y};
    tn_pool_run(tn_worth(pool, shape->n * shape->oh * shape->ow * shape->c), resize_rows, &job);
}

void tn_resize_u8(tn_pool *pool, const tn_resize_shape *shape, const uint8_t *x, float scale, float *y)
{
    resize_job job = {.shape = shape, .bytes = x, .scale = scale, .y = y};
    tn_pool_run(tn_worth(pool, shape->n * shape->oh * shape->ow * shape->c), resize_rows, &job);
}
