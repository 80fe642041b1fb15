"""A notification service on 127.0.0.1: takes what apprise's ``json://`` sends, or refuses it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Got:
    """One message as it arrived."""

    path: str
    title: str
    body: str


class Receiver:
    """What has come in, and what the next requests are answered."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.refusals: dict[str, list[int]] = {}  #: by path: status codes of the next answers
        self.hanging: set[str] = set()  #: paths that are answered when it closes
        self.late: dict[str, threading.Event] = {}  #: by path: it takes, and answers after that
        self.asked: list[str] = []  #: path of every request, answered or not
        self.port = 0
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        """Where apprise delivers to ``path``."""
        return f"json://127.0.0.1:{self.port}/{path}"

    @staticmethod
    def free_port() -> int:
        """A free port."""
        with socket.create_server(("127.0.0.1", 0)) as found:
            return int(found.getsockname()[1])

    def titles(self, path: str) -> list[str]:
        """First lines of what came to ``path``, bundles taken apart."""
        return [title for got in self.got if got.path == f"/{path}" for title in _titles(got)]

    def wait(self, until: Callable[[], bool]) -> None:
        """Return when ``until`` holds, which must be soon."""
        deadline = time.monotonic() + 90
        while not until():
            assert time.monotonic() < deadline, [self.got, self.asked]
            time.sleep(0.01)


def _titles(got: Got) -> Iterator[str]:
    if not got.title.endswith(" notices"):
        yield got.title
        return
    for part in got.body.split("\n\n"):
        yield part.partition("\n")[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the duration of the block."""
    receiver = Receiver()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """One delivery."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.asked.append(self.path)
            if self.path in receiver.hanging:
                receiver.closing.wait()
                return
            taken = Got(self.path, body["title"], body["message"])
            if late := receiver.late.get(self.path):
                receiver.got.append(taken)
                late.wait(30)
                self.send_response(200)
                self.end_headers()
                return
            waiting = receiver.refusals.get(self.path)
            status = waiting.pop(0) if waiting else 200
            if status == 200:
                receiver.got.append(taken)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
