/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The line is made of parts; those that do not fit the terminal's width are left out, the last first. */
#include "line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PARTS = 6, PART = 48, BAR = 20, USUAL_WIDTH = 80 };

static const double draw_every = 0.1, print_every = 10.0;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

void line_start(progress_line *line, bool quiet)
{
    const char *term = getenv("TERM");
    bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    *line = (progress_line){.quiet = quiet, .terminal = terminal, .colour = terminal && !is_set("NO_COLOR")};
    line->shown = terminal ? 0.0 : now();
}

static int width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return USUAL_WIDTH;
}

static void put_time(char *text, size_t size, double seconds)
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "  %" PRId64 ":%02d:%02d left", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, size, "  %d:%02d left", (int)(s / 60), (int)(s % 60));
}

static void put_bar(char *text, const tn_step_event *step)
{
    int full = (int)((step->step + 1) * BAR / step->steps);
    strcpy(text, "  [");
    for (int i = 0; i < BAR; i++)
        text[3 + i] = i < full ? '=' : i == full ? '>' : ' ';
    strcpy(text + 3 + BAR, "]");
}

/* Epoch, step, loss, accuracy, speed, time left, in order of importance. */
static void make_parts(char parts[PARTS][PART], const progress_line *line, const tn_step_event *step)
{
    int64_t left = (step->epochs - step->epoch) * step->steps - step->step - 1;
    double busy = line->busy > 0.0 ? line->busy : 1e-9;
    snprintf(parts[0], PART, "epoch %" PRId64 "/%" PRId64, step->epoch + 1, step->epochs);
    snprintf(parts[1], PART, "  step %" PRId64 "/%" PRId64, step->step + 1, step->steps);
    snprintf(parts[2], PART, "  loss %.4f", step->running.loss);
    snprintf(parts[3], PART, "  accuracy %.4f", step->running.accuracy);
    snprintf(parts[4], PART, "  %.0f images/s", (double)line->images / busy);
    put_time(parts[5], PART, (double)left * busy / (double)line->steps);
}

/* The bar comes after the epoch if there is room for all; then as many parts as fit. The last column stays free: some
 * terminals wrap when it is written. */
static void draw(progress_line *line, char parts[PARTS][PART], const tn_step_event *step)
{
    char bar[PART];
    int room = width() - 1, used = 0;
    for (int i = 0; i < PARTS; i++)
        used += (int)strlen(parts[i]);
    put_bar(bar, step);
    bool with_bar = used + (int)strlen(bar) <= room;
    fputs("\r\033[K", stderr);
    for (int i = 0; i < PARTS && (room -= (int)strlen(parts[i])) >= 0; i++) {
        fputs(parts[i], stderr);
        if (i == 0 && with_bar) {
            fprintf(stderr, line->colour ? "\033[32m%s\033[0m" : "%s", bar);
            room -= (int)strlen(bar);
        }
    }
    fflush(stderr);
    line->drawn = true;
}

static void print(char parts[PARTS][PART])
{
    fprintf(stderr, "%s%s%s%s%s%s\n", parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
}

void line_step(progress_line *line, const tn_step_event *step)
{
    char parts[PARTS][PART];
    line->busy += step->seconds;
    line->images += step->batch.count;
    line->steps++;
    double time = now();
    bool last = step->step + 1 == step->steps;
    if (line->quiet || (!last && time - line->shown < (line->terminal ? draw_every : print_every)))
        return;
    line->shown = time;
    make_parts(parts, line, step);
    if (line->terminal)
        draw(line, parts, step);
    else
        print(parts);
}

void line_clear(progress_line *line)
{
    if (line->drawn)
        fputs("\r\033[K", stderr);
    fflush(stderr);
    line->drawn = false;
}
