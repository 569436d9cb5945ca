/* SPDX-License-Identifier: MIT */
/* What the files of the malicious host share. Nobody else includes this. */
#ifndef EMULATOR_HOSTILE_INTERNAL_H
#define EMULATOR_HOSTILE_INTERNAL_H

#include <stddef.h>

#include "cpu.h"
#include "hostile.h"
#include "vcpu.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

/* What must become of a lie. The numbers are read by guests (docs/hostile.md, "Port"). */
enum hostile_expect {
    HOSTILE_NOTHING = 0,
    HOSTILE_ERROR = 1,     /* refused: no register, no memory has changed */
    HOSTILE_SUCCESS = 2,   /* not worth a refusal: the result is exactly the right one */
    HOSTILE_EXCEPTION = 3, /* #GP or #UD, which the protocol lets a host ask for */
    HOSTILE_EITHER = 4,    /* an error, or exactly the right result */
    HOSTILE_VALUE = 5,     /* a value that is the host's to choose: no guest can tell */
};

/* When a mode has its opportunities. */
enum hostile_moment_kind {
    HOSTILE_AT_REPLY,       /* a request of the page protocol has been served */
    HOSTILE_AT_RESPONSE,    /* one of the MSR protocol */
    HOSTILE_AT_UNASKED,     /* the guest reads the SEV information that no request has brought */
    HOSTILE_AT_TERMINATION, /* the guest has asked to be ended */
    HOSTILE_AT_EXIT,        /* any exit has been handled */
    HOSTILE_AT_STEP,        /* before each instruction */
    HOSTILE_AT_ACCESS,      /* a load or store to private memory */
};

/* One opportunity. */
struct hostile_moment {
    enum hostile_moment_kind kind;
    struct vcpu *v;
    uint8_t *page;                      /* AT_REPLY */
    const struct ghcb_request *request; /* AT_REPLY, AT_RESPONSE, AT_TERMINATION; else NULL */
    uint64_t msr_request;               /* AT_RESPONSE: as it was sent */
};

/* One kind of lie. A mode may have rows for several moments, under one name. */
struct hostile_mode {
    const char *name;
    enum hostile_moment_kind kind;
    /* How many different lies fit here; 0: this is no opportunity. */
    unsigned (*variants)(const struct hostile_moment *m);
    /* Tells one: 0 <= variant < variants(). */
    enum hostile_expect (*tell)(const struct hostile_moment *m, unsigned variant);
};

extern const struct hostile_mode hostile_reply_modes[];
extern const unsigned hostile_reply_mode_count;
extern const struct hostile_mode hostile_cpuid_modes[];
extern const unsigned hostile_cpuid_mode_count;
extern const struct hostile_mode hostile_response_modes[];
extern const unsigned hostile_response_mode_count;
extern const struct hostile_mode hostile_inject_modes[];
extern const unsigned hostile_inject_mode_count;

/* ---- hostile_options.c ---- */

#define HOSTILE_MAX_MODES 8
#define HOSTILE_MAX_ROWS  4

/* A mode that is switched on: all table rows of its name. */
struct hostile_active {
    const char *name;
    const struct hostile_mode *rows[HOSTILE_MAX_ROWS];
    unsigned row_count;
    uint64_t opportunities, lies;
};

struct hostile_options {
    struct hostile_active modes[HOSTILE_MAX_MODES];
    unsigned count;
    unsigned kinds; /* one bit for each kind of moment that a mode waits for */
    uint64_t seed, random;
    uint64_t at;       /* the first opportunity to be taken, from 1; 0: chance decides */
    uint64_t every;    /* without AT: one opportunity in so many is taken */
    uint64_t limit;    /* lies in all; 0: no limit */
    uint64_t again;    /* with AT: further lies after so many opportunities each; 0: at once */
    uint64_t rip[2];   /* opportunities of steps: in this range only */
    uint64_t avoid[2]; /* and not in this one */
    uint64_t after;    /* honest until so many requests have been served */
    bool by_guest;     /* the guest arms us */
};

extern struct hostile_options hostile_options;

/* Random numbers, the same ones for the same seed. */
uint64_t hostile_random(void);

/* ---- hostile_page.c ---- */

/* Quadwords of a GHCB page, and bits of its bitmap by the field's offset. */
uint64_t hostile_get(const uint8_t *page, unsigned offset);
void hostile_put(uint8_t *page, unsigned offset, uint64_t value);
bool hostile_is_valid(const uint8_t *page, unsigned offset);
void hostile_mark(uint8_t *page, unsigned offset, bool valid);

/*
 * Where in the page a request has its data, or wants them: whatever it says, a part of the shared
 * buffer. bytes is 0 if there are none.
 */
struct hostile_data {
    unsigned offset, bytes;
    bool sent;
};

/* page: as the guest has sent it; gpa: its address, from the GHCB MSR. */
struct hostile_data hostile_data_of(const uint8_t *page, uint64_t gpa);

/* What this host has left in the shared buffer is taken back before the guest is judged. */
void hostile_note_litter(const struct vcpu *v, const uint8_t *page, const uint8_t *honest);
void hostile_collect_litter(const struct vcpu *v, uint8_t *page);

/* Reports it if the guest's secrets stand in the page (docs/hostile.md). */
void hostile_look_for_secrets(const uint8_t *page, const struct vcpu_where *where);

/* ---- hostile_withhold.c ---- */

/* Takes a page of private memory away, one at a time: hostile_give_back(). */
void hostile_withhold(uint64_t page);
/* One that the guest is about to use. */
void hostile_withhold_some(struct vcpu *v);

/* ---- hostile_reply.c ---- */

/* Remembers an honest reply, for "reply-other". */
void hostile_remember_reply(const struct hostile_moment *m);

#endif
