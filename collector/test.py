#!/usr/bin/env python3
"""test.py COLLECTOR WRITER: whether each record of our files arrives whole, with otelcol.yaml as it stands.

A host and a worker write records of all kinds, with many rotations. Under that load the collector is killed (-9) again
and again, ended once, and loses its destination for a while. Then what has arrived is compared with what is in the
files, as this program reads them. Duplicates are no fault: what was on its way at a kill is sent again.

COLLECTOR: the program that is built from builder.yaml. WRITER: log_all_kinds of the tests.

As root, the collector runs as another user, who may read the logs by their group alone.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Optional

HOST_NAME = "farm-7"
WRITERS_ZONE, COLLECTORS_ZONE = "America/St_Johns", "Asia/Kathmandu"  # offsets that are no whole hours, and differ
ROLES = ("host", "worker")
SEVERITIES = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
PATIENCE = 180  # seconds
OUTAGE = 3  # seconds


class Record(NamedTuple):
    role: str
    log: str  # worker, worker-2 ...
    pid: int
    level: int  # as OpenTelemetry counts
    time: int  # milliseconds since 1970
    text: str
    instance: str  # of what service, on what host
    created: str  # the process, if the record says it
    offset: int  # of its first byte in its file


# What is in the files

_RECORD = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) \[(\d+)\] \[([A-Z]+)\] (.*?)\n(?=\d{4}-|\Z)", re.DOTALL
)

_ORIGIN = re.compile(r"(?:Continues an older file\. )?Role: \w+, process: \d+, started: (\S+) (\S+), ")


def records_of(path: Path) -> Iterator[Record]:
    log = path.name.partition(".")[0]
    text = path.read_text(encoding="utf-8")
    position = offset = 0
    for found in _RECORD.finditer(text):
        assert found.start() == position, f"no record in {path}: {text[position : found.start()]!r}"
        position = found.end()
        stamp = datetime.datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f%z")
        milliseconds = round(stamp.timestamp() * 1000)
        message = found[4].replace("\n\t", "\n")
        instance = f"chaiNNer {HOST_NAME} {HOST_NAME}/{log}/{found[2]}"
        origin = _ORIGIN.match(message)
        created = f"{origin[1]}T{origin[2]}" if origin else ""
        level = SEVERITIES[found[3]]
        yield Record(log.partition("-")[0], log, int(found[2]), level, milliseconds, message, instance, created, offset)
        offset += len(found[0].encode())
    assert position == len(text), f"no record at the end of {path}: {text[position:]!r}"


# The destination


class Sink:
    """Takes what an exporter sends by OTLP over HTTP, as JSON."""

    def __init__(self) -> None:
        self._arrived: collections.Counter[Record] = collections.Counter()
        self._lock = threading.Lock()
        self._is_away = False
        self._server: Optional[ThreadingHTTPServer] = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        sink = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, address: Any) -> None:
                if not isinstance(sys.exc_info()[1], ConnectionError):  # as after a kill
                    super().handle_error(request, address)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = self.rfile.read(size)
                if sink._is_away or len(body) < size:
                    self.close_connection = True  # as if this had died, or as who sent it has: no answer
                    return
                sink._take(json.loads(body))
                answer = b"{}"
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._is_away = False
        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._is_away = True
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def _take(self, request: dict[str, Any]) -> None:
        records = list(_records(request))
        with self._lock:
            self._arrived.update(records)

    def progress(self) -> int:
        """How many records have arrived, without duplicates."""
        return len(self._arrived)

    def arrived(self) -> collections.Counter[Record]:
        with self._lock:
            return self._arrived.copy()


def _records(request: dict[str, Any]) -> Iterator[Record]:
    for of_resource in request["resourceLogs"]:
        resource = _attributes(of_resource["resource"])
        for of_scope in of_resource["scopeLogs"]:
            for each in of_scope["logRecords"]:
                yield _record(resource, each)


def _record(resource: dict[str, Any], each: dict[str, Any]) -> Record:
    """Of what has arrived torn, some of this may be missing."""
    attributes = _attributes(each)
    log = str(attributes.get("log.file.name")).partition(".")[0]
    role = str(resource.get("service.name")).partition("chainner-")[2]
    instance = " ".join(str(resource.get(name)) for name in ("service.namespace", "host.name", "service.instance.id"))
    milliseconds = int(each.get("timeUnixNano", 0)) // 1_000_000
    level = each.get("severityNumber", 0)
    created = attributes.get("process.creation.time", "")
    text = each["body"]["stringValue"]
    offset = attributes.get("log.file.record_offset", -1)
    return Record(role, log, resource.get("process.pid", 0), level, milliseconds, text, instance, created, offset)


def _attributes(of: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for each in of.get("attributes", []):
        ((kind, value),) = each["value"].items()
        found[each["key"]] = int(value) if kind == "intValue" else value
    return found


# The collector


class Collector:
    """In a folder that has all that it needs: whoever runs it may have no access to this repository."""

    def __init__(self, program: Path, folder: Path, environment: dict[str, str], user: Optional[str]) -> None:
        copy = shutil.copy(program, folder)
        config = shutil.copy(Path(__file__).with_name("otelcol.yaml"), folder)
        self._command = [
            copy,
            "--feature-gates=stanza.synchronousLogEmitter",
            f"--config={config}",
            # What arrives is to be read here.
            "--config=yaml:exporters::otlp_http::encoding: json",
            "--config=yaml:exporters::otlp_http::compression: none",
        ]
        self._options: dict[str, Any] = {"env": environment, "cwd": folder}
        if user:
            self._options.update(user=user, group=group_of(user), extra_groups=[])
        self.output = folder / "collector.txt"
        self.start()

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(self._command, stdout=output, stderr=output, **self._options)

    def stop(self, signal_number: int) -> None:
        assert self.process.poll() is None, f"the collector has ended by itself, see {self.output}"
        self.process.send_signal(signal_number)
        self.process.wait(timeout=PATIENCE)


def group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {PATIENCE} s in vain for {what}")
        time.sleep(0.02)


# The comparison


class Verdict(NamedTuple):
    lost: list[Record]
    wrong: dict[str, list[tuple[Record, Record]]]  # by field: what arrived, and what is in the file
    strange: list[Record]  # arrived, and of no record of the files
    duplicates: int


def compare(written: collections.Counter[Record], arrived: collections.Counter[Record]) -> Verdict:
    lost = [record for record, times in written.items() if arrived[record] < times]
    duplicates = sum(max(0, times - written[record]) for record, times in arrived.items() if record in written)
    by_number = {(record.role, _name(record)): record for record in written}
    wrong: dict[str, list[tuple[Record, Record]]] = collections.defaultdict(list)
    strange = []
    for record in arrived:
        if record in written:
            continue
        meant = by_number.get((record.role, _name(record))) or by_number.get((_other(record.role), _name(record)))
        if meant is None:
            strange.append(record)
            continue
        for field in Record._fields:
            if getattr(record, field) != getattr(meant, field):
                wrong["torn" if field == "text" else field].append((record, meant))
    return Verdict(lost, wrong, strange, duplicates)


def _name(record: Record) -> str:
    found = re.match(r"\s*(record \d+)\b", record.text)
    return found[1] if found else record.text


def _other(role: str) -> str:
    return ROLES[1 - ROLES.index(role)] if role in ROLES else role


def shortened(record: Record) -> str:
    return repr(record._replace(text=record.text[:100]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collector", type=Path)
    parser.add_argument("writer", type=Path)
    parser.add_argument("--records", type=int, default=50_000, help="of each writer (50000)")
    parser.add_argument("--rate", type=int, default=2_000, help="records of each writer in a second (2000)")
    parser.add_argument("--size", type=int, default=200_000, help="bytes of a log file (200000)")
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="chaiNNer_collector_"))
    status = run(options, folder)
    if status == 0:
        shutil.rmtree(folder)
    else:
        print(f"Logs, state and output of the collector are in {folder}")
    return status


def run(options: argparse.Namespace, folder: Path) -> int:
    user = "nobody" if os.geteuid() == 0 else None
    logs, state = folder / "logs", folder / "state"
    logs.mkdir()
    state.mkdir()
    if user:
        # As README.md has it: the folder has the group of the reader, and hands it on to the files in it.
        folder.chmod(0o755)
        shutil.chown(logs, group=group_of(user))
        logs.chmod(0o2750)
        shutil.chown(state, user)

    sink = Sink()
    environment = {
        "CHAINNER_LOG_DIR": str(logs),
        "STATE_DIRECTORY": str(state),
        "HOSTNAME": HOST_NAME,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}",
        "TZ": COLLECTORS_ZONE,
    }
    of_writers = {"TZ": WRITERS_ZONE, "CHAINNER_LOG_UTC_OFFSET": "1"}
    if user:
        of_writers["CHAINNER_LOG_GROUP_READABLE"] = "1"
    numbers = [str(each) for each in (options.records, options.rate, options.size)]
    with contextlib.ExitStack() as at_end:
        collector = Collector(options.collector, folder, environment, user)
        at_end.callback(lambda: collector.process.kill())
        writers = []
        for role in ROLES:
            command = [str(options.writer.absolute()), role, str(logs), *numbers]
            writers.append(subprocess.Popen(command, env={**os.environ, **of_writers}))
            at_end.callback(writers[-1].kill)
        harm(sink, collector, len(ROLES) * options.records)
        for writer in writers:
            assert writer.wait(timeout=PATIENCE) == 0, "a writer has failed"
        files = sorted(logs.iterdir())
        written = collections.Counter(record for path in files for record in records_of(path))
        arrived = settled(sink, written)
        collector.stop(signal.SIGTERM)
    for role in ROLES:
        found = {_name(each) for each in written if each.role == role}
        assert all(f"record {number}" in found for number in range(1, options.records + 1)), "the files are not whole"
    return tell(compare(written, arrived), sum(written.values()), len(files) - len(ROLES))


def harm(sink: Sink, collector: Collector, total: int) -> None:
    """What goes wrong while the records come in."""
    for percent in range(10, 100, 10):
        wait_for(lambda: sink.progress() >= total * percent // 100, f"{percent} % of the records")
        if percent == 50:
            print(f"{percent} %: the destination is away for {OUTAGE} s, the collector is killed meanwhile", flush=True)
            sink.stop()
            time.sleep(OUTAGE / 2)
            collector.stop(signal.SIGKILL)
            collector.start()
            time.sleep(OUTAGE / 2)
            sink.start()
            continue
        print(f"{percent} %: the collector is {'ended' if percent == 70 else 'killed'}", flush=True)
        collector.stop(signal.SIGTERM if percent == 70 else signal.SIGKILL)
        collector.start()


def settled(sink: Sink, written: collections.Counter[Record]) -> collections.Counter[Record]:
    """What has arrived once all has, or once nothing new has come for so long that nothing more will."""
    longest_pause = 60  # seconds; twice what an exporter waits at most before it tries again
    count, since = -1, time.monotonic()
    while True:
        arrived = sink.arrived()
        if all(arrived[each] >= times for each, times in written.items()):
            return arrived
        if len(arrived) > count:
            count, since = len(arrived), time.monotonic()
        if time.monotonic() - since > longest_pause:
            return arrived
        time.sleep(1)


def tell(verdict: Verdict, total: int, rotations: int) -> int:
    print(f"{total:,} records, {rotations} rotations")
    faults = {"lost": len(verdict.lost), "torn": len(verdict.wrong["torn"]), "strange": len(verdict.strange)}
    for field in Record._fields:
        if field == "text":
            continue
        faults[f"wrong {field}"] = len(verdict.wrong[field])
    print(", ".join(f"{count:,} {what}" for what, count in faults.items()))
    print(f"{verdict.duplicates:,} duplicates")
    for record in verdict.lost[:5]:
        print(f"lost: {shortened(record)}")
    for field, pairs in verdict.wrong.items():
        for record, meant in pairs[:5]:
            print(f"{field}: {shortened(record)} instead of {shortened(meant)}")
    for record in verdict.strange[:5]:
        print(f"strange: {shortened(record)}")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
