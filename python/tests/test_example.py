"""The example backend runs as chaiNNer's does: host starts worker, both log, and the parent never reads."""

import subprocess
import sys
from pathlib import Path

from conftest import is_windows, read_role, texts, wait_until

examples = Path(__file__).parents[2] / "examples" / "python"


def test_the_backend_logs_its_work_its_errors_and_a_crash(programs):
    logs = programs.folder / "Ünïcödé 名前"
    # More than the pipes hold.
    programs.environment.update(CHAINNER_LOG_DIR=str(logs), CHAINNER_LOG_LEVEL="debug", PYTHONIOENCODING="utf-8")
    shown = subprocess.run(
        [sys.executable, examples / "frontend.py", "800"],
        env=programs.environment,
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    upscaled = [f"Upscaled picture-{number}.png" for number in range(800)] + ["Upscaled the-last.png"]
    worker = read_role(logs, "worker")
    assert [each for each in texts(worker) if each.startswith("Upscaled ")] == upscaled
    failed = next(each for each in texts(worker) if each.startswith("Request failed: /upscale/notes.txt\nTraceback "))
    assert failed.endswith("ValueError: notes.txt is no image")
    assert len({each.pid for each in worker}) == 2

    host = read_role(logs, "host")
    (end,) = [each for each in host if "ended" in each.text]
    assert end.level == "ERROR"
    assert ("(access violation)" if is_windows else "killed by SIGSEGV") in end.text
    assert len([each for each in host if each.text.startswith("Passing on /upscale/picture-")]) == 800
    crash = (logs / "worker.crash.txt").read_text(encoding="utf-8")
    assert ("access violation" if is_windows else "Current thread 0x") in crash
    assert "host.log, the last of its" in shown.stdout
    assert str(logs) in shown.stdout
    # The second worker notices that its host is gone.
    assert wait_until(lambda: "Logger closed for worker process" in (logs / "worker.log").read_text(encoding="utf-8"))
