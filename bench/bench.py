#!/usr/bin/env python3
"""bench.py BUILD_DIRECTORY [--rounds N] [--into README] [RUN...]

Measures the contestants side by side and prints one table. Each figure comes from a process of its own; in each round
every contestant has its turn at each run, in a new order, so that the noise of the machine hits all alike. Shown are
medians over the rounds, and half the distance between the quartiles as the spread. RUN: only these runs, see RUNS.

The results are also written to BUILD_DIRECTORY, as results.md and results.json. --into replaces the results within a
README. The exit status is 1 if a record of ours costs a quarter more instructions than it should.
"""

import argparse
import datetime
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED_INSTRUCTIONS = HERE / "instructions_per_record"
MOST_INSTRUCTIONS = 1.25  # times the expected ones
PATIENCE = 4  # seconds, for whoever logs to a pipe that nobody reads
STARTS = 5  # a round

OURS, FLOOR, SPDLOG, BOOST, LOG4CPLUS, GLOG, PYTHON, OURS_IN_PYTHON = (
    "ours", "floor", "spdlog", "Boost.Log", "log4cplus", "glog", "Python", "ours, Python"
)
PROGRAMS = {
    OURS: "ours", FLOOR: "floor", SPDLOG: "spdlog", BOOST: "boost_log", LOG4CPLUS: "log4cplus", GLOG: "glog"
}
SCRIPTS = {PYTHON: "python_logging", OURS_IN_PYTHON: "ours_in_python"}


@dataclass
class Run:
    """What is measured at a time."""

    what: str
    console: str = ""  # what stderr is, if it is logged to: null, read or unread
    is_before_6_18: bool = False  # the kernel, as far as it knows RWF_NOSIGNAL
    processes: int = 1  # at the same time, in the same folder
    files: int = 0  # of others in the folder
    values: dict = field(default_factory=dict)
    without: tuple = ()
    is_exact: bool = False  # each round would find the same


@dataclass
class Row:
    title: str
    run: str
    figure: str
    unit: str = ""  # without one, figures are shown instead of ratios
    nanoseconds: float = 1  # of the unit
    is_target: bool = False  # not to be slower than spdlog; elsewhere that is told only where ours is
    is_fastest: bool = False  # not to be slower than anybody who keeps each record


RUNS = {
    "file": Run("log"),
    "console-null": Run("log", "null"),
    "console-read": Run("log", "read"),
    "console-unread": Run("log", "unread", without=(FLOOR,)),
    "old-console-null": Run("log", "null", is_before_6_18=True),
    "old-console-read": Run("log", "read", is_before_6_18=True),
    "old-console-unread": Run("log", "unread", is_before_6_18=True, without=(FLOOR,)),
    "threads-2": Run("log", values={"threads": 2}),
    "threads-8": Run("log", values={"threads": 8}),
    "threads-64": Run("log", values={"threads": 64}),
    "files-100": Run("log", files=100),
    "files-10000": Run("log", files=10_000),
    "processes-4": Run("log", processes=4),
    "processes-16": Run("log", processes=16),
    "message-20": Run("log", values={"message": 20}),
    "message-100": Run("log", values={"message": 100}),
    "message-1000": Run("log", values={"message": 1000}),
    "message-100000": Run("log", values={"message": 100_000}),
    "captured": Run("log", values={"capture": 1}, without=tuple(SCRIPTS)),
    "print": Run("print", "read", without=(SPDLOG, BOOST, LOG4CPLUS, GLOG, PYTHON, OURS_IN_PYTHON)),
    "disabled": Run("disabled"),
    "latency": Run("latency", without=(OURS_IN_PYTHON,)),
    "start": Run("start"),
    "instructions": Run("instructions", without=tuple(SCRIPTS), is_exact=True),
    "size": Run("size", without=tuple(SCRIPTS), is_exact=True),
}

# Where nobody waits for anybody, the clock of the calling thread: it leaves out what other programs took meanwhile.
ROWS = [
    Row("file only: 1 thread, 1 process", "file", "cpu_time", "ns"),
    Row("file, console to /dev/null", "console-null", "cpu_time", "ns"),
    Row("file, console to a pipe, read", "console-read", "real_time", "ns"),
    Row("file, console to a pipe, unread", "console-unread", "real_time", "ns"),
    Row("before Linux 6.18: console to /dev/null", "old-console-null", "cpu_time", "ns"),
    Row("before Linux 6.18: to a pipe, read", "old-console-read", "real_time", "ns", is_target=True),
    Row("before Linux 6.18: to a pipe, unread", "old-console-unread", "real_time", "ns"),
    Row("2 threads", "threads-2", "real_time", "ns"),
    Row("8 threads", "threads-8", "real_time", "ns"),
    Row("64 threads", "threads-64", "real_time", "ns"),
    Row("100 files in the folder", "files-100", "cpu_time", "ns"),
    Row("10,000 files in the folder", "files-10000", "cpu_time", "ns"),
    Row("4 processes in one folder", "processes-4", "cpu_time", "ns"),
    Row("16 processes in one folder", "processes-16", "cpu_time", "ns"),
    Row("messages of 20 bytes", "message-20", "cpu_time", "ns"),
    Row("messages of 100 bytes", "message-100", "cpu_time", "ns"),
    Row("messages of 1,000 bytes", "message-1000", "cpu_time", "ns", is_fastest=True),
    Row("messages of 100,000 bytes", "message-100000", "cpu_time", "µs", 1e3, is_fastest=True),
    Row("file only, while output is captured by ours", "captured", "cpu_time", "ns"),
    Row("a line printed, captured; floor: to a pipe, read", "print", "real_time", "ns"),
    Row("a level that is not logged", "disabled", "cpu_time", "ns"),
    Row("latency: 50 % within", "latency", "p50", "ns"),
    Row("latency: 99 % within", "latency", "p99", "µs", 1e3),
    Row("latency: 99.9 % within", "latency", "p99.9", "µs", 1e3),
    Row("latency: a rotation", "latency", "rotation", "µs", 1e3, is_target=True),
    Row("latency: the longest", "latency", "max", "µs", 1e3, is_target=True),
    Row("start to first record", "start", "real_time", "ms", 1e6, is_target=True),
    Row("instructions", "instructions", "instructions"),
    Row("heap allocations", "file", "allocations"),
    Row("heap allocations, 1,000 bytes", "message-1000", "allocations"),
    Row("size in the program, KiB", "size", "kibibytes"),
]


class Stopped(Exception):
    """A contestant did not come back, or fell over another process's files."""


class Course:
    """Lets one contestant take one run at a time."""

    def __init__(self, build):
        self.build = build
        self.commands = {title: [str(build / "bench" / f"bench_{name}")] for title, name in PROGRAMS.items()}
        for title, name in SCRIPTS.items():
            self.commands[title] = [sys.executable, str(HERE / "contestants" / f"{name}.py")]
        os.environ["PYTHONPATH"] = str(build / "python" / "package")

    def measure(self, contestant, run):
        command = self.commands[contestant]
        if run.what == "start":
            return {"real_time": statistics.median(self.time_of_start(command) for _ in range(STARTS))}
        if run.what == "instructions":
            return {"instructions": (self.instructions(command, 3000) - self.instructions(command, 1000)) / 2000}
        if run.what == "size":
            return {"kibibytes": self.size(command[0]) / 1024}
        with open_console(run.console) as stderr:
            outputs = self.call(command, run, stderr)
        figures = [json.loads(output)["benchmarks"][0] for output in outputs]
        if run.processes == 1:
            return figures[0]
        return {"cpu_time": statistics.mean(each["cpu_time"] for each in figures)}

    def call(self, command, run, stderr=None):
        """What each process of a contestant prints. Its files are gone afterwards."""
        environment = dict(os.environ)
        if run.is_before_6_18:
            environment["LD_PRELOAD"] = str(self.build / "bench" / "libwithout_no_signal.so")
        with tempfile.TemporaryDirectory(dir=self.build) as directory:
            for number in range(run.files):
                Path(directory, f"{number}.txt").touch()
            values = {"console": int(run.console != ""), **run.values}
            command = [*command, run.what, directory, *(f"{key}={value}" for key, value in values.items())]
            running = [
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment)
                for _ in range(run.processes)
            ]
            try:
                outputs = [each.communicate(timeout=PATIENCE if run.console else None)[0] for each in running]
            except subprocess.TimeoutExpired:
                for each in running:
                    each.kill()
                    each.communicate()
                raise Stopped from None
        for each in running:
            if each.returncode != 0:
                if run.processes > 1:
                    raise Stopped
                sys.exit(f"bench: {' '.join(command)} ended with status {each.returncode}")
        return outputs

    def time_of_start(self, command):
        with tempfile.TemporaryDirectory(dir=self.build) as directory:
            began = time.perf_counter_ns()
            subprocess.run([*command, "records", directory, "count=1"], check=True)
            return time.perf_counter_ns() - began

    def instructions(self, command, count):
        with tempfile.NamedTemporaryFile("r", dir=self.build) as output:
            valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output.name}", "--quiet"]
            self.call(valgrind + command, Run("records", values={"count": count}))
            return int(re.search(r"^summary: (\d+)", output.read(), re.MULTILINE)[1])

    def size(self, program):
        """Bytes of the libraries that are not everybody's, and of the program, less what is the benchmark's own."""
        libraries = re.findall(r"=> (\S+)", subprocess.check_output(["ldd", program], text=True))
        everybodys = ("libc.", "libm.", "libgcc_s.", "libstdc++.", "libbenchmark.")
        own = [each for each in libraries if not Path(each).name.startswith(everybodys)]
        benchmark = self.stripped_size(self.commands[FLOOR][0])
        return sum(map(os.path.getsize, own)) + self.stripped_size(program) - benchmark

    def stripped_size(self, program):
        with tempfile.NamedTemporaryFile(dir=self.build) as stripped:
            subprocess.run(["strip", "-o", stripped.name, program], check=True)
            return os.path.getsize(stripped.name)


class open_console:
    """What a contestant gets as stderr. Whoever does not log to it has ours, for its own errors."""

    def __init__(self, kind):
        self.kind = kind
        self.reader = None
        self.ends = ()

    def __enter__(self):
        if self.kind == "null":
            return subprocess.DEVNULL
        if self.kind == "unread":
            self.ends = os.pipe()
            return self.ends[1]
        if self.kind == "read":
            self.reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            return self.reader.stdin
        return None

    def __exit__(self, *_):
        for end in self.ends:
            os.close(end)
        if self.reader:
            self.reader.stdin.close()
            self.reader.wait()


def measure_all(build, names, rounds):
    """Of each run and contestant the figures of each round; none for who has stopped."""
    course = Course(build)
    results = {name: {each: [] for each in course.commands if each not in RUNS[name].without} for name in names}
    for number in range(rounds):
        for name in names:
            for contestant in random.sample(list(results[name]), len(results[name])):
                figures = results[name][contestant]
                if number > 0 and (RUNS[name].is_exact or not figures):
                    continue
                show_progress(f"round {number + 1} of {rounds}: {name}, {contestant}")
                try:
                    figures.append(course.measure(contestant, RUNS[name]))
                except Stopped:
                    figures.clear()
    show_progress("")
    return results


def show_progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@dataclass
class Cell:
    """A contestant's figure in a row: median and spread, of itself and of its ratio to ours in the same round."""

    value: float
    value_spread: float
    ratio: float
    ratio_spread: float


def median_and_spread(values):
    if len(values) == 1:
        return values[0], 0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, (high - low) / 2


def cells_of(row, results):
    """None for who has stopped; nobody who was not measured."""
    cells = {}
    ours = [each[row.figure] for each in results[row.run][OURS]]
    for contestant, rounds in results[row.run].items():
        if not rounds:
            cells[contestant] = None
        elif row.figure in rounds[0]:
            values = [each[row.figure] for each in rounds]
            ratios = [value / our for value, our in zip(values, ours) if our > 0] or [1]
            cells[contestant] = Cell(*median_and_spread(values), *median_and_spread(ratios))
    return cells


def targets(table):
    """What is wanted of ours: what, how much, what it is, and whether that will do."""
    cells = {(row.run, row.figure): row_cells for row, row_cells in table}
    found = []

    def want(title, wanted, value, is_met):
        found.append((title, wanted, f"{value:.2f}", is_met))

    file = cells.get(("file", "cpu_time"))
    if file:
        floor = 1 / file[FLOOR].ratio
        want("file only, times the floor", "at most 1.40", floor, floor <= 1.4)
        for contestant, least in ((SPDLOG, 1.25), (BOOST, 2), (LOG4CPLUS, 2), (PYTHON, 12)):
            ratio = file[contestant].ratio
            want(f"file only, faster than {contestant}", f"at least {least:.2f}", ratio, ratio >= least)
        ratio = file[PYTHON].ratio / file[OURS_IN_PYTHON].ratio
        want("file only, in Python, faster than logging", "at least 8.00", ratio, ratio >= 8)
    if disabled := cells.get(("disabled", "cpu_time")):
        ratio = disabled[PYTHON].ratio / disabled[OURS_IN_PYTHON].ratio
        want("a level that is not logged, in Python, faster than logging", "at least 1.00", ratio, ratio >= 1)
    if console := cells.get(("console-read", "real_time")):
        ratio = console[SPDLOG].ratio
        want(f"console on a pipe that is read, faster than {SPDLOG}", "at least 1.30", ratio, ratio >= 1.3)
    for run in ("files-100", "files-10000"):
        if file and (growth := cells.get((run, "cpu_time"))):
            times = growth[OURS].value / file[OURS].value
            want(f"{RUNS[run].files:,} files in the folder, times the cost in an empty one", "at most 1.05", times,
                 times <= 1.05)
    for run in ("processes-4", "processes-16"):
        if file and (growth := cells.get((run, "cpu_time"))):
            times = file[FLOOR].ratio / growth[FLOOR].ratio
            want(f"{RUNS[run].processes} processes in one folder, growth times the floor's", "at most 1.05", times,
                 times <= 1.05)
    for row, row_cells in table:
        fastest = SPDLOG
        if row.is_fastest:
            others = (each for each in row_cells if each not in (OURS, FLOOR, OURS_IN_PYTHON))
            fastest = min(others, key=lambda each: row_cells[each].ratio)
        theirs = row_cells.get(fastest)
        is_slower = theirs and theirs.ratio + theirs.ratio_spread < 1
        if row.unit and theirs and (is_slower or row.is_fastest or row.is_target):
            want(f"{row.title}, not slower than {fastest}", "at least 1.00", theirs.ratio, not is_slower)
        if row.figure == "allocations":
            want(row.title, "0", row_cells[OURS].value, row_cells[OURS].value < 0.01)
    return found


def markdown(header, rows):
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]

    def line_of(cells):
        padded = [cell.rjust(width) for cell, width in zip(cells, widths)]
        padded[0] = cells[0].ljust(widths[0])
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(map(line_of, [header, rule, *rows]))


def text_of(row, contestant, cell):
    if cell is None:
        return "stops"
    if not row.unit:
        return f"{cell.value:,.0f}"
    if contestant != OURS:
        return f"{cell.ratio:.2f} ±{cell.ratio_spread:.2f}"
    value = cell.value / row.nanoseconds
    return f"{value:,.{0 if value >= 100 else 1}f} {row.unit} ±{100 * cell.value_spread / cell.value:.0f} %"


def report(table, about):
    contestants = [*PROGRAMS, *SCRIPTS]
    costs = [
        [row.title, *(text_of(row, each, cells[each]) if each in cells else "" for each in contestants)]
        for row, cells in table
    ]
    wishes = [[*texts, "yes" if is_met else "no"] for *texts, is_met in targets(table)]
    parts = [about, markdown(["a record costs", *contestants], costs)]
    if wishes:
        parts.append(markdown(["target", "wanted", "is", "met"], wishes))
    return "\n\n".join(parts)


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    compiler = subprocess.check_output(["c++", "--version"], text=True).splitlines()[0]
    return f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, {compiler}"


def as_json(table, about):
    rows = [
        {"title": row.title, "run": row.run, "figure": row.figure,
         "contestants": {name: cell and vars(cell) for name, cell in cells.items()}}
        for row, cells in table
    ]
    wishes = [dict(zip(("target", "wanted", "is", "met"), each)) for each in targets(table)]
    return json.dumps({"about": about, "targets": wishes, "rows": rows}, indent=2, ensure_ascii=False)


def put_into(readme, text):
    begin, end = "<!-- results -->\n", "<!-- end of results -->\n"
    before, _, rest = readme.read_text().partition(begin)
    _, _, after = rest.partition(end)
    readme.write_text(before + begin + "\n" + text + "\n\n" + end + after)


def check_instructions(results):
    """What is shown of the regression figure, and whether it is met."""
    found = results["instructions"][OURS][0]["instructions"]
    expected = int(EXPECTED_INSTRUCTIONS.read_text())
    text = f"{found:.0f} instructions a record, {expected} expected ({100 * found / expected - 100:+.1f} %)"
    return text, found <= expected * MOST_INSTRUCTIONS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--into", type=Path, metavar="README")
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(RUNS))
    arguments = parser.parse_intermixed_args()
    for name in arguments.runs:
        if name not in RUNS:
            parser.error(f"{name} is no run; it must be one of {', '.join(RUNS)}")
    build = arguments.build.resolve()

    load = os.getloadavg()[0]
    results = measure_all(build, arguments.runs or list(RUNS), arguments.rounds)
    about = (
        f"{datetime.datetime.now():%Y-%m-%d}, {machine()}; {arguments.rounds} rounds; "
        f"load of the machine {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    table = [(row, cells_of(row, results)) for row in ROWS if row.run in results]
    text = report(table, about)
    (build / "results.md").write_text(text + "\n")
    (build / "results.json").write_text(as_json(table, about) + "\n")
    if arguments.into:
        put_into(arguments.into, text)
    print("\n" + text + "\n")
    if "instructions" in results:
        text, is_met = check_instructions(results)
        print(text)
        if not is_met:
            sys.exit(f"bench: that is too many; if it has to be, change {EXPECTED_INSTRUCTIONS}")


if __name__ == "__main__":
    main()
