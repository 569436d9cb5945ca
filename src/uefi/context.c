/* SPDX-License-Identifier: MIT */
/* EFI_SYSTEM_CONTEXT_X64 to struct sevc_trap and back. */
#include <stddef.h>

#include <sevc/trap.h>
#include <sevc/uefi.h>
#include <sevc/vc.h>

/* UEFI spec 2.10, 18.2.4: the first field is 64 bits long, FXSAVE's image follows. */
#define ASSERT_AT(field, offset)                                                                   \
    _Static_assert(offsetof(struct sevc_uefi_context, field) == (offset), #field)
ASSERT_AT(fx_save_state, 8);
ASSERT_AT(dr0, 520);
ASSERT_AT(cr0, 568);
ASSERT_AT(rflags, 616);
ASSERT_AT(gdtr, 640);
ASSERT_AT(rip, 672);
ASSERT_AT(cs, 712);
ASSERT_AT(rdi, 728);
ASSERT_AT(rax, 784);
ASSERT_AT(r15, 848);

#define AT(field) (uint16_t) offsetof(struct sevc_uefi_context, field)

/* Where the context has a general register, in the order of enum sevc_gpr. */
static const uint16_t gpr_at[16] = {
    AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
    AT(r8),  AT(r9),  AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
};

static uint64_t *gpr_of(struct sevc_uefi_context *context, unsigned number)
{
    return (uint64_t *)(void *)((uint8_t *)context + gpr_at[number]);
}

enum sevc_result sevc_uefi_handle_context(struct sevc_cpu *cpu, struct sevc_uefi_context *context,
                                          struct sevc_report *report)
{
    struct sevc_trap trap = {
        .error_code = context->exception_data,
        .rip = context->rip,
        .cs = context->cs,
        .rflags = context->rflags,
        .ss = context->ss,
    };
    enum sevc_result result;

    for (unsigned i = 0; i < 16; i++) {
        *sevc_trap_gpr(&trap, i) = *gpr_of(context, i);
    }
    result = sevc_handle_vc(cpu, &trap, report);
    for (unsigned i = 0; i < 16; i++) {
        *gpr_of(context, i) = *sevc_trap_gpr(&trap, i);
    }
    context->rip = trap.rip;
    context->rflags = trap.rflags;
    return result;
}
