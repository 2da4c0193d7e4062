/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tables of convolutions. A ratio is oneDNN's time by ours: above 1 we are faster. */
#include "conv_report.h"

#include <math.h>
#include <stdio.h>

/* As fast: the ratio as it is shown, with two digits, is not below 1. */
#define AS_FAST 0.995

const char *conv_pass_name(tn_conv_pass pass)
{
    static const char *const names[] = {"forward", "data", "filter"};
    return names[pass];
}

static conv_way_kind best_kind(const conv_row *row)
{
    conv_way_kind best = WAY_DIRECT;
    for (conv_way_kind i = WAY_DIRECT; i < WAY_KINDS; i++)
        if (row->seconds[i] < row->seconds[best] || isnan(row->seconds[best]))
            best = i;
    return best;
}

/* What stands beside oneDNN's, whose filters are laid out beforehand too. */
static conv_way_kind our_kind(const conv_row *row)
{
    return isnan(row->seconds[WAY_PREPARED]) ? WAY_OURS : WAY_PREPARED;
}

static double ratio(const conv_row *row, double seconds)
{
    return seconds / row->seconds[our_kind(row)];
}

double conv_row_best(const conv_row *row)
{
    return row->seconds[best_kind(row)];
}

static double rate(const conv_row *row, double seconds)
{
    return 1e-9 * row->flops / seconds;
}

/* --- for people */

static void print_way(const conv_row *row, conv_way_kind kind)
{
    printf("  %-26.26s %9.3f %7.1f", row->names[kind], 1e3 * row->seconds[kind], rate(row, row->seconds[kind]));
}

static void print_row(const conv_row *row)
{
    printf("%-20s %-8s", row->layer->name, conv_pass_name(row->pass));
    printf(" %9.3f", 1e3 * row->seconds[WAY_OURS]);
    print_way(row, our_kind(row));
    printf(" %4.0f%%", 100.0 * row->flops / row->seconds[our_kind(row)] / row->peak);
    if (!isnan(conv_row_best(row))) {
        print_way(row, WAY_DIRECT);
        print_way(row, best_kind(row));
        printf("  %6.2f %6.2f", ratio(row, row->seconds[WAY_DIRECT]), ratio(row, conv_row_best(row)));
    }
    printf("\n");
}

static void print_head(bool peer, int64_t batch, int threads)
{
    printf("\nbatch %lld, %d thread%s; ms a run, GFLOP/s of the definition, share of the micro-kernel's rate\n"
           "new w: ours with filters as they come in training; then ours with filters prepared, forward and data%s\n",
           (long long)batch, threads, threads > 1 ? "s" : "",
           peer ? ", as oneDNN has them\ndirect, best: oneDNN's time by ours" : "");
    printf("%-20s %-8s %9s  %-26s %9s %7s %5s", "layer", "pass", "new w ms", "ours", "ms", "GFLOP/s", "peak");
    if (peer)
        printf("  %-26s %9s %7s  %-26s %9s %7s  %6s %6s", "oneDNN's direct", "ms", "GFLOP/s", "oneDNN's best", "ms",
               "GFLOP/s", "direct", "best");
    printf("\n");
}

/* --- for documents: a row a layer, a column a pass */

static void print_markdown_row(const conv_row *row)
{
    if (row->pass == TN_CONV_FORWARD)
        printf("| %s |", row->layer->name);
    printf(" %.0f", rate(row, row->seconds[our_kind(row)]));
    if (!isnan(conv_row_best(row)))
        printf(" / %.0f / %.0f", rate(row, row->seconds[WAY_DIRECT]), rate(row, conv_row_best(row)));
    printf(row->pass == TN_CONV_FILTER ? " |\n" : " |");
}

static void print_markdown_head(bool peer, int64_t batch, int threads)
{
    const char *what = peer ? "ours / direct / best" : "ours";
    printf("\n| batch %lld, %d thread%s, GFLOP/s | forward: %s | data gradient | filter gradient |\n| --- | --- | --- "
           "| --- |\n",
           (long long)batch, threads, threads > 1 ? "s" : "", what);
}

/* --- for programs */

static void print_json_number(const char *name, double value)
{
    if (isnan(value))
        printf(",\"%s\":null", name);
    else
        printf(",\"%s\":%.6f", name, value);
}

static void print_json_row(const conv_row *row)
{
    static const char *const keys[WAY_KINDS] = {"ours", "ours_prepared", "onednn_direct", "onednn_auto",
                                                "onednn_winograd"};
    static int printed;
    printf("%s\n{\"layer\":\"%s\",\"pass\":\"%s\",\"batch\":%lld,\"threads\":%d,\"gflop\":%.6f,\"kernel_gflops\":%.3f",
           printed++ > 0 ? "," : "", row->layer->name, conv_pass_name(row->pass), (long long)row->batch, row->threads,
           1e-9 * row->flops, 1e-9 * row->peak);
    for (int i = 0; i < WAY_KINDS; i++) {
        printf(",\"%s\":{\"name\":\"%s\"", keys[i], row->names[i]);
        print_json_number("ms", 1e3 * row->seconds[i]);
        print_json_number("gflops", rate(row, row->seconds[i]));
        printf("}");
    }
    printf(",\"counted\":%s}", row->layer->apart ? "false" : "true");
}

/* --- all forms */

void conv_report_begin(report how, int64_t batch, int threads)
{
    if (how.form == REPORT_TABLE)
        print_head(how.peer, batch, threads);
    else if (how.form == REPORT_MARKDOWN)
        print_markdown_head(how.peer, batch, threads);
}

void conv_report_row(report how, const conv_row *row)
{
    if (how.form == REPORT_TABLE)
        print_row(row);
    else if (how.form == REPORT_MARKDOWN)
        print_markdown_row(row);
    else
        print_json_row(row);
    fflush(stdout);
}

/* --- the summary */

static bool is_as_fast(const conv_row *row, double seconds)
{
    return ratio(row, seconds) >= AS_FAST;
}

static void print_count(const char *against, int wins, int count)
{
    printf("as fast as oneDNN's %s on %d of %d (%.1f%%)\n", against, wins, count, 100.0 * wins / count);
}

static void print_losses(const conv_row *rows, int count)
{
    printf("slower than oneDNN's best:\n");
    for (int i = 0; i < count; i++) {
        const conv_row *row = &rows[i];
        if (is_as_fast(row, conv_row_best(row)))
            continue;
        printf("  %-20s %-8s best %.2f, direct %.2f; %s against %s%s\n", row->layer->name, conv_pass_name(row->pass),
               ratio(row, conv_row_best(row)), ratio(row, row->seconds[WAY_DIRECT]), row->names[our_kind(row)],
               row->names[best_kind(row)], row->layer->apart ? " (not counted)" : "");
    }
}

void conv_report_summary(report how, const conv_row *rows, int count)
{
    int counted = 0, direct = 0, best = 0;
    for (int i = 0; i < count; i++) {
        if (rows[i].layer->apart)
            continue;
        counted++;
        direct += is_as_fast(&rows[i], rows[i].seconds[WAY_DIRECT]);
        best += is_as_fast(&rows[i], conv_row_best(&rows[i]));
    }
    if (how.form == REPORT_JSON || counted == 0 || !how.peer)
        return;
    printf("\n");
    print_count("direct convolution", direct, counted);
    print_count("best", best, counted);
    if (best < counted && how.form == REPORT_TABLE)
        print_losses(rows, count);
}
