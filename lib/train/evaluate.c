/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One pass over a loader in prediction mode. Batches are taken in the order of epoch 0, so that the figures have the
 *  same bits each time. */
#include "base/status.h"
#include "train/parts.h"
#include "train/tally.h"

#include <inttypes.h>

static tn_status evaluate(tn_session *session, const tn_loss *loss, tn_loader *loader, const tn_stop *stop,
                          tn_tally *tally)
{
    const tn_tensor *samples, *targets, *output;
    TN_TRY(tn_loader_start(loader, 0, 0));
    for (int64_t batch = 0; batch < tn_loader_batches(loader); batch++) {
        tn_tally own;
        if (tn_stop_requested(stop))
            return TN_FAIL(TN_STOPPED, "tn_evaluate: stopped after batch %" PRId64 " of %" PRId64, batch,
                           tn_loader_batches(loader));
        TN_TRY(tn_loader_next(loader, &samples, &targets));
        TN_TRY(tn_session_forward(session, samples, TN_PREDICT, &output));
        TN_TRY(tn_tally_batch(loss, output, targets, NULL, 1.0, &own));
        tn_tally_add(tally, &own);
    }
    return TN_OK;
}

tn_status tn_evaluate(tn_session *session, const tn_loss *loss, tn_loader *loader, const tn_stop *stop, tn_metrics *out)
{
    tn_tally tally = {0};
    if (session == NULL || loss == NULL || loader == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_evaluate: %s is NULL",
                       session == NULL  ? "session"
                       : loss == NULL   ? "loss"
                       : loader == NULL ? "loader"
                                        : "out");
    TN_TRY(tn_check_parts("tn_evaluate", "loader", session, loss, loader));
    TN_TRY(evaluate(session, loss, loader, stop, &tally));
    *out = tn_tally_metrics(&tally, loss);
    return TN_OK;
}
