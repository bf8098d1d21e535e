"""The zip: what is in it, also while the logs are written, and what happens if it cannot be made."""

import errno
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import chainner_logger
from chainner_logger import report
from chainner_logger._report import archive
from conftest import is_windows, parse_log, wait_until, write_log

needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="mounts a file system or becomes another user, as root can where there is one"
)


def line(text, second=0, level="INFO"):
    return f"2025-10-19 05:{second // 60:02}:{second % 60:02}.000 [1] [{level}] {text}\n"


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def output(tmp_path):
    return tmp_path / "report.zip"


def contents(path):
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name).decode() for name in opened.namelist()}


def files_of(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_holds_all_logs_a_summary_and_a_page(logs, output):
    texts = {
        "worker.log": line("w") + "not a record\n",
        "worker.1.log": line("older"),
        "worker-2.log": line("second instance", 1, "ERROR"),
        "host.log": line("h"),
        "worker.crash.txt": "2025-10-19 05:00:00 [1] started; if it crashes, this follows:\nFatal Python error: x\n",
        "main.log": "[2025-10-19 05:00:00.000] [info]  Starting\n",
        "main.old.log": "[2025-10-18 05:00:00.000] [info]  Older\n",
        "renderer.log": "[2025-10-19 05:00:00.000] [warn]  Slow\r\n",
    }
    for name, text in texts.items():
        (logs / name).write_bytes(text.encode())
    (logs / "other.txt").write_text("not ours")
    made = report(output, logs)
    found = contents(output)
    assert {name: found[f"logs/{name}"] for name in texts} == texts
    assert set(found) == {"summary.txt", "logs.html", *(f"logs/{name}" for name in texts)} == set(made.files)
    assert (made.path, made.size, made.summary) == (output, output.stat().st_size, found["summary.txt"])
    assert {name: (logs / name).read_bytes().decode() for name in texts} == texts
    for words in (
        "2025-10-18 05:00:00.000 UTC", " to 2025-10-19 05:00:01.000 UTC", "worker-2 1 logged an error: second instance", "crashed: Fatal Python error: x",
        "worker-2 1: 1 record, 1 error", "A look at logs.html before you send this is still wise", "Linux" if sys.platform == "linux" else "",
    ):  # fmt: skip
        assert words in found["summary.txt"]
    if sys.platform != "win32":
        assert output.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(output) as opened:
        assert {each.external_attr >> 16 for each in opened.infolist()} == {0o100600}, "of what is unpacked"
        assert {each.compress_type for each in opened.infolist()} == {zipfile.ZIP_DEFLATED}


def test_what_tells_who_the_user_is_is_replaced_unless_it_is_wanted(logs, output, monkeypatch):
    monkeypatch.setenv("USER", "maria")
    home = logs.parent / "maria"
    text = line(f"{home / 'x'} of maria, maria@example.com")
    write_log(logs / "worker.log", text)
    monkeypatch.setenv("HOME", str(home))
    made = report(output, logs)
    found = contents(output)
    assert found["logs/worker.log"] == line(f"<home>{os.sep}x of <user>, <e-mail>")
    assert "maria" not in "".join(found.values()) and made.replaced == {"home": 1, "user": 1, "e-mail": 1}
    assert "1 x <home>" in found["summary.txt"]
    made = report(output, logs, redact=False, force=True)
    found = contents(output)
    assert found["logs/worker.log"] == text and made.replaced is None
    assert "Nothing was replaced" in found["summary.txt"]


def test_the_folder_in_the_summary_is_redacted_too(tmp_path, output, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "maria"))
    folder = tmp_path / "maria" / "logs of maria"
    folder.mkdir(parents=True)
    write_log(folder / "worker.log", line("x"))
    report(output, folder)
    summary = contents(output)["summary.txt"]
    assert "<home>/logs of <user>" in summary.replace("\\", "/") and "maria" not in summary


def test_without_an_output_it_is_named_by_the_time_in_the_current_folder(logs, tmp_path, monkeypatch):
    write_log(logs / "worker.log", line("x"))
    monkeypatch.chdir(tmp_path)
    made = report(folder=logs)
    assert re.fullmatch(r"chaiNNer-logs-\d{4}-\d\d-\d\d-\d{6}\.zip", made.path.name) and made.path.exists()
    made = report(tmp_path / "logs", logs)
    assert made.path.parent == logs


def test_it_needs_no_file_of_its_package_but_modules(logs, output, tmp_path):
    write_log(logs / "worker.log", line("x"))
    package = Path(chainner_logger.__file__).parent
    shutil.copytree(package, tmp_path / "app" / package.name, ignore=lambda _, names: [each for each in names if "." in each and not each.endswith((".py", ".so", ".pyd"))])
    command = [sys.executable, "-m", "chainner_logger", "report", "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "app"), "CHAINNER_LOG_DIR": str(logs)}
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert "logs.html" in contents(output)


def test_what_it_returns_prints_as_a_line_without_the_page(logs, output):
    write_log(logs / "worker.log", line("x"))
    told = repr(report(output, logs))
    assert len(told) < 2000 and "files=['summary.txt', 'logs.html', 'logs/worker.log']" in told


def test_two_reports_may_be_made_within_a_second(logs, tmp_path):
    write_log(logs / "worker.log", line("x"))
    (tmp_path / "reports").mkdir()
    made = [report(tmp_path / "reports", logs).path for _ in range(3)]
    assert len(set(made)) == 3 and all(path.exists() for path in made)


@pytest.mark.parametrize("changed", [0, 4_354_819_200, 5_000_000_000, 30_000_000_000])
def test_a_file_may_be_of_any_time(logs, output, changed):
    write_log(logs / "worker.log", line("x"))
    os.utime(logs / "worker.log", (changed, changed))
    report(output, logs)
    assert contents(output)["logs/worker.log"] == line("x")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the stream")
def test_it_is_made_and_speaks_though_stderr_is_closed(logs, tmp_path):
    write_log(logs / "worker.log", line("x"))
    command = f'"{sys.executable}" -m chainner_logger report --folder "{logs}" --output "{tmp_path}/r.zip" 2>&-'
    for text, status in ("The report is in", 0), ("It is overwritten with --force only", 1):
        ran = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True)
        assert text in ran.stdout and ran.returncode == status


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the stream")
def test_show_says_that_stdout_is_closed(logs):
    write_log(logs / "worker.log", line("x"))
    command = f'"{sys.executable}" -m chainner_logger show --folder "{logs}" >&-'
    ran = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    assert ran.stderr == "chainner_logger: stdout: Bad file descriptor.\n" and ran.returncode == 1


def test_it_takes_what_is_no_text_as_it_is(logs, output):
    garbage = random.Random(1).randbytes(100_000) + b"\n" + line("x").encode() + b"\xff\xfe \x00 \xed\xa0\x80\n"
    (logs / "worker.log").write_bytes(garbage)
    (logs / "host.log").write_bytes(b"")
    report(output, logs, redact=False)
    with zipfile.ZipFile(output) as opened:
        assert opened.read("logs/worker.log") == garbage


NOISE = random.Random(1)


def noise(second):
    return line(NOISE.randbytes(500).hex(), second)


def test_a_log_that_an_editor_has_saved_in_another_encoding_is_redacted(logs, output):
    (logs / "worker.log").write_bytes(line("password=hunter22").encode("utf-16"))
    report(output, logs)
    assert contents(output)["logs/worker.log"] == line("password=<secret>")


def test_the_newest_records_come_first_if_it_would_be_too_large(logs, output):
    records = [noise(number) for number in range(2000)]
    for age in range(4):
        end = len(records) - age * 500
        write_log(logs / f"worker{'.' + str(age) if age else ''}.log", "".join(records[end - 500 : end]))
    write_log(
        logs / "worker.crash.txt",
        "2025-10-19 05:00:00 [1] started; if it crashes, this follows:\nFatal Python error: x\n",
    )
    made = report(output, logs, limit=700_000)
    assert 350_000 < output.stat().st_size <= 700_000
    found = contents(output)
    kept = "".join(found.get(f"logs/worker{age}.log", "") for age in (".3", ".2", ".1", ""))
    assert "".join(records).endswith(kept) and kept.startswith("2025-") and found["logs/worker.log"]
    assert "logs/worker.crash.txt" in found and "logs/worker.3.log" not in found
    assert "all " in made.left_out["worker.3.log"]
    assert "worker.3.log: all " in found["summary.txt"]


@pytest.mark.parametrize("most", ["_MOST_TEXT", "_MOST_OF_A_FILE"])
def test_a_page_takes_so_much_text_and_no_more(logs, output, monkeypatch, most):
    monkeypatch.setattr(archive, most, 100_000)
    write_log(logs / "worker.log", "".join(line(f"{number} {'x' * 80}", number) for number in range(2000)))
    report(output, logs)
    kept = contents(output)["logs/worker.log"]
    assert 90_000 < len(kept) <= 100_000 and kept.startswith("2025-") and " 1999 xxx" in kept


def test_an_output_that_exists_is_overwritten_only_if_wanted(logs, output):
    write_log(logs / "worker.log", line("x"))
    output.write_text("precious")
    with pytest.raises(FileExistsError):
        report(output, logs)
    assert output.read_text() == "precious"
    report(output, logs, force=True)
    assert contents(output)["logs/worker.log"] == line("x")
    assert files_of(output.parent) == ["logs", "report.zip"]


def test_an_output_that_appears_meanwhile_is_not_overwritten(logs, output):
    write_log(logs / "worker.log", line("x"))
    with pytest.raises(FileExistsError):
        report(output, logs, progress=lambda _: output.write_text("precious"))
    assert output.read_text() == "precious" and files_of(output.parent) == ["logs", "report.zip"]


@pytest.mark.parametrize("appears", [False, True], ids=["alone", "beside one that appears meanwhile"])
def test_it_is_written_where_a_file_can_have_one_name_only(logs, output, monkeypatch, appears):
    def link(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    write_log(logs / "worker.log", line("x"))
    if appears:
        with pytest.raises(FileExistsError):
            report(output, logs, progress=lambda _: output.write_text("precious"))
        assert output.read_text() == "precious"
    else:
        report(output, logs)
        assert contents(output)["logs/worker.log"] == line("x")
    assert files_of(output.parent) == ["logs", "report.zip"]


@needs_root
def test_a_full_disk_leaves_no_half_zip(logs, tmp_path):
    write_log(logs / "worker.log", "".join(noise(number) for number in range(300)))
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mount is not allowed here")
    try:
        with pytest.raises(OSError, match=f"No space left on device: '{disk}/report.zip'"):
            report(disk / "report.zip", logs)
        assert files_of(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_no_logs_are_an_error(tmp_path, output):
    with pytest.raises(archive.NoLogsError, match="no logs"):
        report(output, tmp_path)
    with pytest.raises(FileNotFoundError):
        report(output, tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError if is_windows else NotADirectoryError):  # Wine has an error of its own for it
        report(output, tmp_path / "file")
    assert not output.exists()


@needs_root
def test_what_may_not_be_read_is_named_and_the_rest_is_there(logs, tmp_path, monkeypatch):
    write_log(logs / "worker.log", line("x"))
    write_log(logs / "host.log", line("secret"))
    (logs / "host.log").chmod(0)
    output = tmp_path / "of_everybody"
    output.mkdir()
    output.chmod(0o777)
    for folder in [logs, tmp_path, *list(tmp_path.parents)[:2]]:
        folder.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    os.seteuid(65534)
    try:
        made = report(output / "1.zip", logs)
        os.seteuid(0)
        logs.chmod(0o700)
        os.seteuid(65534)
        with pytest.raises(PermissionError, match=f"Permission denied: '{logs}'"):
            report(output / "2.zip", logs)
    finally:
        os.seteuid(0)
    assert made.problems == {"host.log": "Permission denied"}
    found = contents(output / "1.zip")
    assert "logs/worker.log" in found and "host.log: Permission denied" in found["summary.txt"]


def test_a_file_that_vanishes_meanwhile_does_no_harm(logs, output, monkeypatch):
    write_log(logs / "worker.log", line("x"))
    write_log(logs / "host.log", line("y"))
    listed = archive.folders.listing

    def list_and_remove(folder):
        names = listed(folder)
        (logs / "host.log").unlink(missing_ok=True)
        return names

    monkeypatch.setattr(archive.folders, "listing", list_and_remove)
    report(output, logs)
    assert set(contents(output)) == {"summary.txt", "logs.html", "logs/worker.log"}


def test_progress_goes_from_nothing_to_all(logs, output):
    write_log(logs / "worker.log", "".join(line(str(number), number % 3000) for number in range(20_000)))
    told = []
    report(output, logs, progress=told.append)
    assert told == sorted(told) and told[-1] == 1 and min(told) >= 0 and len(told) > 5


WRITER = """
    import sys, time
    from chainner_logger import setup_logger
    logger = setup_logger(sys.argv[1])
    number = 0
    with open(sys.argv[2], "r+b", 0) as counter:
        while number < 1500:  # no more than the folder keeps, however long a report takes
            number += 1
            logger.info("record %d\\n%s\\nend %d", number, "\\n".join(["words " * 1500] * 3), number)
            counter.seek(0)
            counter.write(number.to_bytes(8, "little"))
            time.sleep(0.003)
"""


def test_while_both_processes_log_and_rotate_no_record_is_missing_twice_or_torn(programs):
    counters = {role: programs.folder / f"counter of {role}" for role in ("host", "worker")}
    for role, counter in counters.items():
        counter.write_bytes(bytes(8))
        programs.start(WRITER, role, counter)
    written = lambda role: struct.unpack("<Q", counters[role].read_bytes())[0]  # noqa: E731
    assert wait_until(lambda: all((programs.logs / f"{role}.1.log").exists() for role in counters))
    for number in range(2):
        before = {role: written(role) for role in counters}
        made = report(programs.folder / f"{number}.zip", programs.logs)
        assert not made.problems and not made.left_out
        found = contents(made.path)
        for role, count in before.items():
            names = [f"logs/{role}.{age}.log" for age in range(9, 0, -1)] + [f"logs/{role}.log"]
            records = [each.text for each in parse_log("".join(found.get(name, "") for name in names))]
            numbers = [int(text.split()[1]) for text in records if text.startswith("record ")]
            assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= count
            assert all(len(text) > 27_000 and text.endswith(f"end {n}") for n, text in zip(numbers, records[1:]))


def test_it_is_exported_and_says_what_it_takes():
    assert chainner_logger.report is report and "report" in chainner_logger.__all__
    assert "redact" in (report.__doc__ or "")
