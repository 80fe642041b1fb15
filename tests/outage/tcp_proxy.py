"""A cable to a server on 127.0.0.1: it can be cut, and it can swallow whatever goes through it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 65_536


class TcpProxy:
    """Listens on ``port``; a connection there is one to the server behind it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()

    async def mend(self) -> None:
        """From now on everything goes through; what was swallowed comes late."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Connections break, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def freeze(self) -> None:
        """Connections stay and can be made, and nothing arrives at either end."""
        self._flows.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers |= {writer, there[1]}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass_on(reader, there[1]))
                    group.create_task(self._pass_on(there[0], writer))
            finally:
                self._writers -= {writer, there[1]}
                for each in (writer, there[1]):
                    each.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                await self._flows.wait()
                sink.write(piece)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """A cable to a port, whole for the beginning."""
    it = TcpProxy(target)
    await it.mend()
    try:
        yield it
    finally:
        await it.cut()
        it._flows.set()
