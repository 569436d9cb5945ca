/* SPDX-License-Identifier: MIT */
/* The processor itself: one instruction, from a given state, in user space. */
#ifndef ORACLE_NATIVE_H
#define ORACLE_NATIVE_H

/* Byte offsets for native.S; native.c asserts them. */
#define ORACLE_NATIVE_RFLAGS   128
#define ORACLE_NATIVE_ENTRY    136
#define ORACLE_NATIVE_HOST_RSP 144
#define ORACLE_NATIVE_FS       152
#define ORACLE_NATIVE_GS       160
#define ORACLE_NATIVE_HOST_FS  168
#define ORACLE_NATIVE_BASES    176
#define ORACLE_NATIVE_HOW      180

/* oracle_native_frame.bases */
#define ORACLE_BASE_FS 1
#define ORACLE_BASE_GS 2

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

/* Registers in the order of their encodings, RSP in place; RFLAGS; RIP. */
struct oracle_state {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t rip;
};

/* What native.S loads, and stores on return. */
struct oracle_native_frame {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t entry;
    uint64_t host_rsp;
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t host_fs;
    uint32_t bases; /* ORACLE_BASE_*: which of them the instruction needs */
    uint32_t how;   /* 1: WRFSBASE and WRGSBASE, 0: arch_prctl() */
};

/* A native run that ended with a signal: the generator has made a case that it should not have. */
struct oracle_wild {
    int signal;
    uint64_t rip;
    uint64_t address;
};

/* Installs the signal handlers and their stack. Ends the program where that is impossible. */
void oracle_native_init(void);

/* Can FS and GS bases be any canonical address? Otherwise only addresses of user space. */
bool oracle_native_any_base(void);

/*
 * Executes the LENGTH bytes of INSN at start->rip, which must be writable and executable, with
 * 16 more bytes behind it. FS and GS get the bases where BASES says so. Returns false, with *WILD
 * filled in, after a signal. end->rip is where the next instruction would have started: the
 * processor has executed a jump that stands there.
 */
bool oracle_native_run(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                       uint32_t bases, uint64_t fs_base, uint64_t gs_base, struct oracle_state *end,
                       struct oracle_wild *wild);

/*
 * Virtual machines raise a signal that the instruction did not earn now and then, once in some ten
 * million cases: a base that was set by a system call is lost when the kernel runs something else
 * in between; MOVBE has been seen to be no instruction, one time in 29412. What an instruction
 * raises by itself, it raises each time: so a case is wild if it is so this many times in a row.
 */
#define ORACLE_TRIES 5

/* The same, tried ORACLE_TRIES times, for what needs no bases and writes memory once at most. */
bool oracle_native_run_plain(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                             struct oracle_state *end, struct oracle_wild *wild);

/* What the processor reports when it executes one instruction with RFLAGS.TF set. */
struct oracle_step {
    struct oracle_state end; /* as the #DB handler sees it */
    bool trapped; /* #DB came; else the INT3 behind the instruction did: the step was lost */
};

/* The same as oracle_native_run() through a single step: start->rflags has TF set, perhaps RF. */
bool oracle_native_step(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                        struct oracle_step *step, struct oracle_wild *wild);

#endif
#endif
