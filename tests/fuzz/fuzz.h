/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the fuzz targets share. A target is a file with LLVMFuzzerTestOneInput, which libFuzzer calls with inputs of
 * its own (fuzzing=true), and replay.c with files, in every build. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <tinynet/tinynet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** End the program, which is what a fuzzer notices, unless `condition` holds. */
#define require(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, tn_last_error());  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/** Accounts of an allocator that gives no more than `limit` bytes at a time, and fails from then on when `left`
 *  allocations have been made (0: never). */
typedef struct meter {
    size_t bytes, peak, limit, left;
} meter;

tn_allocator meter_allocator(meter *m, size_t limit);

/** The path of a file in memory with these contents; the next call replaces it. */
const char *fuzz_file(const void *data, size_t size);

/** A failure of a reader of files: of a status that blames the file, and in one line that starts with its path. */
void require_refusal(tn_status status, const char *path);
/** A failure of any call: it has a name and one line of detail. */
void require_failure(tn_status status);

/** The promise on memory: at most twice the file and 64 KiB, or what the caller allowed and 64 KiB. */
void require_memory(const meter *m, size_t allowed);

#endif
