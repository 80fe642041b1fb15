#!/bin/sh
# uvloop: a connection over a given socket that is cancelled closes its descriptor twice.
#
# Expected: as asyncio does, the socket object is closed too: its number is not its any more.
# Seen:     uvloop closes the descriptor, the socket object keeps the number and closes it once more
#           when it is collected; by then it is another connection's. aiohttp connects this way, so
#           that its timeouts end connections that have nothing to do with them.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q uvloop==0.22.1
"$place/venv/bin/python" - <<'PYTHON'
import asyncio
import os
import socket
import sys

import uvloop


async def is_strangers_closed():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connecting = asyncio.create_task(
        asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    )
    await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    for _ in range(9):
        await asyncio.sleep(0)
    others = [os.dup(theirs.fileno()) for _ in range(4)]
    ours.close()
    theirs.close()
    open_ones = 0
    for number in others:
        try:
            os.close(number)
            open_ones += 1
        except OSError:
            pass
    return open_ones < len(others)


seen = {"asyncio": asyncio.run(is_strangers_closed()), "uvloop": uvloop.run(is_strangers_closed())}
print(f"uvloop {uvloop.__version__}: another descriptor was closed: {seen}")
sys.exit(seen != {"asyncio": False, "uvloop": True})
PYTHON
