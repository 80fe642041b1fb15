"""The daemon's event loop: uvloop, with a fix for descriptors that are closed twice.

When a connection over a given socket fails before it is established (timeout, cancellation), uvloop
0.22 closes the socket's descriptor but not the socket object. The object closes the same number
again when it is collected, which by then may belong to another connection.
"""

import socket
from collections.abc import Awaitable
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """Detaches the socket of a connection that fails."""

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """See ``asyncio.AbstractEventLoop``."""
        sock: socket.socket | None = kwargs.get("sock")
        return await _detach_on_failure(sock, super().create_connection(*args, **kwargs))

    async def connect_accepted_socket(
        self, protocol_factory: Any, sock: socket.socket, **kwargs: Any
    ) -> Any:
        """See ``asyncio.AbstractEventLoop``."""
        connecting = super().connect_accepted_socket(protocol_factory, sock, **kwargs)
        return await _detach_on_failure(sock, connecting)


async def _detach_on_failure(sock: socket.socket | None, connecting: Awaitable[Any]) -> Any:
    """Wait for a connection; on failure only the loop closes the descriptor."""
    try:
        return await connecting
    except BaseException:
        if sock is not None:
            sock.detach()
        raise
