/* SPDX-License-Identifier: MIT */
/*
 * When the malicious host lies: options, opportunities, the port by which a guest that was written
 * for it says where the test begins, and the books. What it says is in the tables of hostile_*.c.
 */
#include "hostile.h"

#include <sevc/svm.h>

#include "deliver.h"
#include "hostile_internal.h"
#include "libc.h"
#include "memory.h"
#include "npt.h"
#include "view.h"

#define PORT 0x506 /* of the guests that know us: 32 bits */

/*
 * Commands, bits 7:0. ARM has in bits 31:8, for injections, which opportunity is to be taken; for
 * other lies in 23:8 the variant, and in 31:24 the opportunity. NAME_PAGE: a frame number.
 */
#define COMMAND_DISARM    0
#define COMMAND_ARM       1
#define COMMAND_NAME_PAGE 2

/* How often a refused guest is to ask again before its wish is granted. */
#define REFUSALS 8

#define MAX_MODES 8
#define MAX_ROWS  4

/* A mode that is switched on: all table rows of its name. */
struct active_mode {
    const char *name;
    const struct hostile_mode *rows[MAX_ROWS];
    unsigned row_count;
    uint64_t opportunities, lies;
};

static struct {
    struct active_mode modes[MAX_MODES];
    unsigned count;
    unsigned kinds; /* one bit for each kind of moment that a mode waits for */
    uint64_t seed, random;
    uint64_t at;       /* the first opportunity to be taken, from 1; 0: chance decides */
    uint64_t every;    /* without AT: one opportunity in so many is taken */
    uint64_t limit;    /* lies in all; 0: no limit */
    uint64_t again;    /* with AT: further lies after so many opportunities each; 0: at once */
    uint64_t rip[2];   /* opportunities of steps: in this range only */
    uint64_t avoid[2]; /* and not in this one */
    bool by_guest;     /* the guest arms us */
} options = { .every = 4, .rip = { 0, ~0ull }, .avoid = { 1, 0 } };

/* What the guest has asked for through the port. */
static struct {
    bool armed;
    uint64_t number;
    uint64_t opportunities, lies; /* since it was armed */
    enum hostile_expect expect;
    unsigned variants;
    uint64_t page; /* GPA; 0: none named */
    bool withheld;
} guest;

static unsigned refused;     /* terminations */
static uint64_t msr_request; /* the GHCB MSR at VMGEXIT */
static uint64_t saved_dr6;   /* as the guest has it */

static const struct {
    const struct hostile_mode *rows;
    const unsigned *count;
} tables[] = {
    { hostile_reply_modes, &hostile_reply_mode_count },
    { hostile_cpuid_modes, &hostile_cpuid_mode_count },
    { hostile_response_modes, &hostile_response_mode_count },
    { hostile_inject_modes, &hostile_inject_mode_count },
};

/* ---- Options ---- */

static bool parse_number(const char *text, uint64_t *value, char end)
{
    unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;

    if (base == 16)
        text += 2;
    *value = 0;
    if (*text == end)
        return false;
    for (; *text != end; text++) {
        char c = *text;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

/* "FIRST-BEHIND" */
static bool parse_range(const char *text, uint64_t range[2])
{
    const char *dash = text;

    while (*dash != 0 && *dash != '-')
        dash++;
    return *dash == '-' && parse_number(text, &range[0], '-') &&
           parse_number(dash + 1, &range[1], 0);
}

static bool name_is(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* Gathers the rows of a mode. Result: false if there is none of that name. */
static bool add_mode(const char *text, size_t length)
{
    struct active_mode *mode = &options.modes[options.count];

    if (options.count == MAX_MODES)
        return false;
    for (unsigned t = 0; t < COUNT(tables); t++) {
        for (unsigned i = 0; i < *tables[t].count; i++) {
            const struct hostile_mode *row = &tables[t].rows[i];
            if (!name_is(row->name, text, length) || mode->row_count == MAX_ROWS)
                continue;
            mode->name = row->name;
            mode->rows[mode->row_count++] = row;
            options.kinds |= 1u << row->kind;
        }
    }
    options.count += mode->name != NULL;
    return mode->name != NULL;
}

static bool parse_modes(const char *list)
{
    while (*list != 0) {
        size_t length = 0;
        while (list[length] != 0 && list[length] != ',')
            length++;
        if (!add_mode(list, length))
            return false;
        list += length;
        if (*list == ',')
            list++;
    }
    return true;
}

static bool parse_seed(const char *value)
{
    if (!parse_number(value, &options.seed, 0))
        return false;
    options.random = (options.seed + 1) * 0x9E3779B97F4A7C15ull; /* not 0 */
    return true;
}

bool hostile_option(const char *key, const char *value)
{
    if (string_equal(key, "hostile"))
        return parse_modes(value);
    if (string_equal(key, "seed"))
        return parse_seed(value);
    if (string_equal(key, "at"))
        return parse_number(value, &options.at, 0);
    if (string_equal(key, "every"))
        return parse_number(value, &options.every, 0) && options.every != 0;
    if (string_equal(key, "lies"))
        return parse_number(value, &options.limit, 0);
    if (string_equal(key, "again"))
        return parse_number(value, &options.again, 0);
    if (string_equal(key, "rip"))
        return parse_range(value, options.rip);
    if (string_equal(key, "avoid"))
        return parse_range(value, options.avoid);
    options.by_guest = string_equal(value, "guest");
    return string_equal(key, "arm") && (options.by_guest || string_equal(value, "start"));
}

uint64_t hostile_seed(void)
{
    return options.seed;
}

uint64_t hostile_random(void)
{
    if (options.random == 0)
        options.random = 1;
    options.random ^= options.random << 13;
    options.random ^= options.random >> 7;
    options.random ^= options.random << 17;
    return options.random;
}

/* ---- To lie, or not to lie ---- */

static uint64_t lies_told(void)
{
    uint64_t lies = 0;

    for (unsigned i = 0; i < options.count; i++)
        lies += options.modes[i].lies;
    return lies;
}

/* The number that the guest has armed us with is one of moments for injections; else it is two. */
#define VARIANT_MASK 0xFFFFu
#define SKIP_SHIFT   16

static bool is_injection(enum hostile_moment_kind kind)
{
    return kind == HOSTILE_AT_STEP || kind == HOSTILE_AT_EXIT;
}

static bool guest_wants(enum hostile_moment_kind kind)
{
    if (!is_injection(kind))
        return guest.opportunities == (guest.number >> SKIP_SHIFT) + 1;
    if (guest.lies == 0)
        return guest.opportunities == guest.number + 1;
    return options.again != 0 && guest.lies < options.limit &&
           guest.opportunities == guest.number + 1 + guest.lies * options.again;
}

static bool schedule_wants(const struct active_mode *mode)
{
    uint64_t limit = options.limit != 0 || options.at == 0 ? options.limit : 1;

    if (limit != 0 && lies_told() >= limit)
        return false;
    if (options.at == 0)
        return hostile_random() % options.every == 0;
    if (mode->opportunities < options.at)
        return false;
    return options.again == 0 || (mode->opportunities - options.at) % options.again == 0;
}

static void consider_row(struct active_mode *mode, const struct hostile_mode *row,
                         const struct hostile_moment *m)
{
    unsigned variants = row->variants(m);

    if (variants == 0 || (options.by_guest && !guest.armed))
        return;
    mode->opportunities++;
    guest.opportunities++;
    guest.variants = variants;
    if (m->kind != HOSTILE_AT_TERMINATION &&
        !(options.by_guest ? guest_wants(m->kind) : schedule_wants(mode)))
        return;
    uint64_t number = !options.by_guest       ? mode->lies
                      : is_injection(m->kind) ? guest.number + guest.lies
                                              : guest.number & VARIANT_MASK;
    unsigned variant = (unsigned)((options.seed + number) % variants);
    uint64_t rip = m->v->vmcb->rip;
    guest.expect = row->tell(m, variant);
    mode->lies++;
    guest.lies++;
    report_log(REPORT_EVENTS, "lie cpu=%u mode=%s opportunity=%llu variant=%u rip=0x%llx",
               m->v->index, mode->name, (unsigned long long)mode->opportunities, variant,
               (unsigned long long)rip);
}

static void consider(const struct hostile_moment *m)
{
    for (unsigned i = 0; i < options.count; i++) {
        struct active_mode *mode = &options.modes[i];
        for (unsigned r = 0; r < mode->row_count; r++) {
            if (mode->rows[r]->kind == m->kind)
                consider_row(mode, mode->rows[r], m);
        }
    }
}

static bool active(enum hostile_moment_kind kind)
{
    return (options.kinds >> kind & 1) != 0;
}

/* ---- The GHCB page in words ---- */

uint64_t hostile_get(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

void hostile_put(uint8_t *page, unsigned offset, uint64_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}

bool hostile_is_valid(const uint8_t *page, unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    return (page[SEVC_GHCB_OFF_VALID_BITMAP + index / 8] >> index % 8 & 1) != 0;
}

void hostile_mark(uint8_t *page, unsigned offset, bool valid)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);
    uint8_t *byte = &page[SEVC_GHCB_OFF_VALID_BITMAP + index / 8];

    *byte = (uint8_t)((*byte & ~(1u << index % 8)) | (unsigned)valid << index % 8);
}

/* ---- The guest's side of a test ---- */

static void withhold(bool now)
{
    if (guest.page == 0 || guest.withheld == now || !memory_is_guest_ram(guest.page) ||
        view_of(guest.page) != VIEW_PRIVATE)
        return;
    npt_set(guest.page | NPT_C_BIT, now ? NPT_NONE : NPT_FULL);
    guest.withheld = now;
}

static void take_command(uint32_t command)
{
    uint32_t argument = command >> 8;

    switch (command & 0xFF) {
    case COMMAND_DISARM:
        guest.armed = false;
        withhold(false);
        break;
    case COMMAND_ARM:
        guest.armed = true;
        guest.number = argument;
        guest.opportunities = guest.lies = 0;
        guest.expect = HOSTILE_NOTHING;
        guest.variants = 0;
        withhold(active(HOSTILE_AT_ACCESS));
        break;
    case COMMAND_NAME_PAGE:
        guest.page = argument * PAGE_BYTES;
        break;
    default:
        report_end(VERDICT_ERROR, "port 0x%x: no command 0x%x", PORT, command);
    }
}

static uint32_t tell_guest(void)
{
    return (uint32_t)(guest.lies > 0xFF ? 0xFF : guest.lies) | (uint32_t)guest.expect << 8 |
           (uint32_t)guest.variants << 16;
}

/* Result: true if the request was for us, and not for a device. */
static bool served_port(struct vcpu *v, uint8_t *page)
{
    const struct ghcb_request *request = &v->ghcb.request;

    if (page == NULL || request->msr_protocol || request->code != SEVC_EXIT_IOIO ||
        (request->info1 >> SEVC_IOIO_PORT_SHIFT & 0xFFFF) != PORT)
        return false;
    if ((request->info1 & SEVC_IOIO_IN) != 0)
        hostile_put(page, SEVC_GHCB_OFF_RAX, tell_guest());
    else
        take_command((uint32_t)hostile_get(v->ghcb.copy, SEVC_GHCB_OFF_RAX));
    return true;
}

/* ---- Disclosure ---- */

/*
 * Guests that know us fill registers and memory with this pattern: 28 bits, and four that tell the
 * registers apart. It must not reach the host, at whatever bit it begins.
 */
#define SECRET      0x5EC7A5Cull
#define SECRET_BITS 28

static bool holds_secret(uint64_t low, uint64_t high)
{
    if ((low | high) == 0)
        return false;
    for (unsigned shift = 0; shift < 64; shift++) {
        uint64_t bits = low >> shift | (shift != 0 ? high << (64 - shift) : 0);
        if ((bits & ((1ull << SECRET_BITS) - 1)) == SECRET)
            return true;
    }
    return false;
}

static void look_for_secrets(const uint8_t *page, const struct vcpu_where *where)
{
    for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset += 8) {
        uint64_t next = offset + 8 < SEVC_GHCB_SIZE ? hostile_get(page, offset + 8) : 0;
        if (!holds_secret(hostile_get(page, offset), next))
            continue;
        report_violation(where, "secret", "a secret of the guest stands in the GHCB at 0x%x",
                         offset);
        return;
    }
}

/*
 * What this host has written into the shared buffer, beyond its answer, the guest does not have to
 * clear: it was never the guest's. Left there, the judge would take it for a leak.
 */
static uint8_t litter[SEVC_GHCB_SIZE];
static bool littered;

static void collect_litter(uint8_t *page)
{
    for (unsigned i = SEVC_GHCB_OFF_SHARED_BUFFER; littered && i < SEVC_GHCB_OFF_PROTOCOL_VERSION;
         i++) {
        if (litter[i] != 0 && page[i] == litter[i])
            page[i] = 0;
    }
    littered = false;
}

static void note_litter(const uint8_t *page, const uint8_t *honest)
{
    for (unsigned i = SEVC_GHCB_OFF_SHARED_BUFFER; i < SEVC_GHCB_OFF_PROTOCOL_VERSION; i++) {
        litter[i] = page[i] != honest[i] ? page[i] : 0;
        littered |= litter[i] != 0;
    }
}

/* ---- The moments ---- */

void hostile_before_service(struct vcpu *v, uint8_t *page, const struct vcpu_where *where)
{
    msr_request = v->ghcb.msr;
    if (options.count == 0 || page == NULL)
        return;
    collect_litter(page);
    look_for_secrets(page, where);
}

/* Once it has asked to be ended, a guest does nothing else any more. */
static void refuse_termination(struct vcpu *v, const struct vcpu_where *where,
                               enum ghcb_outcome *outcome)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_TERMINATION,
                                .v = v,
                                .request = &v->ghcb.request };

    if (*outcome != GHCB_TERMINATED) {
        if (refused != 0)
            report_violation(where, "runs-on", "a request after the guest's own termination: %s",
                             v->ghcb.request.name);
        return;
    }
    if (!active(HOSTILE_AT_TERMINATION) || refused >= REFUSALS)
        return;
    consider(&m);
    refused++;
    *outcome = GHCB_RESUME;
}

void hostile_after_service(struct vcpu *v, uint8_t *page, const struct vcpu_where *where,
                           enum ghcb_outcome *outcome)
{
    static uint8_t honest[SEVC_GHCB_SIZE];
    struct hostile_moment m = { .v = v, .page = page, .request = &v->ghcb.request };

    if (options.count == 0)
        return;
    refuse_termination(v, where, outcome);
    if (*outcome != GHCB_RESUME || refused != 0 || served_port(v, page))
        return;
    if (m.request->msr_protocol) {
        m.kind = HOSTILE_AT_RESPONSE;
        m.msr_request = msr_request;
        consider(&m);
        return;
    }
    m.kind = HOSTILE_AT_REPLY;
    memcpy(honest, page, sizeof(honest));
    consider(&m);
    note_litter(page, honest);
    m.page = honest;
    hostile_remember_reply(&m);
}

/* No longer than is needed: a step costs two world switches. */
static bool is_stepped(void)
{
    uint64_t limit = options.limit != 0 ? options.limit : 1;

    return !options.by_guest || (guest.armed && guest.lies < limit);
}

static bool in_range(uint64_t rip, const uint64_t range[2])
{
    return rip >= range[0] && rip < range[1];
}

void hostile_before_run(struct vcpu *v)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_EXIT, .v = v };
    struct vmcb *vmcb = v->vmcb;

    if (options.count == 0)
        return;
    bool free = (vmcb->event_injection & SEVC_EVENTINJ_VALID) == 0 &&
                in_range(vmcb->rip, options.rip) && !in_range(vmcb->rip, options.avoid);
    if (free && vmcb->exit_code != SEVC_EXIT_DB)
        consider(&m);
    if (!active(HOSTILE_AT_STEP))
        return;
    m.kind = HOSTILE_AT_STEP;
    if (free)
        consider(&m);
    /* From here on until the exit the guest is stepped by its own trap flag. */
    vmcb->intercept_exceptions |= 1u << VECTOR_DB;
    saved_dr6 = vmcb->dr6;
    if (is_stepped())
        vmcb->rflags |= RFLAGS_TF;
}

/* The guests that are stepped have no use for TF themselves: it is ours, wherever it shows up. */
bool hostile_after_run(struct vcpu *v)
{
    if (options.count == 0 || !active(HOSTILE_AT_STEP))
        return false;
    v->vmcb->rflags &= ~(uint64_t)RFLAGS_TF;
    if (v->vmcb->exit_code != SEVC_EXIT_DB)
        return false;
    v->vmcb->dr6 = saved_dr6;
    return true;
}

bool hostile_private_fault(struct vcpu *v, uint64_t gpa)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_ACCESS, .v = v };
    uint64_t before = lies_told();
    bool withheld = guest.withheld && (gpa & ~PAGE_MASK) == guest.page;

    if (options.count == 0 || (options.by_guest && !withheld))
        return false;
    withhold(false);
    consider(&m);
    return withheld || lies_told() != before;
}

/* One that has left its interrupts on is woken by them, as it asked for. */
bool hostile_wakes_halt(struct vcpu *v)
{
    if (refused == 0 || (v->vmcb->rflags & RFLAGS_IF) != 0)
        return false;
    vcpu_advance(v, 1);
    return true;
}

const char *hostile_summary(void (*line)(const char *format, ...))
{
    const char *silent = NULL;

    for (unsigned i = 0; i < options.count; i++) {
        const struct active_mode *mode = &options.modes[i];
        line("hostile mode=%s lies=%llu opportunities=%llu seed=%llu", mode->name,
             (unsigned long long)mode->lies, (unsigned long long)mode->opportunities,
             (unsigned long long)options.seed);
        if (mode->lies == 0)
            silent = mode->name;
    }
    return silent;
}
