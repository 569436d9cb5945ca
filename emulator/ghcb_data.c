/* SPDX-License-Identifier: MIT */
/*
 * The NAE events that move data between guest and devices: port I/O, single and string, and MMIO
 * (GHCB spec 2.03, 4.1.2 and 4.1.6; APM vol. 2, 15.10.2).
 */
#include "device.h"
#include "ghcb_internal.h"

#define SEGMENT_ES   0
#define SEGMENT_LAST 5

static uint64_t info1(const struct ghcb_call *call)
{
    return ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO1);
}

static uint64_t info2(const struct ghcb_call *call)
{
    return ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO2);
}

/* Both sizes stand in SW_EXITINFO1 as one-hot numbers of bytes. */
static unsigned io_size(const struct ghcb_call *call)
{
    return (unsigned)((info1(call) & SEVC_IOIO_SIZE_MASK) >> SEVC_IOIO_SIZE_SHIFT);
}

static uint16_t io_port(const struct ghcb_call *call)
{
    return (uint16_t)(info1(call) >> SEVC_IOIO_PORT_SHIFT);
}

static bool is_one_of(uint64_t value, uint64_t a, uint64_t b, uint64_t c)
{
    return value == a || value == b || value == c;
}

/* ---- Rules of SW_EXITINFO1 ---- */

#define ADDRESS_MASK (SEVC_IOIO_ADDRESS_16 | SEVC_IOIO_ADDRESS_32 | SEVC_IOIO_ADDRESS_64)
#define SEGMENT_MASK ((uint64_t)7 << SEVC_IOIO_SEGMENT_SHIFT)

/* Bit 1, bits 15:13 and the upper half have no meaning. */
#define DEFINED_MASK                                                                               \
    (SEVC_IOIO_IN | SEVC_IOIO_STRING | SEVC_IOIO_REP | SEVC_IOIO_SIZE_MASK | ADDRESS_MASK |        \
     SEGMENT_MASK | (uint64_t)0xFFFF << SEVC_IOIO_PORT_SHIFT)

static void check_sizes(struct ghcb_call *call)
{
    uint64_t info = info1(call);

    if ((info & ~DEFINED_MASK) != 0)
        GHCB_BROKE(call, RULE_IOIO_INFO, "reserved bits 0x%lx in SW_EXITINFO1 0x%lx",
                   info & ~DEFINED_MASK, info);
    if (!is_one_of(io_size(call), 1, 2, 4))
        GHCB_BROKE(call, RULE_IOIO_INFO, "not one data size in SW_EXITINFO1 0x%lx", info);
}

void check_ioio(struct ghcb_call *call)
{
    uint64_t info = info1(call);
    uint64_t address = info & ADDRESS_MASK;

    check_sizes(call);
    if (address != 0 &&
        !is_one_of(address, SEVC_IOIO_ADDRESS_16, SEVC_IOIO_ADDRESS_32, SEVC_IOIO_ADDRESS_64))
        GHCB_BROKE(call, RULE_IOIO_INFO, "several address sizes in SW_EXITINFO1 0x%lx", info);
    if ((info & (SEVC_IOIO_REP | SEGMENT_MASK)) != 0)
        GHCB_BROKE(call, RULE_IOIO_INFO, "IN and OUT know no REP and no segment: 0x%lx", info);
}

static void check_count(struct ghcb_call *call)
{
    uint64_t count = info2(call);
    unsigned size = io_size(call);

    if (count == 0 || size == 0 || count > SEVC_GHCB_SHARED_BUFFER_BYTES / size)
        GHCB_BROKE(call, RULE_IOIO_INFO,
                   "SW_EXITINFO2 is 0x%lx elements of %u bytes; the shared buffer holds %u bytes",
                   count, size, SEVC_GHCB_SHARED_BUFFER_BYTES);
    else
        call->buffer_bytes = (unsigned)count * size;
    if ((info1(call) & SEVC_IOIO_REP) == 0 && count != 1)
        GHCB_BROKE(call, RULE_IOIO_INFO, "0x%lx elements without REP", count);
}

void check_ioio_string(struct ghcb_call *call)
{
    uint64_t info = info1(call);
    uint64_t segment = (info & SEGMENT_MASK) >> SEVC_IOIO_SEGMENT_SHIFT;

    check_sizes(call);
    check_count(call);
    if (!is_one_of(info & ADDRESS_MASK, SEVC_IOIO_ADDRESS_16, SEVC_IOIO_ADDRESS_32,
                   SEVC_IOIO_ADDRESS_64))
        GHCB_BROKE(call, RULE_IOIO_INFO, "not one address size in SW_EXITINFO1 0x%lx", info);
    if (segment > SEGMENT_LAST)
        GHCB_BROKE(call, RULE_IOIO_INFO, "segment %lu in SW_EXITINFO1 0x%lx", segment, info);
    if ((info & SEVC_IOIO_IN) != 0 && segment != SEGMENT_ES)
        GHCB_BROKE(call, RULE_IOIO_INFO, "INS always writes to ES: SW_EXITINFO1 0x%lx", info);
}

/* ---- Port I/O ---- */

void serve_in(struct ghcb_call *call)
{
    unsigned size = io_size(call);
    uint64_t mask = size == 4 ? 0xFFFFFFFFu : (1u << 8 * size) - 1;

    call->out[OUT_RAX] = device_in(io_port(call), size) & mask;
}

void serve_out(struct ghcb_call *call)
{
    unsigned size = io_size(call);
    uint32_t mask = size == 4 ? 0xFFFFFFFFu : (1u << 8 * size) - 1;

    device_out(io_port(call), size, (uint32_t)ghcb_field(call, SEVC_GHCB_OFF_RAX) & mask);
}

void serve_ins(struct ghcb_call *call)
{
    unsigned size = io_size(call);

    for (unsigned at = 0; at < call->buffer_bytes; at += size) {
        uint32_t value = device_in(io_port(call), size);
        for (unsigned i = 0; i < size; i++)
            call->page[call->buffer_offset + at + i] = (uint8_t)(value >> 8 * i);
    }
}

void serve_outs(struct ghcb_call *call)
{
    const uint8_t *data = &call->s->copy[call->buffer_offset];
    unsigned size = io_size(call);

    for (unsigned at = 0; at < call->buffer_bytes; at += size) {
        uint32_t value = 0;
        for (unsigned i = 0; i < size; i++)
            value |= (uint32_t)data[at + i] << 8 * i;
        device_out(io_port(call), size, value);
    }
}

/* ---- MMIO ---- */

/*
 * RAM needs no exit. The host lets private memory look like a device's by its nested page tables: a
 * guest that sends what it would have stored there has disclosed it, and one that loads what it is
 * answered has been given the host's data (Radev and Morbitzer, ROOTS 2020).
 */
void check_mmio(struct ghcb_call *call)
{
    uint64_t gpa = info1(call);
    uint64_t size = info2(call);

    if (size != 8 && !is_one_of(size, 1, 2, 4)) {
        GHCB_BROKE(call, RULE_MMIO, "an access of 0x%lx bytes at 0x%lx", size, gpa);
        return;
    }
    call->buffer_bytes = (unsigned)size;
    if (ghcb_bad_gpa(call, gpa, 1) || ghcb_bad_gpa(call, gpa + size - 1, 1))
        GHCB_BROKE(call, RULE_MMIO, "%lu bytes at 0x%lx have the C-bit or are out of range", size,
                   gpa);
    else if (device_is_guest_ram(gpa) || device_is_guest_ram(gpa + size - 1))
        GHCB_BROKE(call, RULE_MMIO, "%lu bytes at 0x%lx are RAM of the guest's", size, gpa);
}

/* Where no device answers, the bus reads as ones. */
void serve_mmio_read(struct ghcb_call *call)
{
    uint8_t data[8];

    if (!device_mmio_read(info1(call), data, call->buffer_bytes))
        __builtin_memset(data, 0xFF, sizeof(data));
    __builtin_memcpy(call->page + call->buffer_offset, data, call->buffer_bytes);
}

void serve_mmio_write(struct ghcb_call *call)
{
    device_mmio_write(info1(call), &call->s->copy[call->buffer_offset], call->buffer_bytes);
}
