/* SPDX-License-Identifier: MIT */
/* Whether this QEMU can emulate the platform; each "no" ends the run and says what to do. */
#ifndef EMULATOR_SELFTEST_H
#define EMULATOR_SELFTEST_H

/* Switches SVM on. Uses pages of the monitor's pool. */
void selftest_run(void);

#endif
