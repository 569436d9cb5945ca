/* SPDX-License-Identifier: MIT */
/*
 * Constants of the processor: SVM exit codes, MSRs and CPUID bits that an SEV-ES guest meets.
 *
 * Sources: AMD64 Architecture Programmer's Manual (APM), volume 2, chapter 15 and appendix C;
 * volume 3, appendix E. Nothing here has state, and every value is a plain number, so that
 * assembly files can include this header too.
 *
 * The error code of a #VC exception is the SVM exit code of the intercept (APM vol. 2, 15.35.4).
 */
#ifndef SEVC_SVM_H
#define SEVC_SVM_H

/* The #VC exception: vector 29, pushes an error code (APM vol. 2, 8.2.23). */
#define SEVC_VC_VECTOR 29

/* Other exceptions that sevc names. */
#define SEVC_VECTOR_DB 1
#define SEVC_VECTOR_UD 6
#define SEVC_VECTOR_SS 12
#define SEVC_VECTOR_GP 13
#define SEVC_VECTOR_PF 14
#define SEVC_VECTOR_AC 17

/* SVM exit codes (APM vol. 2, appendix C). */
#define SEVC_EXIT_READ_CR0      0x000 /* + control register number, up to 0x00F */
#define SEVC_EXIT_WRITE_CR0     0x010 /* + control register number, up to 0x01F */
#define SEVC_EXIT_READ_DR0      0x020 /* + debug register number, up to 0x02F */
#define SEVC_EXIT_READ_DR7      0x027
#define SEVC_EXIT_WRITE_DR0     0x030 /* + debug register number, up to 0x03F */
#define SEVC_EXIT_WRITE_DR7     0x037
#define SEVC_EXIT_EXCEPTION     0x040 /* + vector, up to 0x05F */
#define SEVC_EXIT_DB            0x041
#define SEVC_EXIT_AC            0x051
#define SEVC_EXIT_INTR          0x060
#define SEVC_EXIT_NMI           0x061
#define SEVC_EXIT_SMI           0x062
#define SEVC_EXIT_INIT          0x063
#define SEVC_EXIT_VINTR         0x064
#define SEVC_EXIT_RDTSC         0x06E
#define SEVC_EXIT_RDPMC         0x06F
#define SEVC_EXIT_PUSHF         0x070
#define SEVC_EXIT_POPF          0x071
#define SEVC_EXIT_CPUID         0x072
#define SEVC_EXIT_RSM           0x073
#define SEVC_EXIT_IRET          0x074
#define SEVC_EXIT_SWINT         0x075
#define SEVC_EXIT_INVD          0x076
#define SEVC_EXIT_PAUSE         0x077
#define SEVC_EXIT_HLT           0x078
#define SEVC_EXIT_INVLPG        0x079
#define SEVC_EXIT_INVLPGA       0x07A
#define SEVC_EXIT_IOIO          0x07B
#define SEVC_EXIT_MSR           0x07C
#define SEVC_EXIT_SHUTDOWN      0x07F
#define SEVC_EXIT_VMRUN         0x080
#define SEVC_EXIT_VMMCALL       0x081
#define SEVC_EXIT_VMLOAD        0x082
#define SEVC_EXIT_VMSAVE        0x083
#define SEVC_EXIT_STGI          0x084
#define SEVC_EXIT_CLGI          0x085
#define SEVC_EXIT_SKINIT        0x086
#define SEVC_EXIT_RDTSCP        0x087
#define SEVC_EXIT_ICEBP         0x088
#define SEVC_EXIT_WBINVD        0x089 /* and WBNOINVD */
#define SEVC_EXIT_MONITOR       0x08A /* and MONITORX */
#define SEVC_EXIT_MWAIT         0x08B /* and MWAITX */
#define SEVC_EXIT_XSETBV        0x08D
#define SEVC_EXIT_RDPRU         0x08E
#define SEVC_EXIT_INVPCID       0x0A2
#define SEVC_EXIT_NPF           0x400 /* as a #VC: an access to emulated MMIO */
#define SEVC_EXIT_VMGEXIT       0x403
#define SEVC_EXIT_NOT_VALIDATED 0x404 /* SNP: the page has not been validated */

/* DR7: its value after reset; bit 10 is always 1 (APM vol. 2, 13.1.1.4). */
#define SEVC_DR7_RESET 0x400

/* MSRs (APM vol. 2, 15.35, and GHCB specification, 2.3.1). */
#define SEVC_MSR_FS_BASE    0xC0000100
#define SEVC_MSR_GS_BASE    0xC0000101
#define SEVC_MSR_GHCB       0xC0010130 /* never intercepted for an SEV-ES guest */
#define SEVC_MSR_SEV_STATUS 0xC0010131 /* read-only, never intercepted */

/* SEV_STATUS (APM vol. 2, 15.34.10). */
#define SEVC_STATUS_SEV        (1u << 0)
#define SEVC_STATUS_SEV_ES     (1u << 1)
#define SEVC_STATUS_SNP        (1u << 2)
#define SEVC_STATUS_VTOM       (1u << 3)
#define SEVC_STATUS_REFLECT_VC (1u << 4)
#define SEVC_STATUS_DEBUG_SWAP (1u << 7)
#define SEVC_STATUS_SECURE_TSC (1u << 11)

/* CPUID Fn8000_001F, Encrypted Memory Capabilities (APM vol. 3, E.4.17). */
#define SEVC_CPUID_MEMORY_ENCRYPTION 0x8000001F
#define SEVC_CPUID_EAX_SEV           (1u << 1)
#define SEVC_CPUID_EAX_SEV_ES        (1u << 3)
#define SEVC_CPUID_EAX_SNP           (1u << 4)
#define SEVC_CPUID_EBX_C_BIT_MASK    0x3Fu /* position of the C-bit in a page table entry */

/* The C-bit of every real part is 47 or 51; lower than 32 it could not be told from an address. */
#define SEVC_C_BIT_MIN 32
#define SEVC_C_BIT_MAX 63

#endif
