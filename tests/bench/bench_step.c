/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The step of AlexNet: training (forward, loss, backward, SGD at rate 0.01), prediction, one image; for one thread and
 *  for all cores. The median of the measured steps after a warm-up.
 *
 *  Each figure is taken in a process of its own, so that its peak of resident memory is its own, and stands beside what
 *  tn_model_plan says. The images are random numbers in memory: nothing of the input pipeline is measured here. */
#include "alexnet.h"
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMAGE = 224, CLASSES = 10, WARM_UP = 2, MAX_STEPS = 1000, MAX_FIGURES = 16 };

/* One figure, as the child sends it to its parent. */
typedef struct figure {
    char what[8];
    int threads;
    int64_t batch;
    double median, best;       /* seconds a step */
    double plan, inputs, code; /* bytes: the plan's total; the caller's images, labels, gradient; before all */
    double peak;               /* bytes */
} figure;

/* What one figure works with; the last four for training only. */
typedef struct bench {
    tn_model *model;
    tn_session *session;
    tn_tensor *x;
    tn_tensor *labels, *dy;
    tn_loss *loss;
    tn_optimizer *optimizer;
} bench;

static void set_up_training(bench *b, int64_t batch)
{
    const int64_t dims[2] = {batch, CLASSES};
    BENCH_TRY(tn_tensor_create(NULL, TN_I32, 1, dims, &b->labels));
    BENCH_TRY(tn_tensor_create(NULL, TN_F32, 2, dims, &b->dy));
    int32_t *labels = tn_tensor_data(b->labels);
    for (int64_t i = 0; i < batch; i++)
        labels[i] = (int32_t)(i % CLASSES);
    b->loss = tn_softmax_cross_entropy(.reduction = TN_MEAN);
    b->optimizer = tn_sgd(.learning_rate = 0.01);
    if (b->loss == NULL || b->optimizer == NULL)
        bench_die("loss and optimizer");
}

static void set_up(bench *b, bool training, int64_t batch, int threads)
{
    const int64_t dims[4] = {batch, IMAGE, IMAGE, 1};
    if (training)
        set_up_training(b, batch);
    BENCH_TRY(tn_model_create(alexnet(), TN_OPTIONS(tn_model_options, .input_shape = {IMAGE, IMAGE, 1}, .seed = 1),
                              &b->model));
    BENCH_TRY(tn_session_create(b->model,
                                TN_OPTIONS(tn_session_options, .batch_size = batch, .training = training,
                                           .threads = threads, .optimizer = b->optimizer),
                                &b->session));
    BENCH_TRY(tn_tensor_create(NULL, TN_F32, 4, dims, &b->x));
    BENCH_TRY(tn_tensor_fill_uniform(b->x, 0.0f, 1.0f, 7));
}

static void tear_down(bench *b)
{
    tn_optimizer_destroy(&b->optimizer);
    tn_loss_destroy(&b->loss);
    tn_tensor_destroy(&b->dy);
    tn_tensor_destroy(&b->labels);
    tn_tensor_destroy(&b->x);
    tn_session_destroy(&b->session);
    tn_model_destroy(&b->model);
}

/* A step leaves a number that must be finite: figures of a network that has run away would not be the real ones. */
static double step(bench *b)
{
    const tn_tensor *y;
    double loss = 0.0;
    BENCH_TRY(tn_session_forward(b->session, b->x, b->loss ? TN_TRAIN : TN_PREDICT, &y));
    if (b->loss == NULL)
        return (double)tn_tensor_const_f32(y)[0];
    BENCH_TRY(tn_loss_compute(b->loss, y, b->labels, TN_OPTIONS(tn_loss_results, .loss = &loss, .gradient = b->dy)));
    BENCH_TRY(tn_session_backward(b->session, b->dy, TN_GRADIENT_WRITE));
    BENCH_TRY(tn_optimizer_step(b->optimizer, b->session));
    return loss;
}

static void run_steps(bench *b, int steps, figure *out)
{
    double seconds[MAX_STEPS];
    for (int i = -WARM_UP; i < steps; i++) {
        double start = bench_now();
        double result = step(b);
        if (i >= 0)
            seconds[i] = bench_now() - start;
        if (!isfinite(result)) {
            fprintf(stderr, "step %d gave %g\n", i + WARM_UP, result);
            exit(EXIT_FAILURE);
        }
    }
    out->median = bench_median(seconds, steps);
    out->best = seconds[0]; /* sorted by now */
}

static figure measure(const char *what, int64_t batch, int threads, int steps)
{
    bench b = {0};
    figure out = {.threads = threads, .batch = batch, .code = bench_peak_rss()};
    snprintf(out.what, sizeof out.what, "%s", what);
    set_up(&b, strcmp(what, "train") == 0, batch, threads);
    run_steps(&b, steps, &out);
    out.plan = (double)tn_plan_memory(tn_session_plan(b.session)).total;
    out.inputs = (double)(tn_tensor_bytes(b.x) + tn_tensor_bytes(b.labels) + tn_tensor_bytes(b.dy));
    out.peak = bench_peak_rss();
    tear_down(&b);
    return out;
}

/* Measure in a child and read what it found; false if it failed, which it has said itself. */
static bool measure_apart(const char *what, int64_t batch, int threads, int steps, figure *out)
{
    int ends[2], status;
    fflush(NULL);
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        perror("bench_step");
        return false;
    }
    if (child == 0) {
        figure found = measure(what, batch, threads, steps);
        _exit(write(ends[1], &found, sizeof found) == (ssize_t)sizeof found ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[1]);
    bool good = read(ends[0], out, sizeof *out) == (ssize_t)sizeof *out;
    close(ends[0]);
    return waitpid(child, &status, 0) == child && status == 0 && good;
}

static void print_row(const figure *f)
{
    double expected = f->plan + f->inputs + f->code;
    printf("%-8s %7d %6lld %10.2f %10.2f %10.1f %9.1f %9.1f %9.1f %6.3f\n", f->what, f->threads, (long long)f->batch,
           1e3 * f->median, 1e3 * f->best, (double)f->batch / f->median, 1e-6 * f->plan, 1e-6 * expected,
           1e-6 * f->peak, f->peak / expected);
    fflush(stdout);
}

static void print_json(const figure *figures, int count, int steps)
{
    bench_print_json_head(stdout, "step");
    printf(",\"steps\":%d,\"figures\":[", steps);
    for (int i = 0; i < count; i++) {
        const figure *f = &figures[i];
        printf(
            "%s{\"what\":\"%s\",\"threads\":%d,\"batch\":%lld,\"ms\":%.4f,\"ms_best\":%.4f,\"images_per_second\":%.3f,",
            i > 0 ? "," : "", f->what, f->threads, (long long)f->batch, 1e3 * f->median, 1e3 * f->best,
            (double)f->batch / f->median);
        printf("\"plan_bytes\":%.0f,\"input_bytes\":%.0f,\"code_bytes\":%.0f,\"peak_rss_bytes\":%.0f}", f->plan,
               f->inputs, f->code, f->peak);
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    static const char *const whats[] = {"train", "predict", "one"};
    bench_options options = {.steps = 10, .batch = 128};
    figure figures[MAX_FIGURES];
    int counts[2], count = 0;
    bench_read_options(argc, argv, "train|predict|one", &options);
    options.steps = options.steps < MAX_STEPS / 10 ? options.steps : MAX_STEPS / 10;
    int kinds = bench_thread_counts(&options, counts);
    if (!options.json) {
        bench_print_head(stdout, "AlexNet");
        printf("%-8s %7s %6s %10s %10s %10s %9s %9s %9s %6s\n", "what", "threads", "batch", "ms", "best ms", "images/s",
               "plan MB", "sum MB", "peak MB", "ratio");
    }
    for (int t = 0; t < kinds; t++) {
        for (int w = 0; w < 3; w++) {
            bool one = w == 2;
            if (options.only != NULL && strcmp(options.only, whats[w]) != 0)
                continue;
            /* One image takes milliseconds: more of them, for the same time. */
            if (!measure_apart(whats[w], one ? 1 : options.batch, counts[t], one ? 10 * options.steps : options.steps,
                               &figures[count]))
                return EXIT_FAILURE;
            if (!options.json)
                print_row(&figures[count]);
            count++;
        }
    }
    if (options.json)
        print_json(figures, count, options.steps);
    return count > 0 ? EXIT_SUCCESS : 2;
}
