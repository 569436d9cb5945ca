/* SPDX-License-Identifier: MIT */
/* How a fuzz target says that something is wrong: by the validator's name, and by stopping. */
#ifndef FUZZ_FINDING_H
#define FUZZ_FINDING_H

/*
 * Prints "fuzz: finding: VALIDATOR: ..." and aborts, which every fuzzing engine takes for a crash.
 * The names are listed in docs/fuzzing.md.
 */
__attribute__((noreturn, format(printf, 2, 3))) void fuzz_finding(const char *validator,
                                                                  const char *format, ...);

#define FUZZ_CHECK(condition, validator, ...)                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_finding(validator, __VA_ARGS__);                                                  \
        }                                                                                          \
    } while (0)

#endif
