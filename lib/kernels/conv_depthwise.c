/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Depthwise convolutions, row by row. What a row reads is the same for all its results but those at its ends, whose
 *  windows reach outside of the image: these are computed one by one, with the taps that are inside. The gradient of
 *  the data falls into phases (conv_phases.h), each of which is filtered like a forward pass. */
#include "kernels/conv_depthwise.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/conv_phases.h"
#include "kernels/isa/depthwise_loops.h"
#include "kernels/kernels.h"
#include "kernels/product.h"
#include "kernels/split.h"

#include <string.h>

#define TAPS_MOST 128 /* of a filter */
#define PARTS_MOST 16 /* of the sums of the filters' gradient, */
#define PART_ROWS 4   /* and rows of dy that a part has at least */
#define SUM_MOST 512  /* results that are summed in one go */

bool tn_conv_depthwise_applies(const tn_conv_shape *s)
{
    return s->groups > 1 && s->groups == s->c && s->groups == s->f && s->r <= TAPS_MOST && s->s <= TAPS_MOST &&
           s->r * s->s <= TAPS_MOST;
}

/* ---- one direction ---- */

/** Results first, first + step, ...; tap t of result number i lies over i * move + start + t * dilation of [0, size),
 *  and is the filter's tap number tap + t * tap_step. */
typedef struct walk {
    int64_t first, step, count;
    int64_t taps, tap, tap_step;
    int64_t start, move, dilation, size;
} walk;

static walk forward_walk(int64_t count, int64_t taps, int64_t pad, int64_t stride, int64_t dilation, int64_t size)
{
    return (walk){0, 1, count, taps, 0, 1, -pad, stride, dilation, size};
}

static walk back_walk(const tn_side *side, int64_t stride, int64_t size)
{
    return (walk){side->phase, stride,      side->count, side->taps,     side->last,
                  -side->step, side->start, 1,           side->dilation, size};
}

/** The taps [*first, *end) of a result that lie inside. */
static void taps_inside(const walk *w, int64_t number, int64_t *first, int64_t *end)
{
    int64_t at = number * w->move + w->start, last = at < w->size ? tn_ceil_div(w->size - at, w->dilation) : 0;
    *first = at < 0 ? tn_ceil_div(-at, w->dilation) : 0;
    *end = tn_max(*first, tn_min(w->taps, last));
}

/** The results [*first, *end) all of whose taps lie inside. */
static void results_inside(const walk *w, int64_t *first, int64_t *end)
{
    int64_t room = w->size - 1 - w->start - tn_max(w->taps - 1, 0) * w->dilation;
    *first = tn_min(w->count, w->start < 0 ? tn_ceil_div(-w->start, w->move) : 0);
    *end = tn_max(*first, tn_min(w->count, room < 0 ? 0 : room / w->move + 1));
}

/* ---- a row ---- */

/** What is filtered: images of [h,w] pixels become others. */
typedef struct depthwise_job {
    const tn_conv_shape *shape;
    const float *from, *w, *bias;
    tn_activation activation;
    float *to;
} depthwise_job;

/** Results that have the same taps. */
typedef struct place {
    const walk *high, *wide;
    int64_t row, rows;    /* as the walks number them */
    int64_t first, count; /* of each row: results [first, first + count) */
} place;

/** The taps of results that follow one another; `image`, `w` and `dw` begin with pixel and tap (0,0). */
static int64_t find_taps(const tn_conv_shape *s, const place *p, const float *image, const float *w, float *dw,
                         tn_depthwise_tap *taps)
{
    int64_t count = 0, r, r_end, first, end;
    taps_inside(p->high, p->row, &r, &r_end);
    taps_inside(p->wide, p->first, &first, &end);
    for (; r < r_end; r++) {
        int64_t y = p->row * p->high->move + p->high->start + r * p->high->dilation;
        for (int64_t t = first; t < end; t++) {
            int64_t x = p->first * p->wide->move + p->wide->start + t * p->wide->dilation;
            int64_t tap = (p->high->tap + r * p->high->tap_step) * s->s + p->wide->tap + t * p->wide->tap_step;
            taps[count++] = (tn_depthwise_tap){image + (y * p->wide->size + x) * s->c, w ? w + tap * s->c : NULL,
                                               dw ? dw + tap * s->c : NULL};
        }
    }
    return count;
}

typedef void visit_place(const place *p, void *context);

/** Visit rows that have the same taps: results at their beginning, those whose taps are all inside, those at their end.
 */
static void visit_rows(const walk *high, const walk *wide, int64_t row, int64_t rows, visit_place *visit, void *context)
{
    int64_t first, end;
    results_inside(wide, &first, &end);
    for (int64_t i = 0; i < first; i++)
        visit(&(place){high, wide, row, rows, i, 1}, context);
    if (end > first)
        visit(&(place){high, wide, row, rows, first, end - first}, context);
    for (int64_t i = end; i < wide->count; i++)
        visit(&(place){high, wide, row, rows, i, 1}, context);
}

/* ---- forward, and the gradient of the data ---- */

typedef struct filter_row {
    const depthwise_job *job;
    const float *from;
    float *to; /* of one image */
    int64_t width;
} filter_row;

static void filter_place(const place *p, void *context)
{
    const filter_row *row = context;
    const depthwise_job *job = row->job;
    const tn_conv_shape *s = job->shape;
    tn_depthwise_tap taps[TAPS_MOST];
    int64_t count = find_taps(s, p, row->from, job->w, NULL, taps), step = p->wide->step * s->c;
    int64_t y = p->high->first + p->row * p->high->step, x = p->wide->first + p->first * p->wide->step;
    float *to = row->to + (y * row->width + x) * s->c;
    bool relu = job->activation == TN_RELU;
    tn_conv_kernels()->depthwise->filter(taps, count, p->wide->move * s->c, job->bias, relu, p->count, s->c, to, step);
    if (!relu && job->activation != TN_LINEAR)
        tn_activate(NULL, job->activation, to, to, p->count * s->c);
}

static void forward_rows(const tn_team *team, void *arg)
{
    const depthwise_job *job = arg;
    const tn_conv_shape *s = job->shape;
    const walk high = forward_walk(s->oh, s->r, s->pad_top, s->stride_h, s->dilation_h, s->h);
    const walk wide = forward_walk(s->ow, s->s, s->pad_left, s->stride_w, s->dilation_w, s->w);
    int64_t begin, end;
    tn_team_range(team, s->n * s->oh, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / s->oh;
        filter_row row = {job, job->from + n * s->h * s->w * s->c, job->to + n * s->oh * s->ow * s->c, s->ow};
        visit_rows(&high, &wide, i % s->oh, 1, filter_place, &row);
    }
}

static void back_rows(const tn_team *team, void *arg)
{
    const depthwise_job *job = arg;
    const tn_conv_shape *s = job->shape;
    int64_t across = tn_min(s->stride_w, s->w), begin, end;
    tn_team_range(team, s->n * s->h, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / s->h, y = i % s->h;
        filter_row row = {job, job->from + n * s->oh * s->ow * s->c, job->to + n * s->h * s->w * s->c, s->w};
        for (int64_t phase = 0; phase < across; phase++) {
            tn_phase p = tn_phase_of(s, y % s->stride_h * across + phase);
            const walk high = back_walk(&p.high, s->stride_h, s->oh), wide = back_walk(&p.wide, s->stride_w, s->ow);
            visit_rows(&high, &wide, y / s->stride_h, 1, filter_place, &row);
        }
    }
}

/** Multiplications of a pass: what makes threads worth waking. */
static int64_t work_of(const tn_conv_shape *s)
{
    return s->n * s->oh * s->ow * s->c * s->r * s->s;
}

void tn_conv_depthwise_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const float *bias,
                               tn_activation activation, float *y)
{
    depthwise_job job = {.shape = s, .from = x, .w = w, .bias = bias, .activation = activation, .to = y};
    tn_pool_run(tn_worth(pool, work_of(s)), forward_rows, &job);
}

void tn_conv_depthwise_data(const tn_conv_shape *s, tn_pool *pool, const float *dy, const float *w, float *dx)
{
    depthwise_job job = {.shape = s, .from = dy, .w = w, .activation = TN_LINEAR, .to = dx};
    tn_pool_run(tn_worth(pool, work_of(s)), back_rows, &job);
}

/* ---- the gradient of the filters ---- */

/** Sums of a part of all rows each, from the sizes alone, which are added in order: any number of threads gives the
 *  same bits, and no sum is long. */
typedef struct sum_job {
    const tn_conv_shape *shape;
    const float *x, *dy;
    bool add;
    float *dw, *parts; /* parts: [part][tap][channel] */
    int64_t count;     /* of parts */
} sum_job;

static int64_t parts_of(const tn_conv_shape *s)
{
    return tn_min(PARTS_MOST, tn_ceil_div(s->n * s->oh, PART_ROWS));
}

tn_status tn_conv_depthwise_filter_scratch(const tn_conv_shape *s, size_t *out)
{
    int64_t floats;
    if (!tn_mul_i64(s->c, PARTS_MOST * s->r * s->s * (int64_t)sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of the gradient of %lld depthwise filters does not fit",
                       (long long)s->c);
    *out = (size_t)floats;
    return TN_OK;
}

typedef struct sum_row {
    const sum_job *job;
    const float *image, *dy; /* dy: of the first row */
    float *part;
} sum_row;

static void sum_place(const place *p, void *context)
{
    const sum_row *row = context;
    const tn_conv_shape *s = row->job->shape;
    tn_depthwise_tap taps[TAPS_MOST];
    int64_t count = find_taps(s, p, row->image, NULL, row->part, taps);
    const tn_depthwise_rows rows = {.rows = p->rows,
                                    .x_row = p->high->move * s->w * s->c,
                                    .dy_row = s->ow * s->c,
                                    .results = p->count,
                                    .x_step = p->wide->move * s->c};
    tn_conv_kernels()->depthwise->gradient(taps, count, &rows, row->dy + p->first * s->c, s->c);
}

/** How many rows from `row` on, up to `most`, have all their taps inside; 1 if that one has not. */
static int64_t count_alike(const walk *high, int64_t row, int64_t most)
{
    int64_t first, end;
    results_inside(high, &first, &end);
    return row >= first && row < end ? tn_min(end - row, most) : 1;
}

static void sum_part(const sum_job *job, int64_t number)
{
    const tn_conv_shape *s = job->shape;
    const walk high = forward_walk(s->oh, s->r, s->pad_top, s->stride_h, s->dilation_h, s->h);
    const walk wide = forward_walk(s->ow, s->s, s->pad_left, s->stride_w, s->dilation_w, s->w);
    int64_t rows = s->n * s->oh, taps = s->r * s->s * s->c;
    sum_row row = {.job = job, .part = job->parts + number * taps};
    memset(row.part, 0, (size_t)taps * sizeof(float));
    for (int64_t i = rows * number / job->count, end = rows * (number + 1) / job->count, count; i < end; i += count) {
        row.image = job->x + i / s->oh * s->h * s->w * s->c;
        row.dy = job->dy + i * s->ow * s->c;
        count = count_alike(&high, i % s->oh, tn_min(end - i, tn_max(1, SUM_MOST / s->ow)));
        visit_rows(&high, &wide, i % s->oh, count, sum_place, &row);
    }
}

static void sum_parts(const tn_team *team, void *arg)
{
    const sum_job *job = arg;
    int64_t taps = job->shape->r * job->shape->s * job->shape->c, begin, end;
    tn_team_range(team, job->count, &begin, &end);
    for (int64_t part = begin; part < end; part++)
        sum_part(job, part);
    tn_team_barrier(team);
    tn_team_range(team, taps, &begin, &end);
    if (!job->add)
        memset(job->dw + begin, 0, (size_t)(end - begin) * sizeof(float));
    for (int64_t part = 0; part < job->count; part++)
        tn_conv_kernels()->accumulate(job->parts + part * taps + begin, job->dw + begin, end - begin);
}

void tn_conv_depthwise_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add,
                              float *dw, void *scratch)
{
    sum_job job = {.shape = s, .x = x, .dy = dy, .add = add, .dw = dw, .parts = scratch, .count = parts_of(s)};
    tn_pool_run(tn_worth(pool, work_of(s)), sum_parts, &job);
}
