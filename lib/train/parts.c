/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Batches against the session, targets against the loss. */
#include "train/parts.h"

#include "base/status.h"
#include "data/dataset.h"
#include "model/plan.h"
#include "optim/loss_kind.h"
#include "tensor/storage.h"

#include <inttypes.h>

static tn_status check_samples(const char *function, const char *what, const tn_session *session,
                               const tn_loader *loader)
{
    tn_shape samples = tn_loader_sample_shape(loader), input = tn_model_input_shape(tn_session_model(session));
    char have[TN_SHAPE_TEXT], wanted[TN_SHAPE_TEXT];
    int64_t rows = samples.dims[0];
    samples.dims[0] = input.dims[0] = rows;
    if (!tn_shape_equal(&samples, &input))
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s has batches %s, the model takes %s", function, what,
                       tn_shape_text(&samples, have, sizeof have), tn_shape_text(&input, wanted, sizeof wanted));
    return TN_OK;
}

/* A loader's batch is never larger than its dataset. */
static tn_status check_batch(const char *function, const char *what, const tn_session *session, const tn_loader *loader)
{
    int64_t batch = tn_loader_batch_size(loader), count = tn_dataset_count(tn_loader_dataset(loader));
    int64_t most = tn_session_plan(session)->options.batch_size;
    if (batch > most && count > most)
        return TN_FAIL(TN_ERR_SHAPE, "%s: %s has batches of %" PRId64 ", the session takes at most %" PRId64, function,
                       what, batch, most);
    return TN_OK;
}

static tn_status check_targets(const tn_session *session, const tn_loss *loss, const tn_loader *loader)
{
    const tn_dataset *dataset = tn_loader_dataset(loader);
    tn_shape target = dataset->target_shape, output = tn_output_of(session, tn_loader_batch_size(loader));
    target.dims[0] = output.dims[0];
    return tn_loss_fits(loss, &output, &target, dataset->target_dtype == TN_F32 ? TN_F32 : TN_I32);
}

tn_status tn_check_parts(const char *function, const char *what, const tn_session *session, const tn_loss *loss,
                         const tn_loader *loader)
{
    TN_TRY(check_samples(function, what, session, loader));
    TN_TRY(check_batch(function, what, session, loader));
    return check_targets(session, loss, loader);
}

tn_shape tn_output_of(const tn_session *session, int64_t rows)
{
    tn_shape output = tn_model_output_shape(tn_session_model(session));
    output.dims[0] = rows;
    return output;
}
