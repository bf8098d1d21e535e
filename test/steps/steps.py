#!/usr/bin/env python3
"""steps.py LIFE [--every | --day DAY] [ROW [STEP]]: something happens at each step of a life (see life_linux.cpp).

LIFE is that program. Without --every, as many steps of each kind as fit into minutes, others each day. A ROW is what
happens, as doc/steps.md names it (`fail EIO`), or how its name begins; with a STEP it happens there, and a backtrace
says where that is. Linux on x86-64 only."""

import argparse
import collections
import contextlib
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

from traced import BUSY, CHANGES, CONT, EVER, ORIG_RAX, R10, RAX, RDI, RSI, SYSCALL, Life, call_of, peek, poke

JOBS = len(os.sched_getaffinity(0))
SECONDS, FAULT = 180, 0.3  # that all takes, and that a fault lasts which stays
STEPS_OF_A_LIFE = 5000  # at most: each may write 200 kB, and take some numbers of the records and the processes

CALLS = (
    "record long_record printed_record rotation flush pattern get get_from_env first_setup setup_again "
    "setup_elsewhere capture release fork malloc end crash_handler log_directory describe_exit"
).split()
CALLS += [f"captured {call}" for call in CALLS if call != "first_setup"]
ACTIONS = "exit fork log get pattern print".split()
HELD_CALLS = "record", "rotation", "captured record", "captured rotation"
# Which the C library forbids; and a full pipe.
NO_PROMISE = re.compile("signal (exit .*end|fork .*fork|fork captured end)|held print")
NOT_IN_MALLOC = "signal pattern", "signal exit capture", "signal fork capture", "held fork"  # which it forbids there
NOT_IN_TIME_ZONE = "held", "signal print captured"  # whose lock others wait for, and what is printed for them
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
RENAMES = "rename", "renameat", "renameat2"
AT_EMPTY_PATH, F_DUPFD = 0x1000, {0, 1030}

# What must hold

SAYS_SO = "The previous session of this log ended without"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(\d+)\] \[(\w+)\] (.*)")
RECORD = re.compile(r"(?:stdout: )?record (\d+) x{60}\.")


def read(folder):
    """The lines of each log, oldest first."""
    logs = collections.defaultdict(str)
    numbered = [(*re.fullmatch(r"(.*?)(?:\.(\d+))?\.log", str(path)).groups(), path) for path in folder.rglob("*.log")]
    for name, _, path in sorted(numbered, key=lambda each: -int(each[1] or 0)):
        with contextlib.suppress(FileNotFoundError):  # another thread has just renamed it
            logs[name] += path.read_bytes().decode(errors="replace")
    return {name: text.split("\n") for name, text in logs.items()}


def faults_in(life, may_lose):
    faults, found = [], collections.Counter()
    for name, lines in read(life.folder).items():
        faults += ["a log ends in the midst of a line"] * bool(lines.pop())
        last, writers = collections.Counter(), [None]
        for text in lines:
            line = LINE.fullmatch(text)
            if line is None:
                faults += [f"no record: {text[:100]!r}"] * (not text.startswith("\t"))
                continue
            writers += [line[1]] * (line[1] != writers[-1])
            if record := RECORD.fullmatch(line[3]):
                number = int(record[1])
                found[number] += 1
                writer = line[1], number > 500  # the held thread comes after the other one
                # A record waits 100 ms at most for what was printed before.
                if number < last[writer] and not line[3].startswith("stdout"):
                    faults.append(f"record {number} comes after record {last[writer]}")
                last[writer] = max(number, last[writer])
            elif "record" in line[3] and "xxxxxxxxxx" in line[3]:
                faults.append(f"part of a record: {line[3]!r}")
        if len(writers) > len(set(writers)):
            faults.append(f"two processes write {Path(name).name} at once")
    acknowledged = {number for number, is_one in enumerate(bytes(life.shared.acknowledged).rstrip(b"\0")) if is_one}
    lost = sorted(acknowledged - life.seen - set(found))
    twice = [number for number, count in found.items() if count > 1]
    return faults + [f"acknowledged, but lost: {lost}"] * (len(lost) > may_lose) + [f"twice: {twice}"] * bool(twice)


def next_process(life):
    """What it does and says."""
    live = life.folder / "worker.log"
    text = live.read_text() if live.exists() else ""
    left_open = text.rfind("Logger initialized") > text.rfind("Logger closed")
    faults = life.beside("next")
    says_so = any(SAYS_SO in line for log in read(life.folder).values() for line in log)
    return faults + ["the next process does not say how the one before it ended"] * (left_open and not says_so)


# What happens


def can_fail(task, error):
    call = call_of(task)
    if call == "fcntl" and peek(task, RSI) not in F_DUPFD:
        return False
    is_fstat = call == "newfstatat" and peek(task, R10) & AT_EMPTY_PATH
    return call in FAILING[error].split() and not (error == "EACCES" and is_fstat)


def is_of_log(task):
    """Whether a write, which has a descriptor, is one to a log."""
    return call_of(task) in RENAMES or os.path.realpath(f"/proc/{task}/fd/{peek(task, RDI)}").endswith(".log")


def started(row):
    row, _, mistake = row.partition(" with ")
    return Life(*row.split(), mistake=mistake)


def try_step(row, step, shown=False):
    """What was wrong (None: it was never reached, or nothing is promised there; shown: the backtrace of the step)."""
    with started(row) as life:
        try:
            return let_happen(life, row, step, shown)
        except TimeoutError:
            return hangs(life)


def hangs(life):
    processes = {life.process_of(task) for task in life.tasks}
    return [f"process {process} hangs: {life.mistake or life.backtrace(process)}\n" for process in processes]


def sweep(row, until, done=(), only=None):
    """In one life, it happens at each step of a call that is not done yet (or at these only), one after the other. The
    steps, each with its name and whether it was tried, and what was wrong."""
    steps = {}
    with started(row) as life:
        life.shared.is_swept = 1
        try:
            for key, step in life.walk(until):
                if key in done or only and step not in only:
                    continue
                steps[key] = step, is_promised(life, row)
                if is_promised(life, row):
                    life.disturb(row.split()[0])
                if "rotation" in row:  # it deletes the oldest
                    life.seen.update(int(number) for number in re.findall(r"record (\d+) x", str(read(life.folder))))
                if len(steps) == STEPS_OF_A_LIFE:
                    break
            life.shared.is_swept, life.request, life.left = 0, CONT, BUSY
            for _ in life.stops:
                pass
            return steps, [f"ended with {life.end}"] * (life.end != 0) + faults_in(life, may_lose=0)
        except TimeoutError:
            return steps, hangs(life)


def sweep_all(case):
    """By as many lives as that takes, and three more behind what was wrong. The row, its steps, and what was wrong."""
    (row, until), done, wrong, steps = case, {}, {}, range(STEPS_OF_A_LIFE)
    while len(steps) == STEPS_OF_A_LIFE or faults and len(wrong) < (1 if " with " in row else 3):
        steps, faults = sweep(row, until, done)
        done.update(steps)
        if faults:
            names = [step for step, _ in steps.values()]
            while not (alone := try_step(row, names[-1])) and len(names) > 1:
                half = names[: len(names) // 2]
                names = half if sweep(row, EVER, only=half)[1] else names[len(half) :]
            wrong[names[-1]] = alone or [*faults, "but not where it happens at this step alone"]
    return row, done, wrong


def is_promised(life, row):
    """Whether the process has to go on, and end as it was told."""
    in_malloc, in_time_zone = life.shared.inside_malloc, life.shared.inside_time_zone
    return not (in_malloc and row.startswith(NOT_IN_MALLOC) or in_time_zone and row.startswith(NOT_IN_TIME_ZONE))


def let_happen(life, row, step, shown):
    kind, error, *_ = *row.split(), ""
    is_killed, failing, failed, must_say, until, faults = row in ("kill", "two killed"), None, set(), "", 0.0, []
    task = life.come_to(step)
    if task is None or not is_promised(life, row):
        return None
    if shown:
        return life.backtrace(life.process_of(task), task)
    if kind == "signal":
        life.deliver = signal.SIGUSR1
    elif kind == "held":
        life.held.add(task)
        life.shared.may_go = 1
    elif kind == "two":
        faults += life.beside("other")
    elif kind in ("fail", "stay"):
        failing, until = call_of(task), time.monotonic() + (FAULT if kind == "stay" else 0)
        if failing in ("write", *RENAMES) and error != "EINTR" and is_of_log(task):
            must_say = os.strerror(getattr(errno, error))
        life.shared.is_failing = kind == "stay"
    if is_killed:
        os.kill(life.process_of(task), signal.SIGKILL)
    for what, task in itertools.chain([("call", task)], life.stops):
        if what == "return" and task in failed:
            failed.remove(task)
            poke(task, RAX, -getattr(errno, error))
        elif what == "call" and failing and call_of(task) == failing and can_fail(task, error):
            failed.add(task)
            if failing != "close":  # which closes also when it fails
                poke(task, ORIG_RAX, -1)
        if time.monotonic() > until:
            failing = None
            life.shared.is_failing = 0
    if life.end != 0 and not is_killed:
        faults.append(f"ended with {life.end}")
    must_say = must_say if time.monotonic() > until else ""  # the fault has outlived the process
    faults += faults_in(life, may_lose=kind == "memory")
    if must_say and not any("[WARNING]" in x and must_say in x for log in read(life.folder).values() for x in log):
        faults.append(f"no WARNING says {must_say!r}")
    return faults + (next_process(life) if kind in ("kill", "two") else [])


# Which steps there are


def calls_and_allocations():
    """The steps at which each error may come, and all, with the system call; and the allocations."""
    steps = collections.defaultdict(dict)
    with started("kill") as life:
        life.shared.failing_allocation = 2**32 - 1
        life.request = SYSCALL
        for what, task in life.stops:
            for error in ("all", *FAILING) if what == "call" else ():
                if error == "all" or can_fail(task, error):
                    steps[error][life.steps[task]] = call_of(task)
        return steps, [str(number) for number in range(1, life.shared.allocations + 1)]


def walk(row, until):
    with started(row) as life:
        return dict(life.walk(until))


def rows_and_steps(calls, allocations, wanted, pool, day, until):
    """Of a day: of the calls that a signal interrupts, and of those that a thread is held in, four and one."""
    rows = {"kill": calls["all"], "memory": allocations, "two killed": calls["all"], "two stopped": calls["all"]}
    rows.update({f"{kind} {error}": calls[error] for kind in ("fail", "stay") for error in FAILING})
    rows = {row: dict(zip(steps, steps)) for row, steps in rows.items() if row.startswith(wanted)}
    for kind, named, count in ("signal", CALLS, 4), ("held", HELD_CALLS, 1):
        named = random.Random(day).sample(named, count) if day else named
        of_kind = [(f"{kind} {what} {call}", f"{kind} log {call}") for what in ACTIONS for call in named]
        of_kind = [(row, walked) for row, walked in of_kind if row.startswith(wanted) and not NO_PROMISE.match(row)]
        walked = sorted({walked for _, walked in of_kind})
        steps = dict(zip(walked, pool.starmap(walk, [(row, until) for row in walked], 1)))
        for row, walked in of_kind:  # a process that ends sees what has been changed, and what has been read no more
            rows[row] = {x: step for x, step in steps[walked].items() if " exit" not in row or x[-1] == CHANGES}
    return rows


# All of them


def stay_on_one_processor():
    """With what is traced, which is what makes it fast on a busy machine."""
    allowed = sorted(os.sched_getaffinity(0))
    number = int(multiprocessing.current_process().name.rpartition("-")[2])
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def try_in_time(case):
    row, step, until = case
    return row, {step: try_step(row, step)} if time.monotonic() < until else {}


def try_all(pool, rows, day, until):
    """By sweeps, and as many of each kind of those that are left. How many steps of each row were tried, and those that
    were wrong."""
    tried, wrong, groups = collections.Counter(), collections.defaultdict(dict), collections.defaultdict(list)

    def note(row, found):
        for step, faults in found.items():
            if faults:
                print(f"./dev test steps {row} {step}: {'; '.join(faults)}", flush=True)
                wrong[row][step] = faults

    swept = [row for row in rows if re.match("(signal|held) (?!exit)", row)]
    random.Random(day).shuffle(swept)
    sweeps_end, reached = EVER if until == EVER else (time.monotonic() + until) / 2, {}
    for row, reached[row], found in pool.imap_unordered(sweep_all, [(row, sweeps_end) for row in swept]):
        tried[row] = sum(was_tried for _, was_tried in reached[row].values())
        note(row, found)
    for row, steps in rows.items():
        groups[row.split()[0]] += [(row, x, until) for key, x in steps.items() if key not in reached.get(row, ())]
    for group in groups.values():
        random.Random(day).shuffle(group)
    cases = [case for turn in itertools.zip_longest(*groups.values()) for case in turn if case]
    for row, found in pool.imap_unordered(try_in_time, cases, 20):
        tried[row] += any(faults is not None for faults in found.values())
        note(row, found)
    return tried, wrong


def check_itself(pool, calls):
    """Each mistake has to be noticed where it is made."""
    least = {"fail ENOSPC with write": 3, "fail EIO with rename": 1}
    swept = {"signal log record with lock": "hangs", "signal log long_record with claim": "lost"}
    sweeping = pool.map_async(sweep_all, [(row, EVER) for row in swept], 1)
    cases = [("fail ENOSPC with write", step) for step, call in calls["ENOSPC"].items() if call == "write"][::6]
    cases += [("fail EIO with rename", step) for step, call in calls["EIO"].items() if call in RENAMES]
    lost = [row for (row, _), faults in zip(cases, pool.starmap(try_step, cases, 1)) if "lost" in str(faults)]
    wrong = {row: str(found) for row, _, found in sweeping.get()}
    missed = [row for row in least if lost.count(row) < least[row]]
    missed += [row for row in swept if swept[row] not in wrong[row] or "not where" in wrong[row]]
    if missed:
        sys.exit(f"steps.py is wrong itself: it has not noticed {missed}, but {lost} and {wrong}")


def table(rows, tried, wrong):
    """One line for each kind, whatever the call."""
    lines = ["| what happens | steps | tried | wrong |", "|---|---|---|---|"]
    for kind, of_kind in itertools.groupby(rows, lambda row: " ".join(row.split()[:2])):
        counts = zip(*((len(rows[row]), tried[row], len(wrong[row])) for row in of_kind))
        lines.append(f"| {kind} | {' | '.join(str(sum(count)) for count in counts)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("life", type=lambda path: str(Path(path).resolve(strict=True)))
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--day", default=str(datetime.date.today()))
    parser.add_argument("row", nargs="*")
    options = parser.parse_intermixed_args()
    Life.program, end = options.life, EVER if options.every else time.monotonic() + SECONDS
    try:
        calls, allocations = calls_and_allocations()
    except PermissionError:
        print("skipping steps: here a process may not trace its own children, or not set breakpoints in them")
        return
    *row, step = options.row or [""]
    if re.search(r"\d", step):
        wrong = {" ".join(row): {step: try_step(" ".join(row), step)}}
        print(*wrong[" ".join(row)][step] or ["Nothing was wrong."], sep="\n")
    else:
        with multiprocessing.Pool(JOBS, stay_on_one_processor) as pool:
            check_itself(pool, calls)
            day = None if options.every or options.row else options.day
            rows = rows_and_steps(calls, allocations, " ".join(options.row), pool, day, end - SECONDS / 2)
            tried, wrong = try_all(pool, rows, options.day, end)
        print(f"\nOn {options.day}, {os.uname().release}:", table(rows, tried, wrong), sep="\n\n")
    for row, found in wrong.items():
        for step in itertools.islice(found, 1):
            print(f"\nThe step {row} {step}:", try_step(row, step, shown=True) or "It was not reached.", sep="\n")
    sys.exit(1 if any(any(found.values()) for found in wrong.values()) else 0)


if __name__ == "__main__":
    main()
