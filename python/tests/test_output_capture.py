"""What a process says past its loggers is in its log."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from conftest import is_windows, wait_until

set_up = "from chainner_logger import setup_logger\nlogger = setup_logger('worker', capture_output=True)\n"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def said(programs, code: str, status: int = 0, before: str = "") -> list[str]:
    programs.run(before + set_up + textwrap.dedent(code), status=status)
    return programs.texts()


def in_order(texts: list[str]) -> list[str]:
    """As far as Wine keeps it: there a read ends a moment later than the write that it waits for."""
    return sorted(texts) if is_windows else texts


def test_a_print_is_in_the_log_when_it_returns(programs):
    texts = said(
        programs,
        """
        import os
        for i in range(100):
            print("line", i)
            logger.info("record %d", i)
        print("one", end=", ")
        print("two", end="")
        print()
        os.write(1, b"by the system\\n")
        """,
    )
    expected = [text for i in range(100) for text in (f"stdout: line {i}", f"record {i}")]
    assert in_order(texts) == in_order([*expected, "stdout: one, two", "stdout: by the system"])


def test_warnings_and_last_resort_and_tracebacks(programs):
    texts = said(
        programs,
        """
        import faulthandler, logging, sys, traceback, warnings
        warnings.warn("careful", stacklevel=1)
        logging.getLogger("of a library").warning("nobody has configured this")
        try:
            1 / 0
        except ZeroDivisionError:
            traceback.print_exc()
        faulthandler.dump_traceback()
        """,
    )
    assert any(text.startswith("stderr: ") and text.endswith("UserWarning: careful") for text in texts)
    assert "stderr: nobody has configured this" in texts
    assert "stderr: ZeroDivisionError: division by zero" in texts
    assert any("most recent call first" in text for text in texts)


def test_a_progress_bar_of_tqdm_is_its_last_state(programs):
    texts = said(
        programs,
        """
        import time
        from tqdm import tqdm
        for _ in tqdm(range(12), desc="upscaling", mininterval=0.01):
            time.sleep(0.1)
        """,
    )
    assert texts[-1].startswith("stderr: upscaling: 100%|") and "12/12" in texts[-1]
    assert 1 <= len(texts) - 1 <= 4, "at most one a second on the way"
    assert all("\\x0d" not in text for text in texts)


def test_progress_bars_of_tqdm_below_each_other(programs):
    texts = said(
        programs,
        """
        import time
        from tqdm import tqdm
        for _ in tqdm(range(4), position=0, desc="images"):
            for _ in tqdm(range(100), position=1, leave=False, desc="tiles", mininterval=0.01):
                time.sleep(0.005)
        print("done")
        """,
    )
    bars = [text for text in texts if text.startswith("stderr: ")]
    assert any("images: 100%" in text for text in bars) and "stdout: done" in texts
    assert not any("x1b" in text for text in bars)
    # One a second of each, and before the first time that the cursor goes up one of each; here it takes some seconds.
    assert len(bars) < 40


@pytest.mark.parametrize("options", [[], ["-u"]])
def test_a_stream_that_was_a_file_is_none_any_more(programs, options):
    code = """
        import io, sys
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.reconfigure(errors="replace")
        again = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
        print("by the same", file=again)
        again.detach()
        mode = "wb" if sys.platform == "win32" else "ab"  # there a pipe cannot be appended to
        open(1, mode, closefd=False).write(b"by another\\n")
        assert not sys.stdout.seekable()
        """
    with open(programs.folder / "shown", "wb") as shown:
        program = subprocess.run(
            [sys.executable, *options, "-c", set_up + textwrap.dedent(code)],
            env=programs.environment,
            stdout=shown,
            stderr=subprocess.PIPE,
        )
    assert program.returncode == 0, program.stderr
    assert programs.texts() == ["stdout: by the same", "stdout: by another"]


def test_what_a_started_program_has_in_a_log_of_its_own_is_recorded_once(programs):
    child = """
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.error("in two\\nlines")
        print("said")
        setup_logger("worker", to_file=False).info("in no log of its own")
        """
    output = programs.run(
        f"""
        import subprocess, sys
        from chainner_logger import setup_logger
        setup_logger("host", capture_output=True)
        subprocess.run([sys.executable, {str(programs.file(child))!r}])
        """
    )
    assert programs.texts("worker") == ["in two\nlines"]
    of_host = programs.texts("host")
    assert [text for text in of_host if not text.startswith("stderr: [")] == ["stdout: said"]
    assert [text.split("] ")[-1] for text in of_host if text.startswith("stderr: [")][1:] == ["in no log of its own"]
    assert "[ERROR] in two\n\tlines\n" in output, "all is shown"


@needs_fork
def test_what_a_child_of_a_started_program_has_in_a_log_of_its_own_is_recorded_once(programs):
    child = """
        import os
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        for is_set_up_again in (False, True):
            if not os.fork():
                if is_set_up_again:
                    setup_logger("worker")
                logger.error("of a child")
                os._exit(0)
            os.wait()
        """
    output = programs.run(
        f"""
        import subprocess, sys
        from chainner_logger import setup_logger
        setup_logger("host", capture_output=True)
        subprocess.run([sys.executable, {str(programs.file(child))!r}])
        """
    )
    assert programs.texts("worker-2") == ["of a child", "of a child"]
    assert programs.texts("host") == []
    assert output.count("Logger initialized for a forked process. Log file: ") == 1


def test_a_line_that_only_looks_like_one_of_a_started_programs_record_is_recorded(programs):
    child = """
        from chainner_logger import setup_logger
        logger = setup_logger("worker")
        logger.error("a long record" + "\\n  of many lines" * 1000)
        """
    programs.run(
        f"""
        import subprocess, sys
        from chainner_logger import setup_logger
        logger = setup_logger("host", capture_output=True)
        subprocess.run([sys.executable, {str(programs.file(child))!r}])
        logger.info("the worker has ended")  # once all that it has shown is taken
        print("\\tat a place, says the host", file=sys.stderr)
        """
    )
    assert programs.texts("host") == ["the worker has ended", "stderr: \tat a place, says the host"]


@pytest.mark.parametrize("stream", ["sys.stdout", "Tee(sys.stderr)"])
def test_a_console_that_writes_to_a_captured_stream_is_recorded_once(programs, stream):
    output = programs.run(
        f"""
        import sys
        from chainner_logger import setup_logger

        class Tee:
            def __init__(self, stream):
                self.stream = stream
            def write(self, text):
                return self.stream.write(text)
            def flush(self):
                self.stream.flush()

        logger = setup_logger("worker", capture_output=True)
        logger.handlers[1].setStream({stream})
        logger.warning("once\\nin two lines")
        print("said", flush=True)
        """
    )
    assert programs.texts() == ["once\nin two lines", "stdout: said"]
    assert "] [WARNING] once\n\tin two lines\n" in output


@needs_fork
def test_a_child_that_logs_before_it_executes(programs):
    texts = said(
        programs,
        """
        import subprocess
        for i in range(5):
            done = subprocess.run(["sh", "-c", "sleep 0.05; echo started; exit 3"], preexec_fn=lambda: logger.info("before"))
            assert done.returncode == 3
        """,
    )
    assert texts == ["stdout: started"] * 5


def test_started_programs_without_arguments_for_their_streams(programs):
    texts = said(
        programs,
        """
        import os, subprocess, sys
        subprocess.run([sys.executable, "-c", "import sys; print('child'); print('to stderr', file=sys.stderr)"])
        os.system("echo of the shell")
        found = subprocess.run([sys.executable, "-c", "print('for the parent')"], capture_output=True, text=True)
        assert found.stdout.strip() == "for the parent"
        """,
    )
    assert sorted(text.rstrip() for text in texts) == ["stderr: to stderr", "stdout: child", "stdout: of the shell"]


def test_the_prompt_of_input_is_shown_at_once(programs):
    program = programs.start(
        set_up + "print('Hello', input('Name: '))", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdout.read(6) == b"Name: "
    program.communicate(b"you\n", timeout=60)
    assert programs.texts()[-1] == "stdout: Hello you" or programs.texts() == ["stdout: Name: Hello you"]


def test_what_is_in_the_place_of_a_stream_is_left_alone(programs):
    """A StringIO, and what a notebook has: objects without a descriptor."""
    texts = said(
        programs,
        """
        print("in the cell")
        sys.stderr.write("an error in the cell\\n")
        assert sys.stdout is cell and cell.getvalue() == "in the cell\\n"
        assert sys.stderr.text == ["an error in the cell\\n"]
        print("of the process", file=sys.__stdout__, flush=True)
        """,
        before="""
import io, sys

class OutStream(io.TextIOBase):
    def __init__(self):
        self.text = []
    def write(self, text):
        self.text.append(text)
        return len(text)
    def fileno(self):
        raise io.UnsupportedOperation("fileno")

sys.stdout = cell = io.StringIO()
sys.stderr = OutStream()
""",
    )
    assert texts == ["stdout: of the process"]


@pytest.mark.skipif(is_windows, reason="under Wine, what is captured does not always reach the file of capfd")
@pytest.mark.parametrize("how", ["", "-s", "--capture=sys", "--capture=tee-sys"])
def test_the_capture_of_pytest_works_beside_it(programs, how):
    file = programs.folder / "test_it.py"
    file.write_text(
        textwrap.dedent(
            """
            import os, time

            def until(condition):
                end = time.monotonic() + 60
                while not condition():
                    assert time.monotonic() < end
                    time.sleep(0.01)

            def test_set_up():
                from chainner_logger import setup_logger
                setup_logger("worker", capture_output=True)

            def test_capsys(capsys):
                print("to capsys")
                assert capsys.readouterr().out == "to capsys\\n"

            def test_capfd(capfd):
                os.write(1, b"to capfd\\n")
                print("and this")
                assert capfd.readouterr().out == "to capfd\\nand this\\n"

            def test_capture_while_capfd_captures(capfd):
                from chainner_logger import setup_logger
                setup_logger("worker", capture_output=True)
                # pytest loses what is written between its reading and its truncating of the file.
                until(lambda: os.write(1, b"to both\\n") and "to both\\n" in capfd.readouterr().out)
                setup_logger("worker", capture_output=False)
            """
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *how.split(), file]
    done = subprocess.run(
        command, env=programs.environment, cwd=programs.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(text.startswith("stdout: ") and text.endswith("to both") for text in programs.texts())


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "1 / 0", "os.abort()", "ctypes.string_at(0)"])
def test_what_was_said_before_an_end_is_in_the_log(programs, end):
    program = programs.start(
        set_up + f"import ctypes, os, sys\nprint('before')\nlogger.info('a record')\nprint('last words')\n{end}"
    )
    program.wait(timeout=60)
    texts = [text for text in programs.texts() if text.startswith(("stdout", "a rec"))]
    assert in_order(texts) == in_order(["stdout: before", "a record", "stdout: last words"])


@pytest.mark.skipif(is_windows, reason="there SIGTERM is an end at once")
def test_what_was_said_before_sigterm_is_in_the_log(programs):
    for _ in range(5):
        shutil.rmtree(programs.logs, ignore_errors=True)
        program = programs.start(
            set_up + "import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGTERM)\nprint('no word')"
        )
        assert program.wait(timeout=60) == -signal.SIGTERM
        assert programs.texts() == ["stdout: last words", "Ended by SIGTERM (15)"]


def test_the_streams_are_given_back(programs):
    code = """
        import os, subprocess, sys
        print("captured")
        setup_logger("worker", capture_output=False)
        print("not captured")
        """
    output = programs.run(set_up + textwrap.dedent(code))
    assert "captured\n" in output and "not captured\n" in output.replace("\r\n", "\n")
    assert programs.texts() == ["stdout: captured"]


@pytest.mark.skipif(is_windows, reason="there exec starts a new process, with streams as any")
@pytest.mark.parametrize("is_released", [False, True])
def test_a_program_that_takes_the_place_of_this_one_has_the_streams(programs, is_released):
    code = f"""
        import os, sys
        print("before")
        try:
            os.execv("/no/such/program", ["program"])
        except FileNotFoundError:
            print("still captured")
        if {is_released}:
            setup_logger("worker", capture_output=False)
        os.execl(sys.executable, sys.executable, "-c", "print('after', flush=True)")
        """
    assert "after\n" in programs.run(set_up + textwrap.dedent(code))
    assert programs.texts() == ["stdout: before", "stdout: still captured"]


@pytest.mark.skipif(is_windows, reason="there os.closerange reaches none of the library's files")
def test_a_program_that_closes_all_descriptors_can_speak_on_and_be_captured_again(programs):
    programs.run(
        set_up
        + textwrap.dedent(
            """
            import os, pathlib, resource, time
            os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            end = time.monotonic() + 60
            while True:  # until the thread that reads has seen it
                try:
                    for _ in range(10_000):
                        print("to nobody", "x" * 100)
                    break
                except BrokenPipeError:
                    assert time.monotonic() < end
            setup_logger("worker", capture_output=True)
            log = pathlib.Path(os.environ["CHAINNER_LOG_DIR"], "worker.log")
            print("heard")
            while "stdout: heard" not in log.read_text():
                assert time.monotonic() < end
                time.sleep(0.01)
            """
        )
    )


@needs_fork
def test_what_is_not_yet_written_is_not_written_twice_by_a_child(programs):
    output = programs.run(
        set_up
        + textwrap.dedent(
            """
            import os, sys
            print("partial", end=" ")
            if os.fork() == 0:
                os.execl(sys.executable, sys.executable, "-c", "pass")
            os.wait()
            print("line")
            """
        )
    )
    assert "partial line\n" in output and "partial partial" not in output


@needs_fork
def test_a_grandchild_speaks_into_the_log_of_who_reads(programs):
    programs.run(
        set_up
        + textwrap.dedent(
            """
            import os, warnings
            warnings.simplefilter("ignore")  # from 3.12 on: of a fork beside threads
            if os.fork() == 0:
                if os.fork() == 0:
                    logger.info("record")
                    print("said")
                    os._exit(0)
                os.wait()
                os._exit(0)
            os.wait()
            print("said by the parent")
            """
        )
    )
    assert programs.texts() == ["stdout: said", "stdout: said by the parent"]
    assert programs.texts("worker-2") == ["record"]


@needs_fork
def test_children_of_multiprocessing_have_their_own(programs):
    programs.run(
        set_up
        + textwrap.dedent(
            """
            import multiprocessing, sys
            from chainner_logger import logger

            def work(number):
                print("before")
                logger.info("record")
                print("after", end="")
                sys.stdout.flush()

            if __name__ == "__main__":
                context = multiprocessing.get_context("fork")
                for number in range(5):
                    child = context.Process(target=work, args=(number,))
                    child.start()
                    child.join()
                    assert child.exitcode == 0
            """
        )
    )
    assert programs.texts() == []
    own = [text for text in programs.texts("worker-2") if "Uncaught" not in text]
    assert own == ["stdout: before", "record", "stdout: after"] * 5


@needs_fork
def test_after_the_release_children_of_multiprocessing_are_captured_no_more(programs):
    programs.run(
        """
        import multiprocessing, sys
        from chainner_logger import _native, setup_logger

        setup_logger("worker", capture_output=True)
        setup_logger("worker", capture_output=False)
        child = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(_native.is_output_captured()))
        child.start()
        child.join()
        assert child.exitcode == 0
        """
    )


def test_a_file_in_the_place_of_a_stream_is_written_on(programs):
    printed = programs.folder / "printed.txt"
    programs.run(
        """
        import sys
        from chainner_logger import setup_logger
        sys.stdout = open(sys.argv[1], "w")
        setup_logger("worker", capture_output=True)
        print("into the file")
        """,
        printed,
    )
    assert printed.read_text() == "into the file\n" and programs.texts() == []


def test_a_process_without_streams(programs):
    """As with pythonw, or after a daemon has closed them."""
    program = programs.start(
        textwrap.dedent(
            """
            import os, sys
            sys.stdout = sys.stderr = None
            os.close(1)
            os.close(2)
            """
        )
        + set_up
        + "print('heard')\nprint('an error', file=sys.stderr)\nos.write(1, b'by the system\\n')"
    )
    assert program.wait(timeout=60) == 0
    assert sorted(programs.texts()) == ["stderr: an error", "stdout: by the system", "stdout: heard"]


def test_a_process_without_streams_has_none_again_after_the_release(programs):
    program = programs.start(
        f"import os, sys\nsys.stdout = sys.stderr = None\nos.close(1)\nos.close(2)\n{set_up}"
        "setup_logger('worker', capture_output=False)\nassert sys.stdout is None and sys.stderr is None\n"
    )
    assert program.wait(timeout=60) == 0


def test_a_host_and_a_worker_below_a_node_parent_that_never_reads(programs):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    child = programs.file(
        """
        import sys
        from chainner_logger import setup_logger
        logger = setup_logger(sys.argv[1], capture_output=True)
        for number in range(2000):
            print(f"{number:04} " + "x" * 194)
        logger.info("still there")
        """
    )
    parent = programs.folder / "parent.js"
    parent.write_text(
        f"""
        const {{ spawn }} = require("child_process");
        for (const role of ["host", "worker"]) {{
            const child = spawn({json.dumps(sys.executable)}, [{json.dumps(str(child))}, role], {{ stdio: "pipe" }});
            child.on("exit", (code) => console.log(role, code));
        }}
        """,
        encoding="utf-8",
    )
    # A pipe that nobody reads does not keep Node alive; to wait for the exits does.
    done = subprocess.run([node, parent], env=programs.environment, capture_output=True, text=True, timeout=120)
    assert sorted(done.stdout.split("\n")[:-1]) == ["host 0", "worker 0"], done.stdout + done.stderr
    for role in ("host", "worker"):
        lines = [f"stdout: {number:04} " + "x" * 194 for number in range(2000)]
        assert programs.texts(role) == [*lines, "still there"]


def test_an_idle_process_is_not_woken(programs):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc to count how often threads were woken")
    program = programs.start(set_up + "print('said')\nimport time\ntime.sleep(60)")
    assert wait_until(lambda: (programs.logs / "worker.log").exists() and "stdout: said" in programs.texts())

    def switches() -> list[str]:
        tasks = f"/proc/{program.pid}/task"
        return [
            line
            for task in sorted(os.listdir(tasks))
            for line in open(f"{tasks}/{task}/status", encoding="utf-8")
            if line.startswith("voluntary_ctxt_switches")
        ]

    def is_idle(seconds: float) -> bool:
        before = switches()
        time.sleep(seconds)
        return switches() == before

    assert wait_until(lambda: is_idle(0.1)), "it comes to rest"
    assert is_idle(1.5), "more than a line without an end has to wait"
