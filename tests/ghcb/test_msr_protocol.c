/* SPDX-License-Identifier: MIT */
/*
 * The MSR protocol as arithmetic, against numbers written by hand from the specification (GHCB
 * spec 2.03, 2.3.1): every request (T68), every response, every reserved bit.
 */
#include "common.h"

static void T68_each_request_has_its_encoding(void **state)
{
    static const uint64_t gpa = 0x000FEDCBA9876000ull;
    const struct {
        const char *name;
        uint64_t encoded;
        uint64_t expected;
    } cases[] = {
        { "SEV information", sevc_msr_sev_info_request(), 0x0000000000000002 },
        { "CPUID 0 EAX", sevc_msr_cpuid_request(0, 0), 0x0000000000000004 },
        { "CPUID 0 EBX", sevc_msr_cpuid_request(0, 1), 0x0000000040000004 },
        { "CPUID 0 ECX", sevc_msr_cpuid_request(0, 2), 0x0000000080000004 },
        { "CPUID 0 EDX", sevc_msr_cpuid_request(0, 3), 0x00000000C0000004 },
        { "CPUID 8000_001F EBX", sevc_msr_cpuid_request(0x8000001F, 1), 0x8000001F40000004 },
        { "CPUID all ones", sevc_msr_cpuid_request(~0u, 3), 0xFFFFFFFFC0000004 },
        { "CPUID, register cut", sevc_msr_cpuid_request(1, 4 + 2), 0x0000000180000004 },
        { "AP reset hold", sevc_msr_ap_reset_hold_request(), 0x0000000000000006 },
        { "preferred GPA", sevc_msr_preferred_gpa_request(), 0x0000000000000010 },
        { "register GPA", sevc_msr_register_gpa_request(gpa), 0x000FEDCBA9876012 },
        { "register GPA, low bits", sevc_msr_register_gpa_request(gpa | 0xFFF),
          0x000FEDCBA9876012 },
        { "private", sevc_msr_page_state_request(gpa, SEVC_PAGE_PRIVATE), 0x001FEDCBA9876014 },
        { "shared", sevc_msr_page_state_request(gpa, SEVC_PAGE_SHARED), 0x002FEDCBA9876014 },
        { "shared, low bits", sevc_msr_page_state_request(0x1FFF, SEVC_PAGE_SHARED),
          0x0020000000001014 },
        { "run VMPL 0", sevc_msr_run_vmpl_request(0), 0x0000000000000016 },
        { "run VMPL 3", sevc_msr_run_vmpl_request(3), 0x0000000300000016 },
        { "hypervisor features", sevc_msr_hv_features_request(), 0x0000000000000080 },
        { "terminate 0/0", sevc_msr_terminate_request(0, 0), 0x0000000000000100 },
        { "terminate 0/1", sevc_msr_terminate_request(0, 1), 0x0000000000010100 },
        { "terminate 0/2", sevc_msr_terminate_request(0, 2), 0x0000000000020100 },
        { "terminate 1/0", sevc_msr_terminate_request(1, 0), 0x0000000000001100 },
        { "terminate 15/255", sevc_msr_terminate_request(15, 255), 0x0000000000FFF100 },
        { "terminate, cut", sevc_msr_terminate_request(0x11, 0x102), 0x0000000000021100 },
        { "page protocol", sevc_msr_ghcb(gpa), 0x000FEDCBA9876000 },
        { "page protocol, low bits", sevc_msr_ghcb(gpa | 0x100), 0x000FEDCBA9876000 },
        { "page protocol, high bits", sevc_msr_ghcb(0xFFF0000000001000), 0x0000000000001000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].encoded != cases[i].expected) {
            fail_msg("%s: 0x%016llx, expected 0x%016llx", cases[i].name,
                     (unsigned long long)cases[i].encoded, (unsigned long long)cases[i].expected);
        }
    }
}

/* A parser with one output, whatever it is. */
struct parser {
    const char *name;
    enum sevc_result (*parse)(uint64_t response, uint64_t *value);
    uint64_t response; /* a correct one */
    uint64_t value;    /* what it says */
    uint64_t data;     /* the bits that may be anything; each of the others is checked */
};

#define UNTOUCHED 0x5A5A5A5A5A5A5A5Aull

static enum sevc_result parse_cpuid(uint64_t response, unsigned reg, uint64_t *value)
{
    uint32_t word = (uint32_t)UNTOUCHED;
    enum sevc_result result = sevc_msr_cpuid_response(response, reg, &word);

    if (word != (uint32_t)UNTOUCHED) {
        *value = word;
    }
    return result;
}

static enum sevc_result parse_cpuid_eax(uint64_t response, uint64_t *value)
{
    return parse_cpuid(response, 0, value);
}

static enum sevc_result parse_cpuid_edx(uint64_t response, uint64_t *value)
{
    return parse_cpuid(response, 3, value);
}

static enum sevc_result parse_register(uint64_t response, uint64_t *value)
{
    (void)value;
    return sevc_msr_register_gpa_response(response, 0x000FEDCBA9876000);
}

static enum sevc_result parse_page_state(uint64_t response, uint64_t *value)
{
    (void)value;
    return sevc_msr_page_state_response(response);
}

static enum sevc_result parse_run_vmpl(uint64_t response, uint64_t *value)
{
    (void)value;
    return sevc_msr_run_vmpl_response(response);
}

static const struct parser parsers[] = {
    { "CPUID EAX", parse_cpuid_eax, 0x1234567800000005, 0x12345678, 0xFFFFFFFF00000000 },
    { "CPUID EDX", parse_cpuid_edx, 0x12345678C0000005, 0x12345678, 0xFFFFFFFF00000000 },
    { "AP reset hold", sevc_msr_ap_reset_hold_response, 0x0000000000001007, 1, 0xFFFFFFFFFFFFF000 },
    { "preferred GPA", sevc_msr_preferred_gpa_response, 0x0000123456789011, 0x0000123456789000,
      0x000FFFFFFFFFF000 },
    { "register GPA", parse_register, 0x000FEDCBA9876013, UNTOUCHED, 0 },
    { "page state", parse_page_state, 0x0000000000000015, UNTOUCHED, 0 },
    { "run VMPL", parse_run_vmpl, 0x0000000000000017, UNTOUCHED, 0 },
    { "hypervisor features", sevc_msr_hv_features_response, 0xF0123456789AB081, 0x000F0123456789AB,
      0xFFFFFFFFFFFFF000 },
};

static void each_response_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parsers); i++) {
        uint64_t value = UNTOUCHED;

        if (parsers[i].parse(parsers[i].response, &value) != SEVC_OK || value != parsers[i].value) {
            fail_msg("%s: value 0x%llx", parsers[i].name, (unsigned long long)value);
        }
    }
}

/* T67 among them: code and data of a registration are each checked. */
static void T67_each_fixed_bit_of_each_response_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parsers); i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t value = UNTOUCHED;
            bool fixed = (parsers[i].data >> bit & 1) == 0;
            enum sevc_result result = parsers[i].parse(parsers[i].response ^ 1ull << bit, &value);

            if (fixed && (result != SEVC_HOST_ERROR || value != UNTOUCHED)) {
                fail_msg("%s, bit %u flipped: result %d, output 0x%llx", parsers[i].name, bit,
                         (int)result, (unsigned long long)value);
            }
            if (!fixed && (result != SEVC_OK || value == parsers[i].value)) {
                fail_msg("%s, data bit %u flipped: result %d, output 0x%llx", parsers[i].name, bit,
                         (int)result, (unsigned long long)value);
            }
        }
    }
}

static void no_response_is_taken_for_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parsers); i++) {
        for (unsigned code = 0; code <= 0xFFF; code++) {
            uint64_t value = UNTOUCHED;
            uint64_t response = (parsers[i].response & ~0xFFFull) | code;
            enum sevc_result expected =
                code == (parsers[i].response & 0xFFF) ? SEVC_OK : SEVC_HOST_ERROR;

            if (parsers[i].parse(response, &value) != expected) {
                fail_msg("%s with response code 0x%03x", parsers[i].name, code);
            }
        }
    }
}

/* [63:48] maximum, [47:32] minimum, [31:24] C-bit, [23:12] zero, [11:0] 0x001. */
static void sev_information_is_understood(void **state)
{
    struct sevc_sev_info info;

    (void)state;
    assert_int_equal(sevc_msr_sev_info_response(0x0002000133000001, &info), SEVC_OK);
    assert_int_equal(info.version_min, 1);
    assert_int_equal(info.version_max, 2);
    assert_int_equal(info.c_bit, 51);
    assert_int_equal(sevc_msr_sev_info_response(0xFFFFFFFE2F000001, &info), SEVC_OK);
    assert_int_equal(info.version_min, 0xFFFE);
    assert_int_equal(info.version_max, 0xFFFF);
    assert_int_equal(info.c_bit, 47);
}

static void sev_information_reserved_bits_count(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 24; bit++) {
        struct sevc_sev_info info = { 7, 7, 7 };

        assert_int_equal(sevc_msr_sev_info_response(0x0002000133000001ull ^ 1ull << bit, &info),
                         SEVC_HOST_ERROR);
        assert_int_equal(info.c_bit, 7);
        assert_int_equal(info.version_min, 7);
        assert_int_equal(info.version_max, 7);
    }
}

/* T6. */
static void T6_a_c_bit_that_cannot_be_is_refused(void **state)
{
    (void)state;
    for (unsigned c_bit = 0; c_bit < 256; c_bit++) {
        struct sevc_sev_info info;
        bool possible = c_bit >= 32 && c_bit <= 63;

        assert_int_equal(
            sevc_msr_sev_info_response(0x0002000100000001ull | (uint64_t)c_bit << 24, &info),
            possible ? SEVC_OK : SEVC_HOST_ERROR);
    }
}

static void a_minimum_above_the_maximum_is_refused(void **state)
{
    struct sevc_sev_info info;

    (void)state;
    assert_int_equal(sevc_msr_sev_info_response(0x0001000233000001, &info), SEVC_HOST_ERROR);
    assert_int_equal(sevc_msr_sev_info_response(0x0000000133000001, &info), SEVC_HOST_ERROR);
    assert_int_equal(sevc_msr_sev_info_response(0x0002000233000001, &info), SEVC_OK);
}

static void the_cpuid_register_must_be_the_one_asked_for(void **state)
{
    (void)state;
    for (unsigned asked = 0; asked < 4; asked++) {
        for (unsigned answered = 0; answered < 4; answered++) {
            uint32_t value = 0;

            assert_int_equal(sevc_msr_cpuid_response(
                                 0x1234567800000005ull | (uint64_t)answered << 30, asked, &value),
                             asked == answered ? SEVC_OK : SEVC_HOST_ERROR);
            assert_int_equal(value, asked == answered ? 0x12345678 : 0);
        }
    }
}

static void a_host_may_have_no_preferred_address(void **state)
{
    uint64_t gpa = UNTOUCHED;

    (void)state;
    assert_int_equal(sevc_msr_preferred_gpa_response(0xFFFFFFFFFFFFF011, &gpa), SEVC_UNSUPPORTED);
    assert_int_equal(gpa, UNTOUCHED);
}

static void a_refused_registration_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(sevc_msr_register_gpa_response(0xFFFFFFFFFFFFF013, 0x1000), SEVC_HOST_ERROR);
    assert_int_equal(sevc_msr_register_gpa_response(0x0000000000001013, 0x1000), SEVC_OK);
    assert_int_equal(sevc_msr_register_gpa_response(0x0000000000002013, 0x1000), SEVC_HOST_ERROR);
    assert_int_equal(sevc_msr_register_gpa_response(0x0000000000001012, 0x1000), SEVC_HOST_ERROR);
    assert_int_equal(sevc_msr_register_gpa_response(0, 0), SEVC_HOST_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T68_each_request_has_its_encoding),
        cmocka_unit_test(each_response_is_understood),
        cmocka_unit_test(T67_each_fixed_bit_of_each_response_counts),
        cmocka_unit_test(no_response_is_taken_for_another),
        cmocka_unit_test(sev_information_is_understood),
        cmocka_unit_test(sev_information_reserved_bits_count),
        cmocka_unit_test(T6_a_c_bit_that_cannot_be_is_refused),
        cmocka_unit_test(a_minimum_above_the_maximum_is_refused),
        cmocka_unit_test(the_cpuid_register_must_be_the_one_asked_for),
        cmocka_unit_test(a_host_may_have_no_preferred_address),
        cmocka_unit_test(a_refused_registration_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
