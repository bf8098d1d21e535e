"""The names of functions in native stacks."""

import ctypes
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from chainner_logger import report
from chainner_logger._report import symbols

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only ELF tells how long a function is")

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


def test_a_frame_has_the_name_of_its_function():
    module, begin = place_of("libc.so.6", "strtoull")
    name = os.path.basename(module)
    assert re.fullmatch(rf"\w*strtou\w*\+0x5 \({name}\+{begin + 5:#x}\)", named(f"{module}+{begin + 5:#x}"))
    assert named(f"{module}+{begin + 5:#x}, 12 times").endswith("), 12 times")


def test_a_name_of_cplusplus_is_as_in_the_source():
    module, begin = place_of("libstdc++.so.6", "_ZSt9terminatev")
    assert named(f"{module}+{begin + 1:#x}") == f"std::terminate()+0x1 ({os.path.basename(module)}+{begin + 1:#x})"


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


def test_only_what_a_crash_says_is_read():
    module, begin = place_of("libc.so.6", "strtoull")
    text = f"2099-01-01 00:00:00.000 [7] [INFO] x\n\tat {module}+{begin:#x}\n"
    assert symbols.with_names(text) == text


def test_a_long_line_takes_no_longer_than_its_length():
    text = "[CRITICAL] " * 100_000 + "\n\tat x\n"
    assert symbols.with_names(text) == text  # it would take hours if each word were tried up to the end of the line


def test_a_module_that_is_newer_than_the_crash_is_another_one(tmp_path):
    module, begin = place_of("libc.so.6", "strtoull")
    copy = shutil.copy(module, tmp_path)
    now, before = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago)) for ago in (0, 3600))
    head = "{}.000 [7] [CRITICAL] Crashed: x"
    assert "strtou" in named(f"{copy}+{begin:#x}", head.format(now))
    assert named(f"{copy}+{begin:#x}", head.format(before)) == f"{copy}+{begin:#x}"


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
