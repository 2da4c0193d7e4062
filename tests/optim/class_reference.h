/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Classification losses in double, straight from their formulas, and a table of options to run through. */
#ifndef TESTS_OPTIM_CLASS_REFERENCE_H
#define TESTS_OPTIM_CLASS_REFERENCE_H

#include "loss_support.h"

enum { ROWS = 6, CLASSES = 4 };

static const float class_outputs[ROWS * CLASSES] = {
    0.5f,  -1.25f, 2.0f, 0.0f, 3.0f,  3.0f, -1.0f, 0.25f, -0.5f,  -0.75f, -2.0f, -0.1f,
    10.0f, -10.0f, 4.0f, 1.0f, 0.75f, 0.5f, 0.25f, 0.0f,  -30.0f, 1.5f,   2.5f,  0.125f,
};
static const int32_t class_labels[ROWS] = {2, 1, 3, 1, 0, 2};
static const float class_weights[CLASSES] = {0.5f, 2.0f, 0.0f, 1.25f};

typedef struct class_case {
    tn_loss_options options;
    bool softmax;
} class_case;

#define WEIGHTED .class_weights = class_weights, .class_count = CLASSES
#define IGNORING .use_ignore_index = true, .ignore_index = 1
static const tn_loss_options class_options[] = {
    {.reduction = TN_MEAN},           {.reduction = TN_SUM},           {.reduction = TN_NONE},
    {.reduction = TN_MEAN, WEIGHTED}, {.reduction = TN_SUM, WEIGHTED}, {.reduction = TN_NONE, WEIGHTED},
    {.reduction = TN_MEAN, IGNORING}, {.reduction = TN_SUM, IGNORING}, {.reduction = TN_MEAN, WEIGHTED, IGNORING},
};
enum { CLASS_OPTIONS = sizeof class_options / sizeof class_options[0] };

static inline double class_weight(const tn_loss_options *o, int row)
{
    if (o->use_ignore_index && class_labels[row] == o->ignore_index)
        return 0.0;
    return o->class_weights ? (double)o->class_weights[class_labels[row]] : 1.0;
}

static inline double class_total(const tn_loss_options *o)
{
    double total = 0.0;
    for (int n = 0; n < ROWS; n++)
        total += class_weight(o, n);
    return total;
}

/* -log p of class k. */
static inline double class_surprise(const double *z, int k)
{
    double sum = 0.0;
    for (int j = 0; j < CLASSES; j++)
        sum += exp(z[j] - z[k]);
    return log(sum);
}

static inline double class_row(const class_case *c, const double *z, int row)
{
    double surprise = c->softmax ? class_surprise(z, class_labels[row]) : -z[class_labels[row]];
    return class_weight(&c->options, row) * surprise;
}

static inline double class_loss(const void *context, const double *outputs)
{
    const class_case *c = context;
    double sum = 0.0;
    for (int n = 0; n < ROWS; n++)
        sum += class_row(c, outputs + n * CLASSES, n);
    return c->options.reduction == TN_MEAN ? sum / class_total(&c->options) : sum;
}

/** Value, weight, unreduced values and gradient of one case against the formulas. */
static inline void check_class_case(const class_case *c, const tn_loss *loss)
{
    tn_tensor *output = matrix(ROWS, CLASSES, class_outputs), *gradient = matrix(ROWS, CLASSES, NULL);
    tn_tensor *labels = labels_of(ROWS, class_labels), *values = NULL;
    double exact[ROWS * CLASSES], value = 0.0, weight = 0.0;
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, (const int64_t[]){ROWS}, &values));
    ck_ok(tn_loss_compute(
        loss, output, labels,
        TN_OPTIONS(tn_loss_results, .loss = &value, .weight = &weight, .values = values, .gradient = gradient)));
    for (int i = 0; i < ROWS * CLASSES; i++)
        exact[i] = (double)class_outputs[i];
    ck_assert_double_eq_tol(value, class_loss(c, exact), 1e-12);
    ck_assert_double_eq_tol(weight, class_total(&c->options), 1e-12);
    for (int n = 0; n < ROWS; n++)
        ck_assert_double_eq_tol((double)tn_tensor_const_f32(values)[n], class_row(c, exact + n * CLASSES, n), 2e-6);
    check_differences(class_loss, c, class_outputs, tn_tensor_const_f32(gradient), ROWS * CLASSES);
    tn_tensor_destroy(&output);
    tn_tensor_destroy(&gradient);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&values);
}

#endif
