"""What host and worker have in common. It does not know in which of the two it runs, and logs all the same."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chainner_logger import logger


class Handler(BaseHTTPRequestHandler):
    def answer(self, text, status=200):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except Exception as error:
            logger.exception("Request failed: %s", self.path)
            self.answer(str(error), 500)

    def log_message(self, format, *args):  # else it goes to stderr, which nobody reads
        logger.debug(format, *args)


def serve(handler, port, until_end_of=None):
    """For ever, or until a file that is read to its end has one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    if until_end_of is not None:

        def end():
            until_end_of.read()
            server.shutdown()

        threading.Thread(target=end, daemon=True).start()
    logger.info("Listening on port %d", port)
    server.serve_forever()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
