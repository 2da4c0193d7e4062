/* SPDX-License-Identifier: BSD-3-Clause */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* memfd_create */
#endif
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define SLACK 65536

static void *meter_alloc(void *context, size_t size, size_t alignment)
{
    meter *m = context;
    void *pointer = NULL;
    if (m->left == 1 || size > m->limit || m->bytes > m->limit - size)
        return NULL;
    if (m->left > 1)
        m->left--;
    if (posix_memalign(&pointer, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    m->bytes += size;
    m->peak = m->bytes > m->peak ? m->bytes : m->peak;
    return pointer;
}

static void meter_release(void *context, void *pointer, size_t size)
{
    meter *m = context;
    require(size <= m->bytes);
    m->bytes -= size;
    free(pointer);
}

tn_allocator meter_allocator(meter *m, size_t limit)
{
    *m = (meter){.limit = limit};
    return (tn_allocator){meter_alloc, meter_release, m};
}

const char *fuzz_file(const void *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        require(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    require(ftruncate(fd, 0) == 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

void require_failure(tn_status status)
{
    require(status == tn_last_status());
    require(strncmp(tn_status_name(status), "TN_", 3) == 0);
    require(tn_last_error()[0] != '\0' && strchr(tn_last_error(), '\n') == NULL);
}

void require_refusal(tn_status status, const char *path)
{
    require(status == TN_ERR_FORMAT || status == TN_ERR_VERSION || status == TN_ERR_UNSUPPORTED ||
            status == TN_ERR_OVERFLOW || status == TN_ERR_SHAPE || status == TN_ERR_TYPE || status == TN_ERR_STATE ||
            status == TN_NOT_FOUND);
    require_failure(status);
    require(strncmp(tn_last_error(), path, strlen(path)) == 0);
}

void require_memory(const meter *m, size_t allowed)
{
    require(m->bytes == 0);
    require(m->peak <= allowed + SLACK);
}
