/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The list of cases: kernel_cases.h says what a case is. */
#include "kernel_runs.h"

#include "kernels/cpu.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const kernel_tables *kernel_tables_number(int number)
{
    static const kernel_tables all[] = {
        {"reference", &reference_element_table, &reference_conv_table},
        {"generic", &tn_element_table_generic, &tn_conv_table_generic},
#if TN_ISAS > 1
        {"avx2", &tn_element_table_avx2, &tn_conv_table_avx2},
#endif
#if TN_ISAS > 2
        {"avx512", &tn_element_table_avx512, &tn_conv_table_avx512},
#endif
    };
    return number <= 1 + (int)tn_isa_best() ? &all[number] : NULL; /* generic is TN_ISA_GENERIC, 0 */
}

/* --- inputs */

/** Marsaglia's xorshift64*, as a number in [0,1). */
static double draw_unit(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)(*state * UINT64_C(2685821657736338717) >> 11) * 0x1p-53;
}

void kernel_draw_inputs(kernel_buffers *b)
{
    static const float strange[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-40f};
    uint64_t state = 2024;
    for (int i = 0; i < KERNEL_FLOATS; i++) {
        b->finite[i] = (float)(6.0 * draw_unit(&state) - 3.0);
        b->wild[i] = i % 13 == 5 ? strange[i / 13 % 5] : 10.0f * b->finite[i];
        b->bytes[i] = (uint8_t)(9.0 * draw_unit(&state));
    }
}

void kernel_clear_outputs(kernel_buffers *b)
{
    for (int i = 0; i < KERNEL_FLOATS; i++)
        b->out[i] = -7.0f;
    memset(b->index, 0xee, sizeof b->index);
}

/* --- the list */

#define ELEMENT(name, tolerance, of_largest)                                                                           \
    {                                                                                                                  \
#name, run_##name, IN_ELEMENTS, offsetof(tn_element_table, name), tolerance, of_largest, 0, 0, 0, 0            \
    }
#define POOLING(name, rows, cols, index_size)                                                                          \
    {                                                                                                                  \
#name " " #rows "x" #cols " index " #index_size, run_##name, IN_ELEMENTS, offsetof(tn_element_table, name),    \
            0.0, false, rows, cols, index_size, 0                                                                      \
    }
#define CONV(name, text, a, b)                                                                                         \
    {                                                                                                                  \
#name text, run_##name, IN_CONV, offsetof(tn_conv_table, name), 0.0, false, a, b, 0, 0                         \
    }
#define TILE(run, end, text)                                                                                           \
    {                                                                                                                  \
        "own_tile " #run text, run_own_tile, IN_CONV, offsetof(tn_conv_table, tile), 1e-6, true, run, end, 0, 0        \
    }
#define DIRECT(rows, kind, text)                                                                                       \
    {                                                                                                                  \
        "direct " #rows text, run_direct, IN_CONV, offsetof(tn_conv_table, direct), 1e-6, true, rows, kind, 0, 0       \
    }
#define FEW(pass, filters, other, text)                                                                                \
    {                                                                                                                  \
        "few " #pass text, run_few_##pass, IN_CONV, offsetof(tn_conv_table, few), 1e-6, true, filters, other, 0, 0     \
    }
#define DEPTHWISE(pass, taps, end, text)                                                                               \
    {                                                                                                                  \
        "depthwise " #pass " " #taps text, run_depthwise_##pass, IN_CONV, offsetof(tn_conv_table, depthwise), 1e-6,    \
            true, taps, end, 0, 0                                                                                      \
    }
#define THIN(rows, depth)                                                                                              \
    {                                                                                                                  \
        "thin_product " #rows "x" #depth, run_thin_product, IN_CONV, offsetof(tn_conv_table, thin_product), 1e-6,      \
            true, rows, depth, 0, 0                                                                                    \
    }
#define STRASSEN_END(end, text)                                                                                        \
    {                                                                                                                  \
        "strassen_end" text, run_strassen_end, IN_CONV, offsetof(tn_conv_table, strassen_end), 1e-6, true, end, 0, 0, 0 \
    }
#define WINOGRAD_CASE(run, m, r, stride, map, text)                                                                    \
    {                                                                                                                  \
        "winograd F(" #m "," #r ") stride " #stride " " text, run, IN_CONV, offsetof(tn_conv_table, winograd), 4e-6,   \
            true, m, r, map, stride                                                                                    \
    }
#define WINOGRAD(m, r, stride)                                                                                         \
    WINOGRAD_CASE(run_winograd, m, r, stride, FILTER, "filter"),                                                       \
        WINOGRAD_CASE(run_winograd, m, r, stride, FILTER_PAST, "filter past"),                                         \
        WINOGRAD_CASE(run_winograd, m, r, stride, FILTER_GRADIENT, "filter gradient"),                                 \
        WINOGRAD_CASE(run_winograd, m, r, stride, OUTPUT, "output"),                                                   \
        WINOGRAD_CASE(run_winograd, m, r, stride, BACK_OUTPUT, "output, back"),                                        \
        WINOGRAD_CASE(run_winograd_results, m, r, stride, RESULTS, "results"),                                         \
        WINOGRAD_CASE(run_winograd_results, m, r, stride, ACTIVATED, "results, bias, ReLU"),                           \
        WINOGRAD_CASE(run_winograd_results, m, r, stride, BACK_RESULTS, "results, back"),                              \
        WINOGRAD_CASE(run_winograd_pixels, m, r, stride, DATA, "data"),                                                \
        WINOGRAD_CASE(run_winograd_pixels, m, r, stride, BACK_DATA, "data, back"),                                     \
        WINOGRAD_CASE(run_winograd_pixels, m, r, stride, DATA_ROWS, "rows of data"),                                   \
        WINOGRAD_CASE(run_winograd_pixels, m, r, stride, GRADIENT_ROWS, "rows of the gradient")

#define ULP 0x1p-23

const kernel_case kernel_cases[] = {
    ELEMENT(relu, 0.0, false),
    ELEMENT(sigmoid, 2.5 * ULP, false),
    ELEMENT(tanh, 1.5 * ULP, false),
    ELEMENT(exp, 1.0 * ULP, false),
    ELEMENT(relu_gradient, 0.0, false),
    ELEMENT(sigmoid_gradient, 0.0, false),
    ELEMENT(tanh_gradient, 0.0, false),
    ELEMENT(softmax, 1e-6, true),
    ELEMENT(log_softmax, 1e-6, true),
    ELEMENT(softmax_gradient, 1e-6, true),
    ELEMENT(softmax_columns, 1e-6, true),
    ELEMENT(log_softmax_columns, 1e-6, true),
    ELEMENT(softmax_gradient_columns, 1e-6, true),
    POOLING(max_pixel, 3, 3, 1),
    POOLING(max_pixel, 2, 2, 1),
    POOLING(max_pixel, 3, 2, 2),
    POOLING(max_pixel, 4, 4, 4),
    POOLING(max_pixel, 3, 3, 0),
    POOLING(max_pixel_gradient, 1, 1, 1),
    POOLING(max_pixel_gradient, 1, 2, 1),
    POOLING(max_pixel_gradient, 2, 1, 1),
    POOLING(max_pixel_gradient, 2, 2, 1),
    POOLING(max_pixel_gradient, 3, 3, 1),
    POOLING(max_pixel_gradient, 2, 2, 2),
    POOLING(max_pixel_gradient, 2, 2, 4),
    POOLING(avg_pixel, 3, 3, 0),
    POOLING(avg_pixel_gradient, 2, 2, 0),
    ELEMENT(sum_rows, 1e-6, true),
    ELEMENT(add, 0.0, false),
    ELEMENT(sum_squares, 1.0 * ULP, false),
    ELEMENT(dropout, 0.0, false),
    ELEMENT(dropout_mask, 0.0, false),
    ELEMENT(scale_bytes, 0.0, false),
    ELEMENT(blend, 0.0, false),
    CONV(interleave, " 4", 4, 0),
    CONV(interleave, " 6", 6, 0),
    CONV(interleave, " 12", 12, 0),
    CONV(interleave, " 16", 16, 0),
    CONV(interleave, " 32", 32, 0),
    CONV(copy_rows, " 12", 12, 0),
    CONV(copy_rows, " 32", 32, 0),
    CONV(copy_panels, " 12", 12, 0),
    CONV(copy_panels, " 32", 32, 0),
    CONV(add_rows, " 3", 3, 0),
    CONV(add_rows, " 9", 9, 0),
    CONV(add_rows, " 11", 11, 0),
    CONV(add_rows, " 21", 21, 0),
    CONV(add_rows, " 30", 30, 0),
    CONV(add_rows, " 33", 33, 0),
    CONV(add_rows, " 35", 35, 0),
    TILE(9, 0, ""),
    TILE(40, 1, " add"),
    TILE(13, 2, " bias"),
    TILE(40, 7, " add bias relu"),
    DIRECT(12, 0, " along"),
    DIRECT(12, 1, " across"),
    DIRECT(3, 2, " along, added"),
    DIRECT(7, 3, " across, added"),
    DIRECT(12, 5, " stream"),
    DIRECT(7, 7, " stream, added"),
    DIRECT(12, 4, " stream along"),
    DIRECT(3, 6, " stream along, added"),
    FEW(forward, 3, 0, " 3"),
    FEW(forward, 4, 1, " 4 relu"),
    FEW(forward, 7, 1, " 7 relu"),
    FEW(forward, 0, 0, ""),
    FEW(forward, 0, 1, " relu"),
    FEW(forward, 0, 2, " past the caches"),
    FEW(forward, 0, 3, " relu past the caches"),
    FEW(gradient, 3, 0, " 3"),
    FEW(gradient, 4, 3, " 4, 3 rows"),
    FEW(gradient, 7, 2, " 7, 2 rows"),
    FEW(gradient, 0, 5, " 5 rows"),
    FEW(gradient, 0, 0, ""),
    FEW(gradient_pairs, 1, 1, " 1, 1 row"),
    FEW(gradient_pairs, 2, 2, " 2, 2 rows"),
    CONV(finish, "", 0, 0),
    CONV(finish, " bias", 1, 0),
    CONV(finish, " relu", 0, 1),
    CONV(finish, " bias relu", 1, 1),
    CONV(accumulate, "", 0, 0),
    DEPTHWISE(filter, 9, 0, ""),
    DEPTHWISE(filter, 4, 1, " bias"),
    DEPTHWISE(filter, 0, 3, " bias relu"),
    DEPTHWISE(filter, 9, 3, " bias relu"),
    DEPTHWISE(gradient, 9, 0, ""),
    DEPTHWISE(gradient, 2, 0, ""),
    CONV(strassen_sums, "", 0, 0),
    CONV(strassen_sums, ", rows apart", 5, 0),
    STRASSEN_END(0, ""),
    STRASSEN_END(1, ", added"),
    STRASSEN_END(6, ", bias, ReLU"),
    STRASSEN_END(7, ", added, bias, ReLU"),
    THIN(1, 8),
    THIN(1, 35),
    THIN(3, 19),
    WINOGRAD(2, 3, 1),
    WINOGRAD(4, 3, 1),
    WINOGRAD(6, 3, 1),
    WINOGRAD(4, 5, 1),
    WINOGRAD(2, 7, 1),
    WINOGRAD(2, 3, 2),
    WINOGRAD(4, 3, 2),
};
const int kernel_case_count = sizeof kernel_cases / sizeof kernel_cases[0];
