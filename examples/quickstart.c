/* SPDX-License-Identifier: BSD-3-Clause */
/* Teach a small network to tell upright bars from level ones. */
#include <stdio.h>
#include <stdlib.h>
#include <tinynet/tinynet.h>

enum { COUNT = 512, SIZE = 16 };

static void check(tn_status status)
{
    if (status == TN_OK)
        return;
    fprintf(stderr, "%s\n", tn_last_error());
    exit(EXIT_FAILURE);
}

int main(void)
{
    /* Pictures of noise with a bar each: u8 class numbers say which kind. */
    tn_tensor *images, *classes;
    check(tn_tensor_create(NULL, TN_F32, 4, (int64_t[]){COUNT, SIZE, SIZE, 1}, &images));
    check(tn_tensor_create(NULL, TN_U8, 1, (int64_t[]){COUNT}, &classes));
    check(tn_tensor_fill_uniform(images, 0.0f, 0.5f, 1));
    for (int n = 0; n < COUNT; n++) {
        int level = n % 2, where = n / 2 % SIZE;
        ((uint8_t *)tn_tensor_data(classes))[n] = (uint8_t)level;
        for (int i = 0; i < SIZE; i++)
            tn_tensor_f32(images)[n * SIZE * SIZE + (level ? where * SIZE + i : i * SIZE + where)] += 0.5f;
    }

    tn_model *model;
    tn_session *session;
    check(tn_model_create(tn_sequential(tn_conv2d(.filters = 8, .kernel_size = 3, .activation = TN_RELU),
                                        tn_max_pool2d(.pool_size = 2), tn_flatten(), tn_dense(.units = 2)),
                          TN_OPTIONS(tn_model_options, .input_shape = {SIZE, SIZE, 1}), &model));
    check(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 32, .training = true), &session));

    tn_dataset *data;
    tn_loader *loader;
    tn_metrics result;
    tn_loss *loss = tn_softmax_cross_entropy();
    tn_optimizer *sgd = tn_sgd(.learning_rate = 0.05, .momentum = 0.9);
    check(tn_dataset_from_tensors(NULL, images, classes, &data));
    check(tn_loader_create(data, TN_OPTIONS(tn_loader_options, .batch_size = 32, .shuffle = true), &loader));
    check(tn_fit(session, loss, sgd, loader, TN_OPTIONS(tn_fit_options, .epochs = 20)));
    check(tn_evaluate(session, loss, loader, NULL, &result));
    printf("loss %.4f, accuracy %.4f\n", result.loss, result.accuracy);

    tn_tensor *first;
    const tn_tensor *logits;
    check(tn_tensor_slice(images, 0, 1, &first));
    check(tn_session_forward(session, first, TN_PREDICT, &logits));
    const float *z = tn_tensor_const_f32(logits);
    printf("the first picture has %s bar\n", z[1] > z[0] ? "a level" : "an upright");

    tn_tensor_destroy(&first), tn_tensor_destroy(&images), tn_tensor_destroy(&classes);
    tn_session_destroy(&session), tn_model_destroy(&model), tn_loader_destroy(&loader), tn_dataset_destroy(&data);
    tn_loss_destroy(&loss), tn_optimizer_destroy(&sgd);
    return 0;
}
