/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Writing the log, and finding the place in it where a resumed run goes on. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pipes and devices can be logged to; they have nothing to be cut. */
static bool is_regular(const fmnist_log *log)
{
    struct stat found;
    return log->path && fstat(log->output.fd, &found) == 0 && S_ISREG(found.st_mode);
}

bool log_open(fmnist_log *log, const char *path)
{
    *log = (fmnist_log){.path = NULL};
    if (!path)
        return true;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    log->created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0)
        return false;
    fcntl(fd, F_SETFL, O_APPEND); /* a pipe without a reader was refused; from here on, writes may wait */
    log->output.fd = fd;
    log->path = path;
    return true;
}

static bool cut(fmnist_log *log, off_t size)
{
    log->created = false;
    return !is_regular(log) || ftruncate(log->output.fd, size) == 0;
}

bool log_start(fmnist_log *log)
{
    return cut(log, 0);
}

/* Lines of others are kept, whole ones of ours up to the place, torn ones never. */
static bool belongs(const char *line, size_t length, int64_t epochs, int64_t steps)
{
    char event[8];
    int64_t epoch, step;
    if (length == 0 || line[length - 1] != '\n')
        return false;
    if (sscanf(line, "{\"event\":\"%7[a-z]\",\"epoch\":%" SCNd64 ",\"step\":%" SCNd64, event, &epoch, &step) != 3)
        return true;
    return strcmp(event, "step") == 0 ? step <= steps : epoch <= epochs;
}

bool log_start_again(fmnist_log *log, int64_t epochs, int64_t steps)
{
    if (!is_regular(log))
        return cut(log, 0);
    FILE *file = fopen(log->path, "r");
    char *line = NULL;
    size_t capacity = 0;
    off_t kept = 0;
    if (!file)
        return false;
    for (ssize_t length; (length = getline(&line, &capacity, file)) > 0; kept += (off_t)length)
        if (!belongs(line, (size_t)length, epochs, steps))
            break;
    bool read = !ferror(file);
    free(line);
    fclose(file);
    return read && cut(log, kept);
}

/* ,"KEY":VALUE, or null for what is no number. */
typedef struct number {
    char text[48];
} number;

static number put_number(const char *key, double value)
{
    number out;
    if (isfinite(value))
        snprintf(out.text, sizeof out.text, ",\"%s\":%.9g", key, value);
    else
        snprintf(out.text, sizeof out.text, ",\"%s\":null", key);
    return out;
}

output_result log_write(fmnist_log *log, const log_line *line)
{
    char text[512];
    bool tested = line->test.count > 0;
    if (!log->path)
        return OUTPUT_WRITTEN;
    snprintf(text, sizeof text, "{\"event\":\"%s\",\"epoch\":%" PRId64 ",\"step\":%" PRId64 "%s%s%s%s%s%s}\n",
             line->event, line->epoch, line->step, put_number("train_loss", line->train.loss).text,
             put_number("train_accuracy", line->train.accuracy).text,
             put_number("test_loss", tested ? line->test.loss : NAN).text,
             put_number("test_accuracy", tested ? line->test.accuracy : NAN).text,
             put_number("images_per_second", line->seconds > 0 ? (double)line->images / line->seconds : NAN).text,
             put_number("seconds", line->seconds).text);
    return output_write(&log->output, text);
}

bool log_close(fmnist_log *log)
{
    if (!log->path)
        return true;
    (void)output_write(&log->output, "");
    int error = log->output.error;
    bool written = output_free(&log->output), closed = close(log->output.fd) == 0;
    if (log->created)
        unlink(log->path);
    log->path = NULL;
    errno = written ? errno : error;
    return written && closed;
}
