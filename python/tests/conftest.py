"""Most tests run a program of its own, since a process sets up its log once."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

is_windows = os.name == "nt"
is_wine = is_windows and hasattr(ctypes.CDLL("ntdll"), "wine_get_version")

@dataclass
class Record:
    time: str
    pid: int
    level: str
    text: str


def is_about_session(record: Record) -> bool:
    """Where a file comes from, and how a session ended."""
    about_session = r"(Continues an older file\. )?Role: |Logger closed for |The previous session of this log "
    return re.match(about_session, record.text) is not None


def parse_log(text: str) -> list[Record]:
    """Reads a log back, but for what a session says about itself. What is neither a record nor goes on with one is an
    error."""
    records: list[Record] = []
    assert text == "" or text.endswith("\n"), f"the last line is cut short: {text[-200:]!r}"
    for line in text.split("\n")[:-1]:
        found = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}(?:[+-]\d\d:\d\d)?) \[(\d+)\] \[([A-Z]+)\] (.*)", line)
        if found:
            records.append(Record(found[1], int(found[2]), found[3], found[4]))
        else:
            assert line.startswith("\t") and records, f"no record, and no part of one: {line!r}"
            records[-1].text += "\n" + line[1:]
    return [each for each in records if not is_about_session(each)]


def read_role(folder: Path, role: str) -> list[Record]:
    """All records of a role in the order in which they were written."""
    rotated = sorted(folder.glob(f"{role}.[0-9]*.log"), key=lambda path: -int(path.name.split(".")[1]))
    return parse_log("".join(path.read_text(encoding="utf-8") for path in [*rotated, folder / f"{role}.log"]))


def texts(records: list[Record]) -> list[str]:
    """Without the records that the library makes when it is set up."""
    return [each.text for each in records if not each.text.startswith("Logger initialized for")]


def write_log(path: Path, text: str) -> None:
    """As the library and the frontend do: with line feeds alone on each system."""
    path.write_bytes(text.encode())


def make_link(link: Path, target: Path) -> None:
    with contextlib.suppress(OSError, NotImplementedError):
        link.symlink_to(target)
    if not link.is_symlink():
        pytest.skip("no symbolic link can be made: Windows lets only some users, and Wine nobody")


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def exported_symbols(library: str | Path) -> list[str]:
    nm = os.environ.get("NM", "nm")
    command = [nm, "--dynamic", "--defined-only", "--format=posix", library]
    try:
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except FileNotFoundError:
        pytest.skip(f"{nm} is not installed")
    return [line.split()[0] for line in output.splitlines()]


class Programs:
    """Runs programs that log to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CHAINNER_", "PYTEST_", "PYTHONUNBUFFERED"))
        }
        self.environment.update(CHAINNER_LOG_DIR=str(self.logs), PYTHONFAULTHANDLER="")
        self._started: list[subprocess.Popen] = []

    def file(self, code: str) -> Path:
        path = self.folder / f"program_{len(list(self.folder.glob('program_*')))}.py"
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        return path

    def start(self, code: str, *arguments: object, **options) -> subprocess.Popen:
        """Its output goes nowhere, unless the options say otherwise."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        command = [sys.executable, self.file(code), *map(str, arguments)]
        self._started.append(subprocess.Popen(command, env=self.environment, **options))
        return self._started[-1]

    def run(self, code: str, *arguments: object, status: int = 0) -> str:
        """Returns what it wrote to stdout and stderr."""
        process = self.start(
            code,
            *arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
        )
        output, _ = process.communicate(timeout=120)
        assert process.returncode == status, output
        return output

    def records(self, role: str = "worker") -> list[Record]:
        return read_role(self.logs, role)

    def texts(self, role: str = "worker") -> list[str]:
        return texts(self.records(role))

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def programs(tmp_path: Path):
    started = Programs(tmp_path)
    yield started
    started.end()


@pytest.fixture(scope="session")
def logs_of_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture
def worker(logs_of_session: Path):
    """This process's logger, as after set-up."""
    from chainner_logger import setup_logger

    with contextlib.redirect_stderr(sys.__stderr__):  # pytest puts another one in its place
        logger = setup_logger("worker", logs_of_session, catch_crashes=False)
    handlers, filters = logger.handlers[:], logger.filters[:]
    yield logger
    logger.handlers[:], logger.filters[:], logger.propagate = handlers, filters, False
    logger.disabled = False
    logging.disable(logging.NOTSET)


@pytest.fixture
def written(worker: logging.Logger, logs_of_session: Path):
    """The records that the test has written so far."""
    before = len(read_role(logs_of_session, "worker"))
    return lambda: read_role(logs_of_session, "worker")[before:]


def packages_for_tests(factory: pytest.TempPathFactory, name: str, always: list[str], in_build: list[str]) -> Path:
    """A folder with packages of others, installed once for a build. Elsewhere, as for each wheel, only some are."""
    import chainner_logger

    package = Path(chainner_logger.__file__).parents[1]
    is_build = package.parent.name == "python" and (package.parent / "CTestTestfile.cmake").exists()
    folder = package.parent / name if is_build else factory.mktemp(name)
    wanted = [*always, *(in_build if is_build else [])]
    complete = folder / "-".join(["complete", *wanted])
    if not wanted:
        pytest.skip("this is tried in the developers' build alone")
    if not complete.exists():
        if importlib.util.find_spec("pip") is None:
            pytest.skip("pip is not installed")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries=0"]
        command = [*pip, "--timeout=20", "--upgrade", "--target", folder, *wanted]
        asked = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        if asked.returncode != 0:
            pytest.skip(f"no package index: {asked.stdout.splitlines()[-1]}")
        complete.touch()
    return folder


@pytest.fixture(scope="session")
def frameworks_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    always = ["uvicorn", "sanic", "django"]
    return packages_for_tests(tmp_path_factory, "frameworks", always, ["aiohttp", "fastapi", "gunicorn"])
