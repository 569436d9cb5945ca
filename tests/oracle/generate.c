/* SPDX-License-Identifier: MIT */
/*
 * Making cases. An instruction is put together from its row in forms.c, with random prefixes and a
 * random addressing form (encode.c, operand.c, strings.c); then registers, displacement and segment
 * base are chosen so that the operand lies in a window (solve.c). A draft that cannot reach
 * it is thrown away, and another one made.
 */
#include "generate.h"

#include <string.h>

#include "draft.h"

#define RFLAGS_ALWAYS     0x202u /* the reserved bit, IF */
#define RFLAGS_ARITHMETIC 0x8D5u
#define RFLAGS_ID         0x200000u

static void choose_state(struct oracle_case *c, struct oracle_random *random)
{
    for (int i = 0; i < 16; i++) {
        c->start.gpr[i] = oracle_corner(random);
    }
    c->start.rflags =
        RFLAGS_ALWAYS | (oracle_random(random) & (RFLAGS_ARITHMETIC | RFLAGS_DF | RFLAGS_ID));
    c->tf_rf =
        (oracle_percent(random, 10) ? RFLAGS_TF : 0) | (oracle_percent(random, 25) ? RFLAGS_RF : 0);
    c->traits |= (uint64_t)((c->start.rflags & RFLAGS_DF) != 0) << ORACLE_TRAIT_DF;
    c->traits |= (uint64_t)((c->tf_rf & RFLAGS_TF) != 0) << ORACLE_TRAIT_TF;
    c->traits |= (uint64_t)((c->tf_rf & RFLAGS_RF) != 0) << ORACLE_TRAIT_RF;
}

/* Random bytes around the operand, so that a case does not depend on those before it. */
static void fill_around(struct oracle_draft *d, uint64_t va, unsigned bytes)
{
    uint64_t start = (va - 64) & ~7ull;
    uint64_t operand = oracle_corner(d->random);

    for (unsigned i = 0; i < 128 + bytes; i += 8) {
        uint64_t value = oracle_random(d->random);

        oracle_fill(start + i, &value, sizeof(value));
    }
    oracle_fill(va, &operand, bytes < 8 ? bytes : 8);
}

/* The strongest reason counts: a split is one only for what is served at all. */
static void choose_refusal(struct oracle_case *c, struct oracle_random *random)
{
    const struct oracle_form *form = c->form;

    c->basic_policy = form->group == ORACLE_BASIC || oracle_percent(random, 4);
    if (form->support == ORACLE_NEVER) {
        c->refusal = ORACLE_REFUSED_FORM;
    } else if ((c->traits & 1ull << ORACLE_TRAIT_LOCKED) != 0) {
        c->refusal = ORACLE_REFUSED_LOCK;
    } else if (c->basic_policy && form->group != ORACLE_BASIC &&
               (form->flags & ORACLE_BY_BASIC) == 0) {
        c->refusal = ORACLE_REFUSED_POLICY;
        c->traits |= 1ull << ORACLE_TRAIT_BASIC_POLICY;
    }
}

static bool try_draft(struct oracle_case *c, struct oracle_random *random)
{
    struct oracle_draft d = {
        .c = c, .random = random, .base = NO_REGISTER, .index = NO_REGISTER, .scale = 1
    };

    choose_state(c, random);
    oracle_choose_prefixes(&d);
    oracle_choose_sizes(&d);
    if (c->form->shape == ORACLE_STRING) {
        d.window = ORACLE_LOW;
        if (!oracle_draft_string(&d) || c->length > sizeof(c->bytes)) {
            return false;
        }
        oracle_place_code(&d);
        return true;
    }
    if (!oracle_draft_memory(&d)) {
        return false;
    }
    fill_around(&d, c->operand, c->data_bytes);
    c->reads = (c->form->flags & ORACLE_READS) != 0;
    c->writes = (c->form->flags & ORACLE_WRITES) != 0;
    return true;
}

void oracle_generate(const struct oracle_form *form, uint64_t seed, uint64_t number,
                     struct oracle_case *c)
{
    struct oracle_random random = { .state = seed * 0xD1342543DE82EF95ull + number };

    random.state = oracle_random(&random); /* neighbours must not share their sequence */
    do {
        memset(c, 0, sizeof(*c));
        c->form = form;
        c->number = number;
    } while (!try_draft(c, &random));
    choose_refusal(c, &random);
}

const char *oracle_trait_name(enum oracle_trait which)
{
    static const char *const names[ORACLE_TRAIT_COUNT] = {
#define X(name, text) [ORACLE_TRAIT_##name] = text,
        ORACLE_TRAITS(X)
#undef X
    };

    return names[which];
}
