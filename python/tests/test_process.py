"""One process, one log: who logs before the set-up, in another module or in a framework, is in it."""

import errno
import logging
import os
import signal
import threading

import pytest

from chainner_logger import _crashes, describe_exit
from chainner_logger._handlers import EarlyRecords
from chainner_logger._report.grammar import parse_crash_file
from conftest import is_windows, make_link, read_role, texts, wait_until

# How a process ends that reads address 0, and what Python calls it.
crash_status = 0xC0000005 if is_windows else -signal.SIGSEGV
of_faulthandler = "access violation" if is_windows else "Segmentation fault"
of_stacks = "access violation" if is_windows else "Current thread 0x"


def test_records_from_before_the_set_up_are_in_its_log_in_order(programs):
    programs.run(
        """
        from chainner_logger import logger
        logger.info("module %s", "loaded")
        logger.getChild("nodes").info("of a child")
        try:
            raise ValueError("early trouble")
        except ValueError:
            logger.info("early", exc_info=True)
        logger.debug("too detailed")
        changing = ["before"]
        logger.info("%s", changing)
        changing[0] = "after"

        from chainner_logger import setup_logger
        setup_logger("host").info("set up")
        logger.info("later")
        """
    )
    records = programs.records("host")
    written = [each.text.split("\n")[0] for each in records]
    assert written[1:] == ["module loaded", "of a child", "early", "['before']", "set up", "later"]
    assert records[3].text.endswith("\nValueError: early trouble")
    assert records[1].time <= records[0].time
    assert not (programs.logs / "worker.log").exists()


killed = pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])


@pytest.mark.skipif(is_windows, reason="there a process is not killed by itself")
@killed
@pytest.mark.parametrize(
    "reason",
    [
        "logger.warning('the last')",
        "[logger.info('early') for _ in range(999)]; logger.info('the last')",
        "logger.info('the last'); [time.sleep(0.1) for _ in range(600) if not is_there()]",
    ],
)
def test_without_a_set_up_the_default_log_is_there_in_time(programs, reason, end):
    """At a WARNING, at a thousand records, after a second."""
    output = programs.run(
        f"""
        import os, signal, time
        from chainner_logger import logger

        def is_there():
            try:
                with open(os.path.join(os.environ["CHAINNER_LOG_DIR"], "worker.log")) as log:
                    return "the last" in log.read()
            except FileNotFoundError:
                return False

        logger.info("the first")
        {reason}
        {end}
        """,
        status=-signal.SIGKILL if "SIGKILL" in end else -signal.SIGABRT,
    )
    texts = [each for each in programs.texts() if not each.startswith("Crashed")]
    assert (texts[0], texts[-1]) == ("the first", "the last")
    assert len(texts) in (2, 1001)
    assert output.count("the first") == output.count("the last") == 1


def test_without_a_set_up_many_threads_lose_nothing_and_keep_their_order(programs):
    programs.run(
        """
        import threading
        from chainner_logger import logger

        def log(name):
            for number in range(1000):
                logger.info("%s %d", name, number)

        threads = [threading.Thread(target=log, args=(name,)) for name in "abcde"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    )
    texts = programs.texts()
    for name in "abcde":
        assert [each for each in texts if each.startswith(name)] == [f"{name} {number}" for number in range(1000)]
    assert len(texts) == 5000


def test_early_records_wait_for_one_timer_and_ask_again_for_a_set_up_that_failed(monkeypatch):
    asked, timers = [], []
    monkeypatch.setattr(threading, "Timer", lambda *arguments: timers.append(arguments) or threading.Thread())
    early = EarlyRecords(lambda: asked.append(len(early)))
    early.most = 3
    for _ in range(5):
        early.handle(logging.makeLogRecord({"msg": "early", "levelno": logging.INFO}))
    assert asked == [3, 4, 5] and len(timers) == 1


def test_an_early_record_that_comes_after_all_others_were_handed_over_goes_where_they_went(worker, written):
    early = EarlyRecords(lambda: None)
    record = logging.makeLogRecord({"msg": "early", "levelno": logging.INFO})
    early.handle(record)
    early.hand_over(worker, lambda: None)
    early.handle(record)
    assert [each.text for each in written()] == ["early", "early"]


def test_a_set_up_after_the_log_has_set_itself_up_changes_it_in_place(programs):
    programs.run(
        """
        import sys
        from chainner_logger import get_logger_from_env, logger, setup_logger
        logger.warning("early")
        itself = get_logger_from_env()
        worker = setup_logger("worker", sys.argv[1])
        assert worker is itself
        logger.info("later")
        """,
        programs.folder / "elsewhere",
    )
    assert programs.texts() == ["early"]
    assert texts(read_role(programs.folder / "elsewhere", "worker")) == ["later"]


def test_early_records_of_a_process_that_sets_nothing_up_are_in_the_default_log(programs):
    programs.environment["CHAINNER_PROCESS_TYPE"] = "host"
    programs.run(
        """
        from chainner_logger import logger
        logger.info("only this")
        """
    )
    assert programs.texts("host") == ["only this"]


def test_a_process_that_logs_nothing_leaves_nothing(programs):
    programs.run("from chainner_logger import logger")
    assert not programs.logs.exists()


def test_threads_that_log_during_the_set_up_lose_nothing_and_keep_their_order(programs):
    programs.run(
        """
        import threading
        from chainner_logger import logger, setup_logger
        halfway = threading.Barrier(5)

        def log(name):
            for number in range(100):
                logger.info("%s %d", name, number)
                if number == 50:
                    halfway.wait()

        threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        halfway.wait()
        setup_logger("worker")
        for thread in threads:
            thread.join()
        """
    )
    texts = programs.texts()
    for name in "abcd":
        assert [each for each in texts if each.startswith(name)] == [f"{name} {number}" for number in range(100)]
    assert len(texts) == 400


def test_filters_and_handlers_given_before_the_set_up_stay(programs):
    programs.run(
        """
        import io, logging
        from chainner_logger import logger, setup_logger
        stream = io.StringIO()
        logger.addHandler(logging.StreamHandler(stream))
        logger.addFilter(lambda record: "secret" not in record.getMessage())
        logger.info("an early secret")
        logger.info("early")
        worker = setup_logger("worker")
        worker.info("a secret")
        logger.info("no mystery")
        assert stream.getvalue() == "early\\nno mystery\\n"
        """
    )
    assert programs.texts() == ["early", "no mystery"]


interrupted_set_up = """
    import logging, os
    from chainner_logger import logger, setup_logger
    seen = []

    def fail(record):
        seen.append(record)
        if record.getMessage() == "early 2" and (always or len(seen) <= 3):
            raise error
        return True

    always, error = {always}, {error}
    logging.getLogger("chaiNNer.worker").addFilter(fail)
    for number in range(5):
        logger.info("early %d", number)
    try:
        setup_logger("worker")
    except type(error):
        raised = True
"""


@pytest.mark.parametrize("always", [True, False])
def test_a_filter_that_raises_at_an_early_record_costs_that_one_alone_and_the_set_up_says_so(programs, always):
    programs.run(
        interrupted_set_up.format(always=always, error="ValueError()")
        + """
    logger.info("later")
    assert raised and len(seen) == 6
    """
    )
    assert programs.texts() == ["early 0", "early 1", "early 3", "early 4", "later"]


@pytest.mark.parametrize("last", ["get_logger_from_env()", "pass", "os._exit(0)"])
def test_a_set_up_that_an_interrupt_ends_costs_no_record_and_silences_nobody(programs, last):
    programs.run(
        interrupted_set_up.format(always=False, error="KeyboardInterrupt()")
        + f"""
    from chainner_logger import get_logger_from_env
    logger.error("later")
    assert raised
    with open(logger.handlers[0].baseFilename) as log:
        assert "later" in log.read()
    {last}
    """
    )
    assert sorted(programs.texts()) == [*(f"early {number}" for number in range(5)), "later"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("set_up", ["setup_logger('worker')", "logger.warning('first')"])
def test_a_child_that_is_forked_in_the_midst_of_a_set_up_has_its_records_in_a_file(programs, set_up):
    """As by another thread: there is a file for the child, which is opened at its first record."""
    programs.run(
        f"""
        import os
        from chainner_logger import _loggers, logger, setup_logger
        adopt = _loggers._adopt

        def fork_before(*arguments):
            _loggers._adopt = adopt
            child = os.fork()
            if child == 0:
                logger.warning("of the child")
                os._exit(0)
            os.waitpid(child, 0)
            return adopt(*arguments)

        _loggers._adopt = fork_before
        {set_up}
        logger.info("of the parent")
        """
    )
    assert programs.texts("worker-2") == ["of the child"]
    assert programs.texts()[-1] == "of the parent"


def test_the_module_logger_follows_a_second_set_up(programs):
    programs.run(
        """
        from chainner_logger import get_logger_from_env, logger, setup_logger
        worker = get_logger_from_env()
        logger.info("one")
        host = setup_logger("host")
        logger.info("two")
        worker.info("three")
        assert get_logger_from_env() is host
        """
    )
    assert programs.texts("worker") == ["one", "three"]
    assert programs.texts("host") == ["two"]


def test_attached_loggers_write_to_the_log_and_no_longer_to_the_console_themselves(programs):
    output = programs.run(
        """
        import io, logging, sys
        from chainner_logger import attach, logger, setup_logger
        framework, server = logging.getLogger("sanic.root"), logging.getLogger("sanic.server")
        for each in framework, server:
            each.setLevel(logging.INFO)
            each.addHandler(logging.StreamHandler(sys.stdout))
            each.addHandler(logging.StreamHandler())
        kept = io.StringIO()
        framework.addHandler(logging.StreamHandler(kept))

        attach("sanic.root", "")
        framework.info("early %d", 1)
        host = setup_logger("host")
        attach("sanic.server", "chaiNNer.host", "chaiNNer.host.nodes")
        framework.info("from the framework")
        server.debug("not this")
        server.error("from the server")
        logging.getLogger("a_library").warning("by the root logger")
        host.propagate = True
        host.info("once")
        host.getChild("nodes").info("of our own child")
        framework.getChild("router").info("by a child")
        assert kept.getvalue() == "early 1\\nfrom the framework\\nby a child\\n"
        """
    )
    expected = ["early 1", "from the framework", "from the server", "by the root logger"]
    expected += ["once", "of our own child", "by a child"]
    assert programs.texts("host") == expected
    lines = output.splitlines()
    assert [line.partition("[INFO] ")[2] for line in lines if "from the framework" in line] == ["from the framework"]
    assert sum("from the server" in line for line in lines) == 1


def test_uncaught_exceptions_are_in_the_log_and_shown_once(programs):
    output = programs.run(
        """
        import threading
        from chainner_logger import setup_logger
        setup_logger("worker")
        thread = threading.Thread(target=lambda: [][1], name="loader")
        thread.start()
        thread.join()
        raise RuntimeError("boom")
        """,
        status=1,
    )
    of_thread, of_main = programs.records()[1:]
    assert of_thread.level == of_main.level == "CRITICAL"
    assert of_thread.text.startswith("Uncaught exception in thread loader\nTraceback (most recent call last):\n")
    assert of_thread.text.endswith("IndexError: list index out of range")
    assert of_main.text.startswith("Uncaught exception\nTraceback (most recent call last):\n")
    assert of_main.text.endswith("RuntimeError: boom")
    assert output.count("Traceback") == 2


def test_an_exception_of_a_thread_that_nobody_knows_is_in_the_log(programs):
    programs.run(
        """
        import threading
        from chainner_logger import setup_logger
        setup_logger("worker")
        threading.excepthook(threading.ExceptHookArgs([RuntimeError, RuntimeError("boom"), None, None]))
        """
    )
    assert programs.texts() == ["Uncaught exception in thread unknown\nRuntimeError: boom"]


def test_hooks_that_were_there_run_after_ours(programs):
    output = programs.run(
        """
        import sys, threading
        from chainner_logger import logger, setup_logger
        sys.excepthook = lambda *args: logger.info("the hook of the program")
        threading.excepthook = lambda args: logger.info("the thread hook of the program")
        setup_logger("worker")
        setup_logger("worker")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        1 / 0
        """,
        status=1,
    )
    firsts = [each.split("\n")[0] for each in programs.texts()]
    name = firsts[0].rpartition("thread ")[2]
    assert firsts == [
        f"Uncaught exception in thread {name}",
        "the thread hook of the program",
        "Uncaught exception",
        "the hook of the program",
    ]
    assert output.count("Traceback") == 2


def test_the_interpreters_hook_prints_where_our_console_does_not(programs):
    output = programs.run(
        """
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.removeHandler(logger.handlers[1])
        raise RuntimeError("boom")
        """,
        status=1,
    )
    assert output.count("RuntimeError: boom") == 1
    assert programs.texts()[0].endswith("RuntimeError: boom")


def test_crashes_are_left_alone_on_demand(programs):
    output = programs.run(
        """
        import faulthandler, sys
        from chainner_logger import setup_logger
        setup_logger("worker", catch_crashes=False)
        assert sys.excepthook is sys.__excepthook__ and not faulthandler.is_enabled()
        raise RuntimeError("boom")
        """,
        status=1,
    )
    assert programs.texts() == []
    assert "\nRuntimeError: boom" in output
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]


def test_an_interrupt_and_an_exit_are_no_crash(programs):
    programs.run(
        """
        import sys, threading
        from chainner_logger import setup_logger
        setup_logger("worker")
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
        sys.exit(3)
        """,
        status=3,
    )
    assert programs.texts() == []


def test_a_crash_of_native_code_is_in_the_log_and_pythons_stacks_beside_it(programs):
    programs.run(
        """
        import faulthandler
        from chainner_logger import logger, setup_logger
        setup_logger("host")
        logger.info("last words")
        faulthandler._read_null()
        """,
        status=crash_status,
    )
    last_words, crashed = programs.records("host")[1:]
    assert last_words.text == "last words"
    assert crashed.level == "CRITICAL"
    assert crashed.text.startswith("Crashed: access violation (" if is_windows else "Crashed: SIGSEGV (11)")
    crash = programs.logs / "host.crash.txt"
    lines = crash.read_text().splitlines()
    assert any(each.startswith(f"{crashed.time} [{crashed.pid}] [CRITICAL] Crashed: ") for each in lines)
    assert any(of_stacks in each for each in lines)
    if not is_windows:  # where the folder's rights count, and faulthandler comes first
        assert crash.stat().st_mode & 0o777 == 0o600
        assert lines[1].startswith(of_stacks)


def test_an_exit_status_is_told_in_words():
    assert describe_exit(3) == "exit code 3"
    assert ("access violation" if is_windows else "SIGSEGV") in describe_exit(crash_status)


def test_a_crash_handler_of_the_program_stays(programs):
    programs.run(
        """
        import faulthandler, sys
        faulthandler.enable(open(sys.argv[1], "w"))
        from chainner_logger import setup_logger
        setup_logger("worker")
        faulthandler._read_null()
        """,
        programs.folder / "own.txt",
        status=crash_status,
    )
    assert of_faulthandler in (programs.folder / "own.txt").read_text()
    assert (programs.logs / "worker.crash.txt").exists()
    assert programs.texts()[-1].startswith("Crashed: " + ("" if is_windows else "SIGSEGV (11) at address 0x0"))


def crash(programs):
    code = "import faulthandler, chainner_logger; chainner_logger.setup_logger('worker'); faulthandler._read_null()"
    programs.run(code, status=crash_status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_ends_in_good_order_leaves_no_crash_file(programs):
    for _ in range(3):
        programs.run(
            """
            import os, sys
            from chainner_logger import setup_logger
            setup_logger("worker", sys.argv[1])
            setup_logger("worker")
            setup_logger("worker")
            assert os.path.getsize(os.path.join(sys.argv[2], "worker.crash.txt")) == 0
            if os.fork() == 0:
                sys.exit()
            os.wait()
            assert os.path.exists(os.path.join(sys.argv[2], "worker.crash.txt"))
            """,
            programs.folder / "elsewhere",
            programs.logs,
        )
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]
    assert [path.name for path in (programs.folder / "elsewhere").iterdir()] == ["worker.log"]


@pytest.mark.parametrize("again", ["dev_mode=True", "sys.argv[1], catch_crashes=False"])
def test_pythons_stacks_are_not_in_a_folder_that_the_process_has_left(programs, again):
    programs.run(
        f"""
        import faulthandler, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        setup_logger("worker", {again})
        faulthandler._read_null()
        """,
        programs.folder / "elsewhere",
        status=crash_status,
    )
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]


def test_a_crash_file_names_each_crash_and_does_not_grow_by_starts(programs):
    crash(programs)
    crash(programs)
    for _ in range(3):
        programs.run("from chainner_logger import setup_logger; setup_logger('worker')")
    lines = (programs.logs / "worker.crash.txt").read_text().splitlines()
    names = [number for number, line in enumerate(lines) if "] [CRITICAL] Crashed: " in line]
    stacks = [number for number, line in enumerate(lines) if of_stacks in line and number not in names]
    assert len(names) == len(stacks) == 2
    if is_windows:
        assert stacks[0] == 0 and stacks[1] == names[0] + 1 and names[1] == len(lines) - 1
    else:
        assert names[0] == 0 and [each + 1 for each in names] == stacks
    crashed = [each for each in programs.records() if each.text.startswith("Crashed:")]
    assert [lines[each][:23] for each in names] == [each.time for each in crashed]
    told = list(parse_crash_file("\n".join(lines)))
    assert [each.pid for each in told] == [each.pid for each in crashed] and all(of_stacks in each.raw for each in told)


@pytest.mark.skipif(is_windows, reason="there faulthandler comes first, and TZ cannot say half an hour")
def test_a_crash_says_its_utc_offset_in_both_files(programs):
    programs.environment.update(TZ="XST3:30", CHAINNER_LOG_UTC_OFFSET="1")
    crash(programs)
    crashed = programs.records()[-1]
    assert crashed.text.startswith("Crashed:") and crashed.time.endswith("-03:30")
    assert (programs.logs / "worker.crash.txt").read_text().startswith(f"{crashed.time} [{crashed.pid}] [CRITICAL] Crash")


def test_a_crash_file_is_bounded(programs):
    crash(programs)
    path = programs.logs / "worker.crash.txt"
    path.write_text("old\n" * 1_000_000 + path.read_text())
    programs.run("from chainner_logger import setup_logger; setup_logger('worker')")
    text = path.read_text()
    assert len(text) < 1024 * 1024
    assert of_stacks in text


@pytest.mark.parametrize("before, after", [(1024 * 1024, 1024 * 1024), (1024 * 1024 + 1, 512 * 1024)])
def test_of_a_crash_file_of_more_than_a_mebibyte_the_last_half_of_one_stays(programs, before, after):
    programs.logs.mkdir()
    path = programs.logs / "worker.crash.txt"
    path.write_bytes(b"x" * before)
    programs.run("from chainner_logger import setup_logger; setup_logger('worker')")
    assert path.stat().st_size == after


def test_a_crash_file_that_cannot_be_cut_is_closed(tmp_path, monkeypatch):
    def truncate(descriptor, size):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def close_and_tell(descriptor):
        closed.append(descriptor)
        close(descriptor)

    path, closed, close = tmp_path / "worker.crash.txt", [], os.close
    path.write_bytes(b"x" * (1024 * 1024 + 1))
    monkeypatch.setattr(os, "ftruncate", truncate)
    monkeypatch.setattr(os, "close", close_and_tell)
    with pytest.raises(OSError):
        _crashes._CrashFile(path)
    assert len(closed) == 1


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "folder", "of another user"])
def test_a_crash_file_is_written_under_its_own_name_and_owner_alone(programs, kind):
    programs.logs.mkdir()
    crash_file, other = programs.logs / "worker.crash.txt", programs.folder / "other.txt"
    other.write_text("not ours\n")
    if kind == "symbolic link":
        make_link(crash_file, other)
    elif kind == "hard link":
        os.link(other, crash_file)
    elif kind == "folder":
        crash_file.mkdir()
    elif not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    else:
        crash_file.write_text("not ours\n")
        os.chown(crash_file, 65534, 65534)
    programs.run(
        """
        import faulthandler
        from chainner_logger import setup_logger
        setup_logger("worker").info("goes on")
        faulthandler._read_null()
        """,
        status=crash_status,
    )
    warning, text, crashed = programs.texts()
    assert warning.startswith("Python's stacks will not be written if native code crashes: ")
    assert str(crash_file) in warning
    assert text == "goes on" and crashed.startswith("Crashed: ")
    assert other.read_text() == "not ours\n"
    if kind == "of another user":
        assert crash_file.read_text() == "not ours\n" and "belongs to another user" in warning


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_crash_file_of_a_process_that_has_left_a_child_behind_is_free_for_the_next(programs):
    programs.run(
        """
        import os, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(writing)
            other = "import faulthandler, chainner_logger; chainner_logger.setup_logger('worker'); faulthandler._sigsegv()"
            os.read(reading, 1)
            os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", other])
            os._exit(0)
        os.kill(os.getpid(), 9)
        """,
        status=-9,
    )
    path = programs.logs / "worker.crash.txt"
    assert wait_until(lambda: f"\n{of_stacks}" in path.read_text())
