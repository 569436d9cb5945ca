# SPDX-License-Identifier: MIT
# The emulated host's GHCB server on the host: the monitor's own source, a fake device, sanitizers.
set(SEVC_GHCB_SERVER_DIR ${CMAKE_CURRENT_LIST_DIR}/../../emulator)
add_executable(test_ghcb_server
  ${CMAKE_CURRENT_LIST_DIR}/test_ghcb_server.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_data.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_events.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_judge.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_msr.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_rules.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_serve.c
  ${SEVC_GHCB_SERVER_DIR}/ghcb_server.c)
target_include_directories(test_ghcb_server PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../include)
target_compile_definitions(test_ghcb_server PRIVATE
  SEVC_SOURCE_DIR="${CMAKE_CURRENT_LIST_DIR}/../..")
# -iquote: the monitor has a string.h of its own, which must not hide the C library's.
target_compile_options(test_ghcb_server PRIVATE "SHELL:-iquote ${SEVC_GHCB_SERVER_DIR}"
  -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
target_link_options(test_ghcb_server PRIVATE -fsanitize=address,undefined)
target_link_libraries(test_ghcb_server PRIVATE cmocka sevc_warnings)
add_test(NAME unit.ghcb_server COMMAND test_ghcb_server)
