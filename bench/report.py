#!/usr/bin/env python3
"""report.py PACKAGE [RECORDS]: what a report costs, and how fast its page is. PACKAGE is the folder with chainner_logger.

Writes logs of a host and a worker with 600,000 records in all (or RECORDS), makes a report of them, opens its page in
Chromium, and filters it; grep searches the same logs. Shown are medians of five."""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python" / "tests"))
sys.path.insert(0, sys.argv[1])

from browser import Browser  # noqa: E402
from chainner_logger._report import archive, grammar, redaction  # noqa: E402

ROUNDS = 5
FILE_SIZE = 10 * 1024 * 1024
MESSAGES = [
    ("INFO", "Upscaled /home/ann/pictures/cat-{}.png in 0.8 s with model 4x_ESRGAN.pth"),
    ("DEBUG", "Reading picture-{}.png from the cache: 1920 x 1080, 3 channels, float32"),
    ("DEBUG", '"GET /upscale/picture-{}.png HTTP/1.1" 200 - from 127.0.0.1'),
    ("INFO", "Request {} took 12 ms, node upscale image with tiles 512 and overlap 16 pixels"),
    ("DEBUG", "Cache hit for node {}, 12 of 40 entries kept, 3.2 MiB of memory freed"),
]
ERROR = 'Request failed: /upscale/{}\n\tTraceback (most recent call last):\n\t  File "/home/ann/x.py"\n\tValueError: no image'


def write_logs(folder: Path, records: int) -> None:
    chance = random.Random(1)
    for role, pid in ("host", 1234), ("worker", 1300):
        lines, time_ = [], 1_760_846_000_000
        for number in range(records // 2):
            time_ += chance.randint(0, 40)
            level, message = ("ERROR", ERROR) if chance.random() < 0.0005 else chance.choice(MESSAGES)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ // 1000)) + f".{time_ % 1000:03}"
            lines.append(f"{stamp} [{pid}] [{level}] {message.format(number)}\n")
        text = "".join(lines)
        files = [text[begin : begin + FILE_SIZE] for begin in range(0, len(text), FILE_SIZE)]
        for age, part in enumerate(reversed(files)):
            (folder / f"{role}{f'.{age}' if age else ''}.log").write_text(part)


def median(measure) -> float:
    return statistics.median(measure() for _ in range(ROUNDS))


def seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    records = int(sys.argv[2]) if len(sys.argv) > 2 else 600_000
    with tempfile.TemporaryDirectory() as temporary:
        logs = Path(temporary, "logs")
        logs.mkdir()
        write_logs(logs, records)
        files = sorted(logs.iterdir())
        texts = [path.read_text() for path in files]
        megabytes = sum(map(len, texts)) / 1e6
        print(f"{records:,} records, {megabytes:.1f} MB in {len(files)} files")

        redactor = redaction.Redactor(["/home/ann"], ["ann"], ["anns-laptop"])
        print(f"redacting          {seconds(lambda: [redactor(text) for text in texts]):8.2f} s")
        print(f"parsing            {seconds(lambda: [sum(1 for _ in grammar.parse(text)) for text in texts]):8.2f} s")
        began = time.perf_counter()
        made = archive.make(Path(temporary, "report.zip"), logs, True, 25_000_000, False, None)
        print(
            f"the whole report   {time.perf_counter() - began:8.2f} s, {made.size / 1e6:.1f} MB, the page {len(made.page) / 1e6:.1f} MB"
        )
        page = Path(temporary, "logs.html")
        page.write_bytes(made.page)

        with Browser() as browser:
            of_page = "return Number(document.documentElement.dataset[arguments[0]])"

            computing = []

            def open_page() -> float:
                browser.devtools("Performance.disable")
                browser.devtools("Performance.enable", timeDomain="threadTicks")
                browser.open(page)
                metrics = {
                    each["name"]: each["value"] for each in browser.devtools("Performance.getMetrics")["metrics"]
                }
                computing.append(1000 * metrics["TaskDuration"])
                return browser.run(of_page, "openMilliseconds")

            opening = median(open_page)
            print(f"opening the page   {opening:8.0f} ms, {statistics.median(computing):.0f} ms of a processor's time")
            browser.wait_for("return document.documentElement.dataset.state === 'prepared'")

            def search(text: str, is_regular: bool) -> float:
                browser.run(
                    "state.q = ''; filter(); state.q = arguments[0]; state.regex = arguments[1]; filter()",
                    text,
                    is_regular,
                )
                return browser.run(of_page, "filterMilliseconds")

            for what, text, is_regular in [
                ("a rare text", "cat-1234", False),
                ("a frequent text", "upscale", False),
                ("a text not there", "no such thing", False),
                ("an expression", r"cat-\d+7\.png", True),
                ("a wide expression", r"(upscaled|failed).*(png|\d{5})", True),
            ]:
                ours = median(lambda: search(text, is_regular))
                found = browser.run("return visible.length")
                grep = ["grep", "-P" if is_regular else "-F", "-i", "-c", "-h", "--", text, *files]
                plain = {**os.environ, "LC_ALL": "C.UTF-8"}
                theirs = 1000 * median(lambda: seconds(lambda: subprocess.run(grep, stdout=subprocess.PIPE, env=plain)))
                print(
                    f"{what:<18} {ours:8.0f} ms, grep {theirs:.0f} ms: {ours / theirs:.1f} of its time ({found:,} records)"
                )
            browser.run("state.q = ''; filter()")
            ours = median(lambda: browser.run("state.levels = [4]; filter();" + of_page, "filterMilliseconds"))
            print(f"errors only        {ours:8.0f} ms")


main()
