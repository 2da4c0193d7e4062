/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A plan as a table of text. Numbers are written without printf's floating-point formats, which follow the locale. */
#include "base/status.h"
#include "model/plan.h"
#include "tensor/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 7, CELL = TN_SHAPE_TEXT };

/* Text that goes on past the end of the buffer, without being written there. */
typedef struct text {
    char *buffer;
    size_t size, length;
} text;

static void append(text *t, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++, t->length++)
        if (t->length + 1 < t->size)
            t->buffer[t->length] = piece[i];
}

static void append_spaces(text *t, size_t count)
{
    while (count-- > 0)
        append(t, " ", 1);
}

/* "1.23 GB": three digits that count, powers of 1000. */
static void write_scaled(char out[CELL], double value, const char *unit)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    int power = 0;
    for (; value >= 999.5 && power < 6; power++)
        value /= 1000.0;
    if (!(value < 1e9)) {
        (void)snprintf(out, CELL, "more %s%s", prefixes[power], unit);
        return;
    }
    int decimals = power == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    int64_t scale = decimals == 0 ? 1 : decimals == 1 ? 10 : 100, number = (int64_t)(value * (double)scale + 0.5);
    if (decimals == 0)
        (void)snprintf(out, CELL, "%" PRId64 " %s%s", number, prefixes[power], unit);
    else
        (void)snprintf(out, CELL, "%" PRId64 ".%0*" PRId64 " %s%s", number / scale, decimals, number % scale,
                       prefixes[power], unit);
}

/* One line of the table, cell by cell. */
typedef struct line {
    char cells[COLUMNS][CELL];
} line;

static double flops_of(const tn_plan *plan, const tn_layer_plan *row)
{
    return plan->options.training ? row->flops_training : row->flops_forward;
}

static void write_row(const tn_plan *plan, size_t index, line *out)
{
    const tn_layer_plan *row = &plan->rows[index].row;
    (void)snprintf(out->cells[0], CELL, "%s", row->name);
    (void)snprintf(out->cells[1], CELL, "%s", row->title);
    (void)tn_shape_text(&row->output, out->cells[2], CELL);
    (void)snprintf(out->cells[3], CELL, "%" PRId64, row->parameters);
    write_scaled(out->cells[4], flops_of(plan, row), "FLOP");
    write_scaled(out->cells[5], (double)row->memory.total, "B");
    const char *early = row->updates_in_backward ? "updates in backward" : "";
    (void)snprintf(out->cells[6], CELL, "%s%s%s", row->algorithm, row->algorithm[0] && early[0] ? ", " : "", early);
}

static void write_head(line *out)
{
    static const char *const heads[COLUMNS] = {"layer", "kind", "output", "parameters", "FLOPs", "bytes", "algorithm"};
    for (int i = 0; i < COLUMNS; i++)
        (void)snprintf(out->cells[i], CELL, "%s", heads[i]);
}

/* The bytes of the last line are less than the sum of the column: buffers share memory. */
static void write_totals(const tn_plan *plan, line *out)
{
    int64_t parameters = 0;
    double flops = 0.0;
    for (size_t i = 0; i < plan->step_count; i++) {
        parameters += plan->rows[i].row.parameters;
        flops += flops_of(plan, &plan->rows[i].row);
    }
    /* cppcheck-suppress ctuuninitvar ; it is here that the row is written */
    (void)snprintf(out->cells[0], CELL, "total");
    out->cells[1][0] = out->cells[2][0] = out->cells[6][0] = '\0';
    (void)snprintf(out->cells[3], CELL, "%" PRId64, parameters);
    write_scaled(out->cells[4], flops, "FLOP");
    write_scaled(out->cells[5], (double)plan->memory.total, "B");
}

static void widen(size_t widths[COLUMNS], const line *l)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strlen(l->cells[i]) > widths[i])
            widths[i] = strlen(l->cells[i]);
}

/* Numbers to the right, words to the left, nothing after the last one. */
static void append_line(text *t, const size_t widths[COLUMNS], const line *l)
{
    int last = COLUMNS - 1;
    while (last > 0 && l->cells[last][0] == '\0')
        last--;
    for (int i = 0; i <= last; i++) {
        bool number = i >= 3 && i <= 5;
        size_t length = strlen(l->cells[i]), pad = widths[i] - length;
        append_spaces(t, (i > 0 ? 2 : 0) + (number ? pad : 0));
        append(t, l->cells[i], length);
        append_spaces(t, number || i == last ? 0 : pad);
    }
    append(t, "\n", 1);
}

static void append_memory(text *t, const tn_memory *memory)
{
    static const char *const names[5] = {"parameters", "gradients", "activations", "scratch", "prepared"};
    const uint64_t bytes[5] = {memory->parameters, memory->gradients, memory->activations, memory->scratch,
                               memory->prepared};
    for (int i = 0; i < 5; i++) {
        char number[CELL];
        write_scaled(number, (double)bytes[i], "B");
        append(t, i == 0 ? "memory: " : ", ", i == 0 ? 8 : 2);
        append(t, names[i], strlen(names[i]));
        append(t, " ", 1);
        append(t, number, strlen(number));
    }
    append(t, "\n", 1);
}

static void append_table(const tn_plan *plan, text *t)
{
    size_t widths[COLUMNS] = {0};
    line head, row, totals;
    write_head(&head);
    write_totals(plan, &totals);
    widen(widths, &head);
    widen(widths, &totals);
    for (size_t i = 0; i < plan->step_count; i++) {
        write_row(plan, i, &row);
        widen(widths, &row);
    }
    append_line(t, widths, &head);
    for (size_t i = 0; i < plan->step_count; i++) {
        write_row(plan, i, &row);
        append_line(t, widths, &row);
    }
    append_line(t, widths, &totals);
    append_memory(t, &plan->memory);
}

tn_status tn_plan_summary(const tn_plan *plan, char *buffer, size_t size, size_t *needed)
{
    if (plan == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_plan_summary: plan is NULL");
    text t = {buffer, buffer != NULL ? size : 0, 0};
    append_table(plan, &t);
    if (buffer != NULL && size > 0)
        buffer[t.length < t.size ? t.length : t.size - 1] = '\0';
    if (needed != NULL)
        *needed = t.length;
    return TN_OK;
}
