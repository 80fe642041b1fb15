"""The event loop of the daemon: uvloop's, less one way of closing a stranger's descriptor.

Where a connection over a given socket is given up before it stands (a timeout, a cancel), uvloop
0.22 closes the socket's descriptor and leaves the socket object open. The object closes the number
once more when it is collected: by then it may belong to another connection, which dies unseen, and
every further one that gets the number fails.
"""

import socket
from collections.abc import Awaitable
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """Gives a socket up for good when a connection over it fails."""

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """As ``asyncio`` has it."""
        sock: socket.socket | None = kwargs.get("sock")
        return await _given_up(sock, super().create_connection(*args, **kwargs))

    async def connect_accepted_socket(
        self, protocol_factory: Any, sock: socket.socket, **kwargs: Any
    ) -> Any:
        """As ``asyncio`` has it."""
        connecting = super().connect_accepted_socket(protocol_factory, sock, **kwargs)
        return await _given_up(sock, connecting)


async def _given_up(sock: socket.socket | None, connecting: Awaitable[Any]) -> Any:
    """Wait for a connection; the loop closes the descriptor of one that fails, and it alone."""
    try:
        return await connecting
    except BaseException:
        if sock is not None:
            sock.detach()
        raise
