"""HTTP client of the running daemon, through its control socket."""

import http.client
import json
import os
from pathlib import Path
from typing import Any

from signalbot.cli.errors import NotRunning
from signalbot.config.locate import find_config, state_dir_of
from signalbot.control.unix_http import unix_request
from signalbot.domain.errors import NotFound, SignalbotError
from signalbot.state_dir import SOCKET_NAME

_TIMEOUT_S = 60.0
_NOT_FOUND = 404
_FIRST_ERROR = 400


def send_request(config: Path | None, method: str, path: str, body: object = None) -> Any:
    """Send one request to the daemon of a configuration; return the decoded response.

    Raises:
        NotRunning, NotFound, SignalbotError: as ``send_raw_request``.
    """
    return send_raw_request(
        config, method, path, None if body is None else json.dumps(body).encode()
    )


def send_raw_request(config: Path | None, method: str, path: str, body: bytes | None) -> Any:
    """Send one request with a raw body; return the decoded response.

    Raises:
        NotRunning: no daemon runs on that state directory.
        NotFound: the requested object does not exist.
        SignalbotError: the daemon rejected the request; the message has the reason.
    """
    state_dir = state_dir_of(find_config(config, os.environ), os.environ)
    try:
        status, content = unix_request(
            state_dir / SOCKET_NAME, method, path, body=body, timeout_s=_TIMEOUT_S
        )
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(f"no daemon runs on {state_dir}: start it with 'signalbot run'") from None
    except (OSError, http.client.HTTPException) as e:
        raise SignalbotError(f"the daemon on {state_dir} does not respond: {e}") from e
    value = json.loads(content) if content else None
    if status >= _FIRST_ERROR:
        raise _error_of(status, value)
    return value


def _error_of(status: int, problem: Any) -> SignalbotError:
    details = problem if isinstance(problem, dict) else {}
    lines = [str(details.get("detail", "the daemon rejected the request"))]
    lines += [f"  {each['where']}: {each['message']}" for each in details.get("errors", [])]
    message = "\n".join(lines)
    return NotFound(message) if status == _NOT_FOUND else SignalbotError(message)
