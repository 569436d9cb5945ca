/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor: sevc_arch_* over one GHCB page. Each access of the guest to that page is an
 * occasion for another CPU to change it, and for another exception to interrupt. Clang tells of
 * each load and store of the library (-fsanitize-coverage=trace-loads,trace-stores); with other
 * compilers there are VMGEXITs and the hooks' copies alone.
 */
#include <string.h>

#include "../../src/arch/arch.h"
#include "vm.h"

#define MOST_VMGEXITS 140 /* 64 elements of MOVS between devices, two each; 66 leaves of XSAVE */

uint8_t fuzz_ghcb[SEVC_GHCB_SIZE] __attribute__((aligned(4096)));
uint8_t fuzz_backup[FUZZ_PAGE_BYTES] __attribute__((aligned(4096)));

void fuzz_host_start(void)
{
    memset(fuzz_ghcb, 0, sizeof(fuzz_ghcb));
    memset(fuzz_backup, 0x5A, sizeof(fuzz_backup)); /* private memory need not be clean */
    fuzz_vm.ghcb_msr = FUZZ_GHCB_GPA;
}

/* ---- other CPUs ---- */

static void race(void)
{
    for (unsigned i = 0; i < FUZZ_RACES; i++) {
        const struct fuzz_race *r = &fuzz_vm.scenario->race[i];

        if (r->at == 0 || r->at != fuzz_vm.accesses || r->flip == 0) {
            continue;
        }
        fuzz_ghcb[r->offset % SEVC_GHCB_SIZE] ^= r->flip;
        fuzz_vm.raced_bytes[r->offset % SEVC_GHCB_SIZE] = true;
        fuzz_vm.races++;
        for (unsigned k = 0; k < fuzz_vm.depth; k++) {
            fuzz_vm.call[k].raced = true;
        }
    }
}

/* The page is the interrupted session's: it finds it again as it was, the MSR too. */
static void interrupt(void)
{
    uint8_t page[SEVC_GHCB_SIZE];
    uint8_t reads[SEVC_GHCB_SIZE];
    uint64_t msr = fuzz_vm.ghcb_msr;

    if (fuzz_vm.depth == 0 || fuzz_vm.depth >= FUZZ_EXCEPTIONS ||
        fuzz_vm.scenario->nest_at[fuzz_vm.depth - 1] != fuzz_vm.accesses) {
        return;
    }
    memcpy(page, fuzz_ghcb, sizeof(page));
    memcpy(reads, fuzz_vm.reads, sizeof(reads));
    memset(fuzz_vm.reads, 0, sizeof(fuzz_vm.reads));
    fuzz_call()->interrupted = true;
    fuzz_exception_run(fuzz_vm.depth);
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(fuzz_ghcb[i] == page[i] || fuzz_vm.raced_bytes[i], "nesting",
                   "byte 0x%x of the interrupted session's page is changed", i);
    }
    FUZZ_CHECK(fuzz_vm.ghcb_msr == msr, "nesting", "the GHCB MSR is 0x%lx, was 0x%lx",
               fuzz_vm.ghcb_msr, msr);
    memcpy(fuzz_vm.reads, reads, sizeof(reads));
}

static void occasion(void)
{
    fuzz_vm.accesses++;
    race();
    interrupt();
}

/* ---- what the guest's code touches ---- */

static bool in(uintptr_t address, const volatile void *start, size_t bytes)
{
    return address - (uintptr_t)start < bytes;
}

/* The library writes to what it was given, and to its stack. */
static void check_store(uintptr_t address)
{
    const struct fuzz_call *call = fuzz_call();

    FUZZ_CHECK(in(address, &call->trap, sizeof(call->trap)) ||
                   in(address, &call->report, sizeof(call->report)) ||
                   in(address, &fuzz_vm.cpu, sizeof(fuzz_vm.cpu)) ||
                   in(address, &fuzz_vm.table, sizeof(fuzz_vm.table)) ||
                   in(address, fuzz_ghcb, sizeof(fuzz_ghcb)) ||
                   in(address, fuzz_backup, sizeof(fuzz_backup)) ||
                   (uintptr_t)call->stack - address < 1u << 16,
               "stores", "the library writes to 0x%lx, which is not its own", address);
}

void fuzz_traced(const volatile void *where, size_t bytes, bool store)
{
    uintptr_t address = (uintptr_t)where;
    size_t offset = address - (uintptr_t)fuzz_ghcb;

    if (fuzz_vm.depth == 0 || fuzz_call()->stack == NULL) {
        return; /* not the library at work: the harness uses it, too */
    }
    if (store) {
        check_store(address);
    }
    if (offset >= SEVC_GHCB_SIZE) {
        return;
    }
    occasion();
    for (size_t i = offset; !store && i < offset + bytes && i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(fuzz_vm.reads[i] == 0, "double-fetch", "byte 0x%zx of the GHCB is read twice",
                   i);
        fuzz_vm.reads[i] = 1;
    }
}

/* ---- replies ---- */

static uint64_t field(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

static void put(unsigned offset, uint64_t value)
{
    memcpy(fuzz_ghcb + offset, &value, sizeof(value));
}

static void mark(unsigned offset)
{
    fuzz_ghcb[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

/* An honest host: the event's outputs and both infos, everything else zero or as it was. */
static void write_reply(const struct fuzz_reply *reply, unsigned outputs)
{
    if ((reply->lie & FUZZ_LIE_SILENT) != 0) {
        return;
    }
    if ((reply->lie & FUZZ_LIE_GARBAGE) != 0) {
        memset(fuzz_ghcb, 0xA5, SEVC_GHCB_OFF_SHARED_BUFFER);
    }
    put(SEVC_GHCB_OFF_VALID_BITMAP, 0);
    put(SEVC_GHCB_OFF_VALID_BITMAP + 8, 0);
    for (unsigned gpr = 0; gpr < 16; gpr++) {
        if (gpr != SEVC_RSP) {
            put(sevc_ghcb_gpr_offset(gpr), reply->gpr[gpr]);
        }
        if ((outputs & SEVC_OUT(gpr)) != 0) {
            mark(sevc_ghcb_gpr_offset(gpr));
        }
    }
    put(SEVC_GHCB_OFF_SW_EXITINFO1, (reply->lie & FUZZ_LIE_INFO1) != 0 ? reply->info1 : 0);
    put(SEVC_GHCB_OFF_SW_EXITINFO2, (reply->lie & FUZZ_LIE_INFO2) != 0 ? reply->info2 : 0);
    mark(SEVC_GHCB_OFF_SW_EXITINFO1);
    mark(SEVC_GHCB_OFF_SW_EXITINFO2);
    if ((reply->lie & FUZZ_LIE_BITMAP) != 0) {
        put(SEVC_GHCB_OFF_VALID_BITMAP, reply->bitmap[0]);
        put(SEVC_GHCB_OFF_VALID_BITMAP + 8, reply->bitmap[1]);
    }
}

/* The buffer is written as far as it is in use: what lies behind is the host's own affair. */
static void write_buffer(const struct fuzz_reply *reply, unsigned bytes)
{
    if ((reply->lie & FUZZ_LIE_SILENT) != 0) {
        return;
    }
    for (unsigned i = 0; i < bytes; i++) {
        fuzz_ghcb[SEVC_GHCB_OFF_SHARED_BUFFER + i] = (uint8_t)(reply->fill + 7 * i);
        /* The request that says how many may be another CPU's. */
        fuzz_vm.raced_bytes[SEVC_GHCB_OFF_SHARED_BUFFER + i] |= fuzz_vm.races != 0;
    }
}

static unsigned buffer_bytes(uint64_t event, uint64_t info1, uint64_t info2)
{
    bool string_in =
        (info1 & (SEVC_IOIO_STRING | SEVC_IOIO_IN)) == (SEVC_IOIO_STRING | SEVC_IOIO_IN);
    uint64_t bytes = 0;

    if (event == SEVC_EXIT_IOIO && string_in) {
        bytes = info2 * ((info1 & SEVC_IOIO_SIZE_MASK) >> SEVC_IOIO_SIZE_SHIFT);
    } else if (event == SEVC_NAE_MMIO_READ) {
        bytes = info2;
    }
    return bytes < SEVC_GHCB_SHARED_BUFFER_BYTES ? (unsigned)bytes : SEVC_GHCB_SHARED_BUFFER_BYTES;
}

/* GHCB spec 2.03, 4.1, table 5, and the EVENTINJ format (APM vol. 2, 15.20), written out anew. */
static enum fuzz_verdict judge(const uint8_t *page, unsigned outputs)
{
    uint32_t info1 = (uint32_t)field(page, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t info2 = field(page, SEVC_GHCB_OFF_SW_EXITINFO2);

    if (info1 == 1) {
        bool ud = info2 == 0x80000306;
        bool gp = (uint32_t)info2 == 0x80000B0D;

        return ud || gp ? FUZZ_REPLY_EXCEPTION : FUZZ_REPLY_ERROR;
    }
    for (unsigned gpr = 0; gpr < 16; gpr++) {
        unsigned offset = gpr == SEVC_RSP ? 0 : sevc_ghcb_gpr_offset(gpr);

        if ((outputs & SEVC_OUT(gpr)) != 0 &&
            (page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] >> (offset / 8 % 8) & 1) == 0) {
            return FUZZ_REPLY_ERROR;
        }
    }
    return info1 == 0 ? FUZZ_REPLY_OK : FUZZ_REPLY_ERROR;
}

static void answer(struct fuzz_call *call)
{
    const struct fuzz_reply *reply = &fuzz_vm.scenario->reply[fuzz_vm.replies++ % FUZZ_REPLIES];
    uint64_t event = field(fuzz_ghcb, SEVC_GHCB_OFF_SW_EXITCODE);
    uint64_t info1 = field(fuzz_ghcb, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t info2 = field(fuzz_ghcb, SEVC_GHCB_OFF_SW_EXITINFO2);
    unsigned outputs = fuzz_event_outputs(call, event, info1);

    write_reply(reply, outputs);
    write_buffer(reply, buffer_bytes(event, info1, info2));
    if ((reply->lie & FUZZ_LIE_UNMAP) != 0) {
        for (unsigned i = 0; i < FUZZ_PAGES; i++) {
            fuzz_vm.page[i].bits |= FUZZ_PAGE_READ_ONLY;
        }
    }
    memcpy(call->returned, fuzz_ghcb, sizeof(fuzz_ghcb));
    call->verdict = judge(call->returned, outputs);
    call->last_event = event;
    call->last_info1 = info1;
}

/* ---- src/arch/arch.h ---- */

void sevc_arch_vmgexit(void)
{
    struct fuzz_call *call;

    occasion(); /* after the last write, before the exit */
    call = fuzz_call();
    FUZZ_CHECK(fuzz_vm.ghcb_msr == FUZZ_GHCB_GPA, "msr", "VMGEXIT with 0x%lx in the GHCB MSR",
               fuzz_vm.ghcb_msr);
    call->vmgexits++;
    FUZZ_CHECK(call->vmgexits <= MOST_VMGEXITS, "bounded", "more than %u VMGEXITs", MOST_VMGEXITS);
    FUZZ_CHECK(call->verdict <= FUZZ_REPLY_OK || call->raced, "goes-on",
               "another request after a reply that was an error");
    if (fuzz_vm.races == 0) { /* else the page may hold what others put there */
        fuzz_disclosure_check(call, fuzz_ghcb);
    }
    fuzz_digest(fuzz_ghcb, sizeof(fuzz_ghcb));
    answer(call);
    memset(fuzz_vm.reads, 0, sizeof(fuzz_vm.reads));
    occasion(); /* after the reply, before the guest reads it */
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    FUZZ_CHECK(msr == SEVC_MSR_GHCB || msr == SEVC_MSR_SEV_STATUS, "msr", "RDMSR of 0x%x", msr);
    return msr == SEVC_MSR_GHCB ? fuzz_vm.ghcb_msr : fuzz_vm.cpu.platform.sev_status;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    FUZZ_CHECK(msr == SEVC_MSR_GHCB, "msr", "WRMSR of 0x%x", msr);
    fuzz_vm.ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    fuzz_traced(p, 8 * count, true);
    memset((void *)(uintptr_t)p, 0, 8 * count);
}

void sevc_arch_halt(void)
{
    fuzz_finding("halt", "the guest halts");
}

void sevc_arch_lidt(const void *descriptor)
{
    (void)descriptor;
    fuzz_finding("lidt", "the guest loads an IDT");
}

void sevc_arch_clflush(const void *p)
{
    (void)p;
}

void sevc_arch_fence(void)
{
}

void sevc_arch_invlpg(uint64_t va)
{
    (void)va;
}

void fuzz_host_check_at_rest(void)
{
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(fuzz_ghcb[i] == 0 || fuzz_vm.raced_bytes[i], "at-rest",
                   "byte 0x%x of the GHCB is 0x%02x between sessions", i, fuzz_ghcb[i]);
    }
    FUZZ_CHECK(fuzz_vm.ghcb_msr == FUZZ_GHCB_GPA, "at-rest", "the GHCB MSR is 0x%lx",
               fuzz_vm.ghcb_msr);
    FUZZ_CHECK(fuzz_vm.cpu.depth == 0, "at-rest", "%u sessions are open", fuzz_vm.cpu.depth);
}
