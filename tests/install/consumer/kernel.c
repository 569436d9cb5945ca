/* SPDX-License-Identifier: MIT */
/* What a kernel must have to link libsevc: the hooks, mem*, and nothing else. Never run. */
#include <stddef.h>

#include <sevc/sevc.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void start(void);

static struct sevc_cpu cpu;
static struct sevc_vc_stack stack;
static struct sevc_idt_gate idt[256], early_idt[SEVC_EARLY_IDT_GATES];
static uint64_t ist[7];
static uint8_t ghcb[4096] __attribute__((aligned(4096)));
static uint8_t backup[4096] __attribute__((aligned(4096)));
static const struct sevc_paging paging = { .c_bit = 51 };

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    return sevc_walk(&paging, va, mapping);
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    return sevc_walk_copy(&paging, copy);
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return which == SEVC_OS_CODE_BITS ? 64 : 0;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
    sevc_terminate(SEVC_TERM_GENERAL);
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *d = to;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    return memcpy(to, from, bytes); /* good enough to link */
}

void *memset(void *to, int value, size_t bytes)
{
    void *d = to;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    (void)bytes;
    return a == b ? 0 : 1;
}

void start(void)
{
    struct sevc_cpu_config config = {
        .ghcb = { ghcb, 0x100000 }, .backup = backup, .stack = &stack, .tss_ist = &ist[3]
    };

    sevc_early_install(early_idt, 8);
    if (sevc_cpu_init(&cpu, &config) != SEVC_OK) {
        sevc_terminate(SEVC_TERM_GENERAL);
    }
    sevc_idt_set(idt, 8, 4);
    for (;;) {
    }
}
