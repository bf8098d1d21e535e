"""python -m chainner_logger: where the logs are; a report of them to send; the logs in this terminal."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from ._report import archive, folder, report, terminal
from ._report.follow import follow
from ._report.grammar import LEVELS, milliseconds
from ._report.story import Entry, Log, Story, legible
from ._report.summary import byte_count

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def main(arguments: Optional[list[str]] = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    options.folder = getattr(options, "named_folder", None) or getattr(options, "folder", None)
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever the code page is, a path can be said
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would complain at its end
        return 1
    except FileNotFoundError as error:
        return _fail(error, _about_folder(options))
    except FileExistsError as error:
        return _fail(error, "It is overwritten with --force only; --output names another file.")
    except archive.OutputError as error:
        return _fail(error, "Nothing was written. Another place can be named by --output.")
    except OSError as error:
        return _fail(error, "")


def _fail(error: OSError, advice: str) -> int:
    name = f"{error.filename}: " if error.filename else ""
    _warn(f"{name}{error.strerror or error}. {advice}".rstrip())
    return 1


def _about_folder(options: argparse.Namespace) -> str:
    advice = f"Another folder can be named: {_command()} {f'{options.command} FOLDER' if options.command else '--folder DIR'}"
    if options.folder:
        return advice
    for path, reason, problem in archive.log_directories():
        if not problem:
            return f"A program that is started as this one would log to {path} (because of: {reason}). {advice}"
    return advice


def _command() -> str:
    return "chainner-logger" if Path(sys.argv[0]).stem == "chainner-logger" else "python -m chainner_logger"


def _warn(text: str) -> None:
    print(f"chainner_logger: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    description = "Tells where the logs are, and why there."
    parser = argparse.ArgumentParser(_command(), description=description)
    parser.add_argument("--folder", metavar="DIR", help=_FOLDER)
    parser.set_defaults(run=_where)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")

    making = commands.add_parser("report", help="make a zip of all logs, to look at and to send", description=_REPORT)
    option = making.add_argument
    option("named_folder", metavar="FOLDER", nargs="?", help=_FOLDER)
    option("--folder", metavar="DIR", default=argparse.SUPPRESS, help="the same as FOLDER")
    option("--output", metavar="FILE", help="the zip, or the folder for it (here: chaiNNer-logs-<date>-<time>.zip)")
    option("--open", action="store_true", help="show the page in the browser")
    option("--no-redaction", action="store_true", help="leave names, paths, addresses and secrets in it")
    option("--limit", metavar="MB", type=_megabytes, default=25.0, help="its size at most (25); the oldest is left out")
    option("--force", action="store_true", help="overwrite an output that exists")
    making.set_defaults(run=_make_report)

    showing = commands.add_parser("show", help="show the records of all logs by time", description=_SHOW)
    option = showing.add_argument
    option("named_folder", metavar="FOLDER", nargs="?", help=_FOLDER)
    option("--folder", metavar="DIR", default=argparse.SUPPRESS, help="the same as FOLDER")
    option("--follow", action="store_true", help="go on with what is written from now on, until Ctrl-C")
    option("--level", metavar="LEVEL", type=_level, default=0, help=_LEVEL)
    option("--role", choices=folder.ROLES, action="append", help="this one only; may be given several times")
    option("--since", metavar="TIME", type=_since, default=0, help=_SINCE)
    showing.set_defaults(run=_show)
    return parser


_REPORT = """Writes all logs to one zip, with a summary and a page that shows them in any browser. What tells who you
are is replaced: home folder, user and host name, e-mail addresses, credentials. The logs themselves stay as they are."""
_SHOW = "Shows the records of all processes in the order of their times."
_LEVEL = f"this and worse: {', '.join(LEVELS)}; a traceback that was printed counts as ERROR"
_SINCE = """from then on: 10m, 2h, 3d ago (before the last record of a report), or 05:52, or "2025-10-19 05:52\""""
_FOLDER = "where the logs are, if not where this program writes them"


# Where the logs are


def _where(options: argparse.Namespace) -> int:
    chosen = None
    passed_over = []
    if options.folder:
        os.listdir(options.folder)  # or what is wrong with it
        chosen = Path(options.folder), "--folder"
    for path, reason, problem in () if chosen else archive.log_directories():
        if not problem:
            chosen = path, reason
            break
        passed_over.append(f"{path} ({reason}): {problem}")

    if chosen is None:
        print("No folder can be used, so there is only the console.")
    else:
        print(f"Logs are in {chosen[0]}")
        print(f"because of: {chosen[1]}")
    for each in passed_over:
        print(f"passed over: {each}")
    if chosen is None:
        return 1

    files = _files(chosen[0])
    print()
    for changed, size, name in files:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(changed))
        print(f"  {byte_count(size):>9}  {when}  {name}")
    quoted = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    named = f" {quoted([options.folder])}" if options.folder else ""
    print(f"\nTo send them: {_command()} report{named}" if files else "  no files yet")
    return 0


def _files(path: Path) -> list[tuple[float, int, str]]:
    """Newest first."""
    found = []
    for each in path.glob("*"):
        try:
            status = each.stat()
        except OSError:
            continue  # rotated meanwhile
        if each.is_file():
            found.append((status.st_mtime, status.st_size, each.name))
    return sorted(found, reverse=True)


# A report


def _make_report(options: argparse.Namespace) -> int:
    with terminal.progress_bar("Making the report") as progress:
        made = report(
            options.output,
            options.folder,
            redact=not options.no_redaction,
            limit=int(options.limit * 1_000_000),
            force=options.force,
            progress=progress,
        )
    print(f"The report is in {made.path.absolute()} ({byte_count(made.size)})")
    if made.reason:
        print(f"Its logs are those in {made.origin}")
    print("It holds:")
    for name in made.files:
        print(f"  {name}")
    if made.replaced is None:
        print("Nothing was replaced in it.")
    else:
        replaced = ", ".join(f"{count:,} x <{kind}>" for kind, count in made.replaced.items())
        print(f"Replaced: {replaced or 'nothing was found to replace'}")
        print("Have a look at logs.html in it before you send it: no program knows all that is private.")
    for name, what in made.left_out.items():
        print(f"Left out, for its size: {what} of {name}")
    if options.open:
        _open(made.page)
    for name, why in made.problems.items():
        _warn(f"{name} could not be read: {why}")
    return 1 if made.problems else 0


def _open(page: bytes) -> None:
    # Not named chaiNNer-...: the frontend deletes such folders.
    path = Path(tempfile.mkdtemp(prefix="chaiNNer_report_"), "logs.html")
    path.write_bytes(page)
    if not webbrowser.open(path.as_uri()):
        print(f"No browser can be started. The page is {path}")


def _megabytes(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is no size: it must be from 0.1 to 10000 MB")
    return value


# In the terminal


def _show(options: argparse.Namespace) -> int:
    path, reason = (Path(options.folder), "") if options.folder else archive.default_folder()
    colour = terminal.is_coloured(sys.stdout)
    with folder.snapshot(path, may_be_missing=options.follow) as taken:
        if not taken.files and not taken.problems and not options.follow:
            raise archive.NoLogsError(2, "There are no logs in this folder", str(path))
        if reason:
            _warn(f"these are the logs in {path} (because of: {reason})")
        for name, why in taken.problems.items():
            _warn(f"{name} could not be read: {why}")
        logs = []
        positions = {}
        for file in taken.files:
            data, begin = folder.content(file, 1 << 62)
            positions[file.identity] = begin + len(data)
            logs.append(Log(file.name, legible(data)))
        story = Story(logs)
        del logs
        choice = _Choice(options)
        if choice.since < 0:
            choice.since += max((each.time for each in story), default=0) if taken.is_report else int(time.time() * 1000)
        output = terminal.lines(choice.of(story), story.zones, colour)
        terminal.show(output, use_pager=not options.follow)
        if not choice.shown and not options.follow and taken.files:
            _warn(choice.about_nothing())
        if options.follow:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(line_buffering=True)  # whoever reads a pipe does not want to wait for more
            portions = follow(path, taken, positions, story.zones, _warn)
            entries = (entry for portion in portions for entry in choice.of(portion))
            terminal.write(terminal.lines(entries, story.zones, colour))
    return 1 if taken.problems else 0


class _Choice:
    """What is shown of a story, and what there was."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.since = options.since
        self.shown = 0
        self._roles, self._level = options.role, options.level
        self._seen = 0
        self._newest: Optional[int] = None  # but for its time, it would be shown

    def of(self, story: Story) -> Iterator[Entry]:
        for entry in story:
            self._seen += 1
            if self._roles and entry.name.role not in self._roles:
                continue
            if terminal.level_number(entry.record.level) < self._level:
                continue
            self._newest = max(self._newest or 0, entry.time)
            if entry.time >= self.since:
                self.shown += 1
                yield entry

    def about_nothing(self) -> str:
        if self._newest is None:
            return f"none of the {self._seen:,} records is of this level and role"
        newest = _local(self._newest)
        return f"no records since {_local(self.since)}; the newest is of {newest} (--since {newest[:-3].replace(' ', 'T')})"


def _local(moment: int) -> str:
    """As --since takes it."""
    local = time.localtime(moment / 1000)
    return time.strftime("%H:%M:%S" if local[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M:%S", local)


def _level(text: str) -> int:
    name = {"WARN": "WARNING", "ERR": "ERROR"}.get(text.upper(), text.upper())
    if name not in LEVELS:
        meant = "".join(f" (did you mean {each}?)" for each in difflib.get_close_matches(name, LEVELS, 1))
        raise argparse.ArgumentTypeError(f"{text} is no level{meant}: it must be one of {', '.join(LEVELS)}")
    return LEVELS.index(name)


def _since(text: str) -> int:
    """Milliseconds since 1970; less than 0: an age."""
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago:
        return -int(ago[1]) * _SECONDS[ago[2]] * 1000
    found = re.fullmatch(r"(?:(\d{4}-\d\d-\d\d)[ T]?)?(?:(\d\d?:\d\d)(:\d\d)?)?", text) if text else None
    day, minute, second = found.groups() if found else (None, None, None)
    stamp = f"{day or time.strftime('%Y-%m-%d')} {minute or '00:00'}{second or ':00'}"
    local = milliseconds(stamp) if found else None
    if local is None:
        raise argparse.ArgumentTypeError(f"{text} is no time: it may be 10m, 2h, 3d, 05:52 or 2025-10-19 05:52")
    return int(time.mktime((*time.gmtime(local / 1000)[:8], -1)) * 1000)


if __name__ == "__main__":
    sys.exit(main())
