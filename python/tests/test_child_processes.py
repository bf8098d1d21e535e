"""A child process of multiprocessing ends as any other: its log says so, and why."""

import multiprocessing
import os
import sys

import pytest

from conftest import is_wine, parse_log, texts

ways = multiprocessing.get_all_start_methods()
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def logs(programs):
    return sorted(programs.logs.glob("worker*.log"), key=lambda path: path.stat().st_mtime)


@pytest.mark.parametrize("imports", ["logger first", "multiprocessing first", "in the child"])
@pytest.mark.parametrize("way", ways)
def test_an_uncaught_exception_is_a_record_and_the_end_is_one_too(programs, way, imports):
    if imports == "in the child" and sys.version_info >= (3, 13):
        pytest.skip("multiprocessing catches the exception before anything of ours sees it")
    output = programs.run(
        f"""
        import sys
        if "{imports}" == "multiprocessing first":
            import multiprocessing
        if "{imports}" != "in the child":
            from chainner_logger import logger, setup_logger
        import multiprocessing

        def fail(message):
            from chainner_logger import logger
            logger.info("at work")
            raise ValueError(message)

        class Failing(multiprocessing.get_context("{way}").Process):
            def run(self):
                fail("of a subclass")

        if __name__ == "__main__":
            context = multiprocessing.get_context("{way}")
            if "{imports}" != "in the child":
                setup_logger("worker")
            for child in context.Process(target=fail, args=("boom",), name="loader"), Failing(name="subclass"):
                child.start()
                child.join(60)
                assert child.exitcode == 1
        """
    )
    records = [each for path in logs(programs) for each in parse_log(path.read_text(encoding="utf-8"))]
    failed = [each for each in records if each.text.startswith("Uncaught exception")]
    assert [each.level for each in failed] == ["CRITICAL", "CRITICAL"]
    for each, name, message in zip(failed, ("loader", "subclass"), ("boom", "of a subclass")):
        assert each.text.startswith(f"Uncaught exception in process {name}\nTraceback (most recent call last):\n")
        assert each.text.endswith(f"\nValueError: {message}")
    assert [each.text for each in records].count("at work") == 2
    assert_sessions_end(programs)
    assert "Process loader:" in output


def assert_sessions_end(programs):
    """Each process that wrote to a file has said last that it ended, once."""
    for path in logs(programs):
        lines = path.read_text(encoding="utf-8").splitlines()
        pids = dict.fromkeys(line.split("[")[1].split("]")[0] for line in lines if not line.startswith("\t"))
        for pid in pids:
            own = [line for line in lines if f" [{pid}] " in line]
            assert own[-1].endswith("] [INFO] Logger closed for worker process")
            assert sum("Logger closed for" in line for line in own) == 1
        assert "without a closing record" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("of", ["Process", "ProcessPoolExecutor", "Pool"])
@pytest.mark.parametrize("way", ways)
def test_children_that_end_in_good_order_or_by_exit_say_so_and_nothing_else(programs, way, of):
    if of == "ProcessPoolExecutor" and is_wine:
        pytest.skip("Wine loses empty messages of a pipe, by which Python's executor wakes its thread: it hangs")
    programs.run(
        f"""
        import concurrent.futures, multiprocessing, sys
        from multiprocessing.util import Finalize
        from chainner_logger import logger, setup_logger

        def work(number):
            Finalize(None, logger.info, args=("in a finalizer",), exitpriority=-10)
            logger.info("work %d", number)

        def leave(status):
            logger.info("leaves")
            sys.exit(status)

        def silent():
            pass

        if __name__ == "__main__":
            setup_logger("worker")
            context = multiprocessing.get_context("{way}")
            if "{of}" == "Process":
                for target, arguments in [(work, (number,)) for number in range(3)] + [(leave, (3,)), (silent, ())]:
                    child = context.Process(target=target, args=arguments)
                    child.start()
                    child.join(60)
            elif "{of}" == "ProcessPoolExecutor":
                with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
                    assert list(executor.map(work, range(8))) == [None] * 8
            else:
                with context.Pool(2) as pool:
                    pool.map(work, range(8))
                    pool.close()
                    pool.join()
        """
    )
    count = 3 if of == "Process" else 8
    written = [each for path in logs(programs) for each in texts(parse_log(path.read_text(encoding="utf-8")))]
    assert sorted(each for each in written if each.startswith("work ")) == sorted(f"work {n}" for n in range(count))
    assert written.count("leaves") == (of == "Process") and written.count("in a finalizer") == count
    assert not any("Uncaught" in each for each in written)
    assert_sessions_end(programs)


@needs_fork
def test_an_exception_that_the_parent_handles_is_none_of_the_child(programs):
    programs.run(
        """
        import multiprocessing
        from chainner_logger import logger, setup_logger

        def fail():
            raise ValueError("of the child")

        setup_logger("worker")
        context = multiprocessing.get_context("fork")
        try:
            raise KeyError("of the parent")
        except KeyError:
            for target, code in (logger.info, 0), (fail, 1):
                child = context.Process(target=target, args=("restarted",) if code == 0 else ())
                child.start()
                child.join(60)
                assert child.exitcode == code
        """
    )
    records = [each for path in logs(programs) for each in parse_log(path.read_text(encoding="utf-8"))]
    (failed,) = [each for each in records if each.text.startswith("Uncaught exception")]
    assert failed.text.endswith("\nValueError: of the child")


@pytest.mark.parametrize("way", ways)
def test_exceptions_are_left_alone_on_demand(programs, way):
    programs.run(
        f"""
        import multiprocessing
        from chainner_logger import logger, setup_logger

        def fail():
            setup_logger("worker", catch_crashes=False)
            raise ValueError("boom")

        if __name__ == "__main__":
            setup_logger("worker", catch_crashes=False)
            child = multiprocessing.get_context("{way}").Process(target=fail)
            child.start()
            child.join(60)
            assert child.exitcode == 1
        """
    )
    assert not any("Uncaught" in path.read_text(encoding="utf-8") for path in logs(programs))


@needs_fork
def test_what_a_child_could_not_write_is_written_at_its_end(programs):
    programs.run(
        """
        import multiprocessing, os, shutil, sys
        from chainner_logger import logger, setup_logger

        def work():
            logger.info("one")
            shutil.rmtree(sys.argv[1])
            open(sys.argv[1], "w").close()
            for number in range(1000):
                logger.info("held %d %s", number, "x" * 100)
            os.remove(sys.argv[1])

        setup_logger("worker")
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join(60)
        assert child.exitcode == 0
        """,
        programs.logs,
    )
    log = "".join(path.read_text(encoding="utf-8") for path in logs(programs))
    assert "held 999 " in log
