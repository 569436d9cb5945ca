# SPDX-License-Identifier: MIT
#
# cmake -DINPUT=FILE -DOUTPUT=FILE -DFROM=TEXT -DTO=TEXT -P plant.cmake
#
# Copies a source file with TEXT replaced. FROM must stand there exactly once: when the library
# changes, the planted bug must be looked at again, not vanish.

file(READ "${INPUT}" text)
string(FIND "${text}" "${FROM}" first)
string(FIND "${text}" "${FROM}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${INPUT} must contain exactly once:\n  ${FROM}\n"
    "Change tests/oracle/planted.cmake to what the file says now.")
endif()
string(REPLACE "${FROM}" "${TO}" text "${text}")
file(WRITE "${OUTPUT}" "${text}")
