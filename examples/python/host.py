"""The host: starts a worker, passes requests on to it, and starts another one when it dies.

python host.py PORT
"""

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from server import Handler, free_port, serve

from chainner_logger import describe_exit, logger, setup_logger

worker_port = free_port()


def keep_worker_running():
    while True:
        command = [sys.executable, Path(__file__).with_name("worker.py"), str(worker_port)]
        worker = subprocess.Popen(command, stdin=subprocess.PIPE)  # which the worker sees closed when this process ends
        logger.info("Worker process %d started", worker.pid)
        logger.error("Worker process %d ended: %s", worker.pid, describe_exit(worker.wait()))


def ask_worker(path):
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{worker_port}{path}", timeout=60) as answer:
                return answer.read().decode(), answer.status
        except urllib.error.HTTPError as error:
            return error.read().decode(), error.code
        except urllib.error.URLError:
            time.sleep(0.1)  # it is not up yet
    raise TimeoutError("the worker does not answer")


class Host(Handler):
    def do_GET(self):
        logger.info("Passing on %s", self.path)
        self.answer(*ask_worker(self.path))


if __name__ == "__main__":
    setup_logger("host", application_version="example backend 1.0")
    threading.Thread(target=keep_worker_running, daemon=True).start()
    serve(Host, int(sys.argv[1]))
