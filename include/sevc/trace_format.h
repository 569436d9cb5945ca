/* SPDX-License-Identifier: MIT */
/*
 * Constants of the trace format, version 1: docs/trace-format.md says what they mean. Pure numbers:
 * the library's tap, the emulated platform and the tools share this file and nothing else.
 *
 * All numbers in a trace are little-endian. Offsets count from the start of the file's header, or
 * of a record.
 */
#ifndef SEVC_TRACE_FORMAT_H
#define SEVC_TRACE_FORMAT_H

/* ---- The file's header ---- */

#define SEVC_TRACE_MAGIC        0x0A45434152545653ull /* "SVTRACE\n" */
#define SEVC_TRACE_MAJOR        1                     /* readers refuse another */
#define SEVC_TRACE_MINOR        0                     /* readers take any */
#define SEVC_TRACE_HEADER_BYTES 40

#define SEVC_TRACE_HEADER_MAGIC    0  /* u64 */
#define SEVC_TRACE_HEADER_MAJOR    8  /* u16 */
#define SEVC_TRACE_HEADER_MINOR    10 /* u16 */
#define SEVC_TRACE_HEADER_LENGTH   12 /* u32: where the first record starts */
#define SEVC_TRACE_HEADER_RECORDER 16 /* u32: SEVC_TRACE_BY_* */
#define SEVC_TRACE_HEADER_FLAGS    20 /* u32: SEVC_TRACE_NO_MEMORY */
#define SEVC_TRACE_HEADER_TICKS    24 /* u64: time stamps per second, 0 if not known */
#define SEVC_TRACE_HEADER_CRC      32 /* u32: CRC-32 of the bytes before it; then a u32 of zero */

#define SEVC_TRACE_BY_LIBRARY  1
#define SEVC_TRACE_BY_EMULATOR 2
#define SEVC_TRACE_BY_KVM      3
#define SEVC_TRACE_NO_MEMORY   1 /* guest memory was left out */

/* ---- What every record starts with ---- */

#define SEVC_TRACE_RECORD_BYTES     32
#define SEVC_TRACE_RECORD_MAX_BYTES 16384

#define SEVC_TRACE_CRC       0  /* u32: CRC-32 (IEEE 802.3) of all that follows in the record */
#define SEVC_TRACE_LENGTH    4  /* u32: of the record, this part included; a multiple of 8 */
#define SEVC_TRACE_TYPE      8  /* u16 */
#define SEVC_TRACE_CPU       10 /* u16 */
#define SEVC_TRACE_NUMBER    12 /* u32: counts the CPU's records from 1; a gap: some are lost */
#define SEVC_TRACE_EXCEPTION 16 /* u32: the NUMBER of the exception it belongs to, 0: of none */
#define SEVC_TRACE_FLAGS     20 /* u32: the type's own */
#define SEVC_TRACE_TIME      24 /* u64 */

#define SEVC_TRACE_TYPE_INFO          1
#define SEVC_TRACE_TYPE_EXCEPTION     2
#define SEVC_TRACE_TYPE_TRANSLATION   3
#define SEVC_TRACE_TYPE_MEMORY        4
#define SEVC_TRACE_TYPE_PAGE_SENT     5
#define SEVC_TRACE_TYPE_PAGE_RETURNED 6
#define SEVC_TRACE_TYPE_MSR_SENT      7
#define SEVC_TRACE_TYPE_MSR_RETURNED  8
#define SEVC_TRACE_TYPE_RESULT        9
#define SEVC_TRACE_TYPE_LOST          10

/* ---- INFO: the guest, and what the recorder says of itself ---- */

#define SEVC_TRACE_INFO_SEV_STATUS   32 /* u64: MSR C001_0131 */
#define SEVC_TRACE_INFO_VERSION      48 /* u16: of the GHCB protocol */
#define SEVC_TRACE_INFO_C_BIT        50 /* u8 */
#define SEVC_TRACE_INFO_POLICY_MMIO  51 /* u8: enum sevc_mmio_policy; likewise the others */
#define SEVC_TRACE_INFO_USER_IO      52 /* u8 */
#define SEVC_TRACE_INFO_INVD         53 /* u8 */
#define SEVC_TRACE_INFO_MONITOR      54 /* u8 */
#define SEVC_TRACE_INFO_UNSUPPORTED  55 /* u8 */
#define SEVC_TRACE_INFO_CALL_INPUTS  56 /* u16: struct sevc_hypercall_abi */
#define SEVC_TRACE_INFO_CALL_OUTPUTS 58 /* u16 */
#define SEVC_TRACE_INFO_CALL_FLAGS   60 /* u8: SEVC_TRACE_CALL_* */
#define SEVC_TRACE_INFO_TEXT         64 /* UTF-8, zeros up to the record's end */
#define SEVC_TRACE_INFO_TEXT_BYTES   1024

#define SEVC_TRACE_CALL_SERVED 1 /* VMMCALL is not refused */
#define SEVC_TRACE_CALL_RIP    2
#define SEVC_TRACE_CALL_USER   4

#define SEVC_TRACE_HAS_PLATFORM 1u /* FLAGS: status, features, version, C-bit are known */
#define SEVC_TRACE_HAS_POLICY   2u
#define SEVC_TRACE_CPUID_PINNED 4u /* a table of pinned CPUID answers is in use */

/* ---- Where the interrupted context stands, in EXCEPTION and in RESULT ---- */

#define SEVC_TRACE_FRAME_RIP    32
#define SEVC_TRACE_FRAME_CS     40
#define SEVC_TRACE_FRAME_RFLAGS 48
#define SEVC_TRACE_FRAME_RSP    56
#define SEVC_TRACE_FRAME_SS     64
#define SEVC_TRACE_FRAME_GPR    72 /* 16 u64 in the order of encodings; number 4 unused */
#define SEVC_TRACE_FRAME_END    200

/* ---- EXCEPTION: a #VC, before anything is done ---- */

#define SEVC_TRACE_VC_ERROR_CODE 200 /* u64 */
#define SEVC_TRACE_VC_CR3        208 /* u64, as the others */
#define SEVC_TRACE_VC_CR4        216
#define SEVC_TRACE_VC_XCR0       224
#define SEVC_TRACE_VC_XSS        232
#define SEVC_TRACE_VC_FS_BASE    240
#define SEVC_TRACE_VC_GS_BASE    248
#define SEVC_TRACE_VC_CODE_BITS  256 /* u8: 64, 32, 16 */
#define SEVC_TRACE_VC_INSN_BYTES 257 /* u8: how many of INSN are known */
#define SEVC_TRACE_VC_INSN       264 /* 15 bytes, and one that is zero */
#define SEVC_TRACE_VC_END        280

/* FLAGS of EXCEPTION and RESULT: what is known. The rest is zero. */
#define SEVC_TRACE_HAS_FRAME     0x001u /* all of RIP to GPR */
#define SEVC_TRACE_HAS_CR3       0x002u
#define SEVC_TRACE_HAS_CR4       0x004u
#define SEVC_TRACE_HAS_XCR0      0x008u
#define SEVC_TRACE_HAS_XSS       0x010u
#define SEVC_TRACE_HAS_FS_BASE   0x020u
#define SEVC_TRACE_HAS_GS_BASE   0x040u
#define SEVC_TRACE_HAS_CODE_BITS 0x080u
#define SEVC_TRACE_HAS_INSN      0x100u
#define SEVC_TRACE_HAS_REPORT    0x200u /* RESULT: the handler's own account of it */

/* ---- TRANSLATION: of a linear address ---- */

#define SEVC_TRACE_MAP_VA         32 /* u64 */
#define SEVC_TRACE_MAP_GPA        40 /* u64, of the very byte; no C-bit */
#define SEVC_TRACE_MAP_PAGE_BYTES 48 /* u64 */
#define SEVC_TRACE_MAP_END        56

#define SEVC_TRACE_MAP_FOUND      0x01u
#define SEVC_TRACE_MAP_ENCRYPTED  0x02u
#define SEVC_TRACE_MAP_WRITABLE   0x04u
#define SEVC_TRACE_MAP_USER       0x08u
#define SEVC_TRACE_MAP_EXECUTABLE 0x10u
#define SEVC_TRACE_MAP_NO_VA      0x20u /* only GPA is known: of the instruction's memory operand */

/* ---- MEMORY: one access of the handler to the guest's memory ---- */

#define SEVC_TRACE_MEM_VA         32 /* u64 */
#define SEVC_TRACE_MEM_CR2        40 /* u64 */
#define SEVC_TRACE_MEM_BYTES      48 /* u32: asked for */
#define SEVC_TRACE_MEM_DONE       52 /* u32: of them, before a fault */
#define SEVC_TRACE_MEM_DATA_BYTES 56 /* u32 */
#define SEVC_TRACE_MEM_ERROR_CODE 60 /* u32 */
#define SEVC_TRACE_MEM_ACCESS     64 /* u8: SEVC_TRACE_ACCESS_* */
#define SEVC_TRACE_MEM_USER       65 /* u8: with the rights of CPL 3 */
#define SEVC_TRACE_MEM_VECTOR     66 /* u8: of the fault */
#define SEVC_TRACE_MEM_HAS_CODE   67 /* u8 */
#define SEVC_TRACE_MEM_DATA       72

#define SEVC_TRACE_MEM_FAULTED 1u /* FLAGS */

#define SEVC_TRACE_ACCESS_READ        0
#define SEVC_TRACE_ACCESS_WRITE       1
#define SEVC_TRACE_ACCESS_FETCH       2
#define SEVC_TRACE_ACCESS_PROBE_READ  3
#define SEVC_TRACE_ACCESS_PROBE_WRITE 4

/* ---- PAGE_SENT, PAGE_RETURNED: the GHCB; what no run covers is zero ---- */

#define SEVC_TRACE_PAGE_GPA  32 /* u64 */
#define SEVC_TRACE_PAGE_RUNS 40 /* u32: how many; then a u32 of zero */
#define SEVC_TRACE_PAGE_DATA 48

/* A run: u16 offset in the page, u16 bytes, u32 zero, then the bytes. Multiples of 8, ascending. */
#define SEVC_TRACE_RUN_BYTES 8

/* ---- MSR_SENT, MSR_RETURNED ---- */

#define SEVC_TRACE_MSR_VALUE 32 /* u64: the GHCB MSR */
#define SEVC_TRACE_MSR_END   40

/* ---- RESULT: what became of an exception. The frame comes first ---- */

#define SEVC_TRACE_RESULT_NAE_CODE   200 /* u64; these are struct sevc_report's */
#define SEVC_TRACE_RESULT_INFO1      208 /* u64 */
#define SEVC_TRACE_RESULT_INFO2      216 /* u64 */
#define SEVC_TRACE_RESULT_CR2        224 /* u64 */
#define SEVC_TRACE_RESULT_ERROR_CODE 232 /* u32 */
#define SEVC_TRACE_RESULT_VECTOR     236 /* u8 */
#define SEVC_TRACE_RESULT_HAS_CODE   237 /* u8 */
#define SEVC_TRACE_RESULT_RESULT     238 /* u8: enum sevc_result */
#define SEVC_TRACE_RESULT_INSN_BYTES 239 /* u8 */
#define SEVC_TRACE_RESULT_VMGEXITS   240 /* u32; then a u32 of zero */
#define SEVC_TRACE_RESULT_STAGE      248 /* 16 characters, zeros behind: sevc_stage_name() */
#define SEVC_TRACE_RESULT_REASON     264 /* 24 characters: sevc_reason_name() */
#define SEVC_TRACE_RESULT_INSN       288 /* 15 bytes, and one that is zero */
#define SEVC_TRACE_RESULT_END        304

/* ---- LOST: the recorder had no room ---- */

#define SEVC_TRACE_LOST_COUNT 32 /* u64: records of this CPU, since the last LOST */
#define SEVC_TRACE_LOST_END   40

#endif
