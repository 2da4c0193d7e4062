/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A program outside the tree: one step of training of a small network. */
#include <tinynet/tinynet.h>

#include <stdio.h>

int main(void)
{
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_tensor *x = NULL;
    const tn_tensor *y = NULL;
    tn_layer *net = tn_sequential(tn_conv2d(.filters = 3, .kernel_size = 3, .activation = TN_RELU), tn_flatten(),
                                  tn_dense(.units = 2));
    const tn_model_options options = {.struct_size = sizeof options, .input_shape = {8, 8, 1}};
    tn_status status = tn_model_create(net, &options, &model);
    if (status == TN_OK)
        status = tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 2), &session);
    if (status == TN_OK)
        status = tn_tensor_create(NULL, TN_F32, 4, (int64_t[]){2, 8, 8, 1}, &x);
    if (status == TN_OK)
        status = tn_session_forward(session, x, TN_PREDICT, &y);
    if (status != TN_OK)
        fprintf(stderr, "%s: %s\n", tn_status_name(status), tn_last_error());
    else
        printf("outside: %d outputs\n", (int)tn_tensor_size(y));
    tn_tensor_destroy(&x);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    return status != TN_OK;
}
