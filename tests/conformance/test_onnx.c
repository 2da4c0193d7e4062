/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The ONNX backend tests of the operators that the library has, through its public functions alone.
 *
 *  Usage: test_onnx [DIRECTORY]; default the environment's TINYNET_ONNX_DATA, then where Debian's libonnx-testdata puts
 *  them. Two suites are read: node (one operator a case, made by ONNX), and pytorch-converted, whose convolutions add
 *  groups, dilation and bias. One check a case; exit status 77 if the data are missing. */
#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUITES = 2 };

static const char *const suite_names[SUITES] = {"node", "pytorch-converted"};
static const char *const default_directory = "/usr/share/libonnx-testdata/data";

/* A family of operators: what runs it, and how many cases must run in each suite at least. */
typedef struct family {
    const char *title;
    const char *ops[2];
    family_run *run;
    int expected[SUITES];
    int ran[SUITES], passed[SUITES], others[SUITES];
} family;

static family families[] = {
    {"Conv", {"Conv"}, run_conv, {6, 11}, {0}, {0}, {0}},
    {"MaxPool", {"MaxPool"}, run_max_pool, {12, 2}, {0}, {0}, {0}},
    {"AveragePool", {"AveragePool"}, run_average_pool, {11, 2}, {0}, {0}, {0}},
    {"Gemm", {"Gemm"}, run_gemm, {11, 1}, {0}, {0}, {0}},
    {"MatMul", {"MatMul"}, run_matmul, {1, 0}, {0}, {0}, {0}},
    {"Flatten", {"Flatten"}, run_flatten, {9, 0}, {0}, {0}, {0}},
    {"Relu", {"Relu"}, run_activation, {1, 1}, {0}, {0}, {0}},
    {"Sigmoid", {"Sigmoid"}, run_activation, {2, 1}, {0}, {0}, {0}},
    {"Tanh", {"Tanh"}, run_activation, {2, 1}, {0}, {0}, {0}},
    {"Softmax, LogSoftmax", {"Softmax", "LogSoftmax"}, run_softmax, {14, 6}, {0}, {0}, {0}},
    {"Dropout", {"Dropout"}, run_dropout, {12, 0}, {0}, {0}, {0}},
    {"SoftmaxCrossEntropyLoss, NegativeLogLikelihoodLoss",
     {"SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"},
     run_cross_entropy,
     {18, 0},
     {0},
     {0},
     {0}},
    {"Adam", {"Adam"}, run_adam, {2, 0}, {0}, {0}, {0}},
    {"Momentum", {"Momentum"}, run_momentum, {3, 0}, {0}, {0}, {0}},
};
enum { FAMILIES = sizeof families / sizeof families[0] };

static family *family_of(const char *op)
{
    for (int i = 0; i < FAMILIES; i++)
        for (int k = 0; k < 2; k++)
            if (families[i].ops[k] && strcmp(families[i].ops[k], op) == 0)
                return &families[i];
    return NULL;
}

static void judge(family *f, int suite, const onnx_case *c)
{
    verdict v = {false, ""};
    if (!f->run(c, &v)) {
        f->others[suite]++;
        printf("  does not apply: %s %s: %s\n", c->op, c->name, v.text);
        return;
    }
    f->ran[suite]++;
    f->passed[suite] += v.passed;
    if (!v.passed)
        printf("  FAILED: %s %s: %s\n", c->op, c->name, v.text);
}

/* Read and judge one directory; returns the number of checks that it adds beyond its family's (files damaged). */
static int run_case(int suite, const char *path, const char *name, int *graphs)
{
    char why[128] = "";
    int damaged = 0;
    onnx_case *c = malloc(sizeof *c);
    if (!c)
        return 1;
    bool good = onnx_case_read(c, path, name, why, sizeof why);
    family *f = family_of(c->op);
    if (good && f) {
        judge(f, suite, c);
    } else if (!good && (f || !c->op[0])) {
        printf("  FAILED: %s: %s\n", name, why);
        damaged = 1;
    }
    *graphs += good && !c->op[0];
    onnx_case_free(c);
    free(c);
    return damaged;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Run every case of a suite; -1 if the directory cannot be read, otherwise the number of damaged cases. */
static int run_suite(int suite, const char *directory)
{
    char path[2048];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/%s", directory, suite_names[suite]);
    int count = scandir(path, &entries, is_case, by_name), damaged = 0, graphs = 0;
    if (count < 0)
        return -1;
    printf("%s: %d cases\n", suite_names[suite], count);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", directory, suite_names[suite], entries[i]->d_name);
        damaged += run_case(suite, path, entries[i]->d_name, &graphs);
        free(entries[i]);
    }
    free(entries);
    printf("  %d cases are graphs of several operators and belong to no family\n", graphs);
    return damaged;
}

static void print_table(int suite, int *ran, int *passed, int *missing)
{
    printf("\n%-17s  %-52s %4s %7s %9s %15s\n", suite_names[suite], "operators", "ran", "passed", "expected",
           "does not apply");
    for (int i = 0; i < FAMILIES; i++) {
        const family *f = &families[i];
        if (f->ran[suite] + f->others[suite] + f->expected[suite] == 0)
            continue;
        printf("%-17s  %-52s %4d %7d %9d %15d\n", "", f->title, f->ran[suite], f->passed[suite], f->expected[suite],
               f->others[suite]);
        *ran += f->ran[suite];
        *passed += f->passed[suite];
        if (f->ran[suite] < f->expected[suite])
            *missing += f->expected[suite] - f->ran[suite];
    }
}

static int report(int damaged)
{
    int ran = 0, passed = 0, missing = 0;
    for (int suite = 0; suite < SUITES; suite++)
        print_table(suite, &ran, &passed, &missing);
    int failures = ran - passed + missing, checks = ran + missing + damaged;
    if (missing > 0)
        printf("%d cases that were expected did not run\n", missing);
    printf("\nlargest difference: %.2g of the tolerance (1e-7 + 1e-3 |expected|)\n", worst_of_tolerance());
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n", checks ? 100 * passed / checks : 0, checks, failures,
           damaged);
    return failures + damaged == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : getenv("TINYNET_ONNX_DATA");
    int damaged = 0;
    if (!directory)
        directory = default_directory;
    for (int suite = 0; suite < SUITES; suite++) {
        int result = run_suite(suite, directory);
        if (result < 0) {
            printf("skipped: no ONNX backend tests in %s (apt install libonnx-testdata)\n", directory);
            return 77;
        }
        damaged += result;
    }
    return report(damaged);
}
