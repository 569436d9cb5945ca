/* SPDX-License-Identifier: MIT */
/* Runs the exceptions of a scenario, and the whole of it twice. */
#include <string.h>

#include "vm.h"

#define KERNEL_CS 0x10
#define C_BIT     51

struct fuzz_vm fuzz_vm;

/* Not a hash of quality: two runs are compared that ought to be equal. */
void fuzz_digest(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint64_t value = fuzz_vm.digest;

    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        value = (value ^ word) * 0x9E3779B97F4A7C15ull;
        value ^= value >> 29;
    }
    for (; bytes != 0; bytes--) {
        value = (value ^ *p++) * 0x9E3779B97F4A7C15ull;
    }
    fuzz_vm.digest = value;
}

void fuzz_scenario_load(struct fuzz_scenario *scenario, const uint8_t *data, size_t size)
{
    memset(scenario, 0, sizeof(*scenario));
    memcpy(scenario, data, size < sizeof(*scenario) ? size : sizeof(*scenario));
}

/* ---- one exception ---- */

static uint64_t first_rip(const struct fuzz_exception *what, bool low)
{
    uint64_t page = low ? FUZZ_LOW_CODE : FUZZ_KERNEL_CODE;

    if ((what->how & FUZZ_AT_END) != 0) {
        return page + FUZZ_PAGE_BYTES - (what->room % 16 != 0 ? what->room % 16 : 16);
    }
    return page + 0x100;
}

static void start(struct fuzz_call *call, const struct fuzz_exception *what)
{
    bool wide = (what->how & (FUZZ_CODE_32 | FUZZ_CODE_16)) == 0;

    memset(call, 0, sizeof(*call));
    call->what = what;
    call->code_bits = wide ? 64 : (what->how & FUZZ_CODE_16) != 0 ? 16 : 32;
    for (unsigned i = 0; i < 16; i++) {
        call->trap.gpr[i] = what->gpr[i];
    }
    call->trap.rsp = what->gpr[SEVC_RSP];
    call->trap.gpr[SEVC_RSP] = 0x5250505250505250ull;  /* unused: must stay so */
    call->trap.error_code = (uint32_t)what->exit_code; /* EVENTINJ has room for 32 bits */
    call->trap.rip = first_rip(what, (what->how & FUZZ_LOW_RIP) != 0 || !wide);
    call->trap.cs = KERNEL_CS | (what->how & FUZZ_CPL_MASK);
    call->trap.ss = (KERNEL_CS + 8) | (what->how & FUZZ_CPL_MASK);
    call->trap.rflags = what->rflags | SEVC_RFLAGS_RF | 2;
    call->trap.rflags &= ~(SEVC_RFLAGS_TF | SEVC_RFLAGS_DF);
    call->trap.rflags |= (what->how & FUZZ_SETS_TF) != 0 ? SEVC_RFLAGS_TF : 0;
    call->trap.rflags |= (what->how & FUZZ_SETS_DF) != 0 ? SEVC_RFLAGS_DF : 0;
    call->raced = fuzz_vm.races != 0;
}

/* What the exception looks like before each attempt. */
static void prepare(struct fuzz_call *call)
{
    fuzz_guest_place(call);
    call->before = call->trap;
    call->decoded = sevc_decode(call->code, call->code_bytes, call->code_bits, &call->insn);
    call->fetches = 0;
    call->hooks = 0;
    call->vmgexits = 0;
    call->verdict = FUZZ_REPLY_NONE;
    call->interrupted = false;
    call->depth_before = fuzz_vm.cpu.depth;
    call->stack = NULL;
    /* Each attempt reads the page anew: it takes over nothing from the one before. */
    memset(fuzz_vm.reads, 0, sizeof(fuzz_vm.reads));
    memset(&call->report, 0xA5, sizeof(call->report));
}

/* Not inlined: the library's stack begins below this frame. */
__attribute__((noinline)) static void handle(struct fuzz_call *call)
{
    call->stack = __builtin_frame_address(0);
    call->result = sevc_handle_vc(&fuzz_vm.cpu, &call->trap, &call->report);
    call->stack = NULL;
}

static void digest_outcome(const struct fuzz_call *call)
{
    fuzz_digest(&call->trap, sizeof(call->trap));
    fuzz_digest(&call->result, sizeof(call->result));
    fuzz_digest(&call->report.reason, sizeof(call->report.reason));
    fuzz_digest(&call->report.stage, sizeof(call->report.stage));
    fuzz_digest(&call->vmgexits, sizeof(call->vmgexits));
}

void fuzz_exception_run(unsigned number)
{
    struct fuzz_call *call = &fuzz_vm.call[number];
    const struct fuzz_exception *what = &fuzz_vm.scenario->exception[number];

    start(call, what);
    for (unsigned i = 0; i <= what->times % 4u; i++) {
        fuzz_vm.depth = number + 1;
        prepare(call);
        handle(call);
        fuzz_outcome_check(call);
        digest_outcome(call);
        fuzz_vm.depth = number;
        if (call->result != SEVC_RETRY) {
            return;
        }
    }
}

/* ---- the whole ---- */

static void set_policy(const struct fuzz_scenario *s)
{
    fuzz_vm.policy = (struct sevc_policy){
        .mmio = (enum sevc_mmio_policy)(s->mmio % 4), /* one that does not exist is among them */
        .user_io = (enum sevc_user_io_policy)(s->user_io % 3),
        .invd = (enum sevc_invd_policy)(s->invd % 2),
        .monitor = (enum sevc_monitor_policy)(s->monitor % 2),
        .unsupported = (enum sevc_unsupported_policy)(s->unsupported % 2),
    };
    switch (s->hypercall % 5) {
    case 0:
        return;
    case 1:
        fuzz_vm.abi = sevc_hypercall_kvm;
        break;
    case 2:
        fuzz_vm.abi = sevc_hypercall_hyperv;
        break;
    case 3:
        fuzz_vm.abi = sevc_hypercall_vmware;
        break;
    default:
        fuzz_vm.abi = (struct sevc_hypercall_abi){ .inputs = 0xFF0F, .outputs = 0xF0CE };
        break;
    }
    fuzz_vm.policy.hypercall = &fuzz_vm.abi;
}

static void set_cpu(const struct fuzz_scenario *s)
{
    struct sevc_cpu *cpu = &fuzz_vm.cpu;

    cpu->magic = SEVC_CPU_MAGIC;
    cpu->ghcb.va = fuzz_ghcb;
    cpu->ghcb.gpa = FUZZ_GHCB_GPA;
    cpu->backup = fuzz_backup;
    cpu->policy = &fuzz_vm.policy;
    cpu->platform.sev_status = SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES |
                               ((s->status & 1) != 0 ? SEVC_STATUS_SECURE_TSC : 0) |
                               ((s->status & 2) != 0 ? SEVC_STATUS_DEBUG_SWAP : 0);
    cpu->platform.version = (uint16_t)(2 - (s->version & 1));
    cpu->platform.c_bit = C_BIT;
    cpu->dr7 = SEVC_DR7_RESET;
    if (s->table % 4 == 0) {
        return;
    }
    sevc_cpuid_table_init(&fuzz_vm.table, cpu,
                          s->table % 4 == 3 ? SEVC_CPUID_MISS_REFUSE : SEVC_CPUID_MISS_ASK);
    cpu->cpuid_table = &fuzz_vm.table;
    if (s->table % 4 >= 2) {
        sevc_cpuid_seal(&fuzz_vm.table);
    }
}

static uint64_t run_once(const struct fuzz_scenario *scenario)
{
    memset(&fuzz_vm, 0, sizeof(fuzz_vm));
    fuzz_vm.scenario = scenario;
    fuzz_vm.validates = scenario->validates % 4u;
    fuzz_guest_start();
    fuzz_host_start();
    set_policy(scenario);
    set_cpu(scenario);
    fuzz_exception_run(0);
    fuzz_guest_check();
    fuzz_host_check_at_rest();
    return fuzz_vm.digest;
}

void fuzz_scenario_run(const struct fuzz_scenario *scenario)
{
    uint64_t first = run_once(scenario);
    uint64_t again = run_once(scenario);

    FUZZ_CHECK(first == again, "replay", "the same input came to another result");
}
