"""The examples of README.md and doc/, taken out of the text: each is run as a newcomer would, in the order of the pages.

What the README installs is what all others use. An example that cannot be run says why: ```console untested: the reason
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

repository = Path(__file__).parents[2]
pages = [repository / "README.md", *sorted((repository / "doc").glob("*.md"))]


@dataclass(frozen=True)
class Example:
    language: str
    untested: str
    text: str


def examples() -> dict[Example, str]:
    """Each with its place; what stands in several places is tried once."""
    found: dict[Example, str] = {}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(r"^```(\w*)(?: untested: ([^\n]+))?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            found.setdefault(Example(block[1], block[2] or "", block[3]), f"{page.name}:{line} {block[1]}")
    return {example: place for example, place in found.items() if example.language != "text"}


def in_its_scope(example: Example) -> str:
    if example.language == "cmake" and "project(" not in example.text:
        return f"cmake_minimum_required(VERSION 3.22)\nproject(app LANGUAGES CXX)\nadd_executable(app main.cpp)\n{example.text}"
    return example.text


class Newcomer:
    """Has a home folder and a clone of the repository, in which all commands are given."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.clone = folder / "clone"
        self.logs = folder / "logs"
        self.prefix = folder / ".local"  # as the README has it
        commands = folder / "bin"
        for each in self.clone, self.logs, commands:
            each.mkdir()
        for each in "CMakeLists.txt", "cmake", "collector", "include", "lnav", "python", "src":
            (self.clone / each).symlink_to(repository / each)
        (commands / "python").symlink_to(sys.executable)
        self.program = next(each.text for each in examples() if each.language == "cpp")
        (self.clone / "main.cpp").write_text(self.program, encoding="utf-8")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHAINNER_", "PYTEST_"))}
        unity = folder / "unity.cmake"
        unity.write_text("set(CMAKE_UNITY_BUILD ON)\n", encoding="utf-8")
        self.environment.update(
            HOME=str(folder),
            PATH=f"{commands}:{os.environ['PATH']}",
            CHAINNER_LOG_DIR=str(self.logs),
            CMAKE_BUILD_TYPE="Debug",  # is sooner built, as is what follows
            CMAKE_TOOLCHAIN_FILE=str(unity),
            PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig"),
        )

    def run(self, *command: object, folder: Path | None = None) -> None:
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            cwd=folder or self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=600,
        )
        missing = re.search(r"^ModuleNotFoundError: (No module named (?!'chainner_logger).*)", done.stdout, re.MULTILINE)
        if done.returncode != 0 and missing:
            pytest.skip(missing[1])
        assert done.returncode == 0, f"{words}\n{done.stdout}"

    def log(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.logs.glob("*.log"))

    def try_console(self, text: str, _: Path) -> None:
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        self.run("bash", "-euc", "\n".join(commands))

    def try_python(self, text: str, folder: Path) -> None:
        (folder / "example.py").write_text(text, encoding="utf-8")
        self.run(sys.executable, "example.py", folder=folder)

    def try_cpp(self, text: str, folder: Path) -> None:
        (folder / "main.cpp").write_text(text, encoding="utf-8")
        compiler = self.environment.get("CXX", "c++")
        flags = "$(pkg-config --cflags --libs chainner_logger)"
        self.run("bash", "-euc", f"{compiler} -std=c++17 -Wall -Wextra -Werror main.cpp {flags} -o example", folder=folder)
        self.run("./example", folder=folder)

    def try_cmake(self, text: str, folder: Path) -> None:
        (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
        (folder / "main.cpp").write_text(self.program, encoding="utf-8")
        (folder / "chainner-logger").symlink_to(self.clone)
        instead_of_download = f"-DFETCHCONTENT_SOURCE_DIR_CHAINNER_LOGGER={self.clone}"
        self.run("cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", instead_of_download, folder=folder)
        if "find_package" in text:  # else the library is built once more, which package.add_subdirectory does
            self.run("cmake", "--build", "build", folder=folder)
            self.run("build/app", folder=folder)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    return Newcomer(tmp_path_factory.mktemp("newcomer"))


@pytest.mark.parametrize("example", [pytest.param(example, id=place) for example, place in examples().items()])
def test_example_does_what_it_says(newcomer: Newcomer, tmp_path: Path, example: Example):
    if example.untested:
        pytest.skip(example.untested)
    if example.language == "python":
        pytest.importorskip("chainner_logger")
    getattr(newcomer, f"try_{example.language}")(in_its_scope(example), tmp_path)
    for level, message in re.findall(r"(?:#|//) 2025-10-19 05:52:25\.123 \[1234\] \[(\w+)\] (.*)", example.text):
        assert f"] [{level}] {message}\n" in newcomer.log()


def slug(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', text):
        path, _, anchor = "".join(target).partition("#")
        if ":" in path or path.endswith("/releases"):  # which only the server of the repository has
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], target


def test_the_readme_is_read_to_its_end_and_each_page_begins_with_the_question_it_answers():
    readme, *others = pages
    assert readme.read_text(encoding="utf-8").count("\n") <= 150
    for page in others:
        assert re.match(r"# [^\n]+\n\n\*[^*]+\?[^*]*\*\n", page.read_text(encoding="utf-8")), page
