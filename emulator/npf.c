/* SPDX-License-Identifier: MIT */
#include "npf.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "config.h"
#include "cpu.h"
#include "deliver.h"
#include "firmware.h"
#include "hostile.h"
#include "insn.h"
#include "memory.h"
#include "npt.h"
#include "vcpu.h"
#include "view.h"

/* Option ROMs and BIOS of a PC. */
#define ROM_AREA_START 0xC0000
#define ROM_AREA_END   0x100000

/* A nested fault, taken apart. */
struct nested_fault {
    uint64_t gpa;   /* without the C-bit */
    bool encrypted; /* the C-bit was set, or the guest has no way to clear it */
    bool walk, fetch, write;
};

static struct nested_fault nested_fault(const struct vcpu *v)
{
    uint64_t gpa = v->vmcb->exit_info2, info = v->vmcb->exit_info1;

    return (struct nested_fault){
        .gpa = gpa & ~NPT_C_BIT,
        .encrypted = (gpa & NPT_C_BIT) != 0 || !vcpu_has_c_bit(v),
        .walk = (info & VMCB_NPF_WALK) != 0,
        .fetch = (info & PF_ID) != 0,
        .write = (info & PF_W) != 0,
    };
}

/*
 * An event whose delivery was cut short by the fault goes in again. QEMU notes hardware
 * interrupts there as exceptions; vectors from 32 up can be nothing else. A software interrupt is
 * not repeated: RIP still stands on its INT instruction.
 */
static void reinject_event(struct vcpu *v)
{
    uint64_t event = v->vmcb->exit_int_info;
    uint64_t type = event & SEVC_EVENTINJ_TYPE_MASK;

    if ((event & SEVC_EVENTINJ_VALID) == 0 || type == SEVC_EVENTINJ_TYPE_SOFT)
        return;
    if (type == SEVC_EVENTINJ_TYPE_EXCEPTION && (event & SEVC_EVENTINJ_VECTOR_MASK) >= 32)
        event &= ~(uint64_t)SEVC_EVENTINJ_TYPE_MASK;
    v->vmcb->event_injection = event;
    report_log(REPORT_ALL, "reinject cpu=%u event=0x%llx rip=0x%llx", v->index,
               (unsigned long long)event, (unsigned long long)v->vmcb->rip);
}

/* In AP reset hold the page counts when the processor is woken (hold.c). */
static bool has_ghcb_at(const struct vcpu *v, uint64_t page)
{
    uint64_t ghcb;

    return !v->hold.held && ghcb_server_wants_page(&v->ghcb, &ghcb) && ghcb != 0 && ghcb == page;
}

/*
 * The GHCB belongs to guest and host; a guest that decrypts it has lost its place, and so has a
 * processor that decrypts another's.
 */
static void judge_ghcb_alias(struct vcpu *v, uint64_t gpa)
{
    struct vcpu_where where = vcpu_where(v);
    uint64_t page = gpa & ~PAGE_MASK;

    if ((config.allow & GHCB_ALLOW_STALE_GHCB) != 0)
        return;
    for (unsigned i = 0; i < smp_count; i++) {
        if (has_ghcb_at(vcpu_at(i), page))
            report_violation(&where, "ghcb-alias",
                             "processor %u's GHCB at 0x%llx was accessed with the C-bit set", i,
                             (unsigned long long)page);
    }
}

static void fault_in_ram(struct vcpu *v, const struct nested_fault *fault)
{
    bool data = !fault->walk && !fault->fetch;
    bool changed, given_back = hostile_give_back(fault->gpa);

    if (data && fault->encrypted && hostile_private_fault(v, given_back))
        return;
    if (!data && !fault->encrypted)
        changed = view_require_code(fault->gpa);
    else
        changed = view_require(fault->gpa, fault->encrypted ? VIEW_PRIVATE : VIEW_SHARED);
    /* Going on would mean the same fault for ever, unless another processor has mended it. */
    if (!changed && !given_back && smp_count == 1)
        report_end(VERDICT_ERROR, "a nested fault on gpa=0x%llx with nothing to mend (a bug)",
                   (unsigned long long)fault->gpa);
    if (data && fault->encrypted)
        judge_ghcb_alias(v, fault->gpa);
    report_log(REPORT_ALL, "flip cpu=%u gpa=0x%llx view=%s rip=0x%llx", v->index,
               (unsigned long long)fault->gpa,
               view_of(fault->gpa) == VIEW_PRIVATE ? "private" : "shared",
               (unsigned long long)v->vmcb->rip);
    reinject_event(v);
}

/*
 * What firmware would have left in C0000-FFFFF is nothing that a guest could decrypt. Result: the
 * guest reads garbage there from now on.
 */
static bool read_encrypted_rom(const struct nested_fault *fault)
{
    static uint64_t *garbage;

    if ((config.allow & GHCB_ALLOW_ENCRYPTED_ROM) == 0 || !fault->encrypted || fault->write ||
        fault->walk || fault->fetch || fault->gpa < ROM_AREA_START || fault->gpa >= ROM_AREA_END)
        return false;
    if (garbage == NULL) {
        garbage = memory_alloc_pages(1);
        for (unsigned i = 0; i < PAGE_BYTES / sizeof(*garbage); i++)
            garbage[i] = (i + 1) * 0x9E3779B97F4A7C15ull;
    }
    npt_set_garbage(fault->gpa & ~PAGE_MASK, garbage);
    return true;
}

/* Accesses outside RAM that no handler can make good. Result: the rule, NULL if it is MMIO. */
static const char *fatal_rule(const struct vcpu *v, const struct nested_fault *fault)
{
    if (memory_is_monitor(fault->gpa))
        return "monitor-memory";
    if (fault->walk)
        return "page-table-outside-ram";
    if (fault->fetch)
        return "fetch-outside-ram";
    if ((v->vmcb->exit_int_info & SEVC_EVENTINJ_VALID) != 0)
        return "event-delivery-outside-ram";
    /* Real hardware would encrypt what goes to the device and decrypt what comes: garbage. */
    if (fault->encrypted && (config.allow & GHCB_ALLOW_ENCRYPTED_MMIO) == 0)
        return "mmio-encrypted";
    return NULL;
}

/* The length of MOV EBP, [memory] from its opcode on; 0 if it is something else. */
static unsigned ebp_load_bytes(const struct insn *insn)
{
    unsigned at = insn->prefixes;
    uint8_t modrm = insn->bytes[at + 1];
    unsigned mod = modrm >> 6, rm = modrm & 7, bytes = 2;

    if (at + 3 > insn->count || insn->bytes[at] != 0x8B || (modrm >> 3 & 7) != GPR_RBP ||
        mod == 3 || (insn->rex & 0xC) != 0 || (at != 0 && insn->rex == 0))
        return 0;
    if (rm == 4) {
        bytes++;
        if (mod == 0 && (insn->bytes[at + 2] & 7) == 5)
            bytes += 4;
    }
    if (mod == 1)
        return bytes + 1;
    return mod == 2 || (mod == 0 && rm == 5) ? bytes + 4 : bytes;
}

/*
 * EDK2's stub for exceptions restores every register from its frame but RBP. Its memory-mapped
 * access to PCI configuration space, as Debian's compiler has it, loads into EBP, so that on q35
 * it would find no device, here and on real hardware. Result: the guest's load is done.
 */
static bool load_ebp(struct vcpu *v, const struct nested_fault *fault)
{
    struct insn insn;
    uint32_t value;

    if ((config.allow & GHCB_ALLOW_LOST_RBP) == 0 || fault->write || !insn_fetch(v, &insn))
        return false;
    unsigned bytes = ebp_load_bytes(&insn);
    if (bytes == 0 || !device_mmio_read(fault->gpa, &value, sizeof(value)))
        return false;
    v->gpr[GPR_RBP] = value;
    vcpu_advance(v, insn.prefixes + bytes);
    return true;
}

void npf_handle(struct vcpu *v)
{
    struct nested_fault fault = nested_fault(v);

    if (memory_is_guest_ram(fault.gpa)) {
        fault_in_ram(v, &fault);
        return;
    }
    if (read_encrypted_rom(&fault)) {
        reinject_event(v);
        return;
    }
    if (firmware_owns(fault.gpa) &&
        firmware_fault(fault.gpa, fault.encrypted, fault.walk || fault.fetch)) {
        reinject_event(v);
        return;
    }
    const char *rule = fatal_rule(v, &fault);
    if (rule == NULL) {
        if (!load_ebp(v, &fault))
            deliver_vc(v, SEVC_EXIT_NPF);
        return;
    }
    struct vcpu_where where = vcpu_where(v);
    report_violation(&where, rule, "%s of gpa=0x%llx with C-bit %s",
                     fault.fetch   ? "a fetch"
                     : fault.walk  ? "a page-table walk"
                     : fault.write ? "a write"
                                   : "a read",
                     (unsigned long long)fault.gpa, fault.encrypted ? "set" : "clear");
    /* There is nothing to go on with, even if violations are not to stop the run. */
    report_end(VERDICT_VIOLATION, "the access cannot be completed");
}
