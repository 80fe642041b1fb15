"""HTTP client for the daemon's control socket."""

import http.client
import socket
from pathlib import Path

_HEADERS = {"Content-Type": "application/json", "Host": "localhost"}


def unix_request(
    path: Path, method: str, target: str, *, body: bytes | None = None, timeout_s: float
) -> tuple[int, bytes]:
    """Send one request through the Unix socket at ``path``; return status and body.

    Raises:
        OSError: there is no socket, no daemon listens, or it does not respond in time.
        http.client.HTTPException: the response is not HTTP.
    """
    connection = _UnixConnection(path, timeout_s=timeout_s)
    try:
        connection.request(method, target, body, _HEADERS)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
