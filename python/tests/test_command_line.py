"""python -m chainner_logger, as a user types it."""

import bz2
import gzip
import io
import lzma
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import pytest

from chainner_logger import __main__ as command_line
from conftest import wait_until, write_log


def run(programs, *arguments, program=("-m", "chainner_logger"), **options):
    command = [sys.executable, *program, *map(str, arguments)]
    options = {
        "env": programs.environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        **options,
    }
    return subprocess.run(command, timeout=120, **options)


def line(text, level="INFO", role="worker"):
    return f"2025-10-19 05:52:25.123 [1] [{level}] {text}\n"


def zipped(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("worker.log", data)
    return packed.getvalue()


@pytest.fixture
def logs(programs):
    programs.logs.mkdir()
    write_log(programs.logs / "worker.log", line("from a worker") + line("it failed", "ERROR"))
    write_log(programs.logs / "host.log", line("from a host", "DEBUG"))
    return programs.logs


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["report", "--nonsense"], ["show", "--level", "loud"],
                                       ["show", "--since", "yesterday"], ["report", "--limit", "0"], ["show", "--role", "x"]])  # fmt: skip
def test_unknown_arguments_are_answered_by_the_usage_and_status_2(programs, arguments):
    ran = run(programs, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("usage: python -m chainner_logger") and "Traceback" not in ran.stderr


def test_its_usage_names_it_as_it_was_called(monkeypatch, capsys):
    for called, name in ("/usr/bin/chainner-logger", "chainner-logger"), ("/x/__main__.py", "python -m chainner_logger"):
        monkeypatch.setattr(sys, "argv", [called])
        with pytest.raises(SystemExit):
            command_line.main(["--help"])
        assert capsys.readouterr().out.startswith(f"usage: {name} [-h]")


def test_each_option_says_what_it_is_for():
    parser = command_line._parser()
    (commands,) = parser._subparsers._group_actions
    options = [each for part in (parser, *commands.choices.values()) for each in part._actions if each is not commands]
    assert [each.dest for each in options if not each.help] == [] and len(options) > 10


def test_a_level_that_is_none_is_answered_by_the_one_that_was_meant(programs):
    ran = run(programs, "show", "--level", "errors")
    assert "errors is no level (did you mean ERROR?): it must be one of TRACE, DEBUG, " in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the current folder of a process cannot be removed there")
@pytest.mark.parametrize("arguments", [[], ["report"], ["show"]])
def test_a_current_folder_that_is_gone_is_a_clear_line(programs, arguments):
    gone = programs.folder / "gone"
    gone.mkdir()
    programs.environment.update(CHAINNER_LOG_DIR="logs", TMPDIR=str(programs.folder))
    code = "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    command = [sys.executable, "-c", code, gone, "-m", "chainner_logger", *arguments]
    ran = subprocess.run(command, env=programs.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if arguments:
        assert ran.returncode == 1
        assert ran.stderr.startswith(f"chainner_logger: {programs.folder / 'chaiNNer' / 'logs'}: No such file or directory. ")
    else:
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "passed over: logs (CHAINNER_LOG_DIR): No such file or directory" in ran.stdout.splitlines()


@pytest.mark.parametrize("command", ["report", "show"])
def test_where_there_are_no_logs_it_says_which_folder_why_and_how_to_name_another(programs, command):
    ran = run(programs, command)
    assert ran.returncode == 1 and ran.stderr.count("\n") == 1
    for words in str(programs.logs), "(because of: CHAINNER_LOG_DIR)", f"python -m chainner_logger {command} FOLDER":
        assert words in ran.stderr
    ran = run(programs, command, programs.folder)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"chainner_logger: {programs.folder}: There are no logs in this folder. ")
    assert f"python -m chainner_logger {command} FOLDER" in ran.stderr and "because" not in ran.stderr


def test_a_folder_is_named_as_such_or_by_an_option(programs, logs):
    programs.environment["CHAINNER_LOG_DIR"] = str(programs.folder / "elsewhere")
    for arguments in ["show", logs], ["show", "--folder", logs], ["show", "--role", "worker", logs]:
        ran = run(programs, *arguments)
        assert ran.returncode == 0 and "from a worker" in ran.stdout, ran.stderr


def test_a_folder_is_named_before_the_command_and_without_one(programs, logs):
    programs.environment["CHAINNER_LOG_DIR"] = str(programs.folder / "elsewhere")
    ran = run(programs, "--folder", logs)
    assert ran.returncode == 0 and f"Logs are in {logs}\nbecause of: --folder\n" in ran.stdout, ran.stderr
    assert "  worker.log\n" in ran.stdout and f"To send them: python -m chainner_logger report {logs}\n" in ran.stdout
    ran = run(programs, "--folder", logs, "show")
    assert ran.returncode == 0 and "from a worker" in ran.stdout, ran.stderr
    assert "from a worker" in run(programs, "--folder", programs.folder, "show", "--folder", logs).stdout
    ran = run(programs, "--folder", programs.folder / "nowhere")
    assert ran.returncode == 1 and ran.stderr.count("\n") == 1
    assert f"{programs.folder / 'nowhere'}: " in ran.stderr


def test_where_no_folder_was_named_it_says_which_it_took_and_why(programs, logs):
    words = f"{logs} (because of: CHAINNER_LOG_DIR)"
    assert run(programs, "show").stderr == f"chainner_logger: these are the logs in {words}\n"
    assert run(programs, "show", logs).stderr == ""
    ran = run(programs, "report", "--output", programs.folder / "out.zip", "--no-redaction")
    assert f"Its logs are those in {words}\n" in ran.stdout
    with zipfile.ZipFile(programs.folder / "out.zip") as archive:
        assert f"Folder:             {words}\n".encode() in archive.read("summary.txt")
    ran = run(programs, "report", logs, "--output", programs.folder / "out.zip", "--force")
    assert "because" not in ran.stdout


def test_report_says_where_it_is_what_is_in_it_and_what_was_replaced(programs, logs):
    write_log(logs / "worker.log", line("mail to a@example.com"))
    ran = run(programs, "report", "--output", programs.folder / "out.zip")
    assert (ran.returncode, ran.stderr) == (0, "")
    for words in str(programs.folder / "out.zip"), "logs.html", "summary.txt", "logs/worker.log", "1 x <e-mail>":
        assert words in ran.stdout


def test_report_overwrites_with_force_only(programs, logs):
    output = programs.folder / "out.zip"
    output.write_text("precious")
    ran = run(programs, "report", "--output", output)
    assert ran.returncode == 1 and "--force" in ran.stderr and str(output) in ran.stderr
    assert output.read_text() == "precious"
    assert run(programs, "report", "--output", output, "--force").returncode == 0


def test_an_output_that_cannot_be_written_is_a_clear_line(programs, logs):
    ran = run(programs, "report", "--output", programs.folder / "nowhere" / "out.zip")
    assert ran.returncode == 1 and "--output" in ran.stderr
    assert f"{programs.folder / 'nowhere' / 'out.zip'}: No such file or directory" in ran.stderr


def test_what_the_terminal_has_no_letters_for_is_escaped(programs, logs):
    write_log(logs / "worker.log", line("名前"))
    programs.environment.update(PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "\\u540d" in run(programs, "show").stdout
    output = programs.folder / "名.zip"
    assert "\\u540d.zip" in run(programs, "report", "--output", output).stdout and output.exists()


@pytest.mark.parametrize("command", ["report", "show"])
def test_a_folder_without_logs_or_none_is_a_clear_line_and_status_1(programs, command):
    for folder in "empty", "nowhere":
        (programs.folder / "empty").mkdir(exist_ok=True)
        ran = run(programs, command, "--folder", programs.folder / folder)
        assert ran.returncode == 1 and "Traceback" not in ran.stderr
        assert str(programs.folder / folder) in ran.stderr and len(ran.stderr.strip().splitlines()) == 1


def test_what_cannot_be_read_is_said_and_the_rest_is_done(programs, logs):
    (logs / "host.log").unlink()
    (logs / "host.log").mkdir()
    ran = run(programs, "report", "--output", programs.folder / "out.zip")
    assert ran.returncode == 1 and "host.log could not be read" in ran.stderr
    assert (programs.folder / "out.zip").exists()
    ran = run(programs, "show")
    assert ran.returncode == 1 and "host.log could not be read" in ran.stderr and "it failed" in ran.stdout


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, zipped])
def test_an_archive_that_has_the_name_of_a_log_is_not_shown_as_one(programs, logs, pack):
    (logs / "worker.log").write_bytes(pack(b"2025-10-19 05:52:25.123 [1] [INFO] x\n"))
    (logs / "host.log").unlink()
    for command in "show", "report":
        ran = run(programs, command, cwd=programs.folder)
        assert ran.returncode == 1 and "worker.log could not be read: it is packed, and no text" in ran.stderr
        assert "PK" not in ran.stdout and "\\x" not in ran.stdout


def test_open_shows_the_page_in_the_browser(programs, logs):
    opened = programs.folder / "opened"
    browser = programs.file("import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2] + '\\n')")
    words = sys.executable, browser, opened
    command = " ".join(shlex.quote(Path(word).as_posix()) for word in words)
    programs.environment.update(BROWSER=f"{command} %s", TMPDIR=str(programs.folder))
    assert run(programs, "report", "--open", "--output", programs.folder / "out.zip").returncode == 0
    assert wait_until(opened.exists) and wait_until(lambda: opened.read_text().endswith("\n"))
    address = urllib.parse.urlsplit(opened.read_text().strip())
    page = Path(urllib.request.url2pathname(address.path))
    assert address.scheme == "file" and "<title>chaiNNer logs" in page.read_text(encoding="utf-8")


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="Python opens no pseudo-terminal there")


def on_terminal(programs, *arguments, program=("-m", "chainner_logger"), seconds=300, **variables):
    """What a terminal shows, with how the command ended."""
    shown = bytearray()
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**programs.environment, "TERM": "xterm", **variables}
        os.execve(sys.executable, [sys.executable, *program, *map(str, arguments)], environment)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
    os.close(terminal)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


SLOW = """
    import itertools, runpy, time

    time.monotonic = itertools.count().__next__  # a second goes by between any two looks at the clock
    runpy.run_module("chainner_logger", run_name="__main__", alter_sys=True)
"""


@needs_terminal
def test_on_a_terminal_a_report_that_takes_long_shows_how_far_it_is(programs, logs):
    slow = {"program": [programs.file(SLOW)]}
    shown, status = on_terminal(programs, "report", "--output", programs.folder / "out.zip", **slow)
    assert status == 0 and re.search(r"\rMaking the report \[#+\.+\] +\d+ %", shown) and "\r\x1b[K" in shown
    ran = run(programs, "report", "--output", programs.folder / "out.zip", "--force", **slow)
    assert (ran.returncode, ran.stderr) == (0, "")


@needs_terminal
def test_on_a_terminal_show_is_coloured_and_goes_through_the_pager(programs, logs):
    programs.environment.pop("NO_COLOR", None)
    shown, status = on_terminal(programs, "show", PAGER="sed s/^/paged:/")
    assert status == 0 and "paged:" in shown
    assert "\x1b[31mERROR   \x1b[0m it failed" in shown and "\x1b[36mDEBUG" in shown
    shown, _ = on_terminal(programs, "show", PAGER="", NO_COLOR="1")
    assert "\x1b" not in shown and "it failed" in shown
    shown, status = on_terminal(programs, "show", PAGER="true")
    assert status == 0 and "Traceback" not in shown
    for pager in "no-such-pager -R", "X=1 no-such-pager", "'unbalanced":
        shown, status = on_terminal(programs, "show", PAGER=pager)
        assert status == 0 and "it failed" in shown and "such" not in shown


def test_since_takes_an_age_a_time_of_day_or_a_date(monkeypatch):
    now = 1_760_853_145
    monkeypatch.setattr(command_line.time, "time", lambda: now)
    assert command_line._since("10m") == -600_000
    assert command_line._since("2h") == -7_200_000
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    assert command_line._since(local) == now * 1000
    assert command_line._since(local.replace(" ", "T")) == now * 1000
    assert command_line._since(local[:10]) <= now * 1000
    assert time.strftime("%H:%M", time.localtime(command_line._since("05:52") / 1000)) == "05:52"
