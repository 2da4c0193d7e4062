/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of each instruction set, and which of them are in use. */
#include "kernels/cpu.h"
#include "kernels/isa/element_table.h"
#include "kernels/product.h"

static const struct {
    const tn_conv_table *conv;
    const tn_element_table *element;
} tables[] = {
    [TN_ISA_GENERIC] = {&tn_conv_table_generic, &tn_element_table_generic},
#if TN_ISAS > 1
    [TN_ISA_AVX2] = {&tn_conv_table_avx2, &tn_element_table_avx2},
#endif
#if TN_ISAS > 2
    [TN_ISA_AVX512] = {&tn_conv_table_avx512, &tn_element_table_avx512},
#endif
};

const tn_conv_table *tn_conv_kernels(void)
{
    return tables[tn_isa_in_use()].conv;
}

const tn_element_table *tn_element_kernels(void)
{
    return tables[tn_isa_in_use()].element;
}
