# SPDX-License-Identifier: MIT
"""An archive as binutils see it: sections, symbols, relocations, instructions."""
import re
import subprocess
from collections import namedtuple

Section = namedtuple("Section", "object name flags size")
Symbol = namedtuple("Symbol", "object name section binding type")
Relocation = namedtuple("Relocation", "object section offset type symbol")
Instruction = namedtuple("Instruction", "object section function address text")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def unique(name, seen):
    """Members of one name are told apart by their number: cpuid.c.o, cpuid.c.o#2."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"


class Archive:
    def __init__(self, path):
        self.path = path
        self.sections = []
        self.symbols = []
        self.relocations = []
        self.instructions = []
        self._places = None
        self._read_elf(run("readelf", "-W", "-S", "-s", "-r", path))
        self._read_code(run("objdump", "-dw", "--no-show-raw-insn", path))

    # ---- readelf: everything but the code ----

    _file = re.compile(r"^File: .*\((.+)\)$")
    _section = re.compile(
        r"^\s*\[ *(\d+)\] (\S*)\s+(\S+)\s+[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) [0-9a-f]{2} +([A-Zlo]*) ")
    _symbol = re.compile(
        r"^\s*\d+: [0-9a-f]+\s+\S+ (\S+)\s+(\S+)\s+\S+\s+(\S+)(?: (\S+))?$")
    _relocations_of = re.compile(r"^Relocation section '\.rela?(\S+)'")
    _relocation = re.compile(r"^([0-9a-f]{12,16})\s+[0-9a-f]+ (R_\S+)\s+(?:[0-9a-f]+ )?(\S*)")

    def _read_elf(self, text):
        name, names, relocated, seen = None, {}, None, {}
        for line in text.splitlines():
            if match := self._file.match(line):
                name, names, relocated = unique(match[1], seen), {}, None
            elif match := self._section.match(line):
                names[match[1]] = match[2]
                self.sections.append(Section(name, match[2], match[5], int(match[4], 16)))
            elif match := self._relocations_of.match(line):
                relocated = match[1]
            elif match := self._symbol.match(line):
                kind, binding, index, symbol = match.groups()
                section = {"UND": None, "COM": "COMMON", "ABS": "ABS"}.get(index, names.get(index))
                if kind == "SECTION":
                    symbol = section
                if symbol:
                    self.symbols.append(Symbol(name, symbol, section, binding, kind))
            elif relocated and (match := self._relocation.match(line)):
                self.relocations.append(
                    Relocation(name, relocated, int(match[1], 16), match[2], match[3]))

    # ---- objdump: the code ----

    _object = re.compile(r"^(\S+):\s+file format ")
    _code_section = re.compile(r"^Disassembly of section (\S+):$")
    _function = re.compile(r"^[0-9a-f]+ <(.+)>:$")
    _instruction = re.compile(r"^\s*([0-9a-f]+):\t(.+)$")

    def _read_code(self, text):
        name = section = function = None
        seen = {}
        for line in text.splitlines():
            if match := self._object.match(line):
                name = unique(match[1], seen)
            elif match := self._code_section.match(line):
                section = match[1]
            elif match := self._function.match(line):
                function = match[1]
            elif match := self._instruction.match(line):
                code = " ".join(match[2].split("#")[0].split())
                self.instructions.append(
                    Instruction(name, section, function, int(match[1], 16), code))

    # ---- questions ----

    def allocated(self):
        """The sections that end up in memory: debugging information does not."""
        return [s for s in self.sections if "A" in s.flags]

    def loaded_relocations(self):
        loaded = {(s.object, s.name) for s in self.allocated()}
        return [r for r in self.relocations if (r.object, r.section) in loaded]

    def undefined(self):
        defined = {s.name for s in self.symbols if s.section and s.binding != "LOCAL"}
        return {s.name for s in self.symbols if s.section is None and s.binding != "LOCAL"} - defined

    def _homes(self):
        home, local = {}, {}
        for symbol in self.symbols:
            if symbol.section:
                place = (symbol.object, symbol.section)
                local[symbol.object, symbol.name] = place
                if symbol.binding != "LOCAL":
                    home.setdefault(symbol.name, place)
        return home, local

    def target_of(self, relocation):
        """The (object, section) that a relocation names, or None: it is not in the archive."""
        if self._places is None:
            self._places = self._homes()
        home, local = self._places
        return local.get((relocation.object, relocation.symbol)) or home.get(relocation.symbol)

    def edges(self):
        """(object, section) -> the same of all that its relocations name, within the archive."""
        edges = {}
        for r in self.loaded_relocations():
            target = self.target_of(r)
            if target:
                edges.setdefault((r.object, r.section), set()).add(target)
        return edges

    def place_of(self, name):
        for symbol in self.symbols:
            if symbol.name == name and symbol.section and symbol.binding != "LOCAL":
                return symbol.object, symbol.section
        return None

    def reachable(self, roots):
        """All sections that can be reached from the functions named, data included."""
        edges, seen = self.edges(), set()
        waiting = [self.place_of(root) for root in roots]
        while waiting:
            place = waiting.pop()
            if place and place not in seen:
                seen.add(place)
                waiting.extend(edges.get(place, ()))
        return seen
