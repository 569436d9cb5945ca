/* SPDX-License-Identifier: MIT */
/*
 * What has been counted by the moment when the guest's first serial port has said a certain text:
 * how far it has come then costs nobody a guess. Reported once, as a line "mark".
 */
#ifndef EMULATOR_MARK_H
#define EMULATOR_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARK_BYTES 64

/* mark=HEX: the text's bytes as pairs of lower-case digits. Result: false if they are none. */
bool mark_set(const char *hex);

/* What the guest has written to a port. */
void mark_note_out(uint16_t port, unsigned size, uint32_t value);

#endif
