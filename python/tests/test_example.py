"""The example backend runs as chaiNNer's does: host starts worker, both log, and the parent never reads."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import read_role

examples = Path(__file__).parents[2] / "examples" / "python"


@pytest.mark.skipif(sys.platform == "win32", reason="the example ends its processes by a signal")
def test_the_backend_logs_its_work_its_errors_and_a_crash(programs):
    programs.environment["CHAINNER_LOG_LEVEL"] = "debug"  # more than the pipes hold
    shown = subprocess.run(
        [sys.executable, examples / "frontend.py", "800"],
        env=programs.environment,
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    upscaled = [f"Upscaled picture-{number}.png" for number in range(800)] + ["Upscaled the-last.png"]
    worker = programs.texts("worker")
    assert [each for each in worker if each.startswith("Upscaled ")] == upscaled
    failed = next(each for each in worker if each.startswith("Request failed: /upscale/notes.txt\nTraceback "))
    assert failed.endswith("ValueError: notes.txt is no image")
    assert len({each.pid for each in read_role(programs.logs, "worker")}) == 2

    host = programs.records("host")
    (end,) = [each for each in host if "ended" in each.text]
    assert end.level == "ERROR" and "killed by SIGSEGV" in end.text
    assert len([each for each in host if each.text.startswith("Passing on /upscale/picture-")]) == 800
    assert "Segmentation fault" in (programs.logs / "worker.crash.txt").read_text()
    assert "host.log, the last of its" in shown.stdout
