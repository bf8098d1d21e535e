"""Text is data: nothing in it can harm the program or the log."""

import logging
import time

import pytest

import chainner_logger


class BrokenStr:
    def __str__(self):
        raise RuntimeError("no text")

    def __repr__(self):
        return "<broken>"


class BrokenAll:
    def __repr__(self):
        raise RuntimeError("no text")


class BrokenError(Exception):
    def __str__(self):
        raise ValueError


class RaisesBrokenError:
    def __str__(self):
        raise BrokenError


@pytest.mark.parametrize(
    ("message", "written_as"),
    [
        ("{} {0} {name} %s %d % %%", "{} {0} {name} %s %d % %%"),
        ("a\0b", r"a\x00b"),
        ("\udc80 \ud83d", r"\udc80 \ud83d"),
        ("ä € 😀 名前", "ä € 😀 名前"),
        ("\x1b[31mred\x1b[0m\r\x07\x7f\x85\u2028", r"\x1b[31mred\x1b[0m\x0d\x07\x7f\u0085\u2028"),
        ("one\n2025-10-19 05:52:25.123 [1] [ERROR] forged", "one\n2025-10-19 05:52:25.123 [1] [ERROR] forged"),
        ("x" * 300_000, "x" * 300_000),
    ],
    ids=["formats", "nul", "surrogates", "unicode", "controls", "forged", "long"],
)
def test_any_text_is_one_record(worker, written, message, written_as):
    worker.info(message)
    worker.getChild("child").info("%s", message)
    assert [each.text for each in written()] == [written_as, written_as]


def test_the_name_of_a_logger_is_text_as_well(programs):
    programs.run(
        """
        import logging
        from chainner_logger import attach, setup_logger
        setup_logger("worker", file_pattern="%Y-%m-%d %H:%M:%S.%e [%P] [%l] %n: %v")
        attach("")
        for name in "job\\n2025-01-01 00:00:00.000 [1] [CRITICAL] forged \\x1b[31m", "ä.€", "plain":
            logging.getLogger(name).warning("text")
        """
    )
    forged = "job\n2025-01-01 00:00:00.000 [1] [CRITICAL] forged \\x1b[31m"
    assert [each.text for each in programs.records() if each.level == "WARNING"] == [
        f"{name}: text" for name in (forged, "ä.€", "plain")
    ]


@pytest.mark.parametrize(
    ("message", "arguments", "parts"),
    [
        ("%s loaded", (BrokenStr(),), ["%s loaded", "<broken>", "RuntimeError: no text"]),
        (BrokenStr(), (), ["<broken>", "RuntimeError: no text"]),
        ("%s loaded", (BrokenAll(),), ["%s loaded", "RuntimeError: no text"]),
        (BrokenAll(), (), ["BrokenAll", "RuntimeError: no text"]),
        ("%s", (RaisesBrokenError(),), ["BrokenError", "ValueError"]),
        ("%d files", ("many",), ["%d files", "'many'", "TypeError"]),
        ("%d %d", (1,), ["%d %d", "(1,)", "TypeError: not enough arguments"]),
        ("no place", (1, 2), ["no place", "(1, 2)", "TypeError: not all arguments"]),
        ("%(a)s", ({"b": 1},), ["%(a)s", "{'b': 1}", "KeyError"]),
        ("%", (1,), ["%", "ValueError: incomplete format"]),
    ],
    ids=range(10),
)
def test_what_cannot_be_formatted_is_written_with_the_reason_and_the_place(
    worker, written, capfd, message, arguments, parts
):
    worker.warning(message, *arguments)
    (record,) = written()
    assert record.level == "WARNING"
    assert f"{__file__}:" in record.text
    for part in parts:
        assert part in record.text
    assert "--- Logging error ---" not in capfd.readouterr().err


def test_what_is_no_exception_passes_through(worker):
    class Interrupts:
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.info("%s", Interrupts())


impossible_times = [None, "2025-10-19", float("nan"), float("inf"), -1, 0, 1e13, 10**400, object()]


@pytest.mark.parametrize("created", impossible_times, ids=[type(each).__name__ + str(each)[:8] for each in impossible_times])
def test_a_record_with_an_impossible_time_has_that_of_the_call(worker, written, created):
    record = logging.makeLogRecord({"msg": "of %s", "args": ("another",), "levelno": 30, "created": created})
    before = time.strftime("%Y-%m-%d %H:%M:%S")
    worker.handle(record)
    worker.handlers[0].handle(record)
    worker.getChild("child").handle(record)
    records = written()
    for each in records:
        assert before <= each.time <= time.strftime("%Y-%m-%d %H:%M:%S.999")
        assert (each.level, each.text) == ("WARNING", f"of another (its time was {created!r})")
    assert len(records) == 3
    assert record.created is created


def test_other_handlers_are_told_the_milliseconds_of_a_time_that_was_repaired(worker):
    told = []
    other = logging.Handler()
    other.emit = lambda record: told.append((record.created, record.msecs))
    worker.addHandler(other)
    worker.handle(logging.makeLogRecord({"msg": "text", "levelno": 30, "created": None}))
    ((created, milliseconds),) = told
    assert milliseconds == int(created % 1 * 1000)


@pytest.mark.parametrize("created", [1, 86_400, 9_000_000_000, True])
def test_a_record_with_a_possible_time_keeps_it(worker, written, created):
    worker.handle(logging.makeLogRecord({"msg": "text", "levelno": 30, "created": created}))
    (record,) = written()
    assert record.text == "text"
    assert record.time == time.strftime("%Y-%m-%d %H:%M:%S.000", time.localtime(created))


@pytest.mark.parametrize(
    ("level", "written_as"),
    [(10**20, "CRITICAL"), (1000, "CRITICAL"), (35, "WARNING"), (True, None), (-(10**20), None)],
    ids=str,
)
def test_any_number_is_a_level(worker, written, level, written_as):
    worker.log(level, "text")
    worker.getChild("child").log(level, "text")
    worker.handlers[0].handle(logging.makeLogRecord({"msg": "handed over", "levelno": level}))
    expected = 2 * [(written_as, "text")] if written_as else []
    assert [(each.level, each.text) for each in written()] == [*expected, (written_as or "TRACE", "handed over")]


@pytest.mark.parametrize("level", [None, "INFO", 20.5], ids=str)
def test_a_record_without_a_level_is_information(worker, written, level):
    worker.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",), "levelno": level}))
    worker.handlers[0].handle(logging.makeLogRecord({"msg": "handed over", "levelno": level}))
    one, two = written()
    assert one.level == two.level == "INFO"
    assert one.text.startswith("%d (not formatted") and one.text.endswith(f" (its level was {level!r})")
    assert two.text == f"handed over (its level was {level!r})"


def test_records_of_attached_loggers_are_repaired_as_well(worker, written):
    other = logging.getLogger("hands_over_records")
    chainner_logger.attach(other.name)
    other.handle(logging.makeLogRecord({"msg": "text", "levelno": 30, "created": None}))
    assert [(each.level, each.text) for each in written()] == [("WARNING", "text (its time was None)")]


def test_early_records_are_repaired_as_well(programs):
    programs.run(
        """
        import logging
        from chainner_logger import logger, setup_logger
        logger.handle(logging.makeLogRecord({"msg": "one", "created": "yesterday"}))
        logger.getChild("child").handle(logging.makeLogRecord({"msg": "two", "created": None}))
        logger.log(10**20, "three")
        setup_logger("worker")
        """
    )
    assert programs.texts() == [
        "one (its time was 'yesterday', its level was None)",
        "two (its time was None, its level was None)",
        "three",
    ]
