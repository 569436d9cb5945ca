/* SPDX-License-Identifier: MIT */
/*
 * Put before every file of Zydis (-include): what it takes from the C library, from the compiler.
 * Zydis's own fallback (ZYAN_NO_LIBC alone) clears its state byte by byte, which costs several
 * times the decoding itself: docs/decoder.md.
 */
#ifndef SEVC_ZYDIS_CONFIG_H
#define SEVC_ZYDIS_CONFIG_H

#define ZYAN_NO_LIBC     /* no <assert.h>, no <stdlib.h>: integer types from the compiler */
#define ZYAN_CUSTOM_LIBC /* and not the byte-wise fallbacks either */

#ifndef __ASSEMBLER__
/* At once, whatever a compiler makes of its builtin: a call would be the deepest on the stack. */
static inline __attribute__((always_inline)) void sevc_zydis_memset(void *to, int value,
                                                                    unsigned long bytes)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
}

#endif

#define ZYAN_MEMSET sevc_zydis_memset
#define ZYAN_MEMCPY __builtin_memcpy

/* A program that links the library may have a Zydis of its own. */
#define FILTERS_ADDRESS_SIZE             sevc_FILTERS_ADDRESS_SIZE
#define FILTERS_EMVEX                    sevc_FILTERS_EMVEX
#define FILTERS_EVEX_B                   sevc_FILTERS_EVEX_B
#define FILTERS_MANDATORY_PREFIX         sevc_FILTERS_MANDATORY_PREFIX
#define FILTERS_MODE                     sevc_FILTERS_MODE
#define FILTERS_MODE_AMD                 sevc_FILTERS_MODE_AMD
#define FILTERS_MODE_CENTAUR             sevc_FILTERS_MODE_CENTAUR
#define FILTERS_MODE_CET                 sevc_FILTERS_MODE_CET
#define FILTERS_MODE_CLDEMOTE            sevc_FILTERS_MODE_CLDEMOTE
#define FILTERS_MODE_COMPACT             sevc_FILTERS_MODE_COMPACT
#define FILTERS_MODE_KNC                 sevc_FILTERS_MODE_KNC
#define FILTERS_MODE_LZCNT               sevc_FILTERS_MODE_LZCNT
#define FILTERS_MODE_MPX                 sevc_FILTERS_MODE_MPX
#define FILTERS_MODE_TZCNT               sevc_FILTERS_MODE_TZCNT
#define FILTERS_MODE_WBNOINVD            sevc_FILTERS_MODE_WBNOINVD
#define FILTERS_MODRM_MOD                sevc_FILTERS_MODRM_MOD
#define FILTERS_MODRM_MOD_COMPACT        sevc_FILTERS_MODRM_MOD_COMPACT
#define FILTERS_MODRM_REG                sevc_FILTERS_MODRM_REG
#define FILTERS_MODRM_RM                 sevc_FILTERS_MODRM_RM
#define FILTERS_MVEX_E                   sevc_FILTERS_MVEX_E
#define FILTERS_OPCODE                   sevc_FILTERS_OPCODE
#define FILTERS_OPERAND_SIZE             sevc_FILTERS_OPERAND_SIZE
#define FILTERS_PREFIX_GROUP1            sevc_FILTERS_PREFIX_GROUP1
#define FILTERS_REX_B                    sevc_FILTERS_REX_B
#define FILTERS_REX_W                    sevc_FILTERS_REX_W
#define FILTERS_VECTOR_LENGTH            sevc_FILTERS_VECTOR_LENGTH
#define FILTERS_VEX                      sevc_FILTERS_VEX
#define FILTERS_XOP                      sevc_FILTERS_XOP
#define ISTR_DEFINITIONS_3DNOW           sevc_ISTR_DEFINITIONS_3DNOW
#define ISTR_DEFINITIONS_EVEX            sevc_ISTR_DEFINITIONS_EVEX
#define ISTR_DEFINITIONS_LEGACY          sevc_ISTR_DEFINITIONS_LEGACY
#define ISTR_DEFINITIONS_MVEX            sevc_ISTR_DEFINITIONS_MVEX
#define ISTR_DEFINITIONS_VEX             sevc_ISTR_DEFINITIONS_VEX
#define ISTR_DEFINITIONS_XOP             sevc_ISTR_DEFINITIONS_XOP
#define zydis_decoder_tree_root          sevc_zydis_decoder_tree_root
#define ZydisDecoderDecodeFull           sevc_ZydisDecoderDecodeFull
#define ZydisDecoderDecodeInstruction    sevc_ZydisDecoderDecodeInstruction
#define ZydisDecoderDecodeOperands       sevc_ZydisDecoderDecodeOperands
#define ZydisDecoderEnableMode           sevc_ZydisDecoderEnableMode
#define ZydisDecoderInit                 sevc_ZydisDecoderInit
#define ZydisDecoderTreeGetChildNode     sevc_ZydisDecoderTreeGetChildNode
#define ZydisGetAccessedFlags            sevc_ZydisGetAccessedFlags
#define ZydisGetElementInfo              sevc_ZydisGetElementInfo
#define ZydisGetInstructionDefinition    sevc_ZydisGetInstructionDefinition
#define ZydisGetInstructionEncodingInfo  sevc_ZydisGetInstructionEncodingInfo
#define ZydisGetOperandDefinitions       sevc_ZydisGetOperandDefinitions
#define ZydisRegisterClassGetWidth       sevc_ZydisRegisterClassGetWidth
#define ZydisRegisterEncode              sevc_ZydisRegisterEncode
#define ZydisRegisterGetClass            sevc_ZydisRegisterGetClass
#define ZydisRegisterGetId               sevc_ZydisRegisterGetId
#define ZydisRegisterGetLargestEnclosing sevc_ZydisRegisterGetLargestEnclosing
#define ZydisRegisterGetString           sevc_ZydisRegisterGetString
#define ZydisRegisterGetStringWrapped    sevc_ZydisRegisterGetStringWrapped
#define ZydisRegisterGetWidth            sevc_ZydisRegisterGetWidth

/* Declarations too, not only definitions: else references to tables go through a GOT. */
#pragma GCC visibility push(hidden)

#endif
