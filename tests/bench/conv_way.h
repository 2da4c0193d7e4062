/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Ways to compute one pass of a convolution: ours and oneDNN's, ready to run. What is decided, allocated or rearranged
 *  once is done when a way is made; a run is what a step of training or prediction would cost. */
#ifndef TESTS_BENCH_CONV_WAY_H
#define TESTS_BENCH_CONV_WAY_H

#include "kernels/conv.h"

/** The operands that all ways share: each reads them in its own layout, whose numbers mean nothing to the clock. */
typedef struct conv_operands {
    float *x, *w, *y, *bias, *result;
    size_t images;          /* bytes of x, y and result each, channels rounded up for layouts that do so */
    size_t filters, biases; /* bytes of w and bias */
} conv_operands;

typedef struct conv_problem {
    tn_conv_shape shape;
    tn_conv_pass pass;
    bool precise; /* ours: plain sums only */
    int threads;
    tn_pool *pool;
    const conv_operands *operands;
} conv_problem;

typedef struct conv_way {
    char name[48];            /* "winograd(4,3)", "jit:avx512_core" */
    void (*run)(void *state); /* NULL: there is no such way */
    void (*destroy)(void *state);
    void *state;
} conv_way;

typedef enum conv_way_kind { WAY_OURS, WAY_PREPARED, WAY_DIRECT, WAY_AUTO, WAY_WINOGRAD, WAY_KINDS } conv_way_kind;

/** Forward: with bias and ReLU.
 *  @param prepared  forward and data: filters transformed or packed beforehand, as in prediction and where weights stay
 *                   as they are; there is no such way for the gradient of the filters */
conv_way conv_way_ours(const conv_problem *problem, bool prepared);
/** oneDNN's, by the algorithm that `kind` asks it for; forward with bias and ReLU. */
conv_way conv_way_onednn(const conv_problem *problem, conv_way_kind kind);
void conv_way_destroy(conv_way *way);

/** "2.6.3"; NULL if these programs were built without oneDNN. */
const char *onednn_version(void);

#endif
