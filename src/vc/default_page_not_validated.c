/* SPDX-License-Identifier: MIT */
/* Default hook: nobody validates pages late. */
#include <sevc/os.h>

__attribute__((weak)) bool sevc_os_page_not_validated(const struct sevc_trap *trap)
{
    (void)trap;
    return false;
}
