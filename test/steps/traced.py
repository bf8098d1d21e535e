"""A process that is stopped at each of its steps, by ptrace. Linux on x86-64 only."""

import bisect
import collections
import contextlib
import ctypes
import functools
import mmap
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PEEKUSER, POKEUSER, CONT, SINGLESTEP, DETACH, SYSCALL = 3, 6, 7, 9, 17, 24
SETOPTIONS = 0x4200
EVER = float("inf")
TRACE_ALL = 0x100000 | 1 | 2 | 4 | 8  # EXITKILL, SYSGOOD, FORK, VFORK, CLONE
WALL = 0x40000000
R10, RAX, RSI, RDI, ORIG_RAX, RIP, RSP, DEBUG_0, DEBUG_7 = 56, 80, 104, 112, 120, 128, 152, 848, 904
IDLE, BUSY = 12, 180  # seconds: a process hangs that does nothing for so long, or that does not end

CALLS = re.findall(r"__NR_(\w+) (\d+)", Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text())
CALLS = {int(number): name for name, number in CALLS}

# What an instruction does with memory, as objdump writes it. Where a push or a call writes, nobody else knows yet.
EFFECTS = {
    "reads": r"(?!lea|nop).*(?:\(|%fs:0xf)",
    "changes": r"(?:syscall|int3|(?!(?:cmp|test|push)[bwlq]? |bnd|call|jmp|nop)[^#\n]*(?:[)}]|%fs:0xf\w+) *(?:#|$))",
}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
ptrace = libc.ptrace
libc.personality(0x40000)  # the same addresses in each process, where that is allowed


def peek(task, offset):
    return ptrace(PEEKUSER, task, offset, 0)


def poke(task, offset, value):
    return ptrace(POKEUSER, task, offset, value)


def call_of(task):
    return CALLS[peek(task, ORIG_RAX)]


def status(task, name):
    return re.search(rf"{name}:\s*(\w+)", Path(f"/proc/{task}/status").read_text())[1]


@functools.lru_cache(None)
def effects_of(path):
    """Of each instruction of a file, by its address."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True).stdout
    found = ((effect, re.findall(rf"(?m)^ *(\w+):\t{pattern}", text)) for effect, pattern in EFFECTS.items())
    return {int(address, 16): effect for effect, addresses in found for address in addresses}


class Shared(ctypes.Structure):
    MALLOC = "inside_malloc was_inside_malloc allocations failing_allocation"
    NUMBERS = f"is_failing may_go is_swept handled_records inside_time_zone {MALLOC}".split()
    _fields_ = [*((name, ctypes.c_uint32) for name in NUMBERS), ("acknowledged", ctypes.c_uint8 * 65536)]


class Life:
    """The program as a traced process, with its threads and children, at its first step. Removed behind `with`. Throws
    PermissionError where the system lets no process trace its child."""

    program = ""

    def __init__(self, row):
        row, _, self.mistake = row.partition(" with ")
        self.root, self.seen = Path(tempfile.mkdtemp(prefix="steps-")), set()
        self.folder = self.root / "logs"
        with (self.root / "shared").open("wb+") as file:
            file.truncate(ctypes.sizeof(Shared))
            self.shared = Shared.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Shared)))
        self.tasks, self.in_call, self.held, self.end = {}, set(), set(), None
        self.request, self.deliver, self.stops = CONT, 0, self.events()
        self.calls, self.steps = collections.Counter(), {}  # of each task: the call, and which of its kind it is
        self.child = self.start(subprocess.Popen, *row.split())
        self.main = self.child.pid
        os.waitpid(self.main, WALL)
        self.tasks[self.main] = 0
        if ptrace(SETOPTIONS, self.main, 0, TRACE_ALL) or self.break_at(1) or self.break_at(0):
            self.__exit__()
            raise PermissionError
        ptrace(CONT, self.main, 0, 0)
        next(self.stops)
        maps = Path(f"/proc/{self.main}/maps").read_text()
        self.modules = [(int(at, 16), path) for at, path in re.findall(r"(?m)^(\w+)-\w+ r\S+ 0+ .* (\S+)$", maps)]

    def __enter__(self):
        self.left = BUSY
        signal.signal(signal.SIGALRM, self.tick)
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
        return self

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        for task in self.tasks:
            libc.kill(task, signal.SIGKILL)
        self.request, self.held = CONT, set()
        for _ in self.events():
            pass
        shutil.rmtree(self.root, ignore_errors=True)

    def tick(self, *_):
        """What is held does nothing; what waits for a processor, or for this program, does something."""
        with contextlib.suppress(OSError):  # one has just ended
            states = {status(task, "State") for task in self.tasks if task not in self.held}
            self.left -= 1 if not states or states & set("RDt") else BUSY // IDLE
        if self.left < 0:
            raise TimeoutError

    def start(self, call, *words):
        environment = {"TMPDIR": str(self.root), "LD_BIND_NOW": "1", "TZ": "Europe/Berlin", "MISTAKE": self.mistake}
        streams = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
        return call([self.program, self.folder, self.root / "shared", *words], env=environment, **streams)

    def beside(self, *words):
        """Another process of this role, from its beginning to its end."""
        end = self.start(subprocess.call, *words)
        return [f"the {words[0]} process ended with {end}"] if end else []

    def events(self):
        """Each stop, as what it is (call, return, trap) and the task; afterwards the task goes on."""
        while self.tasks:
            try:
                task, status = os.waitpid(-1, WALL)
            except ChildProcessError:  # it is no longer traced
                return
            if not os.WIFSTOPPED(status):
                self.tasks.pop(task, None)
                if task == self.main:
                    self.end = os.waitstatus_to_exitcode(status)
                continue
            self.tasks.setdefault(task, max(self.tasks.values(), default=-1) + 1)
            stop, self.deliver = os.WSTOPSIG(status), 0
            if stop == signal.SIGTRAP | 0x80:
                self.in_call ^= {task}
                if task in self.in_call:
                    call = f"{self.tasks[task]}.{call_of(task)}"
                    self.calls[call] += 1
                    self.steps[task] = f"{call}.{self.calls[call]}"
                yield "call" if task in self.in_call else "return", task
            elif stop == signal.SIGTRAP and status >> 16 == 0:
                yield "trap", task
            elif stop not in (signal.SIGTRAP, signal.SIGSTOP):
                self.deliver = stop
            if task in self.tasks and task not in self.held:
                of_others = CONT if self.request == SINGLESTEP else self.request
                ptrace(self.request if task == self.main else of_others, task, 0, self.deliver)

    def come_to(self, step):
        """The task that is there, if any ever is."""
        address, visits = None, 1
        if "+" in step:
            module, offset, visits = re.fullmatch(r"(.*)\+(\w+)\.(\d+)", step).groups()
            address, visits = int(offset, 16) + {Path(path).name: at for at, path in self.modules}[module], int(visits)
            self.break_at(address)
        elif "." not in step:
            self.shared.failing_allocation = int(step)
        self.request = SYSCALL if address is None and "." in step else CONT
        for what, task in self.stops:
            visits -= what == "trap" and address in (None, peek(task, RIP))
            if what == "call" and self.steps[task] == step or not visits:
                self.break_at(0)
                return task

    def break_at(self, address):
        """The main thread, each time. 0: no more."""
        return poke(self.main, DEBUG_0, address) or poke(self.main, DEBUG_7, 1 if address else 0)

    def backtrace(self, process, at=None):
        """Of its threads, or of the one that has stopped. Afterwards it cannot be traced any more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for task in [task for task in self.tasks if status(task, "Tgid") == process]:
            if task != at and task not in self.held:
                libc.tgkill(int(process), task, signal.SIGSTOP)
                os.waitpid(task, WALL)
            ptrace(DETACH, task, 0, signal.SIGSTOP)
        gdb = "timeout -s KILL 60 gdb -batch -nx -ex".split() + ["thread apply all backtrace 30", "-p", process]
        threads = re.split(r"\n(?=Thread )", subprocess.run(gdb, capture_output=True, text=True).stdout)[1:]
        return "\n".join(thread.strip() for thread in threads if at is None or re.search(rf" {at}\)", thread))

    def place_of(self, address):
        at, path = self.modules[bisect.bisect(self.modules, (address, "~")) - 1]
        return path, address - at

    def walk(self, until):
        """Up to the next mark, what follows each instruction that reads or changes memory, once for each chain of calls
        that leads to it, while the main thread is there: the instruction, the chain and the effect, and where it is as
        `module+offset.visit`. Nothing else makes a difference to a handler or another thread, or is made one by it."""
        before = mark = peek(self.main, RIP) - 1
        top, visits, steps, chain = 0, collections.Counter(), set(), [(EVER, 0)]
        self.request, self.left = SINGLESTEP, EVER  # thousands of stops: on a busy machine that is minutes
        for _, task in self.stops:
            if task != self.main:
                continue
            address, last, top = peek(task, RIP), top, peek(task, RSP)
            if address == mark or time.monotonic() > until:
                return
            while chain[-1][0] < top:
                chain.pop()
            path, offset = self.place_of(before)
            if top == last - 8 and not 0 < address - before < 16:  # a call, which is no push
                chain.append((top, hash((chain[-1][1], path, offset))))
            if address != before:  # as in `rep movs`
                visits[address] += 1
                key = path, offset, chain[-1][1], effects_of(path).get(offset)
                if key[-1] and key not in steps:
                    steps.add(key)
                    path, offset = self.place_of(address)
                    yield key, f"{Path(path).name}+{offset:x}.{visits[address]}"
            before = address

    def disturb(self, kind):
        """What happens at a step, while the main thread walks: from its beginning to its end."""
        at, self.left = (peek(self.main, RIP), peek(self.main, RSP)), BUSY
        if kind == "held":
            self.held, self.shared.may_go = {self.main}, 1
            self.until_trap(lambda task: task != self.main)
            self.held = set()
            ptrace(SINGLESTEP, self.main, 0, 0)
        elif not int(status(self.main, "SigBlk"), 16) >> signal.SIGUSR1 - 1 & 1:
            self.request, self.deliver = CONT, signal.SIGUSR1
            self.until_trap(lambda task: task == self.main)
            self.request = SINGLESTEP
            self.until_trap(lambda task: task == self.main and (peek(task, RIP), peek(task, RSP)) == at)
        self.left = EVER

    def until_trap(self, is_wanted):
        for what, task in self.stops:
            if what == "trap" and is_wanted(task):
                return
