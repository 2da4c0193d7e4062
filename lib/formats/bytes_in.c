/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reads with offsets: short counts and interruptions are the normal case. */
#include "formats/bytes_in.h"

#include "base/status.h"
#include "formats/system_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MOST ((uint64_t)1 << 30) /* one call's share: some systems refuse more than 2^31 - 1 */

static tn_status measure(tn_bytes_in *in)
{
    struct stat status;
    if (fstat(in->fd, &status) != 0)
        return TN_FAIL(TN_ERR_IO, "%s: cannot examine: %s", in->path, tn_describe_errno(errno).text);
    if (!S_ISREG(status.st_mode))
        return TN_FAIL(TN_ERR_IO, "%s: is %s, not a regular file", in->path,
                       S_ISDIR(status.st_mode) ? "a directory" : "a special file");
    in->size = (uint64_t)status.st_size;
    return TN_OK;
}

tn_status tn_bytes_open(tn_bytes_in *in, const char *path)
{
    *in = (tn_bytes_in){.path = path, .fd = -1};
    do {
        in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (in->fd < 0 && errno == EINTR);
    if (in->fd < 0)
        return TN_FAIL(TN_ERR_IO, "%s: cannot open: %s", path, tn_describe_errno(errno).text);
    tn_status status = measure(in);
    if (status != TN_OK)
        tn_bytes_close(in);
    return status;
}

void tn_bytes_close(tn_bytes_in *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

tn_status tn_bytes_read_at(const tn_bytes_in *in, uint64_t offset, void *out, uint64_t size, const char *what)
{
    unsigned char *bytes = out;
    if (offset > in->size || size > in->size - offset)
        return TN_FAIL(TN_ERR_FORMAT, "%s: ends within %s: %" PRIu64 " bytes wanted, %" PRIu64 " left", in->path, what,
                       size, offset > in->size ? 0 : in->size - offset);
    while (size > 0) {
        ssize_t count = pread(in->fd, bytes, (size_t)(size < READ_MOST ? size : READ_MOST), (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return TN_FAIL(TN_ERR_IO, "%s: cannot read %s: %s", in->path, what, tn_describe_errno(errno).text);
        if (count == 0)
            return TN_FAIL(TN_ERR_IO, "%s: became shorter while %s was read", in->path, what);
        bytes += count;
        offset += (uint64_t)count;
        size -= (uint64_t)count;
    }
    return TN_OK;
}

tn_status tn_bytes_read(tn_bytes_in *in, void *out, uint64_t size, const char *what)
{
    TN_TRY(tn_bytes_read_at(in, in->position, out, size, what));
    in->position += size;
    return TN_OK;
}
