/* SPDX-License-Identifier: MIT */
/*
 * What the launcher asked for: opt/sevc/config, "key=value" separated by blanks. The keys are in
 * one table in config.c and in docs/emulator.md; an unknown one ends the run, so that a misspelt
 * option never passes for an obeyed one.
 */
#ifndef EMULATOR_CONFIG_H
#define EMULATOR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct config {
    unsigned log;         /* log=0..3: enum report_level */
    bool stop_never;      /* stop=first|never: go on after a violation */
    bool rdtsc_native;    /* rdtsc=native|intercept: RDTSC and RDTSCP */
    uint64_t flash_bytes; /* flash=N: of the firmware's variables (firmware.h) */
    bool views_off;       /* views=exact|off: no encryption, for speed */
    uint32_t allow;       /* allow=NAME[,NAME...]: enum ghcb_allow */

    bool trace;           /* trace=off|on */
    bool trace_no_memory; /* trace-memory=guest|none */

    bool nmi_window_iret;  /* nmi-window=complete|iret */
    bool nmi_immediate;    /* nmi-storm=immediate */
    uint64_t nmi_storm_us; /* nmi-storm=PERIOD; 0: none */
    uint64_t irq_storm_us; /* irq-storm=PERIOD; 0: none */
    uint8_t irq_vector;    /* irq-vector=32..255 */
    uint64_t seed;         /* seed=N, of storms and of a malicious host */
};

extern struct config config;

/* Reads opt/sevc/config; a missing file means the defaults. */
void config_read(void);

#endif
