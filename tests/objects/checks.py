# SPDX-License-Identifier: MIT
"""What must hold of the library's objects. Each check returns a list of complaints: empty is good."""
import bisect
import re

MEMORY_FUNCTIONS = {"memcpy", "memmove", "memset", "memcmp"}

# Where the processor or another context enters the library.
ENTRY_POINTS = ["sevc_vc_entry", "sevc_vc_entry_plain", "sevc_early_entry", "sevc_handle_vc",
                "sevc_early_handle_vc", "sevc_nmi_entry", "sevc_uefi_entry", "sevc_uefi_no_msr",
                "sevc_uefi_handle_context", "sevc_uefi_translate", "sevc_uefi_copy",
                "sevc_uefi_register"]


def where(instruction):
    return f"{instruction.object} {instruction.function}+{instruction.address:#x}"


# ---- what the linker will see ----

def undefined_symbols(archive, hooks):
    """Nothing is needed but mem* and the hooks."""
    extra = archive.undefined() - MEMORY_FUNCTIONS - set(hooks)
    return [f"undefined symbol {name}" for name in sorted(extra)]


def visible_symbols(archive):
    """No name collides with a kernel's, or with those of a Zydis that the program links itself."""
    return [f"{s.object}: global symbol {s.name} does not start with sevc_"
            for s in archive.symbols
            if s.binding != "LOCAL" and s.section
            and not s.name.startswith("sevc_") and s.name not in MEMORY_FUNCTIONS]


def writable_data(archive):
    """The library has no state: what it writes to is its caller's."""
    bad = [f"{s.object}: {s.name} has {s.size} writable bytes" for s in archive.allocated()
           if "W" in s.flags and s.size and not s.name.startswith(".data.rel.ro")]
    return bad + [f"{s.object}: common symbol {s.name}" for s in archive.symbols
                  if s.section == "COMMON"]


RELATIVE = {"R_X86_64_PC32", "R_X86_64_PLT32", "R_X86_64_PC64"}


def absolute_relocations(archive):
    """Runs wherever it is loaded, before anybody has relocated anything."""
    return [f"{r.object}: {r.type} against {r.symbol} in {r.section}+{r.offset:#x}"
            for r in archive.loaded_relocations() if r.type not in RELATIVE]


def relocations_of_any_address(archive):
    """Links into kernels at any address and into PE images: addresses only in constant tables."""
    return [f"{r.object}: {r.type} against {r.symbol} in {r.section}+{r.offset:#x}"
            for r in archive.loaded_relocations()
            if r.type not in RELATIVE
            and not (r.type == "R_X86_64_64" and r.section.startswith(".data.rel.ro"))]


# ---- what the code does ----

FLOATING = re.compile(
    r"%[xyz]mm\d|%st\b|%mm\d|%k[0-7]\b|^(?:f[a-z]+|emms|[vl]?stmxcsr|v?ldmxcsr|xsave\w*|xrstor\w*)\b")


def floating_point(archive):
    """The interrupted code's SSE, AVX and x87 registers are not saved by an entry stub."""
    return [f"{where(i)}: {i.text}" for i in archive.instructions if FLOATING.search(i.text)]


BELOW_RSP = re.compile(r"-0x[0-9a-f]+\(%rsp[,)]")
BELOW_RBP = re.compile(r"-0x[0-9a-f]+\(%rbp[,)]")
ALLOCATES = re.compile(r"^(?:sub|add|and|lea)\b.*,%rsp$|^(?:push|call|enter)\b")


def red_zone(archive):
    """An exception's frame overwrites what lies below RSP."""
    bad = [f"{where(i)}: {i.text}" for i in archive.instructions
           if BELOW_RSP.search(i.text) and not i.text.startswith("lea")]
    functions = {}
    for i in archive.instructions:
        functions.setdefault((i.object, i.section, i.function), []).append(i)
    for code in functions.values():
        frame = [n for n, i in enumerate(code) if i.text == "mov %rsp,%rbp"]
        if not frame:
            continue
        after = code[frame[0] + 1:]
        if any(BELOW_RBP.search(i.text) for i in after) and not any(
                ALLOCATES.search(i.text) for i in after):
            bad.append(f"{where(code[0])}: locals below RBP, and RSP is not lowered")
    return bad


# Instructions that a hypervisor can intercept (APM vol. 2, 15.13 and appendix C), or that need
# an interceptable one to be of use. VMGEXIT and IRETQ are what an entry path cannot do without.
INTERCEPTABLE = re.compile(
    r"^(?:rep[nz]*e?\s+|lock\s+|data16\s+|cs\s+|notrack\s+)*(?:"
    r"cpuid|rdmsr|wrmsr|rdtscp?|rdpmc|rdpru|pushf[wlq]?|popf[wlq]?|hlt|pause|"
    r"in[bwl]?\s|in$|out[bwl]?\s|ins[bwl]\b|outs[bwl]\b|"
    r"[sl][gi]dt\w*|s?lldt\w*|sldt\w*|str[wlq]?\s|ltr\w*|smsw\w*|lmsw\w*|clts|"
    r"invlpg\w*|invpcid|tlbsync|invd|wbinvd|wbnoinvd|"
    r"int\b|int[13]$|icebp|into|rsm|"
    r"monitorx?|mwaitx?|xsetbv|vmmcall|vmcall|vmrun|vmload|vmsave|stgi|clgi|skinit|"
    r"swapgs|mov\S*\s.*%[cd](?:r|b)\d)")
VMGEXIT = re.compile(r"^(?:vmgexit|rep[zn]?e? vmmcall|repnz vmmcall)$")
MSR_ACCESS = re.compile(r"^(?:rd|wr)msr$")
NEVER_INTERCEPTED_MSR = {"$0xc0010130", "$0xc0010131"}  # the GHCB's, and SEV_STATUS
# The only place where the processor may stop: after a termination that the host ignored.
MAY_HALT = {"sevc_terminate_with"}


def names_of(register):
    """ECX and R12D under all their names, as a regular expression."""
    if match := re.match(r"%e(.)x$", register):
        return f"%(?:[er]?{match[1]}x|{match[1]}[lh])"
    if match := re.match(r"%e(si|di|bp|sp)$", register):
        return f"%(?:[er]?{match[1]}|{match[1]}l)"
    if match := re.match(r"%(r\d+)d$", register):
        return f"%{match[1]}[dwb]?"
    return None


def msr_is_never_intercepted(code, index, register="%ecx"):
    """What was last put into ECX, perhaps by way of another register, is one of the two numbers."""
    names = names_of(register)
    if names is None:
        return False
    writes = re.compile(rf"(?:,|^\w+\s+){names}$")
    for at in range(index - 1, -1, -1):
        text = code[at].text
        if code[at].function != code[index].function:
            return False
        if text.startswith(("push", "cmp", "test")) or not writes.search(text):
            if text.startswith("call") and register in ("%eax", "%ecx", "%edx", "%esi", "%edi"):
                return False
            continue
        move = re.match(r"mov\w*\s+(\S+),(%\S+)$", text)
        if move is None or move[2] != register:
            return False
        if move[1].startswith("%"):
            return msr_is_never_intercepted(code, at, move[1])
        return move[1] in NEVER_INTERCEPTED_MSR
    return False


def interceptable_instructions(archive, roots=None):
    """Between a #VC's entry and its IRET nothing can raise another but the VMGEXIT itself."""
    roots = ENTRY_POINTS if roots is None else roots
    roots = [r for r in roots if archive.place_of(r)]
    if not roots:
        return ["no entry point found in " + archive.path]
    reachable = archive.reachable(roots)
    bad, code = [], {}
    for i in archive.instructions:
        if (i.object, i.section) in reachable:
            code.setdefault((i.object, i.section), []).append(i)
    for instructions in code.values():
        for index, i in enumerate(instructions):
            if not INTERCEPTABLE.match(i.text) or VMGEXIT.match(i.text):
                continue
            if MSR_ACCESS.match(i.text) and msr_is_never_intercepted(instructions, index):
                continue
            if i.text == "hlt" and i.function in MAY_HALT:
                continue
            bad.append(f"{where(i)}: {i.text}")
    return bad


TURNS_INTERRUPTS_ON = re.compile(r"^(?:sti|popf[wlq]?)\b")
# Explicit calls and the UEFI adapter put the flag back, behind their sessions; nobody else may.
MAY_TURN_INTERRUPTS_ON = re.compile(r"^(?:direct_\w+|cpuid_fill|enter)\.c\.o$")


def interrupts_turned_on(archive):
    """Interrupts are off while a GHCB is held: the only way back for an exception is its IRET."""
    return [f"{where(i)}: {i.text}" for i in archive.instructions
            if TURNS_INTERRUPTS_ON.match(i.text) and not MAY_TURN_INTERRUPTS_ON.match(i.object)]


WAITS = re.compile(r"^(?:[ut]?pause|umwait)\b")
# An XCHG with memory locks by itself; on the stack it is nobody else's.
LOCKS = re.compile(r"^(?:lock\b|xacquire\b|xrelease\b|xchg\w*\s(?!.*\(%rsp\)).*\()")
# Entries of page tables, which processors walk meanwhile: sevc_page_share().
MAY_LOCK = re.compile(r"^share\.c\.o$")


def locks_and_waits(archive):
    """No CPU waits for another one: there is no lock, and nothing that a loop would wait with."""
    return [f"{where(i)}: {i.text}" for i in archive.instructions
            if WAITS.match(i.text) or (LOCKS.match(i.text) and not MAY_LOCK.match(i.object))]


def indirect_calls(archive, roots=None):
    """No call in an exception path goes where data says."""
    roots = ENTRY_POINTS if roots is None else roots
    reachable = archive.reachable([r for r in roots if archive.place_of(r)])
    return [f"{where(i)}: {i.text}" for i in archive.instructions
            if (i.object, i.section) in reachable
            and re.match(r"^(?:notrack )?l?call\w*\s+\*", i.text)]


# ---- the stack ----

MEMORY_FUNCTION_STACK = 64  # what a kernel's own memcpy may take
RETURN_ADDRESS = 8


def read_stack_usage(files):
    """
    Compilers' .su files: (object, function) -> bytes with the return address; complaints about
    VLAs. Two objects of one name count as one.
    """
    usage, bad = {}, []
    for path in files:
        name = path.name.removesuffix(".su") + ".o"
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                place, size, kind = line.rstrip("\n").split("\t")
                function = name, place.rsplit(":", 1)[1]
                # gcc writes file:line:column:function and counts the return address; clang does
                # neither.
                size = int(size) if re.search(r":\d+:\d+:", place) else int(size) + RETURN_ADDRESS
                usage[function] = max(usage.get(function, 0), size)
                if "dynamic" in kind and "bounded" not in kind:
                    bad.append(f"{place}: {kind} stack")
    return usage, bad


def calls(archive):
    """
    (object, section) -> {those of the functions that it calls or jumps to: does it only jump?}. A
    function that jumps to another has given back its frame. What is neither, such as an address
    taken, counts as a call; so does a jump to the cold part of a function, which has its frame.
    """
    code, texts = {}, {}
    for i in archive.instructions:
        code.setdefault((i.object, i.section), []).append(i)
    for place, instructions in code.items():
        texts[place] = [i.address for i in instructions]
    edges = {}
    for r in archive.loaded_relocations():
        place, target = (r.object, r.section), archive.target_of(r)
        if place not in code or target not in code:
            continue
        at = bisect.bisect_right(texts[place], r.offset) - 1
        jump = code[place][at].text.startswith("j") and ".cold" not in r.symbol
        known = edges.setdefault(place, {})
        known[target] = known.get(target, True) and jump
    return edges


def self_calls(archive):
    return [f"recursion: {where(i)}: {i.text}" for i in archive.instructions
            if re.match(rf"call\w*\s+[0-9a-f]+ <{re.escape(i.function)}>$", i.text)]


def deepest_stack(archive, usage, roots, limit):
    """Returns complaints, and the deepest path as [(function, bytes)]."""
    functions = {(s.object, s.section): s.name for s in archive.symbols
                 if s.type == "FUNC" and s.section}
    edges = calls(archive)
    memory = {(r.object, r.section) for r in archive.loaded_relocations()
              if r.symbol in MEMORY_FUNCTIONS}
    done, bad = {}, self_calls(archive)

    def own_bytes(place):
        name = functions[place]
        warm = re.sub(r"\.cold$", "", name)
        # gcc leaves a clone's number out of some names, and not of others.
        for known in (warm, re.sub(r"\.\d+$", "", warm)):
            if (place[0].split("#")[0], known) in usage:
                return usage[place[0].split("#")[0], known]
        bad.append(f"no stack usage known of {name}")
        return 0

    def depth(place, path):
        if place in path:
            cycle = path[path.index(place):] + [place]
            if not any(functions.get(p, "").endswith(".cold") for p in cycle):
                bad.append("recursion: " + " -> ".join(functions.get(p, p[1]) for p in cycle))
            return 0, []
        if place not in done:
            own = own_bytes(place)
            deepest, way = own, [(functions[place], own)]
            if place in memory:
                deepest, way = own + MEMORY_FUNCTION_STACK, way + [("mem*", MEMORY_FUNCTION_STACK)]
            for callee, jump in sorted(edges.get(place, {}).items()):
                size, below = depth(callee, path + [place])
                frame = 0 if jump else own
                if frame + size > deepest:
                    deepest, way = frame + size, [(functions[place], frame)] + below
            done[place] = deepest, way
        return done[place]

    worst, way = 0, []
    for root in roots:
        place = archive.place_of(root)
        if place is None:
            bad.append(f"no function {root}")
            continue
        size, path = depth(place, [])
        if size > worst:
            worst, way = size, path
    if worst > limit:
        bad.append(f"{worst} bytes of stack, {limit} allowed")
    return bad, way
