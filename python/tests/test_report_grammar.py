"""The grammar of the logs, on which all that reads them agrees."""

import re
from pathlib import Path

import pytest

from chainner_logger._report import grammar
from chainner_logger._report.grammar import mark, parse, parse_crash_file, parse_frontend
from chainner_logger._report.zones import Zones, in_utc

repository = Path(__file__).parents[2]


def utc(text, zones=None):
    """The times of day in UTC, with the messages."""
    known = zones or Zones()
    known.learn([text])
    day = 24 * 3600 * 1000
    return [
        (
            None if time is None else f"{time % day // 3600000:02}:{time // 60000 % 60:02}:{time / 1000 % 60:06.3f}",
            record.message,
        )
        for time, record in in_utc(parse(text), known)
    ]


def test_a_record_has_a_time_a_process_a_level_and_a_message():
    (record,) = parse("2025-10-19 05:52:25.123 [1234] [WARNING] one line,\n\tand another\n\t\tindented\n")
    assert (record.pid, record.level, record.line) == (1234, "WARNING", 1)
    assert record.message == "one line,\nand another\n\tindented"
    assert record.raw == "2025-10-19 05:52:25.123 [1234] [WARNING] one line,\n\tand another\n\t\tindented"
    assert record.local_time == 1760853145123 and record.offset is None


@pytest.mark.parametrize(("offset", "minutes"), [("+02:00", 120), ("-09:30", -570), ("+00:00", 0)])
def test_a_time_stamp_may_have_an_offset(offset, minutes):
    (record,) = parse(f"2025-10-19 05:52:25.123{offset} [1] [INFO] message\n")
    assert (record.offset, record.message) == (minutes, "message")
    assert grammar.offset_text(minutes) == offset


def test_an_empty_message_is_a_message():
    assert [each.message for each in parse("2025-10-19 05:52:25.123 [1] [INFO] \n" * 2)] == ["", ""]


@pytest.mark.parametrize(
    "line",
    [
        "2025-10-19 05:52:25.123 [1] [OFF] message",
        "2025-10-19 05:52:25 [1] [INFO] message",
        "2025-13-19 05:52:25.123 [1] [INFO] message",
        "[2025-10-19 05:52:25.123] [info] message",
        " 2025-10-19 05:52:25.123 [1] [INFO] message",
        "2025-10-19 05:52:25.123 [x] [INFO] message",
        "\x00\x00\x00",
        "",
    ],
)
def test_what_is_no_record_is_a_record_without_level_and_time(line):
    before, found, after = parse(
        f"2025-10-19 05:52:25.123 [1] [INFO] a\n{line}\n2025-10-19 05:52:25.124 [1] [INFO] b\n"
    )
    assert (found.raw, found.level, found.local_time) == (line, "", None)
    assert (before.message, after.message, after.line) == ("a", "b", 3)


def test_a_file_may_begin_within_a_record():
    first, second = parse("\tthe end of a record\n2025-10-19 05:52:25.123 [1] [INFO] a")
    assert (first.raw, first.level, second.message) == ("\tthe end of a record", "", "a")


def test_the_frontends_records_go_on_until_the_next_one():
    text = "[2025-10-19 05:52:25.123] [info]  Backend is ready\n[2025-10-19 05:52:25.124] [error] (ipc) Error: x\n    at y\n\n"
    first, second = parse_frontend(text)
    assert (first.level, first.message, first.pid) == ("INFO", "Backend is ready", 0)
    assert (second.level, second.message) == ("ERROR", "(ipc) Error: x\n    at y\n")
    levels = "error warn info log verbose debug silly".split()
    read = [record.level for level in levels for record in parse_frontend(f"[2025-10-19 05:52:25.123] [{level}] x\n")]
    assert read == ["ERROR", "WARNING", "INFO", "INFO", "DEBUG", "DEBUG", "TRACE"]


def test_a_crash_file_tells_of_each_process_that_crashed():
    text = (
        "2025-10-19 05:52:24 [7] started; if it crashes, this follows:\n"
        "2025-10-19 05:52:25 [8] started; if it crashes, this follows:\n"
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1:\n  File x\n"
        "2025-10-19 05:52:29 [9] started; if it crashes, this follows:\n"
    )
    (crash,) = parse_crash_file(text)
    assert (crash.pid, crash.level, crash.line) == (8, "CRITICAL", 3)
    assert crash.raw == "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1:\n  File x"


def test_on_windows_python_tells_of_an_exception_before_the_library_does_and_of_an_abort_after_it():
    text = (
        "2025-10-19 05:52:25.100 [8] [CRITICAL] Crashed: SIGABRT (22)\n"
        "Fatal Python error: Aborted\n\nCurrent thread 0x1:\n  File x\n"
        "Windows fatal exception: access violation\n\nCurrent thread 0x1:\n  File handled\n"
        "Windows fatal exception: access violation\n\nCurrent thread 0x1:\n  File y\n"
        "2025-10-19 05:52:29.200 [9] [CRITICAL] Crashed: access violation (0xc0000005) at address 0x0\n"
    )
    crashes = list(parse_crash_file(text))
    assert [(each.pid, each.line) for each in crashes] == [(8, 2), (9, 10)]
    assert crashes[0].raw.startswith("Fatal Python error: Aborted\n")
    assert crashes[1].raw == "Windows fatal exception: access violation\n\nCurrent thread 0x1:\n  File y"


def test_a_crash_file_may_say_its_offset():
    (crash,) = parse_crash_file(
        "2025-10-26 02:30:00.123+01:00 [8] [CRITICAL] Crashed: SIGSEGV (11)\nFatal Python error: x\n"
    )
    assert (crash.pid, crash.offset, crash.raw) == (8, 60, "Fatal Python error: x")
    assert [time for time, _ in in_utc([crash], Zones())] == [1761442200000]


def record(time, message, level="INFO", offset=""):
    return f"2025-10-26 {time}{offset} [1] [{level}] {message}\n"


ORIGIN = "Role: worker, process: 1, started: 2025-10-26 01:00:00.123+02:00, application: 1, 2, chaiNNer logger: 0.1.0, system: Linux 6 x, UTC offset: "


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Logger initialized for worker process. Log file: /x", "begin"),
        ("Logger initialized for a forked process. Log file: /x", "begin"),
        (ORIGIN + "+01:00", "origin"),
        ("Continues an older file. " + ORIGIN + "-01:30", "origin"),
        ("Logger closed for worker process", "end"),
        ("The previous session of this log ended without a closing record, as after a kill", "left open"),
        ("Local time is UTC+01:00 from now on, it was UTC+02:00", "offset"),
    ],
)
def test_the_library_marks_sessions(message, kind):
    (found,) = parse(record("01:00:00.000", message))
    assert mark(found).kind == kind
    (louder,) = parse(record("01:00:00.000", message, "WARNING"))
    assert mark(louder) is None


@pytest.mark.parametrize(
    "message", ["Logger closed for maintenance", "Role: none", "Crashed: x", "Local time is UTC", "Lorem"]
)
def test_a_message_with_similar_words_marks_nothing(message):
    (found,) = parse(record("01:00:00.000", message))
    assert mark(found) is None


def test_an_origin_tells_of_the_process():
    (found,) = parse(record("01:00:00.000", ORIGIN + "+01:00"))
    assert grammar.origin_fields(mark(found).text) == {
        "process": "1", "started": "2025-10-26 01:00:00.123+02:00", "application": "1, 2", "chaiNNer logger": "0.1.0",
        "system": "Linux 6 x",
    }  # fmt: skip


def test_the_offset_of_the_file_holds_also_for_the_record_before_its_origin():
    text = record("01:00:00.000", "Logger initialized for worker process") + record("01:00:00.001", ORIGIN + "+05:30")
    assert [time for time, _ in utc(text + record("01:00:01.000", "x"))] == [
        "19:30:00.000",
        "19:30:00.001",
        "19:30:01.000",
    ]


def test_a_zone_may_change_in_mid_file_and_an_hour_come_twice():
    text = (
        record("01:59:59.000", "Logger initialized for worker process")
        + record("01:59:59.001", ORIGIN + "+02:00")
        + record("02:30:00.000", "first")
        + record("02:00:00.000", "Local time is UTC+01:00 from now on, it was UTC+02:00")
        + record("02:30:00.000", "second")
    )
    assert utc(text)[2:] == [
        ("00:30:00.000", "first"),
        ("01:00:00.000", "Local time is UTC+01:00 from now on, it was UTC+02:00"),
        ("01:30:00.000", "second"),
    ]


def test_a_session_in_another_zone_begins_with_its_own_offset():
    text = (
        record("10:00:00.000", ORIGIN + "+02:00")
        + record("10:00:01.000", "x")
        + record("09:00:02.000", "Logger initialized for worker process")
        + record("09:00:02.001", ORIGIN + "+01:00")
    )
    assert [time for time, _ in utc(text)] == ["08:00:00.000", "08:00:01.000", "08:00:02.000", "08:00:02.001"]


def test_a_change_tells_which_offset_held_before():
    text = record("02:30:00.000", "x") + record("02:00:00.000", "Local time is UTC+01:00 from now on, it was UTC+02:00")
    assert [time for time, _ in utc(text)] == ["00:30:00.000", "01:00:00.000"]


def test_the_records_own_offset_wins():
    text = record("01:00:00.000", ORIGIN + "+02:00") + record("02:30:00.000", "x", offset="-01:00") + "no record\n"
    assert utc(text)[1:] == [("03:30:00.000", "x"), (None, "no record")]


def test_an_hour_that_comes_twice_is_told_by_the_records_themselves():
    text = (
        record("02:00:00.000", "Logger initialized for worker process", offset="+02:00")
        + record("02:00:00.001", ORIGIN + "+02:00", offset="+02:00")
        + record("02:30:00.000", "first", offset="+02:00")
        + record("02:00:00.000", "Local time is UTC+01:00 from now on, it was UTC+02:00", offset="+01:00")
        + record("02:30:00.000", "second", offset="+01:00")
        + record("02:30:00.001", "of the hour before", offset="+02:00")
    )
    times = [time for time, _ in utc(text)]
    assert times[2:] == ["00:30:00.000", "01:00:00.000", "01:30:00.000", "00:30:00.001"]


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_a_file_may_change_half_way_to_records_that_say_their_offset_and_back(level):
    """At a level above INFO no session is marked."""

    def session(offset, own):
        if level != "INFO":
            return ""
        begin = record("02:30:00.000", "Logger initialized for worker process", offset=own)
        return begin + record("02:30:00.000", ORIGIN + offset, offset=own)

    text = (
        session("+02:00", "")
        + record("02:30:00.000", "without", level)
        + session("+02:00", "+02:00")
        + record("02:30:00.000", "with", level, "+02:00")
        + session("+01:00", "+01:00")
        + record("02:30:00.000", "with, later", level, "+01:00")
        + session("+01:00", "")
        + record("02:30:00.000", "without, later", level)
    )
    early, late = "00:30:00.000", "01:30:00.000"
    expected = [(early, "without"), (early, "with"), (late, "with, later"), (late, "without, later")]
    assert [each for each in utc(text) if each[1].startswith("with")] == expected
    assert {time for time, _ in utc(text)} == {early, late}


def test_what_does_not_tell_its_zone_has_that_of_the_others_also_in_the_hour_that_comes_twice():
    zones = Zones()
    zones.learn(
        [
            record("01:00:00.000", ORIGIN + "+02:00")
            + record("02:00:00.000", "Local time is UTC+01:00 from now on, it was UTC+02:00")
        ]
    )
    frontend = "".join(
        f"[2025-10-26 {time}] [info] x\n" for time in ("02:10:00.000", "02:50:00.000", "02:10:00.000", "04:00:00.000")
    )
    times = [time // 60000 % 1440 for time, _ in in_utc(parse_frontend(frontend), zones)]
    assert times == [10, 50, 70, 180]


def test_the_documentation_lists_the_marks_and_the_format_of_lnav_agrees():
    page = (repository / "doc/format.md").read_text(encoding="utf-8")
    for words in (
        "Logger initialized for",
        "Continues an older file.",
        "Logger closed for",
        "Local time is UTC",
        "Crashed: ",
    ):
        assert words in page
    pattern = re.search(r'"pattern": "(.*)"', (repository / "lnav/formats/chainner/chainner_log.json").read_text(encoding="utf-8"))[1]
    pattern = re.compile(pattern.replace("\\\\", "\\").replace("(?<", "(?P<"))
    for stamp in "2025-10-19 05:52:25.123", "2025-10-19 05:52:25.123+02:00":
        for level in grammar.LEVELS:
            line = f"{stamp} [12] [{level}] message"
            found, (own,) = pattern.match(line), parse(line)
            assert (found["level"], found["body"], found["timestamp"]) == (own.level, own.message, stamp)
    assert pattern.match("2025-10-19 05:52:25 [12] [INFO] message") is None


def test_the_writer_escapes_what_the_reader_takes_for_a_mark():
    source = (repository / "src/record/escaping.hpp").read_text(encoding="utf-8")
    written = re.findall(r'string_view session_\w+ = "(.*)";', source)
    assert tuple(written) == grammar._BEGINNINGS
