/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  predict MODEL IMAGE.png: the classes of one picture with their probabilities, the most probable first. MODEL is a
 *  checkpoint of alexnet_fmnist or lenet_fmnist, or a file of their weights. As in the data set, pictures are taken to
 *  be bright on black. Exit status: 0 done, 1 failed at work, 2 wrong arguments or files. */
#include "fmnist/images.h"
#include "fmnist/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        tn_status status_ = (expression);                                                                              \
        if (status_ != TN_OK)                                                                                          \
            return status_;                                                                                            \
    } while (0)

static const fmnist_program *const programs[] = {&alexnet_fmnist, &lenet_fmnist};
enum { PROGRAMS = sizeof programs / sizeof programs[0] };

typedef struct prediction {
    const fmnist_program *program;
    tn_model *model;
    tn_session *session;
    tn_tensor *pixels; /* u8 [H,W,1] */
    tn_tensor *batch;  /* the same elements as [1,H,W,1] */
    tn_tensor *input;  /* f32 [1,size,size,1] */
    tn_tensor *probabilities;
} prediction;

static void clear(prediction *p)
{
    tn_session_destroy(&p->session);
    tn_model_destroy(&p->model);
    tn_tensor_destroy(&p->batch);
    tn_tensor_destroy(&p->pixels);
    tn_tensor_destroy(&p->input);
    tn_tensor_destroy(&p->probabilities);
}

/* Files without the program's name tell by the number of their convolutions. */
static int count_convolutions(const tn_safetensors *file)
{
    char name[32];
    int count = 0;
    for (size_t i = 0; i < tn_safetensors_count(file); i++) {
        snprintf(name, sizeof name, "conv2d_%d.weight", count + 1);
        for (size_t k = 0; k < tn_safetensors_count(file); k++)
            if (strcmp(tn_safetensors_name(file, k), name) == 0) {
                count++;
                break;
            }
    }
    return count;
}

static tn_status find_program(const char *path, const fmnist_program **out)
{
    tn_safetensors *file = NULL;
    TRY(tn_safetensors_open(NULL, path, &file));
    const char *name = tn_safetensors_metadata(file, FMNIST_KEY_PROGRAM);
    int convolutions = count_convolutions(file);
    for (int i = 0; i < PROGRAMS && !*out; i++)
        if (name ? strcmp(name, programs[i]->name) == 0 : convolutions == programs[i]->convolutions)
            *out = programs[i];
    tn_safetensors_close(&file);
    return *out ? TN_OK : tn_fail(TN_ERR_UNSUPPORTED, "%s: holds neither AlexNet nor LeNet", path);
}

static tn_status load_model(prediction *p, const char *path)
{
    TRY(find_program(path, &p->program));
    int64_t size = p->program->image_size;
    TRY(tn_model_create(p->program->net(), TN_OPTIONS(tn_model_options, .input_shape = {size, size, 1}), &p->model));
    TRY(tn_model_load(p->model, path, false));
    return tn_session_create(p->model, TN_OPTIONS(tn_session_options, .batch_size = 1), &p->session);
}

/* Grey, scaled to the model's input, 0 to 1. */
static tn_status load_picture(prediction *p, const char *path)
{
    int64_t size = p->program->image_size;
    TRY(tn_png_load(NULL, path, 1, 0, &p->pixels));
    const int64_t batch[] = {1, tn_tensor_dim(p->pixels, 0), tn_tensor_dim(p->pixels, 1), 1},
                  input[] = {1, size, size, 1};
    TRY(tn_tensor_reshape(p->pixels, 4, batch, &p->batch));
    TRY(tn_tensor_create(NULL, TN_F32, 4, input, &p->input));
    TRY(tn_resize_bilinear(p->batch, p->input));
    for (int64_t i = 0; i < tn_tensor_size(p->input); i++)
        tn_tensor_f32(p->input)[i] /= 255.0f;
    return TN_OK;
}

static tn_status run(prediction *p)
{
    const tn_tensor *logits;
    TRY(tn_session_forward(p->session, p->input, TN_PREDICT, &logits));
    TRY(tn_tensor_clone(NULL, logits, &p->probabilities));
    return tn_softmax_tensor(logits, -1, p->probabilities);
}

static bool print(const float *probabilities)
{
    int order[FMNIST_CLASSES];
    for (int i = 0; i < FMNIST_CLASSES; i++) {
        int at = i;
        for (; at > 0 && probabilities[order[at - 1]] < probabilities[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int i = 0; i < FMNIST_CLASSES; i++)
        if (!report_result("%-11s  %.4f\n", fmnist_classes[order[i]], (double)probabilities[order[i]]))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    prediction p = {0};
    report_name("predict");
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return report_result("Usage: predict MODEL IMAGE.png\n"
                             "Print the probabilities of Fashion-MNIST's classes for one picture, bright on black.\n"
                             "MODEL is a checkpoint of alexnet_fmnist or lenet_fmnist, or their weights.\n")
                   ? FMNIST_DONE
                   : report_lost_output();
    if (argc != 3)
        return report_refusal("usage: predict MODEL IMAGE.png");
    tn_status status = load_model(&p, argv[1]);
    if (status == TN_OK)
        status = load_picture(&p, argv[2]);
    int result = status == TN_OK ? FMNIST_DONE : report_refusal("%s", tn_last_error());
    if (result == FMNIST_DONE && run(&p) != TN_OK)
        result = report_failure("the network");
    if (result == FMNIST_DONE && !print(tn_tensor_const_f32(p.probabilities)))
        result = report_lost_output();
    clear(&p);
    return result;
}
