/* SPDX-License-Identifier: MIT */
/* One program at a time at CPL 3. */
#include "kernel.h"

void user_enter(uint64_t rip, uint64_t rsp);
__attribute__((noreturn)) void user_leave(void);

static struct sevc_trap *result;

void user_run(const char *code, const char *end, struct sevc_trap *state)
{
    void *text = page_alloc();
    size_t bytes = (uintptr_t)end - (uintptr_t)code;

    memcpy(text, code, bytes < PAGE_BYTES ? bytes : PAGE_BYTES);
    page_map(USER_CODE, gpa_of(text), PTE_USER, true);
    page_map(USER_STACK - PAGE_BYTES, gpa_of(page_alloc()), PTE_USER | PTE_WRITABLE | PTE_NX, true);
    result = state;
    user_enter(USER_CODE, USER_STACK - 64);
}

void user_exit(const struct sevc_trap *trap)
{
    *result = *trap;
    user_leave();
}
