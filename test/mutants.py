#!/usr/bin/env python3
"""mutants.py [--most N] [--seed TEXT] [FILE...]: does any test notice a small mistake?

FILE: of src/ or python/chainner_logger/; else all. A rule of universalmutator changes a line, in a copy of the tree: N
times for each FILE, spread over its lines, the same ones for the same seed. What neither the tests of the file (test/
mirrors src/) nor the other quick ones notice is printed. What does not compile, or not to another program, does not
count."""

import argparse
import contextlib
import hashlib
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from universalmutator.mutator import mutants_regexp

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "mutants"
TREE, BUILD = FOLDER / "tree", FOLDER / "build"
PROGRAM, PACKAGE = BUILD / "test" / "chainner_logger_tests", BUILD / "python" / "package"
RULES = {True: ["universal.rules", "python.rules"], False: ["universal.rules", "c_like.rules", "cpp.rules"]}
QUICK, PATIENCE = 2, 60  # seconds: what a test may take, and after how many it is said to hang
SLOW_MODULES = "pip package packagers frameworks report_page example promises child_processes".split()


def succeeds(*words, patience=None, **more):
    nowhere = subprocess.DEVNULL
    child = subprocess.Popen(words, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True, **more)
    try:
        return child.wait(patience) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with all that it has started
        child.wait()


def build(*targets):
    return succeeds("ninja", "-C", BUILD, "-j1", *targets)


def copy_tree():
    """What has changed of it. As a shared library, for which no program has to be linked anew."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
        text = (ROOT / name).read_bytes() if name != "cmake/exported_symbols.map" else b"{ global: *; };"
        if not (TREE / name).exists() or (TREE / name).read_bytes() != text:
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            (TREE / name).write_bytes(text)
    options = "BUILD_SHARED_LIBS=ON CMAKE_LINK_DEPENDS_NO_SHARED=ON CHAINNER_LOGGER_BUILD_TESTS=ON CMAKE_BUILD_TYPE=None"
    options += " CHAINNER_LOGGER_BUILD_PYTHON=ON Python_EXECUTABLE=/usr/bin/python3"
    words = ["-DCMAKE_CXX_FLAGS=-O1 -D_GLIBCXX_ASSERTIONS", *(f"-D{option}" for option in options.split())]
    if not succeeds("cmake", "-G", "Ninja", "-S", TREE, "-B", BUILD, *words):
        sys.exit("the copy of the tree cannot be configured")


class Cpp:
    def __init__(self):
        listed = build("chainner_logger_tests") and subprocess.check_output([PROGRAM, "--gtest_list_tests"], text=True)
        tests = []
        for line in (listed or sys.exit("the copy of the tree does not build")).splitlines():
            word = line.split("#")[0].strip()
            suite = suite if line.startswith(" ") else word
            tests += [suite + word] if line.startswith(" ") else []
        self.quick = [test for test in tests if self.is_quick(test)]

    def is_quick(self, test):
        began = time.monotonic()
        return self.passes(test, QUICK) and time.monotonic() - began < QUICK

    def passes(self, test, patience=PATIENCE):
        return succeeds(PROGRAM, f"--gtest_filter={test}", cwd=FOLDER, patience=patience)

    def tests_of(self, file):
        place = file.relative_to("src")
        found = TREE.glob(f"test/{str(place.parent).split('/posix')[0]}/{place.stem}*_test.cpp")
        suites = {suite for each in found for suite in re.findall(r"^TEST(?:_F|_P)?\((\w+),", each.read_text(), re.M)}
        return sorted(self.quick, key=lambda test: suites.isdisjoint(re.split(r"[/.]", test)))

    def compiled(self, file):
        target = f"CMakeFiles/chainner_logger.dir/{file}.o" if file.suffix == ".cpp" else "libchainner_logger.so"
        if build(target) and build("chainner_logger"):
            return hashlib.sha256((BUILD / target).read_bytes()).digest()


class Python:
    def __init__(self):
        if not build("_native", "other_spdlog", "log_records"):
            sys.exit("the copy of the tree does not build")
        self.environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
        self.environment["OTHER_SPDLOG"] = str(next(BUILD.glob("python/tests/*other_spdlog*")))
        self.environment["LOG_RECORDS"] = str(next(BUILD.glob("test/programs/*/log_records")))

    def passes(self, tests):
        words = ["/usr/bin/python3", "-m", "pytest", "-xqp", "no:cacheprovider", tests]
        return succeeds(*words, patience=5 * PATIENCE, cwd=FOLDER, env=self.environment)

    def tests_of(self, file):
        names = {f"test_{file.stem.strip('_')}", f"test_report_{file.stem}"}
        found = sorted((TREE / "python" / "tests").glob("test_*.py"), key=lambda each: each.stem not in names)
        return [each for each in found if each.stem in names or each.stem[len("test_") :] not in SLOW_MODULES]

    def compiled(self, file):
        text = (TREE / file).read_text()
        (PACKAGE / file.relative_to("python")).write_text(text)
        with contextlib.suppress(SyntaxError, ValueError):
            return repr(list(codes_of(compile(text, str(file), "exec", optimize=2))))


def codes_of(code):
    yield code.co_code, code.co_names, [each for each in code.co_consts if not hasattr(each, "co_code")]
    for each in code.co_consts:
        yield from codes_of(each) if hasattr(each, "co_code") else ()


def mutants_of(file, seed):
    lines = (TREE / file).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutants_regexp(lines, RULES[file.suffix == ".py"], ignorePatterns=["^(using|namespace) "])
    turns, chance = Counter(), random.Random(f"{seed} {file}")
    found = [each for each in found if each[1].count("\n") == 1]  # not a `continue` after a line: few of them compile
    for number, text, *_ in chance.sample(found, len(found)):
        turns[number] += 1
        yield turns[number], chance.random(), number, lines[: number - 1] + [text] + lines[number:]


def try_file(language, file, most, seed):
    original = (TREE / file).read_text()
    tests, seen, noticed, tried = language.tests_of(file), {None, language.compiled(file)}, 0, 0
    if not all(map(language.passes, tests)):
        sys.exit(f"{file}: a test fails without any mistake")
    try:
        for _, _, number, lines in sorted(mutants_of(file, seed)):
            if tried == most:
                break
            (TREE / file).write_text("".join(lines))
            if (program := language.compiled(file)) in seen:
                continue
            seen.add(program)
            tried += 1
            if all(map(language.passes, tests)):
                before, after = original.splitlines()[number - 1].strip(), lines[number - 1].strip()
                print(f"{file}:{number}: {before}\n    -> {after}", flush=True)
            else:
                noticed += 1
    finally:
        (TREE / file).write_text(original)
        language.compiled(file)
    print(f"{file}: {noticed} of {tried} were noticed", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--most", type=int, default=25)
    arguments.add_argument("--seed", default="1")
    arguments.add_argument("files", nargs="*", type=Path)
    chosen = arguments.parse_args()
    copy_tree()
    files = [each.resolve() for each in chosen.files]
    files = files or [*ROOT.glob("src/**/*.?pp"), *ROOT.glob("python/chainner_logger/**/*.py")]
    languages = {}
    for file in sorted(each.relative_to(ROOT) for each in files if "windows" not in each.parts):
        kind = Python if file.suffix == ".py" else Cpp
        languages[kind] = languages.get(kind) or kind()
        try_file(languages[kind], file, chosen.most, chosen.seed)


main()
