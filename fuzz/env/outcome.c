/* SPDX-License-Identifier: MIT */
/* What must hold after an exception, whatever the host did. */
#include <string.h>

#include "vm.h"

#define STATUS_FLAGS 0x8D5ull /* CF, PF, AF, ZF, SF, OF */

static bool completed(const struct fuzz_call *call)
{
    return call->result == SEVC_OK || call->result == SEVC_OK_TRAP;
}

static bool is_forwarded(const struct fuzz_call *call)
{
    uint64_t exit_code = call->before.error_code;

    return exit_code == SEVC_EXIT_DB || exit_code == SEVC_EXIT_AC ||
           exit_code == SEVC_EXIT_NOT_VALIDATED;
}

/*
 * String MMIO asks for its elements one by one, INS and OUTS for a shared buffer of them: an error
 * leaves those before it complete.
 */
static bool may_have_progress(const struct fuzz_call *call)
{
    bool string = call->decoded == SEVC_OK && !is_forwarded(call) && fuzz_is_string(&call->insn);
    bool io = call->insn.kind == SEVC_INSN_INS || call->insn.kind == SEVC_INSN_OUTS;

    return string && (completed(call) || call->result == SEVC_RETRY ||
                      call->result == SEVC_EXCEPTION || call->vmgexits > io);
}

/* ---- registers ---- */

#define BIT(gpr) (1u << (gpr))

/* The general registers that a completed instruction may write. */
static unsigned outputs(const struct sevc_insn *insn)
{
    switch (insn->kind) {
    case SEVC_INSN_CPUID:
        return BIT(SEVC_RAX) | BIT(SEVC_RBX) | BIT(SEVC_RCX) | BIT(SEVC_RDX);
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_RDTSC:
    case SEVC_INSN_RDPMC:
        return BIT(SEVC_RAX) | BIT(SEVC_RDX);
    case SEVC_INSN_RDTSCP:
        return BIT(SEVC_RAX) | BIT(SEVC_RCX) | BIT(SEVC_RDX);
    case SEVC_INSN_IN:
        return BIT(SEVC_RAX);
    case SEVC_INSN_VMMCALL:
        return BIT(SEVC_RAX) | fuzz_vm.abi.outputs;
    case SEVC_INSN_READ_DR:
    case SEVC_INSN_LOAD:
        return BIT(insn->reg);
    case SEVC_INSN_ALU:
        return insn->to_register ? BIT(insn->reg) : 0;
    default:
        return 0;
    }
}

/* Those that a string instruction moves; how far is fuzz_string_check_progress()'s. */
static unsigned progress_registers(const struct sevc_insn *insn)
{
    unsigned counter = insn->rep ? BIT(SEVC_RCX) : 0;

    switch (insn->kind) {
    case SEVC_INSN_INS:
    case SEVC_INSN_STOS:
    case SEVC_INSN_SCAS:
        return counter | BIT(SEVC_RDI);
    case SEVC_INSN_OUTS:
        return counter | BIT(SEVC_RSI);
    case SEVC_INSN_LODS:
        return counter | BIT(SEVC_RSI) | BIT(SEVC_RAX);
    default: /* MOVS, CMPS */
        return counter | BIT(SEVC_RSI) | BIT(SEVC_RDI);
    }
}

static void check_general_registers(const struct fuzz_call *call)
{
    unsigned may = 0;

    if (may_have_progress(call)) {
        may = progress_registers(&call->insn);
    } else if (completed(call)) {
        may = outputs(&call->insn);
    }
    for (unsigned i = 0; i < 16; i++) {
        uint64_t before = sevc_trap_gpr_value(&call->before, i);
        uint64_t after = sevc_trap_gpr_value(&call->trap, i);

        FUZZ_CHECK(before == after || (may & BIT(i)) != 0, "registers",
                   "register %u was 0x%lx, is 0x%lx, and is no output (result %s)", i, before,
                   after, sevc_result_name(call->result));
    }
    FUZZ_CHECK(call->trap.gpr[SEVC_RSP] == call->before.gpr[SEVC_RSP] &&
                   call->trap.cs == call->before.cs && call->trap.ss == call->before.ss &&
                   call->trap.error_code == call->before.error_code,
               "registers", "the frame's segments, error code or unused place is changed");
}

static void check_flags(const struct fuzz_call *call)
{
    uint64_t changed = call->trap.rflags ^ call->before.rflags;
    uint64_t may = completed(call) && call->trap.rip != call->before.rip ? SEVC_RFLAGS_RF : 0;
    bool compares = call->insn.kind == SEVC_INSN_CMPS || call->insn.kind == SEVC_INSN_SCAS;

    if (call->decoded == SEVC_OK && ((call->insn.kind == SEVC_INSN_ALU && completed(call)) ||
                                     (compares && may_have_progress(call)))) {
        may |= STATUS_FLAGS;
    }
    FUZZ_CHECK((changed & ~may) == 0, "registers", "RFLAGS was 0x%lx, is 0x%lx",
               call->before.rflags, call->trap.rflags);
}

/* ---- RIP ---- */

static void check_rip(const struct fuzz_call *call)
{
    uint64_t next = call->before.rip + call->insn.length;
    bool moved = call->trap.rip != call->before.rip;

    if (call->code_bits != 64) {
        next = (uint32_t)next;
    }
    if (call->result == SEVC_OK) {
        FUZZ_CHECK(call->decoded == SEVC_OK && call->trap.rip == next, "rip",
                   "RIP is 0x%lx, the next instruction is at 0x%lx", call->trap.rip, next);
    } else if (call->result == SEVC_OK_TRAP) {
        FUZZ_CHECK(call->decoded == SEVC_OK && (call->before.rflags & SEVC_RFLAGS_TF) != 0, "rip",
                   "#DB without TF");
        FUZZ_CHECK(call->trap.rip == next || (!moved && call->insn.rep), "rip",
                   "RIP is 0x%lx, the next instruction is at 0x%lx", call->trap.rip, next);
    } else {
        FUZZ_CHECK(!moved, "rip", "RIP moved to 0x%lx, the result is %s", call->trap.rip,
                   sevc_result_name(call->result));
    }
    if ((call->before.rflags & SEVC_RFLAGS_TF) != 0) {
        FUZZ_CHECK(call->result != SEVC_OK, "rip", "TF is set, and no #DB follows");
    }
}

/* ---- what the host said, and what became of it ---- */

static void check_verdict(const struct fuzz_call *call)
{
    const struct sevc_report *report = &call->report;
    bool told = call->last_event == SEVC_NAE_UNSUPPORTED; /* nobody cares what it answers */
    uint64_t info2;

    if (call->raced || call->interrupted || call->verdict == FUZZ_REPLY_NONE || told) {
        return;
    }
    memcpy(&info2, call->returned + SEVC_GHCB_OFF_SW_EXITINFO2, sizeof(info2));
    switch (call->verdict) {
    case FUZZ_REPLY_EXCEPTION:
        FUZZ_CHECK(call->result == SEVC_EXCEPTION && report->reason == SEVC_REASON_INJECTED,
                   "reply", "an exception was asked for; the result is %s",
                   sevc_result_name(call->result));
        FUZZ_CHECK(report->fault.vector == (info2 & 0xFF) &&
                       report->fault.error_code == info2 >> 32 &&
                       report->fault.has_error_code == (report->fault.vector == SEVC_VECTOR_GP),
                   "reply", "another exception than was asked for");
        break;
    case FUZZ_REPLY_ERROR:
        FUZZ_CHECK(call->result == SEVC_HOST_ERROR, "reply",
                   "a reply that the protocol does not allow; the result is %s",
                   sevc_result_name(call->result));
        break;
    default:
        FUZZ_CHECK(call->result != SEVC_HOST_ERROR || call->last_event == SEVC_EXIT_CPUID, "reply",
                   "a good reply is said to be an error, %s", sevc_reason_name(report->reason));
        FUZZ_CHECK(report->reason != SEVC_REASON_INJECTED, "reply", "an exception nobody wants");
    }
}

/* ---- results, exactly, of what takes one exchange ---- */

static uint64_t returned(const struct fuzz_call *call, unsigned gpr)
{
    uint64_t value;

    memcpy(&value, call->returned + sevc_ghcb_gpr_offset(gpr), sizeof(value));
    return value;
}

static uint64_t merge(uint64_t old, uint64_t value, unsigned bytes)
{
    uint64_t mask = bytes == 8 ? ~0ull : (1ull << (8 * bytes)) - 1;

    return bytes == 4 ? value & mask : (old & ~mask) | (value & mask);
}

static void check_register(const struct fuzz_call *call, unsigned gpr, uint64_t expected)
{
    uint64_t value = sevc_trap_gpr_value(&call->trap, gpr);

    FUZZ_CHECK(value == expected, "outputs", "register %u is 0x%lx, not 0x%lx", gpr, value,
               expected);
}

static uint64_t loaded(const struct fuzz_call *call)
{
    const struct sevc_insn *insn = &call->insn;
    unsigned bits = 8u * insn->data_bytes;
    uint64_t value;

    memcpy(&value, call->returned + SEVC_GHCB_OFF_SHARED_BUFFER, sizeof(value));
    if (insn->byte_swap) {
        return __builtin_bswap64(value) >> (64 - bits);
    }
    value = bits == 64 ? value : value & ((1ull << bits) - 1);
    if (insn->sign_extend && (value >> (bits - 1) & 1) != 0 && bits != 64) {
        value |= ~0ull << bits;
    }
    return value;
}

static void check_loaded(const struct fuzz_call *call)
{
    const struct sevc_insn *insn = &call->insn;
    uint64_t old = sevc_trap_gpr_value(&call->before, insn->reg);
    uint64_t value = loaded(call);

    if (insn->high_byte) {
        check_register(call, insn->reg, (old & ~0xFF00ull) | (value & 0xFF) << 8);
    } else {
        check_register(call, insn->reg, merge(old, value, insn->register_bytes));
    }
}

static void check_outputs(const struct fuzz_call *call)
{
    const struct sevc_insn *insn = &call->insn;

    if (!completed(call) || call->raced || call->interrupted || call->vmgexits != 1) {
        return;
    }
    switch (insn->kind) {
    case SEVC_INSN_CPUID:
        for (unsigned gpr = SEVC_RAX; gpr <= SEVC_RBX && fuzz_vm.cpu.cpuid_table == NULL; gpr++) {
            check_register(call, gpr, (uint32_t)returned(call, gpr));
        }
        break;
    case SEVC_INSN_RDTSCP:
        check_register(call, SEVC_RCX, (uint32_t)returned(call, SEVC_RCX));
        /* fall through */
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_RDTSC:
    case SEVC_INSN_RDPMC:
        check_register(call, SEVC_RAX, (uint32_t)returned(call, SEVC_RAX));
        check_register(call, SEVC_RDX, (uint32_t)returned(call, SEVC_RDX));
        break;
    case SEVC_INSN_IN:
        check_register(
            call, SEVC_RAX,
            merge(call->before.gpr[SEVC_RAX], returned(call, SEVC_RAX), insn->data_bytes));
        break;
    case SEVC_INSN_LOAD:
        check_loaded(call);
        break;
    default:
        break;
    }
}

/* ---- policy: what must not even be asked ---- */

/* The request that the host saw may be another CPU's. */
static bool event_is_known(const struct fuzz_call *call)
{
    for (unsigned i = 0; i < 8; i++) {
        if (fuzz_vm.raced_bytes[SEVC_GHCB_OFF_SW_EXITCODE + i]) {
            return false;
        }
    }
    return call->vmgexits != 0;
}

static void check_policy(const struct fuzz_call *call)
{
    unsigned cpl = sevc_trap_cpl(&call->before);
    bool mmio = call->last_event == SEVC_NAE_MMIO_READ || call->last_event == SEVC_NAE_MMIO_WRITE;
    uint32_t msr = (uint32_t)call->before.gpr[SEVC_RCX];

    if (!event_is_known(call)) {
        return;
    }
    FUZZ_CHECK(!mmio || (cpl == 0 && fuzz_vm.policy.mmio != SEVC_MMIO_OFF), "policy",
               "MMIO from CPL %u, policy %u", cpl, fuzz_vm.policy.mmio);
    switch (call->last_event) {
    case SEVC_EXIT_MSR:
        FUZZ_CHECK(cpl == 0 && msr != SEVC_MSR_GHCB && msr != SEVC_MSR_SEV_STATUS, "policy",
                   "MSR 0x%x from CPL %u", msr, cpl);
        break;
    case SEVC_EXIT_INVD:
        FUZZ_CHECK(cpl == 0 && fuzz_vm.policy.invd == SEVC_INVD_FORWARD, "policy", "INVD");
        break;
    case SEVC_EXIT_WBINVD:
    case SEVC_EXIT_WRITE_DR7:
        FUZZ_CHECK(cpl == 0, "policy", "event 0x%lx from CPL %u", call->last_event, cpl);
        break;
    case SEVC_EXIT_IOIO:
        FUZZ_CHECK(cpl == 0 || fuzz_vm.policy.user_io == SEVC_USER_IO_BITMAP, "policy",
                   "ports from CPL %u", cpl);
        break;
    case SEVC_EXIT_MONITOR:
    case SEVC_EXIT_MWAIT:
        FUZZ_CHECK(fuzz_vm.policy.monitor == SEVC_MONITOR_FORWARD, "policy", "MONITOR");
        break;
    case SEVC_EXIT_VMMCALL:
        FUZZ_CHECK(fuzz_vm.policy.hypercall != NULL && (cpl == 0 || fuzz_vm.abi.user), "policy",
                   "VMMCALL from CPL %u", cpl);
        break;
    case SEVC_EXIT_RDTSC:
    case SEVC_EXIT_RDTSCP:
        FUZZ_CHECK((fuzz_vm.scenario->status & 1) == 0, "policy", "Secure TSC, but the host's");
        break;
    default:
        break;
    }
}

/* ---- the report ---- */

static void check_report(const struct fuzz_call *call)
{
    const struct sevc_report *report = &call->report;
    bool good = completed(call) || call->result == SEVC_RETRY;

    FUZZ_CHECK(call->result <= SEVC_INVALID && report->result == call->result, "report",
               "result %d, reported %d", (int)call->result, (int)report->result);
    FUZZ_CHECK(report->exit_code == call->before.error_code && report->rip == call->before.rip,
               "report", "exit code or RIP");
    FUZZ_CHECK(report->vmgexits == call->vmgexits, "report", "%u VMGEXITs, reported %u",
               call->vmgexits, report->vmgexits);
    FUZZ_CHECK((report->reason == SEVC_REASON_NONE) == good, "report", "result %s, reason %s",
               sevc_result_name(call->result), sevc_reason_name(report->reason));
    FUZZ_CHECK(report->stage > SEVC_STAGE_NONE && report->stage <= SEVC_STAGE_APPLY, "report",
               "stage %d", (int)report->stage);
    FUZZ_CHECK(report->insn_bytes <= SEVC_INSN_MAX_BYTES, "report", "%u bytes", report->insn_bytes);
    FUZZ_CHECK(call->fetches <= 1, "fetch", "the instruction is fetched %u times", call->fetches);
    FUZZ_CHECK(memcmp(report->insn, call->code, report->insn_bytes) == 0 ||
                   report->insn_bytes > call->code_bytes,
               "report", "other bytes than were fetched");
    if (call->result == SEVC_EXCEPTION) {
        uint8_t vector = report->fault.vector;

        FUZZ_CHECK(vector == SEVC_VECTOR_DB || vector == SEVC_VECTOR_UD ||
                       vector == SEVC_VECTOR_SS || vector == SEVC_VECTOR_GP ||
                       vector == SEVC_VECTOR_PF || vector == SEVC_VECTOR_AC,
                   "report", "vector %u", vector);
    }
}

void fuzz_outcome_check(const struct fuzz_call *call)
{
    check_report(call);
    check_rip(call);
    check_general_registers(call);
    check_flags(call);
    if (may_have_progress(call)) {
        fuzz_string_check_progress(call);
    }
    check_verdict(call);
    check_outputs(call);
    check_policy(call);
    FUZZ_CHECK(fuzz_vm.cpu.depth == call->depth_before, "nesting", "%u sessions, before %u",
               fuzz_vm.cpu.depth, call->depth_before);
}
