"""Everything that the standard library documents about loggers and handlers holds."""

import io
import logging
import logging.config
import logging.handlers
import os
import queue
import re
import threading
import types
import unittest
import warnings

import pytest

import chainner_logger


def records_of(logger):
    """The LogRecords that reach another handler from now on."""
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logger.addHandler(handler)
    return seen


def line_texts(records):
    return [(each.level, each.text) for each in records]


def test_arguments_are_percent_formatted(worker, written):
    worker.info("%s and %d of %5.1f", "text", 3, 0.25)
    worker.info("%(name)s", {"name": "by name"})
    worker.info("%(name)s", types.MappingProxyType({"name": "by mapping"}))
    worker.info("%s", ["a list"])
    worker.info("%s", {})
    worker.info("100%")
    worker.info(42)
    assert [each.text for each in written()] == [
        "text and 3 of   0.2",
        "by name",
        "by mapping",
        "['a list']",
        "{}",
        "100%",
        "42",
    ]


def test_exceptions_and_stacks_are_written(worker, written):
    try:
        raise KeyError("missing")
    except KeyError as error:
        worker.exception("by exception")
        worker.error("by exc_info", exc_info=True)
        worker.error("by the exception itself", exc_info=error)
    worker.info("with a stack", stack_info=True)
    records = written()
    for record in records[:3]:
        assert record.text.startswith("by ")
        assert "\nTraceback (most recent call last):\n" in record.text
        assert record.text.endswith("\nKeyError: 'missing'")
    assert "\nStack (most recent call last):\n" in records[3].text


def test_caplog_sees_records_whole(programs):
    programs.run(
        """
        import logging, pytest, sys
        from chainner_logger import setup_logger

        def test_it(caplog):
            logger = setup_logger("worker")
            logger.propagate = True
            with caplog.at_level(logging.DEBUG, logger="chaiNNer.worker"):
                logger.debug("value %d", 7, extra={"model": "ESRGAN"})
            record = caplog.records[0]
            assert (record.getMessage(), record.model) == ("value 7", "ESRGAN")
            assert (record.name, record.funcName, record.pathname) == ("chaiNNer.worker", "test_it", __file__)

        if __name__ == "__main__":
            sys.exit(pytest.main(["-p", "no:cacheprovider", __file__]))
        """
    )
    assert programs.texts() == ["value 7"]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception"])
def test_every_method_names_its_caller(worker, level):
    seen = records_of(worker)
    worker.setLevel(logging.DEBUG)
    getattr(worker, level)("text")
    worker.setLevel(logging.INFO)
    assert [each.funcName for each in seen] == ["test_every_method_names_its_caller"]


def test_stacklevel_names_the_callers_caller(worker):
    seen = records_of(worker)

    def helper():
        worker.info("text", stacklevel=2)

    helper()
    assert seen[0].funcName == "test_stacklevel_names_the_callers_caller"


def test_another_handler_gets_every_record(worker, written):
    stream = io.StringIO()
    worker.addHandler(logging.StreamHandler(stream))
    worker.info("for %s", "both")
    assert stream.getvalue() == "for both\n"
    assert line_texts(written()) == [("INFO", "for both")]


def test_filters_of_the_logger_reject_and_change(worker, written):
    def change(record):
        record.msg = record.msg.replace("secret", "***")
        return "reject" not in record.msg

    worker.addFilter(change)
    worker.info("the secret")
    worker.info("reject this")
    worker.removeFilter(change)
    worker.info("the open secret")
    assert [each.text for each in written()] == ["the ***", "the open secret"]


def test_a_filter_of_the_file_leaves_the_console_alone(worker, written, capfd):
    file, console = worker.handlers

    def reject(record):
        return False

    file.addFilter(reject)
    worker.info("console only")
    file.removeFilter(reject)
    console.addFilter(reject)
    worker.info("file only")
    console.removeFilter(reject)
    assert [each.text for each in written()] == ["file only"]
    assert [line.partition("[INFO] ")[2] for line in capfd.readouterr().err.splitlines()] == ["console only"]


def test_handlers_have_levels_of_their_own(worker, written):
    file = worker.handlers[0]
    file.setLevel(logging.ERROR)
    worker.info("no")
    worker.error("yes")
    file.setLevel(logging.NOTSET)
    worker.info("again")
    assert [each.text for each in written()] == ["yes", "again"]


def test_a_handler_says_whether_its_filters_let_a_record_pass(worker, written):
    file = worker.handlers[0]
    record = logging.makeLogRecord({"msg": "once", "levelno": logging.INFO})

    def reject(record):
        return False

    passed = file.handle(record)
    file.addFilter(reject)
    rejected = file.handle(record)
    file.removeFilter(reject)
    assert (passed, rejected) == (True, False)
    assert [each.text for each in written()] == ["once"]


def test_handlers_can_be_removed_and_closed(worker, written, capfd):
    file, console = worker.handlers
    worker.removeHandler(console)
    worker.info("file only")
    worker.removeHandler(file)
    worker.addHandler(console)
    worker.info("console only")
    worker.addHandler(file)
    file.flush()
    file.close()
    file.close()
    worker.info("goes on")
    assert file.baseFilename.endswith("worker.log")
    assert [each.text for each in written()] == ["file only", "goes on"]
    assert "file only" not in capfd.readouterr().err


def test_a_closed_handler_ends_no_session_and_frees_no_name(programs):
    programs.run(
        """
        import logging, logging.config, subprocess, sys
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.handlers[0].close()
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
        logging.shutdown()
        other = 'from chainner_logger import setup_logger; setup_logger("worker").info("other")'
        subprocess.run([sys.executable, "-c", other], check=True)
        logger.info("the first goes on")
        """
    )
    assert programs.texts() == ["the first goes on"]
    log = (programs.logs / "worker.log").read_text()
    assert log.count("Logger closed for worker process") == 1
    assert log.endswith("[INFO] Logger closed for worker process\n")
    assert "[INFO] other\n" in (programs.logs / "worker-2.log").read_text()


def test_a_session_ends_when_the_role_is_set_up_elsewhere(programs, tmp_path):
    programs.run(
        """
        import sys
        from chainner_logger import setup_logger
        setup_logger("worker").info("here")
        setup_logger("worker", sys.argv[1]).info("elsewhere")
        """,
        tmp_path / "elsewhere",
    )
    for folder in programs.logs, tmp_path / "elsewhere":
        log = (folder / "worker.log").read_text()
        assert log.endswith("[INFO] Logger closed for worker process\n")
        assert log.count("Logger closed for worker process") == 1


def test_a_formatter_makes_the_line_and_still_nobody_forges_one(programs):
    programs.run(
        """
        import logging
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        file = logger.handlers[0]
        file.setFormatter(logging.Formatter("%(levelname)s|%(name)s|%(message)s"))
        logger.warning("two\\nlines \\x1b[2J")
        setup_logger("worker")
        logger.warning("after set-up")
        file.setFormatter(None)
        logger.warning("plain")
        """
    )
    lines = (programs.logs / "worker.log").read_text().splitlines()
    two = lines.index("WARNING|chaiNNer.worker|two")
    assert lines[two + 1] == "\tlines \\x1b[2J"
    assert "WARNING|chaiNNer.worker|after set-up" in lines[two:]
    assert [line for line in lines if line.endswith("plain")][0].endswith(" [WARNING] plain")


def test_the_console_handler_writes_to_another_stream_if_it_is_given_one(worker):
    console = worker.handlers[1]
    stream = io.StringIO()
    before = console.setStream(stream)
    worker.info("to the stream")
    console.flush()
    console.setStream(before)
    assert re.fullmatch(r"\[\d\d:\d\d:\d\d\] \[\d+\] \[INFO\] to the stream\n", stream.getvalue())


def test_another_stream_has_a_record_at_once(worker):
    console = worker.handlers[1]
    stream = io.TextIOWrapper(io.BytesIO(), newline="\n")
    before = console.setStream(stream)
    worker.info("at once")
    console.setStream(before)
    assert stream.buffer.getvalue().endswith(b"at once\n")


def test_what_the_program_holds_back_for_stderr_is_its_own_to_write(programs):
    output = programs.run(
        """
        import os, sys
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        sys.stderr.write("held back")
        logger.handlers[1].flush()
        os.write(2, b"meanwhile, ")
        """
    )
    assert output.endswith("meanwhile, held back")


def test_a_process_without_stderr_complains_to_nobody_else(programs):
    programs.run(
        """
        import io, sys
        sys.stderr = sys.__stderr__ = None
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        sys.stderr = io.StringIO()
        logger.info("goes on")
        assert sys.stderr.getvalue() == ""
        """
    )
    assert programs.texts() == ["goes on"]


def test_what_stands_in_the_place_of_stderr_at_the_set_up_gets_the_records(programs):
    output = programs.run(
        """
        import contextlib, io, sys
        from chainner_logger import logger, setup_logger

        class Notebook(io.StringIO):
            def fileno(self):
                return 2

        class Tee:
            def __init__(self, stream):
                self.written, self.stream = "", stream
            def write(self, text):
                self.written += text
            def __getattr__(self, name):
                return getattr(self.stream, name)

        for role, stream in ("host", Notebook()), ("worker", Tee(sys.stderr)):
            with contextlib.redirect_stderr(stream):
                role_logger = setup_logger(role)
                role_logger.info("to its %s", "reader")
                logger.warning("by the module's")
            role_logger.error("as a StreamHandler would")
            written = stream.getvalue() if role == "host" else stream.written
            shown = [line.split("] ")[-2:] for line in written.splitlines()]
            expected = [["[INFO", "to its reader"], ["[WARNING", "by the module's"], ["[ERROR", "as a StreamHandler would"]]
            assert shown[-3:] == expected, written
        """
    )
    assert "reader" not in output and "by the module's" not in output and "StreamHandler" not in output
    expected = ["to its reader", "by the module's", "as a StreamHandler would"]
    assert programs.texts("host") == programs.texts("worker") == expected


@pytest.mark.parametrize(
    "stderr", ["sys.__stderr__", "open(2, 'w', closefd=False)", "open(2, 'w', buffering=1, closefd=False)", "None"]
)
def test_another_stream_on_the_processs_own_stderr_stalls_nobody(programs, stderr):
    reading, writing = os.pipe()
    program = programs.start(
        f"""
        import sys
        sys.stderr = {stderr}
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        for number in range(2000):
            logger.info("record %d %s", number, "x" * 100)
        """,
        stderr=writing,
    )
    os.close(writing)
    assert program.wait(120) == 0
    os.close(reading)
    assert programs.texts() == [f"record {number} {'x' * 100}" for number in range(2000)]


def test_an_uncaught_exception_is_shown_where_the_console_did_not_go(programs):
    output = programs.run(
        """
        import contextlib, io
        from chainner_logger import setup_logger
        with contextlib.redirect_stderr(io.StringIO()):
            setup_logger("worker")
        raise RuntimeError("boom")
        """,
        status=1,
    )
    assert output.count("RuntimeError: boom") == 1


def test_disabled_loggers_and_levels_write_nothing(worker, written):
    worker.disabled = True
    worker.error("no")
    worker.disabled = False
    logging.disable(logging.ERROR)
    assert not worker.isEnabledFor(logging.ERROR)
    worker.error("no")
    worker.critical("one")
    logging.disable(logging.NOTSET)
    worker.setLevel(logging.CRITICAL)
    worker.error("no")
    worker.setLevel(logging.INFO)
    worker.info("two")
    assert [each.text for each in written()] == ["one", "two"]


def test_child_loggers_write_to_the_same_log(worker, written):
    worker.getChild("nodes").warning("from a child")
    logging.getLogger("chaiNNer.worker.nodes.image").info("from its child")
    assert [each.text for each in written()] == ["from a child", "from its child"]


def test_adapters_add_to_the_message(worker, written):
    class Adapter(logging.LoggerAdapter):
        def process(self, msg, kwargs):
            return f"[{self.extra['node']}] {msg}", kwargs

    Adapter(worker, {"node": "upscale"}).info("took %d s", 3)
    assert [each.text for each in written()] == ["[upscale] took 3 s"]


def test_a_record_factory_is_asked(worker, written):
    before = logging.getLogRecordFactory()

    def redact(*args, **kwargs):
        record = before(*args, **kwargs)
        record.msg = record.msg.replace("/home/me", "~")
        return record

    logging.setLogRecordFactory(redact)
    try:
        worker.info("read /home/me/picture.png")
    finally:
        logging.setLogRecordFactory(before)
    assert [each.text for each in written()] == ["read ~/picture.png"]


def test_what_others_hang_into_the_class_is_called(worker, monkeypatch):
    seen = []
    before = logging.Logger.callHandlers

    def call_handlers(self, record):
        seen.append(record.getMessage())
        before(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", call_handlers)
    worker.info("seen by a monitor")
    assert seen == ["seen by a monitor"]


def test_warnings_can_be_captured(worker, written):
    chainner_logger.attach("py.warnings")
    logging.captureWarnings(True)
    try:
        warnings.warn("deprecated thing", stacklevel=1)
    finally:
        logging.captureWarnings(False)
    (record,) = written()
    assert record.level == "WARNING" and "deprecated thing" in record.text


def test_queue_handler_and_listener_work_with_its_handlers(worker, written):
    records = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, *worker.handlers)
    listener.start()
    other = logging.getLogger("behind_a_queue")
    other.propagate = False
    other.addHandler(logging.handlers.QueueHandler(records))
    other.warning("by a queue")
    listener.stop()
    assert [each.text for each in written()] == ["by a queue"]


def test_assert_logs_sees_records(worker):
    with unittest.TestCase().assertLogs("chaiNNer.worker", logging.INFO) as found:
        worker.info("asserted")
    assert found.output == ["INFO:chaiNNer.worker:asserted"]


def test_dict_config_that_closes_all_handlers_does_no_harm(worker, written):
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    worker.info("after a configuration")
    logging.config.dictConfig({"version": 1, "incremental": True, "loggers": {"chaiNNer.worker": {"level": "ERROR"}}})
    assert worker.level == logging.ERROR
    worker.setLevel(logging.INFO)
    assert [each.text for each in written()] == ["after a configuration"]


def test_a_message_whose_str_logs_and_waits_for_others_holds_nobody_up(worker, written):
    class Talkative:
        def __str__(self):
            other = threading.Thread(target=worker.getChild("other").info, args=("meanwhile",))
            other.start()
            other.join(60)
            assert not other.is_alive()
            return "at last"

    worker.info(Talkative())
    worker.getChild("child").info("%s again", Talkative())
    assert [each.text for each in written() if each.text != "meanwhile"] == ["at last", "at last again"]
