/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What all losses have in common: options, and the checks before anything is written. */
#include "base/memory.h"
#include "base/options.h"
#include "base/status.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- creating */

static tn_status check_class_weights(const char *name, const tn_loss_options *o)
{
    if (o->class_weights == NULL && o->class_count != 0)
        return TN_FAIL(TN_ERR_INVALID, "%s: class_count is %" PRId64 ", but class_weights is NULL", name,
                       o->class_count);
    if (o->class_weights != NULL && o->class_count < 1)
        return TN_FAIL(TN_ERR_INVALID, "%s: class_count is %" PRId64 ", must be the length of class_weights", name,
                       o->class_count);
    for (int64_t i = 0; i < o->class_count; i++)
        if (!(o->class_weights[i] >= 0.0f && isfinite(o->class_weights[i])))
            return TN_FAIL(TN_ERR_INVALID, "%s: class_weights[%" PRId64 "] is %g, must be at least 0 and finite", name,
                           i, (double)o->class_weights[i]);
    return TN_OK;
}

static tn_status check_options(const tn_loss_kind *kind, const tn_loss_options *o)
{
    if ((int)o->reduction < (int)TN_MEAN || (int)o->reduction > (int)TN_NONE)
        return TN_FAIL(TN_ERR_INVALID, "%s: reduction is %d, which is no tn_reduction", kind->name, (int)o->reduction);
    if (!kind->classifies && (o->class_weights != NULL || o->class_count != 0))
        return TN_FAIL(TN_ERR_INVALID, "%s: class_weights are for classification", kind->name);
    if (!kind->classifies && o->use_ignore_index)
        return TN_FAIL(TN_ERR_INVALID, "%s: ignore_index is for classification", kind->name);
    TN_TRY(check_class_weights(kind->name, o));
    return tn_allocator_check(o->allocator);
}

static tn_status copy_weights(tn_loss *loss, const tn_loss_options *o)
{
    size_t bytes = 0;
    if (o->class_weights == NULL)
        return TN_OK;
    if (!tn_mul_size((size_t)o->class_count, sizeof *loss->class_weights, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "%s: class_count is %" PRId64, loss->kind->name, o->class_count);
    TN_TRY(tn_alloc(&loss->allocator, bytes, "class weights", &loss->class_weights));
    memcpy(loss->class_weights, o->class_weights, bytes);
    loss->class_count = o->class_count;
    return TN_OK;
}

static tn_status create(const tn_loss_kind *kind, const tn_loss_options *options, tn_loss **out)
{
    tn_loss_options o;
    tn_loss *loss = NULL;
    TN_TRY(tn_options_read(&o, sizeof o, options, "tn_loss_options"));
    TN_TRY(check_options(kind, &o));
    tn_allocator allocator = tn_allocator_or_default(o.allocator);
    TN_TRY(tn_alloc(&allocator, sizeof *loss, "a loss", &loss));
    *loss = (tn_loss){.kind = kind,
                      .allocator = allocator,
                      .reduction = o.reduction,
                      .use_ignore_index = o.use_ignore_index,
                      .ignore_index = o.ignore_index};
    tn_status status = copy_weights(loss, &o);
    if (status == TN_OK)
        *out = loss;
    else
        tn_loss_destroy(&loss);
    return status;
}

tn_loss *tn_loss_create(const tn_loss_kind *kind, const tn_loss_options *options)
{
    tn_loss *loss = NULL;
    return create(kind, options, &loss) == TN_OK ? loss : NULL;
}

void tn_loss_destroy(tn_loss **loss)
{
    if (loss == NULL || *loss == NULL)
        return;
    tn_loss *l = *loss;
    tn_allocator allocator = l->allocator;
    tn_release(&allocator, l->class_weights, (size_t)l->class_count * sizeof *l->class_weights);
    tn_release(&allocator, l, sizeof *l);
    *loss = NULL;
}

/* --- checking */

static tn_status shapes_differ(const tn_loss *loss, const tn_shape *output, const tn_shape *target,
                               const char *expected)
{
    char have[TN_SHAPE_TEXT], given[TN_SHAPE_TEXT];
    return TN_FAIL(TN_ERR_SHAPE, "%s: output is %s, target is %s, %s", loss->kind->name,
                   tn_shape_text(output, have, sizeof have), tn_shape_text(target, given, sizeof given), expected);
}

tn_status tn_loss_fits(const tn_loss *loss, const tn_shape *output, const tn_shape *target, tn_dtype target_dtype)
{
    const char *name = loss->kind->name;
    bool integers = target_dtype == TN_I32 || target_dtype == TN_I64;
    if (loss->kind->classifies ? !integers : target_dtype != TN_F32)
        return TN_FAIL(TN_ERR_TYPE, "%s: target must be %s", name,
                       loss->kind->classifies ? "class numbers, i32 or i64" : "f32");
    if (!loss->kind->classifies)
        return tn_shape_equal(output, target) ? TN_OK
                                              : shapes_differ(loss, output, target, "they must have the same shape");
    if (output->rank != 2 || target->rank != 1 || output->dims[0] != target->dims[0])
        return shapes_differ(loss, output, target, "they must be [N,K] and [N]");
    if (loss->class_weights != NULL && loss->class_count != output->dims[1])
        return TN_FAIL(TN_ERR_SHAPE, "%s: output has %" PRId64 " classes, class_weights are [%" PRId64 "]", name,
                       output->dims[1], loss->class_count);
    return TN_OK;
}

static tn_status check_result(const tn_loss *loss, const char *what, const tn_tensor *result, const tn_shape *expected)
{
    char wanted[TN_SHAPE_TEXT], given[TN_SHAPE_TEXT];
    if (result == NULL)
        return TN_OK;
    TN_TRY(tn_tensor_check(result, TN_F32, what));
    if (!tn_shape_equal(&result->shape, expected))
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s is %s, must be %s", loss->kind->name, what,
                       tn_shape_text(&result->shape, given, sizeof given),
                       tn_shape_text(expected, wanted, sizeof wanted));
    return TN_OK;
}

static bool overlap(const tn_tensor *a, const tn_tensor *b)
{
    if (a == NULL || b == NULL)
        return false;
    uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;
    return at_a < at_b + tn_tensor_bytes(b) && at_b < at_a + tn_tensor_bytes(a);
}

/* The gradient may be the output itself, but not a part of it; everything else has memory of its own. */
static tn_status check_apart(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                             const tn_loss_results *r)
{
    bool shifted = overlap(r->gradient, output) && r->gradient->data != output->data;
    if (shifted || overlap(r->gradient, target) || overlap(r->values, output) || overlap(r->values, target) ||
        overlap(r->values, r->gradient) || overlap(r->log_probabilities, output) ||
        overlap(r->log_probabilities, target) || overlap(r->log_probabilities, r->gradient) ||
        overlap(r->log_probabilities, r->values))
        return TN_FAIL(TN_ERR_INVALID, "%s: results overlap each other, the output or the target", loss->kind->name);
    return TN_OK;
}

static tn_status check_results(const tn_loss *loss, const tn_tensor *output, const tn_loss_results *r)
{
    tn_shape values = output->shape;
    if (loss->kind->classifies)
        values.rank = 1;
    if (r->correct != NULL && !loss->kind->classifies)
        return TN_FAIL(TN_ERR_INVALID, "%s: correct is for classification", loss->kind->name);
    if (r->log_probabilities != NULL && !loss->kind->has_log_probabilities)
        return TN_FAIL(TN_ERR_INVALID, "%s: log_probabilities are for tn_softmax_cross_entropy", loss->kind->name);
    if (!isfinite(r->gradient_scale))
        return TN_FAIL(TN_ERR_INVALID, "%s: gradient_scale is %g", loss->kind->name, r->gradient_scale);
    TN_TRY(check_result(loss, "values", r->values, &values));
    TN_TRY(check_result(loss, "gradient", r->gradient, &output->shape));
    return check_result(loss, "log_probabilities", r->log_probabilities, &output->shape);
}

/* --- computing */

tn_status tn_loss_compute(const tn_loss *loss, const tn_tensor *output, const tn_tensor *target,
                          const tn_loss_results *results)
{
    tn_loss_results r;
    if (loss == NULL || results == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_loss_compute: %s is NULL", loss == NULL ? "loss" : "results");
    TN_TRY(tn_options_read(&r, sizeof r, results, "tn_loss_results"));
    TN_TRY(tn_tensor_check(output, TN_F32, "tn_loss_compute: output"));
    if (target == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_loss_compute: target is NULL");
    TN_TRY(tn_loss_fits(loss, &output->shape, &target->shape, target->dtype));
    TN_TRY(check_results(loss, output, &r));
    TN_TRY(check_apart(loss, output, target, &r));
    TN_TRY(loss->kind->check(loss, output, target));
    if (r.gradient_scale == 0.0)
        r.gradient_scale = 1.0;
    loss->kind->compute(loss, output, target, &r);
    return TN_OK;
}
