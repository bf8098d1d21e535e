"""The worker: does the work that the host passes on.

python worker.py PORT
"""

import faulthandler
import sys

from server import Handler, serve

from chainner_logger import logger, setup_logger


class Worker(Handler):
    def do_GET(self):
        action, _, argument = self.path.strip("/").partition("/")
        if action == "upscale":
            logger.debug("Reading %s", argument)
            if not argument.endswith((".png", ".jpg")):
                raise ValueError(f"{argument} is no image")
            print(f"a node prints about {argument}")  # in the log as well
            logger.info("Upscaled %s", argument)
        elif action == "crash":
            logger.warning("About to read address 0")
            faulthandler._read_null()
        self.answer("done")


if __name__ == "__main__":
    setup_logger("worker", application_version="example backend 1.0", capture_output=True)
    serve(Worker, int(sys.argv[1]), until_end_of=sys.stdin.buffer)  # the host holds its other end
