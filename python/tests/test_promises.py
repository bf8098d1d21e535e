"""The promises of the library hold through Python."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import is_windows, is_wine, parse_log, texts, wait_until

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def test_each_record_whose_call_returned_survives_a_kill(programs):
    counter = programs.folder / "counter"
    for _ in range(5):
        shutil.rmtree(programs.logs, ignore_errors=True)
        counter.write_bytes(bytes(8))
        program = programs.start(
            """
            import mmap, struct, sys
            from chainner_logger import setup_logger
            logger = setup_logger("worker")
            with open(sys.argv[1], "r+b") as file:
                shared = mmap.mmap(file.fileno(), 8)
            number = 0
            while True:
                number += 1
                logger.info("record %d", number)
                shared[:] = struct.pack("q", number)
            """,
            counter,
        )
        assert wait_until(lambda: int.from_bytes(counter.read_bytes(), sys.byteorder) >= 100)
        time.sleep(random.uniform(0, 0.03))  # to be killed at a moment that nobody chose
        program.kill()
        assert program.wait() == (1 if is_windows else -signal.SIGKILL)
        returned = int.from_bytes(counter.read_bytes(), sys.byteorder)
        log = (programs.logs / "worker.log").read_text(encoding="utf-8")
        # A kill may cut the write of the record whose call did not return.
        complete = log[: log.rindex("\n") + 1]
        numbers = [int(each.split()[1]) for each in texts(parse_log(complete))]
        assert numbers == list(range(1, len(numbers) + 1))
        assert returned <= len(numbers) <= returned + 1


def test_a_parent_that_never_reads_stops_nothing(programs):
    """As chaiNNer's frontend does, but for what the program prints itself."""
    reading, writing = os.pipe()
    program = programs.start(
        """
        import logging, sys, threading
        from chainner_logger import attach, setup_logger
        logger = setup_logger("worker", log_level=logging.DEBUG)
        logging.basicConfig()
        attach("")
        for number in range(3000):
            logger.info("record %d %s", number, "x" * 100)
            logging.getLogger("library").warning("other %d", number)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        raise RuntimeError("at the end")
        """,
        stderr=writing,
    )
    os.close(writing)
    assert program.wait(120) == 1
    os.close(reading)
    written = programs.texts()
    assert [each for each in written if each.startswith("record ")] == [f"record {n} {'x' * 100}" for n in range(3000)]
    assert [each for each in written if each.startswith("other ")] == [f"other {n}" for n in range(3000)]
    assert written[-1].endswith("RuntimeError: at the end")


def test_a_reader_that_went_away_is_no_reason_to_die(programs):
    reading, writing = os.pipe()
    os.close(reading)
    program = programs.start(
        """
        import signal
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        for number in range(100):
            logger.info("record %d", number)
        """,
        stderr=writing,
    )
    os.close(writing)
    assert program.wait(60) == 0
    assert programs.texts() == [f"record {number}" for number in range(100)]


def test_the_spawn_of_node_whose_parent_never_reads(programs):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    program = programs.file(
        """
        from chainner_logger import setup_logger
        logger = setup_logger("host")
        for number in range(3000):
            logger.info("record %d %s", number, "x" * 100)
        """
    )
    frontend = programs.folder / "frontend.js"
    frontend.write_text(
        """
        const { spawn } = require('child_process');
        const backend = spawn(process.argv[2], [process.argv[3]]);
        backend.on('exit', (code) => process.exit(code ?? 99));
        """
    )
    subprocess.run([node, frontend, sys.executable, program], env=programs.environment, check=True, timeout=120)
    assert programs.texts("host") == [f"record {number} {'x' * 100}" for number in range(3000)]


def all_records(programs):
    """Of all instances of the worker, each in order."""
    return {path.name: parse_log(path.read_text(encoding="utf-8")) for path in programs.logs.glob("worker*.log")}


@pytest.mark.parametrize("way", multiprocessing.get_all_start_methods())
def test_processes_of_multiprocessing_lose_nothing(programs, way):
    programs.run(
        f"""
        import multiprocessing, threading
        from chainner_logger import logger, setup_logger

        def work(name):
            for number in range(200):
                logger.info("%s %d", name, number)

        if __name__ == "__main__":
            multiprocessing.set_start_method("{way}")
            setup_logger("worker")
            logger.info("before")
            noise = threading.Thread(target=work, args=("parent",))
            noise.start()
            children = [multiprocessing.Process(target=work, args=(f"child{{each}}",)) for each in range(3)]
            for each in children:
                each.start()
            for each in children:
                each.join(60)
                assert each.exitcode == 0, each
            noise.join()
            logger.info("after")
        """
    )
    everything = [each for records in all_records(programs).values() for each in texts(records)]
    for name in "parent", "child0", "child1", "child2":
        assert [each for each in everything if each.startswith(f"{name} ")] == [f"{name} {n}" for n in range(200)]
    assert len(everything) == 4 * 200 + 2


def test_a_logger_can_be_given_to_a_spawned_process(programs):
    programs.run(
        """
        import multiprocessing
        from chainner_logger import setup_logger

        def work(role_logger, process_logger):
            role_logger.info("by the role's")
            process_logger.info("by the module's")

        if __name__ == "__main__":
            from chainner_logger import logger
            child = multiprocessing.get_context("spawn").Process(target=work, args=(setup_logger("worker"), logger))
            child.start()
            child.join(60)
            assert child.exitcode == 0
        """
    )
    assert sorted(each for records in all_records(programs).values() for each in texts(records)) == [
        "by the module's",
        "by the role's",
    ]


@needs_fork
def test_a_fork_before_the_set_up_repeats_no_record(programs):
    programs.run(
        """
        import os
        from chainner_logger import logger, setup_logger
        logger.info("early")
        child = os.fork()
        if child == 0:
            logger.info("of the child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        setup_logger("worker")
        logger.info("of the parent")
        """
    )
    everything = sorted(each for records in all_records(programs).values() for each in texts(records))
    assert everything == ["early", "of the child", "of the parent"]


@needs_fork
def test_forks_while_threads_log_never_hang(programs):
    programs.run(
        """
        import os, threading
        from chainner_logger import logger, setup_logger
        setup_logger("worker")
        done = threading.Event()

        def log():
            while not done.is_set():
                logger.info("noise")
                logger.getChild("child").info("more noise")

        threads = [threading.Thread(target=log) for _ in range(3)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(30):
            child = os.fork()
            if child == 0:
                logger.info("child %d", number)
                logger.getChild("child").info("child again %d", number)
                with open(logger.handlers[0].baseFilename) as file:  # a later child may delete it
                    log = file.read()
                os._exit(0 if f"child {number}" in log and f"child again {number}" in log else 1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 30
        done.set()
        for thread in threads:
            thread.join()
        """
    )


def test_threads_lose_nothing_and_keep_their_order(programs):
    programs.run(
        """
        import sys, threading
        from chainner_logger import logger, setup_logger
        sys.setswitchinterval(1e-5)
        setup_logger("worker")
        child = logger.getChild("child")

        def log(name):
            for number in range(2000):
                (logger if number % 2 else child).info("%s %d", name, number)
                if number % 500 == 0:
                    setup_logger("worker")

        threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    )
    written = programs.texts()
    for name in "abcd":
        assert [each for each in written if each.startswith(name)] == [f"{name} {number}" for number in range(2000)]


def test_daemon_threads_that_log_while_the_interpreter_ends_neither_crash_it_nor_hold_it_up(programs):
    for _ in range(10):
        output = programs.run(
            """
            import threading
            from chainner_logger import logger, setup_logger
            setup_logger("worker")
            logger.removeHandler(logger.handlers[1])
            started = threading.Barrier(5)

            def log():
                started.wait()
                while True:
                    logger.info("direct")
                    logger.getChild("child").info("by a handler")

            for _ in range(4):
                threading.Thread(target=log, daemon=True).start()
            started.wait()
            """
        )
        assert output.count("\n") == 1, output  # the first record, before the console was removed


def test_daemon_threads_that_speak_while_the_interpreter_ends_do_not_hold_it_up(programs):
    for _ in range(10):
        programs.run(
            """
            import os, threading
            from chainner_logger import logger, setup_logger
            setup_logger("worker", capture_output=True)
            spoken = threading.Semaphore(0)

            def speak():
                while True:
                    os.write(1, b"by the system\\n")
                    logger.info("direct")
                    spoken.release()

            for _ in range(4):
                threading.Thread(target=speak, daemon=True).start()
            for _ in range(4):
                spoken.acquire()
            """
        )
    assert {"stdout: by the system", "direct"} <= set(programs.texts())


def test_records_at_the_end_of_the_interpreter_are_written(programs):
    programs.run(
        """
        import atexit
        from chainner_logger import logger, setup_logger

        class Late:
            def __del__(self):
                logger.info("in a destructor")

        late = Late()
        atexit.register(logger.info, "at exit")
        setup_logger("worker")
        """
    )
    assert programs.texts() == ["at exit", "in a destructor"]


def test_a_sub_interpreter_is_refused_with_the_reason(programs):
    output = programs.run(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters

        code = '''
        try:
            import chainner_logger
        except ImportError as error:
            print("refused:", error)
        '''
        import textwrap
        for load_first in False, True:
            if load_first:
                from chainner_logger import setup_logger
                setup_logger("worker").info("before")
            other = interpreters.create()
            interpreters.run_string(other, textwrap.dedent(code))
            interpreters.destroy(other)
        setup_logger("worker").info("after")
        """
    )
    assert output.count("refused:") == 2
    assert "sub-interpreter" in output or "subinterpreters" in output
    assert programs.texts() == ["before", "after"]


@pytest.mark.skipif(is_wine, reason="Wine keeps the name of a removed file until it is closed")
def test_a_folder_that_is_removed_costs_no_record(programs):
    programs.run(
        """
        import shutil, sys
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.info("one")
        shutil.rmtree(sys.argv[1])
        for number in range(100):
            logger.info("record %d", number)
        logger.handlers[0].flush()
        """,
        programs.logs,
    )
    assert [each for each in programs.texts() if each.startswith("record")] == [f"record {n}" for n in range(100)]


@pytest.mark.skipif(sys.platform == "win32", reason="this system knows no such limit")
def test_a_limit_on_the_size_of_files_rotates_earlier_and_costs_no_record(programs):
    """The interpreter ignores the signal that a C++ program would get."""
    programs.run(
        """
        import resource
        from chainner_logger import setup_logger
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        logger = setup_logger("worker")
        for number in range(1000):
            logger.info("record %d", number)
        """
    )
    records = programs.records()
    assert [each.text for each in records if each.text.startswith("record ")] == [f"record {n}" for n in range(1000)]
    assert [each.level for each in records].count("WARNING") == 1
    assert all(path.stat().st_size <= 20_000 for path in programs.logs.iterdir())
