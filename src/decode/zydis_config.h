/* SPDX-License-Identifier: MIT */
/*
 * Put before every file of Zydis (-include): what it takes from the C library, from the compiler.
 * Zydis's own fallback (ZYAN_NO_LIBC alone) clears its state byte by byte, which costs several
 * times the decoding itself: docs/decoder.md.
 */
#ifndef SEVC_ZYDIS_CONFIG_H
#define SEVC_ZYDIS_CONFIG_H

#define ZYAN_NO_LIBC     /* no <assert.h>, no <stdlib.h>: integer types from the compiler */
#define ZYAN_CUSTOM_LIBC /* and not the byte-wise fallbacks either */

#define ZYAN_MEMSET __builtin_memset
#define ZYAN_MEMCPY __builtin_memcpy

/* Declarations too, not only definitions: else references to tables go through a GOT. */
#pragma GCC visibility push(hidden)

#endif
