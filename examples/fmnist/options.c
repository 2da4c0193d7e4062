/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading the command line: one table says what there is, every value is checked to its last character. */
#include "options.h"

#include "numbers.h"
#include "report.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATA "/usr/share/datasets/fashion-mnist"

enum { MOST_EPOCHS = 1000000, MOST_BATCH = 65536, MOST_THREADS = 256, MOST_IMAGES = 1 << 30 };

static const struct option long_options[] = {
    {"epochs", required_argument, NULL, OPTION_EPOCHS},
    {"batch-size", required_argument, NULL, OPTION_BATCH_SIZE},
    {"lr", required_argument, NULL, OPTION_LR},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"test-limit", required_argument, NULL, OPTION_TEST_LIMIT},
    {"data", required_argument, NULL, OPTION_DATA},
    {"checkpoint", required_argument, NULL, OPTION_CHECKPOINT},
    {"resume", required_argument, NULL, OPTION_RESUME},
    {"log", required_argument, NULL, OPTION_LOG},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"measure", no_argument, NULL, OPTION_MEASURE},
    {"summary", no_argument, NULL, OPTION_SUMMARY},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

bool options_help(const fmnist_program *program)
{
    return report_result("Usage: %s [OPTION]...\n"
                         "Train %s on Fashion-MNIST.\n"
                         "\n"
                         "  --epochs N         epochs in all, those of a resumed run included (%" PRId64 ")\n"
                         "  --batch-size N     images in a step (%" PRId64 ")\n"
                         "  --lr X             learning rate (%g)\n"
                         "  --threads N        threads, also more than cores (all cores)\n"
                         "  --seed N           of weights, order and dropout (0)\n"
                         "  --limit N          train on the first N images only\n"
                         "  --test-limit N     test on the first N images only\n"
                         "  --data DIR         where the four .gz files are; before that, TINYNET_DATA\n"
                         "                     (" DEFAULT_DATA ")\n"
                         "  --checkpoint FILE  save there after each epoch and on Ctrl-C; without it, Ctrl-C\n"
                         "                     saves to %s.ckpt in the current directory, and a run\n"
                         "                     that ends saves nothing\n"
                         "  --resume FILE      go on from a checkpoint; seed, batch size, limit and learning\n"
                         "                     rate are its own unless given\n"
                         "  --force            resume although data, limit, seed, batch size or learning rate\n"
                         "                     are others; and write over another run's checkpoint or\n"
                         "                     log that is there already\n"
                         "  --measure          choose the convolutions' algorithms by timing them first; a\n"
                         "                     resumed run keeps those of its checkpoint\n"
                         "  --log FILE         one JSON object a line for each step and epoch; --resume appends\n"
                         "  --summary          print each layer's output shape and exit\n"
                         "  --quiet            no progress on standard error\n"
                         "  --help, --version  print and exit\n"
                         "\n"
                         "Results go to standard output, a line an epoch. Exit status: 0 done, 1 failed,\n"
                         "2 refused before any work, 130 ended by Ctrl-C.\n",
                         program->name, program->title, program->epochs, program->batch_size, program->learning_rate,
                         program->name);
}

static int read_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *out)
{
    if (!parse_integer(text, out))
        return report_refusal("--%s '%s' is not a whole number", option, text);
    if (*out < least || *out > most)
        return report_refusal("--%s %s is out of range: %" PRId64 " to %" PRId64, option, text, least, most);
    return FMNIST_DONE;
}

static int read_seed(const char *text, uint64_t *out)
{
    if (!parse_unsigned(text, out))
        return report_refusal("--seed '%s' is not a whole number from 0 to %" PRIu64, text, UINT64_MAX);
    return FMNIST_DONE;
}

static int read_rate(const char *text, double *out)
{
    if (!parse_real(text, out))
        return report_refusal("--lr '%s' is not a number", text);
    if (!(*out > 0.0) || *out > 1e6)
        return report_refusal("--lr %s is out of range: more than 0, at most 1e6", text);
    return FMNIST_DONE;
}

static int read_path(const char *option, const char *text, const char **out)
{
    if (text[0] == '\0')
        return report_refusal("--%s needs a path, not an empty one", option);
    *out = text;
    return FMNIST_DONE;
}

static int read_value(fmnist_options *o, option_id id, const char *text)
{
    const char *name = long_options[id].name;
    switch (id) {
    case OPTION_EPOCHS:
        return read_integer(name, text, 1, MOST_EPOCHS, &o->epochs);
    case OPTION_BATCH_SIZE:
        return read_integer(name, text, 1, MOST_BATCH, &o->batch_size);
    case OPTION_THREADS:
        return read_integer(name, text, 1, MOST_THREADS, &o->threads);
    case OPTION_LIMIT:
        return read_integer(name, text, 1, MOST_IMAGES, &o->limit);
    case OPTION_TEST_LIMIT:
        return read_integer(name, text, 1, MOST_IMAGES, &o->test_limit);
    case OPTION_LR:
        return read_rate(text, &o->learning_rate);
    case OPTION_SEED:
        return read_seed(text, &o->seed);
    case OPTION_DATA:
        return read_path(name, text, &o->data);
    case OPTION_CHECKPOINT:
        return read_path(name, text, &o->checkpoint);
    case OPTION_RESUME:
        return read_path(name, text, &o->resume);
    default:
        return read_path(name, text, &o->log);
    }
}

/* What getopt_long calls '?': an option that is not there, or a value where none is taken. */
static int refuse_option(const fmnist_program *program, char **argv)
{
    const char *word = argv[optind - 1];
    if (optopt > 0 && optopt < OPTION_COUNT)
        return report_refusal("option '--%s' takes no value", long_options[optopt].name);
    if (strncmp(word, "--", 2) == 0)
        return report_refusal("unknown option '%s'; '%s --help' lists them", word, program->name);
    return report_refusal("unknown option '-%c'; '%s --help' lists them", optopt, program->name);
}

static int read_option(const fmnist_program *program, char **argv, int id, fmnist_options *out)
{
    if (id == 'h')
        id = OPTION_HELP;
    if (id == '?')
        return refuse_option(program, argv);
    if (id == ':')
        return report_refusal("option '--%s' needs a value", long_options[optopt].name);
    out->given[id] = true;
    if (id >= OPTION_VALUES)
        return FMNIST_DONE;
    out->text[id] = optarg;
    return read_value(out, (option_id)id, optarg);
}

static fmnist_options defaults(const fmnist_program *program, const char *invoked_as)
{
    const char *data = getenv("TINYNET_DATA");
    return (fmnist_options){.invoked_as = invoked_as ? invoked_as : program->name,
                            .epochs = program->epochs,
                            .batch_size = program->batch_size,
                            .learning_rate = program->learning_rate,
                            .data = data && *data ? data : DEFAULT_DATA};
}

int options_read(const fmnist_program *program, int argc, char **argv, fmnist_options *out)
{
    *out = defaults(program, argc > 0 ? argv[0] : NULL);
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        int status = read_option(program, argv, id, out);
        if (status != FMNIST_DONE)
            return status;
    }
    if (optind < argc)
        return report_refusal("unexpected argument '%s'; '%s --help' lists the options", argv[optind], program->name);
    out->force = out->given[OPTION_FORCE];
    out->measure = out->given[OPTION_MEASURE];
    out->summary = out->given[OPTION_SUMMARY];
    out->quiet = out->given[OPTION_QUIET];
    out->help = out->given[OPTION_HELP];
    out->version = out->given[OPTION_VERSION];
    return FMNIST_DONE;
}

static void print_quoted(FILE *to, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,+-@%=";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, to);
        return;
    }
    fputc('\'', to);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", to);
        else
            fputc(*word, to);
    fputc('\'', to);
}

void options_print_resume(FILE *to, const fmnist_options *options, const char *from)
{
    print_quoted(to, options->invoked_as);
    for (int i = 0; i < OPTION_VALUES; i++) {
        if (i == OPTION_RESUME || !options->given[i])
            continue;
        fprintf(to, " --%s ", long_options[i].name);
        print_quoted(to, options->text[i]);
    }
    if (options->quiet)
        fputs(" --quiet", to);
    if (!options->checkpoint) {
        fputs(" --checkpoint ", to);
        print_quoted(to, from);
    }
    fputs(" --resume ", to);
    print_quoted(to, from);
    fputc('\n', to);
}
