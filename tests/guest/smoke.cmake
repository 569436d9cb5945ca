# SPDX-License-Identifier: MIT
# The emulated platform's own guests (smoke.h), linked low and high, and what each must end with.
if(NOT SEVC_BUILD_EMULATOR)
  return()
endif()
set(smoke_dir ${CMAKE_CURRENT_LIST_DIR})

function(smoke_kernel target)
  cmake_parse_arguments(K "" "" "FILES;DEFINE;OPTIONS;LINK" ${ARGN})
  list(TRANSFORM K_FILES PREPEND ${smoke_dir}/)
  add_executable(${target} ${K_FILES})
  target_link_libraries(${target} PRIVATE sevc_warnings sevc_freestanding)
  target_compile_definitions(${target} PRIVATE ${K_DEFINE})
  target_compile_options(${target} PRIVATE -fno-pic -fno-pie ${K_OPTIONS})
  target_link_options(${target} PRIVATE -nostdlib -static -Wl,-T,${smoke_dir}/smoke.ld
    -Wl,-z,noexecstack -Wl,--build-id=none ${K_LINK})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${target}.elf
    LINK_DEPENDS ${smoke_dir}/smoke.ld)
endfunction()

set(smoke_files smoke.c smoke_good.c smoke_memory.c smoke_die.c smoke_hostile.c smoke_nmi.c smoke_entry.S)
smoke_kernel(smoke FILES ${smoke_files} smoke_mode32.S)
smoke_kernel(smoke-high FILES ${smoke_files}
  DEFINE SMOKE_HIGH OPTIONS -mcmodel=kernel LINK -Wl,-defsym=offset=0xFFFFFFFF80000000)

add_test(NAME guest.platform COMMAND ${smoke_dir}/smoke_test.py
  $<TARGET_FILE_DIR:sevc-monitor>/sevc-monitor.rom $<TARGET_FILE:smoke> $<TARGET_FILE:smoke-high>)
set_tests_properties(guest.platform PROPERTIES LABELS guest TIMEOUT 600)
