"""What went wrong: which sessions and problems a report finds, and what its summary says about them."""

import pytest

from chainner_logger import report
from chainner_logger._report import page, problems, sessions, story, summary, zones
from chainner_logger._report.folder import log_name
from conftest import write_log

BEGIN = "Logger initialized for worker process. Log file: x"
ORIGIN = "Role: worker, process: {}, started: x, application: {}, chaiNNer logger: 0.1.0, system: Linux 6, UTC offset: +02:00"
CLOSED = "Logger closed for worker process"
UNCAUGHT = 'Uncaught exception{}\n\tTraceback (most recent call last):\n\t  File "a.py", line 3, in <module>\n\t    main()\n\t  File "b.py", line 7, in main\n\t    make()\n\tMemoryError: too large\n\ta note'
STACKS = """2025-10-19 05:{}.000 [{}] [CRITICAL] Crashed: SIGSEGV (11) at address 0x0
Fatal Python error: Segmentation fault

Thread 0x1 (most recent call first):
  File "threading.py", line 331 in wait

Current thread 0x2 (most recent call first):
  File "upscale.py", line 52 in upscale
  File "worker.py", line 91 in do_GET

Extension modules: numpy (total: 1)
"""


def line(time, pid, text, level="INFO"):
    return f"2025-10-19 05:{time}.000 [{pid}] [{level}] {text}\n"


def log(name, *lines):
    return story.Log(log_name(name), "".join(lines))


def begun(time, pid, version="1.0"):
    return line(time, pid, BEGIN) + line(time, pid, ORIGIN.format(pid, version))


def made(*logs):
    told = story.Story(logs)
    taken = page.Page(told)
    taken.take(told)
    return taken


def crash(time, pid, address="0x0", place="0x12a09"):
    return line(
        time,
        pid,
        f"Crashed: SIGSEGV (11) at address {address}\n\tat /x/worker+{place}\n\tat /x/libc.so.6+0x1",
        "CRITICAL",
    )


def told(taken):
    return [(each.kind, each.log, each.what, each.count) for each in taken.problems]


def test_a_crash_is_one_entry_with_pythons_stack_first():
    taken = made(
        log(
            "worker.log",
            begun("00:00", 7),
            line("00:01", 7, "before"),
            crash("00:02", 7),
            line("00:02", 7, "another thread"),
        ),
        log("worker.crash.txt", STACKS.format("00:02", 7)),
    )
    assert [each.errors for each in taken.sessions.all] == [1] and taken.counts[5] == 1
    (problem,) = taken.problems
    assert problem.stack == [
        'File "upscale.py", line 52 in upscale', 'File "worker.py", line 91 in do_GET', "at /x/worker+0x12a09", "at /x/libc.so.6+0x1",
    ]  # fmt: skip
    entry = problem.entry
    lines = entry.record.raw.split("\n\t")
    assert (
        lines[0].endswith("Crashed: SIGSEGV (11) at address 0x0")
        and lines[1] == "Fatal Python error: Segmentation fault"
    )
    assert lines.index('  File "upscale.py", line 52 in upscale') < lines.index("at /x/worker+0x12a09")
    assert lines.index("at /x/libc.so.6+0x1") < lines.index('  File "threading.py", line 331 in wait')
    assert entry.added == len(lines) - 3
    assert lines[lines.index("at /x/libc.so.6+0x1") + 1 :] == [
        "", "Thread 0x1 (most recent call first):", '  File "threading.py", line 331 in wait', "", "Extension modules: numpy (total: 1)",
    ]  # fmt: skip


def test_each_crash_has_the_stack_of_its_own_process_and_time():
    stacks = STACKS.format("00:02", 7) + STACKS.format("01:02", 8).replace("upscale.py", "other.py")
    stacks += STACKS.format("02:02", 7).replace("upscale.py", "third.py")
    taken = made(
        log("worker.log", *(begun(f"0{i}:00", pid) + crash(f"0{i}:02", pid) for i, pid in enumerate((7, 8, 7)))),
        log("worker.crash.txt", stacks),
    )
    assert [each.stack[0].split('"')[1] for each in taken.problems] == ["third.py", "other.py", "upscale.py"]


def test_what_python_alone_says_about_a_crash_is_a_crash():
    taken = made(log("worker.log", begun("00:00", 7)), log("worker.crash.txt", STACKS.format("00:00", 7)))
    ((kind, _, what, _),) = told(taken)
    assert (kind, what) == (problems.CRASH, "Fatal Python error: Segmentation fault")
    assert taken.sessions.all[0].describe_end() == "crashed: Fatal Python error: Segmentation fault"
    assert taken.problems[0].stack[0] == 'File "upscale.py", line 52 in upscale'


def test_equal_crashes_are_one_and_the_newest_problem_comes_first():
    lines = [begun("00:00", 1) + line("00:01", 1, "model 5 is missing", "ERROR") + line("00:02", 1, CLOSED)]
    lines += [begun(f"{10 + i}:00", 10 + i) + crash(f"{10 + i}:05", 10 + i, f"0x{i}") for i in range(20)]
    lines += [begun("40:00", 50) + crash("40:05", 50, place="0x777")]
    lines += [begun("50:00", 60) + line("50:01", 60, "model 9 is missing", "ERROR")]
    taken = made(log("worker.log", *lines))
    assert told(taken) == [
        ("error", "worker", "model 9 is missing", 2),
        ("crash", "worker", "SIGSEGV (11) at address 0x0", 1),
        ("crash", "worker", "SIGSEGV (11) at address 0x19", 20),
    ]
    assert (taken.problems[2].last - taken.problems[2].first) == 19 * 60_000
    assert taken.problems[1].where == "/x/worker+0x777"


def test_the_newest_problem_comes_first_whatever_its_kind():
    taken = made(
        log("worker.log", begun("00:00", 7), crash("00:02", 7)),
        log("host.log", line("00:03", 1, "Worker process 7 ended", "ERROR"), line("00:20", 1, "cannot start", "ERROR")),
    )
    assert [each.what for each in taken.problems] == [
        "cannot start",
        "Worker process 7 ended",
        "SIGSEGV (11) at address 0x0",
    ]


@pytest.mark.parametrize(
    "where, ending",
    [("", "uncaught exception"), (" in process SpawnProcess-1", "uncaught exception"), (" in thread T", "closed")],
)
def test_an_uncaught_exception_is_as_plain_as_a_crash(where, ending):
    text = line("00:01", 7, UNCAUGHT.format(where), "CRITICAL")
    taken = made(log("worker.log", begun("00:00", 7), text, line("00:02", 7, CLOSED)))
    assert told(taken) == [("exception", "worker", "MemoryError: too large", 1)]
    assert taken.problems[0].stack == ['File "b.py", line 7, in main', 'File "a.py", line 3, in <module>']
    (session,) = taken.sessions.all
    assert session.ending == ending
    if not where:
        assert session.describe_end() == "closed after an uncaught exception: MemoryError: too large"


OWN, LIBRARY = '  File "/home/a/lib/worker.py", line 17 in tile', "at /lib/x86_64-linux-gnu/libc.so.6+0x1"


@pytest.mark.parametrize("library", [
    "/usr/lib/python3.11/ctypes/__init__.py", "/home/a/.venv/lib/python3.9/site-packages/x/y.py", "<frozen importlib>",
    "C:\\Python311\\Lib\\ctypes\\__init__.py", "/usr/lib/python3/dist-packages/x.py",
])  # fmt: skip
def test_the_programs_own_frame_is_told_rather_than_that_of_a_library(library):
    crashed = line("10:02", 7, f"Crashed: x\n\t{LIBRARY}\n\tat /x/worker+0x2", "CRITICAL")
    stacks = f'2025-10-19 05:10:02.000 [7] [CRITICAL] Crashed: x\n  File "{library}", line 5 in call\n{OWN}\n'
    (problem,) = made(log("worker.log", begun("10:00", 7), crashed), log("worker.crash.txt", stacks)).problems
    assert problem.where == "worker.py:17 in tile"
    told = summary.issue(problem, sessions.Session("worker", "worker", 7, 0, 0, 0, 0), zones.Zones()).split("\n")
    assert told[-3:] == [OWN.strip(), LIBRARY, "```"]


@pytest.mark.parametrize("library", [r"C:\Windows\System32\ntdll.dll", r"C:\Windows\System32\KERNELBASE.dll", r"C:\Windows\ucrtbase.dll", "/lib/libc-2.31.so"])
def test_a_frame_of_the_system_is_not_told_as_the_place(library):
    crashed = line("10:02", 7, f"Crashed: x\n\tat {library}+0x1\n\tat /x/worker+0x2", "CRITICAL")
    (problem,) = made(log("worker.log", begun("10:00", 7), crashed)).problems
    assert problem.where == "/x/worker+0x2"


def test_frames_that_have_a_name_are_told_rather_than_those_that_have_none():
    stack = ["at /lib/libc.so.6+0x167ad8", "at /x/worker+0x5", "at upscale+0x39 (worker+0x12)", "at main+0x2 (worker+0x1)"]
    crashed = line("10:02", 7, "\n\t".join(["Crashed: x", *stack]), "CRITICAL")
    (problem,) = made(log("worker.log", begun("10:00", 7), crashed)).problems
    assert problem.own_frame == stack[2]
    told = summary.issue(problem, sessions.Session("worker", "worker", 7, 0, 0, 0, 0), zones.Zones()).split("\n")
    assert told[-3:] == [stack[2], stack[3], "```"]


def test_the_summary_tells_what_came_before_the_newest_problem_whatever_it_is(tmp_path):
    (tmp_path / "logs").mkdir()
    text = begun("00:00", 7) + line("00:01", 7, "a failed", "ERROR") + line("00:02", 7, "between")
    write_log(tmp_path / "logs" / "worker.log", text + line("00:03", 7, "b failed", "ERROR"))
    told = report(tmp_path / "report.zip", tmp_path / "logs").summary
    assert told.count("the last records before") == 1
    assert "\n    the last records before (4 of this process):\n" in told[told.index("b failed") : told.index("logged an error: a failed")]


def test_the_summary_tells_the_place_of_an_error_and_nothing_before_the_first_record(tmp_path):
    (tmp_path / "logs").mkdir()
    frames = "\n\t".join(f'  File "own.py", line {number}, in f' for number in range(3))
    text = line("00:01", 7, f"a failed\n\tTraceback (most recent call last):\n\t{frames}\n\tKeyError: 1", "ERROR")
    write_log(tmp_path / "logs" / "worker.log", text)
    told = report(tmp_path / "report.zip", tmp_path / "logs").summary
    wrong = told[told.index("What went wrong") : told.index("Sessions, ")].split("\n")[2:]
    assert wrong[0].endswith("KeyError: 1") and wrong[1:] == ['    File "own.py", line 2, in f', "", ""]


def test_if_all_frames_are_of_libraries_the_innermost_is_told():
    (problem,) = made(log("worker.log", line("10:02", 7, f"Crashed: x\n\t{LIBRARY}\n\t{LIBRARY}2", "CRITICAL"))).problems
    assert problem.own_frame == LIBRARY


PRINTED = """Traceback (most recent call last):
  File "/usr/lib/python3.11/http/server.py", line 5, in handle
    self.run()
    ~~~~~~~~^^
  File "server.py", line 17, in do_GET

KeyError: 'x'"""


def test_a_traceback_that_was_printed_is_an_error():
    captured = [f"stderr: {each}" for each in ("before", *PRINTED.split("\n"), "after")]
    taken = made(log("worker.log", *(line("00:01", 7, each) for each in captured), line("00:01", 7, "stdout: more")))
    assert told(taken) == [("error", "worker", "KeyError: 'x'", 1)] and taken.counts[2:6] == [3, 0, 1, 0]
    assert taken.problems[0].where == "server.py:17 in do_GET"
    assert taken.problems[0].entry.record.message == "stderr: " + PRINTED


@pytest.mark.parametrize("other", ["a record", "stdout: printed", "stderr: Traceback (most recent call last):"])
def test_a_traceback_that_something_else_comes_between_ends_there(other):
    lines = [line("00:01", 7, f"stderr: {each}") for each in PRINTED.split("\n")]
    taken = made(log("worker.log", *lines[:3], line("00:01", 7, other)))
    messages = [each.record.message for each in story.Story([log("worker.log", *lines[:3], line("00:01", 7, other))])]
    assert messages == ["stderr: " + "\n".join(PRINTED.split("\n")[:3]), other]
    assert [each.what for each in taken.problems][-1] == "stderr: Traceback (most recent call last):"


@pytest.mark.parametrize("message", [
    "failed:\n\tTraceback (most recent call last):\n\t  File \"a.py\", line 1, in f\n\t    g(\n\t    ~^\n\tKeyError: 'x'",
    "failed:\n\tTraceback (most recent call last):\n\t  File \"z.py\", line 1\n\tOSError: x\n\t\n\tDuring handling of the above exception, another exception occurred:\n\t\n\tTraceback (most recent call last):\n\t  File \"a.py\", line 1, in f\n\tKeyError: 'x'",
])  # fmt: skip
def test_an_error_with_a_traceback_says_what_was_raised(message):
    taken = made(log("worker.log", line("00:01", 7, message, "ERROR")))
    assert told(taken) == [("error", "worker", "failed: KeyError: 'x'", 1)]


def test_a_session_that_a_signal_ended_in_good_order_says_so():
    taken = made(
        log("worker.log", begun("00:00", 7), line("00:02", 7, "Ended by SIGTERM (15)"), line("00:02", 7, CLOSED))
    )
    assert taken.sessions.all[0].describe_end() == "ended by SIGTERM (15)" and taken.problems == []


def test_what_was_raised_is_found_in_a_group_of_exceptions_and_without_a_stack():
    group = 'Uncaught exception\n\t  + Exception Group Traceback (most recent call last):\n\t  |   File "a.py", line 1, in f\n'
    group += "\t  | ExceptionGroup: two (2 sub-exceptions)\n\t  +-+---------------- 1 ----------------\n\t    | ValueError: a"
    taken = made(
        log(
            "worker.log",
            line("00:01", 7, group, "CRITICAL"),
            line("00:02", 7, "Uncaught exception\n\tKeyError: 1", "CRITICAL"),
        )
    )
    assert [each.what for each in taken.problems] == ["KeyError: 1", "ExceptionGroup: two (2 sub-exceptions)"]
    assert taken.problems[1].stack == ['File "a.py", line 1, in f'] and taken.problems[1].where == "a.py:1 in f"


def test_of_an_exception_that_came_of_another_the_stack_of_the_last_is_told():
    def traceback(name, raised):
        return f'Traceback (most recent call last):\n\t  File "{name}.py", line 1, in f\n\t{raised}'

    both = f"Uncaught exception\n\t{traceback('a', 'KeyError: 1')}\n\t\n\tDuring it:\n\t\n\t{traceback('b', 'ValueError: 2')}"
    (problem,) = made(log("worker.log", line("00:01", 7, both, "CRITICAL"))).problems
    assert (problem.what, problem.stack) == ("ValueError: 2", ['File "b.py", line 1, in f'])


def test_a_process_that_was_killed_is_a_problem_if_it_would_have_closed_its_log():
    taken = made(
        log("worker.log", begun("00:00", 7), line("00:01", 7, "the last words"), begun("10:00", 8)),
        log(
            "host.log",
            line("00:00", 1, "a host that logs warnings alone", "WARNING"),
            line("10:00", 2, "the next", "WARNING"),
        ),
    )
    assert told(taken) == [("killed", "worker", "killed, crashed or lost power", 1)]
    assert taken.problems[0].verb == "ended without a closing record"
    assert summary.moment(taken.zones, taken.problems[0].last)[11:19] == "05:00:01"
    assert [each.record.message for each in taken.problems[0].before][2:] == ["the last words"]
    assert [each.describe_end() for each in taken.sessions.all if each.log == "host"][0] == "does not say how it ended"


SIGKILL = "killed by SIGKILL (9), as the OOM killer does"


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_a_crash_and_what_another_process_says_of_it_are_one_problem(level):
    ended = line("00:03", 1, "Worker process 7 ended: killed by SIGSEGV (11), after 2.5 s", level)
    taken = made(log("worker.log", begun("00:00", 7), crash("00:02", 7)), log("host.log", begun("00:00", 1), ended))
    assert told(taken) == [("crash", "worker", "SIGSEGV (11) at address 0x0", 1)]
    (problem,) = taken.problems
    assert (problem.at, problem.also) == ([4], [5])


@pytest.mark.parametrize("after", ["", begun("00:08", 8)])
@pytest.mark.parametrize("end", [SIGKILL, "killed by signal 33", "exit code 3", "exit code 0xc0000005 (access violation)"])
def test_how_a_process_ended_that_cannot_say_it_is_told_by_another(end, after):
    ended = line("00:05", 1, f"worker 7: {end}, 3 left", "ERROR")
    taken = made(log("worker.log", begun("00:00", 7), line("00:01", 7, "the last words"), after), log("host.log", ended))
    assert told(taken) == [("killed", "worker", end, 1)]
    (problem,) = taken.problems
    assert (problem.at, problem.also, problem.verb) == ([2], [3], "ended without a closing record")
    (session,) = (each for each in taken.sessions.all if each.pid == 7)
    assert session.describe_end() == f"ended without a closing record: {end}"


def test_an_end_without_a_closing_record_is_no_problem_where_another_process_tells_of_a_good_one():
    ended = line("00:05", 1, "worker 7 ended: exit code 0")
    taken = made(log("worker.log", begun("00:00", 7), begun("00:06", 8)), log("host.log", ended))
    assert told(taken) == []
    assert taken.sessions.all[0].describe_end() == "ended without a closing record: exit code 0"


@pytest.mark.parametrize("worker, said", [
    (begun("00:00", 7) + line("00:02", 7, CLOSED), "worker 7 ended: exit code 3"),
    (begun("00:00", 7) + crash("00:02", 7), "worker 17 ended: killed by SIGSEGV (11)"),
    (begun("00:00", 7) + crash("00:02", 7), "worker 7 ended again: killed by SIGSEGV (11)"),
    (begun("00:00", 7) + line("20:02", 7, "still here"), "worker 7 ended: exit code 3"),
])  # fmt: skip
def test_what_a_process_says_of_another_end_is_a_problem_of_its_own(worker, said):
    taken = made(log("worker.log", worker), log("host.log", line("10:00", 1, said, "ERROR")))
    assert ("error", "host", said, 1) in told(taken)


@pytest.mark.parametrize("second, count", [("12", 1), ("13", 2)])
def test_a_crash_may_be_told_of_by_another_for_ten_seconds(second, count):
    ended = line(f"00:{second}", 1, "worker 7 ended: killed by SIGSEGV (11)", "ERROR")
    assert len(told(made(log("worker.log", begun("00:00", 7), crash("00:02", 7)), log("host.log", ended)))) == count


@pytest.mark.parametrize("begin, last, is_of_it", [("01", "07", True), ("01", "08", False), ("07", "07", True), ("08", "08", False)])
def test_the_clocks_of_two_processes_may_be_two_seconds_apart_at_an_end(begin, last, is_of_it):
    worker = begun(f"00:{begin}", 7) + line(f"00:{last}", 7, "the last words")
    host = line("00:05", 1, "worker 7: exit code 3", "ERROR")
    kinds = [each.kind for each in made(log("worker.log", worker), log("host.log", host)).problems]
    assert kinds == ["killed" if is_of_it else "error"]


def test_of_sessions_with_one_number_the_latest_that_had_begun_is_told_of():
    worker = begun("00:00", 7) + line("00:01", 7, CLOSED) + begun("01:00", 7) + begun("02:00", 8)
    host = begun("01:02", 1) + line("01:05", 1, "of 1 at first, 7: exit code 3", "ERROR")
    taken = made(log("worker.log", worker + begun("10:00", 7)), log("host.log", host))
    assert [each.told for each in taken.sessions.all] == ["", "exit code 3", "", "", ""]


def test_of_two_who_tell_of_an_end_the_first_is_believed():
    ended = line("00:05", 1, "worker 7: exit code 0") + line("00:06", 1, "worker 7: killed by SIGKILL (9)", "ERROR")
    taken = made(log("worker.log", begun("00:00", 7)), log("host.log", ended))
    assert taken.sessions.all[0].told == "exit code 0"


def test_what_another_says_of_equal_crashes_is_told_of_the_last_one_alone():
    def ended(time, pid):
        return line(time, 1, f"worker {pid} ended: killed by SIGSEGV (11)", "ERROR")

    worker = begun("00:00", 7) + crash("00:02", 7) + begun("01:00", 8) + crash("01:02", 8)
    (problem,) = made(log("worker.log", worker), log("host.log", ended("00:03", 7), ended("01:03", 8))).problems
    assert problem.count == 2 and len(problem.also) == 2
    assert [each.record.message for each in problem.others] == ["worker 8 ended: killed by SIGSEGV (11)"]


def test_of_problems_at_one_time_the_later_one_comes_first():
    text = [line("00:01", 7, f"{each} failed", "ERROR") for each in ("b", "c", "a")]
    assert [each.what for each in made(log("worker.log", *text)).problems] == ["a failed", "c failed", "b failed"]


def test_a_frontend_cannot_say_that_it_is_a_crash_of_ours():
    taken = made(log("main.log", "[2025-10-19 05:00:00.000] [error] Crashed: SIGSEGV (11)\n"))
    assert [(each.kind, each.what) for each in taken.problems] == [("error", "Crashed: SIGSEGV (11)")]


TRACEBACK = 'Traceback (most recent call last):\n  File "/x/multiprocessing/process.py", line 314, in _bootstrap\n  File "b.py", line 7, in main\nMemoryError: too large'
WHOLE = TRACEBACK.replace("/x/multiprocessing/process.py", "a.py")


def printed(time, pid, text):
    return "".join(line(time, pid, f"stderr: {each}") for each in text.split("\n"))


def logged(time, pid, text, level="CRITICAL", what="Uncaught exception in process SpawnProcess-1"):
    return line(time, pid, "\n\t".join([what, *text.split("\n")]), level)


def test_an_exception_that_is_logged_and_printed_and_printed_to_its_parent_is_one_problem():
    worker = begun("00:00", 7) + logged("00:02", 7, WHOLE) + printed("00:02", 7, "Process SpawnProcess-1:\n" + TRACEBACK)
    host = begun("00:00", 1) + printed("00:03", 1, TRACEBACK) + line("00:03", 1, "worker 7: exit code 1", "ERROR")
    taken = made(log("worker.log", worker + line("00:02", 7, CLOSED)), log("host.log", host))
    assert told(taken) == [("exception", "worker", "MemoryError: too large", 1)]
    assert len(taken.problems[0].at) == 1 and len(taken.problems[0].also) == 3
    assert taken.sessions.all[0].describe_end() == "closed after an uncaught exception: MemoryError: too large"


def test_an_exception_that_is_printed_before_it_is_logged_is_the_one_that_is_logged():
    taken = made(log("worker.log", begun("00:00", 7), printed("00:02", 7, TRACEBACK), logged("00:02", 7, WHOLE)))
    assert told(taken) == [("exception", "worker", "MemoryError: too large", 1)]
    assert (taken.problems[0].at, taken.problems[0].also) == ([3], [2])


@pytest.mark.parametrize("worker, other, counts", [
    (logged("00:02", 7, WHOLE, "ERROR") * 3, "", [3]),
    (printed("00:02", 7, TRACEBACK) * 3, printed("00:02", 1, TRACEBACK) * 3, [3]),
    ((logged("00:02", 7, WHOLE, "ERROR", "it") + printed("00:02", 7, TRACEBACK)) * 3, "", [3]),
    (logged("00:02", 7, WHOLE, "ERROR", "it"), printed("00:09", 1, TRACEBACK), [1, 1]),
    (logged("00:02", 7, WHOLE), logged("00:02", 1, WHOLE), [1, 1]),
    (logged("00:02", 7, WHOLE), printed("00:02", 1, TRACEBACK.replace("line 7", "line 8")), [1, 1]),
    (logged("00:02", 7, WHOLE), printed("00:02", 1, TRACEBACK.replace("too", "very")), [1, 1]),
])  # fmt: skip
def test_exceptions_are_counted_as_often_as_one_place_tells_of_them(worker, other, counts):
    taken = made(log("worker.log", worker), log("host.log", other))
    assert [each.count for each in taken.problems] == counts


def test_the_summary_says_what_else_tells_of_a_problem(tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", begun("00:00", 7) + crash("00:02", 7))
    write_log(tmp_path / "logs" / "host.log", line("00:03", 1, "worker 7 ended: killed by SIGSEGV (11)", "ERROR"))
    told = report(tmp_path / "report.zip", tmp_path / "logs").summary
    assert "\n    05:00:03.000 host 1 ERROR worker 7 ended: killed by SIGSEGV (11)\n" in told


def test_the_last_records_before_are_those_of_the_process_and_some_of_the_others():
    taken = made(
        log("worker.log", begun("00:00", 7), *(line("00:01", 7, f"w{i}") for i in range(9)), crash("00:30", 7)),
        log("host.log", *(line("00:20", 1, f"h{i}") for i in range(500))),
    )
    assert [each.record.message for each in taken.problems[0].before] == [
        "w4",
        "w5",
        "w6",
        "w7",
        "w8",
        "h497",
        "h498",
        "h499",
    ]


def test_of_a_process_that_was_killed_the_last_six_records_are_told():
    text = begun("00:00", 7) + "".join(line("00:01", 7, f"w{i}") for i in range(9)) + begun("10:00", 8)
    (problem,) = made(log("worker.log", text)).problems
    assert [each.record.message for each in problem.before] == [f"w{i}" for i in range(3, 9)]


def test_what_python_survived_is_no_crash():
    closed = begun("00:00", 7) + line("00:01", 7, "works") + line("00:05", 7, CLOSED)
    taken = made(log("worker.log", closed), log("worker.crash.txt", STACKS.format("00:05", 7)))
    assert taken.problems == [] and taken.sessions.all[0].ending == "closed"


def test_a_crash_of_which_no_log_tells_has_its_stack():
    (problem,) = made(log("worker.crash.txt", STACKS.split("\n", 1)[1])).problems
    assert (problem.what, problem.last) == ("Fatal Python error: Segmentation fault", 0)
    assert problem.stack[0] == 'File "upscale.py", line 52 in upscale' and problem.where == "upscale.py:52 in upscale"


def test_the_time_of_a_crash_is_not_that_of_another_log():
    stacks = STACKS.split("\n", 1)[1].replace("Fatal", "2025-10-19 05:00:00.000 [7] [CRITICAL] Crashed: x\nFatal")
    taken = made(log("worker.crash.txt", stacks), log("host.log", begun("30:00", 7)))
    assert [summary.moment(taken.zones, each.last)[11:19] for each in taken.problems] == ["05:00:00"]


def test_a_stack_belongs_to_the_crash_and_not_to_what_mentions_one():
    text = begun("00:00", 7) + line("00:01", 7, "it said Crashed: x") + crash("00:02", 7)
    taken = made(log("worker.log", text), log("worker.crash.txt", STACKS.format("00:00", 7)))
    assert [each.stack[0] for each in taken.problems] == ['File "upscale.py", line 52 in upscale']


def test_a_crash_of_which_python_alone_tells_is_of_its_process():
    logs = log("worker.log", begun("00:00", 7) + begun("10:00", 8)), log("host.log", begun("20:00", 7))
    taken = made(*logs, log("worker.crash.txt", STACKS.format("00:00", 7)))
    assert [(each.log, each.pid, each.ending) for each in taken.sessions.all] == [
        ("worker", 7, "crashed"), ("worker", 8, "open"), ("host", 7, "open"),
    ]  # fmt: skip


def test_a_log_that_closes_after_a_crash_tells_of_a_crash():
    (session,) = made(log("worker.log", begun("00:00", 7) + crash("00:01", 7) + line("00:02", 7, CLOSED))).sessions.all
    assert session.describe_end() == "crashed: SIGSEGV (11) at address 0x0"


def test_a_process_that_closes_its_log_and_goes_on_in_it_is_another_session_only_if_it_begins_again():
    closed = begun("00:00", 7) + line("00:01", 7, CLOSED)
    continued = line("00:02", 7, "Continues an older file. " + ORIGIN.format(7, "1.0"))
    assert len(made(log("worker.log", closed + continued)).sessions.all) == 1
    (first, second) = made(log("worker.log", closed + line("00:02", 7, BEGIN))).sessions.all
    assert first.describe_end() == "closed in good order"
    assert second.is_begun and second.describe_end() == "no closing record yet: still running, or killed"


def test_lines_of_windows_are_as_all_others():
    assert story.legible(b"a\r\nb\xff\n") == "a\nb\\xff\n"


def test_errors_are_equal_whatever_numbers_and_long_endings_say():
    same = "x" * 160
    texts = (f"{same}a", f"{same}b", "at 0xfe", "at 0xab", "at c", "at d")
    taken = made(log("worker.log", *(line("00:01", 7, each, "ERROR") for each in texts)))
    assert sorted(each.count for each in taken.problems) == [1, 1, 2, 2]


def test_crashes_are_equal_if_their_three_innermost_frames_are():
    def crashed(pid, *places):
        stack = "".join(f"\n\tat /x/worker+{place}" for place in places)
        return begun(f"{pid:02}:00", pid) + line(f"{pid:02}:01", pid, f"Crashed: x{stack}", "CRITICAL")

    text = crashed(1, "0x1", "0x2", "0x3", "0x4") + crashed(2, "0x1", "0x2", "0x3", "0x5")
    text += crashed(3, "0x1", "0x2", "0x6", "0x4")
    assert [each.count for each in made(log("worker.log", text)).problems] == [1, 2]


def test_of_many_equal_errors_a_thousand_places_are_told_and_the_last():
    text = "".join(line("00:01", 7, f"model {i} is missing", "ERROR") for i in range(1010))
    (problem,) = made(log("worker.log", text)).problems
    assert (problem.count, len(problem.at), problem.at[-2:]) == (1010, 1000, [998, 1009])


def test_the_summary_tells_the_newest_and_counts_the_others(tmp_path):
    words = ["".join(chr(97 + each % 26) for each in (i, i // 26)) for i in range(25)]
    frames = "".join(f'\n\t  File "{i}.py", line {i}, in f' for i in range(20))
    text = "".join(line("00:01", 7, f"{word} failed", "ERROR") for word in words)
    text += "".join(begun(f"{1 + i // 60:02}:{i % 60:02}", 100 + i) for i in range(103))
    raised = f"Uncaught exception\n\tTraceback (most recent call last):{frames}\n\tKeyError: {'k' * 300}"
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", text + line("03:00", 202, raised, "CRITICAL"))
    told = report(tmp_path / "report.zip", tmp_path / "logs").summary
    begin = told.index("What went wrong, the newest first")
    wrong, _, rest = told[begin:].partition("Sessions, the newest first")
    sessions = rest.partition("Files")[0].strip().split("\n")[1:]
    found = [each for each in wrong.split("\n") if each.startswith("2025")]
    assert len(found) == 20 and wrong.count("\n\n2025") == 19 and "\n\nand 7 others\n" in wrong
    assert wrong.count("    File ") == 12 and 'File "8.py", line 8, in f' in wrong and 'File "7.py"' not in wrong
    assert len(sessions) == 101 and sessions[-1] == "and 4 older ones"
    assert "  worker 202: 3 records, 1 error, no closing record yet" in sessions[0]


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1024**2, "1.0 MiB"), (1536 * 1024**2, "1.5 GiB")],
)
def test_sizes_are_told_as_people_do(size, text):
    assert summary.byte_count(size) == text


def test_a_captured_line_is_not_later_than_what_its_process_logged_next():
    lines = (
        "00:01.918 stdout: printed",
        "00:01.918 stderr: too",
        "00:01.917 [ERROR] failed",
        "00:09.000 stdout: early",
        "00:05.000 set back",
    )
    text = "".join(f"2025-10-19 05:{each[:9]} [7] [INFO] {each[10:]}\n" for each in lines)
    entries = list(
        story.Story([log("worker.log", text), log("host.log", line("00:01", 1, "h").replace("01.000", "01.918"))])
    )
    assert [(each.record.message, each.time % 60_000) for each in entries] == [
        ("stdout: printed", 1917), ("stderr: too", 1917), ("[ERROR] failed", 1917), ("h", 1918), ("stdout: early", 9000), ("set back", 5000),
    ]  # fmt: skip


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    text = (
        begun("00:00", 6, "0.9")
        + crash("00:01", 6, "0x99")
        + begun("10:00", 7)
        + line("10:01", 7, "Upscaling `a`\n\twith x")
    )
    write_log(folder / "worker.log", text + crash("10:02", 7))
    write_log(folder / "worker.crash.txt", STACKS.format("00:01", 6) + STACKS.format("10:02", 7))
    return folder


def test_the_summary_says_what_went_wrong_when_where_in_which_version_and_after_what(logs, tmp_path):
    text = report(tmp_path / "report.zip", logs).summary
    assert "Application:        1.0 (before: 0.9)\nSystem of the logs: Linux 6\n" in text
    assert "Times covered:      2025-10-19 05:00:00.000 UTC+02:00 to 2025-10-19 05:10:02.000 UTC+02:00\n" in text
    begin = text.index("What went wrong, the newest first")
    assert text[begin : text.index("Sessions, ")].split("\n")[2:] == [
        "2025-10-19 05:10:02.000 UTC+02:00  worker 7 crashed: SIGSEGV (11) at address 0x0",
        "    2 times since 2025-10-19 05:00:01.000 UTC+02:00",
        "    application 1.0, Linux 6",
        '    File "upscale.py", line 52 in upscale',
        '    File "worker.py", line 91 in do_GET',
        "    at /x/worker+0x12a09",
        "    at /x/libc.so.6+0x1",
        "    the last records before (3 of this process, 3 of others):",
        "        05:00:00.000 worker 6 INFO " + BEGIN,
        "        05:00:00.000 worker 6 INFO " + ORIGIN.format(6, "0.9"),
        "        05:00:01.000 worker 6 CRITICAL Crashed: SIGSEGV (11) at address 0x99 (+ 13 lines)",
        "        05:10:00.000 worker 7 INFO " + BEGIN,
        "        05:10:00.000 worker 7 INFO " + ORIGIN.format(7, "1.0"),
        "        05:10:01.000 worker 7 INFO Upscaling `a` (+ 1 line)",
        "",
        "",
    ]


def test_ten_lines_of_markdown_tell_a_bug_report_all_of_it():
    text = log(
        "worker.log",
        begun("10:00", 7),
        *(line("10:01", 7, f"Upscaling ```{i}```\n\twith x") for i in range(9)),
        crash("10:02", 7),
    )
    taken = made(text, log("worker.crash.txt", STACKS.format("10:02", 7)))
    problem = taken.problems[0]
    assert summary.issue(problem, taken.sessions.all[problem.session], taken.zones).split("\n") == [
        "**worker 7 crashed:** `SIGSEGV (11) at address 0x0`",
        "- When: 2025-10-19 05:10:02.000 UTC+02:00",
        "- Version: 1.0 (chaiNNer logger 0.1.0)",
        "- System: Linux 6",
        "```text",
        "05:10:01.000 worker 7 INFO Upscaling '''7''' (+ 1 line)",
        "05:10:01.000 worker 7 INFO Upscaling '''8''' (+ 1 line)",
        'File "upscale.py", line 52 in upscale',
        "at /x/worker+0x12a09",
        "```",
    ]


def test_lines_for_a_bug_report_have_an_end_and_say_what_is_not_known():
    taken = made(log("worker.log", line("10:02", 7, "`x`" + "y" * 300, "ERROR"), line("10:03", 7, "z", "ERROR")))
    problem = taken.problems[1]
    assert summary.issue(problem, taken.sessions.all[problem.session], taken.zones).split("\n") == [
        f"**worker 7 logged an error:** `'x'{'y' * 197} …`",
        "- When: 2025-10-19 05:10:02.000 UTC+00:00",
        "- Version: not said (chaiNNer logger not said)",
        "- System: not said",
    ]


def test_what_tells_no_time_is_not_of_1970(tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", '{"time": "05:00", "message": "a pattern of its own"}\n' * 3)
    told = report(tmp_path / "report.zip", tmp_path / "logs").summary
    assert "1970" not in told and "\nTimes covered:      an unknown time to an unknown time\n" in told
    assert "\nWhat went wrong, the newest first\n---------------------------------\nnone\n" in told
