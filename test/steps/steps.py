#!/usr/bin/env python3
"""steps.py LIFE [--every] [--jobs N] [ROW [STEP]]: something happens at each step of a life (see life_linux.cpp).

LIFE is that program. Without --every, each row takes as many steps as fit into minutes, others each day. A ROW is what
happens, as the table names it (`fail EIO`), or how its name begins; with a STEP it happens there, and a backtrace says
where that is. Linux on x86-64 only."""

import argparse
import collections
import datetime
import errno
import itertools
import multiprocessing
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

from traced import CONT, NUMBERS, ORIG_RAX, PATIENCE, R10, RAX, RDI, RIP, RSI, SYSCALL, Life, peek, poke

EVER = float("inf")
PAGE, HEADING = Path(__file__).resolve().parents[2] / "doc" / "steps.md", "## All steps\n\n"
TODAY = str(datetime.date.today())
FAULT = 0.3  # seconds that one lasts which stays

CALLS = (
    "record long_record captured_record rotation flush pattern get get_from_env first_setup setup_again "
    "setup_elsewhere capture release end crash_handler log_directory describe_exit"
).split()
ACTIONS = "exit fork log get pattern print".split()
NEED_MALLOC = {"signal pattern", "held fork"}  # which libc's lock forbids inside of malloc: no promise of ours
HELD_ACTIONS, HELD_CALLS = "exit fork log get pattern".split(), ("record", "rotation")
PATHS = (
    "open stat lstat access rename mkdir rmdir link unlink readlink chmod openat mkdirat newfstatat unlinkat renameat "
    "faccessat renameat2 statx faccessat2 "
)
FAILING = {  # which system calls
    "EIO": PATHS + "read write close fstat pread64 pwrite64 fsync ftruncate fchmod getdents64",
    "ENOSPC": "write pwrite64 rename mkdir link openat mkdirat renameat renameat2",
    "EMFILE": "pipe dup fcntl openat eventfd2 pipe2 memfd_create",
    "EACCES": PATHS,
    "EINTR": "read write close poll pread64 pwrite64 wait4 fcntl flock ftruncate openat ppoll getrandom",
    "ENOMEM": PATHS + "poll mmap mprotect brk pipe clone fork eventfd2 pipe2 clone3",
}
FAILING = {error: {NUMBERS[name] for name in names.split()} for error, names in FAILING.items()}
CLOSE, FCNTL, FSTATAT, WRITE = (NUMBERS[name] for name in ("close", "fcntl", "newfstatat", "write"))
RENAMES = {NUMBERS[name] for name in ("rename", "renameat", "renameat2")}
AT_EMPTY_PATH, F_DUPFD = 0x1000, {0, 1030}


class Hang(Exception):
    pass


# What must hold

SAYS_SO = "The previous session of this log ended without"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(\d+)\] \[(\w+)\] (.*)")
RECORD = re.compile(r"(?:stdout: )?record (\d+) x{60}\.")


def read(folder):
    """The lines of each log, oldest first."""
    logs = collections.defaultdict(list)
    for path in folder.rglob("*.log"):
        name, number = re.fullmatch(r"(.*?)(?:\.(\d+))?\.log", str(path)).groups()
        logs[name].append((-int(number or 0), path.read_bytes().decode(errors="replace")))
    return {name: "".join(text for _, text in sorted(files)).split("\n") for name, files in logs.items()}


def faults_in(life, may_lose=0):
    faults, found = [], collections.Counter()
    for name, lines in read(life.folder).items():
        if lines.pop():
            faults.append("a log ends in the midst of a line")
        last, writers = {}, []
        for text in lines:
            line = LINE.fullmatch(text)
            if line is None:
                if not text.startswith("\t"):
                    faults.append(f"no record: {text[:100]!r}")
                continue
            if line[1] not in writers[-1:]:
                writers.append(line[1])
            if record := RECORD.fullmatch(line[3]):
                number = int(record[1])
                found[number] += 1
                is_captured = line[3].startswith("stdout")  # a record waits 100 ms at most for what was printed before
                if number < last.get(line[1], 0) and not is_captured:
                    faults.append(f"record {number} comes after record {last[line[1]]}")
                last[line[1]] = max(number, last.get(line[1], 0))
            elif "xxxxxxxxxx" in line[3]:
                faults.append(f"part of a record: {line[3]!r}")
        if len(writers) > len(set(writers)):
            faults.append(f"two processes write {Path(name).name} at once")
    lost = [number for number in range(4096) if life.shared.acknowledged[number] and not found[number]]
    if len(lost) > may_lose:
        faults.append(f"acknowledged, but lost: {lost}")
    if twice := [number for number, count in found.items() if count > 1]:
        faults.append(f"twice: {twice}")
    return faults


def next_process(life):
    """What it does and says."""
    left_open = False
    live = life.folder / "worker.log"
    if live.exists():
        lines = live.read_text().splitlines()
        left_open = bool(lines) and "Logger closed" not in lines[-1] and any("Logger initialized" in x for x in lines)
    faults = life.beside("next")
    if left_open and not any(SAYS_SO in line for lines in read(life.folder).values() for line in lines):
        faults.append("the next process does not say how the one before it ended")
    return faults


# What happens


def can_fail(task, error):
    call = peek(task, ORIG_RAX)
    if call == FCNTL and peek(task, RSI) not in F_DUPFD:
        return False
    return call in FAILING[error] and not (error == "EACCES" and call == FSTATAT and peek(task, R10) & AT_EMPTY_PATH)


def is_of_log(task):
    """Whether a write, which has a descriptor, is one to a log."""
    if peek(task, ORIG_RAX) in RENAMES:
        return True
    try:
        return os.readlink(f"/proc/{task}/fd/{peek(task, RDI)}").endswith(".log")
    except OSError:
        return False


def started(row):
    """A life for this row, at its first step."""
    row, _, mistake = row.partition(" with ")
    kind, *words = row.split()
    life = Life(*(["call", *words] if kind == "signal" else ["held", *words] if kind == "held" else ["whole"]), mistake)
    next(life.events())
    return life


def try_step(row, step, shown=False, alone=False):
    """What was wrong (None: it was never reached; shown: the backtrace of the step), and whether it was in malloc."""
    kind, *words = row.split()
    life = started(row)
    failing, failed, must_say, until, is_reached, in_malloc, faults = None, set(), "", 0.0, False, False, []
    if kind in ("signal", "held"):
        address, visits = (int(number, 16) for number in step.split("."))
        life.break_at(address)
    elif kind == "memory":
        life.shared.failing_allocation = int(step)
    life.go(CONT if kind in ("signal", "held", "memory") else SYSCALL)
    try:
        signal.alarm(PATIENCE)
        for what, task in life.events():
            if what == "trap":
                is_here = kind == "memory"
                if kind in ("signal", "held") and peek(task, RIP) == address:
                    visits -= 1
                    is_here = visits == 0
            else:
                is_here = what == "call" and life.step(task) == step and not is_reached
            if is_here:
                is_reached = True
                if shown:
                    return life.backtrace(life.process_of(task), task), False
                if kind in ("signal", "held"):
                    in_malloc = life.shared.inside_malloc > 0
                    life.break_at(0)
                if kind == "signal":
                    life.deliver = signal.SIGUSR1
                elif kind == "held":
                    life.held.add(task)
                    life.shared.may_go = 1
                elif kind == "two":
                    faults += life.beside("other")
                elif kind in ("fail", "stay"):
                    failing, until = peek(task, ORIG_RAX), time.monotonic() + (FAULT if kind == "stay" else 0)
                    if failing in {WRITE, *RENAMES} and words[0] != "EINTR" and is_of_log(task):
                        must_say = os.strerror(getattr(errno, words[0]))
                    life.shared.is_failing = kind == "stay"
                if kind == "kill" or row == "two killed":
                    os.kill(life.process_of(task), signal.SIGKILL)
            if what == "call" and failing == peek(task, ORIG_RAX) and can_fail(task, words[0]):
                if is_here or time.monotonic() < until:
                    failed.add(task)
                    if failing != CLOSE:  # which closes also when it fails
                        poke(task, ORIG_RAX, -1)
            elif what == "return" and task in failed:
                failed.remove(task)
                poke(task, RAX, -getattr(errno, words[0]))
            if kind == "stay" and time.monotonic() > until:
                life.shared.is_failing = 0
        signal.alarm(0)
        if not is_reached:
            return None, False
        if life.end != 0 and not (kind == "kill" or row == "two killed"):
            faults.append(f"ended with {life.end}")
        faults += faults_in(life, may_lose=kind == "memory")
        warnings = [line for log in read(life.folder).values() for line in log if "[WARNING]" in line]
        if not any(must_say in line for line in warnings or [""]):
            faults.append(f"no WARNING says {must_say!r}")
        if kind in ("kill", "two"):
            faults += next_process(life)
    except Hang:
        faults.append("hangs")
        if alone:
            for process in {life.process_of(task) for task in life.tasks}:
                print(f"Process {process} hangs:", life.backtrace(process), sep="\n")
    finally:
        signal.alarm(0)
        life.kill()
        life.remove()
    return faults, in_malloc


def on_alarm(*_):
    raise Hang


def calls_and_allocations():
    """The steps at which each error may come, and all, with the number of the system call; and how many allocations."""
    life, steps = started("kill"), collections.defaultdict(dict)
    life.shared.failing_allocation = 2**32 - 1
    life.go(SYSCALL)
    for what, task in life.events():
        if what == "call":
            for error in ("all", *FAILING):
                if error == "all" or can_fail(task, error):
                    steps[error][life.step(task)] = peek(task, ORIG_RAX)
    count = life.shared.allocations
    life.remove()
    return steps, [str(number) for number in range(1, count + 1)]


def instructions_of(row):
    life = started(row)
    steps = life.instructions()
    life.kill()
    life.remove()
    return steps


def rows_and_steps(wanted, pool, day=None):
    """Of the calls that a signal interrupts, four a day."""
    calls, allocations = calls_and_allocations()
    rows = {"kill": calls["all"], "memory": allocations}
    rows.update({f"{kind} {error}": calls[error] for kind in ("fail", "stay") for error in FAILING})
    rows.update({f"two {what}": calls["all"] for what in ("killed", "stopped")})
    rows = {row: list(steps) for row, steps in rows.items() if row.startswith(wanted)}
    interrupted = random.Random(day).sample(CALLS, 4) if day else CALLS
    for kind, actions, named in ("signal", ACTIONS, interrupted), ("held", HELD_ACTIONS, HELD_CALLS):
        of_kind = {f"{kind} {what} {call}": call for what in actions for call in named}
        of_kind = {row: call for row, call in of_kind.items() if row.startswith(wanted) and row != "signal exit end"}
        one_of_each = {call: row for row, call in of_kind.items()}
        traces = dict(zip(one_of_each, pool.map(instructions_of, one_of_each.values(), 1)))
        rows.update({row: traces[call] for row, call in of_kind.items()})
    return rows


def stay_on_one_processor():
    """With what is traced, which is what makes it fast on a busy machine."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[os.getpid() % len(os.sched_getaffinity(0))]})


def attempt(case):
    row, step, until = case
    if time.monotonic() > until:
        return row, step, None, False
    return row, step, *try_step(row, step)


def try_all(pool, rows, until=EVER):
    """How many steps of each row were tried, and those that were wrong."""
    groups = collections.defaultdict(list)
    for row, steps in rows.items():
        groups[row.split()[0]] += [(row, step, until) for step in steps]
    for group in groups.values():
        random.Random(TODAY).shuffle(group)
    tried, wrong = collections.Counter(), collections.defaultdict(dict)
    turns = itertools.takewhile(lambda _: time.monotonic() < until, itertools.zip_longest(*groups.values()))
    cases = (case for turn in turns for case in turn if case and (until == EVER or len(wrong[case[0]]) < 5))
    for row, step, faults, in_malloc in pool.imap_unordered(attempt, cases):
        tried[row] += faults is not None
        if faults and not (in_malloc and row.rpartition(" ")[0] in NEED_MALLOC):
            wrong[row][step] = faults
            if " with " not in row:
                print(f"./dev test steps {row} {step}: {'in malloc: ' * in_malloc}{'; '.join(faults)}", flush=True)
    return tried, wrong


def check_itself(pool):
    """Each mistake has to be noticed where it is made."""
    calls, lock = calls_and_allocations()[0], instructions_of("signal log record with lock")
    rows = {
        "fail ENOSPC with write": [step for step, call in calls["ENOSPC"].items() if call == WRITE],
        "fail EIO with rename": [step for step, call in calls["EIO"].items() if call in RENAMES],
        "signal log record with lock": [lock[len(lock) // 2]],
    }
    _, wrong = try_all(pool, rows)
    for row, fault, count in ("write", "lost", 20), ("rename", "lost", 1), ("lock", "hangs", 1):
        row = next(name for name in rows if name.endswith(row))
        if sum(fault in "; ".join(faults) for faults in wrong[row].values()) < count:
            sys.exit(f"steps.py is wrong itself: {row} was noticed at {wrong[row]} only")


def describe(row, step):
    """What is wrong at a step, and where it is."""
    faults = try_step(row, step, alone=True)[0]
    print("It was not reached" if faults is None else "\n".join(faults) or "Nothing is wrong")
    print(f"The step {step}:", try_step(row, step, shown=True)[0], sep="\n")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("life")
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("row", nargs="*")
    options = parser.parse_intermixed_args()
    Life.program = options.life
    signal.signal(signal.SIGALRM, on_alarm)
    if options.row and re.search(r"\d", options.row[-1]):
        sys.exit(1 if describe(" ".join(options.row[:-1]), options.row[-1]) else 0)
    with multiprocessing.Pool(options.jobs, stay_on_one_processor) as pool:
        if not options.row:
            check_itself(pool)
        rows = rows_and_steps(" ".join(options.row), pool, None if options.every or options.row else TODAY)
        tried, wrong = try_all(pool, rows, EVER if options.every else time.monotonic() + options.seconds)
    for row, steps in wrong.items():
        if steps:
            print(f"\n./dev test steps {row} {next(iter(steps))}:")
            describe(row, next(iter(steps)))
    lines = [f"| {row} | {len(steps)} | {tried[row]} | {len(wrong[row])} |" for row, steps in rows.items()]
    table = "\n".join(["| what happens | steps | tried | wrong |", "|---|---|---|---|", *lines, ""])
    print(table)
    if options.every and not options.row:
        text = PAGE.read_text().partition(HEADING)[0]
        PAGE.write_text(f"{text}{HEADING}{TODAY}, {os.uname().release}:\n\n{table}")
    sys.exit(1 if any(wrong.values()) else 0)


if __name__ == "__main__":
    main()
