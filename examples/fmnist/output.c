/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Everything goes through what is kept, which is empty as long as there is room. A line that was written in part is
 *  completed by the rest of it. */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool keep(fmnist_output *output, const char *text)
{
    size_t length = strlen(text), size = output->size + length;
    if (size > output->capacity) {
        char *larger = realloc(output->kept, 2 * size);
        if (!larger)
            return false;
        output->kept = larger;
        output->capacity = 2 * size;
    }
    if (length > 0)
        memcpy(output->kept + output->size, text, length);
    output->size = size;
    return true;
}

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Whoever shares a pipe or a terminal with us may have made it non-blocking: wait, as write does otherwise. */
static bool wait_for_room(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLOUT};
    return poll(&end, 1, -1) >= 0 || errno == EINTR;
}

output_result output_write(fmnist_output *output, const char *text)
{
    size_t done = 0;
    output->error = 0;
    if (!keep(output, text)) {
        output->error = ENOMEM;
        return OUTPUT_LOST;
    }
    while (done < output->size && output->error == 0) {
        ssize_t count = write(output->fd, output->kept + done, output->size - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0)
            output->error = ENOSPC; /* nothing was taken: trying again at once could go on for ever */
        else if (errno == EAGAIN ? !wait_for_room(output->fd) : errno != EINTR)
            output->error = errno;
    }
    output->size -= done;
    if (output->size > 0)
        memmove(output->kept, output->kept + done, output->size);
    return output->error == 0 ? OUTPUT_WRITTEN : is_full(output->error) ? OUTPUT_KEPT : OUTPUT_LOST;
}

bool output_free(fmnist_output *output)
{
    bool empty = output->size == 0;
    free(output->kept);
    *output = (fmnist_output){.fd = output->fd, .error = output->error};
    return empty;
}
