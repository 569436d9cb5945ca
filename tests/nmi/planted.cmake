# SPDX-License-Identifier: MIT
#
# The library without one of the things that make NMIs survivable: the tests must notice.
#
#   nmi_plant(NAME FILE FROM TO)       tests/oracle/plant.cmake's: sets planted_NAME to the copy
#   planted_host(NAME CASE FILE...)    the host test of FILEs must fail, in CASE
#   planted_storm(NAME REGEX COPY...)  the example kernel in a storm: complaints that match

function(nmi_plant name file from to)
  set(original "${PROJECT_SOURCE_DIR}/src/${file}")
  get_filename_component(extension "${file}" EXT)
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/planted_${name}${extension}")
  set(plant "${CMAKE_CURRENT_SOURCE_DIR}/../oracle/plant.cmake")
  add_custom_command(OUTPUT "${copy}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${original}" "-DOUTPUT=${copy}" "-DFROM=${from}" "-DTO=${to}"
            -P "${plant}"
    DEPENDS "${original}" "${plant}" planted.cmake VERBATIM)
  set(planted_${name} "${copy}" PARENT_SCOPE)
endfunction()

# What a nested session finds in the page is lost to the one that it has interrupted.
nmi_plant(no_backup ghcb/session.c
  "sevc_arch_copy(session->cpu->backup, session->cpu->ghcb.va, SEVC_PAGE_QWORDS);" "")
# A #VC inside a #VC gets the frame of the outer one, but for NMIs: they look at the slot themselves.
nmi_plant(no_level idt/entry.S "#include \"stub.inc\"" "#include \"no_level.inc\"")
# The same for NMIs, where they have interrupted the window of the entry code.
nmi_plant(no_shift idt/nmi.c "*(volatile uint64_t *)nmi->slot = slot;" "(void)slot;")
nmi_plant(no_complete idt/nmi_dispatch.c
  "(void)sevc_nmi_complete(stack->head.cpu, &report)" "report = (struct sevc_report){ 0 }")

# The files precede the library, whose members they replace.
function(planted_host name case)
  set(program test_planted_${name})
  add_executable(${program} ${planted_${name}} ${ARGN})
  target_include_directories(${program} PRIVATE . ../vc
    ${PROJECT_SOURCE_DIR}/src/ghcb ${PROJECT_SOURCE_DIR}/src/idt)
  add_test(NAME nmi.planted.${name} COMMAND ${program})
  set_tests_properties(nmi.planted.${name} PROPERTIES LABELS host TIMEOUT 600
    PASS_REGULAR_EXPRESSION "FAILED *] ${case}")
endfunction()

planted_host(no_backup complete_inside_another_session_puts_all_back test_nmi.c)
target_link_libraries(test_planted_no_backup PRIVATE sevc_warnings sevc_scripted_host)

planted_host(no_level the_ist_slot_is_lowered_meanwhile_and_put_back
  ../vc/test_entry.c ../vc/enter.S ../../src/idt/plain.S ../../src/idt/early.S)
target_link_libraries(test_planted_no_level PRIVATE sevc_warnings sevc_scripted_host)

set(stubs test_entry.c code.S ../vc/enter.S ../../src/idt/nmi.S ../../src/idt/stack.c
  ../../src/idt/default_user_rsp.c)
set(nmi ../../src/idt/nmi.c)
set(dispatch ../../src/idt/nmi_dispatch.c)
set(entry ../../src/idt/entry.S)
planted_host(no_shift an_nmi_before_any_instruction_of_a_vc_may_raise_one_itself
  ${stubs} ${dispatch} ${entry})
planted_host(no_complete a_second_nmi_may_follow_at_every_instruction
  ${stubs} ${nmi} ${entry})
foreach(name no_shift no_complete)
  target_include_directories(test_planted_${name} PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(test_planted_${name} PRIVATE sevc_warnings cmocka)
endforeach()

if(NOT TARGET example_kernel OR NOT TARGET sevc-monitor)
  return()
endif()

# By instructions, not by the clock: what a kernel does whose frames are overwritten is then the same
# each time, and ends; otherwise it may also go round in circles for ever.
function(planted_storm name regex)
  add_kernel(storm_${name} FILES ${PROJECT_SOURCE_DIR}/examples/kernel/main.c ${ARGN})
  target_include_directories(storm_${name} PRIVATE . ${PROJECT_SOURCE_DIR}/src
    ${PROJECT_SOURCE_DIR}/src/ghcb ${PROJECT_SOURCE_DIR}/src/idt)
  add_test(NAME guest.storm.${name} COMMAND ${Python3_EXECUTABLE} -B
    ${CMAKE_CURRENT_SOURCE_DIR}/storm.py ${PROJECT_BINARY_DIR} 1 1 rounds=5
    kernel=$<TARGET_FILE:storm_${name}> "broken=${regex}"
    --nmi-storm 500 --nmi-storm immediate --irq-storm 500 --icount 2)
  set_tests_properties(guest.storm.${name} PROPERTIES LABELS guest TIMEOUT 300)
endfunction()

# Refused by its own panic, ended by itself, or by the judge; not out of time.
set(caught "ended with 1[0-3]")
planted_storm(no_backup "${caught}" ${planted_no_backup})
planted_storm(no_ist "${caught}" ${planted_no_level} ${planted_no_shift})
planted_storm(no_complete "NMI_COMPLETE is missing on processor 0[^$]*all NMIs arrive" ${planted_no_complete})
