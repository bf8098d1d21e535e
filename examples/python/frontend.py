"""A frontend as chaiNNer's: starts the backend with pipes that it never reads, uses it, and shows what its logs say.

python frontend.py [REQUESTS]
"""

import http.client
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from server import free_port

logs = Path(os.environ.setdefault("CHAINNER_LOG_DIR", str(Path.cwd() / "example-logs")))
requests = int(sys.argv[1]) if len(sys.argv) > 1 else 500
port = free_port()


def ask(path):
    for _ in range(600):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError("the host does not answer")


command = [sys.executable, Path(__file__).with_name("host.py"), str(port)]
backend = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
try:
    for number in range(requests):
        ask(f"/upscale/picture-{number}.png")
    ask("/upscale/notes.txt")
    ask("/crash")
    ask("/upscale/the-last.png")
finally:
    backend.kill()  # the worker ends with it
    backend.wait()

for role in "host", "worker":
    for path in logs / f"{role}.log", logs / f"{role}.crash.txt":
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        print(f"{path}, the last of its {len(lines)} lines:")
        print(*(f"    {line}" for line in lines[-8:]), sep="\n")
