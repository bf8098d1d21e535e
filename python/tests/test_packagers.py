"""An app that is packed with all that it needs logs and makes a report."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import chainner_logger
from conftest import packages_for_tests

app = """
import multiprocessing, os, sys
if sys.argv[1:] == ["windowed"]:
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
from chainner_logger import logger, report, setup_logger

def work():
    logger.info("by a child")

if __name__ == "__main__":
    multiprocessing.freeze_support()
    setup_logger("worker")
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    logger.info("child: %s", child.exitcode)
    report(os.environ["REPORT"], force=True)
"""


@pytest.fixture(scope="session")
def packagers(tmp_path_factory):
    return packages_for_tests(tmp_path_factory, "packagers", [], ["pyinstaller"])


@pytest.mark.parametrize("form", ["--onedir", "--onefile"])
def test_an_app_of_pyinstaller_logs_and_makes_a_report(programs, packagers, form):
    folder, report = programs.folder, programs.folder / "report.zip"
    package = Path(chainner_logger.__file__).parents[1]
    packing = {**programs.environment, "PYTHONPATH": os.pathsep.join([str(packagers), str(package)])}
    packing["PYINSTALLER_CONFIG_DIR"] = str(folder / "cache")
    command = [sys.executable, "-m", "PyInstaller", "--log-level=WARN", form, programs.file(app), "--name=app"]
    packed = subprocess.run(command, cwd=folder, env=packing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "Python library not found" in packed.stdout:
        pytest.skip("this Python has no shared library, which PyInstaller packs")
    assert packed.returncode == 0, packed.stdout

    executable = folder / "dist" / ("app/app" if form == "--onedir" else "app")
    running = {name: value for name, value in programs.environment.items() if name != "PYTHONPATH"}
    for arguments in [], ["windowed"]:
        report.unlink(missing_ok=True)
        subprocess.run([executable, *arguments], env={**running, "REPORT": str(report)}, check=True, timeout=120)
        with zipfile.ZipFile(report) as archive:
            assert b"child: 0" in archive.read("logs/worker.log")
            assert b"<html" in archive.read("logs.html")
    assert [each for each in programs.texts() if each != "child: 0"] == []
    assert "by a child" in (programs.logs / "worker-2.log").read_text()


def test_what_pyinstaller_does_at_the_end_of_a_windowed_app_is_no_uncaught_exception(programs):
    """By its bootloader, whatever the streams are."""
    programs.run(
        """
        import ctypes, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        sys.frozen, stdout, sys.stdout = True, sys.stdout, None
        ctypes.pythonapi.PyRun_SimpleString(b"import sys; sys.stdout.flush()")
        ctypes.pythonapi.PyRun_SimpleString(b"1 / 0")
        """
    )
    (only,) = programs.texts()
    assert only.startswith("Uncaught exception") and only.endswith("ZeroDivisionError: division by zero")
