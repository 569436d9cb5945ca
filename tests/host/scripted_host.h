/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor of the host tests: implements sevc_arch_* (src/arch/arch.h, SEVC_ARCH_HOSTED) as a
 * script of exchanges, each with what the guest must send and what the host answers, truthfully
 * or not.
 *
 *     struct scripted_host host;
 *     struct sevc_cpu cpu;
 *
 *     host_start(&host);
 *     host_make_cpu(&host, &cpu, 2);                 (or sevc_cpu_init() with host_config())
 *     host_expect(&host, &(struct host_exchange){
 *         .event = SEVC_EXIT_RDTSC,
 *         .outputs = { { SEVC_GHCB_OFF_RAX, 0x12345678 }, { SEVC_GHCB_OFF_RDX, 1 } },
 *     });
 *     ... call the library ...
 *     host_finish(&host);                            all was used up, the page is clean
 *
 * Every VMGEXIT is checked against the next exchange of the script: the GHCB MSR; the event and
 * its two infos; that exactly the inputs named are marked valid, and hold the values named; protocol
 * version and usage; and that every other byte of the page is zero. The first difference fails
 * the test through cmocka, with what was sent and what was expected.
 *
 * One host per thread: each thread's own is the one that was started there last.
 */
#ifndef SCRIPTED_HOST_H
#define SCRIPTED_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/sevc.h>

/* Where the GHCB lies in the guest's physical address space: not where it is mapped. */
#define HOST_GHCB_GPA 0x0000001234567000ull

#define HOST_FIELDS_MAX    20
#define HOST_EXCHANGES_MAX 64

/* A quadword of the GHCB. Offset 0 ends a list. */
struct host_field {
    unsigned offset; /* SEVC_GHCB_OFF_RAX to _XCR0 */
    uint64_t value;
};

/*
 * What a dishonest (or merely unusual) host does to a reply. host_lies[] says of each what must
 * come of it, so that a test can go through all of them.
 */
enum host_lie {
    HOST_HONEST = 0,

    /* Valid bits. */
    HOST_MISSING_RAX, /* the value is written, the bit is not set */
    HOST_MISSING_RCX,
    HOST_MISSING_RDX,
    HOST_MISSING_RBX,
    HOST_MARKS_NOTHING,
    HOST_MARKS_OTHERS, /* every bit but the outputs' */
    HOST_MARKS_ALL,    /* every bit there is: harmless, KVM marks four whatever the event */

    /* SW_EXITINFO1. */
    HOST_INFO1_UNDEFINED, /* 3 */
    HOST_INFO1_ALL_ONES,
    HOST_INFO1_HIGH_HALF,          /* bits 63:32 set, 31:0 zero: harmless, the event's own */
    HOST_INFO1_HIGH_HALF_REJECTED, /* the same with 2 in 31:0: rejected all the same */
    HOST_REJECTS,                  /* 2, reason 6 */

    /* Injection, SW_EXITINFO1 = 1. */
    HOST_INJECTS_UD, /* allowed */
    HOST_INJECTS_GP, /* allowed, #GP(0) */
    HOST_INJECTS_PF,
    HOST_INJECTS_VC,
    HOST_INJECTS_INT80, /* Heckler */
    HOST_INJECTS_INTERRUPT,
    HOST_INJECTS_NMI,
    HOST_INJECTS_SOFTWARE,
    HOST_INJECTS_NOT_VALID,
    HOST_INJECTS_RESERVED_BIT,
    HOST_INJECTS_GP_NO_CODE,
    HOST_INJECTS_UD_WITH_CODE,
    HOST_INJECTS_UD_STRAY_CODE, /* bits 63:32 set, though bit 11 is not */

    /* Contents. */
    HOST_SILENT,     /* touches nothing: the page is as the guest sent it */
    HOST_DIRTY_HIGH, /* outputs with bits 63:32 set: harmless, cut off */
    HOST_GARBAGE,    /* 0xA5 in every byte but outputs and buffer: harmless */

    /* Replies of the MSR protocol. */
    HOST_MSR_UNCHANGED, /* the request is still there */
    HOST_MSR_ZERO,
    HOST_MSR_ALL_ONES,
    HOST_MSR_OTHER_CODE, /* the right data under the response code of something else */

    HOST_LIE_COUNT
};

/* What must come of a lie, for an event whose reply the library reads OUTPUTS of. */
struct host_lie_facts {
    const char *name;
    bool page;               /* makes sense for the page protocol, else for the MSR protocol */
    uint64_t needs_output;   /* only for events that return this field (its offset), 0: any */
    bool needs_any_output;   /* only for events that return a register at all */
    bool depends;            /* the result is the event's own matter: not in the table */
    enum sevc_result result; /* SEVC_OK: harmless */
    enum sevc_reason reason;
};
extern const struct host_lie_facts host_lies[HOST_LIE_COUNT];

/* One exchange. Everything not named is zero: not sent, not returned. */
struct host_exchange {
    /* By the page protocol: what the guest must send. */
    uint64_t event;
    uint64_t info1;
    uint64_t info2;
    struct host_field inputs[HOST_FIELDS_MAX]; /* in any order */
    bool scratch;                              /* SW_SCRATCH names the start of the buffer */
    const void *sent;                          /* what the shared buffer starts with */
    unsigned sent_bytes;

    /* What the host answers. */
    struct host_field outputs[HOST_FIELDS_MAX];
    uint64_t raw_bitmap[2]; /* if not zero: VALID_BITMAP as it is, whatever the outputs */
    uint64_t reply_info1;
    uint64_t reply_info2;
    const void *returned; /* put into the start of the shared buffer */
    unsigned returned_bytes;

    /* By the MSR protocol, instead of all of the above. */
    bool msr;
    uint64_t request;
    uint64_t response;

    enum host_lie lie;

    /* Called when all has been checked, before the reply: e.g. another CPU, or a nested #VC. */
    void (*meanwhile)(void *argument);
    void *argument;
};

/* What the guest did besides VMGEXIT, in order: for the helpers of src/page and src/idt. */
enum host_operation {
    HOST_OP_CLFLUSH,
    HOST_OP_FENCE,
    HOST_OP_INVLPG,
    HOST_OP_LIDT,
    HOST_OP_HALT,
    HOST_OP_SHOOTDOWN, /* not by sevc_arch_*: a test's sevc_os_tlb_shootdown() may log itself */
    HOST_OP_CLI,
    HOST_OP_STI,
    HOST_OP_VMGEXIT, /* with log_vmgexits only */
};

struct host_log_entry {
    enum host_operation operation;
    uint64_t address;
};
#define HOST_LOG_MAX 4096

/* An instruction that an explicit call executed because the machine is no SEV-ES guest. */
enum host_native_kind {
    HOST_NATIVE_CPUID,
    HOST_NATIVE_RDMSR,
    HOST_NATIVE_WRMSR,
    HOST_NATIVE_IN,
    HOST_NATIVE_OUT,
    HOST_NATIVE_INS,
    HOST_NATIVE_OUTS,
    HOST_NATIVE_LOAD,
    HOST_NATIVE_STORE,
    HOST_NATIVE_VMMCALL,
};

struct host_native {
    enum host_native_kind kind;
    uint64_t operand; /* leaf, MSR, port, address */
    uint64_t value;   /* sub-leaf; what was written; number of elements */
    unsigned bytes;
    uint64_t gpr[16]; /* VMMCALL: as executed */
};
#define HOST_NATIVE_MAX 16

struct scripted_host {
    /* May be set by a test at any time after host_start(). */
    uint64_t ghcb_msr;
    uint64_t sev_status; /* SEV and SEV-ES */
    uint16_t version;    /* that every page exchange must carry */
    bool lenient;        /* VMGEXITs beyond the script go to SERVE */
    bool recording;      /* failures are only put into FAILURE: for tests of the host itself */
    /*
     * With LENIENT: answers any request that the script has no exchange for. PAGE is the GHCB as
     * the host sees it, NULL for a request of the MSR protocol, which is in host->ghcb_msr and is
     * answered there.
     */
    void (*serve)(struct scripted_host *host, struct sevc_ghcb_page *page);
    /*
     * RFLAGS.IF, off as in an exception. A VMGEXIT with interrupts on fails the test, and so does turning them
     * off or on while the GHCB is not at rest, unless a nested call has a reason to.
     */
    bool interrupt_flag;
    bool ghcb_in_use;
    bool log_vmgexits;
    uint64_t native_answer[4]; /* what native instructions return: EAX to EDX, or the first alone */

    /* May be read. */
    struct sevc_shared_page ghcb; /* lend this to the library */
    void *backup;                 /* and this */
    unsigned vmgexits;
    unsigned page_exits;
    unsigned msr_exits;
    unsigned rdmsrs;
    unsigned wrmsrs;            /* of the GHCB MSR */
    struct sevc_ghcb_page last; /* the page as it was at the last page-protocol VMGEXIT */
    unsigned char idtr[10];     /* operand of the last LIDT */
    struct host_log_entry log[HOST_LOG_MAX];
    unsigned logged;
    struct host_native native[HOST_NATIVE_MAX];
    unsigned natives;

    /* The rest is the host's own. */
    struct sevc_ghcb_page *alias; /* the GHCB, mapped a second time: never protected */
    struct host_exchange script[HOST_EXCHANGES_MAX];
    unsigned script_length;
    unsigned script_next;
    volatile bool in_hypervisor;
    bool watching;
    uint16_t reads[SEVC_GHCB_SIZE];
    unsigned flip; /* offset of what was read, to be flipped behind the instruction; 0: none */
    volatile bool stepping;
    uint64_t steps;
    uint64_t forks;
    uint64_t failed_step;
    bool is_fork;
    void (*interrupt)(void *argument);
    void *interrupt_argument;
    void *terminated; /* jmp_buf */
    unsigned resume;
    uint64_t termination;
    char failure[512];
};

/* Makes *HOST this thread's: an empty script, a GHCB page that is zero and that the MSR names. */
void host_start(struct scripted_host *host);

/* A CPU as sevc_cpu_init() leaves it, without an exchange: version 1 or 2, default policy. */
void host_make_cpu(struct scripted_host *host, struct sevc_cpu *cpu, uint16_t version);

/* What to hand to sevc_cpu_init(). */
struct sevc_cpu_config host_config(struct scripted_host *host);

/* Appends to the script. The structure is copied, the buffers that it names are not. */
void host_expect(struct scripted_host *host, const struct host_exchange *exchange);
void host_expect_msr(struct scripted_host *host, uint64_t request, uint64_t response);

/* What sevc_platform_init() asks, which is one thing, answered. */
void host_expect_platform(struct scripted_host *host, unsigned min, unsigned max, unsigned c_bit);

/* The script is used up; the page is all zero and the MSR names it. Undoes host_watch(), too. */
void host_finish(struct scripted_host *host);

/* Fails the test if the GHCB is not as it must be between sessions. */
void host_assert_at_rest(struct scripted_host *host);

/* The same without failing, for CHECK below; false too after any earlier failure. */
bool host_is_at_rest(struct scripted_host *host);

/*
 * Calls CALL(argument), which is expected to end in sevc_terminate*(). The host resumes the guest
 * RESUME times, as a hostile one may, before it lets the termination be. Returns the last value of the
 * GHCB MSR (the request), or 0 if CALL came back.
 */
uint64_t host_run_to_termination(struct scripted_host *host, unsigned resume,
                                 void (*call)(void *argument), void *argument);

/*
 * From now on every quadword of the GHCB below 0x400 and every byte above it changes its value
 * (all bits flipped) as soon as the guest has read it: code that reads anything twice comes to a
 * different result than code that reads it once. host_reads() says how often an offset was read.
 */
void host_watch(struct scripted_host *host);
unsigned host_reads(const struct scripted_host *host, unsigned offset);

/*
 * Interrupts the guest as an NMI does, before each single instruction of RUN(argument) in turn (of
 * long loops only some rounds, and not inside of the hypervisor): at each there is a fork, in which
 * INTERRUPT(argument) is called, RUN goes on to its end, and CHECK(argument) says whether all is as
 * it must be. Returns how many interrupts there were; *failed is the number of the first
 * instruction (from 1) at which one did harm, or 0.
 *
 * INTERRUPT runs in a signal handler: no assertions there, nor in CHECK. x86-64 Linux.
 */
uint64_t host_interrupt_everywhere(struct scripted_host *host, void (*run)(void *argument),
                                   void (*interrupt)(void *argument), bool (*check)(void *argument),
                                   void *argument, uint64_t *failed);

/* For a test's own hooks. */
void host_log(struct scripted_host *host, enum host_operation operation, uint64_t address);

#endif
