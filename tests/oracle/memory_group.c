/* SPDX-License-Identifier: MIT */
/* Generated cases for one group of the table: runs them, counts them, judges the whole. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compare.h"
#include "coverage.h"
#include "groups.h"

#define FORMS_MAX 128
#define SHOWN     3 /* failures printed for each form */
#define PROGRESS  10
#define COMPLETE  2000000 /* cases after which every encoding must have occurred */

struct tally {
    const struct oracle_form *form;
    uint64_t cases, equal, due, refused, different, wild; /* due: refused as they must be */
};

struct run {
    const struct oracle_options *options;
    struct tally tallies[FORMS_MAX];
    unsigned form_count;
    struct oracle_coverage coverage;
    uint64_t again; /* tries that the machine spoiled */
    struct timespec start;
};

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void select_forms(struct run *run, enum oracle_group group)
{
    for (size_t i = 0; i < oracle_form_count; i++) {
        if (oracle_forms[i].group == group && run->form_count < FORMS_MAX) {
            run->tallies[run->form_count++].form = &oracle_forms[i];
        }
    }
}

static bool is_due(const struct oracle_case *c, enum sevc_reason reason)
{
    switch (c->refusal) {
    case ORACLE_REFUSED_SPLIT:
        return reason == SEVC_REASON_MMIO_SPLIT;
    case ORACLE_REFUSED_POLICY:
        return reason == SEVC_REASON_MMIO_OFF;
    case ORACLE_REFUSED_LOCK:
        return reason == SEVC_REASON_LOCKED;
    default:
        return c->refusal == ORACLE_REFUSED_FORM;
    }
}

static void count(struct tally *tally, const struct oracle_case *c,
                  const struct oracle_outcome *outcome)
{
    tally->cases++;
    tally->equal += outcome->verdict == ORACLE_EQUAL;
    tally->different += outcome->verdict == ORACLE_DIFFERENT;
    tally->wild += outcome->verdict == ORACLE_WILD;
    if (outcome->verdict == ORACLE_REFUSED) {
        bool due = is_due(c, outcome->emulation.report.reason);

        tally->due += due;
        tally->refused += !due;
    }
}

static void run_case(struct run *run, uint64_t number)
{
    struct tally *tally = &run->tallies[number % run->form_count];
    struct oracle_outcome outcome;
    struct oracle_case c;
    bool bad;

    oracle_generate(tally->form, run->options->seed, number, &c);
    oracle_cover(&run->coverage, &c);
    oracle_compare(&c, &outcome);
    count(tally, &c, &outcome);
    run->again += outcome.tries - 1;
    bad = outcome.verdict == ORACLE_DIFFERENT || outcome.verdict == ORACLE_WILD;
    if (bad && run->options->planted == NULL && tally->different + tally->wild <= SHOWN) {
        oracle_print_case(stdout, &c, &outcome);
    } else if (run->options->only == number) {
        printf("verdict %d\n", (int)outcome.verdict);
        oracle_print_case(stdout, &c, &outcome);
    }
}

static void show_progress(const struct run *run, uint64_t done)
{
    uint64_t differences = 0;

    for (unsigned i = 0; i < run->form_count; i++) {
        differences += run->tallies[i].different + run->tallies[i].wild;
    }
    printf("  %3u %%  %8" PRIu64 " cases  %5.1f s  %" PRIu64 " differences\n",
           (unsigned)(done * 100 / run->options->cases), done, seconds_since(&run->start),
           differences);
    fflush(stdout);
}

static void run_all(struct run *run)
{
    uint64_t cases = run->options->cases;
    uint64_t part = cases / PROGRESS + 1;

    if (run->options->only != ORACLE_ALL_CASES) {
        run_case(run, run->options->only);
        return;
    }
    for (uint64_t number = 0; number < cases; number++) {
        run_case(run, number);
        if ((number + 1) % part == 0 || number + 1 == cases) {
            show_progress(run, number + 1);
        }
    }
}

/* ---- judgement ---- */

/* NULL: as it should be. */
static const char *failure_of(const struct tally *tally)
{
    if (tally->cases == 0) {
        return "NO CASES";
    }
    if (tally->wild != 0) {
        return "WILD CASES: the generator is wrong";
    }
    if (tally->different != 0) {
        return "DIFFERS FROM THE PROCESSOR";
    }
    if (tally->form->support == ORACLE_NOW && tally->refused != 0) {
        return "REFUSED, but listed as supported";
    }
    if (tally->refused != 0 && tally->equal != 0) {
        return "SOMETIMES REFUSED";
    }
    return NULL;
}

static unsigned judge_form(const struct tally *tally)
{
    const char *failure = failure_of(tally);
    const char *verdict = "ok";

    if (tally->form->support == ORACLE_NEVER) {
        verdict = "refused by name";
    } else if (tally->refused != 0) {
        verdict = "refused without effect (not yet supported)";
    } else if (tally->form->support == ORACLE_LATER) {
        verdict = "ok: supported by now, mark it so in forms.c";
    }
    printf("  %-12s %-20s %8" PRIu64 " cases  %8" PRIu64 " equal  %6" PRIu64 " due refusals  %s\n",
           tally->form->mnemonic, tally->form->encoding, tally->cases, tally->equal, tally->due,
           failure != NULL ? failure : verdict);
    return failure != NULL;
}

static unsigned judge_forms(const struct run *run)
{
    unsigned failures = 0;

    for (unsigned i = 0; i < run->form_count; i++) {
        failures += judge_form(&run->tallies[i]);
    }
    return failures;
}

/* Cases per mnemonic, the names of the manual. */
static void print_mnemonics(const struct run *run)
{
    printf("per mnemonic:");
    for (unsigned i = 0; i < run->form_count; i++) {
        const char *mnemonic = run->tallies[i].form->mnemonic;
        uint64_t cases = 0;

        if (i > 0 && strcmp(mnemonic, run->tallies[i - 1].form->mnemonic) == 0) {
            continue;
        }
        for (unsigned j = 0; j < run->form_count; j++) {
            if (strcmp(mnemonic, run->tallies[j].form->mnemonic) == 0) {
                cases += run->tallies[j].cases;
            }
        }
        printf("  %s %" PRIu64, mnemonic, cases);
    }
    putchar('\n');
}

/* The test of the test: the planted bug must show, where it was planted. */
static unsigned judge_planted(const struct run *run)
{
    uint64_t caught = 0;
    uint64_t cases = 0;

    for (unsigned i = 0; i < run->form_count; i++) {
        const struct tally *tally = &run->tallies[i];

        if (strcmp(tally->form->mnemonic, run->options->planted) == 0) {
            caught += tally->different;
            cases += tally->cases;
        }
    }
    printf("planted bug: %" PRIu64 " of %" PRIu64 " cases of %s differ from the processor: %s\n",
           caught, cases, run->options->planted, caught != 0 ? "caught" : "NOT CAUGHT");
    return caught == 0;
}

unsigned oracle_run_memory(enum oracle_group group, const struct oracle_options *options)
{
    static struct run run;
    unsigned failures;

    memset(&run, 0, sizeof(run));
    run.options = options;
    clock_gettime(CLOCK_MONOTONIC, &run.start);
    select_forms(&run, group);
    run_all(&run);
    if (options->only != ORACLE_ALL_CASES) {
        return 0;
    }
    if (options->planted != NULL) {
        return judge_planted(&run);
    }
    failures =
        judge_forms(&run) + oracle_judge_coverage(&run.coverage, group, options->cases >= COMPLETE);
    print_mnemonics(&run);
    printf("%s: %" PRIu64 " cases in %.1f s, %" PRIu64 " run again after a signal, %u failures\n",
           group == ORACLE_BASIC ? "basic" : "extended", options->cases, seconds_since(&run.start),
           run.again, failures);
    return failures;
}
