/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What is running. */
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/gemm_kernel.h"

#include <tinynet/version.h>

#include <string.h>

tn_status tn_version(tn_version_info *info)
{
    const tn_gemm_kernel *kernel = tn_gemm_kernel_in_use();
    if (!info)
        return TN_FAIL(TN_ERR_INVALID, "tn_version: info is NULL");
    size_t size = info->struct_size;
    if (size < sizeof size)
        return TN_FAIL(TN_ERR_INVALID, "tn_version: struct_size is %zu, set it to sizeof(tn_version_info)", size);
    const tn_version_info own = {
        .struct_size = size,
        .version = TN_VERSION,
        .blis_version = kernel->blis_version,
        .blis_link = kernel->blis_link,
        .blis_kernels = kernel->kernels,
        .blis_source = kernel->source,
        .isa = tn_isa_name(tn_isa_in_use()),
        .cores = tn_cpu_cores(),
        .gemm_mr = (int)kernel->s,
        .gemm_nr = (int)kernel->v,
    };
    memcpy(info, &own, size < sizeof own ? size : sizeof own);
    return TN_OK;
}
