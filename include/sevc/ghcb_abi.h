/* SPDX-License-Identifier: MIT */
/*
 * Constants of the guest-hypervisor communication block (GHCB): the page, the NAE events, the MSR
 * protocol. Source: "SEV-ES Guest-Hypervisor Communication Block Standardization", AMD 56421,
 * revision 2.03. Pure numbers: the emulated platform shares this file with the library, and
 * nothing else.
 */
#ifndef SEVC_GHCB_ABI_H
#define SEVC_GHCB_ABI_H

/* Protocol versions that this library speaks (GHCB spec, 2.3.1 and 4.1.1). */
#define SEVC_GHCB_VERSION_MIN 1
#define SEVC_GHCB_VERSION_MAX 2

/* ---- The GHCB page: byte offsets of its fields (GHCB spec, 2.6, table 3) ---- */

#define SEVC_GHCB_SIZE                 4096
#define SEVC_GHCB_OFF_CPL              0x0CB /* one byte; its valid bit covers the qword 0x0C8 */
#define SEVC_GHCB_OFF_XSS              0x140
#define SEVC_GHCB_OFF_DR7              0x160
#define SEVC_GHCB_OFF_RIP              0x178 /* VMware; reserved in the specification */
#define SEVC_GHCB_OFF_RAX              0x1F8
#define SEVC_GHCB_OFF_RCX              0x308
#define SEVC_GHCB_OFF_RDX              0x310
#define SEVC_GHCB_OFF_RBX              0x318
#define SEVC_GHCB_OFF_RBP              0x328
#define SEVC_GHCB_OFF_RSI              0x330
#define SEVC_GHCB_OFF_RDI              0x338
#define SEVC_GHCB_OFF_R8               0x340 /* R8..R15 follow each other, eight bytes each */
#define SEVC_GHCB_OFF_R15              0x378
#define SEVC_GHCB_OFF_SW_EXITCODE      0x390
#define SEVC_GHCB_OFF_SW_EXITINFO1     0x398
#define SEVC_GHCB_OFF_SW_EXITINFO2     0x3A0
#define SEVC_GHCB_OFF_SW_SCRATCH       0x3A8
#define SEVC_GHCB_OFF_XCR0             0x3E8
#define SEVC_GHCB_OFF_VALID_BITMAP     0x3F0
#define SEVC_GHCB_OFF_X87_STATE_GPA    0x400
#define SEVC_GHCB_OFF_SHARED_BUFFER    0x800
#define SEVC_GHCB_OFF_PROTOCOL_VERSION 0xFFA
#define SEVC_GHCB_OFF_USAGE            0xFFC

#define SEVC_GHCB_VALID_BITMAP_BYTES  16
#define SEVC_GHCB_SHARED_BUFFER_BYTES 2032 /* 0x800 to 0xFEF */

/* The index in VALID_BITMAP of the quadword at a byte offset below 0x3F0. */
#define SEVC_GHCB_VALID_INDEX(offset) ((offset) / 8)

/* GHCB_USAGE: the standard layout. Every other value belongs to a hypervisor. */
#define SEVC_GHCB_USAGE_STANDARD 0

/* ---- SW_EXITINFO1[31:0] on return (GHCB spec, 4.1, table 5) ---- */

#define SEVC_REPLY_OK        0 /* no action required, or the event's own meaning */
#define SEVC_REPLY_EXCEPTION 1 /* the guest takes the exception in SW_EXITINFO2 */
#define SEVC_REPLY_REJECTED  2 /* malformed input; the reason is in SW_EXITINFO2 */

/* SW_EXITINFO2 with SEVC_REPLY_REJECTED. */
#define SEVC_REJECT_NOT_REGISTERED 1
#define SEVC_REJECT_USAGE          2
#define SEVC_REJECT_SCRATCH        3
#define SEVC_REJECT_MISSING_INPUT  4
#define SEVC_REJECT_INPUT          5
#define SEVC_REJECT_EVENT          6

/* SW_EXITINFO2 with SEVC_REPLY_EXCEPTION: the EVENTINJ format (APM vol. 2, 15.20). */
#define SEVC_EVENTINJ_VECTOR_MASK      0x000000FFu
#define SEVC_EVENTINJ_TYPE_MASK        0x00000700u
#define SEVC_EVENTINJ_TYPE_INTR        0x00000000u
#define SEVC_EVENTINJ_TYPE_NMI         0x00000200u
#define SEVC_EVENTINJ_TYPE_EXCEPTION   0x00000300u
#define SEVC_EVENTINJ_TYPE_SOFT        0x00000400u
#define SEVC_EVENTINJ_ERROR_CODE_VALID 0x00000800u
#define SEVC_EVENTINJ_RESERVED_MASK    0x7FFFF000u
#define SEVC_EVENTINJ_VALID            0x80000000u
#define SEVC_EVENTINJ_ERROR_CODE_SHIFT 32

/* ---- NAE events that are not SVM exit codes (GHCB spec, 4.1, table 6) ---- */

#define SEVC_NAE_MMIO_READ         0x80000001
#define SEVC_NAE_MMIO_WRITE        0x80000002
#define SEVC_NAE_NMI_COMPLETE      0x80000003
#define SEVC_NAE_AP_RESET_HOLD     0x80000004
#define SEVC_NAE_AP_JUMP_TABLE     0x80000005
#define SEVC_NAE_PSC               0x80000010
#define SEVC_NAE_GUEST_REQUEST     0x80000011
#define SEVC_NAE_EXT_GUEST_REQUEST 0x80000012
#define SEVC_NAE_AP_CREATION       0x80000013
#define SEVC_NAE_HV_DOORBELL       0x80000014
#define SEVC_NAE_HV_IPI            0x80000015
#define SEVC_NAE_APIC_ID_LIST      0x80000017
#define SEVC_NAE_RUN_VMPL          0x80000018
#define SEVC_NAE_HV_FEATURES       0x8000FFFD
#define SEVC_NAE_TERMINATE         0x8000FFFE
#define SEVC_NAE_UNSUPPORTED       0x8000FFFF

/* SW_EXITINFO1 of single events. */
#define SEVC_MSR_INFO1_READ       0
#define SEVC_MSR_INFO1_WRITE      1
#define SEVC_JUMP_TABLE_INFO1_SET 0
#define SEVC_JUMP_TABLE_INFO1_GET 1

/* ---- SW_EXITINFO1 of an IOIO event (APM vol. 2, 15.10.2) ---- */

#define SEVC_IOIO_IN            (1u << 0)
#define SEVC_IOIO_STRING        (1u << 2)
#define SEVC_IOIO_REP           (1u << 3)
#define SEVC_IOIO_SIZE_SHIFT    4 /* the data size in bytes (1, 2, 4) stands here as it is */
#define SEVC_IOIO_SIZE_MASK     (7u << 4)
#define SEVC_IOIO_ADDRESS_SHIFT 6 /* so does the address size in bytes (2, 4, 8): bits 7, 8, 9 */
#define SEVC_IOIO_ADDRESS_16    (1u << 7)
#define SEVC_IOIO_ADDRESS_32    (1u << 8)
#define SEVC_IOIO_ADDRESS_64    (1u << 9)
#define SEVC_IOIO_SEGMENT_SHIFT 10 /* 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS */
#define SEVC_IOIO_PORT_SHIFT    16

/* ---- The GHCB MSR protocol (GHCB spec, 2.3.1): GHCBInfo, bits 11:0 of the MSR ---- */

#define SEVC_GHCB_MSR_INFO_MASK          0xFFFu
#define SEVC_GHCB_MSR_GPA                0x000 /* the page protocol: the rest is a GPA */
#define SEVC_GHCB_MSR_SEV_INFO_RESP      0x001
#define SEVC_GHCB_MSR_SEV_INFO_REQ       0x002
#define SEVC_GHCB_MSR_CPUID_REQ          0x004
#define SEVC_GHCB_MSR_CPUID_RESP         0x005
#define SEVC_GHCB_MSR_AP_RESET_HOLD_REQ  0x006
#define SEVC_GHCB_MSR_AP_RESET_HOLD_RESP 0x007
#define SEVC_GHCB_MSR_PREFERRED_GPA_REQ  0x010 /* SNP guests only, so are 0x012 and 0x014 */
#define SEVC_GHCB_MSR_PREFERRED_GPA_RESP 0x011
#define SEVC_GHCB_MSR_REGISTER_GPA_REQ   0x012
#define SEVC_GHCB_MSR_REGISTER_GPA_RESP  0x013
#define SEVC_GHCB_MSR_PSC_REQ            0x014
#define SEVC_GHCB_MSR_PSC_RESP           0x015
#define SEVC_GHCB_MSR_RUN_VMPL_REQ       0x016
#define SEVC_GHCB_MSR_RUN_VMPL_RESP      0x017
#define SEVC_GHCB_MSR_HV_FEATURES_REQ    0x080
#define SEVC_GHCB_MSR_HV_FEATURES_RESP   0x081
#define SEVC_GHCB_MSR_TERMINATE_REQ      0x100

/* The register selector of the CPUID request, bits 31:30. */
#define SEVC_GHCB_MSR_CPUID_EAX 0
#define SEVC_GHCB_MSR_CPUID_EBX 1
#define SEVC_GHCB_MSR_CPUID_ECX 2
#define SEVC_GHCB_MSR_CPUID_EDX 3

/* Hypervisor features (GHCB spec, table 4). */
#define SEVC_HV_FEATURE_SNP                        (1u << 0)
#define SEVC_HV_FEATURE_AP_CREATION                (1u << 1)
#define SEVC_HV_FEATURE_RESTRICTED_INJECTION       (1u << 2)
#define SEVC_HV_FEATURE_RESTRICTED_INJECTION_TIMER (1u << 3)
#define SEVC_HV_FEATURE_APIC_ID_LIST               (1u << 4)
#define SEVC_HV_FEATURE_MULTI_VMPL                 (1u << 5)

/* Termination: reason set 0 is the specification's; the others are the guest's own. */
#define SEVC_TERM_SET_SPEC         0
#define SEVC_TERM_GENERAL          0
#define SEVC_TERM_PROTOCOL_VERSION 1
#define SEVC_TERM_SNP_FEATURES     2

#endif
