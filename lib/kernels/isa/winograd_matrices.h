/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The matrices of Winograd's minimal filtering F(m,r): m outputs of an r-tap filter from a = m + r - 1 products,
 *
 *      y = A^T [(G g) * (B^T d)],    in two dimensions  Y = A^T [(G g G^T) * (B^T d B)] A
 *
 *  by the Cook-Toom construction on the points p_0..p_{a-2} and infinity, with N_i = prod_{j != i} (p_i - p_j):
 *
 *      A^T[j][i] = p_i^j            last column: 1 in the last row
 *      G[i][k]   = p_i^k / N_i      last row: 1 in the last column
 *      B^T[i][k] = coefficient of x^k in prod_{j != i} (x - p_j); last row: in prod_j (x - p_j)
 *
 *  `data` is B^T, `filter` is G, `output` is A^T. The points are chosen for small errors in float: small fractions.
 *
 *  With stride 2 and three taps, m outputs of 2m + 1 numbers are a sum of two filterings with stride 1, of the numbers in
 *  even places with two taps and of those in odd places with one:
 *
 *      y[j] = sum_k g[k] d[2j+k] = (g[0] d[2j] + g[2] d[2j+2]) + g[1] d[2j+1]
 *
 *  The first is F(m,2), the second takes m products, each with the tap itself: 2m + 1 products where plain sums take 3m,
 *  and the maps follow from the matrices of F(m,2) (winograd_maps.c).
 *  Source    Winograd, "Arithmetic complexity of computations", 1980; Lavin and Gray, "Fast algorithms for
 *            convolutional neural networks", 2016; points: Barabasz et al., "Error analysis and improving the accuracy
 *            of Winograd convolution", 2020 */
#ifndef TN_ISA_WINOGRAD_MATRICES_H
#define TN_ISA_WINOGRAD_MATRICES_H

/* F(2,2): points 0, 1, infinity. */
static const float data_2_2[3][3] = {
    {-1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 1.0f}};
static const float filter_2_2[3][2] = {
    {-1.0f, 0.0f},
    {1.0f, 1.0f},
    {0.0f, 1.0f}};
static const float output_2_2[2][3] = {
    {1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 1.0f}};

/* F(4,2): points 0, 1, -1, 2, infinity. */
static const float data_4_2[5][5] = {
    {2.0f, -1.0f, -2.0f, 1.0f, 0.0f},
    {0.0f, -2.0f, -1.0f, 1.0f, 0.0f},
    {0.0f, 2.0f, -3.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 2.0f, -1.0f, -2.0f, 1.0f}};
static const float filter_4_2[5][2] = {
    {1.0f / 2.0f, 0.0f},
    {-1.0f / 2.0f, -1.0f / 2.0f},
    {-1.0f / 6.0f, 1.0f / 6.0f},
    {1.0f / 6.0f, 1.0f / 3.0f},
    {0.0f, 1.0f}};
static const float output_4_2[4][5] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 4.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 8.0f, 1.0f}};

/* F(2,3): points 0, 1, -1, infinity. */
static const float data_2_3[4][4] = {
    {-1.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 0.0f, 1.0f}};
static const float filter_2_3[4][3] = {
    {-1.0f, 0.0f, 0.0f},
    {1.0f / 2.0f, 1.0f / 2.0f, 1.0f / 2.0f},
    {1.0f / 2.0f, -1.0f / 2.0f, 1.0f / 2.0f},
    {0.0f, 0.0f, 1.0f}};
static const float output_2_3[2][4] = {
    {1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 1.0f}};

/* F(4,3): points 0, 1, -1, 1/2, -2, infinity. */
static const float data_4_3[6][6] = {
    {1.0f, -3.0f / 2.0f, -2.0f, 3.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 1.0f / 2.0f, 5.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -5.0f / 2.0f, 1.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, -2.0f, -1.0f, 2.0f, 1.0f, 0.0f},
    {0.0f, 1.0f / 2.0f, -1.0f, -1.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -3.0f / 2.0f, -2.0f, 3.0f / 2.0f, 1.0f}};
static const float filter_4_3[6][3] = {
    {1.0f, 0.0f, 0.0f},
    {1.0f / 3.0f, 1.0f / 3.0f, 1.0f / 3.0f},
    {-1.0f / 3.0f, 1.0f / 3.0f, -1.0f / 3.0f},
    {-16.0f / 15.0f, -8.0f / 15.0f, -4.0f / 15.0f},
    {1.0f / 15.0f, -2.0f / 15.0f, 4.0f / 15.0f},
    {0.0f, 0.0f, 1.0f}};
static const float output_4_3[4][6] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 1.0f / 2.0f, -2.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 1.0f / 4.0f, 4.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 1.0f / 8.0f, -8.0f, 1.0f}};

/* F(6,3): points 0, 1, -1, 2, -2, 1/2, -1/2, infinity. */
static const float data_6_3[8][8] = {
    {-1.0f, 0.0f, 21.0f / 4.0f, 0.0f, -21.0f / 4.0f, 0.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, -17.0f / 4.0f, -17.0f / 4.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 1.0f, 17.0f / 4.0f, -17.0f / 4.0f, -1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f / 2.0f, 1.0f / 4.0f, -5.0f / 2.0f, -5.0f / 4.0f, 2.0f, 1.0f, 0.0f},
    {0.0f, -1.0f / 2.0f, 1.0f / 4.0f, 5.0f / 2.0f, -5.0f / 4.0f, -2.0f, 1.0f, 0.0f},
    {0.0f, 2.0f, 4.0f, -5.0f / 2.0f, -5.0f, 1.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, -2.0f, 4.0f, 5.0f / 2.0f, -5.0f, -1.0f / 2.0f, 1.0f, 0.0f},
    {0.0f, -1.0f, 0.0f, 21.0f / 4.0f, 0.0f, -21.0f / 4.0f, 0.0f, 1.0f}};
static const float filter_6_3[8][3] = {
    {-1.0f, 0.0f, 0.0f},
    {-2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f},
    {-2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f},
    {1.0f / 90.0f, 1.0f / 45.0f, 2.0f / 45.0f},
    {1.0f / 90.0f, -1.0f / 45.0f, 2.0f / 45.0f},
    {32.0f / 45.0f, 16.0f / 45.0f, 8.0f / 45.0f},
    {32.0f / 45.0f, -16.0f / 45.0f, 8.0f / 45.0f},
    {0.0f, 0.0f, 1.0f}};
static const float output_6_3[6][8] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 1.0f / 2.0f, -1.0f / 2.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 4.0f, 4.0f, 1.0f / 4.0f, 1.0f / 4.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 8.0f, -8.0f, 1.0f / 8.0f, -1.0f / 8.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 16.0f, 16.0f, 1.0f / 16.0f, 1.0f / 16.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 32.0f, -32.0f, 1.0f / 32.0f, -1.0f / 32.0f, 1.0f}};

/* F(4,5): the points of F(6,3). */
#define data_4_5 data_6_3 /* B^T depends on the points alone */
static const float filter_4_5[8][5] = {
    {-1.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {-2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f},
    {-2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f},
    {1.0f / 90.0f, 1.0f / 45.0f, 2.0f / 45.0f, 4.0f / 45.0f, 8.0f / 45.0f},
    {1.0f / 90.0f, -1.0f / 45.0f, 2.0f / 45.0f, -4.0f / 45.0f, 8.0f / 45.0f},
    {32.0f / 45.0f, 16.0f / 45.0f, 8.0f / 45.0f, 4.0f / 45.0f, 2.0f / 45.0f},
    {32.0f / 45.0f, -16.0f / 45.0f, 8.0f / 45.0f, -4.0f / 45.0f, 2.0f / 45.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 1.0f}};
static const float output_4_5[4][8] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 1.0f / 2.0f, -1.0f / 2.0f, 0.0f},
    {0.0f, 1.0f, 1.0f, 4.0f, 4.0f, 1.0f / 4.0f, 1.0f / 4.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 8.0f, -8.0f, 1.0f / 8.0f, -1.0f / 8.0f, 1.0f}};

/* F(2,7): the same points. */
#define data_2_7 data_6_3
static const float filter_2_7[8][7] = {
    {-1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
    {-2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f, -2.0f / 9.0f},
    {-2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f, 2.0f / 9.0f, -2.0f / 9.0f},
    {1.0f / 90.0f, 1.0f / 45.0f, 2.0f / 45.0f, 4.0f / 45.0f, 8.0f / 45.0f, 16.0f / 45.0f, 32.0f / 45.0f},
    {1.0f / 90.0f, -1.0f / 45.0f, 2.0f / 45.0f, -4.0f / 45.0f, 8.0f / 45.0f, -16.0f / 45.0f, 32.0f / 45.0f},
    {32.0f / 45.0f, 16.0f / 45.0f, 8.0f / 45.0f, 4.0f / 45.0f, 2.0f / 45.0f, 1.0f / 45.0f, 1.0f / 90.0f},
    {32.0f / 45.0f, -16.0f / 45.0f, 8.0f / 45.0f, -4.0f / 45.0f, 2.0f / 45.0f, -1.0f / 45.0f, 1.0f / 90.0f},
    {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f}};
static const float output_2_7[2][8] = {
    {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f},
    {0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 1.0f / 2.0f, -1.0f / 2.0f, 1.0f}};

#endif
