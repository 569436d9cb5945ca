/* SPDX-License-Identifier: MIT */
/* The ports that user_ports.c grants: those of the first UART. Also for assembly. */
#ifndef GUEST_USER_PORTS_H
#define GUEST_USER_PORTS_H

#define UART_FCR    0x3FA
#define UART_MCR    0x3FC
#define PORTS_FIRST 0x3F8
#define PORTS_LAST  0x3FF /* its scratch register */

#endif
