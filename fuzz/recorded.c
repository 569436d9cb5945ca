/* SPDX-License-Identifier: MIT */
/*
 * Recorded traces, changed: exceptions that stock Linux, stock OVMF and the example kernel had, with
 * the replies they got, put into the world of scenario.h. The mutator takes such records, one within
 * the other, too, and changes registers, instruction bytes and replies; then, as for the target vc,
 * anything else: pages, policy, when another CPU writes to the GHCB, when an exception interrupts.
 */
#include <string.h>

#include <sevc/sevc.h>

#include "env/input.h"
#include "env/recorded.h"
#include "env/scenario.h"

#define PAGE_MASK 4095u
#define UPPER     (1ull << 63)

/* ---- a record becomes part of a scenario ---- */

/*
 * Where the guest's operands were nothing is mapped here: the register that points there is moved,
 * by whole pages, to where the scenario has memory or a device.
 */
static void move_pointer(uint64_t *gpr, uint64_t address, uint64_t page)
{
    *gpr += page - (address & ~(uint64_t)PAGE_MASK);
}

static void move_operands(struct fuzz_exception *exception, const struct fuzz_recorded *row)
{
    uint64_t *gpr = exception->gpr;
    struct sevc_insn insn;
    const struct sevc_memory_operand *m = &insn.memory;
    bool low = row->rip < UPPER;
    uint64_t device = low ? FUZZ_LOW_DEVICE : FUZZ_DEVICE;
    uint64_t memory = low ? FUZZ_LOW_DATA : FUZZ_KERNEL_DATA;

    if (sevc_decode(row->insn, sizeof(row->insn), row->code_bits, &insn) != SEVC_OK) {
        return;
    }
    switch (insn.kind) {
    case SEVC_INSN_INS:
        move_pointer(&gpr[SEVC_RDI], gpr[SEVC_RDI], memory);
        return;
    case SEVC_INSN_OUTS:
        move_pointer(&gpr[SEVC_RSI], gpr[SEVC_RSI], memory);
        return;
    case SEVC_INSN_MOVS:
        move_pointer(&gpr[SEVC_RSI], gpr[SEVC_RSI], memory);
        move_pointer(&gpr[SEVC_RDI], gpr[SEVC_RDI], device);
        return;
    case SEVC_INSN_STOS:
        move_pointer(&gpr[SEVC_RDI], gpr[SEVC_RDI], device);
        return;
    default:
        break;
    }
    if (row->exit_code == SEVC_EXIT_NPF && m->base < 16 && m->base != SEVC_RSP) {
        uint64_t index = m->index < 16 ? gpr[m->index] * m->scale : 0;

        move_pointer(&gpr[m->base], gpr[m->base] + index + (uint64_t)m->displacement, device);
    }
}

static uint8_t how(const struct fuzz_recorded *row)
{
    return (uint8_t)((row->cs & FUZZ_CPL_MASK) | (row->code_bits == 32 ? FUZZ_CODE_32 : 0) |
                     (row->code_bits == 16 ? FUZZ_CODE_16 : 0) |
                     (row->rip < UPPER ? FUZZ_LOW_RIP : 0) |
                     ((row->rflags & SEVC_RFLAGS_TF) != 0 ? FUZZ_SETS_TF : 0) |
                     ((row->rflags & SEVC_RFLAGS_DF) != 0 ? FUZZ_SETS_DF : 0));
}

static void put_exception(struct fuzz_scenario *s, size_t which, const struct fuzz_recorded *row)
{
    struct fuzz_exception *exception = &s->exception[which];

    memset(exception, 0, sizeof(*exception));
    exception->exit_code = row->exit_code;
    memcpy(exception->gpr, row->gpr, sizeof(exception->gpr));
    exception->gpr[SEVC_RSP] = row->rsp;
    exception->rflags = row->rflags;
    memcpy(exception->insn, row->insn, sizeof(exception->insn));
    exception->how = how(row);
    exception->times = 1;
    move_operands(exception, row);
    s->cr4 = row->cr4;
    s->xcr0 = row->xcr0;
    s->xss = row->xss;
    if (row->exit_code == SEVC_EXIT_NPF) {
        s->mmio = SEVC_MMIO_EXTENDED;
    }
}

static void put_reply(struct fuzz_scenario *s, size_t which, const struct fuzz_recorded *row)
{
    struct fuzz_reply *reply = &s->reply[which];

    if (row->has_reply == 0) {
        return;
    }
    *reply = (struct fuzz_reply){
        .info1 = row->reply_info1,
        .info2 = row->reply_info2,
        .bitmap = { row->reply_bitmap[0], row->reply_bitmap[1] },
        .lie = FUZZ_LIE_INFO1 | FUZZ_LIE_INFO2 | FUZZ_LIE_BITMAP,
    };
    memcpy(reply->gpr, row->reply_gpr, sizeof(reply->gpr));
}

/* ---- the mutator ---- */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static const struct fuzz_recorded *pick(uint64_t chance)
{
    return &fuzz_recorded[chance % fuzz_recorded_count];
}

/* Takes a record over, or one for the exception that interrupts, or another exception's reply. */
static void take(struct fuzz_scenario *s, uint64_t chance)
{
    const struct fuzz_recorded *row = pick(chance >> 16);
    size_t which = chance % 3;

    switch (chance >> 8 & 7) {
    case 0: /* somebody else's answer */
        put_reply(s, chance % FUZZ_REPLIES, row);
        return;
    case 1:
    case 2:
        put_exception(s, which, row);
        put_reply(s, which, row);
        if (which != 0) {
            s->nest_at[which - 1] = (uint16_t)(1 + (chance >> 40) % 40);
        }
        return;
    default:
        put_exception(s, 0, row);
        put_reply(s, 0, row);
        return;
    }
}

/* One bit of what was recorded. */
static void flip(struct fuzz_scenario *s, uint64_t chance)
{
    struct fuzz_exception *exception = &s->exception[0];
    struct fuzz_reply *reply = &s->reply[0];
    unsigned bit = chance >> 16 & 63;

    switch (chance % 5) {
    case 0:
        exception->insn[(chance >> 8) % sizeof(exception->insn)] ^= (uint8_t)(1u << bit % 8);
        break;
    case 1:
        exception->gpr[chance >> 8 & 15] ^= 1ull << bit;
        break;
    case 2:
        reply->gpr[chance >> 8 & 15] ^= 1ull << bit;
        break;
    case 3:
        reply->bitmap[chance >> 8 & 1] ^= 1ull << bit;
        break;
    default:
        *((chance >> 8 & 1) != 0 ? &reply->info1 : &reply->info2) ^= 1ull << bit;
        break;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t chance = (seed + 1ull) * 0x9E3779B97F4A7C15ull;
    struct fuzz_scenario scenario;

    chance ^= chance >> 29;
    if (max_size < sizeof(scenario)) {
        return size;
    }
    fuzz_scenario_load(&scenario, data, size);
    if (size < sizeof(struct fuzz_exception) / 2 || chance % 8 == 0) {
        take(&scenario, chance >> 3);
    } else if (chance % 8 < 4) {
        flip(&scenario, chance >> 3);
    } else {
        return fuzz_scenario_mutate(data, size, max_size, seed, FUZZ_ANY);
    }
    memcpy(data, &scenario, sizeof(scenario));
    for (size = sizeof(scenario); size > 1 && data[size - 1] == 0; size--) { /* zero is usual */
    }
    return size;
}

/* ---- the target ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_scenario scenario;

    fuzz_scenario_load(&scenario, data, size);
    fuzz_scenario_run(&scenario);
    return 0;
}
