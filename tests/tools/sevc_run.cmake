# SPDX-License-Identifier: MIT
# The launcher against a fake QEMU. Debian's own Python, which is what the launcher runs with.
add_test(NAME tools.sevc_run
  COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_LIST_DIR}/test_sevc_run.py)
set_tests_properties(tools.sevc_run PROPERTIES TIMEOUT 180)
