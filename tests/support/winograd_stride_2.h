/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The matrices of F(m,3) at stride 2 written out, which the library makes of those of F(m,2): see winograd_matrices.h
 *  and winograd_maps.c. Filters of the last m points, which are the same, stand m times; the library transforms filters
 *  to the first m + 2 rows alone. */
#ifndef TN_TESTS_WINOGRAD_STRIDE_2_H
#define TN_TESTS_WINOGRAD_STRIDE_2_H

/* F(2,3) at stride 2. */
static const float data_2_3_2[5][5] = {
    {-1.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, -1.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 1.0f, 0.0f}};
static const float filter_2_3_2[5][3] = {
    {-1.0f, 0.0f, 0.0f},
    {1.0f, 0.0f, 1.0f},
    {0.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f}};
static const float output_2_3_2[2][5] = {
    {1.0f, 1.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 0.0f, 1.0f}};
static const float back_data_2_3_2[5][3] = {
    {-1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 1.0f},
    {1.0f, 0.0f, 0.0f},
    {0.0f, 1.0f, 0.0f}};
static const float back_output_2_3_2[4][5] = {
    {0.0f, 0.0f, 0.0f, 1.0f, 0.0f},
    {1.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, 1.0f, 0.0f, 0.0f}};

/* F(4,3) at stride 2. */
static const float data_4_3_2[9][9] = {
    {2.0f, 0.0f, -1.0f, 0.0f, -2.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, -2.0f, 0.0f, -1.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 2.0f, 0.0f, -3.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, -1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 2.0f, 0.0f, -1.0f, 0.0f, -2.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f}};
static const float filter_4_3_2[9][3] = {
    {1.0f / 2.0f, 0.0f, 0.0f},
    {-1.0f / 2.0f, 0.0f, -1.0f / 2.0f},
    {-1.0f / 6.0f, 0.0f, 1.0f / 6.0f},
    {1.0f / 6.0f, 0.0f, 1.0f / 3.0f},
    {0.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f}};
static const float output_4_3_2[4][9] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 4.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 8.0f, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f}};
static const float back_data_4_3_2[9][5] = {
    {2.0f, -1.0f, -2.0f, 1.0f, 0.0f},
    {0.0f, -2.0f, -1.0f, 1.0f, 0.0f},
    {0.0f, 2.0f, -3.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 2.0f, -1.0f, -2.0f, 1.0f},
    {1.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 1.0f, 0.0f}};
static const float back_output_4_3_2[8][9] = {
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f},
    {1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 4.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f},
    {0.0f, 1.0f, -1.0f, 8.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f}};

#endif
