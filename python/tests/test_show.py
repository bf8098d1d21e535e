"""The story in a terminal."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from chainner_logger._report import folder as folders
from chainner_logger._report.folder import snapshot
from chainner_logger._report.follow import follow as follow_logs
from chainner_logger._report.zones import Zones
from conftest import is_windows, wait_until, write_log


def record(second, text, level="INFO", pid=1):
    return f"2025-10-19 05:52:{second:02}.000 [{pid}] [{level}] {text}\n"


@pytest.fixture
def logs(programs):
    programs.logs.mkdir()
    origin = "Role: worker, process: 1, started: x, chaiNNer logger: 0.1.0, system: x, UTC offset: +02:00"
    write_log(
        programs.logs / "worker.log",
        record(1, origin) + record(3, "two\n\tlines\n\x1b[2J is no record", "WARNING") + record(5, "w5", "ERROR")
    )
    write_log(programs.logs / "host.log", record(2, "h2", "DEBUG", 2) + record(4, "h4", pid=2))
    write_log(programs.logs / "main.log", "[2025-10-19 05:52:06.000] [error] m6\n")
    programs.environment["TZ"] = "Asia/Tokyo"
    return programs.logs


def command(*arguments):
    return [sys.executable, "-m", "chainner_logger", "show", *map(str, arguments)]


def shown(programs, *arguments):
    environment = {**programs.environment, "PYTHONUTF8": "1"}  # the code page of Windows has not all letters
    ran = subprocess.run(command(*arguments), env=environment, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return ran.stdout


def messages(text):
    return re.findall(r"(?:TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL) +(.*)", text)


def test_all_logs_are_one_story_by_time(programs, logs):
    text = shown(programs)
    assert messages(text)[1:] == ["h2", "two", "h4", "w5", "m6"]
    assert text.startswith("2025-10-19 UTC+02:00\n05:52:01.000 worker         1  INFO     Role: worker")
    assert f"\n{' ' * 40}lines\n" in text
    assert "\\x1b[2J is no record" in text and "\x1b" not in text


def test_records_with_and_without_an_offset_are_one_story(programs, logs):
    text = (logs / "host.log").read_text() + "2025-10-19 05:52:04.500+02:00 [2] [INFO] h4.5\n"
    (logs / "host.log").write_text(text + "2025-10-18 18:22:05.500-09:30 [2] [INFO] h5.5\n")
    shown_text = shown(programs)
    assert messages(shown_text)[1:] == ["h2", "two", "h4", "h4.5", "w5", "h5.5", "m6"]
    assert "05:52:04.500 host           2  INFO     h4.5" in shown_text


def test_level_role_and_time_choose(programs, logs):
    assert messages(shown(programs, "--level", "warning")) == ["two", "w5", "m6"]
    assert messages(shown(programs, "--role", "host", "--role", "main")) == ["h2", "h4", "m6"]
    programs.environment["TZ"] = "GMT-2"  # as each system knows it
    assert messages(shown(programs, "--since", "2025-10-19 05:52:04")) == ["h4", "w5", "m6"]


def complaints(programs, *arguments):
    environment = {**programs.environment, "PYTHONUTF8": "1"}
    ran = subprocess.run(command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, encoding="utf-8")
    assert ran.stdout == ""
    return ran.stderr


def test_where_nothing_is_shown_it_says_what_there_is(programs, logs):
    programs.environment["TZ"] = "GMT-2"
    newest = "the newest is of 2025-10-19 05:52:06 (--since 2025-10-19T05:52)"
    assert f"no records since 2025-10-19 05:53:00; {newest}\n" in complaints(programs, logs, "--since", "2025-10-19 05:53")
    assert newest in complaints(programs, logs, "--since", "1m")
    assert len(messages(shown(programs, logs, "--since", "2025-10-19T05:52"))) == 6
    newest = newest.replace(":06 ", ":04 ")
    assert newest in complaints(programs, logs, "--since", "1m", "--role", "host")
    for choice in ["--level", "critical"], ["--role", "renderer"], ["--level", "critical", "--since", "1m"]:
        assert "none of the 7 records is of " in complaints(programs, logs, *choice)


def test_where_one_record_is_shown_it_says_no_more(programs, logs):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    ran = subprocess.run(command(logs, "--role", "main"), env=programs.environment, **options)
    assert messages(ran.stdout) == ["m6"] and (ran.stderr, ran.returncode) == ("", 0)


def test_what_is_new_today_is_told_by_its_time(programs):
    programs.logs.mkdir()
    begun = time.time() - 90
    if time.localtime(begun)[:3] != time.localtime()[:3]:
        pytest.skip("it was yesterday")
    stamp = time.strftime("%H:%M:%S", time.localtime(begun))
    write_log(programs.logs / "worker.log", time.strftime("%Y-%m-%d ") + stamp + ".000 [1] [INFO] w\n")
    assert f"; the newest is of {stamp} (--since {stamp[:5]})\n" in complaints(programs, programs.logs, "--since", "1m")


def test_an_age_counts_from_the_last_record_of_a_report(programs, logs, tmp_path):
    made = tmp_path / "report.zip"
    subprocess.run([sys.executable, "-m", "chainner_logger", "report", "--output", made], env=programs.environment, check=True)
    shutil.unpack_archive(made, tmp_path / "report")
    for folder in made, tmp_path / "report":
        assert messages(shown(programs, folder, "--since", "2s")) == ["h4", "w5", "m6"]


def test_a_traceback_that_was_printed_is_shown_with_the_errors(programs, logs):
    lines = "Traceback (most recent call last):", '  File "x.py", line 1, in f', "KeyError: 1", "after it"
    with (logs / "worker.log").open("a", newline="") as file:
        file.write("".join(record(7, f"stderr: {each}") for each in lines))
    text = shown(programs, "--level", "error")
    assert f"stderr: {lines[0]}\n{' ' * 40}{lines[1]}\n{' ' * 40}{lines[2]}\n" in text and "after it" not in text


def test_each_day_says_the_zone_of_its_times_and_so_does_a_change_of_it(programs, logs):
    change = "Local time is UTC+01:00 from now on, it was UTC+02:00"
    with (logs / "worker.log").open("a", newline="") as file:
        file.write(f"2025-10-26 02:00:00.000 [1] [INFO] a\n2025-10-26 02:00:00.000 [1] [INFO] {change}\n")
    heads = [each for each in shown(programs).split("\n") if each.startswith("2025")]
    assert heads == ["2025-10-19 UTC+02:00", "2025-10-26 UTC+02:00", "2025-10-26 UTC+01:00"]


def test_colour_is_used_as_the_console_does(programs, logs):
    programs.environment["FORCE_COLOR"] = "1"
    text = shown(programs)
    for code, level in ("36", "DEBUG"), ("32", "INFO"), ("33", "WARNING"), ("31", "ERROR"):
        assert f"\x1b[{code}m{level}" in text


def test_who_reads_may_have_enough(programs, logs):
    write_log(logs / "worker.log", "".join(record(1, f"{number} {'x' * 100}") for number in range(20_000)))
    process = subprocess.Popen(command(logs), env=programs.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1000)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 1


def test_where_nobody_reads_a_few_records_nobody_is_told(programs, logs):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as nobody:
        ran = subprocess.run(command(logs), env=programs.environment, stdout=nobody, stderr=subprocess.PIPE)
    assert (ran.stderr, ran.returncode) == (b"", 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_log_is_read_in_the_encoding_in_which_an_editor_saved_it(programs, logs, encoding):
    text = (logs / "worker.log").read_text(encoding="utf-8") + record(7, "w7 ü" if encoding != "utf-16-be" else "w7")
    (logs / "worker.log").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    shown_text = shown(programs)
    assert messages(shown_text)[1:] == ["h2", "two", "h4", "w5", "m6", "w7 ü" if encoding != "utf-16-be" else "w7"]
    assert "1970" not in shown_text


def test_what_a_shell_appends_in_another_encoding_is_read(programs, logs):
    with (logs / "worker.log").open("ab") as file:
        file.write(record(7, "w7").encode("utf-16"))
        file.write(record(8, "w8").encode())
    assert messages(shown(programs))[-2:] == ["w7", "w8"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_what_a_shell_appends_in_another_script_is_read_and_hides_no_record(programs, logs, encoding):
    with (logs / "worker.log").open("ab") as file:
        for second in 7, 9:
            file.write(record(second, "w 名前の上, \u0a0a and so on 名前").encode(encoding))
            file.write(record(second + 1, "später").encode())
    assert messages(shown(programs))[-4:] == ["w 名前の上, \u0a0a and so on 名前", "später"] * 2


def test_zeros_that_a_power_loss_left_hide_no_record(programs, logs):
    with (logs / "worker.log").open("ab") as file:
        file.write(record(7, "cut off").encode()[:-3] + b"\0" * 4096 + record(8, "w8").encode())
    text = shown(programs)
    assert messages(text)[-2:] == ["cut o", "w8"]
    assert f"\n{' ' * 40}(4096 bytes here are zeros)\n" in text


def test_no_time_is_made_up_for_what_has_none(programs):
    programs.logs.mkdir()
    write_log(programs.logs / "worker.log", "nothing of this\nis a record\n")
    text = shown(programs)
    assert "1970" not in text and "00:00" not in text and "is a record" in text


def test_a_report_is_a_folder_like_any_other(programs, logs, tmp_path):
    expected = shown(programs)
    made = tmp_path / "report.zip"
    command_line = [sys.executable, "-m", "chainner_logger", "report", "--no-redaction", "--output", str(made)]
    subprocess.run(command_line, env=programs.environment, check=True, stdout=subprocess.DEVNULL)
    assert shown(programs, "--folder", made) == expected
    again = subprocess.run([*command_line[:-1], str(tmp_path / "again.zip"), "--folder", str(made)], env=programs.environment)
    assert again.returncode == 0 and shown(programs, "--folder", tmp_path / "again.zip") == expected
    shutil.unpack_archive(made, tmp_path / "unpacked")
    assert shown(programs, "--folder", tmp_path / "unpacked") == expected
    (tmp_path / "no.zip").write_text("no zip")
    ran = subprocess.run(command("--folder", tmp_path / "no.zip"), env=programs.environment, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 1 and "neither a folder nor a report" in ran.stderr


class Pager:
    """`show` in a terminal of its own, with less."""

    def __init__(self, programs, **environment):
        import pty

        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(programs.environment, PAGER="less", TERM="xterm", **environment)
            os.execv(sys.executable, command())
        self.output = b""

    def read_until(self, text, seconds=60):
        return wait_until(lambda: self._read() and text in self.output, seconds)

    def _read(self):
        if select.select([self.terminal], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                self.output += os.read(self.terminal, 1 << 16)
        return True

    def press(self, keys):
        os.write(self.terminal, keys)

    def end(self):
        self.press(b"q")
        ended = wait_until(lambda: self._read() and os.waitpid(self.process, os.WNOHANG)[0] != 0)
        os.close(self.terminal)
        return ended


needs_less = pytest.mark.skipif(is_windows or shutil.which("less") is None, reason="needs less, and a terminal")


@needs_less
def test_a_ctrl_c_in_the_pager_loses_nothing(programs, logs):
    programs.environment.pop("LESS", None)
    write_log(logs / "worker.log", "".join(record(1, f"number {number} {'x' * 60}") for number in range(30_000)))
    pager = Pager(programs)
    assert pager.read_until(b"number 5 ")
    pager.press(b"\x03")
    assert not wait_until(lambda: pager._read() and False, 1)
    pager.press(b"G")
    assert pager.read_until(b"number 29999 "), pager.output[-500:]
    assert pager.end()


@needs_less
def test_colours_are_shown_whatever_its_user_wishes_of_less(programs, logs):
    write_log(logs / "worker.log", "".join(record(1, f"number {number}") for number in range(100)))
    pager = Pager(programs, LESS="-i")
    assert pager.read_until(b"number 5")
    assert b"\x1b[32mINFO" in pager.output and b"ESC" not in pager.output
    assert pager.end()


# A Ctrl-C would go to all processes of a console, those of the tests among them.
INTERRUPTED_BY_STDIN = """
import _thread, sys, threading
from chainner_logger.__main__ import main
threading.Thread(target=lambda: (sys.stdin.read(), _thread.interrupt_main())).start()
sys.exit(main())
"""


class Follower:
    def __init__(self, programs, *arguments):
        started = [sys.executable, "-c", INTERRUPTED_BY_STDIN, "show"] if is_windows else command()
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        if not is_windows:  # who is started in the background by a shell, as tests may be, ignores the signal
            options["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.process = subprocess.Popen([*started, "--follow", "--folder", programs.logs, *arguments], env=programs.environment, **options)
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def has(self, text):
        return any(text in line for line in self.lines)

    def end(self):
        if not is_windows:
            self.process.send_signal(signal.SIGINT)
        self.process.stdin.close()
        self._reader.join(60)
        assert not self._reader.is_alive(), "it has not ended"
        errors = self.process.stderr.read()
        self.process.wait()
        return errors


@pytest.fixture
def follow(programs):
    started = []

    def start(*arguments):
        started.append(Follower(programs, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def test_it_follows_what_is_written_with_all_lines_of_a_record(programs, logs, follow):
    follower = follow()
    assert wait_until(lambda: follower.has("m6"))
    with (logs / "worker.log").open("a", newline="") as file:
        for text in record(10, "begin"), "\tgoes on\n", "\tand on\n", record(11, "the end"):
            file.write(text)
            file.flush()
    with (logs / "main.log").open("a", newline="") as file:
        file.write("[2025-10-19 05:52:12.000] [info]  frontend\r\n")
    assert wait_until(lambda: follower.has("the end") and follower.has("frontend"))
    assert follower.end() == ""
    text = "".join(follower.lines)
    assert f"begin\n{' ' * 40}goes on\n{' ' * 40}and on\n" in text
    assert "\\r" not in text and len(messages(text)) == 9 and follower.process.returncode == 130
    assert "05:52:10.000 worker" in text  # in the zone of the log


def test_it_may_be_started_before_there_are_logs(programs, follow):
    programs.logs.mkdir()
    follower = follow("--level", "error")
    programs.run("from chainner_logger import setup_logger; setup_logger('host').error('at last')")
    assert wait_until(lambda: follower.has("at last"))
    assert follower.end() == "" and not follower.has("INFO")


def test_it_may_be_started_before_there_is_a_folder(programs, follow):
    follower = follow()
    assert not wait_until(lambda: follower.process.poll() is not None, 1)
    programs.run("from chainner_logger import setup_logger; setup_logger('host').error('at last')")
    assert wait_until(lambda: follower.has("at last"))
    assert follower.end() == ""


def test_a_file_that_is_emptied_and_grows_again_is_told_from_its_beginning(tmp_path):
    log = tmp_path / "worker.log"
    write_log(log, record(1, "one") + record(1, "two"))
    with snapshot(tmp_path) as taken:
        positions = {file.identity: file.size() for file in taken.files}
        portions = follow_logs(tmp_path, taken, positions, Zones(), print)
        with log.open("a", newline="") as file:
            file.write(record(2, "three"))
        found = [entry.record.message for entry in next(portions)]
        with log.open("r+", newline="") as file:
            file.truncate()
            file.write("".join(record(3, f"new {number}") for number in range(10)))
        while "new 9" not in found:
            found += [entry.record.message for entry in next(portions)]
    assert found == ["three", *(f"new {number}" for number in range(10))]


def test_a_rotated_file_is_told_to_its_end_before_the_next_one(tmp_path):
    log = tmp_path / "worker.log"
    write_log(log, record(1, "one"))
    with snapshot(tmp_path) as taken:
        positions = {file.identity: file.size() for file in taken.files}
        portions = follow_logs(tmp_path, taken, positions, Zones(), print)
        write_log(log, record(1, "one") + record(2, "two"))
        log.rename(tmp_path / "worker.1.log")
        write_log(log, record(2, "three") + record(2, "four"))
        found = []
        while "four" not in found:
            found += [entry.record.message for entry in next(portions)]
    assert found == ["two", "three", "four"]


def test_a_file_that_is_gone_is_closed_when_two_looks_have_found_no_name_for_it(tmp_path):
    log, other = tmp_path / "worker.log", tmp_path / "host.log"
    write_log(log, record(1, "one"))
    with snapshot(tmp_path) as taken:
        (gone,) = taken.files
        portions = follow_logs(tmp_path, taken, {gone.identity: gone.size()}, Zones(), print)
        log.rename(tmp_path / "away")
        is_open = []
        for second in range(3):
            write_log(other, "".join(record(each, "goes on") for each in range(second + 2)))
            next(portions)
            is_open.append(gone.descriptor >= 0)
    assert is_open == [True, False, False]


def test_a_file_that_has_another_name_when_it_is_opened_is_not_told_twice(tmp_path, monkeypatch):
    log = tmp_path / "worker.log"
    write_log(log, record(1, "one"))
    opened = []

    def open_log(*arguments):
        opened.append(before(*arguments))
        return opened[-1]

    before = folders.open_log
    with snapshot(tmp_path) as taken:
        positions = {file.identity: file.size() for file in taken.files}
        monkeypatch.setattr(folders, "open_log", open_log)
        names = {folders.log_name(name): (0, 0) for name in ("worker.1.log", "worker.log")}  # as they were a moment ago
        monkeypatch.setattr(folders, "listing", lambda _: names)
        portions = follow_logs(tmp_path, taken, positions, Zones(), print)
        write_log(log, record(1, "one") + record(2, "two"))
        assert [entry.record.message for entry in next(portions)] == ["two"]
    assert [file.descriptor for file in opened] == [-1]


def test_where_nothing_comes_it_looks_less_and_less_often(tmp_path, monkeypatch):
    log = tmp_path / "worker.log"
    write_log(log, record(1, "one"))
    looks, pauses = [], []

    def listing(folder):
        looks.append(folder)
        if len(looks) == 20:
            write_log(log, record(1, "one") + record(2, "two"))
        return before(folder)

    before = folders.listing
    with snapshot(tmp_path) as taken:
        positions = {file.identity: file.size() for file in taken.files}
        monkeypatch.setattr(folders, "listing", listing)
        monkeypatch.setattr(time, "sleep", pauses.append)
        next(follow_logs(tmp_path, taken, positions, Zones(), print))
    assert pauses == sorted(pauses) and [*pauses[:1], *pauses[-1:]] == [0.01, 0.25]


def test_it_says_that_records_may_be_missing_where_a_file_is_gone_before_the_next_one_is_there(tmp_path):
    log, said = tmp_path / "worker.log", []
    write_log(log, record(1, "one"))
    with snapshot(tmp_path) as taken:
        positions = {file.identity: file.size() for file in taken.files}
        portions = follow_logs(tmp_path, taken, positions, Zones(), said.append)
        log.rename(tmp_path / "away")
        write_log(log, record(2, "two"))
        assert [entry.record.message for entry in next(portions)] == ["two"]
    assert said == ["worker: rotated faster than it could be followed; records may be missing here"]


def test_it_follows_across_rotations(programs, follow):
    programs.logs.mkdir()
    follower = follow()
    programs.run(
        """
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.removeHandler(logger.handlers[1])
        for number in range(3000):
            logger.info("record %d %s", number, "x" * 8000)
        """
    )
    assert wait_until(lambda: follower.has("Logger closed for"))
    assert follower.end() == ""
    numbers = re.findall(r"INFO +record (\d+) x", "".join(follower.lines))
    assert list(map(int, numbers)) == list(range(3000))
    assert len(list(programs.logs.glob("worker.*.log"))) == 2


@pytest.mark.skipif("LOG_RECORDS" not in os.environ, reason="needs the build's program log_records")
def test_it_follows_across_rotations_and_new_instances_without_losing_or_repeating_a_record(programs, follow):
    programs.logs.mkdir()
    follower = follow()
    write = lambda role, count: subprocess.Popen(  # noqa: E731
        [os.environ["LOG_RECORDS"], role, programs.logs, str(count), "size=30000", "files=200"],
        env=programs.environment,
    )
    started = [write("worker", 20_000), write("host", 20_000), write("worker", 20_000)]
    for each in started:
        assert each.wait() == 0
    later = write("worker", 100)
    assert later.wait() == 0
    closing = lambda: sum("Logger closed for" in line for line in follower.lines)  # noqa: E731
    assert wait_until(lambda: closing() == 4)
    assert follower.end() == ""
    by_process = {}
    for line in follower.lines:
        found = re.match(r"\S+ \S+ +(\d+)  INFO +record (\d+) ", line)
        if found:
            by_process.setdefault(int(found[1]), []).append(int(found[2]))
    expected = {each.pid: list(range(1, 20_001)) for each in started}
    assert by_process == {**expected, later.pid: list(range(1, 101))}
    assert len(list(programs.logs.glob("worker*.log"))) > 100
