/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  One case for each inner loop of lib/kernels/isa: how it is called on test numbers, and how near it must come to its
 *  reference. A test compares with these, and a benchmark times them, as dav1d's checkasm does. */
#ifndef TESTS_SUPPORT_KERNEL_CASES_H
#define TESTS_SUPPORT_KERNEL_CASES_H

#include "reference_loops.h"

enum { KERNEL_FLOATS = 26 * 1024, KERNEL_MOST = 300 /* numbers of a case */ };

/** The loops of one instruction set, or the references. */
typedef struct kernel_tables {
    const char *name;
    const tn_element_table *element;
    const tn_conv_table *conv;
} kernel_tables;

/** Set number 0 is the references, then come those that this CPU has, generic first; NULL past the last. */
const kernel_tables *kernel_tables_number(int number);

/** What cases read and write. */
typedef struct kernel_buffers {
    float wild[KERNEL_FLOATS];    /* with NaN, infinities and a negative zero among them */
    float finite[KERNEL_FLOATS];  /* within 3 of zero */
    uint8_t bytes[KERNEL_FLOATS]; /* 0 to 8 */
    float out[KERNEL_FLOATS];
    uint8_t index[4 * KERNEL_MOST];
} kernel_buffers;

/** Fill the inputs with the same numbers every time. */
void kernel_draw_inputs(kernel_buffers *buffers);
/** Make the outputs what they are before a loop. */
void kernel_clear_outputs(kernel_buffers *buffers);

typedef struct kernel_case kernel_case;
struct kernel_case {
    const char *name;
    /** Call the loop for `count` numbers, channels or steps; returns how many results it gives. */
    int64_t (*run)(const kernel_case *c, const kernel_tables *t, kernel_buffers *b, int64_t count);
    enum { IN_ELEMENTS, IN_CONV } table;
    size_t offset;    /* of the loop in its table */
    double tolerance; /* 0: same bits; otherwise relative to the number, or to the largest with of_largest */
    bool of_largest;
    int a, b, map; /* sizes that tell cases of one loop apart; Winograd: m, r, and which map */
    int stride;    /* Winograd's */
};

extern const kernel_case kernel_cases[];
extern const int kernel_case_count;

/** The maps of F(m,r) at a stride in a table; NULL if it has none. */
const tn_winograd_maps *kernel_maps_of(const tn_conv_table *table, int m, int r, int stride);

#endif
