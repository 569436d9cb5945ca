/* SPDX-License-Identifier: MIT */
/* struct sevc_ghcb_page is the table of the specification (GHCB spec 2.03, 2.6, table 3). */
#ifndef SEVC_GHCB_LAYOUT_H
#define SEVC_GHCB_LAYOUT_H

#include <stddef.h>

#include <sevc/ghcb.h>

#define SEVC_ASSERT_AT(field, offset)                                                              \
    _Static_assert(offsetof(struct sevc_ghcb_page, field) == (offset), #field)

SEVC_ASSERT_AT(cpl, SEVC_GHCB_OFF_CPL);
SEVC_ASSERT_AT(xss, SEVC_GHCB_OFF_XSS);
SEVC_ASSERT_AT(dr7, SEVC_GHCB_OFF_DR7);
SEVC_ASSERT_AT(rip, SEVC_GHCB_OFF_RIP);
SEVC_ASSERT_AT(rax, SEVC_GHCB_OFF_RAX);
SEVC_ASSERT_AT(rcx, SEVC_GHCB_OFF_RCX);
SEVC_ASSERT_AT(rdx, SEVC_GHCB_OFF_RDX);
SEVC_ASSERT_AT(rbx, SEVC_GHCB_OFF_RBX);
SEVC_ASSERT_AT(rbp, SEVC_GHCB_OFF_RBP);
SEVC_ASSERT_AT(rsi, SEVC_GHCB_OFF_RSI);
SEVC_ASSERT_AT(rdi, SEVC_GHCB_OFF_RDI);
SEVC_ASSERT_AT(r8_to_r15, SEVC_GHCB_OFF_R8);
SEVC_ASSERT_AT(sw_exitcode, SEVC_GHCB_OFF_SW_EXITCODE);
SEVC_ASSERT_AT(sw_exitinfo1, SEVC_GHCB_OFF_SW_EXITINFO1);
SEVC_ASSERT_AT(sw_exitinfo2, SEVC_GHCB_OFF_SW_EXITINFO2);
SEVC_ASSERT_AT(sw_scratch, SEVC_GHCB_OFF_SW_SCRATCH);
SEVC_ASSERT_AT(xcr0, SEVC_GHCB_OFF_XCR0);
SEVC_ASSERT_AT(valid_bitmap, SEVC_GHCB_OFF_VALID_BITMAP);
SEVC_ASSERT_AT(x87_state_gpa, SEVC_GHCB_OFF_X87_STATE_GPA);
SEVC_ASSERT_AT(shared_buffer, SEVC_GHCB_OFF_SHARED_BUFFER);
SEVC_ASSERT_AT(protocol_version, SEVC_GHCB_OFF_PROTOCOL_VERSION);
SEVC_ASSERT_AT(ghcb_usage, SEVC_GHCB_OFF_USAGE);
_Static_assert(sizeof(struct sevc_ghcb_page) == SEVC_GHCB_SIZE, "the GHCB is one page");

/* The order that sevc_ghcb_gpr_offset() and the reply's bitmap rely on. */
_Static_assert(SEVC_GHCB_OFF_RDX == SEVC_GHCB_OFF_RCX + 8 * (SEVC_RDX - SEVC_RCX), "RDX");
_Static_assert(SEVC_GHCB_OFF_RBX == SEVC_GHCB_OFF_RCX + 8 * (SEVC_RBX - SEVC_RCX), "RBX");
_Static_assert(SEVC_GHCB_OFF_RBP == SEVC_GHCB_OFF_RCX + 8 * (SEVC_RBP - SEVC_RCX), "RBP");
_Static_assert(SEVC_GHCB_OFF_R15 == SEVC_GHCB_OFF_RCX + 8 * (SEVC_R15 - SEVC_RCX), "R15");
_Static_assert(SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_RAX) == 63, "RAX");
_Static_assert(SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_RCX) == 64 + 32 + SEVC_RCX, "RCX");

#undef SEVC_ASSERT_AT

#endif
