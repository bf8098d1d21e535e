"""The package as pip makes it, where a package index can be reached."""

import ctypes
import importlib.util
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import chainner_logger
from conftest import exported_symbols

project = Path(__file__).parents[1]


def pip(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
    )


def index_problem(folder):
    if importlib.util.find_spec("pip") is None:
        return "pip is not installed"
    asked = pip("download", "--no-deps", "--retries=0", "--timeout=10", "--dest", folder, "build>=1.0")
    return "" if asked.returncode == 0 else f"no package index: {asked.stdout.splitlines()[-1]}"


def test_build_makes_it_from_a_source_distribution_and_pip_installs_it(programs, tmp_path):
    if problem := index_problem(tmp_path / "index"):
        pytest.skip(problem)
    tools, wheels, installed = tmp_path / "tools", tmp_path / "wheels", tmp_path / "installed"
    made = pip("install", "--target", tools, "build>=1.0")
    assert made.returncode == 0, made.stdout

    # The source distribution, and from that the wheel.
    subprocess.run(
        [sys.executable, "-m", "build", "--config-setting=cmake.build-type=Debug", "--outdir", wheels, project],
        env={**os.environ, "PYTHONPATH": str(tools)},
        check=True,
        timeout=1200,
    )
    (sdist,) = wheels.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "native.cpp", "library/CMakeLists.txt", "library/src/logger.cpp"} <= names

    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = Path(chainner_logger.__file__).parent
    sources = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".so", ".pyc")
    }
    assert {name for name in names if not name.endswith(".so")} == sources

    made = pip("install", "--no-index", "--target", installed, wheel)
    assert made.returncode == 0, made.stdout
    (module,) = installed.glob("chainner_logger/_native*.so")
    assert exported_symbols(module) == ["PyInit__native"]
    programs.environment["PYTHONPATH"] = str(installed)
    said = subprocess.run([installed / "bin" / "chainner-logger"], env=programs.environment, stdout=subprocess.PIPE, text=True)
    assert (said.returncode, said.stdout.splitlines()[0]) == (0, f"Logs are in {programs.logs}")
    output = programs.run(
        """
        import importlib.metadata
        import chainner_logger
        from chainner_logger import logger, setup_logger
        setup_logger("host")
        logger.info("from a wheel")
        print(chainner_logger.__file__)
        assert importlib.metadata.version("chainner-logger") == chainner_logger.__version__
        """
    )
    assert str(installed) in output
    assert programs.texts("host") == ["from a wheel"]
    ctypes.CDLL(str(module))  # beside the one that is loaded already
