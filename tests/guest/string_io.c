/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS: sizes, direction, REP, chunks, address size, segments, page borders, faults in the
 * middle. The source of bytes is fw_cfg: a port from which a file (this very kernel's ELF
 * image) can be read byte by byte. The sink that can be read back is the UART in its loop-back mode.
 */
#include "guest.h"

#define FW_CFG_DATA     (PORT_FW_CFG + 1)
#define FW_CFG_FILE_DIR 0x19
#define FILE_NAME       "opt/sevc/kernel"

#define UART_MCR (PORT_UART + 4)
#define UART_FCR (PORT_UART + 2)

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC

#define PORT_POST 0x80 /* takes anything */

#define FILE_BYTES 8192
#define LOW_VA     0x10000000ull

static uint8_t wanted[FILE_BYTES]; /* the file's beginning, read byte by byte */
static uint8_t buffer[FILE_BYTES + 64];
static uint16_t selector;

static uint32_t in32_big_endian(void)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value = value << 8 | in8(FW_CFG_DATA);
    return value;
}

static void find_file(void)
{
    uint32_t count;

    out16(PORT_FW_CFG, FW_CFG_FILE_DIR);
    count = in32_big_endian();
    for (uint32_t i = 0; i < count; i++) {
        char name[56];
        (void)in32_big_endian(); /* size */
        uint32_t select = in32_big_endian() >> 16;
        for (unsigned c = 0; c < sizeof(name); c++)
            name[c] = (char)in8(FW_CFG_DATA);
        if (memcmp(name, FILE_NAME, sizeof(FILE_NAME)) == 0)
            selector = (uint16_t)select;
    }
    CHECK(selector != 0);
}

static void rewind_file(void)
{
    out16(PORT_FW_CFG, selector);
    memset(buffer, 0xEE, sizeof(buffer));
}

static uint64_t exits(void)
{
    return account_vc(SEVC_EXIT_IOIO);
}

/* ---- INS ---- */

static void ins_forms(void)
{
    uint8_t *to = buffer;
    uint64_t count = 5, before;

    rewind_file();
    __asm__ volatile("insb" : "+D"(to) : "d"(FW_CFG_DATA) : "memory");
    CHECK(to == buffer + 1 && buffer[0] == wanted[0] && buffer[1] == 0xEE);

    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    CHECK(to == buffer + 6 && count == 0);
    CHECK(memcmp(buffer, wanted, 6) == 0 && buffer[6] == 0xEE);

    /* F2 repeats as F3 does. */
    count = 3;
    __asm__ volatile("repne insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    CHECK(to == buffer + 9 && count == 0 && memcmp(buffer, wanted, 9) == 0);

    /* Nothing to do: no byte, no change. */
    before = exits();
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    CHECK(to == buffer + 9 && count == 0 && buffer[9] == 0xEE);
    CHECK(exits() <= before + 1);
}

static void ins_wide(void)
{
    uint32_t words[4] = { 0 };
    void *to = words;
    uint64_t count = 2;
    uint32_t id = pci_read(0, 0, 0, 0);

    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(CONFIG_DATA) : "memory");
    CHECK(to == words + 2 && words[0] == id && words[1] == id && words[2] == 0);
    count = 3;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(CONFIG_DATA) : "memory");
    CHECK((uint8_t *)to == (uint8_t *)words + 14);
    CHECK(words[2] == ((id & 0xFFFF) | id << 16) && words[3] == (id & 0xFFFF));
}

/* Longer than the shared buffer: three chunks. */
static void ins_chunks(void)
{
    uint8_t *to = buffer + 3;
    uint64_t count = 5000, before;

    rewind_file();
    before = exits();
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    CHECK(exits() - before <= 3); /* #VCs: one for each buffer at most */
    CHECK(to == buffer + 5003 && count == 0);
    CHECK(memcmp(buffer + 3, wanted, 5000) == 0);
    CHECK(buffer[2] == 0xEE && buffer[5003] == 0xEE);
}

static void ins_down(void)
{
    uint8_t *to = buffer + 2999;
    uint64_t count = 3000;
    bool good = true;

    rewind_file();
    __asm__ volatile("std; rep insb; cld" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    CHECK(to + 1 == buffer && count == 0);
    for (unsigned i = 0; i < 3000; i++)
        good = good && buffer[2999 - i] == wanted[i];
    CHECK(good && buffer[3000] == 0xEE);
}

/* 67: EDI and ECX count, the upper halves are cleared as by every 32-bit write. */
static void ins_address_32(void)
{
    uint8_t *page = page_alloc();
    uint64_t rdi = 0xABCD000000000000 | (LOW_VA + 0x10);
    uint64_t rcx = 0x1234567800000004;

    page_map(LOW_VA, gpa_of(page), PTE_WRITABLE | PTE_NX, true);
    rewind_file();
    __asm__ volatile("addr32 rep insb" : "+D"(rdi), "+c"(rcx) : "d"(FW_CFG_DATA) : "memory");
    CHECK_EQUAL(rdi, LOW_VA + 0x14);
    CHECK_EQUAL(rcx, 0);
    CHECK(memcmp(page + 0x10, wanted, 4) == 0 && page[0x14] == 0);
}

/* ---- OUTS ---- */

static void loop_back(bool on)
{
    out8(UART_FCR, on ? 0x07 : 0); /* 16 bytes of FIFO, emptied */
    out8(UART_MCR, on ? 0x10 : 0);
}

/* Sends by TEXT (with RSI, RCX), and compares what comes back with what a byte loop would send. */
#define OUTS(text, from, count, wanted_text)                                                       \
    do {                                                                                           \
        const void *rsi = (from);                                                                  \
        uint64_t rcx = (count);                                                                    \
        char back[17] = "";                                                                        \
        loop_back(true);                                                                           \
        __asm__ volatile(text : "+S"(rsi), "+c"(rcx) : "d"(PORT_UART) : "memory");                 \
        for (unsigned n = 0; n < sizeof(wanted_text) - 1; n++)                                     \
            back[n] = (char)in8(PORT_UART);                                                        \
        loop_back(false);                                                                          \
        guest_check(memcmp(back, wanted_text, sizeof(wanted_text)) == 0, text, __FILE__,           \
                    __LINE__);                                                                     \
        after_rsi = (uint64_t)rsi - (uint64_t)(from);                                              \
        after_rcx = rcx;                                                                           \
    } while (0)

static void outs_forms(void)
{
    static const char text[] = "0123456789abcdef";
    uint64_t after_rsi, after_rcx;
    char *low = page_alloc();

    OUTS("outsb", text + 3, 7, "3");
    CHECK(after_rsi == 1 && after_rcx == 7);
    OUTS("rep outsb", text, 16, "0123456789abcdef");
    CHECK(after_rsi == 16 && after_rcx == 0);
    OUTS("repne outsb", text, 2, "01");
    OUTS("std; rep outsb; cld", text + 5, 6, "543210");
    CHECK(after_rsi == (uint64_t)-6 && after_rcx == 0);

    /* Segment overrides: FS moves the source, ES does not (base 0). */
    wrmsr(SEVC_MSR_FS_BASE, (uint64_t)text);
    OUTS("rep outsb %%fs:(%%rsi), %%dx", (const char *)4, 3, "456");
    CHECK(after_rsi == 3);
    wrmsr(SEVC_MSR_FS_BASE, 0);
    OUTS("rep outsb %%es:(%%rsi), %%dx", text + 10, 6, "abcdef");

    memcpy(low, text, sizeof(text));
    page_map(LOW_VA, gpa_of(low), PTE_WRITABLE | PTE_NX, true);
    OUTS("addr32 rep outsb", (const char *)(0x7700000000000000 | LOW_VA), 0x5500000000000003,
         "012");
    CHECK_EQUAL(after_rcx, 0);
    CHECK_EQUAL(after_rsi + (0x7700000000000000 | LOW_VA), LOW_VA + 3);
}

static void outs_wide(void)
{
    uint32_t addresses[] = { 0x80000000, 0x80000800, 0x80000004 };
    const void *from = addresses;
    uint64_t count = 3;

    __asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(CONFIG_ADDRESS) : "memory");
    CHECK(from == addresses + 3 && count == 0);
    CHECK_EQUAL(in32(CONFIG_ADDRESS), 0x80000004);
    from = addresses + 1;
    __asm__ volatile("outsl" : "+S"(from) : "d"(CONFIG_ADDRESS) : "memory");
    CHECK_EQUAL(in32(CONFIG_ADDRESS), 0x80000800);
    CHECK(from == addresses + 2);
}

/* ---- Faults: what is complete stays, the rest can be repeated ---- */

static uint8_t *const two_pages = (uint8_t *)(LOW_VA + 0x10000);

struct string_call {
    uint64_t address, count;
};

static void ins_fault(void *argument)
{
    const struct string_call *call = argument;
    uint64_t rdi = call->address, rcx = call->count;

    __asm__ volatile("rep insb" : "+D"(rdi), "+c"(rcx) : "d"(FW_CFG_DATA) : "memory");
}

static void outs_fault(void *argument)
{
    const struct string_call *call = argument;
    uint64_t rsi = call->address, rcx = call->count;

    __asm__ volatile("rep outsb" : "+S"(rsi), "+c"(rcx) : "d"(PORT_UART) : "memory");
}

static void faults(void)
{
    struct guest_fault fault;
    uint8_t *first = page_alloc(), *second = page_alloc();
    struct string_call call = { (uint64_t)two_pages + 4000, 200 };

    /* The second page is missing: 96 bytes arrive, the 97th faults, and none is lost. */
    page_map((uint64_t)two_pages, gpa_of(first), PTE_WRITABLE | PTE_NX, true);
    rewind_file();
    CHECK(guest_try(ins_fault, &call, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_PF);
    CHECK_EQUAL(fault.cr2, (uint64_t)two_pages + 4096);
    CHECK_EQUAL(fault.trap.error_code, 2);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RDI], (uint64_t)two_pages + 4096);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RCX], 104);
    CHECK(memcmp(first + 4000, wanted, 96) == 0);

    /* Read-only is not enough either. */
    page_map((uint64_t)two_pages + 4096, gpa_of(second), PTE_NX, true);
    call = (struct string_call){ fault.trap.gpr[SEVC_RDI], fault.trap.gpr[SEVC_RCX] };
    CHECK(guest_try(ins_fault, &call, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_PF);
    CHECK_EQUAL(fault.trap.error_code, 3);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RCX], 104);

    /* Now it can go on where it stopped. */
    page_map((uint64_t)two_pages + 4096, gpa_of(second), PTE_WRITABLE | PTE_NX, true);
    CHECK(!guest_try(ins_fault, &call, &fault));
    CHECK(memcmp(second, wanted + 96, 104) == 0);

    /* OUTS: 8 bytes go out, the ninth lies on no page. */
    call = (struct string_call){ (uint64_t)two_pages + 8192 - 8, 16 };
    memcpy(second + 4096 - 8, "ABCDEFGH", 8);
    loop_back(true);
    CHECK(guest_try(outs_fault, &call, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_PF);
    CHECK_EQUAL(fault.trap.error_code, 0);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RSI], (uint64_t)two_pages + 8192);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RCX], 8);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQUAL(in8(PORT_UART), (uint64_t)('A' + i));
    loop_back(false);

    /* Not canonical: #GP. */
    call = (struct string_call){ 0x0000900000000000, 1 };
    CHECK(guest_try(ins_fault, &call, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK_EQUAL(fault.trap.error_code, 0);
}

/* ---- Interrupts: between two chunks, never inside one ---- */

static void interrupted(void)
{
    static const uint8_t zeros[32768];
    uint64_t rounds = 0;

    apic_init();
    apic_timer_start(5000);
    interrupts_on();
    while (apic_ticks() < 10) {
        const void *from = zeros;
        uint64_t count = sizeof(zeros);
        __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(PORT_POST) : "memory");
        if (from != zeros + sizeof(zeros) || count != 0)
            break;
        rounds++;
    }
    interrupts_off();
    apic_timer_stop();
    CHECK(apic_ticks() >= 10);
    CHECK(rounds >= 1);
}

void guest_main(void)
{
    find_file();
    rewind_file();
    for (unsigned i = 0; i < FILE_BYTES; i++)
        wanted[i] = in8(FW_CFG_DATA);
    CHECK(memcmp(wanted,
                 "\x7F"
                 "ELF",
                 4) == 0);
    ins_forms();
    ins_wide();
    ins_chunks();
    ins_down();
    ins_address_32();
    outs_forms();
    outs_wide();
    faults();
    interrupted();
}
