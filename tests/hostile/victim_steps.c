/* SPDX-License-Identifier: MIT */
/*
 * #VC exceptions injected between any two instructions: of ordinary code, of the handler that
 * serves an exit in it, of user mode. Each is refused and the code goes on; in the end everything
 * must be as if nothing had happened.
 *
 * Command line: first=N stride=N last=N, which moments to try; block=plain,exits.
 */
#include "victim.h"

void user_enter(uint64_t rip, uint64_t rsp); /* user.S */

extern const char block_plain[], block_exits[], user_block[], user_block_end[];

static uint8_t honest_memory[MEMORY_BYTES];

static unsigned number(const char *key, unsigned otherwise)
{
    size_t length = strlen(key);
    unsigned value = 0;

    for (const char *at = cmdline(); *at != 0; at++) {
        if (memcmp(at, key, length) != 0 || (at != cmdline() && at[-1] != ' '))
            continue;
        for (at += length; *at >= '0' && *at <= '9'; at++)
            value = 10 * value + (unsigned)(*at - '0');
        return value;
    }
    return otherwise;
}

static void start(const char *code)
{
    attempt_start();
    memory_fill();
    attempt.in[SEVC_RSI] = (uint64_t)memory;
    attempt.in[SEVC_RDI] = (uint64_t)memory;
    attempt.in[SEVC_RBP] = MMIO_MAP + 0xFEE00000;
    attempt.code = (uint64_t)code;
    attempt.go_on = true;
    out16(PORT_FW_CFG, 0);
}

static bool as_before(const struct attempt *honest)
{
    return memcmp(attempt.out, honest->out, sizeof(attempt.out)) == 0 &&
           ((attempt.flags_out ^ honest->flags_out) & 0xCD5) == 0 &&
           memcmp(memory, honest_memory, MEMORY_BYTES) == 0;
}

static void inject_into(const char *name, const char *code)
{
    unsigned stride = number("stride=", 1), last = number("last=", ~0u), errors = 0,
             before = lies_told;
    struct attempt honest;

    start(code);
    attempt_run();
    honest = attempt;
    memcpy(honest_memory, memory, MEMORY_BYTES);
    check(honest.errors == 0, "honest: works", name, 0);
    for (unsigned n = number("first=", 0); n <= last; n += stride) {
        start(code);
        host_arm(n & 0xFFFF, n >> 16);
        attempt_run();
        struct lie lie = host_disarm();
        check(as_before(&honest), "nothing has happened", name, n);
        errors += attempt.errors;
        if (lie.told == 0)
            break;
    }
    kprintf("%s: %u injections, %u refused\n", name, lies_told - before, errors);
}

void test_steps(void)
{
    (void)mmio_map(0xFEE00000, PAGE_BYTES);
    wrmsr(0xC0000103, 0x123);
    if (!cmdline_has_key("block") || cmdline_has("block", "plain"))
        inject_into("plain code", block_plain);
    if (!cmdline_has_key("block") || cmdline_has("block", "exits"))
        inject_into("code with exits", block_exits);
    attempt.go_on = false;
}

/* ---- User mode ---- */

static struct sevc_trap user_state;

/* R15 and RBP are what the kernel left there. */
static bool user_as_before(const struct sevc_trap *honest)
{
    for (unsigned r = 0; r < 16; r++) {
        if (r != SEVC_R15 && r != SEVC_RBP && user_state.gpr[r] != honest->gpr[r])
            return false;
    }
    return user_state.rip == honest->rip && user_state.rsp == honest->rsp;
}

void test_user(void)
{
    unsigned stride = number("stride=", 1), errors = 0;
    struct sevc_trap honest;

    user_run(user_block, user_block_end, &user_state);
    honest = user_state;
    attempt.go_on = true;
    check(honest.gpr[SEVC_R11] == SECRET_HALF(1) * 0x100000001ull, "honest: works", "user", 0);
    for (unsigned n = number("first=", 0);; n += stride) {
        memset(&user_state, 0, sizeof(user_state));
        attempt.errors = 0;
        host_arm(n & 0xFFFF, n >> 16);
        user_enter(USER_CODE, USER_STACK - 64); /* user_run() has mapped the code */
        struct lie lie = host_disarm();
        check(user_as_before(&honest), "nothing has happened", "user", n);
        errors += attempt.errors;
        if (lie.told == 0)
            break;
    }
    kprintf("user mode: %u injections, %u refused\n", lies_told, errors);
}
