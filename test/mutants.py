#!/usr/bin/env python3
"""Does any test notice a small mistake? FILE is one of src/ or python/chainner_logger/; without one, all are tried. A
rule of universalmutator changes a line, in a copy of the tree: so many times for each FILE, spread over its lines, and
the same ones for the same seed. What neither the tests of the file (test/ mirrors src/) nor the other quick ones notice
is printed. What does not compile, or not to another program, does not count."""

import argparse
import contextlib
import functools
import io
import marshal
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from universalmutator.mutator import mutants_regexp

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "mutants"
TREE, BUILD = FOLDER / "tree", FOLDER / "build"
PROGRAM, PACKAGE = BUILD / "test" / "chainner_logger_tests", BUILD / "python" / "package"
RULES = {True: ["universal.rules", "python.rules"], False: ["universal.rules", "c_like.rules", "cpp.rules"]}
QUICK, PATIENCE = 2, 60  # seconds: what a quick test takes at most, and after how many it is said to hang
SLOW_MODULES = "pip package packagers frameworks report_page report_secrets example promises child_processes".split()
OPTIONS = ["BUILD_SHARED_LIBS=ON", "CMAKE_LINK_DEPENDS_NO_SHARED=ON", "CMAKE_BUILD_TYPE=None"]
OPTIONS += ["CHAINNER_LOGGER_BUILD_TESTS=ON", "CHAINNER_LOGGER_BUILD_PYTHON=ON", "Python_EXECUTABLE=/usr/bin/python3"]
OPTIONS += ["CMAKE_CXX_FLAGS=-O1 -D_GLIBCXX_ASSERTIONS"]


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


def builds(*targets):
    return succeeds("ninja", "-C", BUILD, "-j1", *targets)


def copy_tree():
    """What has changed of it. As a shared library, for which no program has to be linked anew."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
        text = (ROOT / name).read_bytes() if name != "cmake/exported_symbols.map" else b"{ global: *; };"
        if not (TREE / name).exists() or (TREE / name).read_bytes() != text:
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            (TREE / name).write_bytes(text)
    if not succeeds("cmake", "-G", "Ninja", "-S", TREE, "-B", BUILD, *(f"-D{option}" for option in OPTIONS)):
        sys.exit("the copy of the tree cannot be configured")


class Cpp:
    targets = ["chainner_logger_tests"]

    def __init__(self):
        listed = re.sub(r" *#.*", "", subprocess.check_output([PROGRAM, "--gtest_list_tests"], text=True))
        suites = re.findall(r"^(\S+\.)\n((?:  .*\n)*)", listed, re.M)
        self.quick = [suite + test for suite, tests in suites for test in tests.split() if self.passes(suite + test, QUICK)]

    def passes(self, test, patience=PATIENCE):
        return succeeds(PROGRAM, f"--gtest_filter={test}", cwd=FOLDER, patience=patience)

    def tests_of(self, file):
        place = file.relative_to("src")
        found = TREE.glob(f"test/{str(place.parent).split('/posix')[0]}/{place.stem}*_test.cpp")
        suites = {suite for each in found for suite in re.findall(r"^TEST(?:_F|_P)?\((\w+),", each.read_text(), re.M)}
        return sorted(self.quick, key=lambda test: suites.isdisjoint(re.split(r"[/.]", test)))

    def compiled(self, file):
        target = f"CMakeFiles/chainner_logger.dir/{file}.o" if file.suffix == ".cpp" else "libchainner_logger.so"
        return (BUILD / target).read_bytes() if builds(target) and builds("chainner_logger") else None


class Python:
    targets = ["_native", "other_spdlog", "log_records"]

    def __init__(self):
        programs = {"OTHER_SPDLOG": "python/tests/*other_spdlog*", "LOG_RECORDS": "test/programs/*/log_records"}
        programs = {name: str(next(BUILD.glob(pattern))) for name, pattern in programs.items()}
        self.environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", **programs}

    def passes(self, tests):
        words = ["/usr/bin/python3", "-m", "pytest", "-xqp", "no:cacheprovider"]
        return succeeds(*words, tests, patience=5 * PATIENCE, cwd=FOLDER, env=self.environment)

    def tests_of(self, file):
        names = {f"test_{file.stem.strip('_')}", f"test_report_{file.stem}"}
        found = sorted((TREE / "python" / "tests").glob("test_*.py"), key=lambda each: each.stem not in names)
        return [each for each in found if each.stem in names or each.stem[len("test_") :] not in SLOW_MODULES]

    def compiled(self, file):
        text = (TREE / file).read_text()
        (PACKAGE / file.relative_to("python")).write_text(text)
        with contextlib.suppress(SyntaxError, ValueError):
            return marshal.dumps(compile(text, str(file), "exec", optimize=2))


@functools.lru_cache(maxsize=None)
def language(is_python):
    kind = Python if is_python else Cpp
    return kind() if builds(*kind.targets) else sys.exit("the copy of the tree does not build")


def mutants_of(file, seed):
    lines = (TREE / file).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutants_regexp(lines, RULES[file.suffix == ".py"], ignorePatterns=["^(using|namespace) "])
    found = [each[:2] for each in found if each[1].count("\n") == 1]  # not a `continue` after a line: few compile
    turns, chance = Counter(), random.Random(f"{seed} {file}")
    for number, text in chance.sample(found, len(found)):
        turns[number] += 1
        yield turns[number], chance.random(), number, lines[: number - 1] + [text] + lines[number:]


def try_file(known, file, most, seed):
    original = (TREE / file).read_text()
    tests, seen, noticed, tried = known.tests_of(file), {None, known.compiled(file)}, 0, 0
    if failing := [test for test in tests if not known.passes(test)]:
        sys.exit(f"{file}: fails without any mistake: {failing}")
    try:
        for _, _, number, lines in sorted(mutants_of(file, seed)):
            if tried == most:
                break
            (TREE / file).write_text("".join(lines))
            if (program := known.compiled(file)) in seen:
                continue
            seen.add(program)
            tried += 1
            if all(map(known.passes, tests)):
                before, after = original.splitlines()[number - 1].strip(), lines[number - 1].strip()
                print(f"{file}:{number}: {before}\n    -> {after}", flush=True)
            else:
                noticed += 1
    finally:
        (TREE / file).write_text(original)
        known.compiled(file)
    print(f"{file}: {noticed} of {tried} were noticed", flush=True)


def main():
    arguments = argparse.ArgumentParser(prog="./dev mutants", description=__doc__)
    arguments.add_argument("--most", type=int, default=25, help="so many for each file; by default 25")
    arguments.add_argument("--seed", default="1", help="others for another one")
    arguments.add_argument("files", metavar="FILE", nargs="*", type=Path)
    chosen = arguments.parse_args()
    copy_tree()
    files = [each.resolve() for each in chosen.files]
    files = files or [*ROOT.glob("src/**/*.?pp"), *ROOT.glob("python/chainner_logger/**/*.py")]
    for file in sorted(each.relative_to(ROOT) for each in files if "windows" not in each.parts):
        try_file(language(file.suffix == ".py"), file, chosen.most, chosen.seed)


main()
