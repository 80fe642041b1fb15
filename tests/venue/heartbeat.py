"""A server that pings its clients and hangs up on those that do not answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.venue.http_wire import Socket

_MISSED = "missed pings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Ping a socket every ``seconds``; after ``misses`` unanswered pings it is closed."""

    seconds: float
    misses: int
    ping: Callable[[], Any]  #: the frame to send

    def begin(self, socket: Socket) -> None:
        """Start pinging; call it once for a socket."""
        asyncio.get_running_loop().call_later(self.seconds, self._beat, socket)

    def answered(self, socket: Socket) -> None:
        """A client has sent its pong."""
        socket.memory[_MISSED] = 0

    def _beat(self, socket: Socket) -> None:
        if socket.web_socket.closed:
            return
        missed = socket.memory.get(_MISSED, 0)
        if missed >= self.misses:
            socket.hang_up()
            return
        socket.memory[_MISSED] = missed + 1
        socket.send(self.ping())
        self.begin(socket)
