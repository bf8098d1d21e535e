#!/usr/bin/env python3
"""Does any test notice a small mistake? FILE is one of src/ or python/chainner_logger/; without one, all are tried. A
rule of universalmutator changes a line, in a copy of the tree: so many times for each FILE, spread over its lines, and
the same ones for the same seed. What neither the tests of the file (test/ mirrors src/) nor the other quick ones notice
is printed. What does not compile, or not to another program, does not count."""

import argparse
import ast
import contextlib
import functools
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from universalmutator.mutator import mutants_regexp

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "mutants"
TREE = FOLDER / "tree"
BUILD = TREE / "build" / "dev"  # as in any tree, whose objects ccache then knows
PROGRAM, PACKAGE = BUILD / "test" / "chainner_logger_tests", BUILD / "python" / "package"
RULES = {"C++": ["c_like.rules", "cpp.rules"], "Python": ["python.rules"], "page": ["c_like.rules", "javascript.rules"]}
QUICK, PATIENCE = 2, 100  # seconds: what a quick test takes at most, and after how many it is said to hang
JOBS = 2
SLOW_MODULES = "pip package packagers frameworks report_page report_secrets example promises child_processes".split()


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


def ninja(*words):
    return subprocess.check_output(["ninja", *words], cwd=BUILD, text=True)


def builds(*targets):
    return succeeds("ninja", "-C", BUILD, "-j1", *targets)


def copy_tree():
    """What has changed of it. As a shared library, for which no program has to be linked anew; else as other builds
    have it, whose objects ccache may know."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
        text = (ROOT / name).read_bytes() if name != "cmake/exported_symbols.map" else b"{ global: *; };"
        if not (TREE / name).exists() or (TREE / name).read_bytes() != text:
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            (TREE / name).write_bytes(text)
    options = ["-DBUILD_SHARED_LIBS=ON", "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON"]
    if not succeeds("cmake", "--preset", "dev", "-S", TREE, "-B", BUILD, *options, cwd=TREE):
        sys.exit("the copy of the tree cannot be configured")


class Cpp:
    targets = ["chainner_logger_tests"]

    def __init__(self):
        listed = re.sub(r" *#.*", "", subprocess.check_output([PROGRAM, "--gtest_list_tests"], text=True))
        suites = re.findall(r"^(\S+\.)\n((?:  .*\n)*)", listed, re.M)
        found = [suite + test for suite, tests in suites for test in tests.split()]
        known = FOLDER / "quick_tests"
        if not known.exists() or known.stat().st_mtime < PROGRAM.stat().st_mtime:
            with ThreadPoolExecutor(JOBS) as pool:
                passed = pool.map(functools.partial(self.passes, patience=QUICK), found)
                known.write_text("\n".join(test for test, is_quick in zip(found, passed) if is_quick))
        self.quick = known.read_text().splitlines()

    def passes(self, test, patience=PATIENCE):
        return succeeds(PROGRAM, f"--gtest_filter={test}", cwd=FOLDER, patience=patience)

    def tests_of(self, file):
        place = file.relative_to("src")
        found = TREE.glob(f"test/{str(place.parent).split('/posix')[0]}/{place.stem}*_test.cpp")
        suites = {suite for each in found for suite in re.findall(r"^TEST(?:_F|_P)?\((\w+),", each.read_text(), re.M)}
        return sorted(self.quick, key=lambda test: suites.isdisjoint(re.split(r"[/.]", test)))

    def open(self, file):
        """The objects that have the file in them, without what ninja would look at for each mistake."""
        users = [each for each in ninja("-t", "deps").split("\n\n") if f"/{file}\n" in each + "\n"]
        self.compilers = []
        for name in [user.split(": #deps")[0] for user in users]:
            command = ninja("-t", "commands", "-s", name).splitlines()[-1]
            compiler = re.sub(r"^\S*ccache | -MD .*", "", command) + " -Wno-error -Werror=return-type -g0 -O0"
            if file.suffix == ".cpp":
                compiler += self.with_headers(compiler, file)
            self.compilers.append((compiler + f" -c {command.split()[-1]}", name))
        if not self.compilers:
            sys.exit(f"no object has {file} in it")
        self.links = [ninja("-t", "commands", "-s", "libchainner_logger.so.0.1.0").splitlines()[-1]]
        if any(name.startswith("test/") for _, name in self.compilers):
            self.links.append(ninja("-t", "commands", "-s", "test/chainner_logger_tests").splitlines()[-1])

    def with_headers(self, compiler, file):
        """Reading them takes most of the time, thus once."""
        headers = (TREE / file).with_suffix(".headers.hpp")
        everywhere = re.sub("^#if.*?^#endif", "", (TREE / file).read_text(), flags=re.M | re.S)
        headers.write_text("\n".join(re.findall("^#include.*", everywhere, re.M)) + "\n")
        subprocess.run(f"{compiler} -x c++-header -c {headers} -o {headers}.gch", shell=True, check=True, cwd=BUILD)
        return f" -include {headers}"

    def compiled(self, file):
        if not all(succeeds("sh", "-c", f"{each} -o {name}", cwd=BUILD) for each, name in self.compilers):
            return None
        return b"".join((BUILD / name).read_bytes() for _, name in self.compilers)

    def builds(self):
        return all(succeeds("sh", "-c", link, cwd=BUILD) for link in self.links)


def is_void(line):
    return isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))


class Python:
    targets = ["_native", "other_spdlog", "log_records"]

    def __init__(self):
        programs = {"OTHER_SPDLOG": "python/tests/*other_spdlog*", "LOG_RECORDS": "test/programs/*/log_records"}
        programs = {name: str(next(BUILD.glob(pattern))) for name, pattern in programs.items()}
        self.patience = {}
        self.environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", **programs}

    def passes(self, tests):
        words = ["/usr/bin/python3", "-m", "pytest", "-xqp", "no:cacheprovider", "--assert=plain"]
        began = time.monotonic()
        patience = self.patience.get(tests, 10 * PATIENCE)
        passed = succeeds(*words, tests, patience=patience, cwd=FOLDER, env=self.environment)
        self.patience.setdefault(tests, PATIENCE + 5 * (time.monotonic() - began))  # by what they take without a mistake
        return passed

    def tests_of(self, file):
        names = {f"test_{file.stem.strip('_')}", f"test_report_{file.stem}", f"test_report_{file.stem.split('_')[0]}"}
        found = sorted((TREE / "python" / "tests").glob("test_*.py"), key=lambda each: each.stem not in names)
        return [each for each in found if each.stem in names or each.stem[len("test_") :] not in SLOW_MODULES]

    def open(self, file):
        pass

    def builds(self):
        return True

    def is_script(self, text):
        """Whether a browser would take it, if it is a part of the page's script."""
        script = re.search('^SCRIPT = r"""(.*?)^"""', text, re.M | re.S)
        (FOLDER / "script.js").write_text(script[1] if script else "")
        return succeeds("node", "--check", FOLDER / "script.js")

    def compiled(self, file):
        text = (TREE / file).read_text()
        if not self.is_script(text):
            return None
        (PACKAGE / file.relative_to("python")).write_text(text)
        with contextlib.suppress(SyntaxError, ValueError):
            compile(text, str(file), "exec")
            tree = ast.parse(text)
            for each in ast.walk(tree):
                if isinstance(getattr(each, "body", None), list):  # without what does nothing, such as a docstring
                    each.body = [line for line in each.body if not is_void(line)]
            return ast.dump(tree)


@functools.lru_cache(maxsize=None)
def language(is_python):
    kind = Python if is_python else Cpp
    return kind() if builds(*kind.targets) else sys.exit("the copy of the tree does not build")


def mutants_of(file, seed):
    lines = (TREE / file).read_text().splitlines(keepends=True)
    kind = "C++" if file.suffix != ".py" else "page" if file.stem.startswith("page_") else "Python"
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutants_regexp(lines, ["universal.rules", *RULES[kind]], ignorePatterns=["^(using|namespace) "])
    found = [each[:2] for each in found if each[1].count("\n") == 1]  # not a `continue` after a line: few compile
    turns, chance = Counter(), random.Random(f"{seed} {file}")
    for number, text in chance.sample(found, len(found)):
        turns[number] += 1
        yield turns[number], chance.random(), number, lines[: number - 1] + [text] + lines[number:]


def is_noticed(known, tests):
    """Whoever has noticed one mistake is asked first about the next."""
    with ThreadPoolExecutor(JOBS) as pool:
        for test, passed in zip(list(tests), pool.map(known.passes, tests)):
            if not passed:
                pool.shutdown(cancel_futures=True)
                tests.insert(0, tests.pop(tests.index(test)))
                return True
    return False


def try_file(known, file, most, seed, pattern):
    known.open(file)
    original = (TREE / file).read_text()
    tests = [each for each in known.tests_of(file) if re.search(pattern, str(each))]
    seen, noticed, tried = {None, known.compiled(file)}, 0, 0
    if is_noticed(known, tests):
        sys.exit(f"{file}: {tests[0]} fails without any mistake")
    try:
        for _, _, number, lines in sorted(mutants_of(file, seed)):
            if tried == most:
                break
            (TREE / file).write_text("".join(lines))
            if (program := known.compiled(file)) in seen:
                continue
            seen.add(program)
            tried += 1
            if not known.builds() or is_noticed(known, tests):
                noticed += 1
            else:
                before, after = original.splitlines()[number - 1].strip(), lines[number - 1].strip()
                print(f"{file}:{number}: {before}\n    -> {after}", flush=True)
    finally:
        (TREE / file).write_text(original)
        known.compiled(file)
        known.builds()
    print(f"{file}: {noticed} of {tried} were noticed", flush=True)


def main():
    arguments = argparse.ArgumentParser(prog="./dev mutants", description=__doc__)
    arguments.add_argument("--most", type=int, default=25, help="so many for each file; by default 25")
    arguments.add_argument("--seed", default="1", help="others for another one")
    arguments.add_argument("--tests", metavar="PATTERN", default="", help="only those whose names it is found in")
    arguments.add_argument("files", metavar="FILE", nargs="*", type=Path)
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)  # of the mistakes
    copy_tree()
    files = [each.resolve() for each in chosen.files]
    files = files or sorted([*ROOT.glob("src/**/*.?pp"), *ROOT.glob("python/chainner_logger/**/*.py")])
    for file in [each.relative_to(ROOT) for each in files if "windows" not in each.parts]:
        try_file(language(file.suffix == ".py"), file, chosen.most, chosen.seed, chosen.tests)


main()
