"""Text is data: nothing in it can harm the program or the log."""

import pytest


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
