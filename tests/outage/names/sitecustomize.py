"""A resolver that can fail: read by the interpreter of a daemon that finds it on its path.

Names in ``.test`` are this machine while the file ``$NAMES`` exists, and nowhere without it. The
loop is asyncio's own: uvloop's asks the C library, which nobody here can answer for.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

_NAMES = Path(os.environ["NAMES"])
_resolved = socket.getaddrinfo


def _answer(host: Any, *arguments: Any, **more: Any) -> Any:
    if str(host).endswith(".test"):
        if not _NAMES.exists():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        host = "127.0.0.1"
    return _resolved(host, *arguments, **more)


socket.getaddrinfo = _answer
sys.modules["uvloop"] = None  # type: ignore[assignment]
