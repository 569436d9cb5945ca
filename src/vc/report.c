/* SPDX-License-Identifier: MIT */
/*
 * Names for a panic message. Fixed-width rows rather than pointers: no relocation, so the names can
 * be had wherever the code runs.
 */
#include <stddef.h>

#include <sevc/status.h>

#define NAME_BYTES 20

static const char result_names[][NAME_BYTES] = {
    [SEVC_OK] = "OK",
    [SEVC_OK_TRAP] = "OK_TRAP",
    [SEVC_RETRY] = "RETRY",
    [SEVC_EXCEPTION] = "EXCEPTION",
    [SEVC_UNSUPPORTED] = "UNSUPPORTED",
    [SEVC_BAD_INSN] = "BAD_INSN",
    [SEVC_HOST_ERROR] = "HOST_ERROR",
    [SEVC_FORBIDDEN] = "FORBIDDEN",
    [SEVC_INVALID] = "INVALID",
};

static const char stage_names[][NAME_BYTES] = {
    [SEVC_STAGE_NONE] = "NONE",       [SEVC_STAGE_FETCH] = "FETCH",
    [SEVC_STAGE_DECODE] = "DECODE",   [SEVC_STAGE_AGREEMENT] = "AGREEMENT",
    [SEVC_STAGE_POLICY] = "POLICY",   [SEVC_STAGE_TRANSLATE] = "TRANSLATE",
    [SEVC_STAGE_REQUEST] = "REQUEST", [SEVC_STAGE_REPLY] = "REPLY",
    [SEVC_STAGE_APPLY] = "APPLY",
};

#define REASON(name) [SEVC_REASON_##name] = #name

static const char reason_names[][NAME_BYTES] = {
    REASON(NONE),           REASON(NO_SUCH_EXIT),  REASON(NO_INSN),        REASON(UNKNOWN_INSN),
    REASON(MISMATCH),       REASON(LOCKED),        REASON(VECTOR_INSN),    REASON(CODE_SIZE),
    REASON(INTERCEPTED),    REASON(PRIVILEGE),     REASON(PROTECTED_MSR),  REASON(SECURE_TSC),
    REASON(USER_MMIO),      REASON(USER_IO),       REASON(MMIO_OFF),       REASON(MMIO_RANGE),
    REASON(MMIO_SPLIT),     REASON(SNP),           REASON(NOT_SEV_ES),     REASON(ENCRYPTED_MMIO),
    REASON(NOT_MAPPED),     REASON(NOT_WRITABLE),  REASON(NOT_CANONICAL),  REASON(COPY_FAULT),
    REASON(NOT_READY),      REASON(NESTING),       REASON(REJECTED),       REASON(UNDEFINED_REPLY),
    REASON(MISSING_OUTPUT), REASON(BAD_INJECTION), REASON(INJECTED),       REASON(BAD_RESPONSE),
    REASON(VERSION),        REASON(HIDES_SEV),     REASON(C_BIT),          REASON(CPUID_LEAF),
    REASON(INVD),           REASON(HYPERCALL),     REASON(DEBUG_SWAP),     REASON(NOT_VALIDATED),
    REASON(NO_FEATURE),     REASON(ARGUMENT),      REASON(CHANGED),        REASON(XSAVE_SIZE),
    REASON(NOT_PINNED),     REASON(GHCB_PAGE),     REASON(NO_FIRMWARE_VC),
};

static __attribute__((noinline)) const char *name(const char (*names)[NAME_BYTES], size_t count,
                                                  unsigned value)
{
    return value < count && names[value][0] != '\0' ? names[value] : "?";
}

#define NAME(names, value) name((names), sizeof(names) / sizeof((names)[0]), (unsigned)(value))

const char *sevc_result_name(enum sevc_result result)
{
    return NAME(result_names, result);
}

const char *sevc_stage_name(enum sevc_stage stage)
{
    return NAME(stage_names, stage);
}

const char *sevc_reason_name(enum sevc_reason reason)
{
    return NAME(reason_names, reason);
}
