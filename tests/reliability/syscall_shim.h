/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A module for LD_PRELOAD that stands between a program and the system: it counts the calls that files are read and
 *  written with, and makes the ones that a plan names fail, come back short, meet a signal, or end the process.
 *
 *  A test finds it with shim_find, which fails if it was not loaded, and sets the plan itself. A program that knows
 *  nothing of it gets its plan from the environment, and leaves the number of its faults in a file when it ends:
 *
 *      SYSCALL_SHIM="CALL NTH TIMES FAULT ERROR"    a shim_plan, enumerations as numbers
 *      SYSCALL_SHIM_COUNT=FILE */
#ifndef TESTS_RELIABILITY_SYSCALL_SHIM_H
#define TESTS_RELIABILITY_SYSCALL_SHIM_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum shim_call {
    SHIM_OPEN,
    SHIM_STAT,
    SHIM_READ,
    SHIM_WRITE,
    SHIM_SYNC,
    SHIM_CLOSE,
    SHIM_RENAME,
    SHIM_UNLINK,
    SHIM_MMAP, /* counted only: the library has no business with it */
    SHIM_ANY,
    SHIM_CALLS = SHIM_ANY
} shim_call;

typedef enum shim_fault {
    SHIM_ERROR,       /* nothing happens but the error; a descriptor is closed all the same */
    SHIM_ERROR_AFTER, /* it happens, and is reported as an error */
    SHIM_SHORT,       /* half of a read or write, at least one byte */
    SHIM_KILL_BEFORE, /* SIGKILL before the call, ... */
    SHIM_KILL_WITHIN, /* ... after half of a write, ... */
    SHIM_KILL_AFTER,  /* ... and after it */
    SHIM_SIGNAL,      /* the signal `error` comes before it, and then it happens */
    SHIM_NONE
} shim_fault;

/** The calls number `nth` (from 1) to nth + times - 1 of a kind. */
typedef struct shim_plan {
    shim_call call;
    int nth, times;
    shim_fault fault;
    int error; /* errno, or the signal */
} shim_plan;

#define SHIM_FOR_EVER 1000000

enum { SHIM_ORDER = 512 };

/** The shim's one variable, which the module exports as "syscall_shim". Not for several threads. */
typedef struct shim {
    shim_plan plan;
    bool armed;
    int seen[SHIM_CALLS + 1]; /* calls while armed; the last is of any kind */
    int injected;
    unsigned char order[SHIM_ORDER]; /* the first ones, as shim_call */
} shim;

/** The shim of this process; NULL: not loaded. */
static inline shim *shim_find(void)
{
    void *program = dlopen(NULL, RTLD_NOW), *found = dlsym(program, "syscall_shim");
    dlclose(program);
    return found;
}

static inline void shim_arm(shim *s, shim_plan plan)
{
    *s = (shim){.plan = plan, .armed = true};
}

#endif
