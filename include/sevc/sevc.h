/* SPDX-License-Identifier: MIT */
/* The whole of sevc. */
#ifndef SEVC_SEVC_H
#define SEVC_SEVC_H

#include <sevc/ap.h>
#include <sevc/config.h>
#include <sevc/cpu.h>
#include <sevc/cpuid.h>
#include <sevc/direct.h>
#include <sevc/event.h>
#include <sevc/ghcb.h>
#include <sevc/ghcb_abi.h>
#include <sevc/idt.h>
#include <sevc/insn.h>
#include <sevc/msr_protocol.h>
#include <sevc/nmi.h>
#include <sevc/os.h>
#include <sevc/page.h>
#include <sevc/status.h>
#include <sevc/svm.h>
#include <sevc/trace.h>
#include <sevc/trace_format.h>
#include <sevc/trap.h>
#include <sevc/uefi.h>
#include <sevc/vc.h>

#endif
