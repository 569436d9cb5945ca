/* SPDX-License-Identifier: MIT */
/* The example kernel's check of the host's word about the AP jump table (examples/kernel/memmap.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <bootinfo.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define RESERVED        2
#define ACPI            3

/* As docs/emulator.md has it: the kernel's own image is "in use", too. */
static const struct memmap_entry map[] = {
    { 0, 0x9E000, MEMMAP_RAM, 0 },
    { 0x9E000, 0x2000, RESERVED, 0 },
    { 0x100000, 0x100000, MEMMAP_RAM, 0 },
    { 0x200000, 0x80000, RESERVED, 0 }, /* the kernel */
    { 0x280000, 0x7000000, MEMMAP_RAM, 0 },
    { 0x8000000, 0x5800, RESERVED, 0 }, /* its modules are at the beginning */
    { 0x9000000, 0x4000, RESERVED, 0 },
    { 0x9002000, 0x800, MEMMAP_RAM, 0 }, /* the map contradicts itself */
    { 0x9800000, 0x4000, ACPI, 0 },
    { ~0ull - 0xFFF, ~0ull, RESERVED, 0 }, /* around the end of the address space */
};

static const struct memory_range own[] = {
    { 0x200000, 0x200000 },
    { 0x8000000, 0x1 },
    { 0x8001FFF, 0x2 },
};

static void T22_only_reserved_memory_that_is_not_ours_may_be_the_jump_table(void **state)
{
    static const struct {
        uint64_t gpa;
        bool good;
    } cases[] = {
        { 0x9F000, true },     { 0x9E000, true },
        { 0x8000, false },                          /* RAM: anybody's */
        { 0x9D000, false },    { 0xA0000, false },  /* not in the map */
        { 0x200000, false },                        /* the kernel's image */
        { 0x27F000, false },   { 0x300000, false }, /* its heap */
        { 0x8000000, false },                       /* a module, of one byte */
        { 0x8001000, false },                       /* one that begins with this page's last byte */
        { 0x8002000, false },                       /* and ends with this one's first */
        { 0x8003000, true },   { 0x8004000, true },
        { 0x8005000, false }, /* reserved to the half */
        { 0x9001000, true },   { 0x9002000, false },
        { 0x9003000, true },   { 0x9800000, false }, /* no type that firmware would put it in */
        { 0x9F800, false },                          /* no page */
        { 0xFFFFF000, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(memmap_is_firmwares(map, COUNT_OF(map), own, COUNT_OF(own), cases[i].gpa),
                         cases[i].good);
    }
    assert_false(memmap_is_firmwares(map, 0, own, 0, 0x9F000));
    assert_true(memmap_is_firmwares(map, COUNT_OF(map), own, 0, 0x200000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T22_only_reserved_memory_that_is_not_ours_may_be_the_jump_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
