# SPDX-License-Identifier: MIT
#
# Zydis, cut down to what src/decode needs, from source: docs/decoder.md says why.
#
#   sevc_zydis        objects for the library: freestanding, position independent
#   sevc_zydis_host   the same files with the host's flags, for tests and sanitizers
#   sevc_zydis_api    what a file that includes <Zydis/Decoder.h> needs (that is decode/zydis.c only)
#
# SEVC_ZYDIS_SOURCE_DIR: a checkout of zydis 4.0 or 4.1. Default: what scripts/zydis-source fetched.
# SEVC_ZYCORE_INCLUDE_DIR: the folder that contains Zycore/. Default: the checkout's submodule, or
# Debian's libzycore-dev.

include_guard(GLOBAL)

set(SEVC_ZYDIS_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}/../../build/zydis" CACHE PATH
    "Source of zydis 4.0 or 4.1")
get_filename_component(SEVC_ZYDIS_DIR "${SEVC_ZYDIS_SOURCE_DIR}" ABSOLUTE BASE_DIR "${CMAKE_BINARY_DIR}")

if(NOT EXISTS "${SEVC_ZYDIS_DIR}/src/Decoder.c")
  message(FATAL_ERROR "No Zydis source in ${SEVC_ZYDIS_DIR}\n"
    "Run scripts/zydis-source (Debian 12: fetches it with apt), or pass "
    "-DSEVC_ZYDIS_SOURCE_DIR=DIR with a checkout of zydis v4.0.0 or v4.1.1 and its submodule.")
endif()

find_path(SEVC_ZYCORE_INCLUDE_DIR Zycore/Types.h
  PATHS "${SEVC_ZYDIS_DIR}/dependencies/zycore/include" /usr/include NO_DEFAULT_PATH
  DOC "The folder that contains Zycore/")
if(NOT SEVC_ZYCORE_INCLUDE_DIR)
  message(FATAL_ERROR "No Zycore headers\n"
    "Install libzycore-dev, or run 'git submodule update --init' in ${SEVC_ZYDIS_DIR}, or pass "
    "-DSEVC_ZYCORE_INCLUDE_DIR=DIR, the folder that contains Zycore/.")
endif()

# Only the Zycore folder: /usr/include itself has no place on the search path of a kernel build.
set(SEVC_ZYCORE_LINK_DIR "${CMAKE_BINARY_DIR}/zycore-include")
file(MAKE_DIRECTORY "${SEVC_ZYCORE_LINK_DIR}")
file(CREATE_LINK "${SEVC_ZYCORE_INCLUDE_DIR}/Zycore" "${SEVC_ZYCORE_LINK_DIR}/Zycore" SYMBOLIC)

# Register.c is not among them: minimal mode has no operands, and its table of names would be 266
# absolute relocations.
set(SEVC_ZYDIS_FILES
  "${SEVC_ZYDIS_DIR}/src/Decoder.c"
  "${SEVC_ZYDIS_DIR}/src/DecoderData.c"
  "${SEVC_ZYDIS_DIR}/src/SharedData.c")

# The tables behind EVEX and MVEX are never read: two thirds of all (zydis_tables.py). Without Python,
# or with a Zydis whose tables have another form, they stay.
set(SEVC_ZYDIS_INCLUDE_DIRS "${SEVC_ZYDIS_DIR}/src") # for whoever compiles SEVC_ZYDIS_FILES
find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_FOUND)
  set(tables "Generated/DecoderTables.inc")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_LIST_DIR}/zydis_tables.py")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/zydis-tables/Generated")
  execute_process(RESULT_VARIABLE result ERROR_VARIABLE complaint
    COMMAND "${Python3_EXECUTABLE}" -B "${CMAKE_CURRENT_LIST_DIR}/zydis_tables.py"
    "${SEVC_ZYDIS_DIR}/src/${tables}" "${CMAKE_BINARY_DIR}/zydis-tables/${tables}")
  if(result EQUAL 0)
    list(PREPEND SEVC_ZYDIS_INCLUDE_DIRS "${CMAKE_BINARY_DIR}/zydis-tables")
  else()
    message(STATUS "Zydis's tables are used whole, 50 KB more: ${complaint}")
  endif()
else()
  message(STATUS "No Python 3: Zydis's tables are used whole, 50 KB more")
endif()

# Plain words, so that a Makefile's author can read them off.
set(SEVC_ZYDIS_DEFINITIONS
  ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD NDEBUG
  ZYDIS_MINIMAL_MODE ZYDIS_DISABLE_FORMATTER ZYDIS_DISABLE_ENCODER ZYDIS_DISABLE_SEGMENT
  ZYDIS_DISABLE_AVX512 ZYDIS_DISABLE_KNC)

add_library(sevc_zydis_api INTERFACE)
target_compile_definitions(sevc_zydis_api INTERFACE ${SEVC_ZYDIS_DEFINITIONS})
target_include_directories(sevc_zydis_api SYSTEM INTERFACE
  "${SEVC_ZYDIS_DIR}/include" "${SEVC_ZYCORE_LINK_DIR}")
target_compile_options(sevc_zydis_api INTERFACE
  "SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/zydis_config.h\"")

foreach(target sevc_zydis sevc_zydis_host)
  add_library(${target} OBJECT ${SEVC_ZYDIS_FILES})
  target_link_libraries(${target} PRIVATE sevc_zydis_api)
  target_include_directories(${target} PRIVATE ${SEVC_ZYDIS_INCLUDE_DIRS})
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden C_CLANG_TIDY "" C_CPPCHECK "")
  target_compile_options(${target} PRIVATE -w) # not our code: its warnings are not ours to fix
endforeach()
target_link_libraries(sevc_zydis PRIVATE sevc_freestanding)
# For size, and less stack: it only says what a refused instruction is.
target_compile_options(sevc_zydis PRIVATE $<$<CONFIG:Release>:-Os>)
# A kernel's table is dropped where nothing refers to it.
target_compile_options(sevc_zydis PRIVATE -ffunction-sections -fdata-sections)
