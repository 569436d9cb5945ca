/* SPDX-License-Identifier: MIT */
/* Addresses as names (elfutils' libdw) and bytes as instructions (Zydis). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <Zydis/Zydis.h>
#include <elfutils/libdwfl.h>

#include "tool.h"

struct symbols {
    Dwfl *dwfl;
};

struct symbols *symbols_open(const struct options *options)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    struct symbols *symbols;

    if (options->elf == NULL) {
        return NULL;
    }
    symbols = calloc(1, sizeof(*symbols));
    if (symbols == NULL) {
        complain(options, "no memory");
        return NULL;
    }
    symbols->dwfl = dwfl_begin(&callbacks);
    /* Where the file itself says that it lies: a kernel does not move. */
    if (symbols->dwfl == NULL ||
        dwfl_report_elf(symbols->dwfl, "", options->elf, -1, 0, true) == NULL ||
        dwfl_report_end(symbols->dwfl, NULL, NULL) != 0) {
        complain(options, "%s: %s", options->elf, dwfl_errmsg(-1));
        symbols_close(symbols);
        return NULL;
    }
    return symbols;
}

void symbols_close(struct symbols *symbols)
{
    if (symbols != NULL) {
        dwfl_end(symbols->dwfl);
        free(symbols);
    }
}

void symbol_at(const struct symbols *symbols, uint64_t address, char *to, size_t size)
{
    Dwfl_Module *module = symbols == NULL ? NULL : dwfl_addrmodule(symbols->dwfl, address);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name;

    to[0] = '\0';
    if (module == NULL) {
        return;
    }
    name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (name != NULL) {
        snprintf(to, size, "%s+0x%llx", name, (unsigned long long)offset);
    }
}

void disassemble(const uint8_t *bytes, unsigned count, unsigned code_bits, uint64_t rip, char *to,
                 size_t size)
{
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction insn;
    ZydisFormatter formatter;
    ZydisDecoder decoder;
    ZydisMachineMode mode = code_bits == 32   ? ZYDIS_MACHINE_MODE_LEGACY_32
                            : code_bits == 16 ? ZYDIS_MACHINE_MODE_LEGACY_16
                                              : ZYDIS_MACHINE_MODE_LONG_64;
    ZydisStackWidth width = code_bits == 32   ? ZYDIS_STACK_WIDTH_32
                            : code_bits == 16 ? ZYDIS_STACK_WIDTH_16
                                              : ZYDIS_STACK_WIDTH_64;

    to[0] = '\0';
    if (count == 0 || ZYAN_FAILED(ZydisDecoderInit(&decoder, mode, width)) ||
        ZYAN_FAILED(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) ||
        ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, bytes, count, &insn, operands)) ||
        ZYAN_FAILED(ZydisFormatterFormatInstruction(
            &formatter, &insn, operands, insn.operand_count_visible, to, size, rip, NULL))) {
        to[0] = '\0';
    }
}
