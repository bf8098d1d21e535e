"""The names of functions in native stacks."""

import ctypes
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chainner_logger import report
from chainner_logger._report import modules, symbols

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is looked at")

LATER = "2099-01-01 00:00:00.000 [7] [CRITICAL] Crashed: SIGSEGV (11) at address 0x0"


def place_of(library, function):
    """Its module, and where it begins in that."""
    address = ctypes.cast(getattr(ctypes.CDLL(library), function), ctypes.c_void_p).value
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \S+ +(/.*)", line)
        if found and int(found[1], 16) <= address < int(found[2], 16):
            return found[4], address - int(found[1], 16) + int(found[3], 16)
    raise AssertionError(f"{function} is nowhere")


def named(frame, head=LATER):
    return symbols.with_names(f"{head}\n\tat {frame}\n").split("\n\tat ")[1].rstrip("\n")


@on_linux
def test_a_frame_has_the_name_of_its_function():
    module, begin = place_of("libc.so.6", "strtoull")
    name = os.path.basename(module)
    assert re.fullmatch(rf"\w*strtou\w*\+0x5 \({name}\+{begin + 5:#x}\)", named(f"{module}+{begin + 5:#x}"))
    assert named(f"{module}+{begin + 5:#x}, 12 times").endswith("), 12 times")
    names = {found for _, _, found in modules.functions(module)}
    assert "strlen" in names and "environ" not in names  # the loader chooses one of several; a variable


@on_linux
def test_a_name_of_cplusplus_is_as_in_the_source():
    module, begin = place_of("libstdc++.so.6", "_ZSt9terminatev")
    assert named(f"{module}+{begin + 1:#x}") == f"std::terminate()+0x1 ({os.path.basename(module)}+{begin + 1:#x})"
    assert symbols._demangled("_Z!") == "_Z!"


@on_linux
def test_the_runtime_of_macos_knows_names_of_cplusplus_too(monkeypatch):
    load = ctypes.CDLL

    def load_there(name):
        if name == "libstdc++.so.6":
            raise OSError
        return load("libstdc++.so.6" if name == "libc++.1.dylib" else name)

    monkeypatch.setattr(ctypes, "CDLL", load_there)
    symbols._demangler.cache_clear()
    assert symbols._demangled("_ZN5tiles7upscaleEv") == "tiles::upscale()"
    symbols._demangler.cache_clear()


def test_where_nobody_knows_names_of_microsoft_they_stay(monkeypatch):
    if sys.platform == "win32":
        monkeypatch.delattr(ctypes, "windll")
    assert symbols._demangled("?upscale@worker@@YAHH@Z") == "?upscale@worker@@YAHH@Z"


def test_names_of_microsoft_are_told_by_windows(monkeypatch):
    class Library:
        @staticmethod
        def UnDecorateSymbolName(name, text, size, flags):
            text.value = f"{flags:#x} {size} ".encode() + name.rstrip(b"Z") if name.endswith(b"Z") else b"none"
            return name.endswith(b"Z")

    monkeypatch.setattr(ctypes, "windll", type("Libraries", (), {"dbghelp": Library}), raising=False)
    assert symbols._demangled("?upscale@Z") == "0x1000 4096 ?upscale@"
    assert symbols._demangled("?upscale") == "?upscale"


@on_linux
def test_what_no_symbol_covers_stays_as_it_is(tmp_path):
    module, _ = place_of("libc.so.6", "strtoull")
    damaged = Path(module).read_bytes()
    damaged = damaged[:58] + bytes(6) + damaged[64:]
    for content in (
        b"",
        damaged,
        Path(module).read_bytes()[:5000],
        b"\x7fELF\2\1 cut short",
        b"\x7fELF\2\1" + b"\xff" * 200,
        b"#!/bin/sh",
    ):
        (tmp_path / "other").write_bytes(content)
        symbols._functions.cache_clear()
        assert named(f"{tmp_path}/other+0x10") == f"{tmp_path}/other+0x10"
    for frame in (
        "/nowhere/at all+0x10",
        "C:\\x.dll+0x10",
        "0x10",
        f"{module}+0xffffffffff",
        f"{module}+0x0",
        f"{tmp_path}+0x1",
    ):
        assert named(frame) == frame


@on_linux
def test_only_what_a_crash_says_is_read():
    module, begin = place_of("libc.so.6", "strtoull")
    text = f"2099-01-01 00:00:00.000 [7] [INFO] x\n\tat {module}+{begin:#x}\n"
    assert symbols.with_names(text) == text


def test_a_long_line_takes_no_longer_than_its_length():
    text = "[CRITICAL] " * 100_000 + "\n\tat x\n"
    assert symbols.with_names(text) == text  # it would take hours if each word were tried up to the end of the line


@on_linux
def test_a_module_that_is_newer_than_the_crash_is_another_one(tmp_path):
    module, begin = place_of("libc.so.6", "strtoull")
    copy = shutil.copy(module, tmp_path)
    now, before = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago)) for ago in (0, 3600))
    head = "{}.000 [7] [CRITICAL] Crashed: x"
    assert "strtou" in named(f"{copy}+{begin:#x}", head.format(now))
    assert named(f"{copy}+{begin:#x}", head.format(before)) == f"{copy}+{begin:#x}"


@on_linux
def test_the_report_of_a_real_crash_names_the_functions_of_python(programs, tmp_path):
    programs.run(
        """
        import faulthandler
        from chainner_logger import setup_logger
        setup_logger("worker")
        faulthandler._sigsegv()
        """,
        status=-11,
    )
    made = report(tmp_path / "report.zip", programs.logs)
    assert re.search(r"at (_?Py\w+)\+0x[0-9a-f]+ \(\S+\+0x[0-9a-f]+\)", made.summary), made.summary


# Windows

SOURCE = """
    #include <stdio.h>
    __attribute__((noinline, dllexport)) int upscale(int n) { printf("%d", n); return n * 3; }
    static __attribute__((noinline)) int longer_than_eight(int n) { return upscale(n) + n; }
    __attribute__((dllexport)) int exported(int n) { return longer_than_eight(n); }
    int main(int count, char** arguments) { return exported(count); }
"""


def windows_module(folder, name, *options):
    compiler = shutil.which("x86_64-w64-mingw32-gcc")
    if not compiler:
        pytest.skip("x86_64-w64-mingw32-gcc is not installed")
    (folder / "source.c").write_text(SOURCE)
    subprocess.run([compiler, "-O1", *options, "-o", folder / name, folder / "source.c"], check=True)
    return folder / name


def test_a_program_for_windows_names_its_functions(tmp_path):
    program = windows_module(tmp_path, "worker.exe")
    output = subprocess.run(["x86_64-w64-mingw32-nm", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    places = {name: int(place, 16) - 0x1_4000_0000 for place, kind, name in re.findall(r"(\w+) ([tT]) (\w+)\n", output)}
    for name in "upscale", "longer_than_eight", "exported", "main":
        assert named(f"{program}+{places[name] + 2:#x}") == f"{name}+0x2 (worker.exe+{places[name] + 2:#x})"
    found = modules.functions(str(program))
    assert all(place == places[name] for place, _, name in found if name in places)
    assert all(place + size <= after for (place, size, _), (after, _, _) in zip(found, found[1:]) if place != after)


def test_a_library_for_windows_names_what_it_exports_and_nothing_behind_that(tmp_path):
    library = windows_module(tmp_path, "worker.dll", "-shared", "-s")
    (*_, upscale), (place, size, name) = modules.functions(str(library))
    assert (upscale, name) == ("upscale", "exported")
    assert named(f"{library}+{place + size - 1:#x}") == f"exported+{size - 1:#x} (worker.dll+{place + size - 1:#x})"
    assert named(f"{library}+{place + size:#x}") == f"{library}+{place + size:#x}"


def test_what_goes_on_with_a_symbol_of_windows_is_none():
    function = struct.pack("<8sIhHBB", b"upscale", 0x10, 1, 0x20, 2, 2)
    more = struct.pack("<8sIhHBB", b"nothing", 0x10, 1, 0x20, 2, 0)
    of_data = struct.pack("<8sIhHBB", b"variable", 0x20, 1, 0, 2, 0)
    elsewhere = struct.pack("<8sIhHBB", b"imported", 0, 0, 0x20, 2, 0)
    last = struct.pack("<IIIhHBB", 0, 4, 0x30, 2, 0x20, 3, 0)
    table = function + more + more + of_data + elsewhere + last
    found = modules._coff_symbols(table, b"\0\0\0\0longer_than_\xff\0", [0x1000, 0x2000])
    assert list(found) == [(0x1010, "upscale"), (0x2030, "longer_than_\ufffd")]


def test_a_damaged_program_for_windows_names_nothing(tmp_path):
    program = windows_module(tmp_path, "worker.exe")
    whole = program.read_bytes()
    begin = struct.unpack_from("<I", whole, 60)[0]
    for damaged in (
        whole[:70],
        whole[: len(whole) // 2],
        whole[:begin] + b"NE" + whole[begin + 2 :],
        whole[: begin + 4] + b"\x4c\x01" + whole[begin + 6 :],  # for a machine of 32 bits
        whole[: begin + 12] + b"\xff" * 8 + whole[begin + 20 :],  # its symbols
    ):
        program.write_bytes(damaged)
        symbols._functions.cache_clear()
        assert named(f"{program}+0x1582") == f"{program}+0x1582"


@pytest.mark.skipif(sys.platform != "win32", reason="a module of Windows, as it is loaded")
def test_python_itself_is_named_on_windows():
    module = next(each for each in Path(sys.base_prefix).glob("python3?*.dll") if each.stem != "python3")
    place = ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value - ctypes.pythonapi._handle
    assert named(f"{module}+{place + 1:#x}") == f"Py_GetVersion+0x1 ({module.name}+{place + 1:#x})"
    assert symbols._demangled("?upscale@worker@@YAHH@Z") == "worker::upscale"


# macOS


def macos_module(starts=b"\x80\x20\x40\x90\x01\0\0\0"):
    """Functions begin at 0x1000, 0x1040 and 0x10d0, and the code ends at 0x1100."""
    base = 0x1_0000_0000
    strings = b"\0_main\0_helper\0__ZN5tiles7upscaleEv\0_variable\0"
    kinds = [  # name, kind (in a section, private or not; for a debugger), place
        (b"_main", 0x0F, base + 0x1000),
        (b"_helper", 0x0E, base + 0x1040),
        (b"__ZN5tiles7upscaleEv", 0x0F, base + 0x10D0),
        (b"_variable", 0x0F, base + 0x2000),
        (b"_helper", 0x24, base + 0x10D0),
        (b"_variable", 0x01, base + 0x1040),
    ]
    table = b"".join(struct.pack("<IBBHQ", strings.index(name), kind, 1, 0, place) for name, kind, place in kinds)
    section = struct.pack("<16s16sQQIIII16x", b"__text", b"__TEXT", base + 0x1000, 0x100, 0x1000, 4, 0, 0)
    begin = 32 + 72 + len(section) + 72 + 24 + 16
    segment = "<II16sQQQQIIII"
    commands = [
        struct.pack(segment, 0x19, 152, b"__TEXT", base, 0x2000, 0, 0x2000, 5, 5, 1, 0) + section,
        struct.pack(segment, 0x19, 72, b"__LINKEDIT", base + 0x4000, 0x1000, 0, 0, 1, 1, 0, 0),
        struct.pack("<6I", 2, 24, begin, len(kinds), begin + len(table), len(strings)),
        struct.pack("<4I", 0x26, 16, begin + len(table) + len(strings), len(starts)),
    ]
    head = struct.pack("<8I", 0xFEEDFACF, 0x100000C, 0, 6, len(commands), sum(map(len, commands)), 0, 0)
    return head + b"".join(commands) + table + strings + starts


def test_a_module_of_macos_names_its_functions(tmp_path):
    (tmp_path / "worker").write_bytes(macos_module())
    assert modules.functions(str(tmp_path / "worker")) == [
        (0x1000, 0x40, "main"),
        (0x1040, 0x90, "helper"),
        (0x10D0, 0x30, "_ZN5tiles7upscaleEv"),
    ]
    assert named(f"{tmp_path}/worker+0xfff") == f"{tmp_path}/worker+0xfff"
    assert named(f"{tmp_path}/worker+0x1000") == "main+0x0 (worker+0x1000)"
    assert named(f"{tmp_path}/worker+0x1045") == "helper+0x5 (worker+0x1045)"
    assert named(f"{tmp_path}/worker+0x1100") == f"{tmp_path}/worker+0x1100"


def test_a_universal_module_of_macos_is_read_as_this_machine_runs_it(tmp_path, monkeypatch):
    ours, other = macos_module(), macos_module(starts=bytes(8))
    parts = [(0x1000007, 0x1000, other), (0x100000C, 0x2000, ours)]
    head = struct.pack(">II", 0xCAFEBABE, len(parts))
    head += b"".join(struct.pack(">5I", machine, 0, begin, len(part), 12) for machine, begin, part in parts)
    path = tmp_path / "worker"
    path.write_bytes(head.ljust(0x1000, b"\0") + other.ljust(0x1000, b"\0") + ours)
    for machine, names in ("arm64", ["main", "helper", "_ZN5tiles7upscaleEv"]), ("x86_64", []), ("riscv64", []):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert [name for _, _, name in modules.functions(str(path))] == names


def test_a_damaged_module_of_macos_names_nothing(tmp_path):
    whole = macos_module()
    for damaged in whole[:20], whole[:100], whole[: len(whole) - 1], b"\xca\xfe\xba\xbe\0\0\0\x45", b"\xca\xfe\xba\xbe":
        (tmp_path / "worker").write_bytes(damaged)
        symbols._functions.cache_clear()
        assert named(f"{tmp_path}/worker+0x1045") == f"{tmp_path}/worker+0x1045"


def test_no_module_of_a_server_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "stat", lambda path: asked.append(path) or (_ for _ in ()).throw(OSError()))
    for frame in r"\\server\share\x.dll+0x10", "//server/share/x.dll+0x10":
        assert named(frame) == frame
    assert asked == []
    assert named(r"C:\x.dll+0x10") == r"C:\x.dll+0x10"
    assert asked == [r"C:\x.dll"]
