"""The functions of a module, which is a program or a shared library: where each begins, its size and its name.

For a machine of 64 bits that stores the lowest byte first, as all on which we run. Only ELF's symbols tell how long a
function is. A Windows module says so in the table by which its stacks are unwound, and one of macOS lists where its
functions begin. A symbol of which the end is not known is left out: a place behind it would mostly be in another
function.
"""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

Function = tuple[int, int, str]

_ELF_SYMBOLS, _ELF_DYNAMIC_SYMBOLS = 2, 11
_ELF_FUNCTIONS = (2, 10)  # the latter are those of which the loader chooses one
_PE_X86_64 = 0x8664
_PE_EXPORTS, _PE_EXCEPTIONS = 112, 136  # where the optional header says where they are
_PE_FUNCTION = 0x20
_MACH_O_MACHINES = {"x86_64": 0x0100_0007, "arm64": 0x0100_000C}
_MACH_O_SYMBOLS, _MACH_O_SEGMENT, _MACH_O_FUNCTION_STARTS = 2, 0x19, 0x26
_MACH_O_DEBUG, _MACH_O_KIND, _MACH_O_IN_SECTION = 0xE0, 0x0E, 0x0E


def functions(path: str) -> list[Function]:
    """By place. Raises OSError, ValueError or struct.error for what cannot be read."""
    with open(path, "rb") as file:
        head = file.read(6)
        if head == b"\x7fELF\2\1":
            return sorted(_of_elf(file))
        if head[:2] == b"MZ":
            return sorted(_of_pe(file))
        if head[:4] == b"\xcf\xfa\xed\xfe":
            return sorted(_of_mach_o(file, 0))
        if head[:4] == b"\xca\xfe\xba\xbe":
            return sorted(_of_universal(file))
    return []


def _part(file: BinaryIO, begin: int, size: int) -> bytes:
    if begin + size > os.fstat(file.fileno()).st_size:
        raise ValueError("cut short")
    file.seek(begin)
    return file.read(size)


def _text(strings: bytes, begin: int) -> str:
    return strings[begin : strings.index(0, begin)].decode("ascii", "replace")


# Linux


def _of_elf(file: BinaryIO) -> Iterator[Function]:
    head = _part(file, 0, 64)
    (table,), (size, count) = struct.unpack_from("<Q", head, 40), struct.unpack_from("<HH", head, 58)
    sections = list(struct.iter_unpack("<IIQQQQIIQQ", _part(file, table, size * count)))
    kinds = [section[1] for section in sections]
    kind = next((each for each in (_ELF_SYMBOLS, _ELF_DYNAMIC_SYMBOLS) if each in kinds), None)
    if kind is None:
        return
    _, _, _, _, begin, length, strings, *_ = sections[kinds.index(kind)]
    names = _part(file, *sections[strings][4:6])
    for name, info, _, section, value, extent in struct.iter_unpack("<IBBHQQ", _part(file, begin, length)):
        if info & 15 in _ELF_FUNCTIONS and section and extent:
            yield value, extent, _text(names, name)


# Windows


def _of_pe(file: BinaryIO) -> Iterator[Function]:
    (begin,) = struct.unpack("<I", _part(file, 60, 4))
    head = struct.unpack("<4sHH4xIIH2x", _part(file, begin, 24))
    signature, machine, section_count, symbols, symbol_count, size = head
    if signature != b"PE\0\0" or machine != _PE_X86_64:
        return
    optional = _part(file, begin + 24, size)
    table = _part(file, begin + 24 + size, 40 * section_count)
    sections = list(struct.iter_unpack("<8x4x3I16x", table))  # address, size in the file, place in it

    def directory(at: int) -> tuple[int, bytes]:
        place, length = struct.unpack_from("<II", optional, at)
        for address, available, in_file in sections:
            if length and address <= place and place + length <= address + available:
                return place, _part(file, in_file + place - address, length)
        return place, b""

    _, unwinding = directory(_PE_EXCEPTIONS)
    ends = {place: end for place, end, _ in struct.iter_unpack("<III", unwinding)}
    named = list(_exported(*directory(_PE_EXPORTS)))
    if symbols:
        table = _part(file, symbols, 18 * symbol_count)
        strings_begin = symbols + len(table)
        strings = _part(file, strings_begin, *struct.unpack("<I", _part(file, strings_begin, 4)))
        named.extend(_coff_symbols(table, strings, [address for address, *_ in sections]))
    for place, name in named:
        if place in ends:
            yield place, ends[place] - place, name


def _exported(begin: int, exports: bytes) -> Iterator[tuple[int, str]]:
    if not exports:
        return
    count, addresses, names, numbers = struct.unpack_from("<IIII", exports, 24)
    for number in range(count):
        (name,) = struct.unpack_from("<I", exports, names - begin + 4 * number)
        (index,) = struct.unpack_from("<H", exports, numbers - begin + 2 * number)
        (place,) = struct.unpack_from("<I", exports, addresses - begin + 4 * index)
        yield place, _text(exports, name - begin)


def _coff_symbols(table: bytes, strings: bytes, addresses: list[int]) -> Iterator[tuple[int, str]]:
    more = 0
    for name, value, section, kind, _, further in struct.iter_unpack("<8sIhHBB", table):
        if more:
            more -= 1  # goes on with the symbol before
            continue
        more = further
        if kind == _PE_FUNCTION and section > 0:
            zero, place = struct.unpack("<II", name)
            short = name.rstrip(b"\0").decode("ascii", "replace")
            yield addresses[section - 1] + value, short if zero else _text(strings, place)


# macOS


def _of_universal(file: BinaryIO) -> Iterator[Function]:
    (count,) = struct.unpack(">I", _part(file, 4, 4))
    for machine, _, begin, _, _ in struct.iter_unpack(">5I", _part(file, 8, 20 * count)):
        if machine == _MACH_O_MACHINES.get(platform.machine()):
            yield from _of_mach_o(file, begin)


def _of_mach_o(file: BinaryIO, begin: int) -> Iterator[Function]:
    count, size = struct.unpack_from("<II", _part(file, begin, 32), 16)
    commands = _part(file, begin + 32, size)
    at = base = end = 0
    starts, symbols, strings = b"", b"", b""
    for _ in range(count):
        command, size = struct.unpack_from("<II", commands, at)
        if command == _MACH_O_SEGMENT and commands[at + 8 : at + 24].rstrip(b"\0") == b"__TEXT":
            (base,) = struct.unpack_from("<Q", commands, at + 24)
            end = sum(struct.unpack_from("<QQ", commands, at + 104))  # of its first section, which is the code
        elif command == _MACH_O_SYMBOLS:
            symbols_begin, symbol_count, strings_begin, strings_size = struct.unpack_from("<4I", commands, at + 8)
            symbols = _part(file, begin + symbols_begin, 16 * symbol_count)
            strings = _part(file, begin + strings_begin, strings_size)
        elif command == _MACH_O_FUNCTION_STARTS:
            starts_begin, starts_size = struct.unpack_from("<II", commands, at + 8)
            starts = _part(file, begin + starts_begin, starts_size)
        at += size
    places = [base + each for each in _sums(starts)]
    ends = dict(zip(places, [*places[1:], end]))
    for name, kind, _, _, place in struct.iter_unpack("<IBBHQ", symbols):
        if not kind & _MACH_O_DEBUG and kind & _MACH_O_KIND == _MACH_O_IN_SECTION and place in ends:
            yield place - base, ends[place] - place, _text(strings, name)[1:]  # C's names begin with a "_" there


def _sums(numbers: Iterable[int]) -> Iterator[int]:
    """Of differences that are stored in portions of seven bits, the lowest first. A zero is the end."""
    place = difference = shift = 0
    for each in numbers:
        difference |= (each & 0x7F) << shift
        shift += 7
        if each & 0x80:
            continue
        if not difference:
            return
        place += difference
        yield place
        difference = shift = 0
