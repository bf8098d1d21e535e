#!/usr/bin/env python3
"""report_pictures.py PACKAGE: draws doc/report.png and doc/report-dark.png: the page of a report about the example
backend, whose worker crashes. PACKAGE is the folder with chainner_logger. Needs (Debian): chromium chromium-driver
pngquant."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python" / "tests"))

from browser import Browser  # noqa: E402


def main() -> None:
    package = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / "home" / "me"
        shutil.copytree(ROOT / "examples" / "python", home / "backend")
        logs = home / "logs"
        environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(package), "CHAINNER_LOG_DIR": str(logs)}
        environment["CHAINNER_LOG_LEVEL"] = "debug"
        subprocess.run(
            [sys.executable, home / "backend" / "frontend.py", "60"],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        command = [sys.executable, "-m", "chainner_logger", "report", "--output", home / "report.zip"]
        subprocess.run(command, env=environment, check=True)
        shutil.unpack_archive(home / "report.zip", home / "report")
        with Browser(1280, 1000) as browser:
            browser.open(home / "report" / "logs.html")
            for name, is_dark in ("report.png", False), ("report-dark.png", True):
                browser.be_dark(is_dark)
                browser.run("drawChart(); drawRows()")
                browser.picture(home / name)
                output = ROOT / "doc" / name
                subprocess.run(["pngquant", "--force", "--output", output, "64", home / name], check=True)


main()
