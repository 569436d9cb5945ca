/* SPDX-License-Identifier: MIT */
/*
 * When the malicious host lies: opportunities, the port by which a guest that was written for it says
 * where the test begins, and the books. What it says is in the tables of hostile_*.c.
 */
#include "hostile.h"

#include <sevc/svm.h>

#include "deliver.h"
#include "hostile_internal.h"
#include "libc.h"
#include "memory.h"

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

/* What the guest has asked for through the port. */
static struct {
    bool armed;
    uint64_t number;
    uint64_t opportunities, lies; /* since it was armed */
    enum hostile_expect expect;
    unsigned variants;
    uint64_t page; /* GPA; 0: none named */
} guest;

static unsigned refused;             /* terminations */
static uint64_t served;              /* requests */
static uint64_t msr_request;         /* the GHCB MSR at VMGEXIT */
static uint64_t responses[VCPU_MAX]; /* and what it held after it */
static uint64_t saved_dr6[VCPU_MAX]; /* as the guest has it */

/* ---- To lie, or not to lie ---- */

static uint64_t lies_told(void)
{
    uint64_t lies = 0;

    for (unsigned i = 0; i < hostile_options.count; i++)
        lies += hostile_options.modes[i].lies;
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
    return hostile_options.again != 0 && guest.lies < hostile_options.limit &&
           guest.opportunities == guest.number + 1 + guest.lies * hostile_options.again;
}

/* Without a guest that arms us: the time has come, and not all lies are told. */
static bool schedule_is_open(void)
{
    uint64_t limit =
        hostile_options.limit != 0 || hostile_options.at == 0 ? hostile_options.limit : 1;

    return served >= hostile_options.after && (limit == 0 || lies_told() < limit);
}

static bool schedule_wants(const struct hostile_active *mode)
{
    if (!schedule_is_open())
        return false;
    if (hostile_options.at == 0)
        return hostile_random() % hostile_options.every == 0;
    if (mode->opportunities < hostile_options.at)
        return false;
    return hostile_options.again == 0 ||
           (mode->opportunities - hostile_options.at) % hostile_options.again == 0;
}

static void consider_row(struct hostile_active *mode, const struct hostile_mode *row,
                         const struct hostile_moment *m)
{
    unsigned variants = row->variants(m);

    if (variants == 0 || served < hostile_options.after ||
        (hostile_options.by_guest && !guest.armed))
        return;
    mode->opportunities++;
    guest.opportunities++;
    guest.variants = variants;
    if (m->kind != HOSTILE_AT_TERMINATION &&
        !(hostile_options.by_guest ? guest_wants(m->kind) : schedule_wants(mode)))
        return;
    uint64_t number = !hostile_options.by_guest ? mode->lies
                      : is_injection(m->kind)   ? guest.number + guest.lies
                                                : guest.number & VARIANT_MASK;
    unsigned variant = (unsigned)((hostile_options.seed + number) % variants);
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
    for (unsigned i = 0; i < hostile_options.count; i++) {
        struct hostile_active *mode = &hostile_options.modes[i];
        for (unsigned r = 0; r < mode->row_count; r++) {
            if (mode->rows[r]->kind == m->kind)
                consider_row(mode, mode->rows[r], m);
        }
    }
}

static bool active(enum hostile_moment_kind kind)
{
    return (hostile_options.kinds >> kind & 1) != 0;
}

/* ---- The guest's side of a test ---- */

static void take_command(uint32_t command)
{
    uint32_t argument = command >> 8;

    switch (command & 0xFF) {
    case COMMAND_DISARM:
        guest.armed = false;
        (void)hostile_give_back(guest.page);
        break;
    case COMMAND_ARM:
        guest.armed = true;
        guest.number = argument;
        guest.opportunities = guest.lies = 0;
        guest.expect = HOSTILE_NOTHING;
        guest.variants = 0;
        if (active(HOSTILE_AT_ACCESS))
            hostile_withhold(guest.page);
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

/* ---- The moments ---- */

void hostile_before_service(struct vcpu *v, uint8_t *page, const struct vcpu_where *where)
{
    msr_request = v->ghcb.msr;
    served++;
    if (hostile_options.count == 0 || page == NULL)
        return;
    hostile_collect_litter(v, page);
    hostile_look_for_secrets(page, where);
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

    if (hostile_options.count == 0)
        return;
    refuse_termination(v, where, outcome);
    if (*outcome != GHCB_RESUME || refused != 0 || served_port(v, page))
        return;
    if (m.request->msr_protocol) {
        m.kind = HOSTILE_AT_RESPONSE;
        m.msr_request = msr_request;
        consider(&m);
        responses[v->index] = v->ghcb.msr;
        return;
    }
    m.kind = HOSTILE_AT_REPLY;
    memcpy(honest, page, sizeof(honest));
    consider(&m);
    hostile_note_litter(v, page, honest);
    m.page = honest;
    hostile_remember_reply(&m);
}

void hostile_before_msr_read(struct vcpu *v)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_UNASKED, .v = v };

    if (hostile_options.count == 0 || v->ghcb.msr == responses[v->index] ||
        (v->ghcb.msr & SEVC_GHCB_MSR_INFO_MASK) != SEVC_GHCB_MSR_SEV_INFO_RESP)
        return;
    consider(&m);
}

/* No longer than is needed: a step costs two world switches. */
static bool is_stepped(void)
{
    uint64_t limit = hostile_options.limit != 0 ? hostile_options.limit : 1;

    return hostile_options.by_guest ? guest.armed && guest.lies < limit : schedule_is_open();
}

static bool in_range(uint64_t rip, const uint64_t range[2])
{
    return rip >= range[0] && rip < range[1];
}

void hostile_before_run(struct vcpu *v)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_EXIT, .v = v };
    struct vmcb *vmcb = v->vmcb;

    if (hostile_options.count == 0)
        return;
    bool free = (vmcb->event_injection & SEVC_EVENTINJ_VALID) == 0 &&
                in_range(vmcb->rip, hostile_options.rip) &&
                !in_range(vmcb->rip, hostile_options.avoid);
    if (free && vmcb->exit_code != SEVC_EXIT_DB)
        consider(&m);
    /* Not while an access is repeated: it would never succeed. */
    if (active(HOSTILE_AT_ACCESS) && !hostile_options.by_guest && schedule_is_open() &&
        vmcb->exit_code != SEVC_EXIT_NPF)
        hostile_withhold_some(v);
    if (!active(HOSTILE_AT_STEP))
        return;
    m.kind = HOSTILE_AT_STEP;
    if (free)
        consider(&m);
    /* From here on until the exit the guest is stepped by its own trap flag. */
    vmcb->intercept_exceptions |= 1u << VECTOR_DB;
    saved_dr6[v->index] = vmcb->dr6;
    if (is_stepped())
        vmcb->rflags |= RFLAGS_TF;
}

/*
 * The guests that are stepped have no use for TF themselves: it is ours, wherever it shows up. But
 * for the step over an IRET, which is the NMIs': it goes on until it is done (nmi.h).
 */
bool hostile_after_run(struct vcpu *v)
{
    if (hostile_options.count == 0 || !active(HOSTILE_AT_STEP))
        return false;
    bool stepped = v->vmcb->exit_code == SEVC_EXIT_DB;
    if (stepped || !v->nmi.stepping)
        v->vmcb->rflags &= ~(uint64_t)RFLAGS_TF;
    if (!stepped)
        return false;
    v->vmcb->dr6 = saved_dr6[v->index];
    if (v->nmi.stepping)
        nmi_stepped(v);
    return true;
}

bool hostile_private_fault(struct vcpu *v, bool given_back)
{
    struct hostile_moment m = { .kind = HOSTILE_AT_ACCESS, .v = v };
    uint64_t before = lies_told();

    /* An exception or interrupt that pushes its frame is no instruction, and must not be lost. */
    if (hostile_options.count == 0 || (hostile_options.by_guest && !given_back) ||
        (v->vmcb->exit_int_info & SEVC_EVENTINJ_VALID) != 0)
        return false;
    consider(&m);
    return lies_told() != before;
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

    for (unsigned i = 0; i < hostile_options.count; i++) {
        const struct hostile_active *mode = &hostile_options.modes[i];
        line("hostile mode=%s lies=%llu opportunities=%llu seed=%llu", mode->name,
             (unsigned long long)mode->lies, (unsigned long long)mode->opportunities,
             (unsigned long long)hostile_options.seed);
        if (mode->lies == 0)
            silent = mode->name;
    }
    return silent;
}
