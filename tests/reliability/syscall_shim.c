/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The wrappers have the names of libc's functions, those for 64-bit offsets included, and hand over to the next
 * library that has them. */
#undef _FILE_OFFSET_BITS /* open is open here, and not a name for open64 */
#undef _FORTIFY_SOURCE   /* which would have inline functions of these names */
#define _GNU_SOURCE
#include "syscall_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT extern shim syscall_shim;
shim syscall_shim;

/* The next library's function of the same name, as `real`. */
#define REAL(name)                                                                                                     \
    static __typeof__(&(name)) real;                                                                                   \
    if (real == NULL) {                                                                                                \
        void *symbol = dlsym(RTLD_NEXT, #name);                                                                        \
        memcpy(&real, &symbol, sizeof real);                                                                           \
    }

static void die(void)
{
    kill(getpid(), SIGKILL);
}

/* Count a call, and say what is to happen to it. What happens before it, happens here. */
static shim_fault meet(shim_call call)
{
    shim *s = &syscall_shim;
    if (!s->armed)
        return SHIM_NONE;
    int any = s->seen[SHIM_ANY]++, number = ++s->seen[call];
    if (any < SHIM_ORDER)
        s->order[any] = (unsigned char)call;
    number = s->plan.call == SHIM_ANY ? any + 1 : number;
    if ((s->plan.call != call && s->plan.call != SHIM_ANY) || number < s->plan.nth ||
        number - s->plan.nth >= s->plan.times)
        return SHIM_NONE;
    s->injected++;
    if (s->plan.fault == SHIM_KILL_BEFORE)
        die();
    if (s->plan.fault == SHIM_SIGNAL)
        raise(s->plan.error);
    return s->plan.fault;
}

static int fail(void)
{
    errno = syscall_shim.plan.error;
    return -1;
}

/* What a call that was made gives in the end. */
static ssize_t leave(shim_fault fault, ssize_t result)
{
    if (fault == SHIM_KILL_AFTER || fault == SHIM_KILL_WITHIN)
        die();
    return fault == SHIM_ERROR_AFTER ? fail() : result;
}

static size_t share(shim_fault fault, size_t size)
{
    return fault == SHIM_SHORT || fault == SHIM_KILL_WITHIN ? (size + 1) / 2 : size;
}

/* A call that gives an int: not made, or made. */
#define PASS(call, expression)                                                                                         \
    do {                                                                                                               \
        shim_fault fault_ = meet(call);                                                                                \
        return fault_ == SHIM_ERROR ? fail() : (int)leave(fault_, (expression));                                       \
    } while (0)

static void close_quietly(int fd)
{
    REAL(close)
    real(fd);
}

/* A descriptor that is said not to be there is not left open. */
static int leave_open(shim_fault fault, int fd)
{
    if (fault == SHIM_ERROR_AFTER && fd >= 0)
        close_quietly(fd);
    return (int)leave(fault, fd);
}

#define PASS_OPEN(expression)                                                                                          \
    do {                                                                                                               \
        shim_fault fault_ = meet(SHIM_OPEN);                                                                           \
        return fault_ == SHIM_ERROR ? fail() : leave_open(fault_, (expression));                                       \
    } while (0)

/* A call that moves `size` bytes. */
#define PASS_BYTES(call, size, expression)                                                                             \
    do {                                                                                                               \
        shim_fault fault_ = meet(call);                                                                                \
        (size) = share(fault_, (size));                                                                                \
        return fault_ == SHIM_ERROR ? fail() : leave(fault_, (expression));                                            \
    } while (0)

static mode_t mode_of(int flags, va_list list)
{
    return flags & O_CREAT ? (mode_t)va_arg(list, unsigned) : 0;
}

#define OPEN(name)                                                                                                     \
    EXPORT int name(const char *path, int flags, ...)                                                                  \
    {                                                                                                                  \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = mode_of(flags, list);                                                                            \
        va_end(list);                                                                                                  \
        REAL(name)                                                                                                     \
        PASS_OPEN(real(path, flags, mode));                                                                            \
    }
#define OPENAT(name)                                                                                                   \
    EXPORT int name(int directory, const char *path, int flags, ...)                                                   \
    {                                                                                                                  \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = mode_of(flags, list);                                                                            \
        va_end(list);                                                                                                  \
        REAL(name)                                                                                                     \
        PASS_OPEN(real(directory, path, flags, mode));                                                                 \
    }
#define FSTAT(name, type)                                                                                              \
    EXPORT int name(int fd, struct type *out)                                                                          \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        PASS(SHIM_STAT, real(fd, out));                                                                                \
    }
#define FSTATAT(name, type)                                                                                            \
    EXPORT int name(int directory, const char *path, struct type *out, int flags)                                      \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        PASS(SHIM_STAT, real(directory, path, out, flags));                                                            \
    }
#define PREAD(name, offset_type)                                                                                       \
    EXPORT ssize_t name(int fd, void *data, size_t size, offset_type offset)                                           \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        PASS_BYTES(SHIM_READ, size, real(fd, data, size, offset));                                                     \
    }
#define MMAP(name, offset_type)                                                                                        \
    EXPORT void *name(void *address, size_t size, int protection, int flags, int fd, offset_type offset)               \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        (void)meet(SHIM_MMAP);                                                                                         \
        return real(address, size, protection, flags, fd, offset);                                                     \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)
PREAD(pread, off_t)
PREAD(pread64, off64_t)
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

EXPORT ssize_t read(int fd, void *data, size_t size)
{
    REAL(read)
    PASS_BYTES(SHIM_READ, size, real(fd, data, size));
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write)
    PASS_BYTES(SHIM_WRITE, size, real(fd, data, size));
}

EXPORT int fsync(int fd)
{
    REAL(fsync)
    PASS(SHIM_SYNC, real(fd));
}

/* Whatever close reports, Linux has let go of the descriptor. */
EXPORT int close(int fd)
{
    REAL(close)
    shim_fault fault = meet(SHIM_CLOSE);
    return (int)leave(fault == SHIM_ERROR ? SHIM_ERROR_AFTER : fault, real(fd));
}

EXPORT int rename(const char *from, const char *to)
{
    REAL(rename)
    PASS(SHIM_RENAME, real(from, to));
}

EXPORT int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    REAL(renameat)
    PASS(SHIM_RENAME, real(from_directory, from, to_directory, to));
}

EXPORT int unlink(const char *path)
{
    REAL(unlink)
    PASS(SHIM_UNLINK, real(path));
}

EXPORT int unlinkat(int directory, const char *path, int flags)
{
    REAL(unlinkat)
    PASS(SHIM_UNLINK, real(directory, path, flags));
}

/* A program that knows nothing of the shim: armed from the start. */
__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *text = getenv("SYSCALL_SHIM");
    int call, nth, times, fault, error;
    if (text != NULL && sscanf(text, "%d %d %d %d %d", &call, &nth, &times, &fault, &error) == 5)
        shim_arm(&syscall_shim, (shim_plan){(shim_call)call, nth, times, (shim_fault)fault, error});
}

__attribute__((destructor)) static void tell_count(void)
{
    const char *path = getenv("SYSCALL_SHIM_COUNT");
    syscall_shim.armed = false;
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%d\n", syscall_shim.injected);
    fclose(file);
}
