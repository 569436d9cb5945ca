/* SPDX-License-Identifier: MIT */
/* sevc-trace: looks at traces, compares them, replays them (docs/sevc-trace.md). */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* ---- options ---- */

enum {
    OPTION_EXIT = 'e',
    OPTION_CPU = 'c',
    OPTION_RIP = 'r',
    OPTION_RESULT = 'R',
    OPTION_FULL = 'f',
    OPTION_COUNT = 'n',
    OPTION_EACH = 'E',
    OPTION_OUTPUT = 'o',
    OPTION_ELF = 's',
    OPTION_QUIET = 'q',
    OPTION_HTML = 'H',
    OPTION_JSON = 'J',
    OPTION_KNOWN = 'k',
};

/* Every option; a command takes those whose keys are in its list. */
static const struct argp_option all_options[] = {
    { "exit", OPTION_EXIT, "CODE", 0, "only exceptions with this error code, as 0x72", 0 },
    { "cpu", OPTION_CPU, "N", 0, "only this CPU", 0 },
    { "rip", OPTION_RIP, "ADDRESS[-ADDRESS]", 0, "only at this address, or in this range", 0 },
    { "result", OPTION_RESULT, "NAME", 0, "only this result, as HOST_ERROR (traces of the tap)",
      0 },
    { "full", OPTION_FULL, NULL, 0, "all fields, not one line each", 0 },
    { "count", OPTION_COUNT, "N", 0, "the first N exceptions only", 0 },
    { "each", OPTION_EACH, "N", 0, "the first N exceptions of each exit", 0 },
    { "output", OPTION_OUTPUT, "FILE", 0, "write there, not to standard output", 0 },
    { "symbols", OPTION_ELF, "ELF", 0, "name addresses by this ELF file", 0 },
    { "html", OPTION_HTML, NULL, 0, "one self-contained page: histogram, timeline", 0 },
    { "json", OPTION_JSON, NULL, 0, "the event format of Chrome and Perfetto (default)", 0 },
    { "known", OPTION_KNOWN, "FILE", 0, "differences that are expected, one a line", 0 },
    { "quiet", OPTION_QUIET, NULL, 0, "no progress line", 0 },
};

struct command {
    const char *name;
    const char *keys;
    unsigned files_min, files_max;
    const char *arguments, *purpose;
    int (*run)(const struct options *options);
};

static const struct command commands[] = {
    { "info", "q", 1, 1, "FILE", "what a trace is and how much is in it", command_info },
    { "show", "ecrRfnoq", 1, 1, "FILE", "its exceptions, one line each", command_show },
    { "stat", "ecrRsoq", 1, 1, "FILE", "counts, times, hottest instructions", command_stat },
    { "diff", "oq", 2, 2, "FILE FILE", "the first exceptions in which two differ", command_diff },
    { "export", "JHosq", 1, 1, "FILE", "for viewers: JSON events, or an HTML report",
      command_export },
    { "replay", "knoq", 1, 1, "FILE", "drives libsevc with it, reports differences",
      command_replay },
    { "cut", "nEecroq", 1, 1, "FILE", "a part of a trace, as a trace (-o FILE[.zst])",
      command_cut },
    { "import-kvm", "oq", 1, 1, "FILE", "makes a trace of KVM's trace events (-o FILE[.zst])",
      command_import_kvm },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool number(const char *text, uint64_t *value, char **end)
{
    errno = 0;
    *value = strtoull(text, end, 0);
    return *end != text && errno == 0 && text[0] != '-';
}

static bool whole_number(const char *text, uint64_t *value)
{
    char *end;

    return number(text, value, &end) && *end == '\0';
}

static bool range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;

    if (!number(text, first, &end)) {
        return false;
    }
    *last = *first;
    return *end == '\0' || (*end == '-' && whole_number(end + 1, last) && *first <= *last);
}

static bool result_by_name(const char *name, uint8_t *result)
{
    for (*result = 0; *result < 9; (*result)++) {
        if (strcmp(name, trace_result_name(*result)) == 0) {
            return true;
        }
    }
    return false;
}

/* One line, and out. */
static _Noreturn void wrong(const struct options *options, const char *what, const char *text)
{
    fprintf(stderr, "sevc-trace%s%s: %s%s%s (see sevc-trace --help)\n",
            options->command == NULL ? "" : " ", options->command == NULL ? "" : options->command,
            what, text == NULL ? "" : ": ", text == NULL ? "" : text);
    exit(TOOL_USAGE);
}

static void filter_option(struct options *options, int key, char *argument)
{
    uint64_t value = 0;
    bool good;

    switch (key) {
    case OPTION_EXIT:
        options->by_exit = good = whole_number(argument, &options->exit);
        break;
    case OPTION_CPU:
        options->by_cpu = good = whole_number(argument, &value) && value <= UINT16_MAX;
        options->cpu = (uint16_t)value;
        break;
    case OPTION_RIP:
        options->by_rip = good = range(argument, &options->rip_first, &options->rip_last);
        break;
    case OPTION_RESULT:
        options->by_result = good = result_by_name(argument, &options->result);
        break;
    case OPTION_EACH:
        good = whole_number(argument, &options->each) && options->each != 0;
        break;
    default:
        good = whole_number(argument, &options->count) && options->count != 0;
    }
    if (!good) {
        wrong(options, "a value that cannot be right", argument);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_EXIT:
    case OPTION_CPU:
    case OPTION_RIP:
    case OPTION_RESULT:
    case OPTION_COUNT:
    case OPTION_EACH:
        filter_option(options, key, argument);
        return 0;
    case OPTION_FULL:
        options->full = true;
        return 0;
    case OPTION_OUTPUT:
        options->output = argument;
        return 0;
    case OPTION_ELF:
        options->elf = argument;
        return 0;
    case OPTION_HTML:
        options->html = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_KNOWN:
        options->known = argument;
        return 0;
    case OPTION_QUIET:
        options->quiet = true;
        return 0;
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* getopt names the option; argp would add a second line */
        return 0;
    case ARGP_KEY_ARG:
        if (options->file_count < 2) {
            options->files[options->file_count] = argument;
        }
        options->file_count++;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(const struct command *command, int argc, char **argv)
{
    struct argp_option taken[sizeof(all_options) / sizeof(all_options[0]) + 1] = { { 0 } };
    struct options options = { .command = command->name };
    struct argp argp = { taken, parse, command->arguments, command->purpose, NULL, NULL, NULL };
    size_t count = 0;
    char name[32];

    for (size_t i = 0; i < sizeof(all_options) / sizeof(all_options[0]); i++) {
        if (strchr(command->keys, all_options[i].key) != NULL) {
            taken[count++] = all_options[i];
        }
    }
    snprintf(name, sizeof(name), "sevc-trace %s", command->name);
    argv[0] = name;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        argp_help(&argp, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, name);
        return TOOL_OK;
    }
    if (argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL, &options) != 0) {
        exit(TOOL_USAGE);
    }
    if (options.file_count < command->files_min || options.file_count > command->files_max) {
        fprintf(stderr, "usage: %s [OPTIONS] %s (see %s --help)\n", name, command->arguments, name);
        exit(TOOL_USAGE);
    }
    return command->run(&options);
}

static int help(void)
{
    puts("usage: sevc-trace COMMAND [OPTIONS] FILE...\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        printf("  %-10s %-12s %s\n", commands[i].name, commands[i].arguments, commands[i].purpose);
    }
    puts("\nTraces may be compressed by zstd; \"-\" is standard input. Each command has --help.\n"
         "Exit status: 0 good, 1 a difference, 2 wrong usage, 3 damaged trace, 4 cannot be "
         "written.");
    return TOOL_OK;
}

int main(int argc, char **argv)
{
    const struct options none = { 0 };

    if (argc < 2) {
        wrong(&none, "no command", NULL);
    }
    if (strcmp(argv[1], "--help") == 0) {
        return help();
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return run(&commands[i], argc - 1, argv + 1);
        }
    }
    wrong(&none, "no such command", argv[1]);
}
