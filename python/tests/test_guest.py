"""A guest in somebody else's process: exceptions, hooks and pieces of `logging` work there as they do without it."""

import inspect
import logging
import os
import queue
import sys

import pytest

from conftest import is_windows

needs_timers = pytest.mark.skipif(is_windows, reason="this system has no timers that interrupt a thread")

interruptions = """
import ctypes, logging, signal, sys, threading, time
from chainner_logger import logger, setup_logger

class Stop(Exception):
    pass

class StopWithReason(Exception):
    def __init__(self):
        super().__init__("time is over")

class Slow:
    def __str__(self):
        end = time.monotonic() + 0.0005
        while time.monotonic() < end:
            pass
        return "slow"

setup_logger("worker", to_console=False)
child = logger.getChild("child")
calls = [
    lambda: logger.info("%s", Slow()),
    lambda: logger.info(Slow()),
    lambda: child.info("%s", Slow(), extra={"a": 1}),
    lambda: logger.info("one %d", 1),
]

def repeat(call):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        call()

def interrupted(call, interrupt, kind):
    try:
        interrupt()
        repeat(call)  # no loop here: in CPython 3.13.0 its jump back is outside of the try
    except kind:
        return True
    return False
"""


@needs_timers
@pytest.mark.parametrize(
    "handler",
    [
        "def handler(number, frame): raise Stop",
        "def handler(*_): raise Stop('with a reason')",
        "class Handler:\n    def handle(self, number, frame): self.fail()\n    def fail(self): raise LookupError(1)\n"
        "handler, Stop = Handler().handle, LookupError",
    ],
)
def test_what_a_signal_handler_raises_in_a_logging_call_arrives(programs, handler):
    code = f"""
{handler}
signal.signal(signal.SIGALRM, handler)
for number in range(200):
    interrupt = lambda: signal.setitimer(signal.ITIMER_REAL, 0.001 + number % 7 * 0.0001)
    assert interrupted(calls[number % 4], interrupt, Stop), number
"""
    programs.run(interruptions + code)
    assert not any("not formatted" in each for each in programs.texts())


# An `Exception` that another thread raises in the midst of formatting stays in the record, as in logging.
@pytest.mark.parametrize(
    "kind, calls", [("StopAll", "calls"), ("KeyboardInterrupt", "calls"), ("Stop", "calls[3:]"), ("TimeoutError", "calls[3:]")]
)
def test_what_another_thread_raises_in_a_logging_call_arrives(programs, kind, calls):
    code = f"""
class StopAll(BaseException):
    pass

main = ctypes.c_ulong(threading.get_ident())
calls, kind = {calls}, {kind}

def raise_there():
    time.sleep(0.001)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(main, ctypes.py_object(kind))

for number in range(100):
    assert interrupted(calls[number % len(calls)], threading.Thread(target=raise_there).start, kind), number
"""
    programs.run(interruptions + code)
    assert not any("not formatted" in each for each in programs.texts())


def test_what_formatting_raises_stays_in_the_log(worker, written):
    class Failing:
        def __init__(self, kind):
            self.kind = kind

        def __str__(self):
            raise self.kind

    class Changing(dict):
        """Changed by another thread while it is shown."""

        def __str__(self):
            for _ in self:
                self.clear()
            return "shown"

    class Calling:
        def __init__(self, function, *arguments):
            self.call = lambda: function(*arguments)

        def __str__(self):
            return self.call()

    def fail(frame):
        raise ValueError("with a frame")

    def failing_generator():
        yield

    def throw():
        suspended = failing_generator()
        next(suspended)
        suspended.throw(LookupError)

    kinds = ValueError, MemoryError, StopIteration, RuntimeError("reason"), TimeoutError
    for kind in kinds:
        worker.info("direct %s", Failing(kind))
        worker.getChild("child").info("usual %s", Failing(kind))
    worker.info("changing %s", Changing(a=1, b=2))
    worker.info("huge %*d", 10**18, 1)
    worker.info("next %s", type("Next", (), {"__str__": lambda self: next(iter(()))})())
    callings = [
        Calling(queue.SimpleQueue().get_nowait),  # compiled, and raises a class without arguments
        Calling(lambda: fail(inspect.currentframe())),
        Calling(throw),
    ]
    for calling in callings:
        worker.info("direct %s", calling)
        worker.getChild("child").info("usual %s", calling)
    texts = [each.text for each in written()]
    assert len(texts) == 2 * len(kinds) + 3 + 2 * len(callings)
    assert all("not formatted" in each for each in texts)


def test_what_a_stream_raises_stays_out_of_the_program(worker, written, monkeypatch):
    class Stream:
        def write(self, text):
            queue.SimpleQueue().get_nowait()

        def flush(self):
            pass

    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(worker.handlers[1], "stream", Stream())
    worker.info("shown to nobody")
    assert [each.text for each in written()] == ["shown to nobody"]


@pytest.mark.parametrize("result", [b"bytes", None, 7])
def test_a_formatter_that_returns_no_text_costs_no_record(programs, result):
    programs.run(
        f"""
        import logging
        from chainner_logger import setup_logger

        class Formatter(logging.Formatter):
            def format(self, record):
                return {result!r}

        logger = setup_logger("worker")
        logger.handlers[0].setFormatter(Formatter())
        logger.error("the message %d", 1)
        """
    )
    log = (programs.logs / "worker.log").read_text()
    assert "\nthe message %d (not formatted with (1,) at " in log
    assert f": TypeError: its formatter returned {result!r})\n" in log


@pytest.mark.parametrize(
    "obstacle",
    [
        "logger.addFilter(lambda record: not record.exc_info)",
        "logger.handlers[1].addFilter(logging.Filter('elsewhere'))",
        "logger.handlers[1].setLevel(logging.CRITICAL + 1)",
        "logger.setLevel(logging.CRITICAL + 1)",
        "logger.disabled = True",
        "logging.disable()",
        "logger.handlers.clear()",
        "setup_logger('worker', to_console=False)",
        "logger.handlers[1].setStream(open(os.devnull, 'w'))",
        "logger.handlers[1].setStream(type('Broken', (), {'write': lambda *_: 1 / 0, 'flush': lambda self: None})())",
    ],
)
@pytest.mark.parametrize("where", ["main", "thread"])
def test_an_uncaught_exception_is_never_silent(programs, obstacle, where):
    ends = "raise KeyError('boom')"
    if where == "thread":
        ends = "thread = threading.Thread(target=lambda: {}['boom']); thread.start(); thread.join()"
    output = programs.run(
        f"""
        import logging, os, threading
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        {obstacle}
        {ends}
        """,
        status=1 if where == "main" else 0,
    )
    assert "KeyError: 'boom'" in output


def test_hooks_that_others_replaced_and_put_back_are_found_again(programs):
    output = programs.run(
        """
        import sys, threading
        from chainner_logger import setup_logger

        def fail(name):
            thread = threading.Thread(target=lambda: {}["in " + name], name=name)
            thread.start()
            thread.join()

        before = sys.excepthook, threading.excepthook
        sys.excepthook = threading.excepthook = lambda *_: None  # as a test runner does for a while
        setup_logger("worker")
        fail("one")
        sys.excepthook, threading.excepthook = before
        setup_logger("worker")
        fail("two")

        ours = threading.excepthook
        threading.excepthook = lambda args: ours(args)
        setup_logger("worker")
        fail("three")
        {}["at the end"]
        """,
        status=1,
    )
    firsts = [each.split("\n")[0] for each in programs.texts()]
    assert firsts == [f"Uncaught exception in thread {name}" for name in ("one", "two", "three")] + ["Uncaught exception"]
    assert output.count("KeyError: 'in two'") == output.count("KeyError: 'at the end'") == 1
    # Where somebody stands between, the interpreter's hook speaks as well, as he may expect.
    assert output.count("KeyError: 'in three'") == 2


@pytest.mark.parametrize("slots", ["", "__slots__ = ('count',)"])
def test_a_class_that_others_have_set_for_loggers_before_is_in_ours(programs, slots):
    programs.run(
        f"""
        import logging

        class Counting(logging.Logger):
            {slots}
            def __init__(self, name):
                super().__init__(name)
                self.count = 0
            def info(self, message, *arguments, **keywords):
                self.count += 1
                super().info(message, *arguments, **keywords)
            def trace(self, message):
                self.log(logging.INFO, "traced: %s", message)

        logging.setLoggerClass(Counting)
        from chainner_logger import logger, setup_logger
        worker = setup_logger("worker")
        for each in logger, worker, logger.getChild("child"), worker.getChild("other"):
            assert isinstance(each, Counting)
            each.info("informed")
            each.trace(each.name)
            assert each.count == 1
        """
    )
    names = [f"chaiNNer.worker{suffix}" for suffix in ("", "", ".child", ".other")]
    assert programs.texts() == [text for name in names for text in ("informed", f"traced: {name}")]


patches = {
    "a level's method": "mock.patch.object(logging.Logger, 'info', autospec=True)",
    "makeRecord": "mock.patch.object(logging.Logger, 'makeRecord', side_effect=logging.Logger.makeRecord, autospec=True)",
    "_log": "mock.patch.object(logging.Logger, '_log', autospec=True)",
    "isEnabledFor": "mock.patch.object(logging.Logger, 'isEnabledFor', return_value=False)",
    "a filter's class": "mock.patch.object(logging.Filterer, 'filter', return_value=True)",
    "a handler's class": "mock.patch.object(logging.Handler, 'format', return_value='text')",
    "getMessage": "mock.patch.object(logging.LogRecord, 'getMessage', return_value='text')",
    "a formatter's class": "mock.patch.object(logging.Formatter, 'format', return_value='text')",
    "the default formatter": "mock.patch.object(logging._defaultFormatter, 'format', return_value='text')",
    "the clock": "mock.patch.object(time, clock, side_effect=getattr(time, clock))",
    "the logger itself": "mock.patch.object(logger, 'makeRecord', side_effect=logger.makeRecord)",
    "a handler itself": "mock.patch.object(logger.handlers[0], 'emit')",
}


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("patch", patches)
def test_what_others_put_in_the_place_of_a_piece_of_logging_is_called(programs, patch, early):
    """Also where it was there before us."""
    if early and "logger" in patches[patch].split("(")[1].split(",")[0].split("."):
        pytest.skip("there is no such object before")
    programs.run(
        f"""
        import contextlib, logging, sys, time
        from unittest import mock
        clock = "time_ns" if sys.version_info >= (3, 13) else "time"
        with contextlib.ExitStack() as stack:
            if {early}:
                patched = stack.enter_context({patches[patch]})
            from chainner_logger import setup_logger
            logger = setup_logger("worker")
            if {not early}:
                logger.info("direct")
                logger.info("direct")
                patched = stack.enter_context({patches[patch]})
            before = patched.call_count
            logger.info("to be seen")
            assert patched.call_count > before
        before = patched.call_count
        logger.info("not to be seen")
        assert patched.call_count == before
        """
    )
    assert programs.texts()[-1] == "not to be seen"


def test_a_stream_that_was_closed_is_no_reason_to_complain(programs):
    """pytest closes the stream of a test that has set up a logger."""
    output = programs.run(
        """
        import contextlib, io, logging
        from chainner_logger import setup_logger
        of_test = io.StringIO()
        with contextlib.redirect_stderr(of_test):
            logger = setup_logger("worker")
            logger.info("in the test")
        assert "in the test" in of_test.getvalue()
        of_test.close()
        logger.info("after the test")
        logger.getChild("child").info("by a child")
        """
    )
    assert "Logging error" not in output
    assert output.count("[INFO] after the test\n") == output.count("[INFO] by a child\n") == 1
    assert programs.texts() == ["in the test", "after the test", "by a child"]
