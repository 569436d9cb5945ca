/* SPDX-License-Identifier: MIT */
/*
 * Build-time settings, each with its default. To change one, define it on the compiler's command
 * line, the same way for the library and for the code that includes its headers.
 */
#ifndef SEVC_CONFIG_H
#define SEVC_CONFIG_H

/*
 * Stack bytes that one level of #VC nesting may use: the frame, sevc_handle_vc() and the
 * porting hooks that it calls. The library itself stays below 1 KiB (docs/design.md, "Bounds").
 */
#ifndef SEVC_VC_LEVEL_BYTES
#define SEVC_VC_LEVEL_BYTES 4096
#endif

/*
 * Size and alignment of one CPU's #VC stack: a power of two, so that the entry code finds its
 * head from RSP alone, without GS and without an instruction that a host could intercept.
 */
#ifndef SEVC_VC_STACK_BYTES
#define SEVC_VC_STACK_BYTES 16384
#endif

/* Size and alignment of one CPU's NMI stack (nmi.h): the kernel's handler runs on it. */
#ifndef SEVC_NMI_STACK_BYTES
#define SEVC_NMI_STACK_BYTES 16384
#endif

/* Elements of a REP instruction on MMIO that one call completes before it returns SEVC_RETRY. */
#ifndef SEVC_MMIO_REP_MAX
#define SEVC_MMIO_REP_MAX 64
#endif

/* CPUID answers that a struct sevc_cpuid_table holds: a power of two. Each takes 32 bytes. */
#ifndef SEVC_CPUID_TABLE_ENTRIES
#define SEVC_CPUID_TABLE_ENTRIES 128
#endif

/*
 * 1: the handlers record what they do (trace.h), 0: nothing of that is compiled. It takes more stack:
 * give SEVC_VC_LEVEL_BYTES 1024 more.
 */
#ifndef SEVC_TRACE
#define SEVC_TRACE 0
#endif

#if SEVC_VC_LEVEL_BYTES < 2048 || SEVC_VC_LEVEL_BYTES % 16 != 0
#error "SEVC_VC_LEVEL_BYTES: at least 2048, and a multiple of 16"
#endif
#if (SEVC_VC_STACK_BYTES & (SEVC_VC_STACK_BYTES - 1)) != 0
#error "SEVC_VC_STACK_BYTES: must be a power of two"
#endif
#if SEVC_VC_STACK_BYTES < 3 * SEVC_VC_LEVEL_BYTES + 256
#error "SEVC_VC_STACK_BYTES: three levels (live, nested, and the one that reports) must fit"
#endif
#if (SEVC_NMI_STACK_BYTES & (SEVC_NMI_STACK_BYTES - 1)) != 0 || SEVC_NMI_STACK_BYTES < 4096
#error "SEVC_NMI_STACK_BYTES: must be a power of two, at least 4096"
#endif
#if SEVC_MMIO_REP_MAX < 1 || SEVC_MMIO_REP_MAX > 1024
#error "SEVC_MMIO_REP_MAX: 1 to 1024"
#endif
#if SEVC_CPUID_TABLE_ENTRIES < 16 || SEVC_CPUID_TABLE_ENTRIES > 1024
#error "SEVC_CPUID_TABLE_ENTRIES: 16 to 1024"
#endif
#if (SEVC_CPUID_TABLE_ENTRIES & (SEVC_CPUID_TABLE_ENTRIES - 1)) != 0
#error "SEVC_CPUID_TABLE_ENTRIES: must be a power of two"
#endif

#endif
