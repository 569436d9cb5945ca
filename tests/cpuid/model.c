/* SPDX-License-Identifier: MIT */
#include "model.h"

_Thread_local struct model model;

#define UNTOUCHED 0x55555555u

/* ---- answers ---- */

static uint32_t scramble(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    uint32_t x = leaf * 2654435761u + subleaf * 40503u + reg * 977u + 12345u;

    x ^= x >> 15;
    return x * 2246822519u;
}

static bool has_no_subleaves(uint32_t leaf)
{
    static const uint32_t indexed[] = {
        0x4,  0x7,  0xB,  0xD,  0xF,  0x10, 0x12, 0x14,       0x17,       0x18,
        0x1A, 0x1B, 0x1D, 0x1E, 0x1F, 0x20, 0x23, 0x8000001D, 0x80000020, 0x80000026,
    };

    for (size_t i = 0; i < COUNT_OF(indexed); i++) {
        if (indexed[i] == leaf) {
            return false;
        }
    }
    return true;
}

static struct sevc_cpuid_regs xsave(uint32_t subleaf)
{
    switch (subleaf) {
    case 0: /* EBX: a lie, which nobody must take over where the table knows better */
        return (struct sevc_cpuid_regs){ (uint32_t)model.xcr0_named | 3, 0xEB00, 0xEC00,
                                         (uint32_t)(model.xcr0_named >> 32) };
    case 1:
        return (struct sevc_cpuid_regs){ 0xF, 0xEB01, (uint32_t)model.xss_named,
                                         (uint32_t)(model.xss_named >> 32) };
    default:
        return subleaf < 64 ? model.xsave[subleaf] : (struct sevc_cpuid_regs){ 0 };
    }
}

/* What is each CPU's own, and what hangs on its state. */
static void personal(uint32_t leaf, uint32_t subleaf, struct sevc_cpuid_regs *regs)
{
    switch (leaf) {
    case 0x1:
        regs->ebx = (regs->ebx & 0xFFFFFF) | model.apic_id << 24;
        regs->ecx &= ~(1u << 27 | 1u << 31);
        regs->ecx |= (model.cr4 & CR4_OSXSAVE) != 0 ? 1u << 27 : 0;
        regs->ecx |= model.hypervisor ? 1u << 31 : 0;
        regs->edx = (regs->edx & ~(1u << 9)) | (model.apic_id & 1) << 9;
        break;
    case 0x7:
        if (subleaf == 0) {
            regs->ecx &= ~(1u << 4);
            regs->ecx |= (model.cr4 & CR4_PKE) != 0 ? 1u << 4 : 0;
        }
        break;
    case 0xB:
    case 0x1F:
    case 0x80000026:
        regs->edx = model.apic_id;
        regs->eax = subleaf < 2 ? regs->eax : 0;
        regs->ebx = subleaf < 2 ? regs->ebx : 0;
        break;
    case 0x80000001:
        regs->edx = (regs->edx & ~(1u << 9)) | (model.apic_id & 1) << 9;
        break;
    case 0x8000001E:
        regs->eax = model.apic_id;
        regs->ebx = (regs->ebx & ~0xFFu) | model.apic_id;
        regs->ecx = (regs->ecx & ~0xFFu) | model.apic_id >> 1;
        break;
    default:
        break;
    }
}

struct sevc_cpuid_regs model_answer(uint32_t leaf, uint32_t subleaf)
{
    uint32_t index = has_no_subleaves(leaf) ? 0 : subleaf;
    struct sevc_cpuid_regs regs = { scramble(leaf, index, 0), scramble(leaf, index, 1),
                                    scramble(leaf, index, 2), scramble(leaf, index, 3) };
    uint32_t *const registers[] = { &regs.eax, &regs.ebx, &regs.ecx, &regs.edx };

    if (leaf == 0xD) {
        regs = xsave(subleaf);
    } else if (leaf == 0) {
        regs.eax = MODEL_LAST;
    } else if (leaf == 0x40000000) {
        regs.eax = 0x40000001;
    } else if (leaf == 0x80000000) {
        regs.eax = MODEL_LAST_EXT;
    } else if (leaf == 0x8000001F) {
        regs.eax = 0xA;
        regs.ebx = MODEL_C_BIT;
    } else if (!has_no_subleaves(leaf) && subleaf >= 2) {
        regs = (struct sevc_cpuid_regs){ 0 };
    }
    personal(leaf, subleaf, &regs);
    if (leaf == model.absent && leaf != 0) {
        regs = (struct sevc_cpuid_regs){ 0 };
    }
    if (leaf == model.change.leaf && index == model.change.subleaf) {
        *registers[model.change.reg] ^= model.change.bits;
    }
    return regs;
}

/* ---- the hypervisor ---- */

static void serve(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    struct sevc_cpuid_regs answer;

    assert_non_null(page);
    assert_int_equal(page->sw_exitcode, SEVC_EXIT_CPUID);
    model.leaf = (uint32_t)page->rax;
    model.subleaf = (uint32_t)page->rcx;
    if (model.leaf == 0xD) {
        assert_int_equal(page->xcr0, (model.cr4 & CR4_OSXSAVE) != 0 ? model.xcr0 : 1);
    }
    if (model.meanwhile != NULL) {
        void (*meanwhile)(void) = model.meanwhile;

        model.meanwhile = NULL;
        host->in_hypervisor = false;
        meanwhile();
        host->in_hypervisor = true;
    }
    answer = model_answer(model.leaf, model.subleaf);
    page->rax = answer.eax | 0xDEAD000000000000ull;
    page->rbx = answer.ebx;
    page->rcx = answer.ecx;
    page->rdx = answer.edx;
    page->valid_bitmap[0] |= 1ull << 63;
    page->valid_bitmap[1] |= 7ull << 33;
    page->sw_exitinfo1 = model.refuse_exit == 1 ? 2 : 0;
    page->sw_exitinfo2 = 0;
    model.refuse_exit -= model.refuse_exit != 0;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    assert_null(trap); /* explicit calls */
    switch (which) {
    case SEVC_OS_CR4:
        return model.cr4;
    case SEVC_OS_XCR0:
        return (model.cr4 & CR4_OSXSAVE) != 0 ? model.xcr0 : 1;
    case SEVC_OS_XSS:
        return model.xss;
    default:
        fail_msg("no explicit call needs register %d", (int)which);
        return 0;
    }
}

/* ---- the model ---- */

void model_start(void)
{
    memset(&model, 0, sizeof(model));
    host_start(&model.host);
    model.host.lenient = true;
    model.host.serve = serve;
    model.host.interrupt_flag = true;
    model.change.leaf = UNTOUCHED;
    model.xcr0 = 1;
}

void model_finish(void)
{
    host_finish(&model.host);
}

void model_cpu(struct sevc_cpu *cpu, struct sevc_cpuid_table *table, uint32_t apic_id)
{
    host_make_cpu(&model.host, cpu, 2);
    cpu->cpuid_table = table;
    cpu->dr7 = apic_id; /* nobody else needs it here */
    model_on(cpu);
}

void model_on(const struct sevc_cpu *cpu)
{
    model.apic_id = cpu->dr7;
}

unsigned model_ask(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf)
{
    unsigned exits = model.host.page_exits;

    model.host.logged = 0; /* of CLI and STI more than it holds */
    memset(&model.regs, 0x55, sizeof(model.regs));
    model_on(cpu);
    assert_int_equal(sevc_cpuid(cpu, leaf, subleaf, &model.regs), SEVC_OK);
    assert_true(model.host.interrupt_flag);
    return model.host.page_exits - exits;
}

unsigned model_fails(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf, enum sevc_result result,
                     enum sevc_reason reason)
{
    unsigned exits = model.host.page_exits;
    struct sevc_cpuid_regs regs = { UNTOUCHED, UNTOUCHED, UNTOUCHED, UNTOUCHED };
    struct sevc_cpuid_regs before = regs;

    model_on(cpu);
    assert_int_equal(sevc_cpuid(cpu, leaf, subleaf, &regs), result);
    assert_int_equal(sevc_direct_reason(cpu), reason);
    assert_memory_equal(&regs, &before, sizeof(regs));
    assert_true(model.host.interrupt_flag);
    return model.host.page_exits - exits;
}

void model_assert_answer(uint32_t leaf, uint32_t subleaf)
{
    struct sevc_cpuid_regs expected = model_answer(leaf, subleaf);

    assert_int_equal(model.regs.eax, expected.eax);
    assert_int_equal(model.regs.ebx, expected.ebx);
    assert_int_equal(model.regs.ecx, expected.ecx);
    assert_int_equal(model.regs.edx, expected.edx);
}
