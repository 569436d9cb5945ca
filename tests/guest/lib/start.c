/* SPDX-License-Identifier: MIT */
#include "guest.h"

void kernel_main(const struct start_info *info)
{
    guest_start(info);
    guest_main();
    guest_end();
}
