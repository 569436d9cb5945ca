/* SPDX-License-Identifier: MIT */
/* sevc-trace show: exceptions as text. */
#include <inttypes.h>

#include <sevc/ghcb_abi.h>

#include "tool.h"

struct state {
    const struct options *options;
    FILE *out;
    uint64_t shown;
};

static void print_insn(FILE *out, const struct collected *exception)
{
    const uint8_t *bytes;
    unsigned known = collected_insn(exception, &bytes);
    char text[96];

    disassemble(bytes, known, exception->vc.vc.code_bits, exception->vc.vc.frame.rip, text,
                sizeof(text));
    fprintf(out, "%s", text[0] != '\0' ? text : "?");
}

static const char *result_of(const struct collected *exception)
{
    if (!exception->has_result) {
        return "no result";
    }
    return (exception->result.flags & SEVC_TRACE_HAS_REPORT) != 0
               ? trace_result_name(exception->result.result.result)
               : "returned";
}

static void print_line(const struct state *state, const struct collected *exception)
{
    const struct trace_record *vc = &exception->vc;

    fprintf(state->out,
            "cpu=%u n=%u time=%" PRIu64 " exit=0x%" PRIx64 " %s rip=0x%" PRIx64 " vmgexits=%u %s: ",
            vc->cpu, vc->number, vc->time, vc->vc.error_code, exit_name(vc->vc.error_code),
            vc->vc.frame.rip, exception->vmgexits, result_of(exception));
    print_insn(state->out, exception);
    fputc('\n', state->out);
}

static void print_frame(FILE *out, const struct trace_frame *frame)
{
    static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "",    "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };

    fprintf(out,
            "    rip=0x%" PRIx64 " cs=0x%" PRIx64 " rflags=0x%" PRIx64 " rsp=0x%" PRIx64
            " ss=0x%" PRIx64 "\n   ",
            frame->rip, frame->cs, frame->rflags, frame->rsp, frame->ss);
    for (unsigned i = 0; i < 16; i++) {
        if (i != 4) {
            fprintf(out, " %s=0x%" PRIx64 "%s", names[i], frame->gpr[i], i == 8 ? "\n   " : "");
        }
    }
    fputc('\n', out);
}

static void print_page(FILE *out, const struct trace_page *page)
{
    uint8_t bytes[TRACE_GHCB_BYTES];

    trace_page_expand(page, bytes);
    fprintf(out, " gpa=0x%" PRIx64, page->gpa);
    for (unsigned at = 0; at < TRACE_GHCB_BYTES; at += 8) {
        uint64_t value = ghcb_quadword(bytes, at);

        if (value != 0 && at < SEVC_GHCB_OFF_SHARED_BUFFER) {
            fprintf(out, " %s=0x%" PRIx64, ghcb_field_name(at), value);
        } else if (value != 0) {
            fprintf(out, " +0x%x=0x%" PRIx64, at, value);
        }
    }
}

static void print_memory(FILE *out, const struct trace_record *record)
{
    static const char *const names[] = { "read", "write", "fetch", "probe-read", "probe-write" };
    const struct trace_memory *memory = &record->memory;

    fprintf(out, " %s va=0x%" PRIx64 " bytes=%u done=%u",
            memory->access < 5 ? names[memory->access] : "?", memory->va, memory->bytes,
            memory->done);
    if ((record->flags & SEVC_TRACE_MEM_FAULTED) != 0) {
        fprintf(out, " fault=%u code=0x%x cr2=0x%" PRIx64, memory->vector, memory->error_code,
                memory->cr2);
    }
    for (unsigned i = 0; i < memory->data_bytes && i < 32; i++) {
        fprintf(out, "%s%02x", i == 0 ? " data=" : "", memory->data[i]);
    }
    if (memory->data_bytes > 32) {
        fputs("...", out);
    }
}

static void print_event(FILE *out, const struct trace_record *record)
{
    fprintf(out, "  %s", trace_type_name(record->type));
    switch (record->type) {
    case SEVC_TRACE_TYPE_PAGE_SENT:
    case SEVC_TRACE_TYPE_PAGE_RETURNED:
        print_page(out, &record->page);
        break;
    case SEVC_TRACE_TYPE_MSR_SENT:
    case SEVC_TRACE_TYPE_MSR_RETURNED:
        fprintf(out, " 0x%" PRIx64 " %s", record->msr, msr_request_name(record->msr));
        break;
    case SEVC_TRACE_TYPE_MEMORY:
        print_memory(out, record);
        break;
    case SEVC_TRACE_TYPE_TRANSLATION:
        fprintf(out, " va=0x%" PRIx64 " gpa=0x%" PRIx64 " flags=0x%x", record->map.va,
                record->map.gpa, record->flags);
        break;
    default:
        break;
    }
    fputc('\n', out);
}

static void print_full(const struct state *state, const struct collected *exception)
{
    const struct trace_exception *vc = &exception->vc.vc;
    const struct trace_result *result = &exception->result.result;

    print_line(state, exception);
    print_frame(state->out, &vc->frame);
    fprintf(state->out,
            "    cr3=0x%" PRIx64 " cr4=0x%" PRIx64 " xcr0=0x%" PRIx64 " xss=0x%" PRIx64
            " fs=0x%" PRIx64 " gs=0x%" PRIx64 " bits=%u known=0x%x\n",
            vc->cr3, vc->cr4, vc->xcr0, vc->xss, vc->fs_base, vc->gs_base, vc->code_bits,
            exception->vc.flags);
    for (unsigned i = 0; i < exception->count; i++) {
        print_event(state->out, &exception->events[i]);
    }
    if (!exception->has_result) {
        return;
    }
    fprintf(state->out, "  RESULT");
    if ((exception->result.flags & SEVC_TRACE_HAS_REPORT) != 0) {
        fprintf(state->out, " %s stage=%s reason=%s vmgexits=%u", trace_result_name(result->result),
                result->stage, result->reason, result->vmgexits);
    }
    fputc('\n', state->out);
    print_frame(state->out, &result->frame);
}

static void show(struct collected *exception, void *argument)
{
    struct state *state = argument;

    if (!matches(state->options, exception) ||
        (state->options->count != 0 && state->shown >= state->options->count)) {
        return;
    }
    state->shown++;
    if (state->options->full) {
        print_full(state, exception);
    } else {
        print_line(state, exception);
    }
}

/* Explicit requests, too, unless exceptions of some kind only are asked for. */
static bool show_loose(const struct trace_record *record, void *argument)
{
    struct state *state = argument;
    const struct options *options = state->options;

    if (!options->by_exit && !options->by_rip && !options->by_result && options->count == 0 &&
        (!options->by_cpu || options->cpu == record->cpu) && record->type != SEVC_TRACE_TYPE_INFO) {
        fprintf(state->out, "cpu=%u n=%u time=%" PRIu64 " explicit:", record->cpu, record->number,
                record->time);
        print_event(state->out, record);
    }
    return true;
}

int command_show(const struct options *options)
{
    struct state state = { options, open_output(options), 0 };
    int status;

    if (state.out == NULL) {
        return TOOL_FAILED;
    }
    status = for_each_exception(options, options->files[0], show, show_loose, &state);
    return close_output(options, state.out, status);
}
