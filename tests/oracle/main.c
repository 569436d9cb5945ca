/* SPDX-License-Identifier: MIT */
/*
 * The processor is the oracle: the same instruction from the same state, once on the processor and
 * once through sevc_handle_vc(); registers, flags, memory and RIP must be the same afterwards.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulate.h"
#include "groups.h"
#include "native.h"

static const char usage[] =
    "usage: oracle [--group basic|extended|registers|step|alu] [--seed N] [--cases N] [--case N]\n"
    "              [--planted MNEMONIC]\n"
    "\n"
    "  --group G     which part to run; basic by default\n"
    "  --seed N      start of the random sequence: the same seed gives the same cases\n"
    "  --cases N     how many, over all instructions of the group; 1000000 by default\n"
    "  --case N      only that one, printed in full\n"
    "  --planted M   succeed only if instruction M differs: the library has a planted bug\n";

struct group {
    const char *name;
    unsigned (*run)(const struct oracle_options *options);
};

static unsigned run_basic(const struct oracle_options *options)
{
    return oracle_run_memory(ORACLE_BASIC, options);
}

static unsigned run_extended(const struct oracle_options *options)
{
    return oracle_run_memory(ORACLE_EXTENDED, options);
}

static const struct group groups[] = {
    { "basic", run_basic },
    { "extended", run_extended },
    { "registers", oracle_run_registers },
    { "step", oracle_run_steps },
    { "alu", oracle_run_alu },
};

static const struct group *find_group(const char *name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].name, name) == 0) {
            return &groups[i];
        }
    }
    return NULL;
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;

    *number = strtoull(text, &end, 0);
    return *text != '\0' && *end == '\0';
}

static bool parse(int argc, char **argv, struct oracle_options *options, const struct group **group)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *option = argv[i];
        const char *value = argv[i + 1];
        bool fine;

        if (strcmp(option, "--group") == 0) {
            *group = find_group(value);
            fine = *group != NULL;
        } else if (strcmp(option, "--planted") == 0) {
            options->planted = value;
            fine = true;
        } else if (strcmp(option, "--seed") == 0) {
            fine = parse_number(value, &options->seed);
        } else if (strcmp(option, "--cases") == 0) {
            fine = parse_number(value, &options->cases) && options->cases != 0;
        } else if (strcmp(option, "--case") == 0) {
            fine = parse_number(value, &options->only);
        } else {
            fine = false;
        }
        if (!fine) {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct oracle_options options = { .seed = 1, .cases = 1000000, .only = ORACLE_ALL_CASES };
    const struct group *group = &groups[0];

    if (!parse(argc, argv, &options, &group)) {
        fputs(usage, stderr);
        return 2;
    }
    printf("oracle.%s: seed %" PRIu64 " (a failing case: --group %s --seed %" PRIu64 " --case N)\n",
           group->name, options.seed, group->name, options.seed);
    fflush(stdout);
    oracle_native_init();
    oracle_memory_init(options.seed);
    oracle_emulation_init();
    if (!oracle_self_test()) {
        return 2;
    }
    return group->run(&options) == 0 ? 0 : 1;
}
