/* SPDX-License-Identifier: MIT */
/* sevc_walk_copy(): rights, faults, progress, and that data moves once. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "access.h"
#include "physical.h"

#define VA  0x0000123456789000ull
#define TOP 0xFFFFFFFFFFFFF000ull

#define VECTOR_GP 13
#define VECTOR_PF 14

/* A fixture: three pages from VA on, each somewhere else; nothing before and after them. */
struct fixture {
    struct physical memory;
    uint64_t page[3];
    uint8_t buffer[4096 * 3];
};

static void open_fixture(struct fixture *f, uint64_t attributes)
{
    physical_open(&f->memory, 47, false);
    physical_map(&f->memory, VA, 1, 0);
    for (unsigned i = 0; i < 3; i++) {
        f->page[2 - i] = physical_alloc(&f->memory); /* not in the order of the addresses */
        physical_map(&f->memory, VA + KIB(4) * (2 - i), 1,
                     f->page[2 - i] | attributes | physical_c(&f->memory));
    }
    memset(f->buffer, 0xEE, sizeof(f->buffer));
}

static uint8_t *guest(struct fixture *f, uint64_t va)
{
    return f->memory.bytes + f->page[(va - VA) / KIB(4)] + va % KIB(4);
}

/* Guest memory in which every byte tells its address. */
static void fill_guest(struct fixture *f)
{
    for (uint64_t i = 0; i < KIB(12); i++) {
        *guest(f, VA + i) = (uint8_t)(i * 7 + i / 256);
    }
}

static struct sevc_copy request(struct fixture *f, uint64_t va, size_t bytes,
                                enum sevc_access access)
{
    bool probe = access == SEVC_ACCESS_PROBE_READ || access == SEVC_ACCESS_PROBE_WRITE;

    return (struct sevc_copy){
        .va = va, .buffer = probe ? NULL : f->buffer, .bytes = bytes, .access = access, .done = 77
    };
}

static void assert_page_fault(const struct sevc_copy *copy, uint64_t cr2, uint32_t error_code,
                              size_t done)
{
    assert_int_equal(copy->fault.vector, VECTOR_PF);
    assert_true(copy->fault.has_error_code);
    assert_int_equal(copy->fault.error_code, error_code);
    assert_int_equal(copy->fault.cr2, cr2);
    assert_int_equal(copy->done, done);
}

/* Every length at every alignment around a page boundary, to the byte, and no byte beyond. */
static void reads_across_pages(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, RW);
    fill_guest(&f);
    for (uint64_t start = KIB(4) - 20; start <= KIB(4) + 9; start++) {
        for (size_t bytes = 1; bytes <= 40; bytes++) {
            struct sevc_copy copy = request(&f, VA + start, bytes, SEVC_ACCESS_READ);

            memset(f.buffer, 0xEE, 64);
            assert_true(sevc_walk_copy(&f.memory.paging, &copy));
            assert_int_equal(copy.done, bytes);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(f.buffer[i], *guest(&f, VA + start + i));
            }
            assert_int_equal(f.buffer[bytes], 0xEE);
        }
    }
    physical_close(&f.memory);
}

static void writes_across_pages(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, RW);
    for (uint64_t start = KIB(4) - 20; start <= KIB(4) + 9; start++) {
        for (size_t bytes = 1; bytes <= 40; bytes++) {
            struct sevc_copy copy = request(&f, VA + start, bytes, SEVC_ACCESS_WRITE);

            for (uint64_t i = 0; i < KIB(12); i++) {
                *guest(&f, VA + i) = 0;
            }
            for (size_t i = 0; i < bytes; i++) {
                f.buffer[i] = (uint8_t)(i + 1);
            }
            assert_true(sevc_walk_copy(&f.memory.paging, &copy));
            assert_int_equal(copy.done, bytes);
            assert_int_equal(*guest(&f, VA + start - 1), 0);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(*guest(&f, VA + start + i), i + 1);
            }
            assert_int_equal(*guest(&f, VA + start + bytes), 0);
        }
    }
    physical_close(&f.memory);
}

/* The largest access, over two boundaries when it is not aligned, in large pages too. */
static void moves_whole_pages(void **state)
{
    struct fixture f;
    struct sevc_copy copy;

    (void)state;
    open_fixture(&f, 0);
    fill_guest(&f);
    copy = request(&f, VA + 123, 4096, SEVC_ACCESS_FETCH);
    assert_true(sevc_walk_copy(&f.memory.paging, &copy));
    for (size_t i = 0; i < 4096; i++) {
        assert_int_equal(f.buffer[i], *guest(&f, VA + 123 + i));
    }
    physical_map(&f.memory, GIB(8), 2, 0 | physical_c(&f.memory));
    memcpy(f.memory.bytes + MIB(1) + 5, "through a large page", 20);
    copy = request(&f, GIB(8) + MIB(1) + 5, 20, SEVC_ACCESS_READ);
    assert_true(sevc_walk_copy(&f.memory.paging, &copy));
    assert_memory_equal(f.buffer, "through a large page", 20);
    physical_close(&f.memory);
}

struct rights_case {
    enum sevc_access access;
    bool user;
    uint64_t attributes; /* of the page that is accessed */
    int error_code;      /* -1: the access succeeds */
};

#define READ        SEVC_ACCESS_READ
#define WRITE       SEVC_ACCESS_WRITE
#define FETCH       SEVC_ACCESS_FETCH
#define PROBE_READ  SEVC_ACCESS_PROBE_READ
#define PROBE_WRITE SEVC_ACCESS_PROBE_WRITE

/* A page that is not there: absent, because attributes are all that the case gives it. */
#define ABSENT 0x8000ull

/* APM vol. 2, 8.4.2: P 1, W 2, U 4, RSV 8, I 16. Reserved bits are made by address bit 51. */
#define BAD 0x0008000000000000ull

static const struct rights_case rights_cases[] = {
    /* the supervisor */
    { READ, false, 0, -1 },
    { READ, false, US, -1 },
    { READ, false, NX, -1 },
    { READ, false, ABSENT, 0 },
    { READ, false, BAD, 9 },
    { WRITE, false, RW, -1 },
    { WRITE, false, RW | US, -1 },
    { WRITE, false, 0, 3 },
    { WRITE, false, ABSENT | RW, 2 },
    { WRITE, false, BAD | RW, 11 },
    { FETCH, false, 0, -1 },
    { FETCH, false, NX, 17 },
    { FETCH, false, ABSENT, 16 },
    { FETCH, false, BAD, 25 },
    { PROBE_READ, false, 0, -1 },
    { PROBE_READ, false, ABSENT, 0 },
    { PROBE_WRITE, false, RW, -1 },
    { PROBE_WRITE, false, 0, 3 },
    { PROBE_WRITE, false, ABSENT, 2 },
    /* the user */
    { READ, true, US, -1 },
    { READ, true, 0, 5 },
    { READ, true, RW, 5 },
    { READ, true, ABSENT | US, 4 },
    { READ, true, BAD | US, 13 },
    { WRITE, true, RW | US, -1 },
    { WRITE, true, US, 7 },
    { WRITE, true, RW, 7 },
    { WRITE, true, 0, 7 },
    { WRITE, true, ABSENT, 6 },
    { WRITE, true, BAD, 15 },
    { FETCH, true, US, -1 },
    { FETCH, true, US | NX, 21 },
    { FETCH, true, 0, 21 },
    { FETCH, true, ABSENT, 20 },
    { FETCH, true, BAD, 29 },
    { PROBE_READ, true, US, -1 },
    { PROBE_READ, true, 0, 5 },
    { PROBE_WRITE, true, RW | US, -1 },
    { PROBE_WRITE, true, US, 7 },
    { PROBE_WRITE, true, RW, 7 },
};

/* The second of two pages has the rights of the case: the fault names its first byte. */
static void checks_rights_as_the_processor_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rights_cases) / sizeof(rights_cases[0]); i++) {
        const struct rights_case *c = &rights_cases[i];
        struct fixture f;
        struct sevc_copy copy;
        uint64_t *entry;

        open_fixture(&f, RW | US);
        f.memory.paging.phys_bits = 40;
        fill_guest(&f);
        entry = physical_slot(&f.memory, VA + KIB(4), 1);
        *entry = f.page[1] | ((c->attributes & ABSENT) == 0 ? P : 0) | (c->attributes & ~ABSENT) |
                 physical_c(&f.memory);
        copy = request(&f, VA + KIB(4) - 3, 8, c->access);
        copy.user = c->user;
        assert_int_equal(sevc_walk_copy(&f.memory.paging, &copy), c->error_code == -1);
        if (c->error_code == -1) {
            assert_int_equal(copy.done, 8);
        } else {
            assert_page_fault(&copy, VA + KIB(4), (uint32_t)c->error_code, 3);
        }
        physical_close(&f.memory);
    }
}

/* Rights of table entries count like those of pages; a reserved bit there is a fault of its own. */
static void checks_rights_of_tables(void **state)
{
    static const struct {
        uint64_t clear, set;
        enum sevc_access access;
        uint32_t error_code;
    } cases[] = {
        { RW, 0, WRITE, 7 }, { US, 0, READ, 5 },   { 0, NX, FETCH, 21 },
        { P, 0, READ, 4 },   { 0, BAD, READ, 13 },
    };

    (void)state;
    for (unsigned level = 2; level <= 4; level++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct fixture f;
            struct sevc_copy copy;
            uint64_t *entry;

            open_fixture(&f, RW | US);
            f.memory.paging.phys_bits = 40;
            copy = request(&f, VA + 9, 4, cases[i].access);
            copy.user = true;
            assert_true(sevc_walk_copy(&f.memory.paging, &copy));
            entry = physical_slot(&f.memory, VA, level);
            *entry = (*entry & ~cases[i].clear) | cases[i].set;
            assert_false(sevc_walk_copy(&f.memory.paging, &copy));
            assert_page_fault(&copy, VA + 9, cases[i].error_code, 0);
            physical_close(&f.memory);
        }
    }
}

/* What lies before the fault has moved, nothing behind it. */
static void moves_what_precedes_the_fault(void **state)
{
    struct fixture f;
    struct sevc_copy copy;

    (void)state;
    open_fixture(&f, RW);
    fill_guest(&f);
    copy = request(&f, VA + KIB(12) - 7, 100, SEVC_ACCESS_READ);
    assert_false(sevc_walk_copy(&f.memory.paging, &copy));
    assert_page_fault(&copy, VA + KIB(12), 0, 7);
    assert_int_equal(f.buffer[6], *guest(&f, VA + KIB(12) - 1));
    assert_int_equal(f.buffer[7], 0xEE);
    copy = request(&f, VA - 1, 2, SEVC_ACCESS_READ);
    assert_false(sevc_walk_copy(&f.memory.paging, &copy));
    assert_page_fault(&copy, VA - 1, 0, 0);
    physical_close(&f.memory);
}

static void raises_gp_where_not_canonical(void **state)
{
    struct fixture f;
    struct sevc_copy copy;
    static const struct sevc_fault gp = { .vector = VECTOR_GP, .has_error_code = true };

    (void)state;
    open_fixture(&f, RW);
    for (unsigned access = SEVC_ACCESS_READ; access <= SEVC_ACCESS_PROBE_WRITE; access++) {
        copy = request(&f, 0x0000800000000000, 4, access);
        copy.fault.cr2 = 1;
        copy.fault.error_code = 1;
        assert_false(sevc_walk_copy(&f.memory.paging, &copy));
        assert_int_equal(copy.done, 0);
        assert_int_equal(copy.fault.vector, gp.vector);
        assert_int_equal(copy.fault.error_code, gp.error_code);
        assert_int_equal(copy.fault.cr2, gp.cr2);
        assert_true(copy.fault.has_error_code);
    }
    /* The last canonical bytes can be had. */
    physical_map(&f.memory, 0x00007FFFFFFFF000, 1, f.page[0]);
    copy = request(&f, 0x00007FFFFFFFFFF8, 15, SEVC_ACCESS_FETCH);
    assert_false(sevc_walk_copy(&f.memory.paging, &copy));
    assert_int_equal(copy.done, 8);
    assert_int_equal(copy.fault.vector, VECTOR_GP);
    /* With five levels, the same address is one like any other. */
    f.memory.paging.la57 = true;
    copy = request(&f, 0x0000800000000000, 4, SEVC_ACCESS_READ);
    assert_false(sevc_walk_copy(&f.memory.paging, &copy));
    assert_int_equal(copy.fault.vector, VECTOR_PF);
    physical_close(&f.memory);
}

/* Addresses wrap around, as the processor's do. */
static void wraps_at_the_top(void **state)
{
    struct fixture f;
    struct sevc_copy copy;

    (void)state;
    open_fixture(&f, RW);
    fill_guest(&f);
    physical_map(&f.memory, TOP, 1, f.page[0]);
    physical_map(&f.memory, 0, 1, f.page[1]);
    copy = request(&f, UINT64_MAX - 1, 5, SEVC_ACCESS_READ);
    assert_true(sevc_walk_copy(&f.memory.paging, &copy));
    assert_int_equal(f.buffer[1], *guest(&f, VA + KIB(4) - 1));
    assert_int_equal(f.buffer[2], *guest(&f, VA + KIB(4)));
    physical_close(&f.memory);
}

/* With no C-bit there is no translation: a fault, and not a guess. */
static void refuses_impossible_c_bits(void **state)
{
    struct fixture f;
    struct sevc_copy copy;

    (void)state;
    open_fixture(&f, RW);
    f.memory.paging.c_bit = 31;
    copy = request(&f, VA, 1, SEVC_ACCESS_READ);
    assert_false(sevc_walk_copy(&f.memory.paging, &copy));
    assert_page_fault(&copy, VA, 0, 0);
    physical_close(&f.memory);
}

/* Accesses that COPY makes to the data page at GPA; all must be in the direction of WRITE. */
static size_t data_accesses(struct fixture *f, struct sevc_copy *copy, uint64_t gpa, bool write,
                            uint64_t *at)
{
    const struct access *list;
    size_t count;
    size_t data = 0;

    access_start(&f->memory);
    sevc_walk_copy(&f->memory.paging, copy);
    count = access_stop(&list);
    assert_true(count <= ACCESS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (list[i].gpa / 4096 == gpa / 4096) {
            assert_int_equal(list[i].write, write);
            at[data++] = list[i].gpa % 4096;
        } else {
            assert_false(list[i].write); /* a table */
        }
    }
    return data;
}

/*
 * The addresses of the accesses, each naturally aligned and as wide as the distance to the next:
 * so no byte is touched twice, and no aligned element comes in two parts.
 */
static void moves_each_byte_once(void **state)
{
    static const struct {
        uint64_t offset;
        size_t bytes;
        size_t accesses;
        uint64_t at[8];
    } cases[] = {
        { 0x100, 1, 1, { 0x100 } },
        { 0x102, 2, 1, { 0x102 } },
        { 0x104, 4, 1, { 0x104 } },
        { 0x108, 8, 1, { 0x108 } },
        { 0x100, 15, 4, { 0x100, 0x108, 0x10C, 0x10E } },
        { 0x101, 15, 4, { 0x101, 0x102, 0x104, 0x108 } },
        { 0x103, 4, 3, { 0x103, 0x104, 0x106 } },
        { 0x10C, 24, 4, { 0x10C, 0x110, 0x118, 0x120 } },
    };
    static const enum sevc_access accesses[] = { READ, FETCH, WRITE };
    struct fixture f;

    (void)state;
    open_fixture(&f, RW);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned a = 0; a < 3; a++) {
            struct sevc_copy copy = request(&f, VA + cases[i].offset, cases[i].bytes, accesses[a]);
            uint64_t at[ACCESS_MAX];
            size_t count = data_accesses(&f, &copy, f.page[0], accesses[a] == WRITE, at);

            assert_int_equal(count, cases[i].accesses);
            assert_memory_equal(at, cases[i].at, count * sizeof(at[0]));
        }
    }
    physical_close(&f.memory);
}

static void probes_touch_nothing(void **state)
{
    static const enum sevc_access accesses[] = { PROBE_READ, PROBE_WRITE };
    struct fixture f;

    (void)state;
    open_fixture(&f, RW);
    for (unsigned a = 0; a < 2; a++) {
        struct sevc_copy copy = request(&f, VA + 5, 4096, accesses[a]);
        uint64_t at[ACCESS_MAX];

        assert_int_equal(data_accesses(&f, &copy, f.page[0], false, at), 0);
        assert_int_equal(copy.done, 4096);
        copy = request(&f, VA + 5, 4096, accesses[a]);
        assert_int_equal(data_accesses(&f, &copy, f.page[1], false, at), 0);
        copy = request(&f, VA + KIB(12) - 5, 4096, accesses[a]);
        assert_false(sevc_walk_copy(&f.memory.paging, &copy));
        assert_page_fault(&copy, VA + KIB(12), accesses[a] == PROBE_WRITE ? 2 : 0, 5);
    }
    physical_close(&f.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_across_pages),
        cmocka_unit_test(writes_across_pages),
        cmocka_unit_test(moves_whole_pages),
        cmocka_unit_test(checks_rights_as_the_processor_does),
        cmocka_unit_test(checks_rights_of_tables),
        cmocka_unit_test(moves_what_precedes_the_fault),
        cmocka_unit_test(raises_gp_where_not_canonical),
        cmocka_unit_test(wraps_at_the_top),
        cmocka_unit_test(refuses_impossible_c_bits),
        cmocka_unit_test(moves_each_byte_once),
        cmocka_unit_test(probes_touch_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
