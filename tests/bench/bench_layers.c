/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Speed of single convolutions, pass by pass, beside oneDNN's where it was found, and of dense layers' products.
 *
 *  Each library in its own layout; nothing is rearranged while the clock runs. GFLOP/s count the operations of the
 *  definition: Winograd passes the micro-kernel's rate, which is measured before every layer. */
#include "base/memory.h"
#include "bench.h"
#include "conv_report.h"
#include "conv_turns.h"
#include "dense_products.h"
#include "kernel_peak.h"
#include "pin_threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 512 };

typedef struct settings {
    int threads;   /* 0: one, then all cores */
    int64_t batch; /* 0: 1, then 32 */
    int pass;      /* -1: all */
    bool precise;
    conv_turns turns;
    report report;
    const char *prefix;
} settings;

static const char usage_text[] =
    "usage: bench_layers [options] [NAME-PREFIX]\n"
    "  --threads N   (one, then all cores)    --batch N    (1, then 32)    --repeats N  (7)\n"
    "  --pass forward|data|filter             --precise    plain sums only\n"
    "  --alone       without oneDNN           --cpu-time   processor time, for a busy machine and one thread\n"
    "  --json        --markdown               --list       names of the layers\n";

/* --- operands */

static int64_t padded(int64_t channels)
{
    return (channels + 63) / 64 * 64;
}

static float *numbers(size_t bytes)
{
    float *out;
    BENCH_TRY(tn_alloc(NULL, bytes, "operands", &out));
    for (size_t i = 0; i < bytes / sizeof *out; i++)
        out[i] = (float)((i * 1103515245 + 12345) >> 8 & 0xffff) * (1.0f / 32768.0f) - 1.0f;
    return out;
}

static conv_operands operands_of(const tn_conv_shape *s)
{
    size_t x = (size_t)(s->n * s->h * s->w * padded(s->c)), y = (size_t)(s->n * s->oh * s->ow * padded(s->f));
    conv_operands o = {.images = (x > y ? x : y) * sizeof(float),
                       .filters = (size_t)(s->r * s->s * (s->c / s->groups) * s->f) * sizeof(float),
                       .biases = (size_t)padded(s->f) * sizeof(float)};
    size_t result = o.images > o.filters ? o.images : o.filters;
    o.images = result;
    o.x = numbers(o.images);
    o.y = numbers(o.images);
    o.result = numbers(o.images);
    o.w = numbers(o.filters);
    o.bias = numbers(o.biases);
    return o;
}

static void release_operands(conv_operands *o)
{
    tn_release(NULL, o->x, o->images);
    tn_release(NULL, o->y, o->images);
    tn_release(NULL, o->result, o->images);
    tn_release(NULL, o->w, o->filters);
    tn_release(NULL, o->bias, o->biases);
}

/* --- one pass */

/* oneDNN may answer several wishes with one implementation: that is timed once. */
static void drop_double(conv_way *ways, conv_way_kind kind)
{
    for (conv_way_kind i = WAY_DIRECT; i < kind; i++) {
        if (ways[i].run != NULL && strcmp(ways[i].name, ways[kind].name) == 0) {
            conv_way_destroy(&ways[kind]);
            return;
        }
    }
}

static void measure(const settings *set, const conv_problem *problem, conv_row *row)
{
    conv_way ways[WAY_KINDS] = {
        [WAY_OURS] = conv_way_ours(problem, false), [WAY_PREPARED] = conv_way_ours(problem, true)};
    for (conv_way_kind kind = WAY_DIRECT; kind < WAY_KINDS && set->report.peer; kind++) {
        ways[kind] = conv_way_onednn(problem, kind);
        drop_double(ways, kind);
    }
    conv_turns_take(&set->turns, ways, WAY_KINDS, row->seconds);
    for (int i = 0; i < WAY_KINDS; i++) {
        memcpy(row->names[i], ways[i].name, sizeof row->names[i]);
        conv_way_destroy(&ways[i]);
    }
}

/* --- one layer, one table */

static int bench_layer(const settings *set, const conv_layer *layer, int64_t batch, tn_pool *pool, conv_row *rows)
{
    int count = 0;
    const tn_conv_shape shape = conv_layer_shape(layer, batch);
    conv_operands operands = operands_of(&shape);
    conv_problem problem = {
        .shape = shape, .precise = set->precise, .threads = tn_pool_threads(pool), .pool = pool, .operands = &operands};
    double peak = kernel_peak(pool);
    for (int pass = TN_CONV_FORWARD; pass <= TN_CONV_FILTER; pass++) {
        if (set->pass >= 0 && set->pass != pass)
            continue;
        problem.pass = (tn_conv_pass)pass;
        rows[count] = (conv_row){.layer = layer,
                                 .pass = problem.pass,
                                 .threads = problem.threads,
                                 .batch = batch,
                                 .flops = conv_flops(&shape),
                                 .peak = peak};
        measure(set, &problem, &rows[count]);
        conv_report_row(set->report, &rows[count++]);
    }
    release_operands(&operands);
    return count;
}

static bool is_wanted(const settings *set, const char *name)
{
    return strncmp(name, set->prefix, strlen(set->prefix)) == 0;
}

static void bench_table(const settings *set, int64_t batch, int threads)
{
    static conv_row rows[MAX_ROWS];
    int count = 0;
    tn_pool *pool = NULL;
    BENCH_TRY(tn_pool_create(NULL, threads, &pool));
    pin_pool(pool);
    conv_report_begin(set->report, batch, threads);
    for (const conv_layer *layer = conv_layers; layer->name != NULL && count + 3 <= MAX_ROWS; layer++)
        if (is_wanted(set, layer->name))
            count += bench_layer(set, layer, batch, pool, rows + count);
    conv_report_summary(set->report, rows, count);
    if (set->report.form == REPORT_TABLE)
        dense_products_bench(pool, batch, set->turns.repeats, set->prefix);
    tn_pool_destroy(&pool);
}

/* --- options */

static _Noreturn void usage(void)
{
    fputs(usage_text, stdout);
    exit(EXIT_SUCCESS);
}

static _Noreturn void refuse(const char *what, const char *why)
{
    fprintf(stderr, "bench_layers: %s%s\n%s", what, why, usage_text);
    exit(2);
}

static int number(const char *option, const char *text, int most)
{
    char *end = NULL;
    long value = text != NULL ? strtol(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || value < 1 || value > most)
        refuse(option, " wants a number from 1, not too large");
    return (int)value;
}

static int pass_of(const char *text)
{
    for (int pass = TN_CONV_FORWARD; pass <= TN_CONV_FILTER && text != NULL; pass++)
        if (strcmp(text, conv_pass_name((tn_conv_pass)pass)) == 0)
            return pass;
    refuse("--pass", " is forward, data or filter");
}

static void check_prefix(const settings *set)
{
    for (const conv_layer *layer = conv_layers; layer->name != NULL; layer++)
        if (is_wanted(set, layer->name))
            return;
    if (!dense_products_have(set->prefix))
        refuse(set->prefix, ": no layer begins with that; --list names them");
}

static _Noreturn void list(void)
{
    for (const conv_layer *layer = conv_layers; layer->name != NULL; layer++)
        puts(layer->name);
    exit(EXIT_SUCCESS);
}

static bool read_flag(const char *text, settings *set)
{
    if (strcmp(text, "--precise") == 0)
        set->precise = true;
    else if (strcmp(text, "--alone") == 0)
        set->report.peer = false;
    else if (strcmp(text, "--cpu-time") == 0)
        set->turns.cpu_time = true;
    else if (strcmp(text, "--json") == 0)
        set->report.form = REPORT_JSON;
    else if (strcmp(text, "--markdown") == 0)
        set->report.form = REPORT_MARKDOWN;
    else
        return false;
    return true;
}

static void read_options(int argc, char **argv, settings *set)
{
    for (int i = 1; i < argc; i++) {
        if (read_flag(argv[i], set))
            continue;
        if (strcmp(argv[i], "--threads") == 0)
            set->threads = number(argv[i], argv[i + 1], 256), i++;
        else if (strcmp(argv[i], "--batch") == 0)
            set->batch = number(argv[i], argv[i + 1], 4096), i++;
        else if (strcmp(argv[i], "--repeats") == 0)
            set->turns.repeats = number(argv[i], argv[i + 1], TURNS_MOST), i++;
        else if (strcmp(argv[i], "--pass") == 0)
            set->pass = pass_of(argv[++i]);
        else if (strcmp(argv[i], "--list") == 0)
            list();
        else if (argv[i][0] != '-')
            set->prefix = argv[i];
        else if (strcmp(argv[i], "--help") == 0)
            usage();
        else
            refuse(argv[i], ": there is no such option");
    }
    check_prefix(set);
}

/* --- the program */

static void print_head(const settings *set)
{
    const char *peer = set->report.peer ? onednn_version() : NULL;
    if (set->report.form == REPORT_JSON) {
        bench_print_json_head(stdout, "layers");
        printf(",\"onednn\":\"%s\",\"repeats\":%d,\"figures\":[", peer != NULL ? peer : "", set->turns.repeats);
        return;
    }
    bench_print_head(stdout, "layers");
    if (peer != NULL)
        printf("beside oneDNN %s, in turns\n", peer);
    else
        printf("without oneDNN%s: our figures alone\n",
               onednn_version() != NULL ? "" : " (libdnnl-dev was not found when configuring)");
}

int main(int argc, char **argv)
{
    settings set = {.pass = -1, .turns = {.repeats = 7}, .report = {.peer = onednn_version() != NULL}, .prefix = ""};
    int counts[2];
    read_options(argc, argv, &set);
    print_head(&set);
    int kinds = bench_thread_counts(&(bench_options){.threads = set.threads}, counts);
    for (int b = 0; b < (set.batch > 0 ? 1 : 2); b++)
        for (int t = 0; t < kinds; t++)
            bench_table(&set, set.batch > 0 ? set.batch : b == 0 ? 1 : 32, counts[t]);
    if (set.report.form == REPORT_JSON)
        printf("]}\n");
    return EXIT_SUCCESS;
}
