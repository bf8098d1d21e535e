#!/usr/bin/env python3
"""steps.py LIFE [--every | --day DAY] [ROW [STEP]]: something happens at each step of a life (see life_linux.cpp).

LIFE is that program. Without --every, as many steps of each kind as fit into minutes, others each day. A ROW is what
happens, as doc/steps.md names it (`fail EIO`), or how its name begins; with a STEP it happens there, and a backtrace
says where that is. Linux on x86-64 only."""

import argparse
import collections
import contextlib
import errno
import functools
import itertools
import multiprocessing
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

from traced import BUSY, CONT, EVER, ORIG_RAX, R10, RAX, RDI, RSI, SYSCALL, Life, call_of, peek, poke, status

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
NO_PROMISE = re.compile("signal (exit .*end|exit captured fork|fork .*fork|fork captured end)|held print")
NOT_INSIDE = {  # which it forbids there: others wait for its lock, or a fork does where there are several threads
    "inside_malloc": ("signal pattern", "signal fork capture", "held fork"),
    "inside_time_zone": ("held", "signal print captured"),
}
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
# The process, whether it was printed, and the number of a record.
LINE = re.compile(r"[\d-]{10} [\d:.]{12} \[(\d+)\] \[\w+\] (?:(stdout: )?record (\d+) x{60}\.|.*)")


def read(folder, which="*.log"):
    """The text of each log, oldest first."""
    logs = collections.defaultdict(str)
    numbered = [(*re.fullmatch(r"(.*?)(?:\.(\d+))?\.log", str(path)).groups(), path) for path in folder.rglob(which)]
    for name, _, path in sorted(numbered, key=lambda each: -int(each[1] or 0)):
        with contextlib.suppress(FileNotFoundError):  # another thread has just renamed it
            logs[name] += path.read_bytes().decode(errors="replace")
    return logs


def faults_in(life, may_lose):
    faults, found = [], collections.Counter()
    for name, text in read(life.folder).items():
        faults += ["a log ends in the midst of a line"] * (text[-1:] not in ("", "\n"))
        lines = [(line, LINE.fullmatch(line)) for line in text.split("\n")[:-1] if not line.startswith("\t")]
        faults += [f"no record: {x[:100]!r}" for x, line in lines if not line or "x" * 10 in x and not line[3]]
        records = [line.groups() for _, line in lines if line]
        writers, numbers = [writer for writer, _ in itertools.groupby(record[0] for record in records)], {}
        faults += [f"two processes write {Path(name).name} at once"] * (len(writers) > len(set(writers)))
        for writer, printed, number in records:
            found[int(number or 0)] += bool(number)
            if number and not printed:  # which a record waits 100 ms for; the held thread comes after the other one
                numbers.setdefault((writer, int(number) > 500), []).append(int(number))
        faults += [f"not in order: {of_one}" for of_one in numbers.values() if of_one != sorted(of_one)]
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
    says_so = any(SAYS_SO in log for log in read(life.folder).values())
    return faults + ["the next process does not say how the one before it ended"] * (left_open and not says_so)


# What happens


def can_fail(task, error):
    call = call_of(task)
    is_fstat = call == "newfstatat" and peek(task, R10) & AT_EMPTY_PATH
    is_excluded = call == "fcntl" and peek(task, RSI) not in F_DUPFD or error == "EACCES" and is_fstat
    return call in FAILING[error].split() and not is_excluded


def is_of_log(task):
    """Whether a write, which has a descriptor, is one to a log."""
    return call_of(task) in RENAMES or os.path.realpath(f"/proc/{task}/fd/{peek(task, RDI)}").endswith(".log")


def try_step(row, step, shown=False):
    """What was wrong (None: it was never reached, or nothing is promised there; shown: the backtrace of the step)."""
    with Life(row) as life:
        try:
            return let_happen(life, row, step, shown)
        except TimeoutError:
            return hangs(life)


def hangs(life):
    processes = {status(task, "Tgid") for task in life.tasks}
    return [f"process {process} hangs: {life.mistake or life.backtrace(process)}\n" for process in processes]


def sweep(row, until, done=(), only=None):
    """In one life, it happens at each step of a call that is not done yet (or at these only), one after the other. The
    steps, each with its name and whether it was tried, and what was wrong."""
    steps = {}
    with Life(row) as life:
        life.shared.is_swept = 1
        try:
            for key, step in life.walk(until):
                if key in done or only and step not in only:
                    continue
                steps[key] = step, is_promised(life, row)
                if steps[key][1]:
                    life.disturb(row.split()[0])
                if "rotation" in row:  # it deletes the oldest
                    life.seen.update(map(int, re.findall(r"record (\d+) x", str(read(life.folder, "*.*.log")))))
                if len(steps) == STEPS_OF_A_LIFE:
                    break
            life.shared.is_swept, life.request, life.left = 0, CONT, BUSY
            for _ in life.stops:
                pass
            return steps, [f"ended with {life.end}"] * (life.end != 0) + faults_in(life, may_lose=0)
        except TimeoutError:
            return steps, hangs(life)


def sweep_all(row, until):
    """By lives until one comes to no other step, and so is not disturbed, or three were wrong. The steps, and what was
    wrong at which."""
    done, wrong, steps = {}, {}, True
    while steps and len(wrong) < (1 if " with " in row else 3):
        steps, faults = sweep(row, until, done)
        done.update(steps)
        if faults:
            names = [step for step, _ in (steps or done).values()]
            while not (alone := try_step(row, names[-1])) and len(names) > 1:
                half = names[: len(names) // 2]
                names = half if sweep(row, EVER, only=half)[1] else names[len(half) :]
            wrong[names[-1]] = alone or [*faults, "but not where it happens at this step alone"]
    return done, wrong


def is_promised(life, row):
    """Whether the process has to go on, and end as it was told."""
    return not any(getattr(life.shared, where) and row.startswith(rows) for where, rows in NOT_INSIDE.items())


def let_happen(life, row, step, shown):
    kind, error, *_ = *row.split(), ""
    is_killed, failing, failed, must_say, until, faults = row in ("kill", "two killed"), None, set(), "", 0.0, []
    task = life.come_to(step)
    if task is None or not is_promised(life, row):
        return None
    if shown:
        return life.backtrace(status(task, "Tgid"), task)
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
        os.kill(int(status(task, "Tgid")), signal.SIGKILL)
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
    faults += faults_in(life, may_lose=kind == "memory")
    says_so = any(re.search(rf"\[WARNING\].*{must_say}", log) for log in read(life.folder).values())
    if must_say and not says_so and time.monotonic() > until:  # else the fault has outlived the process
        faults.append(f"no WARNING says {must_say!r}")
    return faults + (next_process(life) if kind in ("kill", "two") else [])


# Which steps there are


@functools.lru_cache(1)
def calls_and_allocations():
    steps = collections.defaultdict(list)
    with Life("kill") as life:
        life.shared.failing_allocation = 2**32 - 1
        life.request = SYSCALL
        for what, task in life.stops:
            for name in ("kill", "killed", "stopped", *FAILING) if what == "call" else ():
                if name not in FAILING or can_fail(task, name):
                    steps[name].append(life.steps[task])
        return {"memory": [str(number) for number in range(1, life.shared.allocations + 1)], **steps}


def steps_of(row, until):
    if row.startswith(("signal", "held")):
        with Life(row) as life:  # a process that ends sees what has been changed, and what has been read no more
            return [step for key, step in life.walk(until) if "changes" in key]
    return calls_and_allocations()[row.split()[-1]]


def rows_of(wanted, day):
    """Of a day: of the calls that a signal interrupts, and of those that a thread is held in, four and one."""
    rows = ["kill", "memory", "two killed", "two stopped"]
    rows += [f"{kind} {error}" for kind in ("fail", "stay") for error in FAILING]
    for kind, calls, count in ("signal", CALLS, 4), ("held", HELD_CALLS, 1):
        calls = random.Random(day).sample(calls, count) if day else calls
        rows += [f"{kind} {what} {call}" for call in calls for what in ACTIONS]
    return [row for row in rows if row.startswith(wanted) and not NO_PROMISE.match(row)]


def stay_on_one_processor():
    """With what is traced, which is what makes it fast on a busy machine."""
    allowed = sorted(os.sched_getaffinity(0))
    number = int(multiprocessing.current_process().name.rpartition("-")[2])
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def try_row(row, rows_left, day, end):
    """In its share of the time that is left: the row, how many steps it has, or were come to by sweeps, how many were
    tried, and which were wrong."""
    until = time.monotonic() + (end - time.monotonic()) * min(1, JOBS / rows_left)
    if re.match("(signal|held) (?!exit|fork .*rotation)", row):
        steps, wrong = sweep_all(row, until)
        tried = [step for step, was_tried in steps.values() if was_tried]
    else:
        steps = steps_of(row, until)
        in_time = itertools.takewhile(lambda _: time.monotonic() < until, random.Random(day).sample(steps, len(steps)))
        tried = {step: faults for step in in_time if (faults := try_step(row, step)) is not None}
        wrong = {step: faults for step, faults in tried.items() if faults}
    for step, faults in wrong.items():
        print(f"./dev test steps {row} {step}: {'; '.join(faults)}", flush=True)
    return row, len(steps), len(tried), wrong


def check_itself(pool):
    """Each mistake has to be noticed where it is made."""
    swept = {"signal log record with lock": "hangs", "signal log long_record with claim": "lost"}
    sweeping = pool.starmap_async(sweep_all, [(row, EVER) for row in swept], 1)
    cases = [("fail ENOSPC with write", step) for step in calls_and_allocations()["ENOSPC"] if ".write." in step][::6]
    cases += [("fail EIO with rename", step) for step in calls_and_allocations()["EIO"] if ".rename" in step]
    lost = [row for (row, _), faults in zip(cases, pool.starmap(try_step, cases, 1)) if "lost" in str(faults)]
    wrong = {row: str(found) for row, (_, found) in zip(swept, sweeping.get())}
    is_named = all(swept[row] in found and "not where" not in found for row, found in wrong.items())
    if lost.count("fail ENOSPC with write") < 3 or "fail EIO with rename" not in lost or not is_named:
        sys.exit(f"steps.py is wrong itself: it has noticed {lost} and {wrong} only")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("life", type=lambda path: str(Path(path).resolve(strict=True)))
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--day", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("row", nargs="*")
    options = parser.parse_intermixed_args()
    Life.program, end = options.life, EVER if options.every else time.monotonic() + SECONDS
    try:
        calls_and_allocations()
    except PermissionError:
        print("skipping steps: here a process may not trace its own children, or not set breakpoints in them")
        return
    wanted, counts, wrong = " ".join(options.row), collections.defaultdict(collections.Counter), {}
    row, _, step = wanted.rpartition(" ")
    if re.search(r"\d", step):
        wrong[row] = {step: try_step(row, step)}
    else:
        with multiprocessing.Pool(JOBS, stay_on_one_processor) as pool:
            check_itself(pool)
            rows = rows_of(wanted, None if options.every or wanted else options.day)
            cases = [(row, len(rows) - number, options.day, end) for number, row in enumerate(rows)]
            for row, steps, tried, wrong[row] in pool.starmap(try_row, cases, 1):
                counts[" ".join(row.split()[:2])].update(steps=steps, tried=tried, wrong=len(wrong[row]))
        print(f"\nOn {options.day}, {os.uname().release}:\n", "| what happens | steps | tried | wrong |", sep="\n")
        lines = (f"| {kind} | {' | '.join(map(str, numbers.values()))} |" for kind, numbers in counts.items())
        print("|---|---|---|---|", *lines, sep="\n")
    for row, found in wrong.items():
        for step, faults in itertools.islice(found.items(), 1):
            place = try_step(row, step, shown=True) or "No such step is tried."
            print(f"\n{row} {step}:", *faults or ["not wrong"], place, sep="\n")
    sys.exit(1 if any(any(found.values()) for found in wrong.values()) else 0)


if __name__ == "__main__":
    main()
