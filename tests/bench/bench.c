/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Clock, medians, machine, options. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int count)
{
    if (count < 1)
        return (double)NAN;
    qsort(values, (size_t)count, sizeof *values, compare);
    return 0.5 * (values[(count - 1) / 2] + values[count / 2]);
}

double bench_peak_rss(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? 1024.0 * (double)usage.ru_maxrss : (double)NAN;
}

void bench_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", what, tn_status_name(tn_last_status()), tn_last_error());
    exit(EXIT_FAILURE);
}

/* --- options */

static _Noreturn void usage(const char *program, const char *whats, int status)
{
    fprintf(status == 0 ? stdout : stderr, "usage: %s [--threads N] [--steps N] [--batch N] [--only %s] [--json]\n",
            program, whats);
    exit(status);
}

static _Noreturn void refuse_or_help(const char *program, const char *option, const char *whats)
{
    bool help = strcmp(option, "--help") == 0;
    if (strcmp(option, "--only") == 0)
        fprintf(stderr, "%s: --only wants %s\n", program, whats);
    else if (!help)
        fprintf(stderr, "%s: %s: there is no such option\n", program, option);
    usage(program, whats, help ? 0 : 2);
}

/* The number after option argv[*at]. */
static int number(int argc, char **argv, int *at, const char *whats)
{
    char *end = NULL;
    long value = *at + 1 < argc ? strtol(argv[*at + 1], &end, 10) : 0;
    if (end == NULL || *end != '\0' || value < 1 || value > 1000000) {
        fprintf(stderr, "%s: wants a number from 1\n", argv[*at]);
        usage(argv[0], whats, 2);
    }
    ++*at;
    return (int)value;
}

/* True if `word` is one of "train|predict|one". */
static bool is_listed(const char *word, const char *list)
{
    size_t length = strlen(word);
    for (; list != NULL; list = strchr(list, '|') != NULL ? strchr(list, '|') + 1 : NULL)
        if (length > 0 && strncmp(list, word, length) == 0 && (list[length] == '|' || list[length] == '\0'))
            return true;
    return false;
}

void bench_read_options(int argc, char **argv, const char *whats, bench_options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0)
            options->threads = number(argc, argv, &i, whats);
        else if (strcmp(argv[i], "--steps") == 0)
            options->steps = number(argc, argv, &i, whats);
        else if (strcmp(argv[i], "--batch") == 0)
            options->batch = number(argc, argv, &i, whats);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc && is_listed(argv[i + 1], whats))
            options->only = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            options->json = true;
        else
            refuse_or_help(argv[0], argv[i], whats);
    }
}

int bench_thread_counts(const bench_options *options, int counts[2])
{
    tn_version_info info = {.struct_size = sizeof info};
    if (options->threads > 0) {
        counts[0] = options->threads;
        return 1;
    }
    BENCH_TRY(tn_version(&info));
    counts[0] = 1;
    counts[1] = info.cores;
    return info.cores > 1 ? 2 : 1;
}

/* --- who this is */

/* The processor's name as Linux gives it, without what would end a JSON string. */
static void cpu_name(char *name, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(name, size, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
            name[strcspn(name, "\n\"\\")] = '\0';
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

static void date(char *text, size_t size)
{
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text, size, "unknown");
}

void bench_print_json_head(FILE *out, const char *benchmark)
{
    tn_version_info info = {.struct_size = sizeof info};
    char cpu[128], when[32];
    BENCH_TRY(tn_version(&info));
    cpu_name(cpu, sizeof cpu);
    date(when, sizeof when);
    fprintf(out, "{\"benchmark\":\"%s\",\"date\":\"%s\",\"machine\":{\"cpu\":\"%s\",\"cores\":%d},", benchmark, when,
            cpu, info.cores);
    fprintf(out, "\"library\":{\"version\":\"%s\",\"isa\":\"%s\",", info.version, info.isa);
    fprintf(out,
            "\"blis\":\"%s\",\"blis_link\":\"%s\",\"blis_kernels\":\"%s\",\"blis_source\":\"%s\",\"tile\":[%d,%d]}",
            info.blis_version, info.blis_link, info.blis_kernels, info.blis_source, info.gemm_mr, info.gemm_nr);
}

void bench_print_head(FILE *out, const char *benchmark)
{
    tn_version_info info = {.struct_size = sizeof info};
    char cpu[128], when[32];
    BENCH_TRY(tn_version(&info));
    cpu_name(cpu, sizeof cpu);
    date(when, sizeof when);
    fprintf(out, "%s: %s, %d cores; tinynet %s (%s), BLIS %s %s, kernels %s by %s, tile %dx%d; %s\n", benchmark, cpu,
            info.cores, info.version, info.isa, info.blis_version, info.blis_link, info.blis_kernels, info.blis_source,
            info.gemm_mr, info.gemm_nr, when);
}
