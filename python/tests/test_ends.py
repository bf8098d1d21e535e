"""Whatever ends a process in good order, its log is closed, and nothing of ours crashes or delays the end."""

import multiprocessing
import os
import re
import signal
import sys

import pytest

from conftest import is_windows, is_wine, wait_until

closed = "[INFO] Logger closed for worker process\n"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def log_of(programs, name="worker.log"):
    return (programs.logs / name).read_text(encoding="utf-8")


def has_one_closing_record(log):
    return log.endswith(closed) and log.count(closed) == 1


calls = {
    "info": "logger.info('x')",
    "a child's info": "child.info('x')",
    "write": "file.handle(record)",
    "flush of the file": "file.flush()",
    "flush of the console": "console.flush()",
    "baseFilename": "file.baseFilename",
    "setFormatter": "file.setFormatter(None)",
    "setLevel": "logger.setLevel('INFO')",
    "setup_logger": "chainner_logger.setup_logger('worker', to_console=False)",
    "setup_logger elsewhere": "chainner_logger.setup_logger('worker', elsewhere, to_console=False)",
    "get_logger": "chainner_logger.get_logger('host')",
    "get_logger_from_env": "chainner_logger.get_logger_from_env()",
    "attach": "chainner_logger.attach('other')",
    "describe_exit": "chainner_logger.describe_exit(3)",
    "the folders": "chainner_logger._native.log_directories()",
    "captured output": "chainner_logger._native.is_output_captured()",
    "a capture": "chainner_logger._native.capture_output(); chainner_logger._native.release_output()",
    "what was printed": "chainner_logger._native.settle_output()",
    "the crash file": "os.close(chainner_logger._native.open_crash_file(f'{elsewhere}{threading.get_ident()}.txt'))",
    "the crash handler": "chainner_logger._native.install_crash_handler()",
    "signals": "chainner_logger._native.close_at_signals()",
    "a class": "chainner_logger._native.class_version(type(logger))",
    "the end of the sessions": "chainner_logger._native.end_sessions()",
}


@pytest.mark.parametrize("call", calls)
def test_a_daemon_thread_in_any_call_neither_crashes_the_interpreter_at_its_end_nor_holds_it_up(programs, call):
    for _ in range(2 if is_wine else 5):  # there a program takes a second to start
        output = programs.run(
            f"""
            import logging, os, sys, threading, time
            import chainner_logger
            elsewhere = sys.argv[1]
            logger = chainner_logger.setup_logger("worker", to_console=False)
            child = logger.getChild("child")
            file, console = chainner_logger._loggers._own_handlers["worker"]
            record = logging.makeLogRecord({{"msg": "text", "levelno": 20}})
            started = threading.Barrier(4)

            def call():
                started.wait()
                while True:
                    {calls[call]}

            for _ in range(3):
                threading.Thread(target=call, daemon=True).start()
            started.wait()
            time.sleep(0.05)
            """,
            programs.folder / "elsewhere",
        )
        assert "Fatal" not in output
    assert "Crashed: " not in log_of(programs)


def test_os_exit_closes_the_log_and_leaves_no_empty_crash_file(programs):
    programs.run(
        """
        import os
        from chainner_logger import setup_logger
        setup_logger("worker").info("last words")
        os._exit(3)
        """,
        status=3,
    )
    assert has_one_closing_record(log_of(programs))
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]


@pytest.mark.parametrize("error", ["RuntimeError", "KeyboardInterrupt"])
def test_whatever_is_raised_at_os_exit_the_process_ends_and_its_log_is_closed(programs, error):
    """Else a child by fork would go on with what is its parent's to do."""
    programs.run(
        f"""
        import logging, os
        from chainner_logger import logger

        def fail(record):
            raise {error}

        logging.getLogger("chaiNNer.worker").addFilter(fail)
        logger.info("early")
        os._exit(3)
        """,
        status=3,
    )
    assert has_one_closing_record(log_of(programs))


@needs_fork
def test_a_child_that_never_logged_closes_nobodys_log(programs):
    programs.run(
        """
        import os
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        logger.info("goes on")
        """
    )
    assert has_one_closing_record(log_of(programs))


@pytest.mark.parametrize("way", multiprocessing.get_all_start_methods())
def test_children_of_multiprocessing_close_their_logs(programs, way):
    programs.run(
        f"""
        import multiprocessing
        from chainner_logger import logger, setup_logger

        def work():
            setup_logger("worker")
            logger.info("work")

        if __name__ == "__main__":
            setup_logger("host")
            child = multiprocessing.get_context("{way}").Process(target=work)
            child.start()
            child.join()
            assert child.exitcode == 0
        """
    )
    assert has_one_closing_record(log_of(programs))
    assert not list(programs.logs.glob("*.crash.txt"))


@pytest.mark.skipif(is_windows, reason="there nobody can ask a process to end by a signal")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("moment", ["sent", "raised", "put back and raised", "captured"])
def test_a_signal_that_ends_the_process_is_in_its_log_which_is_closed(programs, name, moment):
    program = programs.start(
        f"""
        import signal, sys, time
        from chainner_logger import setup_logger
        number = signal.{name}
        assert signal.getsignal(number) == signal.SIG_DFL
        logger = setup_logger("worker", capture_output={moment == "captured"} or None)
        assert signal.getsignal(number) == signal.SIG_DFL
        if {moment == "put back and raised"}:  # as uvicorn does
            before = signal.signal(number, lambda *_: None)
            signal.raise_signal(number)
            signal.signal(number, before)
        logger.info("ready")
        if {"raised" in moment}:
            signal.raise_signal(number)
        time.sleep(600)
        """
    )
    log = programs.logs / "worker.log"
    assert wait_until(lambda: log.exists() and "[INFO] ready\n" in log.read_text())
    number = getattr(signal, name)
    if "raised" not in moment:
        program.send_signal(number)
    assert program.wait(60) == -number
    assert programs.texts() == ["ready", f"Ended by {name} ({number})"]
    assert has_one_closing_record(log_of(programs))
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]


@pytest.mark.skipif(is_windows, reason="there nobody can ask a process to end by a signal")
def test_a_signal_in_the_midst_of_a_logging_call_comes_again_after_it(programs):
    for count in range(1, 11):
        program = programs.start(
            """
            from chainner_logger import setup_logger
            logger = setup_logger("worker", max_file_size=2**30)
            while True:
                logger.info("busy")
            """
        )
        log = programs.logs / "worker.log"
        assert wait_until(lambda: log.exists() and log.read_text().count("Logger initialized") == count)
        assert wait_until(lambda: log.read_text().endswith("busy\n"))
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == -signal.SIGTERM
        *_, ended, last = log.read_text().splitlines(keepends=True)
        assert ended.endswith(f"[INFO] Ended by SIGTERM ({int(signal.SIGTERM)})\n")
        assert last.endswith(closed)


@pytest.mark.skipif(is_wine, reason="Wine keeps the name of a removed file until it is closed")
def test_records_that_a_fault_holds_back_until_the_end_are_told_of_on_the_console(programs, tmp_path):
    logs = tmp_path / "removed"
    output = programs.run(
        """
        import shutil, sys
        from chainner_logger import setup_logger
        logger = setup_logger("worker", sys.argv[1])
        shutil.rmtree(sys.argv[1])
        open(sys.argv[1], "w").close()
        for number in range(3):
            logger.warning("record %d", number)
            logger.handlers[0].flush()
        """,
        logs,
    )
    assert re.search(r"\[WARNING\] Log file .*worker\.log was removed by somebody.*; [3-9] records were lost\n", output)


@pytest.mark.skipif(is_windows, reason="there nobody can ask a process to end by a signal")
@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: sys.exit(5)"])
def test_a_program_that_handles_a_signal_does_so(programs, handler):
    programs.run(
        f"""
        import os, signal, sys
        signal.signal(signal.SIGTERM, {handler})
        from chainner_logger import setup_logger
        setup_logger("worker")
        os.kill(os.getpid(), signal.SIGTERM)
        sys.exit(5)
        """,
        status=5,
    )
    assert programs.texts() == []
    assert has_one_closing_record(log_of(programs))


@needs_fork
def test_a_program_in_the_place_of_another_has_what_that_one_logged(programs):
    programs.run(
        """
        import os, sys
        from chainner_logger import logger
        logger.info("early")
        os.execv(sys.executable, [sys.executable, "-c", ""])
        """
    )
    assert programs.texts() == ["early"]


def test_whether_a_program_can_be_executed_by_a_descriptor_is_said_as_before(programs):
    programs.run(
        """
        import os
        before = os.execve in os.supports_fd
        from chainner_logger import setup_logger
        setup_logger("worker")
        assert (os.execve in os.supports_fd) == before
        setup_logger("worker", capture_output=True)
        assert (os.execve in os.supports_fd) == before
        """
    )


def test_what_stands_in_the_place_of_a_function_of_the_standard_library_says_what_that_one_does(programs):
    programs.run(
        """
        import logging, os, signal
        places = [(os, "_exit"), (os, "execv"), (os, "execve"), (signal, "signal"), (logging, "basicConfig")]
        said = lambda: [(each.__name__, each.__doc__) for each in (getattr(*place) for place in places)]
        before = said()
        import chainner_logger
        assert said() == before
        """
    )
