"""Crashes beside others that handle faults, or that open files."""

import os
import shutil
import signal
import subprocess

import pytest

from conftest import is_windows, packages_for_tests

pytestmark = pytest.mark.skipif(is_windows, reason="faults are no signals there, and there is no fork")

crash_status = -signal.SIGSEGV if not is_windows else 0
crashed = "Crashed: SIGSEGV (11) at address 0x0"


def reasons(programs, role="worker"):
    return [each.text.partition("\n")[0] for each in programs.records(role) if each.text.startswith("Crashed: ")]


# What becomes of faulthandler, and whether it still hears of the crash first.
ways_of_faulthandler = {
    "enabled before": ("faulthandler.enable(own)", "", True),
    "enabled after": ("", "faulthandler.enable(own)", True),
    "disabled again": ("faulthandler.enable(own)", "faulthandler.disable()", False),
    "enabled after and disabled": ("", "faulthandler.enable(own); faulthandler.disable()", False),
    "disabled by nobody's leave": ("", "faulthandler.disable()", False),
}


@pytest.mark.parametrize("before, after, is_told", ways_of_faulthandler.values(), ids=ways_of_faulthandler)
def test_a_crash_is_recorded_whatever_becomes_of_faulthandler(programs, before, after, is_told):
    programs.run(
        f"""
        import faulthandler, sys
        from chainner_logger import setup_logger
        own = open(sys.argv[1], "w")
        {before}
        logger = setup_logger("worker")
        {after}
        for each in logger.handlers:
            each.flush()
        faulthandler._read_null()
        """,
        programs.folder / "own.txt",
        status=crash_status,
    )
    (found,) = reasons(programs)
    # Raised again by faulthandler, it has no address.
    assert crashed.startswith(found) if after.endswith("(own)") else found == crashed
    assert ("Fatal Python error: Segmentation fault" in (programs.folder / "own.txt").read_text()) == is_told
    assert "Current thread 0x" in (programs.logs / "worker.crash.txt").read_text()


def test_our_own_set_up_leaves_faulthandler_and_all_signals_to_the_program(programs):
    programs.run(
        """
        import faulthandler, re, signal
        def caught():
            with open("/proc/self/status") as file:
                mask = int(re.search(r"SigCgt:\\s*(\\w+)", file.read())[1], 16)
            return {number for number in range(1, 65) if mask >> (number - 1) & 1}
        before = caught()
        from chainner_logger import setup_logger
        setup_logger("worker")
        faults = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS}
        ends = {signal.SIGTERM, signal.SIGHUP}  # which still end the process, and are SIG_DFL for Python
        assert caught() - before == faults | ends, caught() - before
        assert not faulthandler.is_enabled()
        """
    )


def test_a_crash_after_pytest_has_run_is_recorded(programs):
    test = programs.folder / "test_inner.py"
    test.write_text("from chainner_logger import setup_logger\ndef test(): setup_logger('worker').info('in a test')\n")
    programs.run(
        """
        import faulthandler, sys
        import pytest
        assert pytest.main(["-q", "-s", "-p", "no:cacheprovider", sys.argv[1]]) == 0
        from chainner_logger import logger
        for each in logger.handlers:
            each.flush()
        faulthandler._read_null()
        """,
        test,
        status=crash_status,
    )
    assert reasons(programs) == [crashed]


@pytest.fixture(scope="session")
def wasmtime(tmp_path_factory):
    return packages_for_tests(tmp_path_factory, "wasmtime", ["wasmtime"], [])


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    if shutil.which("javac") is None:
        pytest.skip("no JDK is installed")
    return packages_for_tests(tmp_path_factory, "jpype1", ["jpype1"], [])


def find_packages(programs, folder):
    paths = [programs.environment.get("PYTHONPATH", ""), str(folder)]
    programs.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


@pytest.mark.parametrize("trap", ["unreachable", "out of bounds", "division by zero"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_webassembly_program_may_trap_and_a_crash_is_recorded(programs, wasmtime, order, trap):
    find_packages(programs, wasmtime)
    programs.run(
        """
        import faulthandler, sys
        import wasmtime
        from chainner_logger import logger, setup_logger
        order, trap = sys.argv[1:]
        if order == "after":
            setup_logger("worker")
        store = wasmtime.Store()
        module = wasmtime.Module(store.engine, '''(module (memory 1)
            (func (export "unreachable") unreachable)
            (func (export "out of bounds") (drop (i32.load (i32.const 0x7fffffff))))
            (func (export "division by zero") (drop (i32.div_s (i32.const 1) (i32.const 0)))))''')
        function = wasmtime.Instance(store, module, []).exports(store)[trap]
        if order == "before":
            setup_logger("worker")
        for _ in range(3):
            try:
                function(store)
            except wasmtime.Trap:
                logger.info("trapped")
        faulthandler._read_null()
        """,
        order,
        trap,
        status=crash_status,
    )
    assert programs.texts()[:3] == ["trapped"] * 3
    assert reasons(programs) == [crashed]
    assert "Current thread 0x" in (programs.logs / "worker.crash.txt").read_text()


@pytest.mark.parametrize("order", ["before", "after"])
def test_java_may_meet_null_pointers_and_a_crash_is_recorded(programs, java, order):
    find_packages(programs, java)
    source = programs.folder / "Nulls.java"
    # Compiled while it runs, the check for null is the fault itself.
    source.write_text(
        """
        public class Nulls {
            int field;
            static int fieldOf(Nulls one) { return one.field; }
            public static int meet() {
                int met = 0;
                Nulls one = new Nulls();
                for (int i = 0; i < 1000000; i++) {
                    try { fieldOf(i % 1000 == 999 ? null : one); } catch (NullPointerException expected) { met++; }
                }
                return met;
            }
        }
        """
    )
    subprocess.run(["javac", source], check=True)
    programs.run(
        """
        import faulthandler, sys
        import jpype
        from chainner_logger import logger, setup_logger
        order, classes = sys.argv[1:]
        if order == "after":
            setup_logger("worker")
        jpype.startJVM("-XX:ErrorFile=/dev/null", classpath=[classes])
        if order == "before":
            setup_logger("worker")
        logger.info("met %d", jpype.JClass("Nulls").meet())
        faulthandler._read_null()
        """,
        order,
        programs.folder,
        # The JVM reports a crash itself, and aborts, where it was not there first.
        status=-signal.SIGABRT if order == "before" else crash_status,
    )
    assert programs.texts()[0] == "met 1000"
    assert reasons(programs) == ["Crashed: SIGABRT (6)" if order == "before" else crashed]
    assert "Current thread 0x" in (programs.logs / "worker.crash.txt").read_text()


def test_a_crash_is_not_written_into_a_file_that_the_program_has_opened_in_the_place_of_ours(programs):
    own = programs.folder / "own.txt"
    programs.run(
        """
        import contextlib, faulthandler, os, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        own = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_APPEND)
        for number in range(3, 3000):
            if number != own:
                with contextlib.suppress(OSError):
                    os.dup2(own, number)
        faulthandler._read_null()
        """,
        own,
        status=crash_status,
    )
    assert own.read_bytes() == b""
    assert reasons(programs, "worker-2") == [crashed]


def test_a_forked_child_that_crashes_before_its_first_record_has_a_record_of_it(programs):
    programs.run(
        """
        import faulthandler, os
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        child = os.fork()
        if child == 0:
            faulthandler._read_null()
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        logger.info("child %d", child)
        """
    )
    (record,) = programs.records("worker-2")
    assert record.text.startswith(crashed) and programs.texts() == [f"child {record.pid}"]


def test_a_crash_after_the_log_was_removed_is_in_a_new_one(programs):
    programs.run(
        """
        import faulthandler, os, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        os.remove(sys.argv[1])
        faulthandler._read_null()
        """,
        programs.logs / "worker.log",
        status=crash_status,
    )
    assert reasons(programs) == [crashed]


daemon = """
    import faulthandler, os, signal, sys
    from chainner_logger import setup_logger
    setup_logger("worker")
    reading, writing = os.pipe()
    if os.fork() != 0:
        {end}
    os.close(writing)
    os.read(reading, 1)  # until the parent has ended
    {then}
"""


@pytest.mark.parametrize("end, status", [("sys.exit()", 0), ("os._exit(0)", 0), ("os.kill(os.getpid(), 15)", -15)])
def test_a_crash_of_a_daemon_whose_parent_has_ended_has_pythons_stacks(programs, end, status):
    programs.run(daemon.format(end=end, then="faulthandler._read_null()"), status=status)
    assert "Current thread 0x" in (programs.logs / "worker.crash.txt").read_text()


def test_a_daemon_that_ends_in_good_order_leaves_no_crash_file(programs):
    programs.run(daemon.format(end="os._exit(0)", then="sys.exit()"))
    assert [path.name for path in programs.logs.iterdir()] == ["worker.log"]


leaving = """
    import subprocess, sys
    from chainner_logger import setup_logger
    setup_logger("worker")
    {leave}
    other = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()  # when this process ends, the other goes on
"""


@pytest.mark.parametrize("leave", ["dev_mode=True", "'{}'", "'{}', catch_crashes=False"])
def test_who_leaves_a_folder_takes_no_crash_file_from_the_next_process_there(programs, leave):
    other = programs.file(
        """
        import faulthandler, sys
        from chainner_logger import setup_logger
        setup_logger("worker")
        print("ready", flush=True)
        sys.stdin.read()
        faulthandler._read_null()
        """
    )
    leave = f"setup_logger('worker', {leave.format(programs.folder / 'elsewhere')})"
    programs.run(leaving.format(leave=leave), other)
    assert "Current thread 0x" in (programs.logs / "worker.crash.txt").read_text()


def test_a_crash_file_that_another_process_has_open_stays(programs):
    other = programs.file(
        """
        import sys
        from pathlib import Path
        from chainner_logger._crashes import _CrashFile
        file = _CrashFile(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.read()
        print(file.is_in_place(), file=sys.stderr)
        """
    )
    assert programs.run(leaving.format(leave=""), other, programs.logs / "worker.crash.txt").endswith("\nTrue\n")
