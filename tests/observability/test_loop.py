"""A connection that is given up takes no other one's descriptor along."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from signalbot.observability.loop import Loop


def _connect(sock: socket.socket) -> Coroutine[Any, Any, Any]:
    return asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=sock)


def _take(sock: socket.socket) -> Coroutine[Any, Any, Any]:
    return asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, sock)


@pytest.mark.parametrize("connect", [_connect, _take])
def test_giving_a_connection_up_closes_its_own_descriptor_only(
    connect: Callable[[socket.socket], Coroutine[Any, Any, Any]],
) -> None:
    """The number goes to the next socket, which stays open whatever becomes of the first."""

    async def give_up() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        number = ours.fileno()
        connecting = asyncio.create_task(connect(ours))
        await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        for _ in range(9):  # the loop closes it in one of its next turns
            await asyncio.sleep(0)
        assert not _is_open(number)
        one, other = socket.socketpair()
        ours.close()
        assert _is_open(one.fileno())
        assert _is_open(other.fileno())
        for each in (one, other, theirs):
            each.close()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(give_up())


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
