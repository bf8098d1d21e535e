"""The package as users get it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainner_logger
from chainner_logger import _loggers, _native
from conftest import exported_symbols


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files; those of others are read where they are built")
def test_the_native_module_exports_its_init_function_alone():
    assert exported_symbols(_native.__file__) == ["PyInit__native"]


@pytest.mark.skipif("OTHER_SPDLOG" not in os.environ, reason="needs the build's OTHER_SPDLOG")
@pytest.mark.parametrize("order", ["before", "after"])
def test_it_works_beside_a_library_with_another_spdlog(programs, order):
    programs.environment["OTHER_SPDLOG"] = os.environ["OTHER_SPDLOG"]
    programs.run(
        """
        import ctypes, os, sys

        def load_other():
            return ctypes.CDLL(os.environ["OTHER_SPDLOG"], mode=ctypes.RTLD_GLOBAL)

        if sys.argv[1] == "before":
            other = load_other()
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        if sys.argv[1] == "after":
            other = load_other()
        for number in range(10):
            logger.info("record %d", number)
            other.log_to(sys.argv[2].encode(), b"other %d" % number)
        """,
        order,
        programs.folder / "other.log",
    )
    assert programs.texts() == [f"record {number}" for number in range(10)]
    other = (programs.folder / "other.log").read_text().splitlines()
    assert [line.rpartition("] ")[2] for line in other] == [f"other {number}" for number in range(10)]


def test_the_stub_of_the_native_module_names_what_is_there():
    stub = Path(chainner_logger.__file__).with_name("_native.pyi").read_text()
    declared = set(re.findall(r"^(?:def|class) (\w+)", stub, re.MULTILINE)) | {"version"}
    assert declared == {name for name in vars(_native) if not name.startswith("__")}
    assert Path(chainner_logger.__file__).with_name("py.typed").exists()


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this version has a module of its own")
def test_one_native_module_serves_all_later_pythons():
    suffix = "_native.pyd" if sys.platform == "win32" else "_native.abi3.so"
    assert Path(_native.__file__).name == suffix


def test_python_counts_the_changes_of_a_class_where_the_direct_way_looks():
    """Else each record looks up all that it passes by, which costs half as much again."""
    assert _loggers._are_classes_counted()


def run_module(programs, **environment):
    programs.environment.update(environment)
    command = [sys.executable, "-m", "chainner_logger"]
    return subprocess.run(command, env=programs.environment, stdout=subprocess.PIPE, text=True)


def test_it_says_where_the_logs_are_and_why(programs):
    programs.run("from chainner_logger import setup_logger; setup_logger('host')")
    shown = run_module(programs)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[:3] == [f"Logs are in {programs.logs}", "because of: CHAINNER_LOG_DIR", ""]
    assert lines[-2:] == ["", "To send them: python -m chainner_logger report"]
    files = [re.fullmatch(r" +\d+ bytes  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (.*)", line) for line in lines[3:-2]]
    assert sorted(found[1] for found in files) == ["host.log"]


def test_it_says_which_folders_were_passed_over(programs):
    (programs.folder / "file").touch()
    folder = programs.folder / "file" / "logs"
    temporary = dict.fromkeys(["TMPDIR", "TMP", "TEMP"], str(programs.folder))
    shown = run_module(programs, CHAINNER_LOG_DIR=str(folder), **temporary)
    assert f"Logs are in {programs.folder / 'chaiNNer' / 'logs'}" in shown.stdout
    assert "because of: temporary folder" in shown.stdout
    assert f"passed over: {folder} (CHAINNER_LOG_DIR): Not a directory" in shown.stdout
    assert "no files yet" in shown.stdout
    assert not (programs.folder / "chaiNNer").exists()
