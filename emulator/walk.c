/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include "cpu.h"
#include "firmware.h"
#include "memory.h"
#include "npt.h"
#include "libc.h"
#include "vcpu.h"
#include "view.h"

/* A linear address on its way down: rights gathered so far. */
struct walk {
    uint64_t va;
    unsigned access;
    uint64_t rights; /* PTE_W, PTE_U: allowed by every level; PTE_NX: forbidden by one */
};

/* The shape of the guest's page tables: APM vol. 2, 5.2 and 5.3. */
struct shape {
    unsigned levels;
    unsigned index_bits;
    unsigned entry_bytes;
};

static bool shape_of(const struct vcpu *v, struct shape *shape)
{
    if ((v->vmcb->cr0 & CR0_PG) == 0)
        return false;
    if (vcpu_long_mode(v))
        *shape = (struct shape){ (v->vmcb->cr4 & CR4_LA57) != 0 ? 5 : 4, 9, 8 };
    else if ((v->vmcb->cr4 & CR4_PAE) != 0)
        *shape = (struct shape){ 3, 9, 8 };
    else
        *shape = (struct shape){ 2, 10, 4 };
    return true;
}

bool walk_is_canonical(const struct vcpu *v, uint64_t va)
{
    struct shape shape;

    if (!shape_of(v, &shape) || shape.levels < 4)
        return true;
    unsigned sign = 12 + shape.levels * shape.index_bits - 1; /* this bit and all above are alike */
    return va >> sign == 0 || va >> sign == ~0ull >> sign;
}

static enum walk_result page_fault(const struct walk *w, uint32_t present, struct walk_fault *fault)
{
    fault->address = w->va;
    fault->error_code = present | (w->access & ~WALK_EXPLICIT);
    return WALK_PAGE_FAULT;
}

/* A page-table entry in guest memory: always private, whatever the C-bit of its address. */
static void *entry_at(uint64_t gpa)
{
    return view_reach(gpa & ~NPT_C_BIT, VIEW_PRIVATE);
}

/* The processor's own accesses take no notice of RFLAGS.AC (APM vol. 2, 5.6, SMAP). */
static bool smap_forbids(const struct vcpu *v, const struct walk *w)
{
    return (w->access & (PF_U | PF_ID | WALK_EXPLICIT)) == 0 && (w->rights & PTE_U) != 0 &&
           (v->vmcb->cr4 & CR4_SMAP) != 0;
}

static bool allowed(const struct vcpu *v, const struct walk *w)
{
    bool user = (w->access & PF_U) != 0;

    if ((user && (w->rights & PTE_U) == 0) || smap_forbids(v, w))
        return false;
    if ((w->access & PF_W) != 0 && (w->rights & PTE_W) == 0 &&
        (user || (v->vmcb->cr0 & CR0_WP) != 0))
        return false;
    return (w->access & PF_ID) == 0 || (w->rights & PTE_NX) == 0;
}

static uint64_t load_entry(const void *entry, unsigned bytes)
{
    uint32_t low;

    if (bytes == 8)
        return *(const uint64_t *)entry;
    memcpy(&low, entry, sizeof(low));
    return low;
}

/* Accessed and dirty bits. Another processor may change the entry at the same time. */
static void mark(uint8_t *entry, uint8_t bits)
{
    if ((*entry & bits) != bits)
        __atomic_fetch_or(entry, bits, __ATOMIC_RELAXED);
}

/* The guest-physical address, C-bit included where the tables have one. */
static enum walk_result translate(struct vcpu *v, struct walk *w, uint64_t *gpa,
                                  struct walk_fault *fault)
{
    struct shape shape;

    if (!shape_of(v, &shape)) {
        *gpa = (w->va & 0xFFFFFFFF) | NPT_C_BIT;
        return WALK_OK;
    }
    if (!walk_is_canonical(v, w->va))
        return WALK_NOT_CANONICAL;
    uint64_t table = v->vmcb->cr3 & (shape.levels == 3 ? ~0x1Full : ~PAGE_MASK);
    w->rights = PTE_W | PTE_U;
    for (unsigned level = shape.levels; level > 0; level--) {
        unsigned shift = 12 + shape.index_bits * (level - 1);
        uint64_t index = w->va >> shift & ((1u << shape.index_bits) - 1);
        void *at = entry_at(table + index * shape.entry_bytes);
        if (at == NULL)
            return WALK_OUTSIDE_RAM;
        uint64_t entry = load_entry(at, shape.entry_bytes);
        if ((entry & PTE_P) == 0)
            return page_fault(w, 0, fault);
        bool top_of_pae = shape.levels == 3 && level == 3;
        if (!top_of_pae) {
            w->rights &= entry | ~(PTE_W | PTE_U);
            w->rights |= entry & PTE_NX;
        }
        bool leaf = level == 1 || (level <= 3 && !top_of_pae && (entry & PTE_PS) != 0);
        if (leaf && !allowed(v, w))
            return page_fault(w, PF_P, fault);
        if (!top_of_pae)
            mark(at, (uint8_t)(PTE_A | (leaf && (w->access & PF_W) != 0 ? PTE_D : 0)));
        if (leaf) {
            uint64_t offset_mask = (1ull << shift) - 1;
            *gpa = (entry & PTE_ADDRESS & ~offset_mask) | (w->va & offset_mask);
            if (shape.entry_bytes == 4)
                *gpa |= NPT_C_BIT;
            return WALK_OK;
        }
        table = entry & PTE_ADDRESS;
    }
    return WALK_OUTSIDE_RAM; /* not reached: level 1 is a leaf */
}

/* The host's pointer to guest data, in the view that its mapping asks for. */
static enum walk_result locate(struct vcpu *v, uint64_t va, unsigned access, void **host,
                               struct walk_fault *fault)
{
    struct walk w = { va, access, 0 };
    uint64_t gpa;
    enum walk_result result = translate(v, &w, &gpa, fault);

    if (result != WALK_OK)
        return result;
    bool decrypt = (gpa & NPT_C_BIT) != 0 || (access & PF_ID) != 0;
    gpa &= ~NPT_C_BIT;
    if (decrypt && (access & PF_W) == 0 && firmware_content(gpa) != NULL) {
        *host = (void *)(uintptr_t)firmware_content(gpa);
        return WALK_OK;
    }
    *host = view_reach(gpa, decrypt ? VIEW_PRIVATE : VIEW_SHARED);
    return *host != NULL ? WALK_OK : WALK_OUTSIDE_RAM;
}

static size_t piece(uint64_t va, size_t bytes)
{
    size_t room = PAGE_BYTES - (va & PAGE_MASK);
    return bytes < room ? bytes : room;
}

enum walk_result walk_read(struct vcpu *v, uint64_t va, unsigned access, void *to, size_t bytes,
                           struct walk_fault *fault)
{
    uint8_t *at = to;

    while (bytes > 0) {
        size_t now = piece(va, bytes);
        void *host;
        enum walk_result result = locate(v, va, access, &host, fault);
        if (result != WALK_OK)
            return result;
        memcpy(at, host, now);
        at += now;
        va += now;
        bytes -= now;
    }
    return WALK_OK;
}

enum walk_result walk_write(struct vcpu *v, uint64_t va, unsigned access, const void *from,
                            size_t bytes, struct walk_fault *fault)
{
    const uint8_t *at = from;
    void *host;

    access |= PF_W;
    for (size_t done = 0; done < bytes; done += piece(va + done, bytes - done)) {
        enum walk_result result = locate(v, va + done, access, &host, fault);
        if (result != WALK_OK)
            return result;
    }
    while (bytes > 0) {
        size_t now = piece(va, bytes);
        enum walk_result result = locate(v, va, access, &host, fault);
        if (result != WALK_OK)
            return result;
        memcpy(host, at, now);
        at += now;
        va += now;
        bytes -= now;
    }
    return WALK_OK;
}

bool walk_encrypted(struct vcpu *v, uint64_t va, uint64_t *gpa)
{
    struct walk w = { va, WALK_EXPLICIT, 0 };
    struct walk_fault fault;

    if (translate(v, &w, gpa, &fault) != WALK_OK || (*gpa & NPT_C_BIT) == 0)
        return false;
    *gpa &= ~NPT_C_BIT;
    return memory_is_guest_ram(*gpa);
}
