/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Writing the log, and finding the place in it where a resumed run goes on. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pipes and devices can be logged to; they have nothing to be cut. */
static bool is_regular(const fmnist_log *log)
{
    struct stat found;
    return log->file && fstat(fileno(log->file), &found) == 0 && S_ISREG(found.st_mode);
}

bool log_open(fmnist_log *log, const char *path)
{
    *log = (fmnist_log){.path = path};
    if (!path)
        return true;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    log->created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0)
        return false;
    fcntl(fd, F_SETFL, O_APPEND); /* a pipe without a reader was refused; from here on, writes may wait */
    log->file = fdopen(fd, "a");
    if (!log->file)
        close(fd);
    return log->file != NULL;
}

static bool cut(fmnist_log *log, off_t size)
{
    log->created = false;
    return !is_regular(log) || ftruncate(fileno(log->file), size) == 0;
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

static void put_number(FILE *file, const char *key, double value)
{
    if (isfinite(value))
        fprintf(file, ",\"%s\":%.9g", key, value);
    else
        fprintf(file, ",\"%s\":null", key);
}

bool log_write(fmnist_log *log, const log_line *line)
{
    if (!log->file)
        return true;
    fprintf(log->file, "{\"event\":\"%s\",\"epoch\":%" PRId64 ",\"step\":%" PRId64, line->event, line->epoch,
            line->step);
    put_number(log->file, "train_loss", line->train.loss);
    put_number(log->file, "train_accuracy", line->train.accuracy);
    put_number(log->file, "test_loss", line->test.count > 0 ? line->test.loss : NAN);
    put_number(log->file, "test_accuracy", line->test.count > 0 ? line->test.accuracy : NAN);
    put_number(log->file, "images_per_second", line->seconds > 0 ? (double)line->images / line->seconds : NAN);
    put_number(log->file, "seconds", line->seconds);
    fputs("}\n", log->file);
    return fflush(log->file) == 0 && !ferror(log->file);
}

bool log_close(fmnist_log *log)
{
    if (!log->file)
        return true;
    bool closed = fclose(log->file) == 0;
    if (log->created)
        unlink(log->path);
    log->file = NULL;
    return closed;
}
