/* SPDX-License-Identifier: MIT */
/*
 * Put before every file of the library (-include): whatever is declared is linked statically.
 * -fvisibility=hidden says so of definitions only; without this the address of a function in
 * another file, such as an entry point, would be loaded from a table of absolute addresses
 * (a GOT), which nobody has filled in before a kernel has relocated itself.
 */
#pragma GCC visibility push(hidden)
