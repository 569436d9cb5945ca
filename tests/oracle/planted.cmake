# SPDX-License-Identifier: MIT
#
# The library with one bug each: most are bugs that other #VC handlers have, or had (spec/peers.md,
# T26 to T62). oracle.planted.NAME passes if the oracle finds it in the instruction named.
#
#   oracle_plant(NAME FILE GROUP MNEMONIC FROM TO)

set(ORACLE_PLANTED_CASES 30000)

function(oracle_plant name file group mnemonic from to)
  set(original "${source_dir}/${file}")
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/planted_${name}.c")
  set(program oracle_planted_${name})
  get_filename_component(original_dir "${original}" DIRECTORY)
  add_custom_command(OUTPUT "${copy}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${original}" "-DOUTPUT=${copy}" "-DFROM=${from}" "-DTO=${to}"
            -P "${CMAKE_CURRENT_SOURCE_DIR}/plant.cmake"
    DEPENDS "${original}" plant.cmake planted.cmake VERBATIM)
  oracle_program(${program} "${copy}")
  target_include_directories(${program} PRIVATE "${original_dir}")
  target_link_libraries(${program} PRIVATE oracle_flags sevc_zydis_api)
  oracle_test(planted.${name} ${program}
    --group ${group} --cases ${ORACLE_PLANTED_CASES} --planted ${mnemonic})
endfunction()

# T30: EDK2 and Linux keep RAX[63:32] after movzx eax, byte [m].
oracle_plant(movzx_keeps_upper_half vc/set.c basic MOVZX "bytes >= 4 ?" "bytes > 4 ?")

# T31: Linux stores the immediate of REX.W C7 without its sign.
oracle_plant(immediate_without_sign decode/decode.c basic MOV
  "(uint64_t)sevc_signed_at(code, at, immediate)"
  "(uint64_t)sevc_signed_at(code, at, immediate) & 0xFFFFFFFFu")

# T47: EDK2 counts from the start of the instruction.
oracle_plant(rip_relative_from_start decode/address.c basic MOV
  "trap->rip + insn->length" "trap->rip")

# T47: EDK2 does not cut the address of 67 forms.
oracle_plant(address_size_ignored decode/address.c basic MOV
  "offset & ~0ull >> (64 - 8 * bytes)" "offset")

# T47: EDK2 ignores the bases of FS and GS.
oracle_plant(fs_base_ignored decode/address.c basic MOV
  "segment != SEVC_FS && segment != SEVC_GS" "segment != SEVC_GS")

# T47: REX.B has no say where there is no base.
oracle_plant(baseless_sib_takes_rex_b decode/operand.c basic MOV
  "base == (word ? 6 : 5);" "base == (word ? 6 : 5) && !(sib && (prefixes->rex & SEVC_REX_B));")

# T47: R12 is an index, RSP is none.
oracle_plant(r12_no_index decode/operand.c basic MOV "if (index != 4)" "if ((index & 7) != 4)")

# T47: an SVSM once took the scale for a shift count.
oracle_plant(scale_as_shift_count decode/operand.c basic MOV
  "1u << (sib >> 6)" "1u << (1u << (sib >> 6))")

# T59: negative displacements.
oracle_plant(displacement_without_sign decode/operand.c basic MOV
  "sevc_signed_at(code, at, displacement)"
  "(int64_t)((uint64_t)sevc_signed_at(code, at, displacement) & (displacement == 1 ? 0xFF : displacement == 4 ? 0xFFFFFFFF : ~0ull))")

# T32: EDK2 and Linux write AH elsewhere.
oracle_plant(ah_taken_for_al decode/decode.c basic MOV
  "insn->high_byte = insn->register_bytes == 1" "insn->high_byte = insn->register_bytes == 3")

oracle_plant(movsx_without_sign vc/mmio.c basic MOVSX "insn->sign_extend)" "false)")

# A null segment override behind 64 or 65 does not undo it.
oracle_plant(null_segment_counts decode/prefixes.c basic MOV
  "bool ignored = (prefixes->seen & SEVC_MODE_64) &&"
  "bool ignored = !(prefixes->seen & SEVC_MODE_64) &&")

# The RIP rule: planted where it is called.
oracle_plant(rf_stays_set vc/general.c basic MOV "sevc_vc_advance(vc)"
  "(sevc_vc_advance(vc) == SEVC_OK ? (vc->trap->rflags |= SEVC_RFLAGS_RF, SEVC_OK) : SEVC_OK_TRAP)")

oracle_plant(tf_ignored vc/general.c basic MOV "sevc_vc_advance(vc)"
  "(sevc_vc_advance(vc), SEVC_OK)")

# The straight way has a decoder of its own for the commonest forms.
oracle_plant(hot_scale_as_shift_count vc/hot_mmio.c basic MOV
  "trap->gpr[index] << (sib >> 6)" "trap->gpr[index] << (1u << (sib >> 6))")

oracle_plant(hot_displacement_without_sign vc/hot_mmio.c basic MOV "(int8_t)at[2]" "at[2]")

oracle_plant(hot_movzx_keeps_upper_half vc/hot_mmio.c basic MOVZX
  "*reg = value;" "*(uint32_t *)reg = (uint32_t)value;")

# ---- extended instructions, as soon as the decoder knows them ----

file(STRINGS "${source_dir}/decode/opcodes.c" extended_known REGEX "ALU")
if(NOT extended_known)
  return()
endif()

oracle_plant(bit_offset_without_sign vc/mmio.c extended BT
  "sign_extend(bit, insn->data_bytes) & -bits"
  "(int64_t)(bit & (~0ull >> (64 - bits))) & -bits")

oracle_plant(adc_without_carry vc/alu.c extended ADC
  "{ SUM, SOURCE, CARRY, ALL }" "{ SUM, SOURCE, 0, ALL }")

oracle_plant(inc_changes_carry vc/alu.c extended INC
  "{ SUM, ONE, 0, ALL & ~CF }" "{ SUM, ONE, 0, ALL }")

oracle_plant(cmp_writes_back vc/mmio.c extended CMP
  "return insn->operation == SEVC_ALU_CMP || " "return ")

oracle_plant(movbe_swaps_eight_bytes vc/mmio.c extended MOVBE
  "__builtin_bswap64(value) >> (64 - 8 * bytes)" "__builtin_bswap64(value)")

# T24: EDK2 and others ignore DF.
oracle_plant(df_ignored vc/rep.c extended MOVS
  "if (sevc_rep_goes_down(vc))" "if (false)")

# T26: REP with a count of 0 does one element.
oracle_plant(rep_zero_runs_once vc/mmio_string.c extended STOS
  "if (left == 0) {" "if (left == ~0ull) {")

# T28: with 67 the registers are EDI and ECX, and what is written back is zero-extended.
oracle_plant(string_registers_of_67 vc/rep.c extended STOS
  "*reg + distance, vc->insn.address_bytes" "*reg + distance, 8")

oracle_plant(repne_taken_for_repe vc/mmio_string.c extended SCAS
  "equal == vc->insn.repne" "!equal")
