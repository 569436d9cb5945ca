/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor that answers CPUID by rule instead of by script, counts what it is asked, and changes
 * its mind where a test says so; and CPUs that are given to it in turn. One model per thread.
 *
 *     model_start();
 *     model_cpu(&cpu, &table, 7);                  APIC id 7
 *     assert_int_equal(model_ask(&cpu, 0x7, 0), 1);     one exit
 *     model_finish();
 */
#ifndef CPUID_MODEL_H
#define CPUID_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define MODEL_C_BIT    51
#define MODEL_LAST     0x1F
#define MODEL_LAST_EXT 0x80000026u

#define CR4_OSXSAVE (1ull << 18)
#define CR4_PKE     (1ull << 22)

struct model {
    struct scripted_host host;
    struct sevc_cpuid_regs regs; /* of the last model_ask() */
    uint32_t apic_id;            /* of the CPU that asks */
    uint64_t cr4, xcr0, xss;     /* what sevc_os_register() gives */
    bool hypervisor;             /* leaf 1 admits it */
    uint32_t absent;             /* a leaf that is not implemented; 0: each is */

    /* Answers to LEAF and SUBLEAF have BITS turned over in register REG, 0 to 3. */
    struct {
        uint32_t leaf, subleaf, bits;
        unsigned reg;
    } change;

    /* Leaf 0xD: what sub-leaf n (2 to 63) says; and which it names. */
    struct sevc_cpuid_regs xsave[64];
    uint64_t xcr0_named, xss_named;

    /* What was asked last. */
    uint32_t leaf, subleaf;
    unsigned refuse_exit; /* the n-th exit from now is rejected; 0: none */
    void (*meanwhile)(void);
};
extern _Thread_local struct model model;

void model_start(void);
void model_finish(void);

/* A CPU of the model's, ready, with TABLE (or NULL). */
void model_cpu(struct sevc_cpu *cpu, struct sevc_cpuid_table *table, uint32_t apic_id);

/* From here on it is CPU that asks: its APIC id. */
void model_on(const struct sevc_cpu *cpu);

/* sevc_cpuid() into model.regs, which must succeed. Returns how many exits it took. */
unsigned model_ask(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf);

/* The same, expecting that it fails with RESULT and REASON, and leaves its output alone. */
unsigned model_fails(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf, enum sevc_result result,
                     enum sevc_reason reason);

/* What the model answers, whatever a table says. */
struct sevc_cpuid_regs model_answer(uint32_t leaf, uint32_t subleaf);

/* model.regs is what the model answers. */
void model_assert_answer(uint32_t leaf, uint32_t subleaf);

#endif
