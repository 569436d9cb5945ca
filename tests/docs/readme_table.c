/* SPDX-License-Identifier: MIT */
/*
 * Prints what the handler does with each instruction, by asking it: a #VC with every exit code is
 * delivered at every instruction below. For readme.py, which compares README's table with it.
 *
 *     EXIT WHEN MNEMONIC      WHEN: always, extended (policy), refused
 *     EXIT forwarded NAME     of exits that concern no instruction: an exception of this name
 *     EXIT hook NAME          what a hook decides
 *     others unsupported      each other exit
 */
#include <stdio.h>

#include "world.h"

static const struct sample {
    const char *mnemonic;
    const char *code;
    unsigned length;
} samples[] = {
    { "CPUID", "\x0f\xa2", 2 },
    { "RDMSR", "\x0f\x32", 2 },
    { "WRMSR", "\x0f\x30", 2 },
    { "RDTSC", "\x0f\x31", 2 },
    { "RDTSCP", "\x0f\x01\xf9", 3 },
    { "RDPMC", "\x0f\x33", 2 },
    { "INVD", "\x0f\x08", 2 },
    { "WBINVD", "\x0f\x09", 2 },
    { "WBNOINVD", "\xf3\x0f\x09", 3 },
    { "MONITOR", "\x0f\x01\xc8", 3 },
    { "MONITORX", "\x0f\x01\xfa", 3 },
    { "MWAIT", "\x0f\x01\xc9", 3 },
    { "MWAITX", "\x0f\x01\xfb", 3 },
    { "VMMCALL", "\x0f\x01\xd9", 3 },
    { "VMGEXIT", "\xf3\x0f\x01\xd9", 4 },
    { "MOV from DR7", "\x0f\x21\xf8", 3 },
    { "MOV to DR7", "\x0f\x23\xf8", 3 },
    { "MOV to DR6", "\x0f\x23\xf0", 3 },
    { "IN", "\xec", 1 },
    { "IN", "\xe5\x60", 2 },
    { "OUT", "\xee", 1 },
    { "OUT", "\xe7\x60", 2 },
    { "INS", "\x6c", 1 },
    { "OUTS", "\x6e", 1 },
    { "REP INS", "\xf3\x6d", 2 },
    { "REP OUTS", "\xf3\x6f", 2 },
    { "MOV", "\x89\x03", 2 },
    { "MOV", "\x8a\x03", 2 },
    { "MOV", "\xc7\x03\x01\x02\x03\x04", 6 },
    { "MOV", "\xa1\0\0\0\0\0\xc9\xff\xff", 9 },
    { "MOVZX", "\x0f\xb6\x03", 3 },
    { "MOVSX", "\x0f\xbf\x03", 3 },
    { "MOVSXD", "\x48\x63\x03", 3 },
    { "MOVNTI", "\x0f\xc3\x03", 3 },
    { "MOVBE", "\x0f\x38\xf0\x03", 4 },
    { "MOVBE", "\x0f\x38\xf1\x03", 4 },
    { "ADD", "\x01\x03", 2 },
    { "OR", "\x83\x0b\x01", 3 },
    { "ADC", "\x13\x03", 2 },
    { "SBB", "\x19\x03", 2 },
    { "AND", "\x80\x23\x01", 3 },
    { "SUB", "\x2a\x03", 2 },
    { "XOR", "\x31\x03", 2 },
    { "CMP", "\x3b\x03", 2 },
    { "TEST", "\x85\x03", 2 },
    { "TEST", "\xf6\x03\x01", 3 },
    { "NOT", "\xf7\x13", 2 },
    { "NEG", "\xf7\x1b", 2 },
    { "INC", "\xff\x03", 2 },
    { "DEC", "\xfe\x0b", 2 },
    { "BT", "\x0f\xba\x23\x01", 4 },
    { "BTS", "\x0f\xba\x2b\x01", 4 },
    { "BTR", "\x0f\xb3\x0b", 3 },
    { "BTC", "\x0f\xba\x3b\x01", 4 },
    { "MOVS", "\xa4", 1 },
    { "STOS", "\xab", 1 },
    { "LODS", "\xac", 1 },
    { "CMPS", "\xa6", 1 },
    { "SCAS", "\xae", 1 },
    { "CLFLUSH", "\x0f\xae\x3b", 3 },
    { "CLFLUSHOPT", "\x66\x0f\xae\x3b", 4 },
    { "CLWB", "\x66\x0f\xae\x33", 4 },
    { "PREFETCHh", "\x0f\x18\x0b", 3 },
    { "PREFETCHW", "\x0f\x0d\x0b", 3 },
    { "XCHG", "\x87\x03", 2 },
    { "CMPXCHG", "\x0f\xb1\x0b", 3 },
    { "CMPXCHG8B", "\x0f\xc7\x0b", 3 },
    { "XADD", "\x0f\xc1\x0b", 3 },
    { "LOCK", "\xf0\x01\x03", 3 },
    { "x87", "\xd9\x03", 2 },
    { "SSE", "\x0f\x10\x03", 3 },
    { "AVX", "\xc5\xfe\x6f\x03", 4 },
    { "AVX-512", "\x62\xf1\x7c\x48\x10\x03", 6 },
    { "POP", "\x8f\x03", 2 },
    { "PUSH", "\xff\x33", 2 },
    { "IMUL", "\x0f\xaf\x03", 3 },
    { "SHL", "\xc1\x23\x01", 3 },
    { "CMOVcc", "\x0f\x44\x03", 3 },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static const uint64_t exit_codes[] = { 0x400, 0x401, 0x402, 0x403, 0x404, 0x405, 0x406, ~0ull };
#define EXIT_CODES (0x100 + sizeof(exit_codes) / sizeof(exit_codes[0]))

/* Every register that an event can return, and no error. */
static void serve(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
    page->valid_bitmap[0] = ~0ull;
    page->valid_bitmap[1] = ~0ull;
}

static enum sevc_reason deliver(const struct sample *sample, uint64_t exit_code,
                                enum sevc_mmio_policy mmio)
{
    enum sevc_reason reason;

    world_start();
    world.host.lenient = true;
    world.host.serve = serve;
    world.policy = (struct sevc_policy){
        .mmio = mmio,
        .invd = SEVC_INVD_FORWARD,
        .hypercall = &sevc_hypercall_kvm,
    };
    world.trap.gpr[SEVC_RAX] = 0;
    world.trap.gpr[SEVC_RCX] = 1;
    world.trap.gpr[SEVC_RBX] = DEVICE;
    world.trap.gpr[SEVC_RSI] = DEVICE;
    world.trap.gpr[SEVC_RDI] = DEVICE;
    world_code(sample->code, sample->length);
    world_run(exit_code);
    reason = world.report.reason;
    world_finish();
    return reason;
}

/* What becomes of the pair, or NULL: the instruction does not raise the exit, or nobody serves it. */
static const char *verdict(const struct sample *sample, uint64_t exit_code)
{
    switch (deliver(sample, exit_code, SEVC_MMIO_EXTENDED)) {
    case SEVC_REASON_NO_SUCH_EXIT:
    case SEVC_REASON_MISMATCH:
    case SEVC_REASON_INTERCEPTED: /* no instruction has a part in these two */
    case SEVC_REASON_NOT_VALIDATED:
        return NULL;
    case SEVC_REASON_LOCKED:
    case SEVC_REASON_VECTOR_INSN:
    case SEVC_REASON_UNKNOWN_INSN:
        return "refused";
    case SEVC_REASON_NONE:
        break;
    default:
        return "error";
    }
    return deliver(sample, exit_code, SEVC_MMIO_BASIC) == SEVC_REASON_NONE ? "always" : "extended";
}

/* An exit at a NOP, of user mode with RFLAGS.AC, where each exception can happen. */
static enum sevc_result at_nop(uint64_t exit_code, unsigned validates, struct sevc_report *report)
{
    enum sevc_result result;

    world_start();
    world.trap.cs |= 3;
    world.trap.rflags |= SEVC_RFLAGS_AC;
    world.validates = validates;
    world_code("\x90", 1);
    result = world_run(exit_code);
    *report = world.report;
    world_finish();
    return result;
}

/* One that no instruction raises. Result: whether it is neither forwarded nor a hook's. */
static int print_without_instruction(uint64_t exit_code)
{
    struct sevc_report report;
    enum sevc_result result = at_nop(exit_code, 0, &report);

    if (result == SEVC_EXCEPTION && report.reason == SEVC_REASON_INTERCEPTED) {
        printf("0x%llx forwarded %s\n", (unsigned long long)exit_code,
               report.fault.vector == SEVC_VECTOR_DB   ? "#DB"
               : report.fault.vector == SEVC_VECTOR_AC ? "#AC"
                                                       : "another exception");
    } else if (report.reason == SEVC_REASON_NOT_VALIDATED) {
        printf("0x%llx %s page not validated\n", (unsigned long long)exit_code,
               at_nop(exit_code, 1, &report) == SEVC_RETRY ? "hook" : "refused");
    } else if (result == SEVC_UNSUPPORTED && report.reason == SEVC_REASON_NO_SUCH_EXIT) {
        return 1;
    } else {
        printf("0x%llx %s %s\n", (unsigned long long)exit_code, sevc_result_name(result),
               sevc_reason_name(report.reason));
    }
    return 0;
}

/* Every kind and every operation that the decoder knows has a sample. */
static int check_samples(void)
{
    uint8_t kinds[SEVC_INSN_KIND_COUNT] = { 0 };
    uint32_t operations = 0;

    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[SEVC_INSN_MAX_BYTES] = { 0 };
        struct sevc_insn insn;

        memcpy(bytes, samples[i].code, samples[i].length);
        if (sevc_decode(bytes, sizeof(bytes), 64, &insn) == SEVC_OK) {
            kinds[insn.kind] = 1;
            operations |= insn.kind == SEVC_INSN_ALU ? 1u << insn.operation : 0;
        }
    }
    for (unsigned kind = 0; kind < SEVC_INSN_KIND_COUNT; kind++) {
        if (kinds[kind] == 0) {
            fprintf(stderr, "no sample of kind %u of enum sevc_insn_kind\n", kind);
            return 1;
        }
    }
    if (operations != (2u << SEVC_ALU_BTC) - 1) {
        fprintf(stderr, "no sample of some enum sevc_alu_operation: 0x%x\n", operations);
        return 1;
    }
    return 0;
}

int main(void)
{
    if (check_samples() != 0) {
        return 1;
    }
    unsigned others = 0;

    for (unsigned j = 0; j < EXIT_CODES; j++) {
        uint64_t exit_code = j < 0x100 ? j : exit_codes[j - 0x100];
        unsigned raised = 0;

        for (size_t i = 0; i < SAMPLES; i++) {
            const char *what = verdict(&samples[i], exit_code);

            if (what != NULL) {
                raised++;
                printf("0x%llx %s %s\n", (unsigned long long)exit_code, what, samples[i].mnemonic);
            }
        }
        if (raised == 0) {
            others += (unsigned)print_without_instruction(exit_code);
        }
    }
    if (others != 0) {
        printf("others unsupported\n");
    }
    return 0;
}
