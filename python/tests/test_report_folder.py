"""Which files are logs, and how they are read while they are written."""

import errno
import os
import re
import subprocess
import sys
import threading
import zipfile

import pytest

from chainner_logger._report import folder, story
from chainner_logger._report.folder import content, log_name, snapshot
from chainner_logger._report.sessions import Sessions
from conftest import is_wine, make_link, write_log


@pytest.mark.parametrize(
    ("name", "kind", "log", "age"),
    [
        ("worker.log", "record", "worker", 0),
        ("host-12.3.log", "record", "host-12", 3),
        ("worker-2.crash.txt", "crash", "worker-2", 0),
        ("main.log", "frontend", "main", 0),
        ("main.old.log", "frontend", "main", 1),
        ("renderer.log.old", "frontend", "renderer", 1),
        ("renderer.old", "frontend", "renderer", 1),
    ],
)
def test_the_name_tells_what_a_file_is(name, kind, log, age):
    found = log_name(name)
    assert (found.kind, found.log, found.age) == (kind, log, age)


@pytest.mark.parametrize(
    "name", ["worker.txt", "worker.log.gz", "xworker.log", "worker-.log", "main.2.log", "a/worker.log", ""]
)
def test_other_files_are_left_alone(name):
    assert log_name(name) is None


def line(number, role="worker", text="x"):
    return f"2025-10-19 05:52:25.{number:03} [1] [INFO] {text}\n"


def names(taken):
    return [file.name.name for file in taken.files]


def test_the_oldest_file_of_a_log_comes_first(tmp_path):
    for name in (
        "worker.log",
        "worker.2.log",
        "worker.10.log",
        "host.log",
        "worker-2.log",
        "main.log",
        "worker.crash.txt",
    ):
        write_log(tmp_path / name, line(1))
    with snapshot(tmp_path) as taken:
        assert names(taken) == [
            "worker.10.log",
            "worker.2.log",
            "worker.log",
            "worker.crash.txt",
            "worker-2.log",
            "host.log",
            "main.log",
        ]


def test_a_folder_with_the_name_of_a_log_is_not_opened(tmp_path):
    (tmp_path / "main.log").mkdir()
    with snapshot(tmp_path) as taken:
        assert taken.files == [] and set(taken.problems) == {"main.log"}


def test_of_a_zip_with_a_password_each_log_is_named(tmp_path):
    made = tmp_path / "report.zip"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("logs/worker.log", line(1))
    data = bytearray(made.read_bytes())
    data[data.index(b"PK\3\4") + 6] |= 1  # that it is encrypted, in both places where a zip says it
    data[data.index(b"PK\1\2") + 8] |= 1
    made.write_bytes(data)
    with snapshot(made) as taken:
        assert taken.files == [] and taken.problems == {"worker.log": "it needs a password"}


def test_a_report_that_somebody_has_unpacked_is_one(tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", line(1))
    (tmp_path / "summary.txt").write_text("of it")
    with snapshot(tmp_path) as taken:
        assert taken.is_report and names(taken) == ["worker.log"]


def test_what_would_be_too_large_unpacked_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_MOST_UNPACKED", len(line(1)))
    made = tmp_path / "report.zip"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("logs/worker.log", line(1))
        archive.writestr("logs/host.log", line(1) + "x")
    with snapshot(made) as taken:
        assert names(taken) == ["worker.log"] and taken.problems == {"host.log": os.strerror(errno.EFBIG)}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipe has a name in a folder there")
def test_a_pipe_with_the_name_of_a_log_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "host.log")
    with snapshot(tmp_path) as taken:
        assert taken.files == [] and set(taken.problems) == {"host.log"}


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    make_link(tmp_path / "worker.log", tmp_path / "secret")
    with snapshot(tmp_path) as taken:
        assert taken.files == [] and "link" in taken.problems["worker.log"]


@pytest.mark.parametrize("is_full", [False, True], ids=["none is deleted", "the oldest is deleted"])
def test_a_file_that_is_rotated_away_meanwhile_is_there_once_and_in_order(tmp_path, monkeypatch, is_full):
    if is_full and is_wine:
        pytest.skip("Wine keeps the name of a removed file until it is closed")
    for age, name in enumerate(["worker.log", "worker.1.log", "worker.2.log"]):
        write_log(tmp_path / name, line(9 - age))
    opened = folder.open_log

    def open_and_rotate(path, name):
        file = opened(path, name)
        if path.name == "worker.2.log" and not (tmp_path / "worker.log").read_text().startswith(line(10)):
            if is_full:
                os.remove(path)
            else:
                os.rename(path, tmp_path / "worker.3.log")
            os.rename(tmp_path / "worker.1.log", path)
            os.rename(tmp_path / "worker.log", tmp_path / "worker.1.log")
            write_log(tmp_path / "worker.log", line(10))
        return file

    monkeypatch.setattr(folder, "open_log", open_and_rotate)
    with snapshot(tmp_path) as taken:
        assert names(taken) == ["worker.3.log", "worker.2.log", "worker.1.log", "worker.log"]
        assert [content(file, 1000)[0].decode() for file in taken.files] == [line(7), line(8), line(9), line(10)]


def test_a_record_that_is_being_written_is_whole_or_not_there(tmp_path):
    path = tmp_path / "worker.log"
    path.write_bytes((line(1) + line(2) + "2025-10-19 05:52:25.003 [1] [INFO] a recor").encode())

    def write():
        with path.open("a", newline="") as file:
            for piece in "d of", " three\n", "\tli", "nes\n", "\tin all\n", line(4)[:30], line(4)[30:]:
                file.write(piece)
                file.flush()
                written.wait(0.005)

    written = threading.Event()
    writer = threading.Thread(target=write)
    with snapshot(tmp_path) as taken:
        writer.start()
        data, _ = content(taken.files[0], 1000)
        writer.join()
    text = data.decode()
    whole = line(1) + line(2) + "2025-10-19 05:52:25.003 [1] [INFO] a record of three\n\tlines\n\tin all\n"
    assert text in (whole, whole + line(4))


def test_a_record_that_goes_on_while_it_is_read_is_there_with_what_was_before_it(tmp_path, monkeypatch):
    path = tmp_path / "worker.log"
    write_log(path, line(1))
    pieces = iter(["\tgoes", " on\n", "\tand on\n"])
    monkeypatch.setattr(folder.time, "sleep", lambda _: write_log(path, path.read_text() + next(pieces, "")))
    with snapshot(tmp_path) as taken:
        assert content(taken.files[0], 1000) == (f"{line(1)}\tgoes on\n\tand on\n".encode(), 0)


def test_of_a_large_file_the_last_whole_records_are_read(tmp_path):
    records = [line(number, text=f"one\n\ttwo {number}") for number in range(100)]
    (tmp_path / "worker.log").write_bytes("".join(records).encode())
    with snapshot(tmp_path) as taken:
        data, left_out = content(taken.files[0], 1000)
    assert data.decode() == "".join(records)[left_out:]
    assert 900 < len(data) <= 1000 and data.decode().startswith(records[0][:20])
    with (tmp_path / "host.log").open("wb") as file:
        file.truncate(3 << 30)  # has no blocks
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line(1).encode())
    with snapshot(tmp_path) as taken:
        data, left_out = content(next(file for file in taken.files if file.name.name == "host.log"), 1000)
    assert data.decode().endswith(line(1)) and left_out > 2 << 30


@pytest.mark.skipif("LOG_RECORDS" not in os.environ, reason="needs the build's program log_records")
def test_while_a_process_rotates_all_the_time_each_record_is_there_once(tmp_path):
    looks = runs = 0
    while looks < 10:  # on a busy machine the process may be done after a few
        runs += 1
        logs, counter = tmp_path / f"logs {runs}", tmp_path / f"counter {runs}"
        settings = [f"counter={counter}", "size=50000", "files=200"]
        process = subprocess.Popen([os.environ["LOG_RECORDS"], "worker", logs, "100000", *settings])
        while process.poll() is None:
            if not logs.exists() or not counter.exists():
                continue
            written = int.from_bytes(counter.read_bytes()[:8], "little")
            with snapshot(logs) as taken:
                text = b"".join(content(file, 1 << 30)[0] for file in taken.files).decode()
            numbers = [int(found) for found in re.findall(r"\] record (\d+) x{40}\n", text)]
            assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= written
            assert text == "" or text.endswith("\n")
            looks += 1
        assert process.returncode == 0 and len(list(logs.iterdir())) > 100


def log(name, *lines):
    return story.Log(log_name(name), "".join(lines))


def messages(made):
    return [entry.record.message for entry in made]


def test_logs_are_merged_by_time_and_in_the_order_of_each_file():
    made = story.Story([
        log("host.log", line(1, text="h1"), line(5, text="h5"), line(3, text="h3, the clock stepped back"), line(9, text="h9")),
        log("worker.1.log", line(2, text="w2")),
        log("worker.log", line(5, text="w5"), "no record\n", line(6, text="w6")),
    ])  # fmt: skip
    assert messages(made) == ["h1", "w2", "w5", "no record", "h5", "h3, the clock stepped back", "w6", "h9"]


def test_what_python_says_about_a_crash_comes_after_the_last_record_of_the_process():
    crash = "2025-10-19 05:52:20 [1] started; if it crashes, this follows:\nFatal Python error: x\n"
    made = story.Story(
        [log("worker.log", line(2, text="w2")), log("worker.crash.txt", crash), log("host.log", line(3, text="h3"))]
    )
    assert messages(made) == ["w2", "Fatal Python error: x", "h3"]


def sessions(*logs):
    found = Sessions()
    for number, entry in enumerate(story.Story(logs)):
        found.add(number, entry)
    return found.all


def session_line(second, pid, text, level="INFO"):
    return f"2025-10-19 05:52:{second:02}.000 [{pid}] [{level}] {text}\n"


def test_a_session_ends_in_good_order_by_a_crash_or_without_a_word():
    begin = "Logger initialized for worker process. Log file: x"
    origin = "Role: worker, process: {}, started: x, application: 2.0, chaiNNer logger: 0.1.0, system: Linux 6, UTC offset: +00:00"
    text = [
        session_line(1, 7, begin), session_line(1, 7, origin.format(7)), session_line(2, 7, "Logger closed for worker process"),
        session_line(3, 8, begin), session_line(3, 8, origin.format(8)), session_line(4, 8, "Crashed: SIGSEGV (11) at address 0x0\n\tat x", "CRITICAL"),
        session_line(5, 9, begin), session_line(5, 9, "x"),
        session_line(6, 7, begin), session_line(6, 7, "The previous session of this log ended without a closing record, as"),
    ]  # fmt: skip
    found = sessions(log("worker.log", *text))
    assert [(each.pid, each.ending) for each in found] == [
        (7, "closed"),
        (8, "crashed"),
        (9, "no closing record"),
        (7, "open"),
    ]
    assert (found[0].application, found[0].system, found[1].crash) == ("2.0", "Linux 6", "SIGSEGV (11) at address 0x0")
    assert found[1].errors == 1


def test_a_crash_that_python_has_caught_is_none():
    crash = "2025-10-19 05:52:00 [7] started; if it crashes, this follows:\nWindows fatal exception: access violation\n"
    text = session_line(1, 7, "x"), session_line(2, 7, "Logger closed for worker process")
    (found,) = sessions(log("worker.log", *text), log("worker.crash.txt", crash))
    assert (found.ending, found.records) == ("closed", 3)


def test_a_session_goes_on_in_a_rotated_file():
    origin = "Continues an older file. Role: worker, process: 7, started: x, chaiNNer logger: 1, system: y, UTC offset: +00:00"
    (found,) = sessions(
        log("worker.1.log", session_line(1, 7, "x")),
        log("worker.log", session_line(2, 7, origin), session_line(3, 7, "y")),
    )
    assert (found.records, found.is_begun) == (3, False)
